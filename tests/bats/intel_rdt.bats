#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.intelRdt, against an imitation of resctrl (tests/helpers/resctrl): which groups are made,
# entered, left alone and removed, also after kills. delete is the plain hull: it knows the place
# from state.json.

load helpers

setup() {
	common_setup
	require hull_test python fuse
	RDT=$T/resctrl
	mkdir "$RDT"
	env -u HULL_TEST_MARK "$top/tests/helpers/resctrl" "$RDT" >"$T/resctrl.out" 2>&1 3>&- &
	IMITATION=$!
	wait_until grep -q ready "$T/resctrl.out"
	export HULL_RESCTRL=$RDT
	ls -A "$RDT" >"$T/resctrl.before"
	probe sleep 60
}

teardown() {
	local dir failed=0
	for dir in "$ROOT"/*/; do
		[ ! -d "$dir" ] || hull delete --force "$(basename "$dir")" || failed=1
	done
	[ -z "${IMITATION:-}" ] || {
		umount "$RDT" || failed=1
		wait "$IMITATION" || true
	}
	common_teardown || failed=1
	return $failed
}

rdt() {
	config --argjson r "$1" '.linux.intelRdt = $r'
}

made() {
	attempt faulty create "${1:-$ID}"
	assert_status 0
}

deleted() {
	attempt hull delete --force "${1:-$ID}"
	assert_status 0
}

# The first process is in GROUP ("." is the default one).
is_in() {
	grep -qx "$(pid_of "${2:-$ID}")" "$RDT/$1/tasks" || {
		echo "not in $1:" >&2
		tail "$RDT"/tasks "$RDT"/*/tasks >&2
		return 1
	}
}

nothing_left() {
	ls -A "$RDT" | diff "$T/resctrl.before" - >&2 && [ -z "$(ls -A "$RDT/mon_groups")" ]
}

# refused TEXT...: by create and check; nothing is made.
refused() {
	attempt faulty create "$ID"
	assert_fails "$@"
	assert_nothing_left_here
	run env HULL_RESCTRL="$RDT" "$HULL_TEST" check "$BUNDLE"
	assert_fails "$@"
}

assert_nothing_left_here() {
	assert_no_state
	assert_no_cgroup
	assert_no_process
}

@test "without a closID the class is the container's own: made, written, entered, removed" {
	rdt '{ "l3CacheSchema": "L3:0=7;1=70", "memBwSchema": "MB:0=20;1=70" }'
	made
	is_in "$ID"
	assert_equal "$(tr -d ' ' <"$RDT/$ID/schemata" | paste -sd ' ')" "L3:0=0007;1=0070 MB:0=20;1=70"
	assert_equal "$(jq -r .rdtGroup "$ROOT/$ID/state.json")" "$ID"
	start
	is_in "$ID"
	hull kill "$ID" KILL
	wait_status stopped "$ID"
	attempt hull delete "$ID"
	assert_status 0
	nothing_left
}

@test "run makes and removes it too" {
	rdt '{ "schemata": ["L3:0=3"] }'
	config --arg d "$RDT" '.hooks.poststart = [{ path: "/bin/sh", args: ["sh", "-c",
		"cat \($d)/*/schemata >\($d)-seen; cat \($d)/*/tasks >\($d)-tasks"] }]'
	probe pid
	attempt faulty run "$ID"
	assert_status 0
	grep -q "L3:0=0003;1=07ff" "$RDT-seen"
	[ -s "$RDT-tasks" ]
	nothing_left
}

@test "l3CacheSchema, memBwSchema and schemata are written in this order, in one go" {
	# MB lines of the first give way to the second; the last word has schemata.
	rdt '{ "l3CacheSchema": "L3:0=f\nMB:0=50;1=50", "memBwSchema": "MB:0=30", "schemata": ["L3:1=1", "L3:0=70"] }'
	made
	assert_equal "$(tr -d ' ' <"$RDT/$ID/schemata" | paste -sd ' ')" "L3:0=0070;1=0001 MB:0=30;1=100"
	deleted
	# without memBwSchema they are written
	rdt '{ "l3CacheSchema": "L3:0=f\nMB:0=50;1=50" }'
	made
	assert_equal "$(tr -d ' ' <"$RDT/$ID/schemata" | paste -sd ' ')" "L3:0=000f;1=07ff MB:0=50;1=50"
	deleted
	nothing_left
}

