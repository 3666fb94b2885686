#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox's options of run: each is seen from inside a container that hull runs from the config.json
# that `hullbox run --config` prints. What is said of bad values is in tests/unit/test_box_options.c;
# here, that nothing is changed then.

load helpers
load box

# boxed [OPTION...] -- COMMAND...: a container of $BUNDLE/rootfs, run to its end; $output and $status
# are its own, warnings of hullbox are in $T/warnings. `hull check` must have nothing against it.
boxed() {
	make_config "$@" || return
	run_container
}

make_config() {
	hullbox run --rootfs "$BUNDLE/rootfs" --net none --config "$@" >"$BUNDLE/config.json" \
		2>"$T/warnings" </dev/null || {
		cat "$T/warnings" >&2
		return 1
	}
	# The cgroup is named by an id that here is always the same.
	config --arg p "/hullbox/$ID" 'if .linux.cgroupsPath then .linux.cgroupsPath = $p else . end'
	hull check "$BUNDLE" >"$T/check" || {
		cat "$T/check" >&2
		return 1
	}
	[ ! -s "$T/check" ] || {
		echo "hull check has notes:" >&2
		cat "$T/check" >&2
		return 1
	}
}

# It must end well.
box_inside() {
	boxed "$@" || return
	assert_status 0
}

# refused OPTION...: hullbox itself fails, with its status, and made nothing.
refused() {
	run --separate-stderr hullbox run --rootfs "$BUNDLE/rootfs" --config "$@" -- true
	assert_status 125
	assert_equal "$output" ""
	output=$stderr
	[ ! -e "$BOX" ]
}

have_pids() { grep -qw pids "$CGROUP/cgroup.controllers"; }
have_memory() { grep -qw memory "$CGROUP/cgroup.controllers"; }
have_controllers() { [ "$(tr ' ' '\n' <"$CGROUP/cgroup.controllers" | grep -cxE 'cpu|cpuset|io|memory|pids')" = 5 ]; }

# --- The process ---

# bats test_tags=vm
@test "box options: without options a container has its own name, ids, processes and file systems, and what Docker's users know" {
	box_inside -- /bin/probe names + pids + ids + caps + confinement + cwd + mounts
	has "hostname=000000000000" "uid=0,0,0" "gid=0,0,0" "cwd=/"
	has "effective=00000000a80425fb" "permitted=00000000a80425fb" "bounding=00000000a80425fb"
	has "inheritable=0000000000000000" "ambient=0000000000000000"
	has "no_new_privs=0" "seccomp=2"
	matches ' /proc/keys ro,'
	matches ' /proc/sys ro,'
	matches ' /sys/firmware ro,'
	matches ' /sys ro,.* - sysfs '
	matches ' /dev/shm .*size=65536k'
	[ "$(grep -c '^pid ' <<<"$output")" -le 1 ]
}

@test "box options: --hostname, --workdir, -e, --env-file" {
	printf '# a comment\nFROM_FILE=1\nBOTH=file\n' >"$T/env"
	OUTSIDE=yes box_inside --hostname here.example --workdir /tmp/made -e BOTH=given -e OUTSIDE \
		-e NOT_THERE --env-file "$T/env" -- /bin/sh -c 'hostname 2>/dev/null || cat /proc/sys/kernel/hostname; pwd; env'
	has here.example /tmp/made FROM_FILE=1 BOTH=given OUTSIDE=yes HOSTNAME=here.example HOME=/root
	has PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	lacks NOT_THERE
}

@test "box options: -u takes numbers and the container's own names, with the groups of the user" {
	mkdir -p "$BUNDLE/rootfs/etc"
	printf 'root:x:0:0::/root:/bin/sh\nweb:x:1234:55::/srv:/bin/sh\n' >"$BUNDLE/rootfs/etc/passwd"
	printf 'root:x:0:\nwww:x:55:\nlogs:x:77:web,root\nmore:x:78:other,web\n' >"$BUNDLE/rootfs/etc/group"
	box_inside -u web -- /bin/sh -c 'probe ids + caps; env'
	has "uid=1234,1234,1234" "gid=55,55,55" "groups=77,78" "HOME=/srv"
	has "effective=0000000000000000" "permitted=0000000000000000" "bounding=00000000a80425fb"
	box_inside -u web:logs -- /bin/probe ids
	has "uid=1234,1234,1234" "gid=77,77,77" "groups="
	box_inside -u 1234 -- /bin/probe ids
	has "gid=55,55,55" "groups=77,78"
	box_inside -u 4000:4001 -- /bin/probe ids
	has "uid=4000,4000,4000" "gid=4001,4001,4001" "groups="
	refused -u nobody-here
	has_text "option '--user': 'nobody-here': there is no user 'nobody-here' in the container's /etc/passwd"
	refused -u web:nothing
	has_text "there is no group 'nothing'"
}

