#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# Every row of the table fails, before its deed and after it, and every living role is killed at
# every row: the error names the row, and nothing is left, after a SIGKILL once delete ran. Each row of
# the table is in one of the bundles.

load helpers

setup() {
	common_setup
	require hull_test python
	export NOTIFY_SOCKET=$T/manager
}

teardown() {
	local pid
	for pid in ${SINK:-} ${HOLDERS:-}; do kill -KILL "$pid" 2>/dev/null || true; done
	common_teardown
}

# Other callers run the same code: what the tests do at each row with the first bundle, they do at each
# third one with the rest; and so it is in the machine, where everything is slow, at each eighth.
STEP=1
is_root_of_host || STEP=3
[ "$HULL_TEST_SLOW" = 1 ] || STEP=8
part() { awk -v step=$STEP 'NR % step == 0'; }

# holder OPTION...: a process in new namespaces, as for unshare(1); $HOLDER.
holder() {
	env -u HULL_TEST_MARK unshare "$@" sleep 600 >/dev/null 2>&1 3>&- &
	HOLDER=$!
	HOLDERS="${HOLDERS:-} $HOLDER"
	wait_until grep -qx sleep "/proc/$HOLDER/comm"
}

# join TYPE...: the holder's namespaces. With user its maps are told as well.
join() {
	local type
	for type; do
		config --arg t "$type" --arg p "/proc/$HOLDER/ns/$(sed 's/network/net/; s/mount/mnt/' <<<"$type")" \
			'.linux.namespaces |= (map(select(.type != $t)) + [{ type: $t, path: $p }])'
	done
	[[ " $* " != *" user "* ]] || config --rawfile uids "/proc/$HOLDER/uid_map" --rawfile gids "/proc/$HOLDER/gid_map" '
		def ranges: [scan("[0-9]+") | tonumber] | [{ containerID: .[0], hostID: .[1], size: .[2] }];
		.linux.uidMappings = ($uids | ranges) | .linux.gidMappings = ($gids | ranges)'
}

# What needs more ids than the one that an ordinary user's holder has.
only_root_id() {
	config '.process.user = { uid: 0, gid: 0 }
		| .mounts |= map(if .options then .options -= ["gid=5"] else . end)'
}

# At the other end of the sockets that a create may be given: takes everything, says nothing.
sink() {
	env -u HULL_TEST_MARK python3 - "$T" <<-'END' &
		import collections, os, selectors, socket, sys
		top = sys.argv[1]
		events = selectors.DefaultSelector()
		kept = collections.deque(maxlen=20)
		for name in ("console", "pidfd", "agent"):
		    server = socket.socket(socket.AF_UNIX)
		    server.bind(f"{top}/{name}.sock")
		    server.listen(100)
		    events.register(server, selectors.EVENT_READ, "listener")
		manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		manager.bind(f"{top}/manager")
		events.register(manager, selectors.EVENT_READ, "peer")
		while True:
		    for key, _ in events.select():
		        if key.data == "listener":
		            events.register(key.fileobj.accept()[0], selectors.EVENT_READ, "peer")
		            continue
		        data, fds, _, _ = socket.recv_fds(key.fileobj, 4096, 4)
		        # Not closed at once: a terminal's end is a signal, which ends a created container.
		        for fd in fds:
		            if len(kept) == kept.maxlen:
		                os.close(kept.popleft())
		            kept.append(fd)
		        if not data and key.fileobj is not manager:
		            events.unregister(key.fileobj)
		            key.fileobj.close()
	END
	SINK=$!
	wait_until test -S "$T/manager"
}

