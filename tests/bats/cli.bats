#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# What can be said of the command line without running a container, so without root: help against
# golden files, manual pages and completion; features, spec and check; the log.
# After a change of an option: UPDATE=1 rewrites the golden files; read the difference.

load helpers

setup() {
	T=$BATS_TEST_TMPDIR
	ROOT=$T/root
	# shellcheck disable=SC2154 # set by helpers
	EXPECTED=$top/tests/expected
	unset LISTEN_FDS NOTIFY_SOCKET
	mkdir -p "$T/bundle/rootfs"
	cd "$T/bundle" || return
}

# No container is made, so nothing of one can be left.
teardown() {
	:
}

# golden FILE: standard input must be its content.
golden() {
	if [ -n "${UPDATE:-}" ]; then
		cat >"$EXPECTED/$1"
	else
		diff -u "$EXPECTED/$1" - >&2
	fi
}

commands() {
	"$HULL" --help | sed -nE '/^Commands:/,/^$/ s/^  ([a-z]+) .*/\1/p'
}

# The options that a help text on standard input names, one spelling a line.
help_options() {
	sed -nE 's/^  (-[a-zA-Z]|  )(, |  )?(--[a-z0-9-]+)?.*/\1\n\3/p' | grep -- ^- | sort
}

# The same for the manual page of a command.
page_options() {
	sed -nE 's/^\.It Fl (.*)/ , Fl \1/p' "$1" |
		sed -E 's/ (Ar|Cm) .*//; s/ , Fl Fl ([a-z0-9-]+)/\n--\1/g; s/ , Fl ([a-zA-Z])/\n-\1/g' |
		grep -- ^- | sort
}

# --- Help, manual, completion ---
# Those that compare files of the source tree need no other caller.

@test "the help of hull and of each command is the expected one" {
	local command
	"$HULL" --help | golden help.txt
	for command in $(commands); do
		"$HULL" "$command" --help | golden "help-$command.txt"
		assert_equal "$("$HULL" help "$command")" "$("$HULL" "$command" -h)"
	done
	assert_equal "$("$HULL" help)" "$("$HULL" --help)"
	assert_equal "$(cd "$EXPECTED" && echo help-*.txt)" \
		"$(commands | sort | sed 's/.*/help-&.txt/' | paste -sd ' ')"
}

# bats test_tags=real_root
@test "each command has a manual page, with exactly the options that it takes" {
	local command page
	for command in $(commands); do
		page=$top/man/hull-$command.1
		[ -f "$page" ]
		grep -qx ".Xr hull-$command 1 ," "$top/man/hull.1"
		if [ "$command" != start ] && [ "$command" != state ] && [ "$command" != features ]; then
			assert_equal "$(page_options "$page")" "$("$HULL" "$command" --help | help_options)"
		else
			assert_equal "$("$HULL" "$command" --help | help_options)" "$(printf -- '--help\n-h')"
		fi
	done
	# -s and -V are second spellings, which the help leaves out.
	assert_equal "$(page_options "$top/man/hull.1" | grep -vx -e -s -e -V)" \
		"$("$HULL" --help | help_options)"
}

# bats test_tags=real_root
@test "each error code in the sources is in hull(1), and no other" {
	local in_sources in_page
	# "stopped" is the library's, for a caller who told it to stop; hull doesn't.
	in_sources=$({
		# src/box is another program's.
		find "$top/libocispec" "$top/src" -name '*.c' ! -path '*/src/box/*' -exec cat {} + | tr -s '\n\t ' ' ' |
			grep -oE '(oci_fail_code|fail_code)\([^";]*("[a-z-]+"[^"]{1,20})?"[a-z-]+",' |
			grep -oE '"[a-z-]+"' | tr -d '"' | grep -vx stopped
		echo failed
	} | sort -u)
	in_page=$(sed -nE '/^\.Sh ERROR CODES/,/^\.Sh EXAMPLES/ s/^\.It Li //p' "$top/man/hull.1" | sort)
	assert_equal "$in_page" "$in_sources"
}

