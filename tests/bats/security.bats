#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# Regression tests by class of the attacks that runtimes have fallen to: the root file system as
# the attacker's, /proc, the host's handles, the own binary, identities.

load helpers

# --- the own binary (CVE-2019-5736) ---

# share_pids PID: the container is in that one's pid namespace, and the user namespace it belongs to.
share_pids() {
	config --arg p "/proc/$1/ns" '.root.readonly = true | .linux.namespaces |= map(
		if .type == "pid" or .type == "user" then .path = "\($p)/\(.type)" else . end)'
}

# The attacker must have met hull, else it shows nothing. Not with a user namespace: hull's memory
# belongs to the one outside, so nobody inside sees what it runs.
had_its_chance() { [ "${HULL_TEST_AS:-root}" = user ] || grep -q " size=$(stat -c %s "$T/hull")$" "$T/out"; }

@test "a container that shares its pid namespace can't overwrite hull while hull is in it" {
	own_binary
	# The attacker: as privileged as a container gets without being the host.
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"])
		| .process.noNewPrivileges = false'
	probe overwrite 1000
	create_logged
	start
	wait_until out_has watching
	new_bundle "$T/second"
	local pid
	pid=$(pid_of)
	BUNDLE=$T/second
	share_pids "$pid"
	local n=0 begin=$SECONDS
	until [ $n -ge 20 ] && had_its_chance || [ $((SECONDS - begin)) -gt $((40 * HULL_TEST_SLOW)) ]; do
		"$HULL" --root "$ROOT" run --bundle "$T/second" "${ID}x" </dev/null
		n=$((n + 1))
	done
	touch "$T/bundle/rootfs/enough"
	wait_status stopped
	assert_binary_whole
	had_its_chance
	! grep -q written "$T/out"
}

# Made to execute a program by a tracer that shares its pid namespace, uid 0 would get all of that set.
@test "the process that waits for start has no more in its bounding set than the container's own" {
	local before
	probe wait-signal
	create
	before=$(cat "/proc/$(pid_of)/status")
	start
	wait_until grep -qx probe "/proc/$(pid_of)/comm"
	assert_equal "$(grep ^CapBnd <<<"$before")" "$(grep ^CapBnd "/proc/$(pid_of)/status")"
	[ "$(grep ^CapBnd <<<"$before")" != "$(grep ^CapBnd /proc/self/status)" ]
}

# Else it is a matter of time only.
# bats test_tags=real_root,static
@test "a static hull executes its read-only clone before its C library starts" {
	require strace
	[ "$(uname -m)" = x86_64 ] || skip "on other machines the C library's start costs little"
	local command calls
	for command in create run exec; do
		strace -qq -o "$T/trace" "$HULL_ITSELF" --root "$ROOT" "$command" "no such container" a 2>/dev/null || true
		calls=$(sed 's/(.*//' "$T/trace" | head -n 5 | xargs)
		assert_equal "$calls" "execve open_tree mount_setattr execveat statfs"
		assert_equal "$(grep -c ^execve "$T/trace")" 2
	done
	strace -qq -o "$T/trace" "$HULL_ITSELF" --root "$ROOT" list >/dev/null
	assert_equal "$(grep -c ^execve "$T/trace")" 1
}

# bats test_tags=static
@test "args[0] /proc/self/exe runs hull's code, but can't change its file" {
	own_binary
	args /proc/self/exe --version
	run timeout 20 "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_binary_whole
	# The attacker waits in the same pid namespace for the process that hull's binary runs as.
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	shell '/bin/probe overwrite 1000 & sleep 0.3; wait'
	create_logged
	start
	wait_until out_has watching
	new_bundle "$T/second"
	local pid
	pid=$(pid_of)
	BUNDLE=$T/second
	share_pids "$pid"
	args /proc/self/exe features
	for _ in $(seq 10); do
		"$HULL" --root "$ROOT" run --bundle "$T/second" "${ID}x" </dev/null >"$T/features" 2>&1
	done
	jq -e .ociVersionMax "$T/features"
	touch "$T/bundle/rootfs/enough"
	wait_status stopped
	assert_binary_whole
	! grep -q written "$T/out"
}

