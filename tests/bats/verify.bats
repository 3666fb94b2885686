#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# verify: a container as asked passes; each kind of difference, made from outside or by a stored
# config that asks for something else, is printed.


load helpers

# verify_ok [LINE...]: nothing differs; each of LINE is printed.
verify_ok() {
	run hull verify "$ID"
	assert_status 0
	lacks_match '^differs:'
	local line
	for line; do matches "$line"; done
}

# verify_differs REGEX...: exit status 1, and a line `differs: REGEX` for each.
verify_differs() {
	local regex
	run hull verify "$ID"
	assert_status 1
	for regex; do matches "^differs: $regex"; done
	run hull verify --format json "$ID"
	assert_status 1
	assert_equal "$(jq -c '[.ok, .error]' <<<"$output")" '[false,null]'
	jq -e '.differences | map(select(.kind == "differs")) | length > 0' <<<"$output" >/dev/null
}

running() {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
}

# asked EXPRESSION: the stored config.json as if the container had been asked for something else.
asked() {
	jq "$@" <"$ROOT/$ID/config.json" >"$T/asked"
	cat "$T/asked" >"$ROOT/$ID/config.json"
}

# inside_ns COMMAND...: in the container's mount namespace and root, from outside.
inside_ns() {
	# shellcheck disable=SC2086 # nothing, or an option
	nsenter -t "$(pid_of)" $USER_NS -m -p -- "$@"
}

# in_other_ns TYPE PID
in_other_ns() { [ "$(readlink "/proc/self/ns/$1")" != "$(readlink "/proc/$2/ns/$1")" ]; }

@test "a container as asked verifies clean: created, running, paused" {
	probe wait-signal
	create_logged
	verify_ok 'unchecked: /process/user: '
	hull pause "$ID"
	verify_ok 'unchecked: /process/user: '
	hull resume "$ID"
	start
	wait_until out_has waiting
	verify_ok
	lacks_match '^(less|own):'
	hull pause "$ID"
	verify_ok
	lacks_match '^(less|own):'
	hull resume "$ID"
}

# One that asks for something of every kind.
full_config() {
	mkdir -p "$BUNDLE/source/sub"
	echo mine >"$BUNDLE/source/file"
	config '.root.readonly = true
		| .linux.namespaces += [{ type: "network" }]
		| .linux.sysctl = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "9000" }
		| .linux.maskedPaths = ["/proc/keys", "/proc/acpi", "/etc/passwd", "/no/such"]
		| .linux.readonlyPaths = ["/proc/sys", "/proc/bus"]
		| .linux.devices = [{ path: "/dev/node", type: "c", major: 1, minor: 3, fileMode: 416, uid: 7, gid: 8 }]
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]
		| .process.oomScoreAdj = 500
		| .domainname = "dom"
		| .process.user.additionalGids = [5, 6]'
	# Others' nodes are the host's, with its modes and owners.
	is_root_of_host || config '.linux.devices[0] |= (.fileMode = 438 | del(.uid, .gid))'
	mount_entry /sys sysfs sysfs ro nosuid nodev noexec
	mount_entry /mnt/source bind source rbind ro nosuid
	mount_entry /mnt/tmp tmpfs tmpfs nosuid nodev noexec noatime nosymfollow size=1m mode=1770
	mount_entry /sys/fs/cgroup cgroup cgroup ro
}

@test "a container that asks for something of every kind verifies clean, and again after exec'd programs came and went" {
	full_config
	probe wait-signal
	create_logged
	verify_ok
	lacks_match '^(less|own):'
	start
	wait_until out_has waiting
	verify_ok
	lacks_match '^(less|own):'
	# shellcheck disable=SC2086 # nothing, or an option
	nsenter -t "$(pid_of)" $USER_NS -m -p -r -w /bin/true
	verify_ok
	lacks_match '^(less|own):'
}

# bats test_tags=uid0
@test "with no namespaces at all, with a joined one, and without a cgroup it verifies clean" {
	local pid
	running
	pid=$(pid_of)
	ID=${ID}x
	config --arg p "/proc/$pid/ns/net" '.linux.namespaces += [{ type: "network", path: $p }]'
	running
	verify_ok
	lacks_match '^(less|own):'
	hull delete --force "$ID"
	config 'del(.hostname) | .mounts = [] | .linux.namespaces = []'
	running
	verify_ok
	lacks_match '^(less|own):'
	hull delete --force "$ID"
	base_config >config.json
	probe wait-signal
	hull --cgroup-manager disabled create "$ID" >"$T/out" 2>&1 </dev/null
	verify_ok
	ID=${ID%x}
}

@test "verify tells stopped, unknown and half-made containers apart from different ones" {
	args /bin/true
	create
	start
	wait_status stopped "$ID"
	run hull verify "$ID"
	assert_fails "is stopped"
	run --separate-stderr hull verify --format json "$ID"
	assert_status 1
	assert_equal "$(jq -c '[.ok, .error.code]' <<<"$output")" '[false,"not-running"]'
	run hull verify nobody
	assert_fails "does not exist"
	mkdir "$ROOT/${ID}h"
	run hull verify "${ID}h"
	assert_fails "state.json"
	rmdir "$ROOT/${ID}h"
}

