#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# process: what the container's program finds itself to be, and what isn't passed on to it.
# bats file_tags=everyone,vm

load helpers

# mask CAP...: the sum of these capability numbers, as the probe prints it.
mask() {
	local sum=0 cap
	for cap; do
		sum=$((sum | 1 << cap))
	done
	printf '%016x' $sum
}

# set_caps SET NAME...: one of the five sets
set_caps() {
	config --arg set "$1" '.process.capabilities[$set] = $ARGS.positional' --args -- "${@:2}"
}

# --- user ---

@test "user, group, additional groups and umask" {
	config '.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 6, 1001], umask: 63 }'
	ask ids
	has uid=1000,1000,1000 gid=1001,1001,1001 groups=5,6,1001 umask=0077
}

@test "no groups unless asked for, and umask 0022" {
	probe ids
	run bash -c 'umask 0007; exec "$@" </dev/null' bash "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has groups= umask=0022
}

@test "umask 0 is kept" {
	config '.process.user.umask = 0'
	ask ids
	has umask=0000
}

# bats test_tags=real_root
@test "an id that no passwd knows works, up to the largest" {
	config '.process.user = { uid: 4294967294, gid: 4294967294 }'
	ask ids
	has uid=4294967294,4294967294,4294967294
	config '.process.user = { uid: 4294967295, gid: 0 }'
	run_container
	assert_fails /process/user/uid
}

@test "the standard streams belong to the container's user" {
	config '.process.user = { uid: 1000, gid: 1000 }'
	probe write /proc/self/fd/1 text + open /dev/stdout w
	run_container
	assert_status 0
	has "open /dev/stdout w: ok"
}

# --- capabilities ---

@test "exactly the capabilities of each set, none otherwise" {
	config '.process.capabilities = {}'
	set_caps bounding CAP_CHOWN CAP_KILL CAP_SETPCAP
	set_caps permitted CAP_CHOWN CAP_KILL
	set_caps effective CAP_CHOWN CAP_KILL
	set_caps inheritable CAP_KILL
	ask caps
	has "bounding=$(mask 0 5 8)" "permitted=$(mask 0 5)" "effective=$(mask 0 5)" \
		"inheritable=$(mask 5)" "ambient=$(mask)"
}

@test "no capabilities object: none at all" {
	config 'del(.process.capabilities)'
	ask caps
	has "bounding=$(mask)" "permitted=$(mask)" "effective=$(mask)" "inheritable=$(mask)"
}

@test "a user that isn't root keeps its capabilities through exec only as ambient ones" {
	config '.process.user = { uid: 1000, gid: 1000 } | .process.capabilities = {}'
	local set
	for set in bounding permitted effective; do
		set_caps $set CAP_NET_RAW
	done
	ask caps
	has "bounding=$(mask 13)" "permitted=$(mask)" "effective=$(mask)"
	set_caps inheritable CAP_NET_RAW
	set_caps ambient CAP_NET_RAW
	ask caps
	has "effective=$(mask 13)" "ambient=$(mask 13)" "inheritable=$(mask 13)"
}

@test "inheritable is empty unless asked for" {
	ask caps
	has "inheritable=$(mask)" "ambient=$(mask)"
}

@test "a capability that the kernel doesn't know is left out with a warning" {
	config '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_NO_SUCH"])'
	ask caps
	has "effective=$(mask 0)" "bounding=$(mask 0)"
	has_text CAP_NO_SUCH
}

# bats test_tags=uid0
@test "a capability that hull itself doesn't hold is left out with a warning" {
	require setpriv
	config '.process.capabilities |= map_values(["CAP_CHOWN", "CAP_SYS_TIME"])'
	probe caps
	run setpriv --bounding-set=-sys_time "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	has "effective=$(mask 0)"
	has_text CAP_SYS_TIME
}

# --- limits, scores, switches ---

@test "rlimits are set, soft and hard, before the program runs" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
		{ type: "RLIMIT_CORE", soft: 0, hard: 4096 }, { type: "RLIMIT_CPU", soft: 1000, hard: 2000 }]'
	ask rlimits
	has RLIMIT_NOFILE=100:200 RLIMIT_CORE=0:4096 RLIMIT_CPU=1000:2000
}

@test "lower rlimits need no privilege, whoever the user is" {
	require setpriv
	config '.process.user = { uid: 1000, gid: 1000 }
		| .process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }]'
	probe rlimits
	attempt setpriv --bounding-set -sys_resource --inh-caps -sys_resource \
		"$HULL" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	assert_status 0
	has RLIMIT_NOFILE=100:200
}