@test "box options: a passwd that leads out of the root, or that is no file, isn't followed" {
	rm -rf "$BUNDLE/rootfs/etc"
	mkdir -p "$BUNDLE/rootfs/etc"
	printf 'spy:x:4242:4242::/:/bin/sh\n' >"$T/passwd"
	ln -s "$T/passwd" "$BUNDLE/rootfs/etc/passwd"
	refused -u spy
	has_text "there is no user 'spy'"
	ln -sfn "../../../../../../../../../../..$T/passwd" "$BUNDLE/rootfs/etc/passwd"
	refused -u spy
	has_text "there is no user 'spy'"
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	refused -u spy
	has_text "no regular file"
	printf 'spy:x:99999999999:5::/:/bin/sh\n' >"$T/passwd"
	rm "$BUNDLE/rootfs/etc/passwd"
	cp "$T/passwd" "$BUNDLE/rootfs/etc/passwd"
	refused -u spy
	has_text "has no valid ids"
}

@test "box options: --ulimit sets both limits, and what can't be raised is refused with the option's name" {
	box_inside --ulimit nofile=64:128 --ulimit core=0 -- /bin/probe rlimits
	has "RLIMIT_NOFILE=64:128" "RLIMIT_CORE=0:0"
	require setpriv
	run setpriv --bounding-set -sys_resource --inh-caps -sys_resource "$HULLBOX" run \
		--rootfs "$BUNDLE/rootfs" --net none --config --ulimit memlock=99999999999 -- true
	assert_status 125
	has_text "option '--ulimit': RLIMIT_MEMLOCK: a hard limit above the caller's own"
}

@test "box options: -t gives a terminal" {
	make_config -t -- true
	assert_equal "$(jq -r '.process.terminal, (.process.env | map(select(. == "TERM=xterm")) | length)' <"$BUNDLE/config.json")" $'true\n1'
}

@test "box options: --entrypoint stands before the command" {
	box_inside --entrypoint /bin/echo -- one two
	has "one two"
}

# --- Files ---

# bats test_tags=vm
@test "box options: -v shows a directory, read-only where asked, with what is mounted below it" {
	mkdir -p "$T/data/below"
	echo hello >"$T/data/file"
	mount -t tmpfs none "$T/data/below"
	echo deep >"$T/data/below/file"
	boxed -v "$T/data:/rw" -v "$T/data:/ro:ro,noexec" -- /bin/sh -c 'exec 2>&1
		cat /rw/file /ro/below/file
		echo more >/rw/new && echo written
		echo no >/ro/new || echo refused
		echo no >/ro/below/new || echo refused below
		cp /bin/busybox /rw/ 2>/dev/null || true
		probe mountflags /rw + mountflags /ro + mountflags /ro/below'
	umount "$T/data/below"
	assert_status 0
	has hello deep written refused "refused below"
	matches '^mountflags /ro.*ro.*noexec|/ro.*ro,.*noexec'
	assert_equal "$(cat "$T/data/new")" more
}

@test "box options: a device on a volume can't be opened unless it is asked for" {
	mkdir "$T/data"
	mknod -m 666 "$T/data/null" c 1 3
	box_inside -v "$T/data:/data" -v "$T/data:/devs:dev" -- /bin/probe open /data/null r + open /devs/null r
	has "open /data/null r: EACCES" "open /devs/null r: ok"
}

@test "box options: mounts may be given in any order, and one may replace a usual one" {
	mkdir -p "$T/a" "$T/b"
	touch "$T/a/in-a" "$T/b/in-b"
	mkdir "$T/a/b"
	box_inside -v "$T/b:/x/b" -v "$T/a:/x" --tmpfs /dev/shm:size=1m -- /bin/sh -c 'ls /x; ls /x/b; cat /proc/self/mountinfo'
	has in-a in-b
	matches ' /dev/shm .*size=1024k'
	assert_equal "$(grep -c ' /dev/shm ' <<<"$output")" 1
}