# bats test_tags=real_root
@test "the manual pages are without faults" {
	local page
	command -v groff >/dev/null || skip "needs groff"
	for page in "$top"/man/*.[1-9]; do
		run groff -ww -mdoc -Tutf8 -z "$page"
		assert_status 0
		assert_equal "$output" ""
	done
}

# complete WORD...: what completion offers for the last of them.
complete_words() {
	local COMP_WORDS=("$HULL" "$@") COMP_CWORD=$# COMPREPLY
	_hull
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# bats test_tags=real_root
@test "completion offers the commands, their options and their words" {
	local command
	complete() { :; }
	# shellcheck source=/dev/null
	source "$top/completions/hull"
	assert_equal "$(complete_words "")" "$({ commands && echo help; } | sort)"
	assert_equal "$(complete_words --)" "$("$HULL" --help | help_options | grep -- --)"
	for command in $(commands); do
		assert_equal "$(complete_words "$command" -)" "$("$HULL" "$command" --help | help_options)"
	done
	assert_equal "$(complete_words list --format "")" "$(printf 'json\ntable')"
	assert_equal "$(complete_words --log-format json st)" "$(printf 'start\nstate')"
	mkdir -p "$ROOT/one" "$ROOT/two"
	assert_equal "$(complete_words --root "$ROOT" delete --force "")" "$(printf 'one\ntwo')"
	assert_equal "$(complete_words --root "$ROOT" kill one TE)" TERM
	assert_equal "$(complete_words --root "$ROOT" pause o)" one
	assert_equal "$(complete_words --root "$ROOT" resume t)" two
	assert_equal "$(complete_words check "$T/bundle/ro")" "$T/bundle/rootfs"
	assert_equal "$(complete_words ps -f "")" "$(printf 'json\ntable')"
	assert_equal "$(complete_words verify --format j)" json
	assert_equal "$(complete_words --root "$ROOT" exec -u root -e A=1 --cwd / t)" two
	assert_equal "$(complete_words exec -c CAP_CHO)" CAP_CHOWN
	assert_equal "$(complete_words exec one --)" ""
}

# --- Mistakes on the command line ---

@test "a mistake on the command line is an error that says where help is" {
	run "$HULL"
	assert_fails "no command is given" "Try 'hull --help'"
	run "$HULL" nonsense
	assert_fails "no command 'nonsense'" "Try 'hull --help'"
	run "$HULL" --nonsense list
	assert_fails "unknown option '--nonsense'" "Try 'hull --help'"
	run "$HULL" list --nonsense
	assert_fails "list: unknown option '--nonsense'" "Try 'hull list --help'"
	run "$HULL" create
	assert_fails "an argument is missing: hull create ID"
	run "$HULL" create a b
	assert_fails "unexpected argument 'b'"
	run "$HULL" create --bundle
	assert_fails "'--bundle' needs an argument: DIR" "Try 'hull create --help'"
	run "$HULL" --log-format xml list
	assert_fails "one of text|json"
	run "$HULL" kill a NOSIGNAL
	assert_fails "'NOSIGNAL' is no signal"
	assert_status 1
}

@test "an id that could be a path or an option is refused" {
	local id
	for id in ../x . .. .hidden a/b 'a b' '' "$(printf 'a%.0s' $(seq 256))"; do
		run "$HULL" --root "$ROOT" --log-format json create -- "$id"
		assert_fails invalid-id
		run "$HULL" --root "$ROOT" state -- "$id"
		assert_fails ""
	done
	[ ! -e "$ROOT" ]
}

@test "output that can't be written is a failure" {
	run sh -c '"$1" features >/dev/full' sh "$HULL"
	assert_fails "standard output" "no space left"
}

@test "version says the version, the commit and that of the specification" {
	run "$HULL" --version
	assert_status 0
	matches '^hull version [0-9]+\.[0-9]+\.[0-9]+'
	matches '^cgroup: v2, managers cgroupfs(, systemd)? and disabled$'
	matches '^libseccomp: 2\.[0-9]+\.[0-9]+$'
	matches '^commit: .'
	has "spec: 1.3.0"
	assert_equal "$("$HULL" -v)" "$output"
	assert_equal "$("$HULL" -V)" "$output"
}

# --- State roots ---

as_nobody() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		"$@"
	fi
}

@test "the default state root of users is in XDG_RUNTIME_DIR, and root ignores that" {
	mkdir -p "$T/run/hull/half-made"
	chmod 755 "$T" "$T/run" "$T/run/hull" "$T/run/hull/half-made"
	[ "$(id -u)" != 0 ] || chown -R 65534:65534 "$T/run/hull"
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/*/ "$BATS_RUN_TMPDIR"/*/*/ 2>/dev/null || true
	cp "$HULL" "$T/hull"
	if as_nobody test -x "$T/hull"; then
		[ "$(id -u)" != 0 ] || chown nobody "$T/run/hull/half-made"
		run as_nobody env XDG_RUNTIME_DIR="$T/run" "$T/hull" list -q
		assert_status 0
		assert_equal "$output" half-made
		run as_nobody env -u XDG_RUNTIME_DIR "$T/hull" list -q
		assert_fails "XDG_RUNTIME_DIR is not set" "--root"
		run as_nobody env XDG_RUNTIME_DIR= "$T/hull" list -q
		assert_fails "XDG_RUNTIME_DIR is not set"
		run as_nobody env XDG_RUNTIME_DIR=run "$T/hull" list -q
		assert_fails "XDG_RUNTIME_DIR is not an absolute path"
	else
		echo "# nobody can't reach $T" >&3
	fi
	if [ "$(id -u)" = 0 ]; then
		chown 0 "$T/run/hull/half-made"
		run env XDG_RUNTIME_DIR="$T/run" "$HULL" list -q
		# Root of a user namespace only is a user.
		if is_root_of_host; then lacks half-made; else has half-made; fi
		chown -R 0:0 "$T/run/hull"
		run env XDG_RUNTIME_DIR="$T/run" "$HULL" --rootless true list -q
		has half-made
	fi
}