# A bundle that skips as few rows as one can, without and with namespaces joined by path.
everything() {
	config '.root.readonly = true
		| .hooks = ([ "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
			"poststop" ] | map({ (.): [{ path: "/bin/true" }] }) | add)
		| .linux.maskedPaths = ["/etc"] | .linux.readonlyPaths = ["/proc/sys"]
		| .linux.sysctl = { "kernel.msgmax": "9000" }
		| .linux.personality = { domain: "LINUX" }
		| .linux.namespaces += [{ type: "network" }]
		| .process.terminal = true
		| .process.noNewPrivileges = false
		| .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "'"$T"'/agent.sock",
			syscalls: [{ names: ["ptrace"], action: "SCMP_ACT_NOTIFY" }] }
		| .process.oomScoreAdj = 500
		| .process.scheduler = { policy: "SCHED_BATCH", nice: 1 }
		| .process.ioPriority = { class: "IOPRIO_CLASS_IDLE" }
		| .linux.memoryPolicy = { mode: "MPOL_LOCAL" }
		| .process.user = { uid: 1000, gid: 1000 }
		| .process.rlimits = [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }]
		| .mounts += [{ destination: "/tmp", type: "tmpfs", source: "x" },
			{ destination: "/mnt", type: "bind", source: "/usr", options: ["rbind", "ro"] }]'
	shell 'sleep 0.3'
	# Root of a user namespace can map the ids of new file systems, an ordinary user those of none.
	! is_root_of_host || with_ids '{ destination: "/var/a", type: "bind", source: "rootfs/etc", options: ["bind"] }'
	! have_root || with_ids '{ destination: "/var/b", type: "tmpfs", options: ["idmap"] }'
}

with_ids() {
	config ".mounts += [$1 | .uidMappings = [{ containerID: 0, hostID: 1000, size: 5 }] | .gidMappings = .uidMappings]"
}

joining() {
	everything
	config 'del(.hostname) | .process.terminal = false'
	if is_root_of_host; then
		config '.process.scheduler = { policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 100000000 }'
	fi
	if have_root; then
		holder -u -n
		join uts network
	else
		holder -U -r -u -n
		join user uts network
		only_root_id
	fi
}

# User and time namespaces: ids written from outside, offsets by STAGE. With the host's own ids, so
# that root inside may do in the bundle what root outside may. (An ordinary user has one anyway.)
mapping() {
	everything
	! have_root || config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	config '.linux.namespaces += [{ type: "time" }]
		| .linux.timeOffsets = { monotonic: { secs: 1000 } }
		| .process.terminal = false'
}

# Mounts that somebody else has made, and where it can be the cgroup namespace.
others_mounts() {
	if have_root; then
		holder -m -C
	else
		holder -U -r -m
		join user
	fi
	join mount
	! have_root || join cgroup
	only_root_id
	config --arg root "$BUNDLE/rootfs" '.root.path = $root | .mounts = [] | del(.hostname)'
}

# A user namespace that somebody else has made.
others_ids() {
	if have_root; then
		holder -U
		echo "0 0 65536" >"/proc/$HOLDER/uid_map"
		echo "0 0 65536" >"/proc/$HOLDER/gid_map"
	else
		holder -U -r
	fi
	join user
	only_root_id
}

# Scheduling that INIT has to set for itself, behind its hooks.
own_schedule() {
	everything
	config '.process.terminal = false'
	! is_root_of_host || config '.process.scheduler = {
		policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 100000000 }'
}

# A cgroup that the process's user may rule.
own_cgroup() {
	config '.process.user.uid = 1000
		| .mounts += [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }]'
}

create_options() {
	OPTIONS=(--pid-file "$T/pid" --pidfd-socket "$T/pidfd.sock")
	[ "$(jq .process.terminal config.json)" != true ] || OPTIONS+=(--console-socket "$T/console.sock")
}

# rows COMMAND: "ROLE KIND row" of each that isn't skipped; KIND is makes, to (a message) or does.
rows() {
	"$HULL_TEST" --root "$ROOT" "$1" --explain "${@:2}" "$ID" | grep -v '^-' |
		sed -E 's/^  ([A-Z]+) +(.*) \((makes|to) [A-Z]+\)$/\1 \3 \2/; s/^  ([A-Z]+) +/\1 does /'
}

# whats KIND ROW: where it can fail. A program that was executed can't fail any more, nor can who
# sent a message before the answer is there.
whats() {
	echo before
	[ "$1" = to ] || [ "$2" = "execute the process" ] || echo after
}