@test "box options: --tmpfs, its options and --shm-size" {
	box_inside --tmpfs /scratch:size=1m,mode=700,exec --tmpfs /plain --shm-size 2m -- /bin/probe mounts + stat /scratch
	matches ' /scratch rw,nosuid,nodev(,relatime)? .*size=1024k'
	matches ' /plain rw,nosuid,nodev,noexec'
	matches ' /dev/shm .*size=2048k'
	matches 'stat /scratch.*700'
}

@test "box options: --read-only makes the root read-only, and /dev and a tmpfs stay writable" {
	box_inside --read-only --tmpfs /tmp -- /bin/sh -c 'exec 2>&1; echo x >/file || echo refused; echo x >/tmp/file && echo x >/dev/shm/file && echo written'
	has refused written
	[ ! -e "$BUNDLE/rootfs/file" ]
}

# no-vm: there the module that makes /dev/loop-control isn't loaded.
# bats test_tags=no-vm
@test "box options: --device makes a node with its access, other devices stay forbidden" {
	box_inside --device /dev/null:/dev/nothing:r --device /dev/loop-control -- /bin/sh -c '
		probe stat /dev/nothing + stat /dev/loop-control + open /dev/loop-control r + mknod /dev/sda b 8 0 + open /dev/sda r'
	matches 'stat /dev/nothing.*1:3'
	has "open /dev/loop-control r: ok"
	lacks "open /dev/sda r: ok"
}

# --- Confinement ---

@test "box options: --cap-add and --cap-drop, in any spelling; everybody but root gets what is named" {
	box_inside --cap-drop all --cap-add NET_RAW --cap-add cap_kill -- /bin/probe caps
	has "effective=0000000000002020" "bounding=0000000000002020"
	box_inside --cap-drop chown -- /bin/probe caps
	has "effective=00000000a80425fa"
	box_inside --cap-add all --cap-drop sys_admin,chown -- true || true
	box_inside -u 1000 --cap-add net_admin -- /bin/probe caps
	has "effective=0000000000001000" "ambient=0000000000001000" "bounding=00000000a80435fb"
}

@test "box options: a capability that hullbox lacks is refused when named, and left out when not" {
	require setpriv
	run --separate-stderr setpriv --bounding-set -net_admin "$HULLBOX" run --rootfs "$BUNDLE/rootfs" \
		--net none --config --cap-add net_admin -- true
	assert_status 125
	[[ $stderr == *"option '--cap-add': 'CAP_NET_ADMIN': hullbox itself hasn't this capability"* ]]
	run --separate-stderr setpriv --bounding-set -chown "$HULLBOX" run --rootfs "$BUNDLE/rootfs" \
		--net none --config -- true
	assert_status 0
	[[ $stderr == *"CAP_CHOWN is left out"* ]]
	lacks '"CAP_CHOWN"'
}

# What Docker's users know as forbidden; each gets further without the filter.
FORBIDDEN="call unshare 0 + call keyctl 0,0 + call add_key 0 + call io_uring_setup 1,0
	+ call perf_event_open 0 + call get_mempolicy 0 + call setns 0
	+ call personality 0x40000 + call socket 40,1,0 + call clone3 0"

@test "box options: system calls that Docker's users know as forbidden are, and the usual ones work" {
	# shellcheck disable=SC2086 # words
	box_inside -- /bin/probe $FORBIDDEN + call socket 1,1,0 + call getppid 0 + call personality 0xffffffff \
		+ call io_setup 0 + call ptrace 99999
	has "call unshare 0: EPERM" "call keyctl 0,0: EPERM" "call add_key 0: EPERM" \
		"call io_uring_setup 1,0: EPERM" "call perf_event_open 0: EPERM" "call get_mempolicy 0: EPERM" \
		"call setns 0: EPERM" "call personality 0x40000: EPERM" "call socket 40,1,0: EPERM" "call clone3 0: ENOSYS"
	has "call getppid 0: 0" "call personality 0xffffffff: 0" "call io_setup 0: EFAULT" "call ptrace 99999: ESRCH"
	matches '^call socket 1,1,0: [0-9]'
	# shellcheck disable=SC2086 # words
	box_inside --seccomp unconfined -- /bin/probe $FORBIDDEN
	lacks_match ': (ENOSYS)$'
	has "call unshare 0: 0" "call io_uring_setup 1,0: EFAULT" "call get_mempolicy 0: 0" "call clone3 0: EINVAL"
	lacks "call personality 0x40000: EPERM" "call add_key 0: EPERM"
}

