#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hooks: order, where they run, what they get, what a failing one brings about.
# bats file_tags=everyone

load helpers

ALL="prestart createRuntime createContainer startContainer poststart poststop"

# hook KIND SCRIPT [JQ-OBJECT]: adds a hook run by sh; the object's members are added to it.
hook() {
	config --arg k "$1" --arg s "$2" --argjson more "${3:-{\}}" \
		'.hooks[$k] += [{ path: "/bin/sh", args: ["sh", "-c", $s] } + $more]'
}

# The directory that hooks write to: $T/log on the host, bound at the same place in the container.
log_dir() {
	mkdir -p "$T/log"
	chmod 777 "$T/log"
	mount_entry "$T/log" bind "$T/log" bind
}

all_hooks() {
	local kind
	log_dir
	for kind in $ALL; do
		hook $kind "${1//KIND/$kind}"
	done
}

# --- order and context ---

@test "all six run, in the specification's order, each list in its own" {
	log_dir
	local kind
	for kind in $ALL; do
		hook $kind "echo $kind 1 >>$T/log/order"
		hook $kind "echo $kind 2 >>$T/log/order"
	done
	shell "echo process >>$T/log/order; sleep 0.3"
	create
	assert_equal "$(tr '\n' ' ' <"$T/log/order")" \
		"prestart 1 prestart 2 createRuntime 1 createRuntime 2 createContainer 1 createContainer 2 "
	start
	wait_status stopped
	hull delete "$ID"
	assert_equal "$(sort "$T/log/order" | wc -l)" 13
	assert_equal "$(sed -n '7,8p' "$T/log/order" | tr '\n' ' ')" "startContainer 1 startContainer 2 "
	assert_equal "$(grep -v process "$T/log/order" | sed -n '9,12p' | tr '\n' ' ')" \
		"poststart 1 poststart 2 poststop 1 poststop 2 "
}

@test "all six run in a run, too" {
	all_hooks "echo KIND >>$T/log/order"
	shell "sleep 0.3"
	inside
	assert_equal "$(tr '\n' ' ' <"$T/log/order")" "$ALL "
}

@test "hooks of the runtime run in its namespaces, those of the container in the container's" {
	local kind ns
	all_hooks "for n in mnt uts ipc pid; do readlink /proc/self/ns/\$n; done >$T/log/KIND"
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	for ns in mnt uts ipc; do readlink "/proc/$(pid_of)/ns/$ns"; done >"$T/inner"
	for ns in mnt uts ipc; do readlink "/proc/self/ns/$ns"; done >"$T/outer"
	hull delete --force "$ID"
	for kind in prestart createRuntime poststart poststop; do
		assert_equal "$kind $(head -n 3 "$T/log/$kind")" "$kind $(cat "$T/outer")"
	done
	for kind in createContainer startContainer; do
		assert_equal "$kind $(head -n 3 "$T/log/$kind")" "$kind $(cat "$T/inner")"
	done
}

@test "createContainer is found on the host and runs before the pivot, startContainer inside" {
	log_dir
	cat >"$T/host-hook" <<-END
		#!/bin/sh
		ls / >$T/log/createContainer
	END
	chmod 755 "$T/host-hook"
	config --arg p "$T/host-hook" '.hooks.createContainer = [{ path: $p }]'
	printf '#!/bin/sh\nls / >%s/log/startContainer\n' "$T" >rootfs/inner-hook
	chmod 755 rootfs/inner-hook
	config '.hooks.startContainer = [{ path: "/inner-hook" }]'
	: >rootfs/only-inside
	inside
	run ! grep -q only-inside "$T/log/createContainer"
	grep -q only-inside "$T/log/startContainer"
}

@test "createContainer sees the container's mounts below the root" {
	log_dir
	hook createContainer "grep -c $BUNDLE/rootfs/dev/pts /proc/self/mountinfo >$T/log/n"
	inside
	[ "$(cat "$T/log/n")" -ge 1 ]
}