broken() {
	echo "at '$1': $2" >&2
	printf '  status: %s\n' "$status" >&2
	printf '%s\n' "$output" | sed 's/^/  output: /' >&2
	return 1
}

# The start rows are those of run that create hasn't.
start_rows() {
	echo "START meets meet at the start socket"
	rows run | sed 's/^PARENT/START/' | sed '1,/ record the container as created$/d'
}

# In the state root, of the pid file, of processes, mounts and cgroups nothing is left.
clean() {
	[ ! -e "$T/pid" ] || {
		echo "the pid file is left" >&2
		return 1
	}
	assert_nothing_left
}

# fail_at ROW WHAT: one failure, by create or, later in the table, by start.
fail_at() {
	local by=create
	rm -f "$T/pid"
	HULL_FAULT=$1:$2 attempt timeout 30 "$HULL_TEST" --root "$ROOT" create "${OPTIONS[@]}" "$ID"
	if [ "$status" = 0 ]; then
		by=start
		HULL_FAULT=$1:$2 attempt timeout 30 "$HULL_TEST" --root "$ROOT" start "$ID"
	fi
	[ "$status" != 0 ] || broken "$1:$2" "no failure" || return
	[ "$status" = 1 ] || broken "$1:$2" "exit status" || return
	[[ $output == *"$1"* ]] || broken "$1:$2" "the error doesn't name the row" || return
	[[ $output == *"fault injected"* ]] || broken "$1:$2" "the error doesn't tell the cause" || return
	if [ $by = start ]; then
		hull delete --force "$ID" || broken "$1:$2" "delete failed" || return
		rm -f "$T/pid"
	fi
	clean || broken "$1:$2" "something is left"
}

all_rows() {
	rows create "${OPTIONS[@]}"
	start_rows
}

# fail_rows AT-LEAST: those on standard input.
fail_rows() {
	local role kind row what n=0
	while read -r role kind row; do
		for what in $(whats "$kind" "$row"); do
			fail_at "$row" "$what"
			n=$((n + 1))
		done
	done
	[ $n -ge "$1" ]
	echo "# $n failures injected" >&3
}

fail_everywhere() {
	create_options
	all_rows | part >"$T/rows"
	fail_rows $((80 / STEP)) <"$T/rows"
}

@test "each row fails before and after its deed: the error names it, nothing is left" {
	sink
	everything
	[ "$HULL_TEST_SLOW" != 1 ] || STEP=1
	fail_everywhere
}

@test "the same where namespaces are joined by path" {
	sink
	joining
	fail_everywhere
}

@test "the same with new user and time namespaces" {
	sink
	mapping
	fail_everywhere
}

# What the host's controllers can hold.
limited() {
	! controlled hugetlb || config '.linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 0 }]'
	! controlled pids || config '.linux.resources.pids.limit = 100'
}

controlled() { is_root_of_host && hand_on "$1" && grep -qw "$1" "$CGROUP/cgroup.controllers"; }

# elsewhere ROW: what has a file of its own, with its own failures at the row; or isn't for this caller.
elsewhere() {
	case $1 in
	*"RDT class of service") ;; # intel_rdt.bats
	"find network devices" | "move network devices") ;; # net_devices.bats
	"ask for the security labels" | "open the label's attribute" | "set the security label") ;; # apparmor.bats
	"label the session keyring to come") ;; # selinux.bats
	"reach systemd" | "have systemd make the scope" | "record the scope's cgroup" | \
		"release the scope's keeper" | "set the scope's tight limits") ;; # systemd.bats
	"let its creator look at it") have_root ;; # an ordinary user's only
	"set limits") ! controlled hugetlb ;;
	"limit the number of processes") ! controlled pids ;;
	"attach the device filter" | "set scheduling and I/O priority") ! is_root_of_host ;;
	"make the cgroup") by_systemd ;; # the other manager's
	"make idmapped file systems" | "map ids of mounts") ! have_root ;;
	"give the cgroup to the process's user") ! have_root ;;
	*) false ;;
	esac
}

