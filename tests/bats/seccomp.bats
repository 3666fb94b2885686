#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.seccomp: what each action, operator and flag does, seen by a process under the filter; the
# order in which it is loaded; the listener; the cache, whose every fault must end in the right filter.
# bats file_tags=everyone

load helpers

teardown() {
	[ -z "${AGENT:-}" ] || kill -KILL "$AGENT" 2>/dev/null || true
	common_teardown
}

# rules DEFAULT [RULE...]: the profile, rules as jq text.
rules() {
	local default=$1
	shift
	local IFS=,
	config ".linux.seccomp = { defaultAction: \"SCMP_ACT_$default\", syscalls: [$*] }"
}

# rule ACTION NAME [MORE]: one entry as jq text.
rule() {
	printf '{ names: ["%s"], action: "SCMP_ACT_%s" %s }' "$2" "$1" "${3:+, $3}"
}

# arg INDEX OP VALUE [VALUETWO]
arg() {
	printf '{ index: %s, op: "SCMP_CMP_%s", value: %s%s }' "$1" "$2" "$3" "${4:+, valueTwo: $4}"
}

# The profile that Docker and containerd ship, as an engine sent it: refuses with EPERM what it doesn't name.
engine_profile() {
	jq .linux.seccomp "$top/tests/cases/real/containerd-limited-seccomp.json"
}

use_engine_profile() {
	config --argjson s "$(engine_profile)" '.linux.seccomp = $s'
}

# --- Actions ---

# bats test_tags=old-kernel
@test "ERRNO: the number is errnoRet, EPERM without one, and may be 0 and 4094" {
	rules ALLOW "$(rule ERRNO getppid)" "$(rule ERRNO sysinfo 'errnoRet: 28')" \
		"$(rule ERRNO ptrace 'errnoRet: 0')" "$(rule ERRNO personality 'errnoRet: 4094')"
	ask call getppid "" + call sysinfo "" + call ptrace "9999" + call personality "0xffffffff" + confinement
	has "call getppid : EPERM" "call sysinfo : ENOSPC" "call ptrace 9999: 0" "seccomp=2"
	matches '^call personality 0xffffffff: E\?$'
}

@test "KILL and KILL_THREAD end the thread, KILL_PROCESS the process, both by SIGSYS" {
	rules ALLOW "$(rule KILL sysinfo)" "$(rule KILL_PROCESS getppid)" "$(rule KILL_THREAD personality)"
	ask call-in-child sysinfo "" + call-in-child getppid "" + call-in-child personality "0xffffffff" + \
		call-in-thread sysinfo "" + call-in-thread getppid "" + call-in-thread personality "0xffffffff"
	has "child sysinfo: SIGSYS" "child getppid: SIGSYS" "child personality: SIGSYS" \
		"thread sysinfo: ended alone" "thread getppid: SIGSYS" "thread personality: ended alone"
}

@test "TRAP sends SIGSYS, TRACE tells the tracer its number and is ENOSYS without one" {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	rules ALLOW "$(rule TRAP sysinfo)" "$(rule TRACE getppid 'errnoRet: 1234')"
	ask call-in-child sysinfo "" + trap sysinfo "" + call getppid "" + trace getppid ""
	has "trap: call=1 errno=0 code=1" "call getppid : ENOSYS" "trace getppid: told data=1234" \
		"child sysinfo: SIGSYS"
}

@test "LOG lets the call pass" {
	rules ERRNO "$(rule LOG sysinfo 'args: [{ index: 1, value: 7, op: "SCMP_CMP_EQ" }]')" \
		'{ names: ["execve", "exit", "exit_group", "write", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "mprotect", "prlimit64", "readlink", "getrandom", "newfstatat", "fstat", "ioctl", "clone3", "mmap", "munmap", "readlinkat"], action: "SCMP_ACT_LOG" }'
	ask call sysinfo "0,7" + call sysinfo "0,8"
	has "call sysinfo 0,7: EFAULT" "call sysinfo 0,8: EPERM"
}