@test "a mask that was taken away, a mount that was made writable, and one that was unmounted" {
	full_config
	running
	verify_ok
	inside_ns umount /proc/keys
	verify_differs '/linux/maskedPaths/0: .*nothing covers it'
	inside_ns umount /etc/passwd
	verify_differs '/linux/maskedPaths/2: .*/etc/passwd'
	inside_ns umount /proc/sys
	verify_differs '/linux/readonlyPaths/0: .*can be written to'
	inside_ns mount -o remount,bind,rw /sys
	verify_differs '/mounts/3/options: .*ro'
	inside_ns mount -o remount,bind,ro,nosuid,exec,dev /mnt/source
	inside_ns mount -o remount,bind,rw,nosuid,nodev,exec /mnt/tmp
	verify_differs '/mounts/5/options: .*noexec' '/mounts/5/options: .*noatime|/mounts/5/options: .*nosymfollow'
	inside_ns umount /mnt/source
	verify_differs '/mounts/4: .*nothing is mounted there'
	inside_ns mount -o remount,bind,rw /
	verify_differs '/root/readonly: '
}

@test "something else mounted over a planned mount, over a mask, or anywhere" {
	full_config
	running
	inside_ns mount -t tmpfs x /mnt/source
	verify_differs '/mounts/4/source: .*inode'
	inside_ns umount /mnt/source
	verify_ok
	inside_ns mount -t tmpfs x /sys
	verify_differs '/mounts/3/type: .*expected sysfs, found tmpfs'
	inside_ns umount /sys
	inside_ns mount -t tmpfs x /proc/acpi
	verify_differs '/linux/maskedPaths/1: .*can be written to'
	inside_ns umount /proc/acpi
	inside_ns mount -t tmpfs x /mnt
	verify_differs '/mounts/4: ' '/mounts: further mount: .*tmpfs at ./mnt.'
	inside_ns umount /mnt
	verify_ok
	inside_ns mount -o bind /bin /etc
	verify_differs '/mounts: further mount'
}

# In a user namespace their flags are locked.
# bats test_tags=real_root
@test "mounts that came with the root or with a recursive bind are no difference; their flags count" {
	full_config
	mkdir -p rootfs/var
	mount -t tmpfs below rootfs/var
	mount -t tmpfs below source/sub
	config '.mounts[4].options = ["rbind", "rro", "rnosuid"]'
	running
	verify_ok
	lacks_match '^(less|own):'
	inside_ns mount -o remount,bind,rw,nosuid /mnt/source/sub
	verify_differs "/mounts/4/options: .*below '/mnt/source'.*ro"
	hull delete --force "$ID"
	umount rootfs/var source/sub
}

@test "a bind source that is another file by now, or gone" {
	full_config
	mount_entry /mnt/file bind source/file bind
	running
	verify_ok
	echo other >source/new
	mv source/new source/file
	verify_differs '/mounts/7/source: .*inode'
	rm source/file
	verify_ok "^unchecked: /mounts/7/source: .*No such file"
}

@test "propagation that the config doesn't ask for" {
	full_config
	running
	inside_ns mount --make-shared /mnt/tmp
	verify_differs '/mounts/5/options: .*expected private, found shared'
	hull delete --force "$ID"
	config '.linux.rootfsPropagation = "slave" | .mounts[5].options += ["shared"]'
	running
	verify_ok
	asked '.mounts[5].options |= map(select(. != "shared")) | .mounts[4].options += ["unbindable"]'
	verify_differs '/mounts/5/options: .*expected private, found shared' '/mounts/4/options: .*expected unbindable'
}

@test "host and domain name, sysctls and the loopback, changed from outside" {
	full_config
	running
	local pid
	pid=$(pid_of)
	nsenter -t "$pid" $USER_NS -u hostname other
	verify_differs '/hostname: hostname: expected box, found other'
	nsenter -t "$pid" $USER_NS -u hostname box
	nsenter -t "$pid" $USER_NS -u domainname $'evil\e[31m'
	verify_differs '/domainname: .*found evil\?\[31m'
	nsenter -t "$pid" $USER_NS -u domainname dom
	verify_ok
	nsenter -t "$pid" $USER_NS -n sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
	verify_differs '/linux/sysctl/net.ipv4.ip_forward: sysctl: expected 1, found 0'
	nsenter -t "$pid" $USER_NS -n sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	nsenter -t "$pid" $USER_NS -i sh -c 'echo 1234 >/proc/sys/kernel/msgmax'
	verify_differs '/linux/sysctl/kernel.msgmax: sysctl: expected 9000, found 1234'
	nsenter -t "$pid" $USER_NS -i sh -c 'echo 9000 >/proc/sys/kernel/msgmax'
	nsenter -t "$pid" $USER_NS -n python3 -c 'import socket, fcntl, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sH14x", b"lo", 0))'
	verify_ok '^less: /linux/namespaces: loopback: expected up, found down'
}