# bats test_tags=uid0
@test "prestart and createRuntime run when the mounts are there and the network namespace can be set up" {
	config '.linux.namespaces += [{ type: "network" }]'
	log_dir
	hook createRuntime "pid=\$(sed 's/.*\"pid\": *\([0-9]*\).*/\1/' | head -n 1); echo \$pid >$T/log/pid
		nsenter -n -t \$pid ip link add made type dummy || nsenter -n -t \$pid ip link set lo down"
	probe netdev
	run_container
	assert_status 0
	has_text "netdev="
	[ -s "$T/log/pid" ]
	matches 'netdev=made|netdev=lo up=0'
}

# --- what a hook gets ---

@test "each gets the state on stdin, with id, bundle, annotations, the right status and pid" {
	config '.annotations = { "org.example.k": "v" }'
	all_hooks "cat >$T/log/KIND"
	probe wait-signal
	create_logged
	local pid kind status
	pid=$(pid_of)
	start
	wait_until out_has waiting
	hull delete --force "$ID"
	for kind in $ALL; do
		case $kind in
		prestart | createRuntime | createContainer) status=creating ;;
		startContainer) status=created ;;
		poststart) status=running ;;
		poststop) status=stopped ;;
		esac
		assert_equal "$kind: $(jq -r '[.id, .status, .bundle, .annotations["org.example.k"]] | join(" ")' \
			"$T/log/$kind")" "$kind: $ID $status $BUNDLE v"
		[[ $(jq -r .ociVersion "$T/log/$kind") == 1.* ]]
	done
	for kind in prestart createRuntime poststart; do
		assert_equal "$kind $(jq .pid "$T/log/$kind")" "$kind $pid"
	done
	assert_equal "$(jq '.pid // 0' "$T/log/poststop")" 0
	# The pid as seen in the hook's own pid namespace.
	assert_equal "$(jq '.pid' "$T/log/startContainer")" 1
}

@test "args are the hook's arguments, args[0] its name; without args it's the path" {
	log_dir
	# shellcheck disable=SC2016 # expanded by the hook
	hook createRuntime 'tr "\0" " " </proc/$$/cmdline >'"$T/log/args"
	printf '#!/bin/sh\necho "$0 $#" >%s/log/none\n' "$T" >"$T/hook"
	chmod 755 "$T/hook"
	config --arg p "$T/hook" '.hooks.createRuntime += [{ path: $p }]'
	inside
	grep -q '^sh -c tr' "$T/log/args"
	assert_equal "$(cat "$T/log/none")" "$T/hook 0"
}

@test "env given: exactly that; an empty list: nothing" {
	log_dir
	local kind
	for kind in createRuntime createContainer startContainer poststart poststop; do
		# "; :" keeps the shell from becoming tr, whose stdin would then be its own past.
		hook $kind "/bin/cat /proc/self/environ | tr '\\0' '\\n' >$T/log/given-$kind; :" '{ "env": ["A=1", "PATH=/usr/bin:/bin"] }'
		hook $kind "/bin/cat /proc/self/environ >$T/log/empty-$kind" '{ "env": [] }'
	done
	shell "sleep 0.2"
	inside
	for kind in createRuntime createContainer startContainer poststart poststop; do
		# what the shell adds of its own doesn't count
		assert_equal "$kind $(grep -v '^\(PWD\|SHLVL\|_\)=' "$T/log/given-$kind" | tr '\n' ' ')" "$kind A=1 PATH=/usr/bin:/bin "
		assert_equal "$kind $(grep -zv '^\(PWD\|SHLVL\|_\)=\|^PATH=/sbin:/usr/sbin:/bin:/usr/bin$' <"$T/log/empty-$kind" | tr '\0' ' ')" "$kind "
	done
}

@test "env absent: hull's environment without LD_*; for startContainer the process's" {
	log_dir
	local kind
	for kind in createRuntime createContainer startContainer; do
		hook $kind "/bin/cat /proc/self/environ | tr '\\0' '\\n' >$T/log/$kind; :"
	done
	FROM_CALLER=1 LD_LIBRARY_PATH=/x LD_PRELOAD="" inside
	for kind in createRuntime createContainer; do
		grep -qx FROM_CALLER=1 "$T/log/$kind"
		! grep -q '^LD_' "$T/log/$kind"
	done
	run ! grep -q FROM_CALLER "$T/log/startContainer"
	grep -qx PATH=/bin:/usr/bin "$T/log/startContainer"
}

