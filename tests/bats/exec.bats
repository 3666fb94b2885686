#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# exec: a further process in a container, seen from inside.
# bats file_tags=everyone,vm

load helpers

teardown() {
	[ -z "${CONSOLE:-}" ] || kill "$CONSOLE" 2>/dev/null || true
	hull resume "$ID" 2>/dev/null || true
	common_teardown
}

# A container whose process does nothing for as long as the test runs.
running() {
	probe sleep 1000
	create
	start
}

# in_container [OPTION...] ID COMMAND...: $status, $output.
in_container() {
	attempt timeout --foreground -k 5 30 "$HULL" --root "$ROOT" exec "$@"
}

# --- where it is ---

# bats test_tags=old-kernel,managers
@test "the process is in each namespace of the container, in its root and in its cgroup" {
	local ns pid
	running
	in_container "$ID" /bin/probe ns + cgroup + ls / + echo done
	assert_status 0
	pid=$(pid_of)
	for ns in cgroup ipc mnt net pid uts; do
		has "$ns=$(readlink "/proc/$pid/ns/$ns" | tr -dc 0-9)"
	done
	has "0::/" bin done
}

@test "whatever the container's and the new process's ids and capabilities are, exec gets in" {
	local caps='{ bounding: $c, permitted: $c, effective: $c }'
	config --argjson c '["CAP_KILL","CAP_SYS_TIME"]' ".process.capabilities = $caps"
	running
	in_container "$ID" /bin/probe ns
	assert_status 0
	has "cgroup=$(readlink "/proc/$(pid_of)/ns/cgroup" | tr -dc 0-9)"
	echo '{ "args": ["/bin/cat", "/proc/self/status"], "cwd": "/" }' >"$T/process.json"
	in_container -p "$T/process.json" "$ID"
	assert_status 0
	matches '^CapPrm:.0+$'
	hull delete --force "$ID"
	config '.process.user.uid = 1000 | .process.capabilities = {}'
	running
	in_container "$ID" /bin/cat /proc/self/status
	assert_status 0
	matches '^Uid:.1000'
	in_container -p "$T/process.json" "$ID"
	assert_status 0
	matches '^Uid:.1000'
	hull delete --force "$ID"
	config 'del(.process.capabilities) | del(.process.user)'
	running
	in_container -u 5 "$ID" /bin/cat /proc/self/status
	assert_status 0
	matches '^Uid:.5'
}

# bats test_tags=old-kernel,managers
@test "the exit status is that of the process, 128 and the signal, or 255 when it never ran" {
	running
	in_container "$ID" /bin/probe exit 0
	assert_status 0
	in_container "$ID" /bin/probe exit 7
	assert_status 7
	in_container "$ID" /bin/probe kill-self 9
	assert_status 137
	in_container "$ID" nothing-of-that-name
	assert_status 255
	has_text 'executable file not found in $PATH'
	in_container "$ID" /etc
	assert_status 255
	has_text "permission denied"
	in_container "$ID" /nothing/there
	assert_status 255
	has_text "no such file or directory"
	in_container nobody-$$ /bin/true
	assert_status 255
	has_text "does not exist"
	in_container
	assert_status 255
	in_container "$ID"
	assert_status 255
	has_text "a command or --process is missing"
}

@test "what the process is given is as for the container's own, by its stored config.json" {
	config '.process.user = { uid: 1000, gid: 1001, umask: 63, additionalGids: [5, 6] }
		| .process.cwd = "/bin" | .process.env += ["A=1"]
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]
		| .process.capabilities = { bounding: ["CAP_KILL"] } | .process.oomScoreAdj = 321'
	running
	echo '{}' >config.json
	in_container "$ID" /bin/sh -c 'id; pwd; umask; echo A=$A; cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj'
	assert_status 0
	has_text "uid=1000" "gid=1001"
	matches '^Groups:.5 6'
	has /bin 0077 A=1 321
	matches '^CapBnd:.0+20$'
	matches '^CapPrm:.0+$'
	matches '^CapInh:.0+$'
	matches '^NoNewPrivs:.1$'
	matches '^Max open files +100 +200'
}