@test "limits, the oom score and the cgroup, changed from outside" {
	require python
	full_config
	running
	local pid
	pid=$(pid_of)
	prlimit --pid "$pid" --nofile=50:150
	verify_ok '^less: /process/rlimits/0/hard: .*expected 200, found 150' '^less: /process/rlimits/0/soft: '
	prlimit --pid "$pid" --nofile=120:150
	verify_ok '^own: /process/rlimits/0/soft: .*expected 100, found 120'
	asked '.process.rlimits[0].hard = 140'
	verify_differs '/process/rlimits/0/hard: .*expected 140, found 150'
	asked '.process.rlimits = []'
	echo 600 >"/proc/$pid/oom_score_adj"
	verify_ok '^less: /process/oomScoreAdj: .*expected 500, found 600'
	asked '.process.oomScoreAdj = 700'
	verify_differs '/process/oomScoreAdj: .*expected 700, found 600'
	asked 'del(.process.oomScoreAdj)'
	verify_ok
	local cgroup sleeper
	cgroup=$(cgroup_of)
	# An empty one systemd would remove.
	sleep 100 &
	sleeper=$!
	echo $sleeper >"$cgroup/cgroup.procs"
	mkdir "$CGROUP/${ID}x"
	echo "$pid" >"$CGROUP/${ID}x/cgroup.procs"
	verify_differs "/linux/cgroupsPath: cgroup: expected the process is in '${cgroup#/sys/fs/cgroup}' or below"
	mkdir "$cgroup/below"
	echo "$pid" >"$cgroup/below/cgroup.procs"
	rmdir "$CGROUP/${ID}x"
	kill $sleeper
	wait $sleeper || true
	verify_ok
}

# Only root's containers have one.
# bats test_tags=real_root
@test "the device filter: another one beside it, none, and other rules than asked" {
	require python
	running
	"$top/tests/helpers/device-program" attach "$(cgroup_of)"
	verify_ok '^less: /linux/resources/devices: .*found 2'
	asked '.linux.resources.devices = [{ allow: true, type: "c", major: 10, minor: 229, access: "rwm" }]'
	verify_differs "/linux/resources/devices: .*with other rules"
	asked 'del(.linux.resources)'
	verify_ok
	"$top/tests/helpers/device-program" detach "$(cgroup_of)"
	verify_differs "/linux/resources/devices: .*none of hull's"
	"$top/tests/helpers/device-program" attach "$(cgroup_of)"
	verify_differs "/linux/resources/devices: .*none of hull's"
}

# Only root's tests have a cgroup with a controller for sure.
# bats test_tags=real_root
@test "limits: a file that says more, less or something else than was asked for" {
	require hugetlb
	config '.linux.resources = { hugepageLimits: [{ pageSize: "2MB", limit: 5000000 }],
		unified: { "cgroup.max.depth": "5" } }'
	running
	verify_ok
	echo 6291456 >"$(cgroup_of)/hugetlb.2MB.max"
	verify_differs '/linux/resources/hugepageLimits/0: hugetlb.2MB.max: expected 5000000, found 6291456'
	echo max >"$(cgroup_of)/hugetlb.2MB.max"
	verify_differs '/linux/resources/hugepageLimits/0: hugetlb.2MB.max: .*found max'
	echo 0 >"$(cgroup_of)/hugetlb.2MB.max"
	verify_ok '^less: /linux/resources/hugepageLimits/0: hugetlb.2MB.max: .*found 0'
	echo 4194304 >"$(cgroup_of)/hugetlb.2MB.max"
	echo max >"$(cgroup_of)/hugetlb.2MB.rsvd.max"
	verify_differs '/linux/resources/hugepageLimits/0: hugetlb.2MB.rsvd.max: .*found max'
	echo 4194304 >"$(cgroup_of)/hugetlb.2MB.rsvd.max"
	echo 7 >"$(cgroup_of)/cgroup.max.depth"
	verify_differs '/linux/resources/unified/cgroup.max.depth: .*expected 5, found 7'
	echo 5 >"$(cgroup_of)/cgroup.max.depth"
	verify_ok
	# What an update asked for is what counts from then on.
	echo '{ "hugepageLimits": [{ "pageSize": "2MB", "limit": 8388608 }] }' | hull update -r - "$ID"
	verify_ok
	lacks 'hugetlb'
	echo 4194304 >"$(cgroup_of)/hugetlb.2MB.max"
	verify_ok '^less: /linux/resources/hugepageLimits/0: hugetlb.2MB.max: expected 8388608, found 4194304'
}

# bats test_tags=vm-only,real_root
@test "limits of every controller verify clean, and each that is changed is told" {
	local disk
	disk=$(lsblk -dno MAJ:MIN /dev/vda 2>/dev/null || echo 254:0)
	disk=${disk// /}
	config --argjson major "${disk%:*}" --argjson minor "${disk#*:}" '.linux.resources = {
		memory: { limit: 100000001, reservation: 50000000, swap: 200000001 },
		cpu: { shares: 512, quota: 50000, period: 100000, burst: 1000, cpus: "0,1", mems: "0" },
		pids: { limit: 50 },
		blockIO: { throttleReadBpsDevice: [{ major: $major, minor: $minor, rate: 1048576 }],
			throttleWriteIOPSDevice: [{ major: $major, minor: $minor, rate: 100 }] },
		unified: { "memory.high": "90000000" } }'
	running
	verify_ok
	lacks 'memory.'
	lacks 'io.max'
	cd "$(cgroup_of)" || return
	local pair
	for pair in 'memory.max 200000000' 'memory.low 0' 'memory.swap.max max' 'memory.high max' \
		'cpu.weight 10000' 'cpu.max max' 'cpuset.cpus 0' 'pids.max max' "io.max $disk rbps=max"; do
		cp "${pair%% *}" "$T/was"
		echo "${pair#* }" >"${pair%% *}"
		run hull verify "$ID"
		assert_status 1
		matches "^differs: /linux/resources/[^ ]*: ${pair%% *}: "
		[ "${pair%% *}" = io.max ] || cat "$T/was" >"${pair%% *}"
	done
	echo "$disk rbps=1048576" >io.max
	cd /
	verify_ok
	echo 10 >"$(cgroup_of)/pids.max"
	verify_ok '^less: /linux/resources/pids/limit: pids.max: expected 50, found 10'
}