@test "box options: a capability brings the system calls that need it" {
	box_inside --cap-add SYS_ADMIN --cap-add SYS_NICE -- /bin/probe call unshare 0 + call clone3 0 + call get_mempolicy 0 + call keyctl 0,0
	has "call unshare 0: 0" "call clone3 0: EINVAL" "call get_mempolicy 0: 0" "call keyctl 0,0: EPERM"
}

@test "box options: --security-profile strict leaves no capability, no way to gain one, and fewer system calls" {
	box_inside --security-profile strict -- /bin/probe caps + confinement + call ptrace 0 + call io_setup 0 \
		+ call socket 17,3,0 + call socket 1,1,0 + call chmod -100,0,0 + mounts
	has "effective=0000000000000000" "bounding=0000000000000000" "no_new_privs=1" "seccomp=2"
	has "call ptrace 0: EPERM" "call io_setup 0: EPERM" "call socket 17,3,0: EPERM"
	matches '^call socket 1,1,0: [0-9]'
	matches ' /proc/kallsyms '
}

@test "box options: --security-profile none confines none of these" {
	box_inside --security-profile none -- /bin/probe confinement + mounts
	has "no_new_privs=0" "seccomp=0"
	lacks " /proc/keys " " /proc/sys " " /sys/firmware "
	assert_equal "$(jq -r '.process.capabilities.bounding | contains(["CAP_SYS_ADMIN", "CAP_NET_ADMIN"])' <"$BUNDLE/config.json")" true
}