@test "options change it: user, groups, cwd, env, capabilities, no_new_privs" {
	config '.process.noNewPrivileges = false'
	running
	in_container -u 1000:1001 -g 7 -g 8,9 --cwd /bin -e A=2 --env B=3=4 -e A=5 -c net_raw \
		--no-new-privs "$ID" /bin/sh -c 'id; pwd; echo $A $B $PATH; cat /proc/self/status'
	assert_status 0
	matches '^Uid:.1000.1000.1000.1000$'
	matches '^Gid:.1001.1001.1001.1001$'
	matches '^Groups:.7 8 9 '
	has /bin "5 3=4 /bin:/usr/bin"
	matches '^CapBnd:.*[0-9a-f]{3}[2367abef][0-9a-f]{3}$'
	matches '^NoNewPrivs:.1$'
	in_container "$ID" /bin/cat /proc/self/status
	matches '^NoNewPrivs:.0$'
	matches '^CapBnd:.*[0-9a-f]{3}[014589cd][0-9a-f]{3}$'
}

@test "everything after the id belongs to the command" {
	running
	in_container "$ID" /bin/echo -u 5 --help -- -t
	assert_status 0
	has "-u 5 --help -- -t"
}

@test "into a created container it works, into a stopped or half-created one it doesn't" {
	probe sleep 1000
	create
	in_container "$ID" /bin/echo works
	assert_status 0
	has works
	hull kill "$ID" KILL
	wait_status stopped "$ID"
	in_container "$ID" /bin/true
	assert_status 255
	has_text "container not running"
	hull delete "$ID"
	mkdir -p "$ROOT/$ID"
	in_container "$ID" /bin/true
	assert_status 255
	has_text "container not running"
}

# bats test_tags=old-kernel,managers
@test "a paused container is refused, before anything is made in it" {
	running
	hull pause "$ID"
	in_container "$ID" /bin/true
	assert_status 255
	has_text paused
	assert_equal "$(wc -l <"$(cgroup_of)/cgroup.procs")" 1
	hull resume "$ID"
	in_container "$ID" /bin/true
	assert_status 0
}

is_stopped() { grep -qs '^State:.T' "/proc/$1/status"; }
has_session() { awk '{ exit $6 != $1 }' "/proc/$1/stat"; }
has_command() { [ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "$2" ]; }

@test "with --ignore-paused it lives on when the container is resumed before hull has ended" {
	require hull_test
	local pid
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	hull pause "$ID"
	HULL_FAULT="become the process:stop-parent" "$HULL_TEST" --root "$ROOT" exec -d --ignore-paused \
		--pid-file "$T/pid" "$ID" /bin/sleep 100 >"$T/exec" 2>&1 </dev/null &
	pid=$!
	wait_until is_stopped $pid
	hull resume "$ID"
	wait_until has_session "$(cat "$T/pid")" # which comes behind what it does to die with hull
	kill -CONT $pid
	ended $pid
	assert_equal "$status" 0
	wait_until has_command "$(cat "$T/pid")" "/bin/sleep 100 "
}

# bats test_tags=old-kernel
@test "with --ignore-paused the process begins when the container is resumed" {
	running
	hull pause "$ID"
	in_container -d --ignore-paused --pid-file "$T/pid" "$ID" /bin/sh -c 'echo resumed; echo x >/ran'
	assert_status 0
	[ -e "/proc/$(cat "$T/pid")" ]
	[ ! -e rootfs/ran ]
	hull resume "$ID"
	wait_until test -s rootfs/ran
}

@test "the detached process lives on with its pid in the file, and nothing of hull's does" {
	running
	in_container -d --pid-file "$T/pid" "$ID" /bin/probe sleep 1000
	assert_status 0
	# hull hears that it is executed before the kernel has its arguments in place.
	wait_until has_command "$(cat "$T/pid")" "/bin/probe sleep 1000 "
	assert_equal "$(wc -l <"$(cgroup_of)/cgroup.procs")" 2
	[ "$(awk '/^NSpid/ { print $3 }' "/proc/$(cat "$T/pid")/status")" -gt 1 ]
}