@test "closID with schemata: made when missing, and removed by its maker" {
	rdt '{ "closID": "gold", "schemata": ["L3:0=7f0"] }'
	made
	is_in gold
	grep -q "L3:0=07f0" "$RDT/gold/schemata"
	deleted
	nothing_left
}

@test "closID with schemata: one that exists must have them, and stays" {
	mkdir "$RDT/gold"
	printf 'L3:0=7;1=70\nMB:0=20\n' >"$RDT/gold/schemata"
	# other padding, zeros and case, and fewer domains
	rdt '{ "closID": "gold", "l3CacheSchema": "L3:1=00070", "schemata": ["MB:0=20", "L3:0=7"] }'
	made
	is_in gold
	deleted
	[ -d "$RDT/gold" ]
	rdt '{ "closID": "gold", "schemata": ["L3:0=7;1=71"] }'
	attempt faulty create "$ID"
	assert_fails gold "L3:0=7;1=71" differs
	rdt '{ "closID": "gold", "schemata": ["L2:0=7"] }'
	attempt faulty create "$ID"
	assert_fails gold "L2:0=7" differs
	rdt '{ "closID": "gold", "schemata": ["L3:2=7"] }'
	attempt faulty create "$ID"
	assert_fails gold "L3:2=7" differs
	# nothing was written, nothing removed
	assert_equal "$(tr -d ' ' <"$RDT/gold/schemata" | paste -sd ' ')" "L3:0=0007;1=0070 MB:0=20;1=100"
	rmdir "$RDT/gold"
	nothing_left
}

@test "closID without schemata must exist" {
	rdt '{ "closID": "silver" }'
	refused /linux/intelRdt/closID silver
	mkdir "$RDT/silver"
	made
	is_in silver
	deleted
	[ -d "$RDT/silver" ]
	rmdir "$RDT/silver"
}

@test "closID / is the default class, which is entered and never removed" {
	rdt '{ "closID": "/", "enableMonitoring": true }'
	made
	is_in .
	is_in "mon_groups/$ID"
	deleted
	nothing_left
	rdt '{ "closID": "/", "schemata": ["L3:0=7ff"] }'
	made
	deleted
	rdt '{ "closID": "/", "schemata": ["L3:0=7"] }'
	attempt faulty create "$ID"
	assert_fails differs
	nothing_left
}

@test "a class that hull made stays while another container is in it" {
	rdt '{ "closID": "shared", "schemata": ["L3:0=f"], "enableMonitoring": true }'
	made
	made "${ID}x"
	is_in shared
	is_in "shared/mon_groups/$ID"
	is_in "shared/mon_groups/${ID}x" "${ID}x"
	deleted
	[ -d "$RDT/shared" ]
	[ ! -e "$RDT/shared/mon_groups/$ID" ]
	is_in shared "${ID}x"
	is_in "shared/mon_groups/${ID}x" "${ID}x"
	deleted "${ID}x"
	# Its maker is gone: the second one didn't make it.
	rmdir "$RDT/shared"
	nothing_left
}

# held_up COMMAND...: hull runs while somebody has the lock of resctrl; it waits, having changed nothing of
# what `seen` prints, and comes to its end when the lock is given back.
held_up() {
	local pid before held
	mkfifo "$T/held"
	flock "$RDT" cat "$T/held" >/dev/null 3>&- &
	held=$!
	wait_until locked
	before=$(seen)
	: >"$T/trace"
	strace -qq -o "$T/trace" -e trace=flock -P "$RDT" "$HULL" --root "$ROOT" "$@" >"$T/out" 2>&1 </dev/null 3>&- &
	pid=$!
	wait_until waits_or_ended $pid
	grep -q 'flock.*EAGAIN' "$T/trace"
	# Who is killed isn't in it any more.
	[ "$1" = delete ] || assert_equal "$(seen)" "$before"
	[ -d "$RDT/$ID" ]
	: >"$T/held"
	wait $held
	ended $pid
	output=$(cat "$T/out")
	assert_status 0
	rm "$T/held"
}
locked() { ! flock -n "$RDT" true; }
waits_or_ended() { grep -q 'flock.*EAGAIN' "$T/trace" || ! kill -0 "$1" 2>/dev/null; }
seen() { tail "$RDT/$ID"/{schemata,tasks}; }

