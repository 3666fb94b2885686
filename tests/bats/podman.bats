#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# podman calls hull through conmon: what its users see, with its own default configuration, seccomp
# profile included. Engine and storage are the test's own.
# shellcheck disable=SC2154 # $top: helpers.bash

load helpers
load engine

setup() {
	require root cgroup2 podman script || return
	common_setup || return
	podman_setup
}

teardown() {
	local failed=0
	[ -z "${T:-}" ] || podman_teardown || failed=1
	common_teardown || failed=1
	return $failed
}

# detached SCRIPT [OPTION...]: a container that says "ready" when it is.
detached() {
	attempt pod_run -d "${@:2}" -- sh -c "$1"
	assert_status 0
	wait_until is_log ready
}

WAIT='echo ready; trap "exit 5" TERM; while :; do sleep 0.05; done'

# --- Foreground ---

@test "podman run: output, errors and exit status arrive" {
	pod_run --rm -- sh -c 'echo out; echo err >&2; exit 7' >"$T/1" 2>"$T/2" </dev/null || status=$?
	assert_equal "$status" 7
	assert_equal "$(cat "$T/1")" out
	assert_equal "$(cat "$T/2")" err
	assert_equal "$(call_commands)" "create start delete"
}

@test "podman run -i: standard input arrives, to its end" {
	status=0
	output=$(printf 'one\ntwo\n' | pod_run --rm -i -- sh -c 'cat; echo end') || status=$?
	assert_status 0
	assert_equal "$output" $'one\ntwo\nend'
}

@test "podman run: the container has what podman's defaults promise" {
	attempt pod_run --rm --hostname inside -- sh -c 'exec 2>&1; hostname; echo "$HOME"
		grep -E "^(Seccomp|NoNewPrivs|CapEff|CapBnd):" /proc/self/status; ps; cat /proc/self/cgroup
		ls /dev; mount -t tmpfs none /tmp; ulimit -n'
	has inside /root 1024
	matches '^Seccomp:[[:space:]]+2$'
	matches '^NoNewPrivs:[[:space:]]+0$'
	matches '^CapEff:[[:space:]]+00000000a80425fb$'
	matches '^CapBnd:[[:space:]]+00000000a80425fb$'
	has 0::/ full null zero tty
	# EPERM and EACCES (the latter by AppArmor) in the words of busybox.
	has_text "ermission denied"
	# The shell and ps itself.
	assert_equal "$(grep -cE '^ *[0-9]+ root ' <<<"$output")" 2
}

@test "podman run --security-opt seccomp: a profile of the user's, also for exec'd processes" {
	cat >"$T/profile.json" <<-'END'
	{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
	    { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28 } ] }
	END
	detached "mkdir /made; $WAIT" --security-opt "seccomp=$T/profile.json"
	podman logs "$ID" 2>&1 | grep -F "No space left on device"
	attempt podman exec "$ID" mkdir /made
	assert_fails "No space left on device"
	[ ! -e "$BUNDLE/rootfs/made" ]
	podman rm -f -t 0 "$ID"
	attempt pod_run --rm --security-opt seccomp=unconfined -- sh -c 'mkdir /made; grep ^Seccomp: /proc/self/status'
	matches '^Seccomp:[[:space:]]+0$'
	[ -d "$BUNDLE/rootfs/made" ]
}