# Only root's are hull's own.
# bats test_tags=real_root
@test "device nodes that were replaced, changed or removed" {
	full_config
	running
	local dev
	dev=/proc/$(pid_of)/root/dev
	chmod 666 "$dev/node"
	verify_differs '/linux/devices/0/fileMode: .*expected 0640, found 0666'
	chmod 600 "$dev/node"
	verify_ok '^less: /linux/devices/0/fileMode: .*found 0600'
	chown 0 "$dev/node"
	chmod 640 "$dev/node"
	verify_differs '/linux/devices/0/uid: .*expected owner 7:8, found 0:8'
	rm "$dev/node"
	verify_ok '^less: /linux/devices/0: .*found nothing'
	mknod "$dev/node" c 1 1
	verify_differs '/linux/devices/0: .*expected character device 1:3, found character device 1:1'
	rm "$dev/zero"
	mknod "$dev/zero" b 7 0
	verify_differs "/linux/devices: device '/dev/zero': expected character device 1:5, found block device 7:0"
}

@test "ids, groups, umask, capabilities and no_new_privs against a config that asks for others" {
	full_config
	running
	asked '.process.user.uid = 1000'
	verify_differs '/process/user/uid: user: expected 1000.*, found real'
	asked '.process.user.uid = 0 | .process.user.gid = 9'
	verify_differs '/process/user/gid: group: expected 9'
	asked '.process.user.gid = 0 | .process.user.additionalGids = [5]'
	# As it is outside: of the ids that an ordinary user is lent, the first is the container's 1.
	local outside=6
	have_root || outside=$((HULL_TEST_LENT + 5))
	verify_differs "/process/user/additionalGids: .*1 others, such as $outside"
	asked '.process.user.additionalGids = [5, 6, 7]'
	verify_ok '^less: /process/user/additionalGids: '
	asked '.process.user.additionalGids = [5, 6] | .process.user.umask = 63'
	verify_ok '^own: /process/user/umask: umask: expected 0077, found 0022'
	asked 'del(.process.user.umask) | .process.capabilities.bounding |= map(select(. != "CAP_MKNOD"))
		| .process.capabilities.permitted |= map(select(. != "CAP_KILL"))
		| .process.capabilities.effective |= map(select(. != "CAP_KILL"))'
	verify_differs '/process/capabilities/bounding: .*more by CAP_MKNOD' \
		'/process/capabilities/permitted: .*more by CAP_KILL' '/process/capabilities/effective: '
	asked '.process.capabilities.bounding += ["CAP_MKNOD", "CAP_SYS_TIME"] | .process.capabilities.inheritable = ["CAP_CHOWN"]
		| .process.capabilities.permitted += ["CAP_KILL"] | .process.capabilities.effective += ["CAP_KILL"]
		| .process.capabilities.ambient = ["CAP_CHOWN"]'
	verify_ok '^less: /process/capabilities/bounding: .*without CAP_SYS_TIME' \
		'^less: /process/capabilities/inheritable: ' '^less: /process/capabilities/ambient: '
	asked '.process.noNewPrivileges = false | .process.capabilities.inheritable = [] | .process.capabilities.ambient = []'
	verify_ok '^less: /process/noNewPrivileges: '
	hull delete --force "$ID"
	config '.process.noNewPrivileges = false'
	running
	asked '.process.noNewPrivileges = true'
	verify_differs '/process/noNewPrivileges: no_new_privs: expected set, found not set'
}

@test "a program that gave privilege up by itself has less, which is no difference" {
	config '.process.user = { uid: 1000, gid: 1000 } | .process.capabilities |= map_values([])'
	running
	verify_ok
	lacks_match '^(less|own):'
	asked --argjson caps "$BASE_CAPS" '.process.user = { uid: 0, gid: 0 }
		| .process.capabilities |= map_values($caps)'
	verify_ok '^less: /process/user/uid: ' '^less: /process/user/gid: ' '^less: /process/capabilities/effective: '
}

@test "root without no_new_privs has its whole bounding set after execve, and that is what is expected" {
	config '.process.noNewPrivileges = false | .process.capabilities.permitted = [] | .process.capabilities.effective = []'
	running
	grep -q 'CapPrm:.*[1-9a-f]' "/proc/$(pid_of)/status"
	verify_ok
	lacks_match '^(less|own):'
}

