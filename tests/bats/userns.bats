#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# User namespaces made by root: new and joined by path, alone and with every other namespace. What
# an unprivileged caller can do is rootless.bats.

load helpers

setup() {
	common_setup
	require setpriv python
	walkable
	mapped
}

teardown() {
	local pid
	for pid in ${HOLDERS:-}; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	common_teardown
}

# Ids 0 to 65535 of the container are 100000 to 165535 of the host.
mapped() {
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
}

# A mapped root can't walk a private directory of the host's root.
walkable() {
	local dir
	for dir in "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$T" "$BUNDLE" "$BUNDLE/rootfs"; do
		[ ! -d "$dir" ] || chmod a+x "$dir"
	done
}

ns_of() { sed -n "s/^$1=//p" <<<"$output"; }
host_ns() { stat -L -c %i "/proc/${2:-self}/ns/$1"; }
is_comm() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# holder UNSHARE-OPTION...: a process in new namespaces of the host's; $HOLDER is its pid.
holder() {
	env -u HULL_TEST_MARK unshare "$@" sleep 300 &
	HOLDER=$!
	HOLDERS="${HOLDERS:-} $HOLDER"
	wait_until is_comm $HOLDER sleep
}

# user_holder UID-MAP GID-MAP: a process in a new user namespace with these maps; $HOLDER is its pid.
user_holder() {
	env -u HULL_TEST_MARK unshare -U sleep 300 &
	HOLDER=$!
	HOLDERS="${HOLDERS:-} $HOLDER"
	wait_until is_other_user $HOLDER
	echo "$1" >/proc/$HOLDER/uid_map
	[ -z "$2" ] || echo "$2" >/proc/$HOLDER/gid_map
}

# pod UNSHARE-OPTION...: a process in a new user namespace, mapped as mapped() does it, that owns
# the other namespaces; $POD is its pid.
pod() {
	user_holder "0 100000 65536" "0 100000 65536"
	env -u HULL_TEST_MARK nsenter -U -t $HOLDER unshare "$@" sleep 300 &
	POD=$!
	HOLDERS="$HOLDERS $POD"
	wait_until is_comm $POD sleep
}

is_other_user() { [ "$(host_ns user "$1")" != "$(host_ns user)" ]; }

# join TYPE PATH: in place of the entry of that type.
join() {
	config --arg t "$1" --arg p "$2" \
		'.linux.namespaces |= (map(select(.type != $t)) + [{ type: $t, path: $p }])'
	[ "$1" != user ] || config 'del(.linux.uidMappings, .linux.gidMappings)'
}

map_of() { awk '{ print $1, $2, $3 }' "/proc/$(pid_of)/$1"; }

# --- new ---

# bats test_tags=old-kernel,managers
@test "a mapped range: root inside, the mapped id outside" {
	probe ids + ns + caps + wait-signal
	create_logged
	assert_equal "$(map_of uid_map)" "0 100000 65536"
	assert_equal "$(map_of gid_map)" "0 100000 65536"
	start
	wait_until out_has waiting
	assert_equal "$(stat -c %u:%g "/proc/$(pid_of)")" 100000:100000
	assert_equal "$(awk '/^Groups:/ { print NF - 1 }' "/proc/$(pid_of)/status")" 0
	output=$(cat "$T/out")
	has uid=0,0,0 gid=0,0,0 groups=
	[ "$(ns_of user)" != "$(host_ns user)" ]
}

@test "several ranges, each with its place" {
	config '.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1 },
			{ containerID: 1, hostID: 5, size: 1 }, { containerID: 1000, hostID: 200000, size: 10 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 300000, size: 100 },
			{ containerID: 2000, hostID: 7, size: 1 }]
		| .process.user = { uid: 1005, gid: 2000, additionalGids: [3, 99] }'
	probe ids + wait-signal
	create_logged
	start
	wait_until out_has waiting
	assert_equal "$(stat -c %u:%g "/proc/$(pid_of)")" 200005:7
	assert_equal "$(awk '/^Groups:/ { print $2, $3 }' "/proc/$(pid_of)/status")" "300003 300099"
	output=$(cat "$T/out")
	has uid=1005,1005,1005 gid=2000,2000,2000 groups=3,99
}

@test "340 ranges, the kernel's most" {
	config '.linux.uidMappings = [range(340) | { containerID: ., hostID: (. + 1000), size: 1 }]
		| .linux.gidMappings = .linux.uidMappings'
	shell 'wc -l </proc/self/uid_map'
	inside
	has 340
}