# bats test_tags=old-kernel
@test "a refusing default holds for what no rule names, an equal rule is taken" {
	use_engine_profile
	config '.linux.seccomp.syscalls += [{ names: ["ptrace"], action: "SCMP_ACT_ERRNO" }]'
	ask call sysinfo "0" + call personality "0x1234" + call personality "0xffffffff" + confinement
	has "call sysinfo 0: EFAULT" "call personality 0x1234: EPERM" "seccomp=2"
	matches '^call personality 0xffffffff: 0$'
}

# --- Arguments ---

# with_operator OP VALUE [VALUETWO] -- ARGUMENT=PASS|REFUSED...
with_operator() {
	local op=$1 value=$2 two="" each
	shift 2
	[ "$1" = -- ] || { two=$1; shift; }
	shift
	rules ALLOW "$(rule ERRNO sysinfo "errnoRet: 99, args: [$(arg 1 "$op" "${value/#9*/424242}" "$two")]")"
	local words=()
	for each; do
		words+=(call sysinfo "0,${each%=*}" +)
	done
	probe "${words[@]:0:${#words[@]}-1}"
	# jq reckons with doubles.
	sed -i "s/424242/$value/" config.json
	inside
	for each; do
		case $each in
		*=refused) has "call sysinfo 0,${each%=*}: EADDRNOTAVAIL" ;;
		*) has "call sysinfo 0,${each%=*}: EFAULT" ;;
		esac || {
			echo "$op $value $two: $each" >&2
			return 1
		}
	done
}

@test "each operator compares 64 bits, unsigned" {
	local big=0x8000000000000005
	with_operator EQ 5 -- 4=pass 5=refused 6=pass $big=pass
	with_operator NE 5 -- 4=refused 5=pass $big=refused
	with_operator LT 5 -- 4=refused 5=pass 6=pass $big=pass
	with_operator LE 5 -- 4=refused 5=refused 6=pass $big=pass
	with_operator GT 5 -- 4=pass 5=pass 6=refused $big=refused
	with_operator GE 5 -- 4=pass 5=refused 6=refused $big=refused
	with_operator MASKED_EQ 12 8 -- 8=refused 9=refused 12=pass 4=pass 24=refused
	with_operator EQ 9223372036854775813 -- 5=pass $big=refused
}

@test "several conditions on one argument are alternatives, on several arguments all must hold" {
	rules ALLOW "$(rule ERRNO sysinfo "errnoRet: 99, args: [$(arg 1 EQ 1), $(arg 1 EQ 2), $(arg 2 EQ 7)]")"
	ask call sysinfo 0,1,7 + call sysinfo 0,2,7 + call sysinfo 0,1,8 + call sysinfo 0,3,7
	has "call sysinfo 0,1,7: EADDRNOTAVAIL" "call sysinfo 0,2,7: EADDRNOTAVAIL" \
		"call sysinfo 0,1,8: EFAULT" "call sysinfo 0,3,7: EFAULT"
}

# --- Architectures, and calls newer than the profile ---

@test "another architecture's calls end the process unless it is listed" {
	[ "$(uname -m)" = x86_64 ] || skip "x86_64 is the one with another architecture in each CPU"
	probe foreign
	inside
	has "foreign: exit 7"
	rules ALLOW "$(rule ERRNO sysinfo)"
	inside
	has "foreign: SIGSYS"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_S390X"]'
	inside
	has "foreign: exit 7"
	# The rules hold there too.
	rules ALLOW "$(rule ERRNO getpid)"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86"]'
	ask foreign + call getpid ""
	has "foreign: exit 6" "call getpid : EPERM"
}