@test "whoever changes, enters or removes a class waits for the lock of resctrl" {
	require strace
	rdt '{ "l3CacheSchema": "L3:0=7;1=70" }'
	made
	start
	held_up update --l3-cache-schema 'L3:0=f' "$ID"
	schemata_are "L3:0=000f;1=0070" "MB:0=100;1=100"
	held_up exec --pid-file "$T/exec.pid" -d "$ID" /bin/probe sleep 60
	grep -qx "$(cat "$T/exec.pid")" "$RDT/$ID/tasks"
	held_up delete --force "$ID"
	nothing_left
}

# until_enter ID: its creator stops where the process is about to enter the class; sets CREATOR.
until_enter() {
	HULL_FAULT="enter the RDT class of service:stop-parent" "$HULL_TEST" --root "$ROOT" create "$1" >"$T/out" 2>&1 </dev/null 3>&- &
	CREATOR=$!
	wait_until stopped_process $CREATOR
}
stopped_process() { grep -q '^State:.T' "/proc/$1/status"; }

go_on() {
	kill -CONT $CREATOR
	ended $CREATOR
	output=$(cat "$T/out")
}

@test "a class that its maker's delete removes before another container is in it, is made once more by that one" {
	rdt '{ "closID": "shared", "schemata": ["L3:0=f"], "enableMonitoring": true }'
	made
	until_enter "${ID}x"
	[ -d "$RDT/shared/mon_groups/${ID}x" ]
	deleted
	[ ! -e "$RDT/shared" ]
	go_on
	assert_status 0
	is_in shared "${ID}x"
	is_in "shared/mon_groups/${ID}x" "${ID}x"
	grep -q "L3:0=000f" "$RDT/shared/schemata"
	# Now it is this one's, to be removed.
	deleted "${ID}x"
	nothing_left
}

@test "a class of others that is gone before the container is in it is told" {
	mkdir "$RDT/silver"
	rdt '{ "closID": "silver" }'
	until_enter "$ID"
	rmdir "$RDT/silver"
	go_on
	assert_fails "silver" "removed meanwhile"
	assert_nothing_left_here
	nothing_left
}

@test "a class stays where a process in it can't be looked at" {
	require strace
	rdt '{ "closID": "shared", "schemata": ["L3:0=f"] }'
	made
	made "${ID}x"
	attempt strace -qq -o "$T/trace" -e trace=openat -P "/proc/$(pid_of "${ID}x")/stat" -e inject=openat:error=EMFILE \
		"$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	grep -q 'EMFILE.*INJECTED' "$T/trace"
	is_in shared "${ID}x"
	deleted "${ID}x"
	rmdir "$RDT/shared"
}

@test "enableMonitoring: a group of the container's own in that of its class, always removed" {
	rdt '{ "enableMonitoring": true }'
	made
	is_in "$ID"
	is_in "$ID/mon_groups/$ID"
	deleted
	nothing_left
	mkdir "$RDT/gold"
	rdt '{ "closID": "gold", "enableMonitoring": true }'
	made
	is_in "gold/mon_groups/$ID"
	deleted
	[ -z "$(ls -A "$RDT/gold/mon_groups")" ]
	# one of this name that is somebody else's is refused, and stays
	mkdir "$RDT/gold/mon_groups/$ID"
	attempt faulty create "$ID"
	assert_fails /linux/intelRdt/enableMonitoring "$ID"
	[ -d "$RDT/gold/mon_groups/$ID" ]
	rmdir "$RDT/gold"
	nothing_left
}

@test "a directory of the container's name that isn't its own is refused, and stays" {
	mkdir "$RDT/$ID"
	rdt '{ "schemata": ["L3:0=f"] }'
	attempt faulty create "$ID"
	assert_fails /linux/intelRdt "$ID" closID
	assert_nothing_left_here
	[ -d "$RDT/$ID" ]
	rmdir "$RDT/$ID"
}

@test "what the kernel doesn't take is told in the kernel's words, and nothing is left" {
	rdt '{ "schemata": ["L3:0=5"] }'
	attempt faulty create "$ID"
	assert_fails /linux/intelRdt "non-consecutive 1-bits" "invalid argument"
	assert_nothing_left_here
	nothing_left
	rdt '{ "memBwSchema": "MB:0=5" }'
	attempt faulty create "$ID"
	assert_fails "out of range"
	nothing_left
	mkdir "$RDT/a" "$RDT/b" "$RDT/c"
	rdt '{ "memBwSchema": "MB:0=50" }'
	attempt faulty create "$ID"
	assert_fails "no space left" num_closids
	assert_nothing_left_here
	rmdir "$RDT/a" "$RDT/b" "$RDT/c"
	nothing_left
}