@test "namespaces against a config that asks for others, and a path that leads elsewhere by now" {
	running
	local n
	n=$(jq '.linux.namespaces | length' config.json)
	asked '.linux.namespaces += [{ type: "network" }]'
	verify_differs "/linux/namespaces/$n: namespace: expected a network namespace of its own, found the one that hull is in"
	asked '.linux.namespaces |= map(select(.type != "network" and .type != "ipc"))'
	verify_ok '^own: /linux/namespaces: .*ipc namespace that hull is in'
	asked '.linux.namespaces += [{ type: "ipc", path: "/proc/self/ns/ipc" }]'
	n=$((n - 1))
	verify_differs "/linux/namespaces/$n: namespace: expected the ipc namespace that '/proc/self/ns/ipc' names"
	asked --argjson n "$n" '.linux.namespaces[$n].path = "/no/such/namespace"'
	verify_ok "^unchecked: /linux/namespaces/$n: .*/no/such/namespace"
}

@test "the root directory: another one by now, and a config that is no longer what was planned" {
	running
	mv rootfs rootfs.old
	cp -a "$SHARED/rootfs" rootfs
	verify_differs '/root/path: root: .*another directory'
	rm -rf rootfs
	verify_ok '^unchecked: /root/path: '
	mv rootfs.old rootfs
	asked '.process.args = []'
	run hull verify "$ID"
	assert_fails "can't be planned any more" /process/args
	echo '{' >"$ROOT/$ID/config.json"
	run hull verify "$ID"
	assert_fails "stored config.json"
}

@test "a hostile container doesn't stop verify, lead it out or write to the terminal" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"]) | .linux.maskedPaths = ["/etc/passwd", "/dev/evil"]'
	mkdir "$T/outside"
	echo secret >"$T/outside/file"
	stat -c '%x %y %z %i' "$T/outside" "$T/outside/file" >"$T/outside.before"
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	# A fifo and links where masks and devices were, another /proc, names that would colour the screen.
	local root
	root=/proc/$(pid_of)/root
	inside_ns umount /etc/passwd
	rm "$root/etc/passwd" "$root/dev/null" "$root/dev/zero"
	mkfifo "$root/etc/passwd"
	ln -s "$T/outside/file" "$root/dev/null"
	ln -s /proc/self/fd/3 "$root/dev/zero"
	ln -s zero2 "$root/dev/zero1" && ln -s zero1 "$root/dev/zero2"
	inside_ns mount -t tmpfs x /proc
	inside_ns mkdir $'/proc/\e[31mred\n'
	inside_ns mount -t tmpfs x $'/proc/\e[31mred\n'
	mkdir -p "$root/proc/sys/kernel"
	verify_differs '/linux/maskedPaths/0: .*nothing covers it' '/mounts/0/type: .*expected proc, found tmpfs'
	run hull verify "$ID"
	lacks $'\e'
	has_text '/proc/?[31mred'
	run hull verify --format json "$ID"
	jq -e . <<<"$output" >/dev/null
	lacks $'\e'
	stat -c '%x %y %z %i' "$T/outside" "$T/outside/file" | diff "$T/outside.before" -
}

@test "a container with very many mounts is told in a bounded time and output" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	running
	inside_ns sh -c 'for i in $(seq 500); do mkdir /dev/m$i; mount -t tmpfs x /dev/m$i; done'
	run hull verify "$ID"
	assert_status 0
	[ "$(grep -c '^own: /mounts: further mount: ' <<<"$output")" = 64 ]
	matches '^own: /mounts: further mounts: .*436 more'
}

@test "with a terminal it verifies clean" {
	require python
	config '.process.terminal = true'
	shell 'sleep 1000'
	"$top/tests/helpers/console-socket" "$T/console" "$T/out" >&2 &
	local console=$!
	wait_until test -S "$T/console"
	attempt hull create --console-socket "$T/console" "$ID"
	assert_status 0
	verify_ok
	start
	verify_ok
	lacks_match '^(less|own):'
	hull delete --force "$ID"
	wait "$console" || true
}