@test "podman run -t: a terminal of the caller's size" {
	at_terminal "pod_run --rm -t -i -- sh -c 'tty; ls -l /dev/console
		until [ \"\$(stty size 2>/dev/null)\" = \"30 100\" ]; do sleep 0.05; done; echo sized; exit 6'"
	terminal_ends
	assert_status 6
	has /dev/pts/0 sized
	has_text '136,   0'
	calls | grep -qE '^call:.* create .*--console-socket '
}

@test "podman run -t: what is typed arrives, and the interrupt character interrupts" {
	at_terminal "pod_run --rm -t -i -- sh -c 'trap \"echo interrupted; exit 9\" INT; echo ready
		read -r line; echo \"<\$line>\"; while :; do sleep 0.05; done'"
	wait_until terminal_says ready
	echo 'a line' >&5
	wait_until terminal_says '<a line>'
	printf '\003' >&5
	terminal_ends
	assert_status 9
	has_text interrupted
}

@test "podman run of a program that is missing or no program: 127 and 126, and nothing is left" {
	expect_failure 'create '
	attempt pod_run --rm -- /no/such/program
	assert_equal "$status" 127
	has_text /no/such/program "no such file or directory"
	attempt pod_run --rm -- no-such-program
	assert_equal "$status" 127
	has_text "executable file not found in"
	attempt pod_run --rm -- /etc/passwd
	assert_equal "$status" 126
	has_text "permission denied"
}

# --- Detached ---

@test "podman run -d: ps, logs, top and inspect show it, stop ends it with its own status" {
	detached "echo to-stderr >&2; $WAIT"
	is_log to-stderr
	attempt podman ps --format '{{.Names}} {{.Status}}'
	matches "^$ID Up "
	attempt podman top "$ID" hpid args
	assert_status 0
	matches "^$(podman_pid) +sh -c "
	assert_equal "$(podman_status)" running
	attempt podman stop -t 20 "$ID"
	assert_status 0
	assert_equal "$(podman inspect --format '{{.State.ExitCode}} {{.State.Status}}' "$ID")" "5 exited"
	podman rm "$ID"
}

@test "podman stop kills what ignores SIGTERM; podman kill sends the signal that is named" {
	detached 'trap "" TERM; trap "echo usr1" USR1; echo ready; while :; do sleep 0.05; done'
	podman kill -s USR1 "$ID"
	wait_until is_log usr1
	assert_equal "$(podman_status)" running
	attempt podman stop -t 0 "$ID"
	assert_status 0
	assert_equal "$(podman inspect --format '{{.State.ExitCode}}' "$ID")" 137
	podman start "$ID"
	podman kill "$ID"
	assert_equal "$(podman wait "$ID")" 137
	podman rm "$ID"
}

@test "podman restart and start: the same container runs again" {
	detached "$WAIT"
	local before
	before=$(podman_pid)
	attempt podman restart -t 20 "$ID"
	assert_status 0
	assert_equal "$(podman_status)" running
	[ "$(podman_pid)" != "$before" ]
	podman rm -f -t 0 "$ID"
}

@test "podman run -d --rm: conmon cleans up when it ends, also when it is killed from outside" {
	detached "$WAIT" --rm
	kill -KILL "$(podman_pid)"
	gone() { ! podman container exists "$ID" && [ -z "$(ls "$RUNTIMES")" ]; }
	wait_until gone
}

# The status is asked for: attach itself is done with the end of its input (the same with runc).
@test "podman attach: input and output of a running container" {
	attempt pod_run -d -i -- sh -c 'read -r line; echo "<$line>"; exit 4'
	assert_status 0
	status=0
	output=$(echo typed | podman attach "$ID") || status=$?
	assert_status 0
	has '<typed>'
	assert_equal "$(podman wait "$ID")" 4
	podman rm "$ID"
}

@test "podman rm: a running container only by force, one that was only created too" {
	detached "$WAIT"
	attempt podman rm "$ID"
	assert_fails "running"
	podman rm -f -t 0 "$ID"
	podman create --name "$ID" --rootfs "$BUNDLE/rootfs" true
	podman init "$ID"
	assert_equal "$(podman_status)" initialized
	podman rm -f "$ID"
}

# --- exec ---

@test "podman exec: output, environment, user, directory and exit status" {
	detached "$WAIT" --env OF=container
	attempt podman exec --env ONE=1 --user 7:8 --workdir /tmp "$ID" \
		sh -c 'exec 2>&1; echo "$OF $ONE $PWD $(id -u):$(id -g)"; readlink /proc/self/ns/pid
			cat /proc/self/cgroup; grep ^Seccomp: /proc/self/status; exit 3'
	assert_status 3
	has "container 1 /tmp 7:8" "$(readlink "/proc/$(podman_pid)/ns/pid")" 0::/
	matches '^Seccomp:[[:space:]]+2$'
	status=0
	output=$(echo through | podman exec -i "$ID" cat) || status=$?
	assert_status 0
	has through
	podman rm -f -t 0 "$ID"
}

@test "podman exec -t: a terminal; -d: in the background" {
	detached "$WAIT"
	export -f podman_pid
	at_terminal "podman exec -t -i $ID sh -c 'tty; stty size; exit 8'"
	terminal_ends
	assert_status 8
	matches '^/dev/pts/[0-9]+$'
	attempt podman exec -d "$ID" sh -c 'echo done >/exec-was-here; exec sleep 1000'
	assert_status 0
	wait_until test -e "$BUNDLE/rootfs/exec-was-here"
	attempt podman top "$ID" args
	has_text "sleep 1000"
	podman rm -f -t 0 "$ID"
}

@test "podman exec of a program that is missing or no program: 127 and 126" {
	expect_failure 'exec '
	detached "$WAIT"
	attempt podman exec "$ID" no-such-program
	assert_equal "$status" 127
	has_text "executable file"
	attempt podman exec "$ID" /etc/passwd
	assert_equal "$status" 126
	assert_equal "$(podman_status)" running
	podman rm -f -t 0 "$ID"
}

# --- Options that become parts of config.json ---

@test "podman run --read-only: the root can't be written to, /tmp and /run can" {
	attempt pod_run --rm --read-only -- sh -c 'exec 2>&1; echo no >/file; echo yes >/tmp/file && cat /tmp/file
		echo yes >/run/file && cat /run/file'
	assert_status 0
	has_text "/file: Read-only file system"
	assert_equal "$(grep -cx yes <<<"$output")" 2
	[ ! -e "$BUNDLE/rootfs/file" ]
}

@test "podman run --user: ids, names of the image and more groups" {
	echo 'someone:x:123:45::/home:/bin/sh' >>"$BUNDLE/rootfs/etc/passwd"
	echo 'more:x:77:someone' >>"$BUNDLE/rootfs/etc/group"
	attempt pod_run --rm --user someone -- sh -c 'id; grep -E "^Cap(Eff|Prm|Amb)" /proc/self/status'
	assert_status 0
	matches '^uid=123.* gid=45.*77'
	matches '^CapEff:[[:space:]]+0+$'
	attempt pod_run --rm --user 9:10 --group-add 11 -- id
	matches '^uid=9.* gid=10.*11'
}

@test "podman run --cap-drop, --cap-add and no-new-privileges" {
	attempt pod_run --rm --cap-drop all --cap-add net_raw -- sh -c 'grep -E "^Cap(Eff|Bnd)" /proc/self/status'
	matches '^CapEff:[[:space:]]+0000000000002000$'
	matches '^CapBnd:[[:space:]]+0000000000002000$'
	# Not a mount, which AppArmor may still forbid.
	attempt pod_run --rm --cap-add sys_admin -- sh -c 'hostname changed && hostname'
	has changed
	attempt pod_run --rm --security-opt no-new-privileges -- sh -c 'grep NoNewPrivs /proc/self/status'
	matches '^NoNewPrivs:[[:space:]]+1$'
}

@test "podman run with mapped ids: the map, and the owner of what is made as the host sees it" {
	mkdir -m 777 "$T/shared"
	# podman makes none of a given root file system's files the mapped root's.
	chown -R 200000:300000 "$BUNDLE/rootfs"
	attempt pod_run --rm --uidmap 0:200000:5000 --gidmap 0:300000:5000 -v "$T/shared:/shared" -- \
		sh -c 'exec 2>&1; cat /proc/self/uid_map; touch /shared/new; id'
	assert_status 0
	matches '^ +0 +200000 +5000$'
	matches '^uid=0.* gid=0'
	assert_equal "$(stat -c %u:%g "$T/shared/new")" 200000:300000
}

@test "podman run -v: read-only, and the host's later mounts where propagation asks for them" {
	mkdir -p "$T/ro" "$T/slave/in" "$T/private/in"
	mount -t tmpfs none "$T/slave"
	mount --make-shared "$T/slave"
	mkdir "$T/slave/in" "$T/slave/private"
	detached "$WAIT" -v "$T/ro:/ro:ro" -v "$T/slave:/slave:rslave" -v "$T/slave:/private:rprivate"
	mount -t tmpfs late "$T/slave/in"
	attempt podman exec "$ID" sh -c 'exec 2>&1; touch /ro/new; grep -E " /(slave|private)/in " /proc/mounts'
	umount "$T/slave/in"
	podman rm -f -t 0 "$ID"
	umount "$T/slave"
	has_text "Read-only file system"
	matches '^late /slave/in '
	lacks ' /private/in '
}

@test "podman run --mount tmpfs, --tmpfs, --shm-size, --sysctl, --ulimit, --workdir" {
	attempt pod_run --rm --mount type=tmpfs,dst=/a,tmpfs-size=64k --tmpfs /b:ro --shm-size 128k \
		--sysctl kernel.shm_rmid_forced=1 --ulimit nofile=100:200 --ulimit nproc=1024:1024 --workdir /tmp -- sh -c 'exec 2>&1
		grep -E " /(a|b|dev/shm) " /proc/mounts; cat /proc/sys/kernel/shm_rmid_forced; ulimit -n; pwd'
	assert_status 0
	matches '^tmpfs /a tmpfs .*size=64k'
	matches '^tmpfs /b tmpfs ro,'
	matches '^shm /dev/shm tmpfs .*size=128k'
	has 1 100 /tmp
}

@test "podman run --device: a device of the host under another name, with the access that was asked for" {
	require fuse
	attempt pod_run --rm --device /dev/fuse:/dev/mine:r -- sh -c 'exec 2>&1; ls -l /dev/mine
		: </dev/mine && echo readable; : >/dev/mine'
	matches '^crw-.* 10, +229 '
	has readable
	has_text "Operation not permitted"
}

@test "podman run --init: the program isn't process 1" {
	attempt pod_run --rm --init -- sh -c 'exec 2>&1; echo "I am $$"; ps'
	assert_status 0
	has "I am 2"
	matches '^ +1 root .*podman-init'
}

@test "podman run with namespaces of the host and of another container" {
	attempt pod_run --rm --pid host --ipc host --uts host --network host --cgroupns host -- \
		sh -c 'for ns in pid ipc uts net cgroup; do readlink /proc/self/ns/$ns; done'
	local ns
	for ns in pid ipc uts net cgroup; do
		has "$(readlink "/proc/self/ns/$ns")"
	done
	detached "$WAIT"
	attempt podman run --rm --pid "container:$ID" --network "container:$ID" --ipc "container:$ID" \
		--rootfs "$BUNDLE/rootfs" sh -c 'for ns in pid ipc net; do readlink /proc/self/ns/$ns; done; ps'
	for ns in pid ipc net; do
		has "$(readlink "/proc/$(podman_pid)/ns/$ns")"
	done
	matches '^ +1 root +sh -c echo ready'
	podman rm -f -t 0 "$ID"
}

@test "a pod: containers share its namespaces, and it goes as a whole" {
	podman pod create --name "$ID-pod" --hostname of-the-pod --network none
	attempt pod_run -d --pod "$ID-pod" -- sleep 1000
	assert_status 0
	attempt podman run --rm --pod "$ID-pod" --rootfs "$BUNDLE/rootfs" \
		sh -c 'exec 2>&1; for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done; hostname'
	assert_status 0
	local ns
	for ns in net ipc uts; do
		has "$(readlink "/proc/$(podman_pid)/ns/$ns")"
	done
	lacks "$(readlink "/proc/$(podman_pid)/ns/pid")"
	has of-the-pod
	attempt podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}'
	has "$ID-pod Running 2"
	podman pod rm -f -t 0 "$ID-pod"
}