@test "each row of the table is in one of the bundles, and fails there" {
	local bundle row missing=0
	sink
	: >"$T/known"
	for bundle in everything joining mapping others_mounts others_ids own_schedule own_cgroup limited; do
		base_config >config.json
		$bundle
		create_options
		all_rows | grep -vxFf "$T/known" >"$T/rows" || true
		# The first three have tests of their own.
		case $bundle in
		everything | joining | mapping) ;;
		*) fail_rows 0 <"$T/rows" ;;
		esac
		cat "$T/rows" >>"$T/known"
	done
	cut -d ' ' -f 3- "$T/known" | sort -u >"$T/covered"
	for command in create run; do
		hull $command --explain "$ID" | sed -E 's/^[- ] [A-Z]+ +//; s/ \((makes|to|meets) [A-Z]+\)$//'
	done | sort -u >"$T/table"
	while read -r row; do
		! elsewhere "$row" || continue
		echo "in no bundle: $row" >&2
		missing=$((missing + 1))
	done < <(comm -13 "$T/covered" "$T/table")
	[ "$(wc -l <"$T/table")" -gt 80 ]
	[ $missing = 0 ]
}

@test "the same for run" {
	local role kind row what n=0
	sink
	unset NOTIFY_SOCKET
	everything
	config '.process.terminal = false'
	while read -r role kind row; do
		for what in $(whats "$kind" "$row"); do
			HULL_FAULT=$row:$what attempt timeout 30 "$HULL_TEST" --root "$ROOT" run "$ID"
			[ "$status" != 0 ] || broken "$row:$what" "no failure"
			[[ $output == *"$row"* ]] || broken "$row:$what" "the error doesn't name the row"
			clean || broken "$row:$what" "something is left"
			n=$((n + 1))
		done
	done < <(rows run | part)
	[ $n -gt $((60 / STEP)) ]
	echo "# $n failures injected" >&3
}

# kill_at ROW ROLE: SIGKILL, then delete --force removes all.
kill_at() {
	local fault=$1:kill-$2 first
	rm -f "$T/pid"
	HULL_FAULT=$fault attempt timeout 30 "$HULL_TEST" --root "$ROOT" create "${OPTIONS[@]}" "$ID"
	first=$status
	if [ "$status" = 0 ]; then
		HULL_FAULT=$fault attempt timeout 30 "$HULL_TEST" --root "$ROOT" start "$ID"
	fi
	[ "$status" != 124 ] || broken "$fault" "hangs" || return
	if [ "$status" = 0 ]; then
		# That role doesn't come by this row.
		UNREACHED=$((UNREACHED + 1))
	elif [ "$2" = parent ] && [ "$first" != 0 ]; then
		# What its creator didn't finish ends with it.
		assert_no_process || broken "$fault" "a process outlives its creator" || return
	elif [ "$2" != start ] && [ "$first" != 0 ]; then
		# The survivor tells, and cleans up.
		[[ $output =~ killed|ended|gone ]] || broken "$fault" "the error doesn't tell of the death" || return
		clean || broken "$fault" "the survivor left something" || return
	fi
	attempt hull delete --force "$ID"
	[ "$status" = 0 ] || broken "$fault" "delete --force failed" || return
	rm -f "$T/pid"
	clean || broken "$fault" "delete --force left something"
}

# rows_of ROLE: those that it comes by.
rows_of() {
	case $1 in
	parent) rows create "${OPTIONS[@]}" ;;
	stage) rows create "${OPTIONS[@]}" | sed -n '/ fork to join/,/ take over/p' ;;
	init) rows create "${OPTIONS[@]}" | sed -n '/ fork into/,$p' && start_rows ;;
	start) start_rows ;;
	esac
}