@test "a namespace in which 0 isn't mapped" {
	config '.linux.uidMappings = [{ containerID: 1000, hostID: 100000, size: 1 }]
		| .linux.gidMappings = [{ containerID: 50, hostID: 100000, size: 2 }]
		| .process.user = { uid: 1000, gid: 51 }
		| .mounts[2].options -= ["gid=5"]'
	ask ids + caps
	has uid=1000,1000,1000 gid=51,51,51
}

@test "the host's own ids, one to one" {
	config '.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 4294967295 }]
		| .linux.gidMappings = .linux.uidMappings | .process.user = { uid: 7, gid: 8 }'
	probe ids + wait-signal
	create_logged
	start
	wait_until out_has waiting
	assert_equal "$(stat -c %u:%g "/proc/$(pid_of)")" 7:8
}

@test "all capabilities can be had in it, also those that hull hasn't got" {
	local all
	all=$(cat /proc/sys/kernel/cap_last_cap)
	config '.process.capabilities = (["CAP_SYS_RESOURCE", "CAP_SYS_ADMIN", "CAP_MAC_ADMIN"]
		| { bounding: ., permitted: ., effective: ., inheritable: ., ambient: . })'
	[ "$all" -ge 40 ]
	ask caps
	has effective=0000000201200000 permitted=0000000201200000 bounding=0000000201200000 \
		ambient=0000000201200000
}

@test "each other namespace belongs to the new user namespace" {
	config '.linux.namespaces += [{ type: "network" }]'
	create_logged
	cat >"$T/owner.py" <<-'END'
		import fcntl, os, sys
		NS_GET_USERNS = 0xb701
		pid = sys.argv[1]
		own = os.stat(f"/proc/{pid}/ns/user").st_ino
		for name in sys.argv[2:]:
		    fd = os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY)
		    owner = os.fstat(fcntl.ioctl(fd, NS_GET_USERNS)).st_ino
		    print(name, "own" if owner == own else "foreign")
	END
	run python3 "$T/owner.py" "$(pid_of)" pid mnt ipc uts cgroup net
	has "pid own" "mnt own" "ipc own" "uts own" "cgroup own" "net own"
}

@test "the message queues of a new ipc namespace belong to root inside" {
	mount_entry /dev/mqueue mqueue mqueue
	shell 'ls -ldn /dev/mqueue; touch /dev/mqueue/q && ls -ln /dev/mqueue'
	inside
	matches '^drwxrwxrwt .* 0 +0 .* /dev/mqueue'
	matches '^-.* 0 +0 .* q$'
}

@test "the loopback of a new network namespace is up, the host name is set" {
	config '.linux.namespaces += [{ type: "network" }]'
	ask netdev + names
	has "netdev=lo up=1 running=1" hostname=box
}

@test "without a mount namespace: a chroot" {
	config '.linux.namespaces = [{ type: "user" }, { type: "pid" }] | .mounts = [] | del(.hostname)'
	ask ids + ls /
	has uid=0,0,0 bin
}

@test "alone, with all other namespaces the host's" {
	config '.linux.namespaces = [{ type: "user" }] | .mounts = [] | del(.hostname)'
	ask ids + pid
	has uid=0,0,0
	lacks_match '^pid=1$'
}

@test "the waiting process can't be looked into, and dies with its creator only until created" {
	create_logged
	# Files of a process that isn't dumpable belong to root of the namespace of its program.
	assert_equal "$(stat -c %u "/proc/$(pid_of)/maps")" 0
	assert_equal "$(status_of)" created
	start
	wait_status stopped
}

# bats test_tags=vm-only
@test "whatever fs.suid_dumpable says, nobody looks into INIT before its process is executed" {
	local value pid
	require hull_test
	for value in 0 1 2; do
		echo $value >/proc/sys/fs/suid_dumpable
		create_logged
		assert_equal "$value $(stat -c %u "/proc/$(pid_of)/maps")" "$value 0"
		hull delete --force "$ID"
	done
	# Without a user namespace: from the change to the user's ids on, which is what the number is about.
	# (The kernel lets no process stop itself that is the first of a pid namespace.)
	root_config | jq '.process.user = { uid: 1000, gid: 1000 } | .process.args = ["/bin/sleep", "1000"]
		| .linux.namespaces -= [{ type: "pid" }]' >config.json
	for value in 0 1 2; do
		echo $value >/proc/sys/fs/suid_dumpable
		HULL_FAULT="get ready to execute:stop-init" attempt faulty create "$ID"
		assert_status 0
		pid=$(pid_of)
		hull start "$ID" >"$T/started" 2>&1 3>&- &
		wait_until is_stopped "$pid"
		grep -q "^Uid:.1000.1000.1000" "/proc/$pid/status"
		assert_equal "$value $(stat -c %u "/proc/$pid/maps")" "$value 0"
		kill -CONT "$pid"
		ended $!
		assert_status 0
		assert_equal "$value $(stat -c %u "/proc/$pid/maps")" "$value 1000"
		hull delete --force "$ID"
	done
	echo 0 >/proc/sys/fs/suid_dumpable
}