@test "an LD_PRELOAD of the image's environment reaches no hook of the host" {
	config '.process.env += ["LD_PRELOAD=/evil.so", "EVIL=1"]'
	log_dir
	local kind
	for kind in prestart createRuntime createContainer poststart poststop; do
		hook $kind "/bin/cat /proc/self/environ | tr '\\0' '\\n' >$T/log/$kind; :"
	done
	shell "sleep 0.2"
	inside
	for kind in prestart createRuntime createContainer poststart poststop; do
		[ -s "$T/log/$kind" ]
		! grep -q 'EVIL\|LD_PRELOAD' "$T/log/$kind"
	done
}

@test "the working directory is the bundle in the runtime's namespace, / in the container's" {
	all_hooks "pwd -P >$T/log/KIND"
	shell "sleep 0.2"
	cd /
	inside
	local kind
	for kind in prestart createRuntime poststart poststop; do
		assert_equal "$kind $(cat "$T/log/$kind")" "$kind $BUNDLE"
	done
	for kind in createContainer startContainer; do
		assert_equal "$kind $(cat "$T/log/$kind")" "$kind /"
	done
}

@test "no fd of hull's reaches a hook" {
	all_hooks "ls -l /proc/self/fd | grep -c -- '->' >$T/log/KIND; ls -l /proc/self/fd >>$T/log/KIND"
	shell "sleep 0.2"
	inside
	local kind
	for kind in $ALL; do
		# 0, 1, 2, and the directory that ls reads
		[ "$(head -n 1 "$T/log/$kind")" -le 4 ] || {
			cat "$T/log/$kind" >&2
			return 1
		}
	done
}

@test "a hook's stdin that isn't read is no error, and a large state is read whole" {
	config '.annotations = { "org.example.big": ("x" * 200000) }'
	log_dir
	hook createRuntime "true"
	hook createRuntime "cat >$T/log/state"
	inside
	assert_equal "$(jq -r '.annotations["org.example.big"] | length' "$T/log/state")" 200000
}

# --- failures ---

@test "each of the first five failing destroys the container and runs poststop" {
	local kind
	for kind in prestart createRuntime createContainer startContainer poststart; do
		base_config >config.json
		rm -rf "$T/log"
		log_dir
		hook $kind "echo 'the reason why' >&2; exit 3"
		hook $kind "echo never >$T/log/second"
		hook poststop "echo ran >$T/log/poststop"
		shell "echo ran >$T/log/process; sleep 30"
		run_container
		assert_fails "/hooks/$kind/0" "the reason why" 3
		[ ! -e "$T/log/second" ]
		[ -e "$T/log/poststop" ] || {
			say_output "poststop did not run after $kind"
			return 1
		}
		[ $kind = poststart ] || [ ! -e "$T/log/process" ]
		assert_nothing_left
	done
}

@test "a poststart hook fails when the process has ended: it is the hook's failure, and poststop runs" {
	log_dir
	hook poststart "pid=\$(sed 's/.*\"pid\": *\([0-9]*\).*/\1/' | head -n 1)
		until grep -q '^State:.Z' /proc/\$pid/status; do sleep 0.02; done; exit 3"
	hook poststop "echo ran >$T/log/poststop"
	attempt hull run "$ID"
	assert_fails "run poststart hooks: /hooks/poststart/0" "exit status 3"
	lacks "without a word"
	[ -e "$T/log/poststop" ]
	assert_nothing_left
}

@test "with create and start apart it is the right command that fails" {
	local kind
	for kind in prestart createRuntime createContainer; do
		base_config >config.json
		hook $kind "exit 1"
		attempt hull create "$ID"
		assert_fails "/hooks/$kind/0"
		assert_nothing_left
	done
	for kind in startContainer poststart; do
		base_config >config.json
		log_dir
		hook $kind "exit 1"
		hook poststop "echo ran >$T/log/$kind"
		probe wait-signal
		create
		attempt hull start "$ID"
		assert_fails "/hooks/$kind/0"
		[ -e "$T/log/$kind" ]
		assert_nothing_left
	done
}

