# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What every bats file loads: a bundle and a state root of its own for each test, hull called with
# that root, facts printed by the probe, and after each test the demand that nothing is left of it.
#
#   $T       the test's directory         $BUNDLE  its bundle, config.json as base_config says
#   $ROOT    its state root (--root)      $ID      the first container's name; others: ${ID}x
#   $HULL    hull      $HULL_TEST  hull with fault injection      $PROBE  the program run inside
#
# The same files stand for three callers, by $HULL_TEST_AS (tests/helpers/run-as): root; userns, uid 0
# of a user namespace with a range of ids; user, one without privilege, whose containers have a user
# namespace with a range of ids from /etc/subuid. The last two run files with the tag `everyone`,
# without the tests tagged `real_root`, and user without those tagged `uid0`.

top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
: "${HULL:=$top/hull}"
: "${HULL_TEST:=$top/tests/hull-test}"
# How many times slower than on a common host everything may be.
: "${HULL_TEST_SLOW:=1}"
# Debian's programs before those of a version manager, whose python3 is a script that takes 4 s in the
# machine.
export PATH=/usr/bin:$PATH
# Where cgroup2 is: on a hybrid host below the place that it has in the private view.
CGROUP=/sys/fs/cgroup
[ "$(stat -f -c %T $CGROUP/unified 2>/dev/null)" != cgroup2fs ] || CGROUP=/sys/fs/cgroup/unified

# A caller without the host's root: what is delegated to it.
CGROUP=${HULL_TEST_CGROUP:-$CGROUP}
# The same as /proc/PID/cgroup has it, "" for the top.
CGROUP_PATH=${HULL_TEST_CGROUP:+${HULL_TEST_CGROUP#/sys/fs/cgroup}}

bats_require_minimum_version 1.5.0

# --- What a test may ask of the host ---

# require WHAT...: skips with the reason where it is missing; with MUST_RUN=1 that is a failure.
require() {
	local what
	for what; do
		# LeakSanitizer, where hull was built with it, ends a process that is traced.
		[ "$what" != strace ] || export ASAN_OPTIONS=detect_leaks=0
		"have_$what" && continue
		if [ -n "${MUST_RUN:-}" ]; then
			echo "missing on this host, and MUST_RUN is set: $what" >&2
			return 1
		fi
		skip "needs $what"
	done
}

# The caller that the tests are for.
have_caller() { [ "${HULL_TEST_AS:-root}" = user ] || have_root; }
have_root() { [ "$(id -u)" = 0 ]; }
# For nsenter(1): into what belongs to an ordinary user's container only by its user namespace.
USER_NS=
[ "${HULL_TEST_AS:-root}" != user ] || USER_NS=-U
is_root_of_host() { [ "${HULL_TEST_AS:-root}" = root ]; }
# is_caller all|uid0|root: for lists whose lines aren't all for everybody.
is_caller() {
	case $1 in
	all) ;;
	uid0) have_root ;;
	root) is_root_of_host ;;
	*) return 2 ;;
	esac
}
have_cgroup2() { [ "$(stat -f -c %T $CGROUP)" = cgroup2fs ]; }
# Its controller is the one that a host with cgroup v1 leaves to v2.
have_hugetlb() {
	grep -qw hugetlb "$CGROUP/cgroup.controllers" && [ -d /sys/kernel/mm/hugepages/hugepages-2048kB ] &&
		hand_on hugetlb
}
# hand_on CONTROLLER: whether hull can have one that systemd doesn't delegate: below root's slices hull
# enables it.
hand_on() { ! by_systemd || is_root_of_host; }
have_hull_test() { [ -x "$HULL_TEST" ]; }
have_python() { python3 -c '' 2>/dev/null; }
have_script() { command -v script >/dev/null; }
have_overlay() { grep -qw overlay /proc/filesystems; }
have_mqueue() { grep -qw mqueue /proc/filesystems; }
have_disk() { [ -n "$(host_disk)" ]; }
# Opening the device loads the module where it is one.
have_fuse() { : 2>/dev/null </dev/fuse; }
have_setpriv() { command -v setpriv >/dev/null; }
have_strace() { command -v strace >/dev/null; }