@test "calls newer than the profile are ENOSYS where it refuses by errno, as C libraries need it" {
	use_engine_profile
	ask call 999 "" + call 0x3fffffff "" + call 462 "" + call ptrace 9999 + call personality 0x1234
	has "call 999 : ENOSYS" "call 0x3fffffff : ENOSYS" "call 462 : ENOSYS" "call personality 0x1234: EPERM"
	# Whoever says 7 gets 7 for what exists, whoever kills kills.
	config '.linux.seccomp.defaultErrnoRet = 7'
	ask call 999 "" + call personality 0x1234
	has "call 999 : ENOSYS" "call personality 0x1234: E2BIG"
	config 'del(.linux.seccomp.defaultErrnoRet) | .linux.seccomp.defaultAction = "SCMP_ACT_KILL_PROCESS"'
	ask call-in-child 999 ""
	has "child 999: SIGSYS"
	config '.linux.seccomp.defaultAction = "SCMP_ACT_ALLOW" | .linux.seccomp.syscalls = [{ names: ["mount"], action: "SCMP_ACT_ERRNO" }]'
	ask call 462 "" + call 999 ""
	has "call 999 : ENOSYS"
}

@test "x32's calls: its own numbers, and newer ones, in a profile with x32" {
	[ "$(uname -m)" = x86_64 ] || skip "x86_64 only"
	use_engine_profile
	# x32 is not in this kernel: ENOSYS comes from it or from the prologue, EPERM from the filter.
	ask call 0x40000027 "" + call 0x400003e7 "" + call-in-child 0x400001ff ""
	has "child 0x400001ff: exit 7"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]'
	ask call-in-child 0x40000027 ""
	has "child 0x40000027: SIGSYS"
	# Rules hold for its numbers where it is listed; the filter speaks before the kernel says that it has no x32.
	rules ALLOW "$(rule ERRNO getpid 'errnoRet: 28')"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]'
	ask call 0x40000027 "" + call getpid "" + call 0x4000006e "" + call-in-child 0x4000006e ""
	has "call 0x40000027 : ENOSPC" "call getpid : ENOSPC" "child 0x4000006e: exit 7"
	lacks "0x4000006e : ENOSPC"
	config '.linux.seccomp.architectures = ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64"]'
	ask call-in-child 0x4000006e ""
	has "child 0x4000006e: SIGSYS"
}

# --- The engine's profile in earnest ---

@test "under the engine's profile a shell, ls, pipes and threads work, with and without no_new_privs" {
	local nnp user
	use_engine_profile
	for nnp in true false; do
		for user in 0 1000; do
			config ".process.noNewPrivileges = $nnp | .process.user = { uid: $user, gid: $user }"
			shell 'ls / | wc -l >/dev/null && sleep 0 && /bin/probe call-in-thread getpid "" + confinement + caps + mount tmpfs /proc'
			inside
			has "thread getpid: went on" "seccomp=2" "mount /proc: EPERM"
			has "no_new_privs=$([ $nnp = true ] && echo 1 || echo 0)"
			# CAP_SYS_ADMIN, which loading may need, isn't left.
			lacks_match '^(effective|permitted|bounding)=[0-9a-f]{10}[2367abef][0-9a-f]{5}$'
		done
	done
}

@test "without no_new_privs and without CAP_SYS_ADMIN in any set the filter is there, and nothing more" {
	local caps
	for caps in '[]' '["CAP_SYS_ADMIN"]' '["CAP_CHOWN"]'; do
		config --argjson c "$caps" '.process.noNewPrivileges = false
			| .process.capabilities = { bounding: $c, permitted: $c, effective: $c, inheritable: $c, ambient: $c }
			| .process.user = { uid: 1000, gid: 1000 }'
		rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 28')"
		ask call sysinfo "" + caps + confinement
		has "call sysinfo : ENOSPC" "no_new_privs=0" "seccomp=2"
		case $caps in
		*SYS_ADMIN*) has "effective=0000000000200000" "permitted=0000000000200000" ;;
		*CHOWN*) has "effective=0000000000000001" "permitted=0000000000000001" ;;
		*) has "effective=0000000000000000" "permitted=0000000000000000" "bounding=0000000000000000" ;;
		esac
	done
}