is_stopped() { grep -q '^State:.T' "/proc/$1/status"; }

@test "oomScoreAdj, rlimits and sysctls of a container's own namespaces" {
	config '.process.oomScoreAdj = 300
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]
		| .linux.namespaces += [{ type: "network" }]
		| .linux.sysctl = { "net.ipv4.ip_unprivileged_port_start": "80" }'
	ask oom + rlimits + cat /proc/sys/net/ipv4/ip_unprivileged_port_start
	has_text 300
	matches 'NOFILE.*100.*200'
	has 80
}

# --- joined by path ---

# bats test_tags=old-kernel
@test "a pod: user, network, ipc and uts joined, pid and mount new" {
	local name
	pod -n -i -u
	for name in user net ipc uts; do
		join "$([ $name = net ] && echo network || echo $name)" "/proc/$POD/ns/$name"
	done
	config 'del(.hostname)'
	ask ns + ids + pid
	for name in user net ipc uts; do
		assert_equal "$name $(ns_of $name)" "$name $(host_ns $name $POD)"
	done
	has uid=0,0,0 gid=0,0,0 pid=1
	[ "$(ns_of mnt)" != "$(host_ns mnt)" ]
}

@test "every namespace of a pod joined" {
	local name
	pod -n -i -u -C -m --propagation unchanged
	for name in user net ipc uts cgroup; do
		join "$([ $name = net ] && echo network || echo $name)" "/proc/$POD/ns/$name"
	done
	join mount "/proc/$POD/ns/mnt"
	config 'del(.hostname) | .mounts = []'
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	for name in user net ipc uts cgroup mnt; do
		assert_equal "$name $(host_ns $name "$(pid_of)")" "$name $(host_ns $name $POD)"
	done
	assert_equal "$(stat -c %u:%g "/proc/$(pid_of)")" 100000:100000
}

@test "a container joins the user and pid namespaces of another one" {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	join user "/proc/$(pid_of)/ns/user"
	join pid "/proc/$(pid_of)/ns/pid"
	probe ids + ns + pids
	run hull run "${ID}x" </dev/null
	assert_status 0
	has uid=0,0,0 "pid=1 comm=probe"
	assert_equal "$(ns_of user)" "$(host_ns user "$(pid_of)")"
}

@test "a new user namespace with a network namespace of the host's" {
	holder -n
	join network "/proc/$HOLDER/ns/net"
	ask ns + ids + netdev
	assert_equal "$(ns_of net)" "$(host_ns net "$HOLDER")"
	has uid=0,0,0 "netdev=lo up=0 running=0"
}

@test "a new user namespace with ipc, uts, cgroup and pid namespaces of the host's" {
	holder -i -u -C
	local name
	for name in ipc uts cgroup; do
		join $name "/proc/$HOLDER/ns/$name"
	done
	config 'del(.hostname)'
	ask ns + ids
	for name in ipc uts cgroup; do
		assert_equal "$name $(ns_of $name)" "$name $(host_ns $name "$HOLDER")"
	done
	has uid=0,0,0
}

# Whoever is in that can't clone into this one's cgroup, where cgroup2 is mounted with nsdelegate.
# bats test_tags=vm
@test "a new user namespace with another container's cgroup namespace" {
	local pid
	create "${ID}x"
	pid=$(pid_of "${ID}x")
	join cgroup "/proc/$pid/ns/cgroup"
	ask ns + ids
	assert_equal "$(ns_of cgroup)" "$(host_ns cgroup "$pid")"
	has uid=0,0,0
	probe wait-signal
	create
	assert_equal "$(sed -n 's|^0::||p' "/proc/$(pid_of)/cgroup")" "/$(jq -r .cgroup "$ROOT/$ID/state.json")"
	hull delete --force "$ID"
}

@test "a joined user namespace with a network namespace of the host's" {
	pod -u
	holder -n
	join user "/proc/$POD/ns/user"
	join network "/proc/$HOLDER/ns/net"
	ask ns + ids
	assert_equal "$(ns_of user)" "$(host_ns user $POD)"
	assert_equal "$(ns_of net)" "$(host_ns net "$HOLDER")"
	has uid=0,0,0
}