@test "#!/proc/self/exe as the interpreter can't change hull's file" {
	own_binary
	printf '#!/proc/self/exe\n' >rootfs/script
	chmod 755 rootfs/script
	args /script
	run timeout 20 "$HULL" --root "$ROOT" run "$ID" </dev/null
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	config '.hooks.startContainer = [{ path: "/bin/sh", args: ["sh", "-c", "/bin/probe overwrite 2 >/out 2>&1 &"] }]'
	run timeout 20 "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_binary_whole
}

@test "a startContainer hook from the image can't overwrite hull" {
	own_binary
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])
		| .hooks.startContainer = [{ path: "/bin/probe", args: ["probe", "overwrite", "1"] }]'
	run timeout 20 "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	assert_binary_whole
}

@test "/proc/PID/exe of the waiting process isn't hull's own file" {
	own_binary
	probe wait-signal
	create
	local exe
	exe=/proc/$(pid_of)/exe
	# Behind it is either something that can't be written, or another file.
	run bash -c ': >>"$1"' bash "$exe"
	assert_fails ""
	assert_binary_whole
}

# --- fds and the working directory (CVE-2024-21626, CVE-2016-9962) ---

@test "the working directory can't be one of hull's fds" {
	local fd
	for fd in $(seq 3 30); do
		config --arg c "/proc/self/fd/$fd" '.process.cwd = $c'
		probe cwd + ls .
		run_container
		if [ "$status" = 0 ]; then
			lacks unreachable cgroup.procs
			has_text "cwd=/"
		fi
	done
	for fd in $(seq 3 30); do
		config --arg c "/proc/self/fd/$fd/../../.." '.process.cwd = $c'
		probe cwd + stat "$T/mounts.before"
		run_container
		if [ "$status" = 0 ]; then
			lacks unreachable type=file
		fi
	done
}

@test "a link in the image to one of hull's fds as working directory doesn't lead out" {
	local fd
	for fd in $(seq 3 20); do
		ln -sfn "/proc/self/fd/$fd" rootfs/wd
		config '.process.cwd = "/wd"'
		probe cwd + ls .
		run_container
		[ "$status" != 0 ] || lacks unreachable cgroup.procs bundle
	done
}

# An ordinary user's lets its creator look: its ids and user namespace guard it from the rest.
# bats test_tags=uid0
@test "the waiting process can't be traced or looked into from a container's user" {
	probe wait-signal
	create
	# Non-dumpable: its /proc files belong to root, whatever its ids are.
	assert_equal "$(stat -c %u "/proc/$(pid_of)/fd")" 0
}

