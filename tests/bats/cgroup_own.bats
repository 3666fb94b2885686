#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a container sees of the cgroup tree and may change in it: its own cgroup is given to its user
# when config.json asks for that, and no other can be reached, whatever it mounts.
#
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	require cgroup2
	mkdir -p rootfs/sys/fs/cgroup rootfs/elsewhere
	walkable
}

teardown() {
	local pid
	for pid in ${HOLDERS:-}; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rmdir "$CGROUP/$ID-other" 2>/dev/null || true
	common_teardown
}

# A mapped root can't walk a private directory.
walkable() {
	local dir
	for dir in "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$T" "$BUNDLE" "$BUNDLE/rootfs"; do
		[ ! -d "$dir" ] || chmod a+x "$dir" 2>/dev/null || true
	done
}

# Ids 0 to 4999 of the container are 10000 to 14999 of the caller.
mapped() {
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 10000, size: 5000 }]
		| .linux.gidMappings = .linux.uidMappings'
}

cgroup_mount() { mount_entry /sys/fs/cgroup cgroup cgroup "$@"; }

# Those that may be delegated, as this kernel has them in the container's cgroup, and the rest.
delegated() {
	local name
	for name in $(cat /sys/kernel/cgroup/delegate); do
		[ ! -e "$(cgroup_of)/$name" ] || echo "$name"
	done
}
owned_by() { find "$(cgroup_of)" -mindepth 1 -maxdepth 1 -type f -uid "$1" -printf '%f\n' | sort; }

# waits NAME...: a container that has done the probe's commands and waits.
waits() {
	probe "$@" + wait-signal
	create_logged
	start
	wait_until out_has waiting
}

# --- Ownership ---

# bats test_tags=uid0
@test "with a user namespace the cgroup is given to the process's user: the directory and what may be delegated, nothing else" {
	mapped
	cgroup_mount rw
	config '.process.user.uid = 7'
	waits ids
	assert_equal "$(stat -c %u "$(cgroup_of)")" 10007
	assert_equal "$(owned_by 10007)" "$(delegated | sort)"
	[ -n "$(delegated)" ]
	assert_equal "$(find "$(cgroup_of)" -maxdepth 1 ! -uid 10007 ! -uid 0)" ""
	assert_equal "$(stat -c %g "$(cgroup_of)")" 0
}