@test "between loading and execve nothing is called that a profile may forbid" {
	# Just what execve and this program need: no setuid, capset, prctl, close, sendmsg, rt_sigaction.
	local nnp
	for nnp in true false; do
		config ".process.noNewPrivileges = $nnp | .process.user = { uid: 1000, gid: 1000 }"
		config '.linux.seccomp = { defaultAction: "SCMP_ACT_KILL_PROCESS", syscalls: [{ action: "SCMP_ACT_ALLOW",
			names: ["execve", "exit_group", "write", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
				"mprotect", "prlimit64", "readlink", "readlinkat", "getrandom", "newfstatat", "fstat", "uname", "gettid", "getpid", "rt_sigprocmask", "tgkill"] }] }'
		ask echo hello
		has hello
	done
}

@test "startContainer hooks run without the filter" {
	rules ALLOW "$(rule ERRNO mkdirat)" "$(rule ERRNO mkdir)"
	config '.hooks.startContainer = [{ path: "/bin/mkdir", args: ["mkdir", "/made"] }]'
	ask stat /made + mkdir /not
	matches '^stat /made: type=dir '
	has "mkdir /not: EPERM"
}

@test "a program that vanished between create and start is told of under the filter" {
	rules ALLOW "$(rule ERRNO sendmsg)" "$(rule ERRNO sendto)"
	cp rootfs/bin/probe rootfs/gone
	args /gone
	create
	rm rootfs/gone
	attempt hull start "$ID"
	assert_fails '/gone' 'no such file'
}

@test "START sees from outside when the filter is not there" {
	require hull_test
	rules ALLOW "$(rule ERRNO sysinfo)"
	shell 'sleep 100'
	HULL_SKIP="load the seccomp filter" attempt timeout 20 "$HULL_TEST" --root "$ROOT" run "$ID"
	assert_fails "no seccomp filter"
	assert_no_process
}

# --- Flags ---

# The flags that INIT gave to seccomp(2).
flags_seen() {
	strace -f -qq -e trace=seccomp -o "$T/strace" "$HULL" --root "$ROOT" run "$ID" </dev/null || return
	sed -nE 's/.*seccomp\(SECCOMP_SET_MODE_FILTER, ([^,]*), \{len=.*/\1/p' "$T/strace"
}

# bats test_tags=uid0,old-kernel
@test "each flag reaches the kernel" {
	require strace
	local flag
	for flag in TSYNC LOG SPEC_ALLOW; do
		rules ALLOW "$(rule ERRNO sysinfo)"
		config ".linux.seccomp.flags = [\"SECCOMP_FILTER_FLAG_$flag\"]"
		assert_equal "$(flags_seen)" "SECCOMP_FILTER_FLAG_$flag"
	done
	config 'del(.linux.seccomp.flags)'
	assert_equal "$(flags_seen)" 0
	# What SPEC_ALLOW is for, as the process is told of it.
	probe cat /proc/self/status
	inside
	matches '^Seccomp:.2'
	matches '^Seccomp_filters:.1$'
}

@test "features lists what this kernel and library can" {
	run hull features
	assert_status 0
	assert_equal "$(jq -c '.linux.seccomp | [.enabled, (.actions | length), (.operators | length), (.knownFlags | length)]' <<<"$output")" "[true,9,7,4]"
	assert_equal "$(jq -r '.linux.seccomp | .supportedFlags[]' <<<"$output" | head -2 | tail -1)" SECCOMP_FILTER_FLAG_LOG
	[[ $(jq -r '.linux.seccomp.archs[]' <<<"$output") == *"SCMP_ARCH_$(uname -m | tr a-z A-Z)"* ]]
}

# --- NOTIFY ---

agent() {
	require python
	env -u HULL_TEST_MARK "$top/tests/helpers/seccomp-agent" "$T/agent.sock" "$T/agent" "$1" >"$T/agent.out" 2>&1 &
	AGENT=$!
	wait_until test -S "$T/agent.sock"
}

asking() {
	rules ALLOW "$(rule NOTIFY sysinfo)" "$(rule NOTIFY execve)" "$@"
	config --arg p "$T/agent.sock" '.linux.seccomp += { listenerPath: $p, listenerMetadata: "for the agent" }
		| .annotations = { a: "b" }'
}

