#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The attacks of security.bats with exec as the way in: the container runs already, and is hostile.
# bats file_tags=everyone

load helpers

running() {
	probe "${@:-wait-signal}"
	create_logged
	start
	wait_until test -s "$T/out"
}

in_container() {
	attempt timeout 30 "$HULL" --root "$ROOT" exec "$@"
}

has_met_hull() { grep -q " size=$(stat -c %s "$T/hull")$" "$T/out"; }

# In a user namespace it hardly ever gets to see hull.
# bats test_tags=real_root
@test "exec into a container that lies in wait can't overwrite hull" {
	own_binary
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN"])
		| .process.noNewPrivileges = false'
	printf '#!/proc/self/exe\n' >rootfs/bin/trap
	chmod 755 rootfs/bin/trap
	running overwrite 1000
	local begin=$SECONDS
	until [ $((SECONDS - begin)) -ge 6 ] && has_met_hull || [ $((SECONDS - begin)) -gt $((40 * HULL_TEST_SLOW)) ]; do
		in_container "$ID" /bin/true
		in_container "$ID" /proc/self/exe --version
		in_container "$ID" /bin/trap
	done
	touch rootfs/enough
	wait_status stopped
	assert_binary_whole
	# It must have met hull, else it shows nothing. Programs of the container's own it may write to.
	has_met_hull
	run ! grep -q "written size=$(stat -c %s "$T/hull")$" "$T/out"
}

@test "exec's working directory can't be one of hull's fds, by words or by a link" {
	running
	local fd
	for fd in $(seq 3 20); do
		in_container --cwd "/proc/self/fd/$fd" "$ID" /bin/probe cwd + ls .
		[ "$status" != 0 ] || lacks unreachable cgroup.procs config.json
		ln -sfn "/proc/self/fd/$fd" rootfs/wd
		in_container --cwd /wd "$ID" /bin/probe cwd + ls .
		[ "$status" != 0 ] || lacks unreachable cgroup.procs config.json
	done
	in_container --cwd /proc/self/fd/3/../../../.. "$ID" /bin/probe cwd + stat "$T/mounts.before"
	[ "$status" != 0 ] || lacks unreachable type=file
}

has_looked_at() { [ "$(grep -c '^/proc/[0-9]*/fd/:$' "$T/out")" -ge "$1" ]; }

@test "what exec brings into the container holds nothing of the host, at any moment" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"])'
	shell 'echo watching; while :; do ls -l /proc/[0-9]*/fd/ /proc/[0-9]*/cwd /proc/[0-9]*/root 2>/dev/null; done'
	create_logged
	start
	wait_until out_has watching
	for _ in $(seq 30); do
		in_container "$ID" /bin/true
		assert_status 0
	done
	wait_until has_looked_at 31
	hull kill "$ID" KILL
	wait_status stopped
	# The last line may have been cut off by its death.
	run bash -c "head -n -1 \"\$1\" | grep -oE -- '-> /.*' | sort -u" bash "$T/out"
	# Standard output is a file of the test's. (The container's own cgroup may be seen for the instant in
	# which the process is born into it; that descriptor's path is "/", for nothing is above it.)
	output=$(grep -vxF -e "-> $T/out" -e "-> $T/attempt" <<<"$output")
	lacks_match "-> ($T|$CGROUP|/usr|/run/hull|/sys)"
}

# Whoever holds CAP_SYS_PTRACE takes over what is born beside it. (With a user namespace the capabilities are the
# container's own.) The new process still changes ids, which this container may do too.
weak_container() {
	config '.process.capabilities |= map_values(["CAP_SYS_PTRACE", "CAP_CHOWN", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP"])'
	running "$@"
}

# assert_weak CAPABILITIES...
assert_weak() {
	local caps
	for caps in "$@"; do
		# sys_ptrace, chown, setgid, setuid, setpcap
		assert_equal $((caps & ~0x801c1)) 0
	done
}

# bats test_tags=real_root
@test "whoever lies in wait in the container and seizes the new process finds no more than the container has" {
	local n
	weak_container seize 3
	for n in $(seq 500); do
		in_container "$ID" /bin/true # with its last one the container ends, and may take this one along
		is_status running "$ID" || break
	done
	wait_status stopped
	assert_equal "$(grep -c '^seized' "$T/out")" 3
	# shellcheck disable=SC2046 # several numbers
	assert_weak $(sed -n 's/^seized permitted=/0x/p' "$T/out")
}