@test "every limit that the kernel has can be given" {
	local name
	config '.process.rlimits = []'
	for name in AS CORE CPU DATA FSIZE LOCKS MSGQUEUE NPROC RSS RTTIME SIGPENDING STACK; do
		config --arg t "RLIMIT_$name" '.process.rlimits += [{ type: $t, soft: 1000000, hard: 1000000 }]'
	done
	# Of what has a small hard limit on many hosts only lower values can be had.
	config '.process.rlimits += [{ type: "RLIMIT_MEMLOCK", soft: 4096, hard: 4096 },
		{ type: "RLIMIT_NICE", soft: 0, hard: 0 }, { type: "RLIMIT_RTPRIO", soft: 0, hard: 0 }]
		| .process.rlimits |= map(if .type == "RLIMIT_AS" or .type == "RLIMIT_DATA"
			or .type == "RLIMIT_STACK" then .soft = 80000000 | .hard = 80000000
			elif .type == "RLIMIT_NPROC" or .type == "RLIMIT_SIGPENDING" then .soft = 1000 | .hard = 1000
			elif .type == "RLIMIT_MSGQUEUE" then .soft = 8192 | .hard = 8192 else . end)'
	ask rlimits
	has RLIMIT_AS=80000000:80000000 RLIMIT_RTTIME=1000000:1000000 RLIMIT_NICE=0:0 RLIMIT_LOCKS=1000000:1000000
}

@test "the caller's rlimits are kept where the config says nothing" {
	probe rlimits
	run bash -c 'ulimit -S -n 321; exec "$@" </dev/null' bash "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches '^RLIMIT_NOFILE=321:'
}

@test "a duplicate or unknown rlimit, or soft above hard, is an error" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1, hard: 2 }, { type: "RLIMIT_NOFILE", soft: 1, hard: 2 }]'
	run_container
	assert_fails /process/rlimits/1 RLIMIT_NOFILE
	config '.process.rlimits = [{ type: "RLIMIT_NOSUCH", soft: 1, hard: 2 }]'
	run_container
	assert_fails /process/rlimits/0 RLIMIT_NOSUCH
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 3, hard: 2 }]'
	run_container
	assert_fails /process/rlimits/0
}

@test "an rlimit that can't be raised is an error that names it" {
	require setpriv
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 1048576, hard: 1048576 }]'
	run setpriv --bounding-set=-sys_resource bash -c 'ulimit -n 1000; exec "$@" </dev/null' bash \
		"$HULL" --root "$ROOT" run "$ID"
	assert_fails RLIMIT_NOFILE "operation not permitted"
	assert_nothing_left
}

# bats test_tags=vm-only,real_root
@test "rlimits above hull's own are raised, for root and for a user without privilege" {
	local user
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 900000, hard: 1000000 },
		{ type: "RLIMIT_NICE", soft: 30, hard: 40 }]'
	probe rlimits
	for user in 0 1000; do
		config ".process.user = { uid: $user, gid: $user }"
		run bash -c 'ulimit -n 1000; exec "$@" </dev/null' bash "$HULL" --root "$ROOT" run "$ID"
		assert_status 0
		has RLIMIT_NOFILE=900000:1000000 RLIMIT_NICE=30:40
	done
}

# bats test_tags=vm-only,real_root
@test "oomScoreAdj below hull's own is set, for root and for a user without privilege" {
	local user
	config '.process.oomScoreAdj = -900'
	for user in 0 1000; do
		config ".process.user = { uid: $user, gid: $user }"
		ask oom
		has oom_score_adj=-900
	done
}

@test "noNewPrivileges true and false" {
	ask confinement
	has no_new_privs=1
	config '.process.noNewPrivileges = false'
	ask confinement
	has no_new_privs=0
	config 'del(.process.noNewPrivileges)'
	ask confinement
	has no_new_privs=0
}

@test "the program is dumpable again and nothing is left of hull's own settings" {
	ask confinement + pid + caps
	has dumpable=1 pdeathsig=0 securebits=0
}

@test "oomScoreAdj is set when given and not touched otherwise" {
	config '.process.oomScoreAdj = 321'
	ask oom
	has oom_score_adj=321
	config 'del(.process.oomScoreAdj)'
	probe oom
	run bash -c 'echo 77 >/proc/self/oom_score_adj; exec "$@" </dev/null' bash "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has oom_score_adj=77
	config '.process.oomScoreAdj = 1001'
	run_container
	assert_fails /process/oomScoreAdj
}

@test "linux.personality" {
	config '.linux.personality = { domain: "LINUX32" }'
	ask personality
	has personality=0x8
	matches '^machine=i[0-9]86|^machine=arm'
	config '.linux.personality = { domain: "LINUX" }'
	ask personality
	has personality=0
	config '.linux.personality = { domain: "OTHER" }'
	run_container
	assert_fails /linux/personality/domain
}