@test "a failing poststop is a warning, the others still run, delete succeeds" {
	log_dir
	hook poststop "echo 'went wrong' >&2; exit 9"
	hook poststop "echo ran >$T/log/second"
	create
	start
	wait_status stopped
	run hull delete "$ID"
	assert_status 0
	has_text /hooks/poststop/0 "went wrong"
	[ -e "$T/log/second" ]
	assert_nothing_left
}

@test "a hook over its timeout is killed, and that is a failure that says so" {
	log_dir
	hook createRuntime "echo \$\$ >$T/log/pid; exec sleep 60" "{ \"timeout\": $((3 * HULL_TEST_SLOW)) }"
	run_container
	assert_fails /hooks/createRuntime/0 timeout
	[ -s "$T/log/pid" ]
	[ ! -e "/proc/$(cat "$T/log/pid")" ]
	assert_nothing_left
}

# interrupted SIGNAL...: a foreground run whose hook KIND never ends gets them while it waits for that,
# all at once.
interrupted() {
	local signal
	# A shell's background jobs ignore SIGINT.
	env --default-signal=INT "$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	RUN=$!
	wait_until test -e "$T/log/waits"
	[ $# = 1 ] || kill -STOP $RUN
	for signal; do
		kill "-$signal" $RUN
	done
	[ $# = 1 ] || kill -CONT $RUN
	ended $RUN
	output=$(cat "$T/out")
}

@test "a signal that asks to end ends a run that waits for a hook: killed, undone, poststop, status 128+n" {
	local kind signal
	for kind in prestart createRuntime createContainer startContainer poststart; do
		for signal in INT TERM; do
			base_config >config.json
			log_dir
			rm -f "$T/log/"*
			# poststop isn't cut short by further signals.
			hook poststop "kill -$signal \$PPID; sleep 0.2; echo poststop >>$T/log/end"
			hook "$kind" "trap '' INT TERM; echo >$T/log/waits; while :; do sleep 1; done"
			args /bin/sleep 1000
			interrupted $signal
			assert_status $((128 + $(kill -l $signal)))
			has_text "hull was asked to end by signal $(kill -l $signal)"
			assert_equal "$(cat "$T/log/end")" poststop
			assert_nothing_left
		done
	done
}

@test "an interrupted hook is named, and one who waits for hooks of the container's ends as soon" {
	log_dir
	hook createRuntime "echo >$T/log/waits; sleep 1000" '{ "timeout": 500 }'
	interrupted TERM
	assert_status 143
	has_text "/hooks/createRuntime/0: hook '/bin/sh': killed: hull was asked to end by signal 15 (Terminated)"
	rm "$T/log/waits"
	base_config >config.json
	log_dir
	hook startContainer "echo >$T/log/waits; sleep 1000"
	args /bin/sleep 1000
	interrupted INT TERM
	[ "$status" = 130 ] || [ "$status" = 143 ]
	has_text "the container isn't made: hull was asked to end by signal"
}

@test "SIGINT that the caller ignores interrupts no hook, and other signals neither" {
	log_dir
	hook createRuntime "echo >$T/log/waits; while [ ! -e $T/log/go ]; do sleep 0.05; done"
	probe exit 7 # process 1 of its namespace, which SIGUSR2 does nothing to
	(
		wait_until test -e "$T/log/waits"
		kill -INT "$(cat "$T/pid")"
		kill -USR2 "$(cat "$T/pid")"
		kill -CHLD "$(cat "$T/pid")"
		touch "$T/log/go"
	) 3>&- &
	sh -c 'echo $$ >"$0"; exec "$@"' "$T/pid" "$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	ended $!
	assert_status 7
}

@test "a hook within its timeout is fine" {
	hook createRuntime "sleep 0.1" '{ "timeout": 10 }'
	inside
}

@test "a timeout of 0 or less is an error" {
	hook createRuntime true '{ "timeout": 0 }'
	run_container
	assert_fails /hooks/createRuntime/0/timeout
}

@test "a missing or relative hook path is an error that names it" {
	config '.hooks.createRuntime = [{ path: "/no/such/hook" }]'
	run_container
	assert_fails /hooks/createRuntime/0 /no/such/hook "no such file"
	config '.hooks.createRuntime = [{ path: "relative" }]'
	run_container
	assert_fails /hooks/createRuntime/0/path absolute
	config '.hooks.createRuntime = [{}]'
	run_container
	assert_fails /hooks/createRuntime/0/path
	assert_nothing_left
}

@test "a hook killed by a signal is a failure that names the signal" {
	# shellcheck disable=SC2016 # expanded by the hook
	hook createRuntime 'kill -KILL $$'
	run_container
	assert_fails /hooks/createRuntime/0 9
}

@test "control characters and more than 1 KiB of a hook's stderr don't get into the error" {
	# shellcheck disable=SC2016 # expanded by the hook
	hook createRuntime 'printf "\033[31mred\007\n" >&2; head -c 5000 /dev/zero | tr "\0" "y" >&2; echo " THE END" >&2; exit 1'
	run_container
	assert_fails "THE END"
	lacks $'\033' $'\007'
	[ "${#output}" -lt 2100 ]
}

@test "a hook that leaves a process behind doesn't hang hull" {
	hook createRuntime "sleep 1000 & exit 0"
	run timeout 60 "$HULL" --root "$ROOT" run "$ID" </dev/null
	assert_status 0
	local pid
	for pid in $(left_processes "$ID" | sed 's/ .*//'); do
		kill -KILL "$pid" 2>/dev/null || true
	done
}

@test "a startContainer hook, which the image may provide, gets no more than the process" {
	log_dir
	config '.process.user = { uid: 1000, gid: 1000 } | .process.noNewPrivileges = true
		| .process.capabilities = { bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"] }'
	hook startContainer "grep -E '^(Uid|Gid|Cap|NoNew)' /proc/self/status >$T/log/ids"
	inside
	assert_equal "$(tr -s '\t\n' '  ' <"$T/log/ids")" "Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000 \
CapInh: 0000000000000000 CapPrm: 0000000000000000 CapEff: 0000000000000000 CapBnd: 0000000000000001 \
CapAmb: 0000000000000000 NoNewPrivs: 1 "
}

@test "of deletes at once one runs the poststop hooks" {
	log_dir
	hook poststop "echo ran >>$T/log/poststop; sleep 0.3"
	args /bin/true
	create_logged
	start
	wait_status stopped
	local pids=() pid
	for _ in 1 2 3 4; do
		hull delete "$ID" >/dev/null 2>&1 </dev/null 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || true
	done
	assert_equal "$(cat "$T/log/poststop")" ran
}

# slow_reader CALL: hull takes its time before each such call, so that whoever writes on without end has
# more for it by then.
slow_reader() {
	printf '#!/bin/sh\nexec strace -D -qq -o /dev/null -e trace=%s -e inject=%s:delay_enter=20000 %q "$@"\n' \
		"$1" "$1" "$HULL" >"$T/slow"
	chmod 755 "$T/slow"
	HULL=$T/slow
}

@test "who writes to a hook's output without end outlasts neither its timeout, nor a signal, nor its own end" {
	require strace
	slow_reader read
	log_dir
	local end="while [ ! -e $T/log/over ]; do printf %09999d 0; done"
	hook createRuntime "$end" "{ \"timeout\": $((2 * HULL_TEST_SLOW)) }"
	run_container
	assert_fails /hooks/createRuntime/0 timeout
	base_config >config.json
	log_dir
	hook createRuntime "echo >$T/log/waits; $end"
	interrupted TERM
	assert_status 143
	base_config >config.json
	log_dir
	hook createRuntime "setsid sh -c '$end' & exit 0"
	run_container
	touch "$T/log/over"
	assert_status 0
	wait_until nobody_left
}

@test "a killed hook that can't be reaped is waited for within a limit" {
	require strace
	# A tracer that doesn't look keeps even a dead one from its parent, as a sleep that no signal ends does.
	# shellcheck disable=SC2016 # expanded by the hook
	local held='setsid strace -qq -o /dev/null -p $$ >/dev/null 2>&1 </dev/null & echo $! >LOG/tracer
		while grep -q "TracerPid:.0$" /proc/$$/status; do sleep 0.05; done
		kill -STOP $!; sleep 1000'
	log_dir
	hook createRuntime "${held//LOG/$T/log}" "{ \"timeout\": $((3 * HULL_TEST_SLOW)) }"
	attempt timeout --foreground -k 5 60 "$HULL" --root "$ROOT" run "$ID"
	kill -KILL "$(cat "$T/log/tracer")"
	assert_fails /hooks/createRuntime/0 timeout
	wait_until nobody_left
}

nobody_left() { [ -z "$(left_processes "$ID")" ]; }

# run_until_poststart SCRIPT: a run that is at its poststart hook, which goes on with the script after $T/log/go.
run_until_poststart() {
	log_dir
	hook poststop "echo ran >>$T/log/poststop"
	hook poststart "echo >$T/log/waits; while [ ! -e $T/log/go ]; do sleep 0.05; done; $1"
	args /bin/sleep 1000
	"$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	RUN=$!
	wait_until test -e "$T/log/waits"
}

@test "delete --force while a run is at its poststart hooks: the poststop hooks run, once, whether those fail then or not" {
	local script
	for script in "exit 0" "exit 9"; do
		base_config >config.json
		rm -rf "$T/log"
		run_until_poststart "$script"
		run timeout 60 "$HULL" --root "$ROOT" delete --force "$ID"
		assert_status 0
		assert_equal "$(cat "$T/log/poststop")" ran
		touch "$T/log/go"
		ended $RUN
		[ "$status" != 0 ]
		assert_equal "$(cat "$T/log/poststop")" ran
		assert_nothing_left
	done
}

@test "a run whose program can't be executed runs the poststop hooks: it was created" {
	log_dir
	hook poststop "echo ran >>$T/log/poststop"
	printf '\177ELF and no more' >rootfs/bad
	chmod 755 rootfs/bad
	args /bad
	run_container
	assert_fails /bad
	assert_equal "$(cat "$T/log/poststop")" ran
	assert_nothing_left
}

@test "another delete takes the stored config.json away while this one is about to run the hooks: they run" {
	require strace
	log_dir
	hook poststop "echo ran >>$T/log/poststop"
	args /bin/true
	create_logged
	start
	wait_status stopped
	# The first one is stopped when it has the lock of the directory: flock is its last call before the hooks.
	strace -qq -o "$T/trace" -e trace=flock -e inject=flock:signal=STOP:when=1 \
		"$HULL_ITSELF" --root "$ROOT" delete "$ID" >"$T/out" 2>&1 </dev/null 3>&- &
	local tracer=$! first
	wait_until grep -q SIGSTOP "$T/trace"
	first=$(pgrep -P $tracer)
	hull delete "$ID"
	kill -CONT "$first"
	ended $tracer
	assert_status 0
	assert_equal "$(cat "$T/out")" ""
	assert_equal "$(cat "$T/log/poststop")" ran
	assert_nothing_left
}

@test "hull is killed just before its hook asks to die with it: the hook isn't run" {
	require strace
	config --arg f "$T/ran" '.hooks.createRuntime = [{ path: "/bin/touch", args: ["touch", $f] }]'
	# Whoever asks for its parent's death as signal is slow at it; the second one is the hook.
	local slow=$((HULL_TEST_SLOW > 1 ? 8000000 : 4000000))
	strace -f -qq -o "$T/trace" -e trace=prctl,getppid -e inject=prctl:delay_enter=$slow:when=1 \
		"$HULL" --root "$ROOT" create --pid-file "$T/pid" "$ID" >/dev/null 2>&1 3>&- </dev/null &
	local tracer=$! hull
	wait_until hook_forked $tracer
	hull=$(pgrep -P $tracer -x "${HULL##*/}")
	kill -KILL "$hull"
	ended $tracer
	# The tracer ended last of all.
	[ ! -e "$T/ran" ]
	grep -q getppid "$T/trace"
	hull delete --force "$ID"
}

# Of hull's two children one is INIT. systemd's helper, which may be a third, goes before the hooks.
hook_forked() {
	local hull helpers
	hull=$(pgrep -P "$1" -x "${HULL##*/}") || return
	helpers=$(pgrep -c -P "$hull" -x hull-systemd)
	[ "$(pgrep -P "$hull" | wc -l)" = $((2 + helpers)) ]
}