# A process of the container's is stopped by a signal.
stopped_inside() {
	sed 's|.*|/proc/&/status|' "$(cgroup_of)/cgroup.procs" | xargs cat 2>/dev/null | grep -q '^State:.T'
}

# bats test_tags=real_root,vm
@test "when the new process does its first deed it holds no more than the container" {
	require hull_test
	weak_container
	HULL_FAULT="let go of the host:stop-init" "$HULL_TEST" --root "$ROOT" \
		exec "$ID" /bin/true >"$T/exec" 2>&1 </dev/null &
	local exec=$! born caps
	wait_until stopped_inside
	born=$(tail -n 1 "$(cgroup_of)/cgroup.procs")
	caps=$(sed -n 's/^CapPrm:\t/0x/p' "/proc/$born/status")
	kill -KILL "$exec"
	wait "$exec" || true
	assert_weak "$caps"
}

# bats test_tags=vm-only
@test "exec takes room for two below pids.max until the program is executed, and says so" {
	running
	# The cgroup above, which is systemd's scope where that made it.
	echo +pids >"$(cgroup_of)/../cgroup.subtree_control"
	echo 2 >"$(cgroup_of)/pids.max"
	in_container "$ID" /bin/true
	assert_status 255
	matches 'pids.max of the container, which must leave room for two'
	assert_equal "$(<"$(cgroup_of)/pids.current")" 1
	echo 3 >"$(cgroup_of)/pids.max"
	# Who joined counts no longer then.
	in_container "$ID" /bin/probe fork 1
	assert_status 0
	matches 'child=[1-9]'
}

# Nobody without privilege may trace a process that enters the container.
# bats test_tags=uid0
@test "passwd can't be swapped for a device between the look and the open" {
	require strace
	running
	echo 'user:x:7:8::/:/bin/sh' >rootfs/etc/passwd
	attempt timeout 60 strace -f -qq -o "$T/trace" -e trace=openat,openat2 \
		"$HULL" --root "$ROOT" exec -u user "$ID" /bin/probe ids
	assert_status 0
	has uid=7,7,7
	output=$(cat "$T/trace")
	matches '"/?etc/passwd", .*O_PATH'
	lacks_match '"/?etc/passwd", .*O_NONBLOCK'
	matches '"self/fd/[0-9]+", O_RDONLY.*O_NONBLOCK'
}

@test "a number is a number for exec -u, whatever the image's passwd says" {
	printf '1:x:0:0::/root:/bin/sh\n1000:x:0:0::/root:/bin/sh\nroot:x:0:0::/:/bin/sh\n' >rootfs/etc/passwd
	printf '5:x:0:\n' >rootfs/etc/group
	running
	local id ids=(0 1 5 1000 65534)
	! is_root_of_host || ids+=(4294967294)
	for id in "${ids[@]}"; do
		in_container -u "$id:$id" "$ID" /bin/probe ids
		assert_status 0
		has "uid=$id,$id,$id" "gid=$id,$id,$id"
	done
	for id in 4294967295 4294967296 18446744073709551616 -1 +1 1x 0x1 ' 1' '1 ' ''; do
		in_container -u "$id" "$ID" /bin/probe ids
		assert_status 255
		lacks uid=
	done
}

# bats test_tags=uid0
@test "exec gives no inheritable capabilities though the caller's are not empty" {
	require setpriv
	running
	attempt timeout 30 setpriv --inh-caps=+chown,+kill "$HULL" --root "$ROOT" exec "$ID" /bin/probe caps
	assert_status 0
	has inheritable=0000000000000000 ambient=0000000000000000
}

@test "exec in a container that has put files of its own over /proc: what hull writes doesn't end there" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) | .process.oomScoreAdj = 300'
	running
	nsenter -t "$(pid_of)" $USER_NS -m -p -- /bin/sh -c 'mount -t tmpfs fake /proc
		for name in self thread-self self/attr thread-self/attr self/attr/apparmor thread-self/attr/apparmor; do mkdir -p /proc/$name; done
		for name in self/oom_score_adj self/attr/exec thread-self/attr/exec self/attr/apparmor/exec thread-self/attr/apparmor/exec; do
			echo fake >/proc/$name; done'
	in_container -u 1000:1000 "$ID" /bin/probe ids
	assert_status 0
	has uid=1000,1000,1000
	local file
	for file in /proc/"$(pid_of)"/root/proc/self/oom_score_adj /proc/"$(pid_of)"/root/proc/thread-self/attr/exec; do
		assert_equal "$(cat "$file")" fake
	done
}