@test "--process is the process object; its mistakes are told with their place in that file" {
	running
	cat >"$T/process.json" <<-'END'
	{ "args": ["/bin/sh", "-c", "id; pwd; env; cat /proc/self/status"], "cwd": "/etc",
	  "user": { "uid": 12, "gid": 13 }, "env": ["PATH=/bin", "X=y"] }
	END
	mkdir -p rootfs/etc
	in_container --process "$T/process.json" "$ID"
	assert_status 0
	has_text "uid=12" "gid=13"
	has /etc X=y
	lacks HULL_TEST_MARK
	matches '^CapBnd:.0+$'
	echo '{ "args": ["/bin/env"], "cwd": "/" }' >"$T/process.json"
	in_container -p "$T/process.json" "$ID"
	assert_status 0
	has "HULL_TEST_MARK=$ID" PATH=/bin:/usr/bin
	echo '{ "args": ["/bin/env"], "cwd": "/", "env": [] }' >"$T/process.json"
	in_container -p "$T/process.json" "$ID"
	assert_status 0
	lacks PATH
	echo '{ "args": ["x"], "cwd": "/",
	"rlimits": [{ "type": "RLIMIT_NONE", "soft": 1, "hard": 1 }] }' >"$T/process.json"
	in_container -p "$T/process.json" "$ID"
	assert_status 255
	has_text "$T/process.json: /rlimits/0/type: " "(2:"
	echo '{ "cwd": "/" }' >"$T/process.json"
	in_container -p "$T/process.json" "$ID"
	assert_status 255
	has_text "$T/process.json: /args: "
}

@test "it gets the container's seccomp filter, with and without no_new_privs, as its user" {
	local nnp
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 62 }] }'
	for nnp in false true; do
		config --argjson nnp $nnp '.process.noNewPrivileges = $nnp'
		running
		in_container -u 1000:1000 "$ID" /bin/sh -c 'mkdir /tmp/x; cat /proc/self/status'
		assert_status 0
		has_text "Timer expired"
		matches '^Seccomp:.2$'
		matches '^Seccomp_filters:.1$'
		matches '^CapPrm:.0+$'
		hull delete --force "$ID"
	done
}

@test "a container's filter that is gone or changed is an error, never no filter" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }] }'
	running
	mv "$ROOT/$ID/seccomp.bpf" "$T/kept"
	in_container "$ID" /bin/echo ran
	assert_status 255
	lacks ran
	head -c 40 "$T/kept" >"$ROOT/$ID/seccomp.bpf"
	in_container "$ID" /bin/echo ran
	assert_status 255
	lacks ran
}

# --- who it is ---

@test "-u takes names of the container's passwd and group, digits are never looked up" {
	mkdir -p rootfs/etc
	printf '%s\n' '1:x:0:0::/:' 'root:x:0:0::/root:' 'user:x:1000:1001::/home/user:' 'bad:x:4294967296:0::/:' >rootfs/etc/passwd
	printf '%s\n' 'staff:x:50:user' 'other:x:51:user2' >rootfs/etc/group
	running
	in_container -u user "$ID" /bin/sh -c 'echo $HOME; cat /proc/self/status'
	assert_status 0
	has /home/user
	matches '^Uid:.1000.1000.1000.1000$'
	matches '^Gid:.1001.1001.1001.1001$'
	matches '^Groups:.50 $'
	in_container -u user:staff "$ID" /bin/cat /proc/self/status
	matches '^Gid:.50.50.50.50$'
	matches '^Groups:. *$'
	in_container -u 1 "$ID" /bin/cat /proc/self/status
	assert_status 0
	matches '^Uid:.1.1.1.1$'
	in_container -u 1000:staff "$ID" /bin/cat /proc/self/status
	matches '^Gid:.50.50.50.50$'
	local name
	for name in nobody bad user:none 4294967295 4294967296 -1 +1 ' 1' 1x :; do
		in_container "--user=$name" "$ID" /bin/echo ran
		assert_status 255
		lacks ran
	done
}