# bats test_tags=uid0,cgroupfs
@test "a cgroup that was there before goes back to its owner when create fails later" {
	mkdir "$CGROUP/$ID-other"
	chown 7 "$CGROUP/$ID-other/cgroup.procs"
	mapped
	cgroup_mount rw
	config --arg p "$CGROUP_PATH/$ID-other" '.linux.cgroupsPath = $p
		| .mounts += [{ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=some"] }]'
	attempt hull create "$ID"
	assert_fails "mount everything"
	assert_equal "$(find "$CGROUP/$ID-other" -maxdepth 1 ! -uid 0 -printf '%f %U\n')" "cgroup.procs 7"
}

# Who may write to a cgroup may set user attributes on it, and the mark of hull's own ones was one.
# bats test_tags=real_root,cgroupfs,vm
@test "a container can't pass the cgroup that an administrator made for it off as hull's, to lose its limits" {
	local before
	mkdir "$CGROUP/$ID-other"
	echo 5 >"$CGROUP/$ID-other/cgroup.max.depth"
	before=$(stat -c %i "$CGROUP/$ID-other")
	cgroup_mount rw
	config --arg p "$CGROUP_PATH/$ID-other" '.linux.cgroupsPath = $p'
	ask setxattr /sys/fs/cgroup user.hull "$ID" + setxattr /sys/fs/cgroup trusted.hull "$ID"
	has "setxattr /sys/fs/cgroup: ok" "setxattr /sys/fs/cgroup: EPERM"
	ask echo second
	has second
	assert_equal "$(stat -c %i "$CGROUP/$ID-other")" "$before"
	assert_equal "$(cat "$CGROUP/$ID-other/cgroup.max.depth")" 5
}

# bats test_tags=uid0
@test "such a container makes cgroups and moves processes into them, and can't lift its own limits" {
	mapped
	cgroup_mount
	waits fork-into /sys/fs/cgroup/a + write /sys/fs/cgroup/cgroup.kill 1 \
		+ write /sys/fs/cgroup/cgroup.freeze 1 + write /sys/fs/cgroup/cgroup.max.depth max
	wait_until out_has "fork-into /sys/fs/cgroup/a: ok"
	assert_equal "$(wc -l <"$(cgroup_of)/a/cgroup.procs")" 1
	out_has "write /sys/fs/cgroup/cgroup.kill: EACCES"
	out_has "write /sys/fs/cgroup/cgroup.freeze: EACCES"
	out_has "write /sys/fs/cgroup/cgroup.max.depth: EACCES"
	# exec, pause and delete reach into what is the container's now.
	attempt hull exec "$ID" /bin/probe cgroup
	assert_status 0
	has 0::/
	hull pause "$ID"
	hull resume "$ID"
	hull delete --force "$ID"
	assert_nothing_left
}

# bats test_tags=uid0,managers
@test "whoever made its cgroup, the container may make others below it and can't kill itself by its own" {
	mapped
	cgroup_mount rw
	waits fork-into /sys/fs/cgroup/a + write /sys/fs/cgroup/cgroup.kill 1
	wait_until out_has "fork-into /sys/fs/cgroup/a: ok"
	out_has "write /sys/fs/cgroup/cgroup.kill: EACCES"
	hull delete --force "$ID"
	assert_nothing_left
}

# bats test_tags=uid0
@test "controllers that the container has it can hand on, where no process is in the way" {
	require hugetlb
	mapped
	cgroup_mount rw
	config '.linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 0 }]'
	waits write /sys/fs/cgroup/hugetlb.2MB.max max + write /sys/fs/cgroup/cgroup.subtree_control +hugetlb
	out_has "write /sys/fs/cgroup/hugetlb.2MB.max: EACCES"
	out_has "write /sys/fs/cgroup/cgroup.subtree_control: EBUSY"
	assert_equal "$(cat "$(cgroup_of)/hugetlb.2MB.max")" 0
}

# bats test_tags=uid0
@test "without the conditions of the specification the cgroup stays the caller's" {
	local change
	while read -r change; do
		base_config >"$BUNDLE/config.json"
		mapped
		cgroup_mount rw
		config "$change"
		waits mkdir /sys/fs/cgroup/a
		echo "# $change"
		assert_equal "$(stat -c %u "$(cgroup_of)" "$(cgroup_of)/cgroup.procs" | sort -u)" 0
		! out_has "mkdir /sys/fs/cgroup/a: ok" || return 1
		hull delete --force "$ID"
		rm "$T/out"
	done <<-'END'
		.mounts[-1].options = ["rw", "ro"]
		.mounts[-1].options = ["ro"]
		.mounts[-1].source = "other"
		.mounts[-1].destination = "/elsewhere"
		.mounts |= .[:-1]
		.linux.namespaces -= [{ type: "cgroup" }] | .mounts[-1].options = []
	END
}

# bats test_tags=real_root
@test "without a user namespace it is given to the process's user as well" {
	cgroup_mount rw
	config '.process.user.uid = 1234'
	waits mkdir /sys/fs/cgroup/a + write /sys/fs/cgroup/cgroup.kill 1
	assert_equal "$(stat -c %u "$(cgroup_of)" "$(cgroup_of)/cgroup.procs" | sort -u)" 1234
	assert_equal "$(stat -c %u "$(cgroup_of)/cgroup.kill")" 0
	out_has "mkdir /sys/fs/cgroup/a: ok"
	out_has "write /sys/fs/cgroup/cgroup.kill: EACCES"
}

# holds PID BIT: whether the process is permitted that capability.
holds() { ((0x$(awk '/^CapPrm/ { print $2 }' "/proc/$1/status") >> $2 & 1)); }

# bats test_tags=real_root
@test "exec into such a cgroup while it is frozen: what is born there waits without hull's capabilities" {
	local bit
	cgroup_mount rw
	config '.process.user.uid = 1234'
	waits ids
	assert_equal "$(stat -c %u "$(cgroup_of)")" 1234
	hull pause "$ID"
	attempt hull exec -d --ignore-paused --pid-file "$T/pid" "$ID" /bin/probe sleep 100
	assert_status 0
	# CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_SYS_PTRACE, CAP_SYS_BOOT; of hull this shell has the same.
	for bit in 12 16 19 22; do
		holds $$ $bit
		! holds "$(cat "$T/pid")" $bit || return 1
	done
	hull resume "$ID"
	wait_until is_probe "$(cat "$T/pid")"
	assert_equal "$(awk '/^CapPrm/ { print $2 }' "/proc/$(cat "$T/pid")/status")" 0000000000000000
	assert_equal "$(readlink "/proc/$(cat "$T/pid")/ns/cgroup")" "$(readlink "/proc/$(pid_of)/ns/cgroup")"
}

# hull's own command line has these words, too.
is_probe() { [ "$(tr '\0' ' ' <"/proc/$1/cmdline")" = "/bin/probe sleep 100 " ]; }

# bats test_tags=real_root
@test "exec into such a cgroup while it is frozen, with a user namespace" {
	cgroup_mount rw
	mapped
	walkable
	waits ids
	assert_equal "$(stat -c %u "$(cgroup_of)")" 10000
	hull pause "$ID"
	attempt hull exec -d --ignore-paused --pid-file "$T/pid" "$ID" /bin/probe sleep 100
	assert_status 0
	grep -qx "$(cat "$T/pid")" "$(cgroup_of)/cgroup.procs"
	assert_equal "$(status_of)" paused
	hull resume "$ID"
	wait_until is_probe "$(cat "$T/pid")"
	assert_equal "$(readlink "/proc/$(cat "$T/pid")/ns/cgroup")" "$(readlink "/proc/$(pid_of)/ns/cgroup")"
}

# The limit is checked for what is put there, too, which the kernel does for what is born there alone.
# bats test_tags=real_root,vm-only
@test "exec into such a cgroup while it is frozen keeps to the limit of processes, with a user namespace" {
	cgroup_mount rw
	mapped
	walkable
	config '.linux.resources.pids.limit = 1'
	waits ids
	hull pause "$ID"
	attempt hull exec -d --ignore-paused "$ID" /bin/probe sleep 100
	assert_status 255
	has_text "a limit on the number of processes is reached"
	wait_until pids_are 1
	assert_equal "$(status_of)" paused
	hull resume "$ID"
	hull update --pids-limit 2 "$ID"
	hull pause "$ID"
	attempt hull exec -d --ignore-paused "$ID" /bin/probe sleep 100
	assert_status 0
	pids_are 2
}

pids_are() { [ "$(cat "$(cgroup_of)/pids.current")" = "$1" ]; }

# hold_user_namespace: a process in one of its own, with ids from 20000 on.
hold_user_namespace() {
	unshare -U sleep 300 3>&- &
	HOLDERS=$!
	wait_until other_user_ns $HOLDERS
	echo '0 20000 100' >/proc/$HOLDERS/uid_map
	echo '0 20000 100' >/proc/$HOLDERS/gid_map
}

# bats test_tags=real_root,cgroupfs
@test "in a cgroup of somebody else's that was there, with a user namespace that STAGE comes into" {
	hold_user_namespace
	mkdir "$CGROUP/$ID-other"
	chown -R 1234 "$CGROUP/$ID-other"
	config --arg p "/proc/$HOLDERS/ns/user" --arg c "$ID-other" '.linux.cgroupsPath = $c
		| .linux.namespaces += [{ type: "user", path: $p }]'
	ask ids
	has uid=0,0,0
	config '.linux.namespaces += [{ type: "time" }] | del(.linux.namespaces[-2].path)
		| .linux.uidMappings = [{ containerID: 0, hostID: 20000, size: 100 }]
		| .linux.gidMappings = .linux.uidMappings'
	ask ids
	has uid=0,0,0
}

# bats test_tags=real_root
@test "with a user namespace that is joined, whose ids config.json doesn't tell" {
	hold_user_namespace
	config --arg p "/proc/$HOLDERS/ns/user" '.linux.namespaces += [{ type: "user", path: $p }]'
	config '.process.user.uid = 9'
	cgroup_mount rw
	waits mkdir /sys/fs/cgroup/a
	assert_equal "$(stat -c %u "$(cgroup_of)")" 20009
	out_has "mkdir /sys/fs/cgroup/a: ok"
	hull delete --force "$ID"
}

other_user_ns() { [ "$(readlink "/proc/$1/ns/user")" != "$(readlink /proc/self/ns/user)" ]; }

# bats test_tags=only_user
@test "an ordinary user's container has a cgroup of that user's, and makes others below it" {
	cgroup_mount rw
	waits fork-into /sys/fs/cgroup/a
	wait_until out_has "fork-into /sys/fs/cgroup/a: ok"
	assert_equal "$(stat -c %u "$(cgroup_of)")" "$(id -u)"
	hull delete --force "$ID"
	assert_nothing_left
}

# --- What can be seen and written: every kind of mount, with real writes ---

# Tries to make a cgroup in another's and to put a process into it, by the paths that this may have.
reach_others() {
	mkdir -p "$CGROUP/$ID-other"
	local seen=/sys/fs/cgroup$CGROUP_PATH
	probe ls /sys/fs/cgroup + mkdir "$seen/$ID-other/x" + write "$seen/$ID-other/cgroup.procs" 0 \
		+ mkdir "/sys/fs/cgroup/../cgroup/$ID-other/x" + write /sys/fs/cgroup/cgroup.procs 0 + mkdir /sys/fs/cgroup/own
	run_container
	assert_status 0
	assert_equal "$(find "$CGROUP/$ID-other" -mindepth 1 -type d)" ""
	assert_equal "$(cat "$CGROUP/$ID-other/cgroup.procs")" ""
	rmdir "$CGROUP/$ID-other"
}

options_of_host() {
	awk '{ for (i = 7; i < NF; i++) if ($i == "-" && $(i + 1) == "cgroup2") print $5, $NF }' /proc/self/mountinfo
}

@test "with a cgroup namespace of its own only its own cgroup is there, to read or to change" {
	local before option
	before=$(options_of_host)
	for option in ro rw rnosuid; do
		base_config >"$BUNDLE/config.json"
		cgroup_mount $option
		reach_others
		lacks_match "^$ID-other\$"
		if [ $option = ro ]; then
			has "mkdir /sys/fs/cgroup/own: EROFS" "write /sys/fs/cgroup/cgroup.procs: EROFS"
		else
			has "mkdir /sys/fs/cgroup/own: ok" "write /sys/fs/cgroup/cgroup.procs: ok"
		fi
	done
	assert_equal "$(options_of_host)" "$before"
}

@test "with the host's cgroup namespace the tree is shown, and is read-only" {
	local option before
	before=$(options_of_host)
	for option in ro nosuid; do
		base_config >"$BUNDLE/config.json"
		config '.linux.namespaces -= [{ type: "cgroup" }]'
		cgroup_mount $option
		reach_others
		has "mkdir /sys/fs/cgroup/own: EROFS"
		# Whoever isn't the host's root isn't let through to that at all.
		matches '^write /sys/fs/cgroup/cgroup.procs: (EROFS|EACCES)$'
	done
	assert_equal "$(options_of_host)" "$before"
}

@test "with the cgroup namespace of another container that one's tree is shown, and is read-only" {
	local before pid
	before=$(options_of_host)
	probe sleep 300
	create "${ID}x"
	start "${ID}x"
	pid=$(pid_of "${ID}x")
	base_config >"$BUNDLE/config.json"
	config --arg p "/proc/$pid/ns/cgroup" '.linux.namespaces |= map(select(.type != "cgroup")) + [{ type: "cgroup", path: $p }]'
	if [ "${HULL_TEST_AS:-root}" = user ]; then
		config --arg p "/proc/$pid/ns/user" '.linux.namespaces |= map(select(.type != "user")) + [{ type: "user", path: $p }]
			| del(.linux.uidMappings, .linux.gidMappings)'
	fi
	cgroup_mount nosuid
	reach_others
	has "mkdir /sys/fs/cgroup/own: EROFS" "write /sys/fs/cgroup/cgroup.procs: EROFS"
	lacks_match "^$ID-other\$"
	assert_equal "$(find "$(cgroup_of "${ID}x")" -mindepth 1 -type d)" ""
	assert_equal "$(options_of_host)" "$before"
}

@test "in the caller's cgroup a mount shows that, read-only" {
	cgroup_mount nosuid
	probe mkdir /sys/fs/cgroup/own + write /sys/fs/cgroup/cgroup.procs 0
	run "$HULL" --root "$ROOT" --cgroup-manager disabled run "$ID" </dev/null
	assert_status 0
	has "mkdir /sys/fs/cgroup/own: EROFS" "write /sys/fs/cgroup/cgroup.procs: EROFS"
}