# What podman writes, made runnable here: paths of its own, no limits, no hooks; properties that
# this build refuses are left out.
@test "podman's default config verifies clean" {
	local host refused
	mkdir -p "$T/files" rootfs/run/secrets
	jq --arg t "$T/files" --slurpfile own config.json '
		.root = { path: "rootfs" } | .process.args = ["/bin/probe", "wait-signal"]
		| .process.env += $own[0].process.env | .hooks = {}
		| .mounts |= map(if (.options // []) | any(. == "bind" or . == "rbind")
			then .source = $t + "/" + (.destination | gsub("/"; "_")) else . end)
		| .linux.cgroupsPath = null | del(.linux.cgroupsPath)
		| .linux.resources |= { devices: (.devices // []) }
		| .process.terminal = false' \
		"$top/tests/cases/real/podman-default.json" | for_caller >config.new
	mv config.new config.json
	for host in $(jq -r --arg t "$T/files" '.mounts[].source | select(startswith($t))' config.json); do
		touch "$host"
	done
	jq -r '.mounts[] | select(.options // [] | any(. == "bind" or . == "rbind")) | .destination' config.json >"$T/binds"
	for _ in 1 2 3 4 5 6 7 8; do
		refused=$("$HULL" check --format json "$BUNDLE" |
			jq -r '[.[] | select(.kind != "note")][0].pointer // empty') || true
		[ -n "$refused" ] || break
		echo "left out: $refused" >&2
		config --arg p "$refused" 'delpaths([$p | split("/")[1:] | map(tonumber? // .)])'
	done
	create_logged
	start
	wait_until out_has waiting
	verify_ok
	lacks_match '^own:'
}

# With more ids than others have; each of an ordinary user's containers has such a namespace.
# bats test_tags=real_root
@test "a user namespace: verifies clean, and its maps are compared" {
	full_config
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }, { containerID: 2000, hostID: 200000, size: 5 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 100000, size: 1000 }]
		| .process.user = { uid: 33, gid: 44, additionalGids: [5, 6] } | .process.capabilities |= map_values([])
		| del(.linux.devices)'
	chown -R 100000:100000 rootfs
	chmod o+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$T" "$BUNDLE"
	running
	verify_ok
	lacks_match '^own:'
	asked '.linux.uidMappings[0].hostID = 300000'
	verify_differs '/linux/uidMappings: id map: .*1000 from 0 on are 100000'
	asked '.linux.uidMappings[0].hostID = 100000 | .linux.gidMappings += [{ containerID: 5000, hostID: 5000, size: 1 }]'
	verify_ok '^less: /linux/gidMappings: id map: expected 2 ranges, found 1'
	asked '.linux.gidMappings |= [.[0]] | .process.user.uid = 34'
	verify_differs '/process/user/uid: user: expected 34 \(100034 on the host\), found real 100033'
	hull delete --force "$ID"
	# Joined by path.
	config '.process.user.uid = 0'
	running
	local pid
	pid=$(pid_of)
	ID=${ID}x
	config --arg p "/proc/$pid/ns/user" '.linux.namespaces |= map(if .type == "user" then .path = $p else . end)
		| del(.linux.uidMappings, .linux.gidMappings)'
	running
	verify_ok
	unshare -U sleep 1000 &
	pid=$!
	wait_until in_other_ns user "$pid"
	asked --arg p "/proc/$pid/ns/user" '.linux.namespaces |= map(if .type == "user" then .path = $p else . end)'
	verify_differs '/linux/namespaces/6: namespace: expected the user namespace that'
	kill "$pid"
	wait "$pid" || true
	hull delete --force "$ID"
	ID=${ID%x}
}

# bats test_tags=uid0
@test "a namespace that belongs to another user namespace than the container's" {
	local pid
	config '.linux.namespaces += [{ type: "user" }, { type: "network", path: "/proc/self/ns/net" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1000 }]
		| .linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1000 }]'
	unshare -n sleep 1000 &
	pid=$!
	wait_until in_other_ns net "$pid"
	config --arg p "/proc/$pid/ns/net" '.linux.namespaces[-1].path = $p'
	running
	verify_ok
	asked 'del(.linux.namespaces[-1].path)'
	verify_differs "/linux/namespaces/6: namespace owner: expected a network namespace that belongs to the container's user namespace"
	hull delete --force "$ID"
	kill "$pid"
	wait "$pid" || true
}

# Linux 6.15.
statmount_tells_maps() {
	printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1 | grep -qxF 6.15
}

# Others can't map ids of the host's files.
# bats test_tags=real_root
@test "time offsets and idmapped mounts" {
	mkdir source
	config '.linux.namespaces += [{ type: "time" }] | .linux.timeOffsets = { "monotonic": { "secs": 1000, "nanosecs": 7 } }'
	mount_entry /mnt bind source bind idmap
	config '.mounts[-1] += { uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }], gidMappings: [{ containerID: 0, hostID: 1000, size: 10 }] }'
	running
	verify_ok
	lacks_match '^(less|own):'
	if statmount_tells_maps; then
		lacks_match '^unchecked: /mounts/3/'
		asked '.mounts[-1].uidMappings += [{ containerID: 20, hostID: 2000, size: 1 }] | .mounts[-1].gidMappings[0].hostID = 1001'
		verify_differs '/mounts/3/uidMappings: .*expected 1 from 20 on are 2000, found no further range' \
			'/mounts/3/gidMappings: .*expected 10 from 0 on are 1001, found 10 from 0 on are 1000'
		asked '.mounts[-1].uidMappings |= [.[0]] | .mounts[-1].gidMappings[0].hostID = 1000'
	else
		matches '^unchecked: /mounts/3/uidMappings: '
	fi
	asked '.linux.timeOffsets.monotonic.secs = 999 | .linux.timeOffsets.boottime = { secs: 5 }'
	verify_differs '/linux/timeOffsets/monotonic: .*expected 999 s 7 ns, found 1000 s 7 ns' \
		'/linux/timeOffsets/boottime: .*expected 5 s 0 ns, found 0 s 0 ns'
	asked 'del(.linux.timeOffsets)'
	verify_differs '/linux/timeOffsets/monotonic: '
	hull delete --force "$ID"
	config '.mounts[-1].options = ["bind"] | del(.mounts[-1].uidMappings, .mounts[-1].gidMappings) | del(.linux.timeOffsets)'
	running
	asked '.mounts[-1] += { options: ["bind", "idmap"], uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
		gidMappings: [{ containerID: 0, hostID: 1000, size: 10 }] }'
	verify_differs '/mounts/3/uidMappings: .*expected idmapped, found not idmapped'
}