@test "-u with a hostile passwd: a fifo, a device, a link out, an endless or huge file" {
	mkdir -p rootfs/etc
	echo 'user:x:0:0::/:' >"$T/passwd"
	running
	local hostile
	for hostile in 'mkfifo passwd' 'mknod passwd c 1 5' "ln -s $T/passwd passwd" "ln -s /proc/1/root$T/passwd passwd" \
		'ln -s passwd passwd' 'mkdir passwd' 'truncate -s 1T passwd' "ln -s /proc/self/fd/0 passwd" 'ln -s /dev/zero passwd'; do
		[[ $hostile != mknod* ]] || is_root_of_host || continue
		rm -rf rootfs/etc/passwd
		(cd rootfs/etc && $hostile)
		in_container -u user "$ID" /bin/echo ran
		assert_status 255
		has_text "look the user up"
		lacks ran
	done
}

# --- the cgroup ---

# bats test_tags=real_root
@test "where the container handed controllers to children of its cgroup, exec goes to where its process is" {
	local controller
	running
	read -r controller _ <"$(cgroup_of)/cgroup.controllers" || skip "needs a controller"
	mkdir "$(cgroup_of)/init" "$(cgroup_of)/other"
	pid_of >"$(cgroup_of)/init/cgroup.procs"
	echo "+$controller" >"$(cgroup_of)/cgroup.subtree_control"
	in_container "$ID" /bin/grep 0:: /proc/self/cgroup || true
	in_container "$ID" /bin/probe cgroup
	assert_status 0
	has 0::/init
	in_container --cgroup other "$ID" /bin/probe cgroup
	assert_status 0
	has 0::/other
	in_container --cgroup /other "$ID" /bin/probe cgroup
	has 0::/other
	local path
	for path in .. other/../.. other/.. nothing; do
		in_container --cgroup "$path" "$ID" /bin/echo ran
		assert_status 255
		lacks ran
	done
	echo 1 >"$(cgroup_of)/other/cgroup.freeze"
	wait_until grep -qx 'frozen 1' "$(cgroup_of)/other/cgroup.events"
	in_container --cgroup other "$ID" /bin/echo ran
	assert_status 255
	has_text frozen
}

# bats test_tags=vm-only
@test "where the container handed on controllers that threads can have, exec goes to its cgroup, where its process is" {
	running
	echo +pids >"$(cgroup_of)/cgroup.subtree_control"
	in_container "$ID" /bin/probe cgroup
	assert_status 0
	has 0::/
}

@test "a cgroup that isn't the container's any more is refused" {
	running
	sed -i 's/"cgroupInode": [0-9]*/"cgroupInode": 1/' "$ROOT/$ID/state.json"
	in_container "$ID" /bin/echo ran
	assert_status 255
	lacks ran
	sed -i "s/\"cgroupInode\": 1/\"cgroupInode\": $(stat -c %i "$(cgroup_of)")/" "$ROOT/$ID/state.json"
}

# --- containers that share, join or lack namespaces ---

@test "a container without a mount namespace: exec is in its root directory" {
	config '.linux.namespaces |= map(select(.type | IN("pid", "user"))) | .mounts = [] | del(.hostname)'
	running
	in_container "$ID" /bin/ls / /..
	assert_status 0
	has bin
	lacks boot
	in_container --cwd /bin "$ID" /bin/probe cwd
	assert_status 0
	has_text /bin
}

# bats test_tags=uid0
@test "a container without any namespace of its own" {
	config '.linux.namespaces = [] | .mounts = [] | del(.hostname)'
	running
	in_container "$ID" /bin/ls /
	assert_status 0
	has bin
	lacks boot
}

# bats test_tags=real_root
@test "a user namespace: ids, capabilities, terminal and streams are the container's" {
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 2000 }] | .linux.gidMappings = .linux.uidMappings'
	running
	in_container "$ID" /bin/sh -c 'cat /proc/self/status /proc/self/uid_map'
	assert_status 0
	matches '^Uid:.0.0.0.0$'
	matches '^ +0 +100000 +2000$'
	in_container -u 1000:1000 "$ID" /bin/cat /proc/self/status
	matches '^Uid:.1000.1000.1000.1000$'
	in_container -u 5000 "$ID" /bin/echo ran
	assert_status 255
	lacks ran
	has_text "isn't mapped"
	in_container -t -u 1000:1000 "$ID" /bin/probe tty
	assert_status 0
	has_text "owner=1000:5"
	matches "^controlling=ok"
	hull delete --force "$ID"
	create
	in_container "$ID" /bin/probe ids
	assert_status 0
}