@test "without resctrl the error says how to have it; an empty object asks for nothing" {
	unset HULL_RESCTRL
	if grep -qw resctrl /proc/filesystems; then
		skip "this machine has the real one"
	fi
	rdt '{ "closID": "x" }'
	attempt hull create "$ID"
	assert_fails /linux/intelRdt "no resctrl file system is mounted" "mount -t resctrl"
	run hull check "$BUNDLE"
	assert_fails /linux/intelRdt
	rdt '{}'
	probe pid
	inside
}

@test "namespaces joined by path, and no cgroup of the container's own" {
	rdt '{ "schemata": ["L3:0=3"], "enableMonitoring": true }'
	config '.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)'
	made
	is_in "$ID"
	is_in "$ID/mon_groups/$ID"
	deleted
	nothing_left
	attempt faulty --cgroup-manager disabled create "$ID"
	assert_status 0
	is_in "$ID/mon_groups/$ID"
	deleted
	nothing_left
}

@test "an exec'd process is in the groups of its container" {
	rdt '{ "closID": "gold", "schemata": ["L3:0=3"], "enableMonitoring": true }'
	made
	start
	"$HULL" --root "$ROOT" exec --pid-file "$T/exec.pid" -d "$ID" /bin/probe sleep 60 </dev/null >/dev/null 2>&1
	grep -qx "$(cat "$T/exec.pid")" "$RDT/gold/tasks"
	grep -qx "$(cat "$T/exec.pid")" "$RDT/gold/mon_groups/$ID/tasks"
	deleted
	nothing_left
}

# rows: "ROLE KIND row" of each that isn't skipped, of create; KIND is makes, to (a message) or does.
rows() {
	faulty create --explain "$ID" | grep -v '^-' |
		sed -E 's/^  ([A-Z]+) +(.*) \((makes|to) [A-Z]+\)$/\1 \3 \2/; t; s/^  ([A-Z]+) +/\1 does /'
}

@test "each row fails, PARENT is killed at each row: no group is left, after a kill once delete ran" {
	local role kind row n=0
	rdt '{ "schemata": ["L3:0=3"], "enableMonitoring": true }'
	while read -r role kind row; do
		for what in before after; do
			# Who sent a message can fail, but its receiver may be done before that is heard.
			[ "$what $kind" != "after to" ] || continue
			HULL_FAULT=$row:$what attempt timeout 30 "$HULL_TEST" --root "$ROOT" create "$ID"
			assert_fails "fault injected"
			nothing_left
			assert_nothing_left_here
		done
		HULL_FAULT=$row:kill-parent attempt timeout 30 "$HULL_TEST" --root "$ROOT" create "$ID"
		[ "$status" != 0 ] || [ "$role" != PARENT ]
		deleted
		nothing_left
		assert_nothing_left_here
		n=$((n + 1))
	done < <(rows)
	echo "# $n rows" >&3
	[ $n -gt 30 ]
}

@test "what was left by a killed creator and made anew by somebody else is used by him: it stays" {
	rdt '{ "closID": "gold", "schemata": ["L3:0=3"] }'
	HULL_FAULT="make the RDT class of service:kill-parent" attempt faulty create "$ID"
	[ "$status" = 137 ]
	mkdir "$RDT/gold"
	echo $$ >"$RDT/gold/tasks"
	deleted
	[ -d "$RDT/gold" ]
	rmdir "$RDT/gold"
	nothing_left
}

# schemata_are LINE...: of the container's own class.
schemata_are() {
	assert_equal "$(tr -d ' ' <"$RDT/$ID/schemata" | paste -sd ' ')" "$*"
}

