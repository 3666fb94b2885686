#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# exec: a further process in a container, seen from inside.

load helpers

teardown() {
	[ -z "${CONSOLE:-}" ] || kill "$CONSOLE" 2>/dev/null || true
	thaw 2>/dev/null || true
	common_teardown
}

# A container whose process does nothing for as long as the test runs.
running() {
	probe sleep 100
	create
	start
}

# in_container [OPTION...] ID COMMAND...: $status, $output.
in_container() {
	attempt timeout --foreground -k 5 30 "$HULL" --root "$ROOT" exec "$@"
}

freeze() {
	echo 1 >"$CGROUP/$ID/cgroup.freeze"
	wait_until grep -qx 'frozen 1' "$CGROUP/$ID/cgroup.events"
}

thaw() { echo 0 >"$CGROUP/$ID/cgroup.freeze"; }

# --- where it is ---

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
	probe sleep 100
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

@test "a paused container is refused, before anything is made in it" {
	running
	freeze
	in_container "$ID" /bin/true
	assert_status 255
	has_text paused
	assert_equal "$(wc -l <"$CGROUP/$ID/cgroup.procs")" 1
	thaw
	in_container "$ID" /bin/true
	assert_status 0
}

@test "with --ignore-paused the process begins when the container is resumed" {
	running
	freeze
	in_container -d --ignore-paused --pid-file "$T/pid" "$ID" /bin/sh -c 'echo resumed; echo x >/ran'
	assert_status 0
	[ -e "/proc/$(cat "$T/pid")" ]
	[ ! -e rootfs/ran ]
	thaw
	wait_until test -s rootfs/ran
}

@test "the detached process lives on with its pid in the file, and nothing of hull's does" {
	running
	in_container -d --pid-file "$T/pid" "$ID" /bin/probe sleep 100
	assert_status 0
	assert_equal "$(tr '\0' ' ' <"/proc/$(cat "$T/pid")/cmdline")" "/bin/probe sleep 100 "
	assert_equal "$(wc -l <"$CGROUP/$ID/cgroup.procs")" 2
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