@test "a list of nothing is empty, whether the root is there or not" {
	run "$HULL" --root "$ROOT" list -q
	assert_status 0
	assert_equal "$output" ""
	run "$HULL" --root "$ROOT" list -f json
	assert_equal "$output" "[]"
	mkdir -p "$ROOT"
	run "$HULL" --root "$ROOT" list
	assert_equal "$output" "ID  PID  STATUS  BUNDLE  CREATED  OWNER"
	[ -z "$(ls "$ROOT")" ]
}

@test "what is half made or half removed is shown as stopped" {
	mkdir -p "$ROOT/half"
	run "$HULL" --root "$ROOT" state half
	assert_status 0
	assert_equal "$(jq -c '[.id, .pid, .status]' <<<"$output")" '["half",0,"stopped"]'
	run "$HULL" --root "$ROOT" list --format json
	assert_equal "$(jq -c 'map([.id, .pid, .status])' <<<"$output")" '[["half",0,"stopped"]]'
	run "$HULL" --root "$ROOT" kill half
	assert_fails "container not running"
}

@test "list shows the others though one container's state can't be read" {
	mkdir -p "$ROOT/bad" "$ROOT/good"
	echo nonsense >"$ROOT/bad/state.json"
	run --separate-stderr "$HULL" --root "$ROOT" list -q
	assert_status 0
	assert_equal "$output" good
	# shellcheck disable=SC2154 # set by run
	[[ $stderr == *bad* ]]
}

# --- features, spec, check ---