@test "box options: --seccomp takes a profile of the specification, or of Docker's form with its conditions" {
	echo '{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [ { "names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42 } ] }' >"$T/plain"
	box_inside --seccomp "$T/plain" -- /bin/probe call getppid 0 + call unshare 0
	has "call getppid 0: ENOMSG" "call unshare 0: 0"
	cat >"$T/docker" <<-'END'
		{ "defaultAction": "SCMP_ACT_ALLOW",
		  "archMap": [
			{ "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"] },
			{ "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] } ],
		  "syscalls": [
			{ "names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42, "args": [], "comment": "",
			  "includes": { "caps": ["CAP_SYS_ADMIN"] }, "excludes": {} },
			{ "names": ["sysinfo"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42,
			  "includes": {}, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
			{ "names": ["unshare"], "action": "SCMP_ACT_ERRNO", "errnoRet": 42,
			  "includes": { "minKernel": "99.0" } } ] }
	END
	box_inside --seccomp "$T/docker" -- /bin/probe call getppid 0 + call sysinfo 0 + call unshare 0
	has "call getppid 0: 0" "call sysinfo 0: ENOMSG" "call unshare 0: 0"
	box_inside --cap-add sys_admin --seccomp "$T/docker" -- /bin/probe call getppid 0 + call sysinfo 0
	has "call getppid 0: ENOMSG" "call sysinfo 0: EFAULT"
	echo '{ "defaultAction": "SCMP_ACT_ALLOW", "sysCalls": [] }' >"$T/misspelt"
	refused --seccomp "$T/misspelt"
	has_text "option '--seccomp': '$T/misspelt': /sysCalls: unknown property"
}

@test "box options: --userns MAP gives ids of a range, volumes included" {
	mkdir "$T/data"
	chmod 755 "$T/data"
	touch "$T/data/mine"
	chown 5:6 "$T/data/mine"
	mkdir "$BUNDLE/rootfs/data"
	box_inside --userns 0:100000:65536 -v "$T/data:/data" -- /bin/sh -c '
		cat /proc/self/uid_map; probe stat /data/mine; echo x >/data/new; probe caps'
	matches '^ *0 +100000 +65536$'
	matches 'stat /data/mine.*5:6'
	has "effective=00000000a80425fb"
	assert_equal "$(stat -c %u:%g "$T/data/new")" 0:0
	refused --userns 0:100000:10 -u 50
	has_text "option '--user': 50:0 isn't mapped"
}

@test "box options: --sysctl is set in the container and not on the host" {
	before=$(cat /proc/sys/kernel/msgmax)
	box_inside --sysctl kernel.msgmax=4321 --sysctl net.ipv4.ip_default_ttl=33 -- /bin/sh -c 'cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_default_ttl'
	has 4321 33
	assert_equal "$(cat /proc/sys/kernel/msgmax)" "$before"
	refused --sysctl kernel.panic=1
	has_text "option '--sysctl': 'kernel.panic' isn't a sysctl of the container's own"
}

# --- init ---

@test "box options: --init reaps orphans, passes signals on and ends as the command ends" {
	boxed --init -- /bin/sh -c '
		probe pid
		sh -c "sleep 0.1 & exit"
		n=0; while [ $n -lt 100 ] && [ "$(ls /proc | grep -c "^[0-9]")" -gt 4 ]; do sleep 0.05; n=$((n + 1)); done
		grep -l "^State:.Z" /proc/[0-9]*/status && echo zombie
		trap "echo told; exit 9" USR1
		kill -USR1 1
		sleep 60 & wait'
	assert_status 9
	has told
	lacks zombie
	boxed --init -- /bin/sh -c 'kill -9 $$'
	assert_status 137
	make_config --init -- /nonexistent
	attempt hull run --bundle "$BUNDLE" "$ID"
	assert_status 127
	boxed --init -- /etc
	assert_status 126
}

@test "box options: init is shown read-only, and nothing of it is left in the root" {
	box_inside --init -- /bin/sh -c 'exec 2>&1; echo x >/dev/init || echo refused; cat /proc/1/cmdline | tr "\0" " "; echo'
	has refused
	matches '^/dev/init -- /bin/sh'
	[ ! -e "$BUNDLE/rootfs/dev/init" ]
}

# --- Limits ---

@test "box options: a default limit that the host can't hold is left out with a warning, a given one is refused" {
	! have_pids || skip "this host has the controller"
	box_inside -- true
	grep -q "no limit of 1024 processes: the controller 'pids' of cgroup v2 isn't there on this host" "$T/warnings"
	for option in "--pids 50" "--memory 64m" "--cpus 1" "--cpu-shares 100" "--cpuset-cpus 0" "--io-weight 50"; do
		# shellcheck disable=SC2086
		refused $option
		has_text "option '${option% *}': the controller" "isn't there on this host"
	done
	box_inside --pids -1 -- true
	assert_equal "$(cat "$T/warnings")" ""
}

# bats test_tags=vm-only
@test "box options: limits of memory, processors, processes and disks are the cgroup's" {
	require controllers
	local disk="" major minor
	read -r major minor <<<"$(host_disk)"
	if [ -n "$major" ]; then
		disk=$T/disk
		mknod "$disk" b "$major" "$minor"
	fi
	make_config -m 64m --memory-swap 96m --cpus 0.5 --cpu-shares 512 --cpuset-cpus 0 --pids 50 \
		--io-weight 500 ${disk:+--io-read-bps "$disk:1m" --io-write-bps "$disk:2m" --io-read-iops "$disk:40" --io-write-iops "$disk:50"} -- sleep 100
	assert_equal "$(cat "$T/warnings")" ""
	config 'del(.linux.cgroupsPath)'
	create
	local dir
	dir=$(cgroup_of "$ID")
	assert_equal "$(cat "$dir/memory.max" "$dir/memory.swap.max")" $'67108864\n33554432'
	assert_equal "$(cat "$dir/cpu.max" "$dir/cpuset.cpus" "$dir/pids.max")" $'50000 100000\n0\n50'
	[ "$(cat "$dir/cpu.weight")" -lt 100 ]
	assert_equal "$(cat "$dir/io.weight")" "default 4950"
	[ -z "$disk" ] || assert_equal "$(cat "$dir/io.max")" "$major:$minor rbps=1048576 wbps=2097152 riops=40 wiops=50"
	hull delete "$ID"
}

# bats test_tags=vm-only
@test "box options: without options a container has at most 1024 processes" {
	require pids
	make_config -- sleep 100
	assert_equal "$(cat "$T/warnings")" ""
	config 'del(.linux.cgroupsPath)'
	create
	assert_equal "$(cat "$(cgroup_of "$ID")/pids.max")" 1024
	hull delete "$ID"
}

# --- Nothing is changed by a mistake ---

@test "box options: a bad value has status 125, names the option, and makes nothing" {
	refused --memory 1q
	has_text "hullbox: option '--memory': '1q' isn't a number of bytes"
	refused -v /nonexistent:/x
	has_text "option '--volume': '/nonexistent': can't be used: No such file or directory"
	refused --nonsense
	has_text "unknown option '--nonsense'"
	run hullbox run --rootfs "$T/missing" --config -- true
	assert_status 125
	has_text "option '--rootfs': '$T/missing'" "No such file or directory"
	run hullbox run --config -- true
	assert_status 125
	has_text "there is no root file system: give --rootfs, --layer, --image or --host"
}