# --- terminals, streams, fds ---

# bats test_tags=old-kernel
@test "-t gives it a terminal of the container's own, which belongs to its user" {
	running
	in_container -t -u 1000:1000 "$ID" /bin/probe tty + fds + exit 5
	assert_status 5
	has_text "tty0=1 name=/dev/pts/0 owner=1000:5"
	matches "^controlling=ok"
	matches "^foreground=1"
	assert_equal "$(grep -c '^fd=' <<<"$output")" 3
}

# The container may swap what is at /dev/pts/ptmx between a look and an open, and hull, which is outside
# of the container's device filter then, would open any device that it has put there.
# Nobody without privilege may trace a process that enters the container.
# bats test_tags=uid0
@test "the terminal's ptmx is opened once, in a devpts and nowhere else" {
	require strace
	running
	attempt timeout 60 script -qec "strace -f -qq -o '$T/trace' -e trace=openat2 \
		'$HULL' --root '$ROOT' exec -t '$ID' /bin/echo ran" /dev/null
	assert_status 0
	has_text ran
	output=$(grep ptmx "$T/trace")
	matches '"ptmx", .*O_RDWR.*RESOLVE_NO_XDEV.*RESOLVE_NO_SYMLINKS'
	lacks_match '/ptmx".*O_RDWR'
}

# bats test_tags=real_root
@test "a file of the image's or a mount in the place of ptmx is no terminal" {
	config '.mounts |= map(select(.destination != "/dev/pts"))'
	mkdir -p rootfs/dev/pts
	config '.mounts |= map(select(.destination != "/dev"))'
	mknod rootfs/dev/pts/ptmx c 5 2
	running
	attempt timeout 60 script -qec "'$HULL' --root '$ROOT' exec -t '$ID' /bin/echo ran" /dev/null
	[ "$status" != 0 ]
	has_text "no devpts"
	hull delete --force "$ID"
	config '.mounts += [{ destination: "/dev/pts", type: "devpts", options: ["newinstance", "ptmxmode=0666"] },
		{ destination: "/dev/pts/ptmx", type: "bind", source: "/dev/zero", options: ["bind"] }]'
	running
	attempt timeout 60 script -qec "'$HULL' --root '$ROOT' exec -t '$ID' /bin/echo ran" /dev/null
	[ "$status" != 0 ]
	has_text "no devpts"
}

@test "the terminal goes to the console socket; detached without one it is refused" {
	require python
	running
	"$top/tests/helpers/console-socket" "$T/console" "$T/tty.out" >&2 &
	CONSOLE=$!
	wait_until test -S "$T/console"
	in_container -d -t --console-socket "$T/console" --pid-file "$T/pid" "$ID" /bin/probe tty + echo done
	assert_status 0
	[ -s "$T/pid" ]
	terminal_has() { tr -d '\r' <"$T/tty.out" | grep -qx "$1"; }
	wait_until terminal_has done
	in_container -d -t "$ID" /bin/echo ran
	assert_status 255
	has_text console
	lacks ran
}

@test "a container without devpts has no terminals, and the error says so" {
	config '.mounts |= map(select(.type != "devpts"))'
	running
	in_container -t "$ID" /bin/echo ran
	assert_status 255
	has_text devpts
	lacks ran
}

counts_inside() {
	local pid
	for pid in $(cat "$(cgroup_of)/cgroup.procs"); do
		! grep -qsx seq "/proc/$pid/comm" || return 0
	done
	return 1
}

@test "a foreground exec ends though nobody reads its output" {
	running
	mkfifo "$T/pipe"
	exec 9<>"$T/pipe"
	timeout 30 "$HULL" --root "$ROOT" exec -t "$ID" /bin/seq 20000 >"$T/pipe" </dev/null 9<&- &
	local exec=$!
	wait_until counts_inside
	hull kill --all "$ID" KILL
	exec 9<&-
	ended "$exec"
	[ "$status" != 124 ]
}