@test "features lists what this build does, and nothing that it refuses" {
	"$HULL" features | jq 'del(.linux.capabilities, .annotations)' | golden features.txt
	[[ $("$HULL" features | jq -r '.annotations["io.github.seccomp.libseccomp.version"]') =~ ^2\.[0-9]+\.[0-9]+$ ]]
	assert_equal "$("$HULL" features | jq '.linux.capabilities | length')" \
		"$(($(cat /proc/sys/kernel/cap_last_cap) + 1))"
	local word
	for word in $("$HULL" features | jq -r '.mountOptions[]'); do
		"$HULL" spec -f - | jq --arg o "$word" '.mounts[1].options = [$o]' >config.json
		run "$HULL" check
		lacks "not implemented"
	done
}

@test "spec writes the expected configuration, which check finds valid" {
	"$HULL" spec -f - | golden spec.txt
	"$HULL" spec -f - --rootless | jq '.linux.uidMappings[].hostID = "UID" |
		.linux.gidMappings[].hostID = "GID"' --tab | golden spec-rootless.txt
	"$HULL" spec
	assert_equal "$(cat config.json)" "$("$HULL" spec -f -)"
	run "$HULL" check
	# Others may load no device filter, which is a note.
	lacks_match '^invalid'
	! is_root_of_host || lacks_match '^note'
	assert_equal "$("$HULL" spec -f - --rootless | jq -c '.linux.uidMappings')" \
		"[{\"containerID\":0,\"hostID\":$(id -u),\"size\":1}]"
}

@test "spec replaces no file" {
	echo mine >config.json
	run "$HULL" spec
	assert_fails exists
	assert_equal "$(cat config.json)" mine
	run "$HULL" spec --config other.json
	assert_status 0
	[ -s other.json ]
	run "$HULL" spec --bundle "$T/nowhere"
	assert_fails nowhere "no such file"
}

@test "check says every problem, with pointer and place, and exits with 1" {
	cat >config.json <<-'END'
	{
	  "ociVersion": "1.3.0",
	  "root": { "path": "rootfs", "readonly": "yes" },
	  "hostname": 3,
	  "colour": "blue"
	}
	END
	run "$HULL" check
	assert_status 1
	matches '^invalid: /root/readonly: .*\(3:'
	matches '^invalid: /hostname: .*\(4:'
	matches '^note: /colour: .*\(5:'
	run "$HULL" check --format json "$T/bundle"
	assert_status 1
	# An ordinary user is also told that there is no user namespace.
	assert_equal "$(jq -c 'map([.kind, .pointer, .line] | select(.[0] != "host"))' <<<"$output")" \
		'[["invalid","/root/readonly",3],["invalid","/hostname",4],["note","/colour",5]]'
}

@test "check finds in the plan what create would refuse, all of it" {
	"$HULL" spec -f - | jq '.linux.namespaces[0].path = "relative" | .hooks.prestart = [] |
		.linux.namespaces |= map(select(.type != "uts")) | .linux.resources.cpu.quota = 5' \
		>config.json
	run "$HULL" check
	assert_status 1
	matches '^invalid: /linux/namespaces/0/path: .*\([0-9]+:[0-9]+\)$'
	matches '^invalid: /hostname: .*\([0-9]+:[0-9]+\)$'
	matches '^host: /linux/resources/cpu/quota: .*no quota below 1000.*\([0-9]+:[0-9]+\)$'
}

@test "check of a good bundle with unknown keys has notes, and succeeds" {
	"$HULL" spec -f - | jq '.extra = { "a": 1 }' >config.json
	run "$HULL" check
	[ "$(id -u)" != 0 ] || assert_status 0
	matches '^note: /extra: '
	lacks_match ^invalid
}

@test "check of what isn't there or isn't JSON says so" {
	run "$HULL" check
	assert_status 1
	matches '^host: .*config.json.*No such file'
	run "$HULL" check "$T/nowhere"
	assert_fails nowhere "No such file"
	echo '{ "ociVersion": "1.3.0", "ociVersion": "1.3.0" }' >config.json
	run "$HULL" check
	assert_status 1
	matches '^invalid: '
}