# bats test_tags=old-kernel
@test "NOTIFY: the listener gets the document and the descriptor, and answers" {
	local nnp
	agent 28
	rm -f "$T/agent.1"
	for nnp in true false; do
		rules ALLOW "$(rule NOTIFY sysinfo)"
		config --arg p "$T/agent.sock" --argjson n $nnp '.linux.seccomp += { listenerPath: $p, listenerMetadata: "for the agent" }
			| .annotations = { a: "b" } | .process.noNewPrivileges = $n | .process.user.uid = 1000'
		ask call sysinfo "" + fds
		has "call sysinfo : ENOSPC"
		lacks "seccomp notify"
	done
	wait_until test -e "$T/agent.2"
	assert_equal "$(jq -c '[.ociVersion, .fds, .metadata, .state.ociVersion, .state.id, .state.status, .state.bundle, .state.annotations, .pid == .state.pid, .pid > 1]' "$T/agent.1")" \
		"[\"1.3.0\",[\"seccompFd\"],\"for the agent\",\"1.3.0\",\"$ID\",\"created\",\"$BUNDLE\",{\"a\":\"b\"},true,true]"
	assert_equal "$(jq -c .given "$T/agent.1")" '{"fds":1,"links":["anon_inode:seccomp notify"]}'
}

@test "NOTIFY by create and start, for execve and read themselves, answered with continue" {
	agent continue
	asking "$(rule NOTIFY read)"
	probe echo executed
	create_logged
	local pid
	pid=$(pid_of)
	[ ! -e "$T/agent.1" ]
	start
	wait_until out_has executed
	assert_equal "$(jq -r '.pid' "$T/agent.1")" "$pid"
	# Written after the answer, by which the process may be ahead.
	wait_until grep -qs "pid=$pid" "$T/agent.log"
	[ ! -e "$T/agent.2" ]
}

# bats test_tags=old-kernel
@test "NOTIFY with every flag, WAIT_KILLABLE_RECV and TSYNC too" {
	agent 28
	asking
	rules ALLOW "$(rule NOTIFY sysinfo)"
	config --arg p "$T/agent.sock" '.linux.seccomp += { listenerPath: $p, flags: ["TSYNC", "LOG", "SPEC_ALLOW", "WAIT_KILLABLE_RECV"] }
		| .linux.seccomp.flags |= map("SECCOMP_FILTER_FLAG_" + .)'
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
}

@test "nobody listens: start fails, says where, nothing runs" {
	asking
	probe mkdir /ran
	run_container
	assert_fails /linux/seccomp/listenerPath "$T/agent.sock"
	[ ! -e rootfs/ran ]
	create
	attempt hull start "$ID"
	assert_fails /linux/seccomp/listenerPath
	[ ! -e rootfs/ran ]
	# The container is as it was, and starts once somebody listens.
	assert_equal "$(status_of)" created
	agent continue
	start
	wait_status stopped
	[ -d rootfs/ran ]
}

@test "the agent goes away: the process gets ENOSYS, and ends" {
	agent continue
	asking
	shell 'while [ ! -e /go ]; do sleep 0.05; done; /bin/probe call sysinfo ""'
	create_logged
	start
	wait_until test -e "$T/agent.1"
	kill -KILL "$AGENT"
	touch rootfs/go
	wait_status stopped
}

# --- The cache ---

entries() { find "$ROOT/.seccomp" -type f ! -name '.*'; }

# The filter that is loaded is right: what the profile refuses is refused.
right_filter() {
	ask call sysinfo ""
	has "call sysinfo : ENOSPC" || return
	assert_equal "$(entries | wc -l)" 1
}

cached() {
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 28')"
	right_filter
	ENTRY=$(entries)
	cp -p "$ENTRY" "$T/entry"
}

# Was the filter compiled this time? The new file says so.
compiled() {
	local before
	before=$(stat -c %i "$ENTRY")
	right_filter || return
	[ "$(stat -c %i "$ENTRY")" != "$before" ]
}