@test "the waiting process holds nothing of the host but what it needs" {
	probe wait-signal
	create
	local pid fd link
	pid=$(pid_of)
	for fd in /proc/"$pid"/fd/*; do
		# the container's own root
		[ "$(stat -L -c %i "$fd")" != "$(stat -c %i rootfs)" ] || continue
		link=$(readlink "$fd")
		case $link in
		/dev/null | "$T"/attempt | socket:* | pipe:* | /proc/*/fd | anon_inode:*) ;;
		/*) echo "the waiting process has $link open" >&2 && return 1 ;;
		esac
	done
	assert_equal "$(readlink "/proc/$pid/cwd")" /
}

# --- the root file system as the attacker's ---

# untouched: the directory outside is as it was
make_outside() {
	mkdir -p "$T/outside/dir"
	echo secret >"$T/outside/file"
	outside_facts >"$T/outside.before"
}
outside_facts() {
	find "$T/outside" -printf '%p %i %m %U %G %s %C@\n' | sort
}
assert_outside_whole() {
	outside_facts | diff "$T/outside.before" - >&2
	assert_no_mount
}

@test "/proc, /sys, /dev as links out of the root: nothing outside changes" {
	make_outside
	local name link
	mount_entry /sys sysfs sysfs ro
	for name in proc sys dev; do
		for link in "$T/outside/dir" ../../outside/dir ../../../../../../../.. /; do
			rm -rf "rootfs/${name:?}"
			ln -s "$link" "rootfs/$name"
			run_container
			[ "$status" -lt 124 ]
			assert_outside_whole
		done
		rm -f "rootfs/$name"
		mkdir "rootfs/$name"
	done
}

@test "/dev/null of the image as a link: masking and standard streams don't use it" {
	make_outside
	config '.mounts |= map(select(.destination | startswith("/dev") | not))
		| .linux.maskedPaths = ["/etc/passwd", "/proc/keys"]'
	ln -s ../../../outside/file rootfs/dev/null
	probe cat /etc/passwd
	run_container
	assert_outside_whole
	lacks root:x secret
	rm rootfs/dev/null
	echo evil >rootfs/dev/null
	run_container
	lacks root:x
	assert_equal "$(cat rootfs/dev/null)" evil
}

@test "a masked or read-only path that is a link out of the root" {
	make_outside
	ln -s ../../../outside rootfs/etc/out
	ln -s "$T/outside" rootfs/etc/abs
	config '.linux.maskedPaths = ["/etc/out/file", "/etc/abs", "/etc/out"]
		| .linux.readonlyPaths = ["/etc/out/dir", "/etc/abs/dir"]'
	run_container
	[ "$status" -lt 124 ]
	assert_outside_whole
}

@test "linux.devices and the working directory through a link out of the root" {
	make_outside
	ln -s ../../outside rootfs/out
	config '.process.cwd = "/out/made" | .linux.devices =
		[{ path: "/out/dir/node", type: "c", major: 1, minor: 3 }]'
	run_container
	assert_outside_whole
}

@test "passwd as a link to the host's, a fifo, a huge file, a directory: bounded, and never the host's" {
	config '.process.user = { uid: 54321, gid: 0 }'
	make_outside
	printf 'x:x:54321:0::/host-home:/bin/sh\n' >"$T/outside/file"
	outside_facts >"$T/outside.before"
	rm rootfs/etc/passwd
	ln -s ../../../outside/file rootfs/etc/passwd
	ask env
	has HOME=/
	rm rootfs/etc/passwd
	mkfifo rootfs/etc/passwd
	ask env
	has HOME=/
	rm rootfs/etc/passwd
	truncate -s 10G rootfs/etc/passwd
	ask env
	has HOME=/
	rm rootfs/etc/passwd
	mkdir rootfs/etc/passwd
	ask env
	has HOME=/
	rmdir rootfs/etc/passwd
	yes 'x:x:54321' | head -c 3000000 >rootfs/etc/passwd
	ask env
	has HOME=/
	assert_outside_whole
}

@test "a passwd line can't give another id than the config's" {
	echo '1000:x:0:0::/root:/bin/sh' >rootfs/etc/passwd
	config '.process.user = { uid: 1000, gid: 1000 }'
	ask ids
	has uid=1000,1000,1000 gid=1000,1000,1000
}

@test "/proc/sys writes don't go to a file of the image" {
	config '.linux.namespaces += [{ type: "network" }] | .linux.sysctl = { "net.ipv4.ip_forward": "1" }
		| .mounts |= map(select(.type != "proc"))'
	mkdir -p rootfs/proc/sys/net/ipv4
	echo fake >rootfs/proc/sys/net/ipv4/ip_forward
	probe cat /proc/sys/net/ipv4/ip_forward
	inside
	has fake
	assert_equal "$(cat rootfs/proc/sys/net/ipv4/ip_forward)" fake
}

@test "a bind mount over /proc, which could catch hull's own writes, is refused" {
	mkdir -p "$T/fake/self"
	echo 0 >"$T/fake/self/oom_score_adj"
	config '.process.oomScoreAdj = 300'
	mount_entry /proc bind "$T/fake" bind
	run_container
	assert_fails /mounts/3 /proc
	assert_equal "$(cat "$T/fake/self/oom_score_adj")" 0
	config '.mounts |= map(select(.type != "bind"))'
	mount_entry /proc/self/attr bind "$T/fake" bind
	run_container
	assert_fails /mounts/3 /proc
}

# --- the host as seen from inside ---

@test "host's /proc entries that engines mask are masked" {
	config '.linux.maskedPaths = ["/proc/keys", "/proc/timer_list", "/proc/acpi"]'
	ask cat /proc/keys + cat /proc/timer_list + ls /proc/acpi
	assert_equal "$output" ""
}

@test "the host's mount table is the same while a container lives and afterwards" {
	probe wait-signal
	create_logged
	assert_no_mount
	start
	wait_until out_has waiting
	assert_no_mount
}

# An ordinary user has none.
# bats test_tags=uid0
@test "inheritable capabilities are empty though the caller's are not" {
	require setpriv
	probe caps
	run setpriv --inh-caps=+chown,+kill "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	has inheritable=0000000000000000 ambient=0000000000000000
}

@test "the start socket can be reached by its owner alone" {
	probe wait-signal
	create
	[ -S "$ROOT/$ID/start" ]
	assert_equal "$(stat -c %a "$ROOT/$ID")" 700
}

@test "the read-back notices each confinement that is left out" {
	require hull_test
	local row
	config '.process.user = { uid: 1000, gid: 1000, additionalGids: [5] }'
	for row in "set no_new_privs" "shed what start won't need;drop the bounding set" "change to the user's ids" \
		"set capabilities"; do
		HULL_SKIP=$row attempt faulty run "$ID"
		[ "$status" != 0 ] || {
			say_output "nobody noticed that this was left out: $row"
			return 1
		}
		matches "read the confinement back|execute the process"
		assert_nothing_left
	done
}

@test "the bounding set is dropped twice, so that each stands in for the other" {
	require hull_test
	local row
	config '.process.capabilities.bounding = ["CAP_KILL"]'
	probe caps
	for row in "shed what start won't need" "drop the bounding set"; do
		HULL_SKIP=$row attempt faulty run "$ID"
		assert_status 0
		matches "bounding=0000000000000020"
	done
}

# A link in a volume, where the engine mounts something below it: as deep as directories were made.
@test "a mount below a volume whose directories are links out makes nothing outside" {
	make_outside
	mkdir -p volume/deep
	ln -s ../../outside volume/relative
	ln -s "$T/outside" volume/absolute
	ln -s "$T/outside/dir" volume/deep/link
	mount_entry /vol bind volume bind
	local path
	for path in relative/made absolute/made/deeper deep/link/made relative/dir absolute/file; do
		config --arg d "/vol/$path" '.mounts[4:] = []
			| .mounts += [{ destination: $d, type: "tmpfs", source: "tmpfs" }]'
		run_container
		[ "$status" -lt 124 ]
		assert_outside_whole
	done
}

@test "standard streams that the caller closed are not opened on the image's /dev/null" {
	make_outside
	mount_entry /mnt/host bind "$T/outside/file" bind
	config '.mounts |= map(select(.destination | startswith("/dev") | not))
		| .process.user = { uid: 1000, gid: 1000 }'
	rm -f rootfs/dev/null
	ln -s /mnt/host rootfs/dev/null
	probe stat /dev/fd/1
	"$HULL" --root "$ROOT" run "$ID" <&- >&- 2>&- || true
	assert_outside_whole
	assert_equal "$(cat "$T/outside/file")" secret
}

@test "a link in the state root under a container's name is neither used, followed nor emptied" {
	make_outside
	mkdir -m 700 "$ROOT"
	ln -s "$T/outside/dir" "$ROOT/$ID"
	touch "$T/outside/dir/state.json" "$T/outside/dir/config.json"
	outside_facts >"$T/outside.before"
	attempt hull create "$ID"
	assert_fails "exists already"
	for command in state start "kill" "delete" "delete --force" verify; do
		# shellcheck disable=SC2086 # an option
		attempt hull $command "$ID"
		assert_outside_whole
	done
	rm "$ROOT/$ID"
}

# Whoever else can write there would choose what is killed, and which hooks are run by whom.
@test "a container's state that is somebody else's, or that others may write to, isn't acted upon" {
	config --arg touch "$T/outside" '.hooks.poststop = [{ path: "/bin/touch", args: ["touch", $touch] }]'
	probe wait-signal
	create
	start
	# An ordinary user can give nothing away.
	if [ "$(id -u)" = 0 ]; then
		chown 1000 "$ROOT/$ID"
		for command in state start kill "delete --force" verify; do
			# shellcheck disable=SC2086 # options
			attempt hull $command "$ID"
			assert_fails "belongs to user 1000"
		done
		chown 0 "$ROOT/$ID"
	fi
	chmod 770 "$ROOT/$ID"
	attempt hull delete --force "$ID"
	assert_fails "mode 0770"
	[ ! -e "$T/outside" ]
	chmod 700 "$ROOT/$ID"
	hull delete --force "$ID"
	[ -e "$T/outside" ]
}

@test "no container is made in a state root where somebody else may rename it" {
	mkdir -m 700 "$ROOT"
	if [ "$(id -u)" = 0 ]; then
		chown 1000 "$ROOT"
		attempt hull create "$ID"
		assert_fails "belongs to user 1000"
		chown 0 "$ROOT"
	fi
	chmod 777 "$ROOT"
	attempt hull create "$ID"
	assert_fails "mode 0777"
	chmod 1777 "$ROOT"
	inside
}

@test "what others put beside the pid file is neither written through nor waited for" {
	echo precious >"$T/precious"
	mkdir -m 777 "$T/shared"
	local others=1000
	[ "$(id -u)" = 0 ] || others=$(id -u)
	for kind in "ln $T/precious" "ln -s $T/precious" "mkfifo" "install -o $others -m 666 /dev/null"; do
		rm -f "$T/shared/".*.new
		$kind "$T/shared/.pid.new"
		attempt timeout 20 "$HULL" --root "$ROOT" run --pid-file "$T/shared/pid" --bundle "$BUNDLE" "$ID"
		assert_status 0
		[ "$(stat -c '%F %u %a %h' "$T/shared/pid")" = "regular file $(id -u) 644 1" ]
		rm "$T/shared/pid"
	done
	assert_equal "$(cat "$T/precious")" precious
}

@test "no abstract socket, which the host's network namespace would show to containers, is ever made" {
	config 'del(.linux.namespaces[] | select(.type == "network"))'
	probe wait-signal
	create
	awk '$8 ~ /^@/ { print $8 }' /proc/net/unix >"$T/abstract"
	# Others have theirs; none may be this hull's.
	grep -e hull -e "$ID" -e "$ROOT" "$T/abstract" && return 1
	local inode
	for inode in /proc/"$(pid_of)"/fd/*; do
		inode=$(readlink "$inode" | sed -n 's/^socket:\[\(.*\)\]$/\1/p')
		[ -z "$inode" ] || ! awk -v i="$inode" '$7 == i && $8 ~ /^@/ { found = 1 } END { exit !found }' /proc/net/unix
	done
}

# These two look at the source tree, which is the same for every caller.
# bats test_tags=real_root
@test "the program isn't setuid, and no build makes it so" {
	[ ! -u "$HULL_ITSELF" ]
	[ ! -g "$HULL_ITSELF" ]
	run grep -rnE 'chmod.*(\+s|[24]7[0-7]{2})|install-exec-hook' "$top/Makefile.am"
	assert_status 1
}

@test "a process in the container can't type into the caller's terminal" {
	require script python
	# TIOCSTI needs the terminal to be the caller's controlling one, which the container never has.
	config '.process.terminal = false'
	shell 'test -e /dev/tty && (echo x </dev/tty) 2>&1; echo end'
	run script -qec "$HULL --root $ROOT run $ID" /dev/null </dev/null
	output=$(tr -d '\r' <<<"$output")
	has end
	has_text "No such device or address"
}

# bats test_tags=real_root
@test "each test that docs/cve-classes.md names exists" {
	local named file title n=0
	while read -r named; do
		n=$((n + 1))
		file=${named%%: *} title=${named#*: }
		if [ "$file" = "$named" ]; then
			[ -e "$top/$file" ] || { echo "no such file: $file" >&2 && return 1; }
		else
			grep -qF "@test \"$title\" {" "$top/tests/bats/$file" || { echo "no such test: $named" >&2 && return 1; }
		fi
	done < <(sed -nE 's/^\| [^|]* \| [^|]* \| ([^|]*[^| ]) *\|$/\1/p' "$top/docs/cve-classes.md" |
		grep -v '^tests$\|^---' | sed 's/; \([a-z_]*\.bats: \)/\n\1/g')
	[ "$n" -gt 30 ]
}