# --- The log ---

@test "with --log the file gets one JSON object: the error, with its code" {
	run --separate-stderr "$HULL" --root "$ROOT" --log "$T/log" --log-format json state none
	assert_status 1
	[[ $stderr == "hull: "*"does not exist"* ]]
	assert_equal "$output" ""
	assert_equal "$(wc -l <"$T/log")" 1
	assert_equal "$(jq -r '[.level, .code] | join(" ")' <"$T/log")" "error no-container"
	assert_equal "$(stat -c %a "$T/log")" 600
	jq -e '.time | test("^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\\.[0-9]+)?Z$")' <"$T/log"
	jq -e '.msg | contains("does not exist")' <"$T/log"
	# A second error is appended.
	run "$HULL" --root "$ROOT" --log "file:$T/log" --log-format json state none
	assert_equal "$(jq -s length <"$T/log")" 2
}

# A config with a note (a capability that no kernel knows), and with an error behind it.
noted_config() {
	"$HULL" spec -f - | jq '.process.capabilities.bounding += ["CAP_NONE"] |
		.process.capabilities.permitted += ["CAP_NEITHER"] | .linux.resources.cpu.quota = 5 |
		.process.terminal = false | del(.linux.resources.devices)' | for_caller >config.json
}

@test "at the default level warnings are members of the error's line" {
	noted_config
	run "$HULL" --root "$ROOT" --log "$T/log" --log-format json create a
	assert_fails "config.json: /linux/resources/cpu/quota: "
	lacks CAP_NONE
	assert_equal "$(wc -l <"$T/log")" 1
	assert_equal "$(jq -r .code <"$T/log")" unsupported
	jq -e '.warnings | map(select(contains("CAP_NONE") or contains("CAP_NEITHER"))) | length == 2' <"$T/log"
}

@test "with --log-level warning each warning is a line" {
	noted_config
	run "$HULL" --root "$ROOT" --log "$T/log" --log-format json --log-level warning create a
	assert_equal "$(jq -r .level <"$T/log" | paste -sd ' ')" "warning warning error"
	jq -se '.[2] | has("warnings") | not' <"$T/log"
}

@test "nothing is logged when nothing goes wrong" {
	run "$HULL" --root "$ROOT" --log "$T/log" list -q
	assert_status 0
	[ ! -e "$T/log" ]
}

@test "without --log the error is a line on stderr, as text or JSON" {
	run --separate-stderr "$HULL" --root "$ROOT" state none
	[[ $stderr == "hull: "*"'none' does not exist" ]]
	run --separate-stderr "$HULL" --root "$ROOT" --log-format json state none
	assert_equal "$(jq -r .level <<<"$stderr")" error
	noted_config
	run --separate-stderr "$HULL" --root "$ROOT" create a
	[[ $stderr == *"hull: warning: "*CAP_NONE* ]]
}

@test "a text log has time, level and text in a line" {
	run "$HULL" --root "$ROOT" --log "$T/log" state none
	grep -qE "^2[-0-9]+T[0-9:.]+Z error: .*does not exist" "$T/log"
}

@test "a log that can't be written doesn't hide the error" {
	run "$HULL" --root "$ROOT" --log "$T/no/such/log" state none
	assert_fails "does not exist" "$T/no/such/log"
	run "$HULL" --log journald:x list
	assert_fails "journald: is not supported"
	mkfifo "$T/fifo"
	run timeout 60 "$HULL" --root "$ROOT" --log "$T/fifo" state none
	assert_status 1
	has_text "does not exist"
}

@test "control characters of a configuration don't reach the terminal" {
	"$HULL" spec -f - | jq '.linux.sysctl = { "a\u001b[31m.b": "1" }' >config.json
	run "$HULL" --root "$ROOT" create a
	assert_fails ""
	lacks $'\e'
	run "$HULL" check
	lacks $'\e'
}