@test "seccomp: a filter that is there, is missing, or wasn't asked for" {
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	running
	verify_ok '^unchecked: /linux/seccomp: .*tracer.*--trace'
	lacks_match '^(less|own):'
	asked 'del(.linux.seccomp)'
	verify_ok '^less: /linux/seccomp: .*found 1'
	hull delete --force "$ID"
	config 'del(.linux.seccomp)'
	running
	verify_ok
	asked '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	verify_differs '/linux/seccomp: seccomp filter: expected 1 filters \(mode 2\), found 0 filters \(mode 0\)'
}

# traced_differs REGEX: as verify_differs, with --trace.
traced_differs() {
	run hull verify --trace "$ID"
	assert_status 1
	matches "^differs: $1"
}

# The kernel shows filters to the host's CAP_SYS_ADMIN alone: others are told that.
# bats test_tags=real_root
@test "seccomp --trace: the filter's instructions are compared; the process goes on, paused or not" {
	local pid before
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	shell 'n=0; echo waiting; while :; do n=$((n + 1)); done'
	create_logged
	run hull verify --trace "$ID"
	assert_status 0
	matches '^unchecked: /linux/seccomp: .*at start'
	start
	wait_until out_has waiting
	pid=$(pid_of)
	run hull verify --trace "$ID"
	assert_status 0
	lacks_match '^(less|own|differs):'
	lacks_match '/linux/seccomp'
	grep -q '^TracerPid:	0$' "/proc/$pid/status"
	before=$(awk '{ print $14 }' "/proc/$pid/stat")
	wait_until has_run_on "$pid" "$before"
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused "$ID"
	run hull verify --trace "$ID"
	assert_status 0
	lacks_match '/linux/seccomp'
	assert_equal "$(status_of)" paused
	echo 0 >"$(cgroup_of)/cgroup.freeze"
	# Another filter under the same name, whole and of this profile: what runs has the old one.
	asked '.linux.seccomp.syscalls[0].names = ["mknodat"]'
	verify_differs '/linux/seccomp: stored filter: .*as libseccomp [0-9.]+ makes them'
	traced_differs '/linux/seccomp: stored filter: '
	lacks_match 'seccomp filter: expected'
	cp "$ROOT/$ID/config.json" config.json
	ID=${ID}x
	create
	cp "$ROOT/$ID/seccomp.bpf" "$ROOT/${ID%x}/seccomp.bpf"
	hull delete --force "$ID"
	ID=${ID%x}
	verify_ok '^unchecked: /linux/seccomp: .*tracer'
	traced_differs '/linux/seccomp: seccomp filter: expected the [0-9]+ instructions of the stored one, found none of its [0-9]+ filters has them'
	# Damaged, and gone.
	printf '\377' | dd of="$ROOT/$ID/seccomp.bpf" bs=1 seek=60 conv=notrunc status=none
	verify_differs "/linux/seccomp: stored filter: expected a whole one.*found 'seccomp.bpf'"
	traced_differs '/linux/seccomp: stored filter: '
	rm "$ROOT/$ID/seccomp.bpf"
	verify_differs '/linux/seccomp: stored filter: .*No such file'
}

has_run_on() { [ "$(awk '{ print $14 }' "/proc/$1/stat")" -gt "$2" ]; }

@test "seccomp --trace of a process that is traced already: unchecked, and the tracer keeps it" {
	require strace
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	running
	strace -o "$T/strace" -p "$(pid_of)" 2>"$T/strace.err" &
	local tracer=$!
	wait_until grep -q "TracerPid:	$tracer" "/proc/$(pid_of)/status"
	run hull verify --trace "$ID"
	assert_status 0
	matches '^unchecked: /linux/seccomp: seccomp filter: it can.t be traced'
	grep -q "TracerPid:	$tracer" "/proc/$(pid_of)/status"
	kill "$tracer"
	wait "$tracer" || true
}

# vfork_child PID: one that waits, and its parent for it.
vfork_child() {
	CHILD=$(cut -d ' ' -f 1 "/proc/$1/task/$1/children" 2>/dev/null) && [ -n "$CHILD" ] &&
		grep -q '^State:	D' "/proc/$1/status"
}

# bats test_tags=real_root
@test "seccomp --trace of a process that can't stop: given up after 5 s, let go of; the rest is told" {
	local pid
	config '.linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW",
		syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }] }'
	probe vfork + wait-signal
	create_logged
	start
	pid=$(pid_of)
	wait_until vfork_child "$pid"
	asked '.root.readonly = true'
	run timeout 60 "$HULL" --root "$ROOT" verify --trace "$ID"
	assert_status 1
	matches "^unchecked: /linux/seccomp: seccomp filter: it didn't stop for a tracer within 5 s.*vfork"
	matches '^differs: /root/readonly'
	grep -q '^TracerPid:	0$' "/proc/$pid/status"
	kill -KILL "$CHILD"
	wait_until out_has 'went on'
	run hull verify --trace "$ID"
	lacks_match '/linux/seccomp'
}

have_numa() { [ -e "/proc/self/numa_maps" ] && [ -e /sys/devices/system/node/has_memory ]; }