@test "update: the schemata that are named change, created and running, and are what verify expects" {
	rdt '{ "l3CacheSchema": "L3:0=7;1=70", "memBwSchema": "MB:0=20;1=70" }'
	made
	attempt hull update --l3-cache-schema 'L3:0=f' "$ID"
	assert_status 0
	schemata_are "L3:0=000f;1=0070" "MB:0=20;1=70"
	start
	attempt hull update --mem-bw-schema 'MB:1=30' "$ID"
	assert_status 0
	schemata_are "L3:0=000f;1=0070" "MB:0=20;1=30"
	attempt hull update --l3-cache-schema 'L3:0=3;1=30' --mem-bw-schema 'MB:0=40;1=50' "$ID"
	assert_status 0
	schemata_are "L3:0=0003;1=0030" "MB:0=40;1=50"
	assert_equal "$(jq -c '.linux.intelRdt' "$ROOT/$ID/updated.json")" \
		'{"l3CacheSchema":"L3:0=3;1=30","memBwSchema":"MB:0=40;1=50"}'
	run hull verify "$ID"
	assert_status 0
	lacks intelRdt
	echo "L3:0=7" >"$RDT/$ID/schemata"
	run hull verify "$ID"
	assert_status 1
	matches "^differs: /linux/intelRdt/schemata: RDT schemata: expected L3:0=3;1=30"
	deleted
	nothing_left
}

@test "update: schemata that the kernel refuses, or that can't be kept, leave all as it was" {
	rdt '{ "l3CacheSchema": "L3:0=7;1=70", "memBwSchema": "MB:0=20;1=70" }'
	made
	start
	attempt hull update --l3-cache-schema 'L3:0=f' --mem-bw-schema 'MB:0=5' "$ID"
	assert_fails "update '$ID'" "MB value 5 out of range"
	schemata_are "L3:0=0007;1=0070" "MB:0=20;1=70"
	# Refused before, so that they aren't even written.
	echo '{ "unified": { "cgroup.max.depth": "x" } }' >limits.json
	attempt hull update --l3-cache-schema 'L3:0=f' --resources limits.json "$ID"
	assert_fails /unified/cgroup.max.depth
	schemata_are "L3:0=0007;1=0070" "MB:0=20;1=70"
	# And behind them: what stands in the way can't be removed as a file.
	mkdir "$ROOT/$ID/..updated.json.prepared.new" "$ROOT/$ID/..updated.json.prepared.new/x"
	attempt hull update --l3-cache-schema 'L3:0=f' --mem-bw-schema 'MB:0=30' "$ID"
	assert_fails "keep the new limits"
	rm -r "$ROOT/$ID/..updated.json.prepared.new"
	schemata_are "L3:0=0007;1=0070" "MB:0=20;1=70"
	[ ! -e "$ROOT/$ID/updated.json" ]
	# Or a signal.
	require strace
	attempt strace -qq -o "$T/trace" -e trace=write -P "$RDT/$ID/schemata" \
		-e inject=write:signal=TERM:when=1 "$HULL" --root "$ROOT" update --l3-cache-schema 'L3:0=f' "$ID"
	grep -q 'write.*L3:0=f' "$T/trace"
	assert_fails "hull was asked to end by signal 15"
	schemata_are "L3:0=0007;1=0070" "MB:0=20;1=70"
	[ ! -e "$ROOT/$ID/updated.json" ]
	deleted
	nothing_left
}

@test "verify: the groups that the process is in, and their schemata, changed from outside" {
	local pid
	rdt '{ "closID": "gold", "schemata": ["L3:0=7;1=70", "MB:0=20;1=70"], "enableMonitoring": true }'
	made
	start
	pid=$(pid_of)
	run hull verify "$ID"
	assert_status 0
	lacks intelRdt
	echo "L3:0=ff" >"$RDT/gold/schemata"
	run hull verify "$ID"
	assert_status 1
	matches "^differs: /linux/intelRdt/schemata: RDT schemata: expected L3:0=7;1=70, found that of 'gold' is another"
	echo "L3:0=7" >"$RDT/gold/schemata"
	echo "$pid" >"$RDT/tasks"
	run hull verify "$ID"
	assert_status 1
	matches "^differs: /linux/intelRdt/closID: RDT class of service: expected the process is in 'gold', found it is not"
	matches "^less: /linux/intelRdt/enableMonitoring: "
	deleted
	rdt '{ "closID": "gold", "schemata": ["L3:0=7;1=70"] }'
	made
	start
	echo "$(pid_of)" >"$RDT/tasks"
	rmdir "$RDT/gold"
	run hull verify "$ID"
	assert_status 1
	matches "^differs: /linux/intelRdt/closID: RDT class of service: expected 'gold', found it isn't there any more"
	deleted
}