# make_node PATH TYPE MAJOR MINOR: a device node with mode 666; for who can't make any it is a link.
make_node() {
	if is_root_of_host; then
		mknod -m 666 "$@"
	else
		ln "$HULL_TEST_NODES/$2-$3-$4" "$1"
	fi
}

# "MAJOR MINOR" of a block device that the host has.
host_disk() {
	local dev
	for dev in /sys/class/block/*/dev; do
		[ -r "$dev" ] && tr : ' ' <"$dev" && return 0
	done
}

# --- A test's beginning ---

# Shared by all tests of a run: the probe, and a root file system to copy.
make_shared() {
	local shared=$BATS_RUN_TMPDIR/hull-shared
	if mkdir "$shared" 2>/dev/null; then
		if [ -z "${PROBE:-}" ] || [ ! -x "$PROBE" ]; then
			"${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O1 -static -o "$shared/probe" \
				"$top/tests/helpers/probe.c" || return
		else
			cp "$PROBE" "$shared/probe"
		fi
		PROBE=$shared/probe APPLETS="sh cat echo ls sleep true false mkdir kill ps stty tty wc \
			touch tr head id mount umount ln rm printf env test seq" \
			"$top/bundles/make-rootfs" "$shared/rootfs.new" || return
		mv "$shared/rootfs.new" "$shared/rootfs"
	fi
	# Another file of the same run may be at work on it.
	local wait=0
	until [ -d "$shared/rootfs" ]; do
		sleep 0.1
		[ $((wait += 1)) -lt $((300 * HULL_TEST_SLOW)) ] || return 1
	done
	PROBE=$shared/probe
	SHARED=$shared
}

# HULL_TEST_MANAGER=systemd: every call of hull is one with --systemd-cgroup, by a program of the same
# name that adds it. Who needs the program itself has it as $HULL_ITSELF, and the option in MANAGER_OPTION.
use_manager() {
	local name
	HULL_ITSELF=$HULL
	MANAGER_OPTION=()
	by_systemd || return 0
	MANAGER_OPTION=(--systemd-cgroup)
	mkdir "$T/with-manager"
	for name in HULL HULL_TEST; do
		printf '#!/bin/sh\nexec %q --systemd-cgroup "$@"\n' "${!name}" >"$T/with-manager/${!name##*/}"
		export $name="$T/with-manager/${!name##*/}"
	done
	chmod 755 "$T/with-manager"/*
}

# What config.json calls a path is one only for cgroupfs: tests that give one have the tag cgroupfs.
by_systemd() { [ "${HULL_TEST_MANAGER:-cgroupfs}" = systemd ]; }

common_setup() {
	require caller || return
	make_shared || return
	T=$BATS_TEST_TMPDIR
	ROOT=$T/root
	BUNDLE=$T/bundle
	ID=t$BATS_SUITE_TEST_NUMBER-$$
	# Whoever of hull or of the container's processes inherits this is found by assert_nothing_left.
	export HULL_TEST_MARK=$ID
	use_manager
	cp /proc/self/mountinfo "$T/mounts.before"
	new_bundle "$BUNDLE"
	cd "$BUNDLE" || return
}

# new_bundle DIR: a root file system and a config.json that most tests edit.
new_bundle() {
	mkdir -p "$1"
	cp -a "$SHARED/rootfs" "$1/rootfs"
	base_config >"$1/config.json"
}

base_config() {
	root_config | for_caller
}

# An ordinary user's container needs a user namespace: root is that user, the rest is lent.
for_caller() {
	[ "${HULL_TEST_AS:-root}" = user ] || {
		cat
		return
	}
	jq --argjson own "$(id -u)" --argjson lent "$HULL_TEST_LENT" '
		.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $own, size: 1 },
			{ containerID: 1, hostID: $lent, size: 65535 }]
		| .linux.gidMappings = .linux.uidMappings'
}

root_config() {
	cat <<-END
	{
	  "ociVersion": "1.3.0",
	  "root": { "path": "rootfs" },
	  "process": {
	    "cwd": "/",
	    "args": ["/bin/true"],
	    "env": ["PATH=/bin:/usr/bin", "HULL_TEST_MARK=$ID"],
	    "user": { "uid": 0, "gid": 0 },
	    "capabilities": {
	      "bounding": $BASE_CAPS, "effective": $BASE_CAPS, "permitted": $BASE_CAPS
	    },
	    "noNewPrivileges": true
	  },
	  "hostname": "box",
	  "mounts": [
	    { "destination": "/proc", "type": "proc", "source": "proc" },
	    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
	      "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
	    { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
	      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] }
	  ],
	  "linux": {
	    "namespaces": [
	      { "type": "pid" }, { "type": "mount" }, { "type": "ipc" }, { "type": "uts" },
	      { "type": "cgroup" }
	    ]
	  }
	}
	END
}
BASE_CAPS='["CAP_CHOWN","CAP_DAC_OVERRIDE","CAP_FOWNER","CAP_FSETID","CAP_KILL","CAP_MKNOD",
	"CAP_SETGID","CAP_SETUID","CAP_SYS_CHROOT"]'

# config [JQ-OPTIONS] EXPRESSION: edits $BUNDLE/config.json.
config() {
	jq "$@" <"$BUNDLE/config.json" >"$BUNDLE/config.new" || return
	mv "$BUNDLE/config.new" "$BUNDLE/config.json"
}

# args WORD...: the container's program.
args() {
	config '.process.args = $ARGS.positional' --args -- "$@"
}

# probe COMMAND...: the container's program is the probe.
probe() {
	args /bin/probe "$@"
}

# shell TEXT: the container's program is a shell script.
shell() {
	args /bin/sh -c "$1"
}

# mount_entry DESTINATION TYPE SOURCE [OPTION...]: adds one to the mounts.
mount_entry() {
	config --arg d "$1" --arg t "$2" --arg s "$3" \
		'.mounts += [{ destination: $d, type: $t, source: $s, options: $ARGS.positional }]' \
		--args -- "${@:4}"
}

# --- Calling hull ---

hull() {
	"$HULL" --root "$ROOT" "$@"
}

# The hull that can be told to fail.
faulty() {
	"$HULL_TEST" --root "$ROOT" "$@"
}

# Runs the bundle to its end; $output is what the container printed, $status how it ended.
run_container() {
	run timeout --foreground -k 5 60 "$HULL" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null
}

# The usual case: it must end well.
inside() {
	run_container
	assert_status 0
}

# probe, then run: facts in $output.
ask() {
	probe "$@" || return
	inside
}

# As bats' run, for what may leave a process behind that holds the output: run would wait for it.
attempt() {
	status=0
	"$@" >"$T/attempt" 2>&1 </dev/null || status=$?
	output=$(tr -d '\0' <"$T/attempt")
}

# ended PID: waits for a background job; $status is how it ended.
ended() {
	status=0
	wait "$1" || status=$?
}

create() {
	attempt hull create --bundle "$BUNDLE" "${1:-$ID}"
	assert_status 0
}

# As create, for a container whose own output matters: it goes to $T/out (later lines: tail it).
create_logged() {
	hull create --bundle "$BUNDLE" "$@" "$ID" >"$T/out" 2>&1 </dev/null || {
		cat "$T/out" >&2
		return 1
	}
}

start() {
	attempt hull start "${1:-$ID}"
	assert_status 0
}

status_of() {
	hull state "${1:-$ID}" | jq -r .status
}

pid_of() {
	hull state "${1:-$ID}" | jq -r .pid
}

# timeout(1) that allows for a slow host: the first number is its duration.
timeout() {
	local arguments=()
	while [ $# -gt 0 ]; do
		case $1 in
		-k) arguments+=("$1" "$2") && shift ;;
		[0-9]*) arguments+=("$(($1 * HULL_TEST_SLOW))") && shift && break ;;
		*) arguments+=("$1") ;;
		esac
		shift
	done
	command timeout "${arguments[@]}" "$@"
}

# cgroup_of [ID]: the directory of a container's cgroup, whichever manager made it.
cgroup_of() {
	jq -r ".cgroupRoot + \"/\" + .cgroup" "$ROOT/${1:-$ID}/state.json"
}

# wait_until COMMAND...: up to 30 s, which others may take of a busy host; the command's own success is
# the condition.
wait_until() {
	local from=$SECONDS
	until "$@"; do
		[ $((SECONDS - from)) -le $((30 * HULL_TEST_SLOW)) ] || {
			echo "waited $((SECONDS - from)) s in vain for: $*" >&2
			return 1
		}
		sleep 0.02
	done
}

is_status() { [ "$(status_of "$2")" = "$1" ]; }
# Without processes, which systemd takes as the reason to remove it.
is_empty_cgroup() { [ ! -e "$1" ] || grep -q "populated 0" "$1/cgroup.events" || [ ! -e "$1" ]; }
wait_status() { wait_until is_status "$@"; }
out_has() { grep -qxF -- "$1" "$T/out"; }

# A copy of hull that an exploit may spoil, and its checksum.
own_binary() {
	cp "$HULL_ITSELF" "$T/hull"
	chmod 755 "$T/hull"
	HULL=$T/hull
	SUM=$(sha256sum <"$T/hull")
}

assert_binary_whole() {
	assert_equal "$(sha256sum <"$T/hull")" "$SUM"
}

# --- Judging ---

say_output() {
	echo "$@" >&2
	printf '  status: %s\n' "${status-none}" >&2
	printf '%s\n' "${output-}" | sed 's/^/  output: /' >&2
}

assert_status() {
	[ "$status" = "$1" ] || {
		say_output "expected exit status $1"
		return 1
	}
}

# assert_fails TEXT...: not successful, not killed by a signal, and each text is in the output.
assert_fails() {
	local text
	if [ "$status" = 0 ] || [ "$status" -ge 124 ]; then
		say_output "expected a failure"
		return 1
	fi
	for text; do
		[[ ${output,,} == *"${text,,}"* ]] || {
			say_output "expected in the error: $text"
			return 1
		}
	done
}

# has LINE...: each is a whole line of the output.
has() {
	local line
	for line; do
		grep -qxF -- "$line" <<<"$output" || {
			say_output "expected the line: $line"
			return 1
		}
	done
}

has_text() {
	local text
	for text; do
		[[ $output == *"$text"* ]] || {
			say_output "expected the text: $text"
			return 1
		}
	done
}

matches() {
	grep -qE -- "$1" <<<"$output" || {
		say_output "expected a line that matches: $1"
		return 1
	}
}

lacks() {
	local text
	for text; do
		[[ $output != *"$text"* ]] || {
			say_output "unexpected: $text"
			return 1
		}
	done
}

lacks_match() {
	! grep -qE -- "$1" <<<"$output" || {
		say_output "unexpected line that matches: $1"
		return 1
	}
}

assert_equal() {
	[ "$1" = "$2" ] || {
		printf 'expected: %s\nfound:    %s\n' "$2" "$1" >&2
		return 1
	}
}

assert_file_equal() {
	diff -u "$1" "$2" >&2
}

# Fields of the mountinfo line of a mount point, from output of "probe mounts" (the last one wins).
mount_line() {
	awk -v at="$1" '$5 == at { line = $0 } END { print line }' <<<"$output"
}

# mount_options DESTINATION: per-mount options, e.g. "rw,nosuid".
mount_options() {
	mount_line "$1" | awk '{ print $6 }'
}

# --- A test's end ---

# Everything with the test's name in it: processes by environment, mount table or cgroup.
left_processes() {
	local file pid
	for file in $(grep -las -e "$1" /proc/[0-9]*/environ /proc/[0-9]*/mountinfo /proc/[0-9]*/cgroup); do
		pid=${file#/proc/}
		pid=${pid%%/*}
		[ "$pid" = $$ ] || [ "$pid" = "$BASHPID" ] || is_ours "$pid" || is_zombie "$pid" ||
			echo "$pid ($file): $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null)"
	done
}

# The test's own bash and what it forks, which have the mark too.
is_ours() {
	local comm
	read -r comm 2>/dev/null <"/proc/$1/comm" || return 0
	[[ " grep bash bats " == *" $comm "* ]] && ! grep -q "$ID" "/proc/$1/cgroup" 2>/dev/null &&
		! grep -q "$ROOT" "/proc/$1/cmdline" 2>/dev/null
}

# Dead, and left to the host's process 1 to reap. (Its living parent would be found itself.)
is_zombie() {
	grep -qs '^State:.Z' "/proc/$1/status" || [ ! -e "/proc/$1/status" ]
}

assert_no_process() {
	local left from=$SECONDS
	while :; do
		left=$(left_processes "$ID")
		[ -n "$left" ] || return 0
		# A process that was just killed may take a moment.
		[ $((SECONDS - from)) -le $((15 * HULL_TEST_SLOW)) ] || break
		sleep 0.02
	done
	printf 'processes left:\n%s\n' "$left" >&2
	return 1
}

assert_no_cgroup() {
	local left
	left=$(find $CGROUP/ -maxdepth 4 -type d -name "*$ID*" 2>/dev/null)
	[ -z "$left" ] || {
		printf 'cgroups left:\n%s\n' "$left" >&2
		return 1
	}
}

assert_no_mount() {
	diff -u "$T/mounts.before" /proc/self/mountinfo >&2
}

assert_no_state() {
	local left
	# The cache of seccomp filters outlives containers.
	left=$(ls -A -I .seccomp "$ROOT" 2>/dev/null || true)
	[ -z "$left" ] || {
		echo "left in the state root: $left" >&2
		return 1
	}
}

assert_nothing_left() {
	local failed=0
	assert_no_state || failed=1
	assert_no_process || failed=1
	assert_no_cgroup || failed=1
	assert_no_mount || failed=1
	return $failed
}

# Deletes what the test made, by name, then demands that nothing remains.
common_teardown() {
	[ -n "${T:-}" ] || return 0
	local dir failed=0
	cd / || return
	for dir in "$ROOT"/*/; do
		[ -d "$dir" ] || continue
		dir=${dir%/}
		hull delete --force "${dir##*/}" || failed=1
	done
	assert_nothing_left || failed=1
	[ $failed = 0 ] || sweep
	return $failed
}

# After a failure: the next tests, and the removal of $T by bats, must not meet what is left.
sweep() {
	local dir target pid
	# Some stopped one may hold bats' output, which bats would wait for at the end.
	left_processes "$ID" | while read -r pid _; do
		! tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "HULL_TEST_MARK=$ID" || kill -KILL "$pid"
	done
	for dir in $(find $CGROUP/ -maxdepth 4 -depth -type d -name "*$ID*" 2>/dev/null); do
		[ -e "$dir/cgroup.kill" ] && echo 1 >"$dir/cgroup.kill" 2>/dev/null
		find "$dir" -depth -type d -exec rmdir {} \; 2>/dev/null
	done
	awk -v dir="$T/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac |
		while read -r target; do umount -l "$target"; done
}

# A test that hangs is a failure, soon.
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60}

# may_take SECONDS: each test of a file, whose setup_file says so: never less than who runs them allows.
may_take() {
	[ "$BATS_TEST_TIMEOUT" -ge $(($1 * HULL_TEST_SLOW)) ] || export BATS_TEST_TIMEOUT=$(($1 * HULL_TEST_SLOW))
}

setup() { common_setup; }
teardown() { common_teardown; }