# --- cwd ---

@test "the working directory" {
	config '.process.cwd = "/home/user"'
	ask cwd
	has cwd=/home/user
}

@test "a missing working directory is made, a relative one is an error" {
	config '.process.cwd = "/made/for/this"'
	ask cwd + stat /made/for/this
	has cwd=/made/for/this
	matches "^stat /made/for/this: type=dir mode=0755"
	config '.process.cwd = "relative"'
	run_container
	assert_fails /process/cwd absolute
	config 'del(.process.cwd)'
	run_container
	assert_fails /process/cwd
}

# bats test_tags=uid0
@test "a working directory that only the user may enter" {
	mkdir -p rootfs/mine
	chown 1000 rootfs/mine
	chmod 700 rootfs/mine
	config '.process.user = { uid: 1000, gid: 1000 } | .process.cwd = "/mine" | del(.process.capabilities)'
	ask cwd
	has cwd=/mine
}

@test "a working directory that is a file is an error" {
	config '.process.cwd = "/etc/passwd"'
	run_container
	assert_fails /etc/passwd "not a directory"
}

# --- args and env ---

@test "args and env arrive byte for byte" {
	local odd=$'a b\tc\n"\\é\x01'
	config --arg odd "$odd" '.process.env += ["ODD=\($odd)", "EMPTY="]'
	args /bin/probe args + env + echo "$odd" + echo ""
	inside
	has_text "$odd"
	has "ODD=a b	c" EMPTY= "arg0=/bin/probe"
}

@test "a thousand arguments and a large environment" {
	config '.process.args = ["/bin/echo"] + [range(1000) | tostring] | .process.env += [range(500) | "V\(.)=\("x" * 100)"]'
	inside
	has_text "998 999"
}

@test "args[0] without a slash is searched in the container's PATH" {
	cp "$PROBE" rootfs/usr/bin/only-there
	args only-there echo found
	inside
	has found
	config '.process.env = ["PATH=/nowhere"]'
	run_container
	assert_fails "executable file not found in" only-there
	config '.process.env = ["PATH=/nowhere:/usr/bin"]'
	inside
	has found
}

@test "args[0] with a slash is taken from the working directory" {
	cp "$PROBE" rootfs/home/user/prog
	config '.process.cwd = "/home/user"'
	args ./prog echo found
	inside
	has found
}

@test "no args, or an empty list, is an error" {
	config 'del(.process.args)'
	run_container
	assert_fails /process/args
	config '.process.args = []'
	run_container
	assert_fails /process/args
}

@test "HOME comes from the container's passwd when env has none" {
	config '.process.user = { uid: 1000, gid: 1000 }'
	ask env
	has HOME=/home/user
	config '.process.env += ["HOME=/given"]'
	ask env
	has HOME=/given
	lacks HOME=/home/user
}

@test "HOME is / for a user that passwd doesn't know, or without passwd" {
	config '.process.user = { uid: 12345, gid: 0 }'
	ask env
	has HOME=/
	rm rootfs/etc/passwd
	ask env
	has HOME=/
}

@test "nothing of the caller's environment is passed on" {
	SECRET=1 LD_PRELOAD_NOT=1 run hull run "$ID" </dev/null
	probe env
	SECRET=1 run hull run "$ID" </dev/null
	assert_status 0
	lacks SECRET
	assert_equal "$(grep -cE '^[A-Z_]+=' <<<"$output")" 3
}

# --- errors at create (texts that podman matches) ---

# create_fails TEXT...: create itself fails, by these texts, and leaves nothing.
create_fails() {
	attempt hull create "$ID"
	assert_fails "$@"
	assert_nothing_left
}

@test "a missing program is create's error: executable file not found, no such file" {
	args no-such-program
	create_fails "executable file not found in" no-such-program
	args /no/such/program
	create_fails "no such file or directory" /no/such/program
}

@test "a program without x, a directory, and one the user may not execute: permission denied" {
	cp "$PROBE" rootfs/plain
	chmod 644 rootfs/plain
	args /plain
	create_fails "permission denied" /plain
	args /etc
	create_fails /etc
	cp "$PROBE" rootfs/mine
	chmod 700 rootfs/mine
	config '.process.user = { uid: 1000, gid: 1000 } | del(.process.capabilities)'
	args /mine
	create_fails "permission denied" /mine
}

@test "a program on a noexec mount is create's error" {
	mkdir "$T/src"
	cp "$PROBE" "$T/src/prog"
	mount_entry /mnt bind "$T/src" bind noexec
	args /mnt/prog
	create_fails "permission denied" /mnt/prog
}