# bats test_tags=old-kernel
@test "cache: the second container of a profile compiles nothing, another profile does" {
	cached
	local inode
	inode=$(stat -c %i "$ENTRY")
	right_filter
	assert_equal "$(stat -c %i "$ENTRY")" "$inode"
	assert_equal "$(stat -c %a:%h "$ENTRY")" 600:1
	assert_equal "$(stat -c %a "$ROOT/.seccomp")" 700
	run hull list -q
	assert_equal "$output" ""
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 29')"
	ask call sysinfo ""
	has "call sysinfo : ESPIPE"
	assert_equal "$(entries | wc -l)" 2
}

@test "cache: each byte flipped is noticed" {
	# In the machine, where everything is slow, fewer.
	local at size n=0 parts=$((HULL_TEST_SLOW > 1 ? 12 : 40))
	cached
	size=$(stat -c %s "$T/entry")
	for at in $(seq 0 $((size / parts + 1)) $((size - 1))) $((size - 1)); do
		python3 - "$ENTRY" "$at" <<-'END'
			import sys
			with open(sys.argv[1], "r+b") as file:
			    file.seek(int(sys.argv[2]))
			    byte = file.read(1)[0]
			    file.seek(int(sys.argv[2]))
			    file.write(bytes([byte ^ 4]))
		END
		compiled || {
			echo "byte $at" >&2
			return 1
		}
		assert_file_equal "$ENTRY" "$T/entry"
		n=$((n + 1))
	done
	echo "# $n bytes of $size" >&3
}

# bats test_tags=uid0
@test "cache: a truncated, longer, empty, foreign or other file is not believed" {
	local size
	cached
	size=$(stat -c %s "$T/entry")
	for change in "truncate -s $((size - 8))" "truncate -s $((size + 8))" "truncate -s 0" "truncate -s 16" \
		"truncate -s 3000000" "chown 1000" "chmod 620" "chmod 602"; do
		$change "$ENTRY"
		compiled || {
			echo "$change" >&2
			return 1
		}
		assert_file_equal "$ENTRY" "$T/entry"
	done
	ln "$ENTRY" "$T/second-name"
	compiled
	ln -sf "$T/entry" "$ENTRY"
	compiled
	[ ! -L "$ENTRY" ]
	rm "$ENTRY" && mkfifo "$ENTRY"
	compiled
	[ -f "$ENTRY" ]
	# A folder in its place is in the way, and no more than that.
	rm "$ENTRY" && mkdir "$ENTRY"
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
}