@test "signals that hull gets are passed on to the process" {
	running
	"$HULL" --root "$ROOT" exec "$ID" /bin/sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done' >"$T/out" 2>&1 </dev/null &
	local exec=$!
	wait_until grep -q ready "$T/out"
	kill -TERM $exec
	ended $exec
	assert_status 9
	grep -qx got "$T/out"
}

@test "no fd of the host's gets in but those that are asked for" {
	running
	run bash -c 'exec 3</dev/null 4<"$1" 7</; exec "${@:2}"' bash "$T" "$HULL" --root "$ROOT" exec "$ID" /bin/probe fds </dev/null
	assert_status 0
	lacks_match '^fd=([4-9]|[0-9]{2,}) '
	run bash -c 'exec 3</dev/null 4</dev/zero 5</; exec "$@"' bash "$HULL" --root "$ROOT" exec --preserve-fds 2 "$ID" /bin/probe fds </dev/null
	assert_status 0
	matches '^fd=3 .*rdev=1:3'
	matches '^fd=4 .*rdev=1:5'
	lacks_match '^fd=5 '
	run env LISTEN_FDS=1 bash -c 'exec 3</dev/null; exec "$@"' bash "$HULL" --root "$ROOT" exec "$ID" /bin/sh -c 'echo fds=$LISTEN_FDS pid=$(($LISTEN_PID == $$))' </dev/null
	assert_status 0
	has "fds=1 pid=1"
}

@test "cwd can't lead out: links, /proc/self/fd and a missing directory" {
	mkdir -p rootfs/etc
	ln -s /proc/self/fd/7 rootfs/seven
	running
	local cwd fd
	for fd in 3 4 5 6 7 8 9 10; do
		for cwd in /proc/self/fd/$fd /proc/1/cwd /seven /nothing; do
			run bash -c 'exec 7</; exec "$@"' bash "$HULL" --root "$ROOT" exec --cwd "$cwd" "$ID" /bin/ls </dev/null
			[ "$status" = 255 ] || lacks boot
		done
	done
	in_container --cwd etc "$ID" /bin/true
	assert_status 255
	has_text "not an absolute path"
}

@test "--pidfd-socket gets a pidfd of the process" {
	require python
	running
	python3 - "$T/pidfd" >"$T/got" <<-'END' &
		import os, socket, sys
		server = socket.socket(socket.AF_UNIX)
		server.bind(sys.argv[1] + ".new")
		server.listen(1)
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		data, fds, _, _ = socket.recv_fds(server.accept()[0], 100, 4)
		info = open(f"/proc/self/fdinfo/{fds[0]}").read()
		print(*[line.split()[1] for line in info.splitlines() if line.startswith("Pid:")])
	END
	local receiver=$!
	wait_until test -S "$T/pidfd"
	in_container -d --pidfd-socket "$T/pidfd" --pid-file "$T/pid" "$ID" /bin/probe sleep 1000
	assert_status 0
	ended $receiver
	assert_equal "$(cat "$T/got")" "$(cat "$T/pid")"
}

@test "many at once, and beside delete: each ends by itself, with 255 or its own status" {
	running
	local n pids=()
	for n in $(seq 16); do
		"$HULL" --root "$ROOT" exec "$ID" /bin/probe exit 3 >/dev/null 2>&1 </dev/null &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		ended "$n"
		assert_status 3
	done
	pids=()
	for n in $(seq 8); do
		"$HULL" --root "$ROOT" exec "$ID" /bin/probe exit 3 >/dev/null 2>&1 </dev/null &
		pids+=($!)
	done
	hull delete --force "$ID"
	for n in "${pids[@]}"; do
		ended "$n"
		[ "$status" = 3 ] || [ "$status" = 255 ] || [ "$status" = 137 ]
	done
	assert_nothing_left
}

# bats test_tags=uid0
@test "the session keyring is its own, or the caller's where the container was made to keep that" {
	local mine
	mine=$("$PROBE" keyring | sed -n s/session=//p)
	running
	in_container "$ID" /bin/probe keyring
	assert_status 0
	lacks "session=$mine"
	hull delete --force "$ID"
	attempt hull create --no-new-keyring "$ID"
	assert_status 0
	start
	in_container "$ID" /bin/probe keyring
	has "session=$mine"
}