@test "only the user namespace joined, all else shared with the host" {
	pod -u
	config '.linux.namespaces = [] | .mounts = [] | del(.hostname)'
	join user "/proc/$POD/ns/user"
	probe ids + wait-signal
	create_logged
	start
	wait_until out_has waiting
	out_has uid=0,0,0
	assert_equal "$(host_ns user "$(pid_of)")" "$(host_ns user $POD)"
	assert_equal "$(host_ns net "$(pid_of)")" "$(host_ns net)"
	assert_equal "$(stat -c %u:%g "/proc/$(pid_of)")" 100000:100000
}

@test "a joined user namespace with mappings told: they must be its own" {
	pod -u
	config --arg p "/proc/$POD/ns/user" \
		'.linux.namespaces |= map(if .type == "user" then .path = $p else . end)'
	ask ids
	has uid=0,0,0
	config '.linux.uidMappings[0].size = 65535'
	run_container
	assert_fails /linux/uidMappings "other mappings"
	assert_nothing_left
}

@test "a joined user namespace in which the process's id isn't mapped" {
	user_holder "0 100000 10" "0 100000 10"
	join user "/proc/$HOLDER/ns/user"
	config '.process.user = { uid: 10, gid: 0 }'
	run_container
	assert_fails /process/user/uid
	assert_nothing_left
}

@test "a joined user namespace in which 0 isn't mapped" {
	user_holder "5 100000 10" "6 100000 10"
	join user "/proc/$HOLDER/ns/user"
	config '.process.user = { uid: 14, gid: 15 } | .mounts[2].options -= ["gid=5"]'
	ask ids
	has uid=14,14,14 gid=15,15,15
}

@test "a joined user namespace that forbids setgroups: root's own groups don't come along" {
	user_holder "0 100000 10" ""
	echo deny >"/proc/$HOLDER/setgroups"
	echo "0 100000 10" >"/proc/$HOLDER/gid_map"
	join user "/proc/$HOLDER/ns/user"
	probe ids
	run setpriv --groups 4,5 "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	has uid=0,0,0 groups=
	config '.process.user = { uid: 0, gid: 0, additionalGids: [3] }'
	run_container
	assert_fails setgroups
}

# bats test_tags=old-kernel
@test "exec in a user namespace that forbids setgroups: root's own groups don't come along" {
	user_holder "0 100000 10" ""
	echo deny >"/proc/$HOLDER/setgroups"
	echo "0 100000 10" >"/proc/$HOLDER/gid_map"
	join user "/proc/$HOLDER/ns/user"
	probe sleep 100
	create
	start
	attempt setpriv --groups 4,5 "$HULL" --root "$ROOT" exec "$ID" /bin/probe ids
	assert_status 0
	has uid=0,0,0 groups=
}

@test "the user namespace that hull is in can be named: nothing changes" {
	join user /proc/self/ns/user
	ask ns + ids
	assert_equal "$(ns_of user)" "$(host_ns user)"
	has uid=0,0,0
}

# --- the rest of a container's life ---

@test "state, list, kill and delete" {
	probe wait-signal
	create_logged
	assert_equal "$(status_of)" created
	start
	wait_until out_has waiting
	assert_equal "$(status_of)" running
	run hull list
	has_text "$ID"
	hull kill "$ID" KILL
	wait_status stopped
	hull delete "$ID"
	assert_nothing_left
}

@test "delete --force of a running and of a created one" {
	probe fork 3 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	create "${ID}x"
	hull delete --force "$ID"
	hull delete --force "${ID}x"
	assert_nothing_left
}

@test "hooks run in the namespaces that the specification names" {
	config --arg t "$T" '.hooks = {
		createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "stat -L -c %i /proc/self/ns/user >\($t)/runtime"] }],
		createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat /proc/self/uid_map >\($t)/container"] }] }'
	mkdir -p "$T" && : >"$T/container" && chmod 666 "$T/container"
	ask ids
	assert_equal "$(cat "$T/runtime")" "$(host_ns user)"
	assert_equal "$(awk '{ print $2 }' "$T/container")" 100000
}

@test "a terminal belongs to the process's user" {
	config '.process.terminal = true | .process.user = { uid: 1000, gid: 1000 }'
	shell 'stty size >/dev/null && [ -w /dev/console ] && tty'
	require script
	run timeout 30 script -qec "$HULL --root $ROOT run $ID" /dev/null </dev/null
	assert_status 0
	has_text /dev/
}