# bats test_tags=uid0
@test "cache: a folder that others may write, another's, a link or a file is not used" {
	cached
	for change in "chmod 770" "chmod 702" "chown 1000"; do
		# A filter that allows everything, whole in every other respect.
		$change "$ROOT/.seccomp"
		rm -f "$ENTRY"
		ask call sysinfo ""
		has "call sysinfo : ENOSPC"
		assert_equal "$(entries | wc -l)" 0
		chown 0 "$ROOT/.seccomp"
		chmod 700 "$ROOT/.seccomp"
		cp -p "$T/entry" "$ENTRY"
	done
	mv "$ROOT/.seccomp" "$T/elsewhere"
	ln -s "$T/elsewhere" "$ROOT/.seccomp"
	rm "$T/elsewhere"/*
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
	assert_equal "$(ls -A "$T/elsewhere")" ""
	rm "$ROOT/.seccomp"
	touch "$ROOT/.seccomp"
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
	rm "$ROOT/.seccomp"
}

@test "cache: an entry of another library, version or profile under this name is not believed" {
	local other
	cached
	rules ALLOW "$(rule ERRNO mkdir)"
	ask call sysinfo ""
	other=$(entries | grep -v "$ENTRY")
	# A whole and valid file of another profile.
	mv "$other" "$ENTRY"
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 28')"
	compiled
	# The key begins with hull's version, then the format, then libseccomp's three numbers: a whole
	# file with a right checksum of another library.
	python3 - "$ENTRY" <<-'END'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		at = 32
		at += 8 + struct.unpack_from("<Q", data, at)[0] + 8
		major, minor, micro = struct.unpack_from("<QQQ", data, at)
		assert (major, minor) == (2, 5) or major > 2 or minor > 5
		struct.pack_into("<Q", data, at + 16, micro + 1)
		struct.pack_into("<Q", data, 24, 0)
		value = 0xcbf29ce484222325
		for byte in data:
		    value = (value ^ byte) * 0x100000001b3 % 2**64
		struct.pack_into("<Q", data, 24, value)
		open(sys.argv[1], "wb").write(data)
	END
	compiled
	assert_file_equal "$ENTRY" "$T/entry"
}

@test "cache: two writers at once, many times: each gets the right filter, the entry is whole" {
	local n job jobs
	cached
	for n in $(seq 5); do
		rm -f "$ENTRY"
		jobs=()
		for job in 1 2 3 4; do
			timeout 30 "$HULL" --root "$ROOT" run --bundle "$BUNDLE" "$ID-$n-$job" >"$T/out.$job" 2>&1 </dev/null &
			jobs+=($!)
		done
		for job in "${jobs[@]}"; do
			ended "$job"
			assert_status 0
		done
		for job in 1 2 3 4; do
			grep -qxF "call sysinfo : ENOSPC" "$T/out.$job"
		done
		assert_file_equal "$ENTRY" "$T/entry"
		assert_equal "$(ls -A "$ROOT/.seccomp" | wc -l)" 1
	done
}

@test "cache: bounded in number, the oldest goes" {
	local n
	cached
	for n in $(seq 70); do
		head -c 100 /dev/zero >"$ROOT/.seccomp/$(printf %016x "$n")"
		touch -d "2020-01-01 00:00:$((n % 60))" "$ROOT/.seccomp/$(printf %016x "$n")"
	done
	touch -d 2019-01-01 "$ROOT/.seccomp/.new-left"
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 29')"
	ask call sysinfo ""
	has "call sysinfo : ESPIPE"
	assert_equal "$(ls -A "$ROOT/.seccomp" | wc -l)" 64
	[ ! -e "$ROOT/.seccomp/.new-left" ]
	[ -e "$ENTRY" ]
}

# bats test_tags=uid0
@test "cache: a full disk means no cache, and no failure" {
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 28')"
	mkdir -p "$ROOT/.seccomp"
	chmod 700 "$ROOT/.seccomp"
	mount -t tmpfs -o size=4k,nr_inodes=3,mode=700 none "$ROOT/.seccomp"
	head -c 4096 /dev/zero >"$ROOT/.seccomp/full"
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
	assert_equal "$(ls -A "$ROOT/.seccomp")" full
	umount "$ROOT/.seccomp"
	rm -rf "$ROOT/.seccomp"
	# A read-only one.
	mkdir "$ROOT/.seccomp"
	mount -t tmpfs -o ro,mode=700 none "$ROOT/.seccomp"
	ask call sysinfo ""
	has "call sysinfo : ENOSPC"
	umount "$ROOT/.seccomp"
}

@test "the container's directory holds its filter, and state.json says so" {
	rules ALLOW "$(rule ERRNO sysinfo)"
	args /bin/sleep 100
	create
	assert_equal "$(stat -c %a "$ROOT/$ID/seccomp.bpf")" 600
	assert_equal "$(jq .seccomp "$ROOT/$ID/state.json")" true
	hull delete --force "$ID"
	config 'del(.linux.seccomp)'
	create
	[ ! -e "$ROOT/$ID/seccomp.bpf" ]
	hull delete "$ID"
}

# bats test_tags=uid0
@test "exec: a copy that is damaged, another's or linked elsewhere is an error, never no filter" {
	local change copy=$ROOT/$ID/seccomp.bpf
	rules ALLOW "$(rule ERRNO sysinfo 'errnoRet: 28')"
	args /bin/sleep 100
	create
	start
	cp -p "$copy" "$T/copy"
	for change in "chown 1000" "chmod 666" "truncate -s 40" "truncate -s 4000" "ln -f $T/copy" "ln -sf $T/copy" "rm"; do
		rm -f "$copy" && cp -p "$T/copy" "$copy"
		$change "$copy"
		attempt hull exec "$ID" /bin/probe call sysinfo ""
		assert_status 255
		lacks call
	done
	rm -f "$copy" && cp -p "$T/copy" "$copy"
	# Another profile in the bundle and an empty cache change nothing.
	rm -r "$ROOT/.seccomp"
	config 'del(.linux.seccomp)'
	attempt hull exec "$ID" /bin/probe call sysinfo "" + confinement
	assert_status 0
	has "call sysinfo : ENOSPC" "seccomp=2"
	[ ! -e "$ROOT/.seccomp" ]
}

@test "exec: its own listener, with its own pid, in a running container" {
	agent 28
	rules ALLOW "$(rule NOTIFY sysinfo)"
	config --arg p "$T/agent.sock" '.linux.seccomp += { listenerPath: $p, listenerMetadata: "m" }'
	args /bin/sleep 100
	create
	start
	attempt hull exec "$ID" /bin/probe call sysinfo ""
	assert_status 0
	has "call sysinfo : ENOSPC"
	wait_until test -e "$T/agent.2"
	assert_equal "$(jq -c --argjson p "$(pid_of)" '[.state.status, .state.pid == $p, .pid == $p, .metadata]' "$T/agent.2")" \
		'["running",true,false,"m"]'
	kill -KILL "$AGENT"
	rm "$T/agent.sock"
	attempt hull exec "$ID" /bin/probe echo ran
	assert_status 255
	has_text "$T/agent.sock"
	lacks ran
}

# bats test_tags=real_root
@test "an unprivileged user: filter, cache and listener, with and without no_new_privs" {
	local nnp
	require python setpriv
	rules ALLOW "$(rule NOTIFY sysinfo)" "$(rule ERRNO getppid)"
	config --arg p "$T/mine/agent.sock" '.linux.seccomp += { listenerPath: $p }
		| .linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 1000, size: 1 }]
		| .linux.gidMappings = .linux.uidMappings
		| .mounts |= map(select(.type == "proc"))'
	probe call sysinfo "" + call getppid "" + confinement
	mkdir "$T/mine"
	cp -a "$BUNDLE" "$T/mine/bundle"
	cp "$HULL_ITSELF" "$T/mine/hull"
	chown -R 1000:1000 "$T/mine"
	# From the run's own folder down everything may be passed through.
	local dir=$T
	while [ "$dir" != / ] && [ "$dir" != /tmp ]; do
		chmod a+x "$dir"
		dir=$(dirname "$dir")
	done
	user() { setpriv --reuid 1000 --regid 1000 --clear-groups "$@"; }
	env -u HULL_TEST_MARK setpriv --reuid 1000 --regid 1000 --clear-groups \
		"$(python3 -c 'import sys; print(sys.executable)')" - "$T/mine/agent.sock" "$T/mine/agent" 28 \
		<"$top/tests/helpers/seccomp-agent" >"$T/agent.out" 2>&1 &
	AGENT=$!
	wait_until test -S "$T/mine/agent.sock"
	for nnp in true false; do
		jq ".process.noNewPrivileges = $nnp" "$T/mine/bundle/config.json" >"$T/mine/config.$nnp"
		chmod 644 "$T/mine/config.$nnp"
		attempt user timeout $((30 * HULL_TEST_SLOW)) "$T/mine/hull" --root "$T/mine/root" run --bundle "$T/mine/bundle" \
			--config "$T/mine/config.$nnp" "$ID"
		assert_status 0
		has "call sysinfo : ENOSPC" "call getppid : EPERM" "seccomp=2"
	done
	assert_equal "$(find "$T/mine/root/.seccomp" -type f -user 1000 -perm 600 | wc -l)" 1
	[ -e "$T/mine/agent.2" ]
}