@test "the memory policy is that of the process's stack" {
	require numa
	local mode
	for mode in '{ "mode": "MPOL_BIND", "nodes": "0" }' '{ "mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"] }' \
		'{ "mode": "MPOL_PREFERRED" }' '{ "mode": "MPOL_LOCAL" }' '{ "mode": "MPOL_DEFAULT" }' \
		'{ "mode": "MPOL_PREFERRED_MANY", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"] }'; do
		config --argjson m "$mode" '.linux.memoryPolicy = $m'
		probe wait-signal
		create_logged
		verify_ok
		lacks memoryPolicy
		start
		wait_until out_has waiting
		verify_ok
		lacks memoryPolicy
		hull delete --force "$ID"
	done
	config '.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0" }'
	running
	asked '.linux.memoryPolicy.mode = "MPOL_INTERLEAVE"'
	verify_ok '^own: /linux/memoryPolicy: memory policy: expected interleave .*, found bind:0'
	asked '.linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] }'
	verify_ok '^own: /linux/memoryPolicy: .*found bind:0'
	asked '.linux.memoryPolicy = { mode: "MPOL_LOCAL" }'
	verify_ok '^own: /linux/memoryPolicy: .*expected local, found bind:0'
}

# Others can't raise a priority.
# bats test_tags=real_root
@test "scheduling and I/O priority, changed from outside" {
	config '.process.scheduler = { policy: "SCHED_OTHER", nice: 5 }
		| .process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 4 }'
	running
	verify_ok
	lacks_match '^(less|own):'
	local pid
	pid=$(pid_of)
	renice -n 9 -p "$pid"
	verify_ok '^less: /process/scheduler/nice: nice value: expected 5, found 9'
	renice -n -3 -p "$pid"
	verify_differs '/process/scheduler/nice: nice value: expected 5, found -3'
	chrt -b -p 0 "$pid"
	verify_ok '^own: /process/scheduler/policy: '
	chrt -f -p 3 "$pid"
	verify_differs '/process/scheduler/policy: scheduling policy: expected 0, found 1'
	chrt -o -p 0 "$pid"
	renice -n 5 -p "$pid"
	ionice -c 2 -n 7 -p "$pid"
	verify_ok '^less: /process/ioPriority: .*found class 2, level 7'
	ionice -c 1 -n 0 -p "$pid"
	verify_differs '/process/ioPriority: .*found class 1, level 0'
}

# /dev/fuse is root's.
# bats test_tags=real_root
@test "a file system in the container that never answers: verify gives up with an error, the container lives" {
	require fuse python
	[ -c /dev/fuse ] || mknod /dev/fuse c 10 229
	config '.linux.maskedPaths = ["/mnt/x/y"]'
	mkdir -p rootfs/mnt
	running
	# Mounted from outside; whoever holds the descriptor never reads from it.
	python3 -c '
import ctypes, os, sys, time
fuse = os.open("/dev/fuse", os.O_RDWR)
libc = ctypes.CDLL(None, use_errno=True)
libc.setns(os.open(sys.argv[1], os.O_RDONLY), 0x20000)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode()
if libc.mount(b"silent", b"/mnt", b"fuse", 0, options):
    sys.exit(os.strerror(ctypes.get_errno()))
print("silent", flush=True)
time.sleep(1000)' "/proc/$(pid_of)/ns/mnt" >"$T/fuse" 2>&1 &
	local server=$!
	wait_until test -s "$T/fuse"
	cat "$T/fuse" >&2
	run timeout 40 "$HULL" --root "$ROOT" verify "$ID"
	kill "$server"
	wait "$server" || true
	assert_fails "may not answer"
	assert_equal "$(status_of)" running
}

# bats test_tags=real_root
@test "a network device that was given to it, and one that is gone" {
	local name=v${ID//[!0-9]/}
	name=${name:0:13}
	ip link add "$name" type veth peer name "${name:0:12}p"
	config --arg n "$name" '.linux.namespaces += [{ type: "network" }] | .linux.netDevices = { ($n): { name: "given0" } }'
	running
	verify_ok
	lacks_match '^(less|own):'
	nsenter -t "$(pid_of)" -n ip link delete given0
	verify_ok "^less: /linux/netDevices/$name: network device: expected given0"
}

# The table has ids of the initial user namespace, whoever reads it.
# It makes the caller that it is about.
# bats test_tags=real_root
@test "from within a user namespace, ids in the mount table aren't compared" {
	require python
	local in=$T/in-userns dir
	for dir in "$T" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test; do
		chmod a+x "$dir"
	done
	cp "$top/tests/helpers/in-userns" "$in"
	cp "$HULL_ITSELF" "$T/hull"
	mkdir "$ROOT"
	chown -R 100000:100000 "$BUNDLE" "$ROOT"
	config '.linux.uidMappings = [{ containerID: 0, hostID: 10, size: 1000 }] | .linux.gidMappings = .linux.uidMappings
		| .linux.namespaces |= map(select(.type != "cgroup")) + [{ type: "user" }]'
	chown -R 100010:100010 "$BUNDLE"/rootfs
	probe wait-signal
	attempt "$in" 100000 65536 mount sh -c '
		hull="$1 --root $2"
		$hull create --bundle "$3" "$4" >/dev/null 2>&1 && $hull start "$4" && $hull verify "$4"; echo "verified: $?"
		$hull delete --force "$4"' sh "$T/hull" "$ROOT" "$BUNDLE" "$ID"
	has 'verified: 0'
	has_text "the mount table shows 'gid' as an id of the initial user namespace"
}