kill_everywhere() {
	local role kind row n=0
	UNREACHED=0
	create_options
	while read -r role kind row; do
		kill_at "$row" "$1"
		n=$((n + 1))
	done < <(rows_of "$1" | part)
	echo "# $((n - UNREACHED)) kills of $1, $UNREACHED rows that it doesn't come by" >&3
	[ $((n - UNREACHED)) -ge $(($2 / STEP)) ]
}

@test "PARENT is killed at each row: delete --force removes everything" {
	sink
	everything
	kill_everywhere parent 40
}

@test "INIT is killed at each row: create or start says so, nothing is left" {
	sink
	everything
	kill_everywhere init 40
}

@test "START is killed at each row: delete --force removes everything" {
	sink
	everything
	kill_everywhere start 5
}

@test "STAGE is killed at each row: create says so, nothing is left" {
	sink
	joining
	kill_everywhere stage 3
}

@test "INIT and STAGE are killed at each row, with new user and time namespaces" {
	sink
	mapping
	kill_everywhere stage 5
	kill_everywhere init 40
}

@test "PARENT is killed at each row, with new user and time namespaces" {
	sink
	mapping
	kill_everywhere parent 40
}

@test "a container that failed can be created again at once, 20 times" {
	everything
	unset NOTIFY_SOCKET
	config '.process.terminal = false'
	for _ in $(seq 20); do
		HULL_FAULT="find the program:after" attempt faulty create "$ID"
		attempt faulty create "$ID"
		assert_status 0
		hull delete --force "$ID"
	done
}

@test "state, list and kill answer while the creator is stopped at any of its rows" {
	local row cgroup="make the cgroup"
	unset NOTIFY_SOCKET
	! by_systemd || cgroup="have systemd make the scope"
	for row in "record what will be made" "$cgroup" "mount everything" "record the container as created"; do
		HULL_FAULT=$row:stop-parent "$HULL_TEST" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
		local creator=$!
		wait_until grep -q '^State:.T' "/proc/$creator/status"
		run timeout 30 "$HULL" --root "$ROOT" list --format json
		assert_status 0
		run timeout 30 "$HULL" --root "$ROOT" state "$ID"
		[ "$status" != 124 ] || broken "$row" "state waits"
		run timeout 30 "$HULL" --root "$ROOT" kill "$ID" 0
		[ "$status" != 124 ] || broken "$row" "kill waits"
		kill -KILL $creator
		ended $creator
		run timeout 20 "$HULL" --root "$ROOT" delete --force "$ID"
		assert_status 0
		assert_nothing_left || broken "$row" "something is left"
	done
}

# few N COMMAND...: with N descriptors at most; bats has some of its own, which are closed.
few() {
	local n=$1
	shift
	attempt timeout -k 5 60 bash -c 'for fd in /proc/self/fd/*; do
			fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"
		done; ulimit -n "$0"; exec "$@"' "$n" "$HULL_ITSELF" "${MANAGER_OPTION[@]}" --root "$ROOT" "$@"
}

@test "with any number of descriptors it fails or it doesn't, and leaves nothing" {
	local n failed=0
	unset NOTIFY_SOCKET
	mapping
	config 'del(.hooks) | .linux.seccomp |= (del(.listenerPath) | .syscalls[0].action = "SCMP_ACT_ERRNO")'
	args /bin/true
	for n in $(seq 4 40); do
		few "$n" run "$ID"
		[ "$status" != 0 ] || break
		[ "$status" = 1 ] || broken "$n descriptors" "status $status"
		matches "Too many open files|memfd|descriptors"
		assert_nothing_left || broken "$n descriptors" "something is left"
		failed=$((failed + 1))
	done
	assert_status 0
	[ "$failed" -gt 5 ]
}

@test "what can't be looked at for want of descriptors isn't taken for stopped" {
	local n
	unset NOTIFY_SOCKET
	probe sleep 100
	create
	start
	for n in $(seq 4 24); do
		few "$n" delete "$ID"
		[ "$status" != 0 ] || broken "$n descriptors" "it was deleted"
		few "$n" exec "$ID" /bin/true
		lacks stopped
	done
	is_status running "$ID"
	few 64 delete --force "$ID"
	assert_status 0
}