@test "start reports a program that was removed since create" {
	cp "$PROBE" rootfs/prog
	args /prog
	create
	rm rootfs/prog
	run hull start "$ID"
	assert_fails "no such file or directory" /prog
	wait_status stopped
}

@test "start reports a script with a bad interpreter" {
	printf '#!/no/such/interpreter\n' >rootfs/script
	chmod 755 rootfs/script
	args /script
	attempt hull create "$ID"
	if [ "$status" = 0 ]; then
		run hull start "$ID"
	fi
	assert_fails "no such file or directory" /script
}

@test "start reports a file that is no program" {
	echo "no program" >rootfs/text
	chmod 755 rootfs/text
	args /text
	create
	run hull start "$ID"
	assert_fails "exec format error" /text
}

@test "start reports that the process was killed before it was executed" {
	probe wait-signal
	create
	kill -KILL "$(pid_of)"
	wait_status stopped
	run hull start "$ID"
	assert_fails stopped
}

@test "run of a missing program exits 1 as create does" {
	args /no/such/program
	run_container
	assert_status 1
	assert_nothing_left
}

# --- fds ---

@test "nothing but fds 0 to 2 is open inside" {
	ask fds
	assert_equal "$(grep -c ^fd= <<<"$output")" 3
	create_logged
	start
	wait_status stopped
	assert_equal "$(grep -c ^fd= "$T/out")" 3
}

@test "fds that the caller left open don't reach the container" {
	probe fds
	exec 7</etc/passwd 9>"$T/leak"
	hull run "$ID" >"$T/out" 2>&1 </dev/null
	exec 7<&- 9>&-
	assert_equal "$(grep -c ^fd= "$T/out")" 3
}

@test "--preserve-fds passes exactly that many on, with their content" {
	probe fds + cat /proc/self/fd/4
	echo four >"$T/four"
	run bash -c 'exec 3</dev/null 4<"$1" 5</dev/null; shift; exec "$@" </dev/null' bash "$T/four" \
		"$HULL" --root "$ROOT" run --preserve-fds 2 "$ID"
	assert_status 0
	has four
	assert_equal "$(grep -c ^fd= <<<"$output")" 5
	lacks_match "^fd=5 "
	matches "^fd=4 type=file .*$T/four"
}

@test "--preserve-fds of an fd that isn't open is an error" {
	run hull run --preserve-fds 9 "$ID" 3>&- 4>&- </dev/null
	assert_fails preserve
}

@test "LISTEN_FDS passes fds and says so with the container's own pid" {
	probe listen-fds + fds
	run bash -c 'exec 3</dev/null 4</dev/null; export LISTEN_FDS=2 LISTEN_PID=$$; exec "$@" </dev/null' bash \
		"$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has listen_fds=2 listen_pid_is_mine=1 "listen_fd=3 open=1 cloexec=0" "listen_fd=4 open=1 cloexec=0"
	assert_equal "$(grep -c ^fd= <<<"$output")" 5
}

@test "LISTEN_FDS through create and start" {
	probe listen-fds
	bash -c 'exec 3</dev/null; export LISTEN_FDS=1; exec "$@" </dev/null' bash \
		"$HULL" --root "$ROOT" create "$ID" >"$T/out" 2>&1
	start
	wait_status stopped
	out_has listen_fds=1
	out_has "listen_fd=3 open=1 cloexec=0"
	out_has listen_pid_is_mine=1
}

# --- keyring ---

@test "a session keyring of its own, named after the container" {
	ask keyring
	matches "^name=.*$ID"
	[ "$(sed -n s/session=//p <<<"$output")" -gt 0 ]
}

# bats test_tags=uid0
@test "--no-new-keyring keeps the caller's" {
	probe keyring
	local mine
	mine=$("$PROBE" keyring | sed -n s/session=//p)
	run hull run --no-new-keyring "$ID" </dev/null
	assert_status 0
	has "session=$mine"
}

# --- what the caller is ---

@test "signal mask and dispositions are reset" {
	probe signals
	run env -- bash -c 'trap "" PIPE CHLD HUP USR1 USR2 TERM; exec "$@" </dev/null' bash \
		"$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has blocked=0000000000000000 ignored=0000000000000000
}

@test "the caller's nice value is kept, its affinity and timer slack are not" {
	require python
	probe scheduling
	run nice -n 5 taskset -c 0 python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(29, 77777, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])' "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has nice=5 timerslack=50000
	matches "^affinity=$(nproc):"
}

@test "the process leads a session of its own" {
	ask pid
	has sid=1 pgrp=1
}
