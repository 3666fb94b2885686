#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pause and resume: all processes of a container stand still or none does, on created, running,
# paused, stopped and half-deleted containers; and what the other commands do meanwhile.
#
# bats file_tags=everyone

load helpers

setup() {
	common_setup
	require cgroup2
}

# A cgroup of the test's own is free for removal once the container is gone.
teardown() {
	local dir
	[ -z "${HOLDER:-}" ] || kill -KILL "$HOLDER" 2>/dev/null || true
	for dir in "$CGROUP/$ID-mine"/{*/,} "$(cgroup_of 2>/dev/null)"; do
		[ ! -e "$dir/cgroup.freeze" ] || echo 0 >"$dir/cgroup.freeze" || true
	done
	[ -z "${SLEEPER:-}" ] || kill -KILL "$SLEEPER" 2>/dev/null || true
	hull delete --force "$ID" || true
	wait_until no_mine || true
	common_teardown
}

no_mine() {
	[ ! -d "$CGROUP/$ID-mine" ] || find "$CGROUP/$ID-mine" -depth -type d -exec rmdir {} + 2>/dev/null
}

# Runs, and counts in rootfs/count for as long as it isn't frozen. The file is written over, never cut to
# nothing: a disk can take so long for that, that it is found empty each time.
counting() {
	shell 'trap "echo \$i >/term; exit" TERM; i=0; while :; do i=$((i + 1)); echo $i 1<>/count; done'
	create
	start
	wait_until test -s rootfs/count
}

frozen() { grep -qx 'frozen 1' "$(cgroup_of)/cgroup.events"; }
asked() { [ "$(cat "$(cgroup_of)/cgroup.freeze")" = "$1" ]; }

pause() {
	attempt hull pause "$ID"
	assert_status 0
	frozen
}

resume() {
	attempt hull resume "$ID"
	assert_status 0
	! frozen
}

counts() {
	local before
	before=$(cat rootfs/count)
	wait_until differs "$before"
}
differs() { [ "$(cat rootfs/count)" != "$1" ]; }

# --- What it does ---

@test "a paused container does nothing until it is resumed" {
	local before
	counting
	pause
	before=$(cat rootfs/count)
	assert_equal "$(status_of)" paused
	assert_equal "$(cat rootfs/count)" "$before"
	resume
	assert_equal "$(status_of)" running
	counts
}

# bats test_tags=managers
@test "whoever made its cgroup, it is paused, resumed, and deleted while it is paused" {
	local before
	counting
	hull pause "$ID"
	assert_equal "$(status_of)" paused
	before=$(cat rootfs/count)
	assert_equal "$(status_of)" paused
	assert_equal "$(cat rootfs/count)" "$before"
	hull resume "$ID"
	assert_equal "$(status_of)" running
	counts
	hull pause "$ID"
	hull delete --force "$ID"
	assert_nothing_left
}

# bats test_tags=cgroupfs
@test "a cgroup that hull didn't make isn't left frozen" {
	mkdir "$CGROUP/$ID-mine"
	config --arg p "$CGROUP_PATH/$ID-mine" '.linux.cgroupsPath = $p'
	counting
	hull pause "$ID"
	hull delete --force "$ID"
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.freeze")" 0
	create
	hull delete "$ID"
	rmdir "$CGROUP/$ID-mine"
}

@test "what the container started is frozen with it, also in cgroups that it made itself" {
	mount_entry /sys/fs/cgroup cgroup cgroup rw
	probe fork 2 + fork-into /sys/fs/cgroup/a + wait-signal
	create_logged
	start
	wait_until out_has waiting
	wait_until out_has "fork-into /sys/fs/cgroup/a: ok"
	pause
	frozen "$ID/a"
	resume
	! frozen "$ID/a"
}

@test "it can be paused and resumed again and again" {
	local n
	counting
	for n in 1 2 3 4 5; do
		pause
		resume
	done
	counts
}

@test "a created container is paused before it starts; then it is created as before, and starts" {
	probe wait-signal
	create_logged
	pause
	assert_equal "$(status_of)" paused
	attempt hull start "$ID"
	assert_fails "is paused"
	resume
	assert_equal "$(status_of)" created
	start
	wait_until out_has waiting
}

# --- What can't be paused or resumed ---

@test "to pause a paused one, and to resume one that isn't, are errors without effect" {
	counting
	attempt hull resume "$ID"
	assert_fails "resume '$ID'" "container not paused"
	counts
	pause
	attempt hull pause "$ID"
	assert_fails "pause '$ID'" "paused already"
	frozen
	resume
}

@test "a stopped container and an unknown one" {
	local command
	create
	for command in pause resume; do
		attempt hull "$command" "${ID}y"
		assert_fails "container '${ID}y' does not exist"
	done
	start
	wait_status stopped
	for command in pause resume; do
		attempt hull "$command" "$ID"
		assert_fails "container not running" stopped
	done
	# Half deleted: the cgroup is gone, which systemd sees to by itself, then the state, too.
	by_systemd || {
		asked 0
		rmdir "$CGROUP/$ID"
	}
	for command in pause resume; do
		attempt hull "$command" "$ID"
		assert_fails "container not running"
	done
	rm "$ROOT/$ID/state.json"
	for command in pause resume; do
		attempt hull "$command" "$ID"
		assert_fails "container not running"
	done
}

@test "a container that is being created isn't frozen" {
	require hull_test
	HULL_FAULT="mount everything:stop-parent" "$HULL_TEST" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
	SLEEPER=$!
	wait_until stopped_process $SLEEPER
	attempt hull pause "$ID"
	assert_fails "container not running" creat
	kill -CONT $SLEEPER
	ended $SLEEPER
	assert_status 0
}

stopped_process() { grep -q '^State:.T' "/proc/$1/status"; }

@test "a container without a cgroup of its own can't be paused, which is told" {
	probe wait-signal
	attempt hull --cgroup-manager disabled create "$ID"
	assert_status 0
	attempt hull pause "$ID"
	assert_fails "has no cgroup"
	attempt hull resume "$ID"
	assert_fails "has no cgroup"
}

# bats test_tags=cgroupfs
@test "where a cgroup above is frozen by others, that is told, and nothing is changed" {
	mkdir -p "$CGROUP/$ID-mine"
	config --arg p "${CGROUP#/sys/fs/cgroup}/$ID-mine/c" '.linux.cgroupsPath = ($p | sub("^/unified"; ""))'
	shell 'i=0; while :; do i=$((i + 1)); echo $i 1<>/count; done'
	create
	start
	wait_until test -s rootfs/count
	echo 1 >"$CGROUP/$ID-mine/cgroup.freeze"
	wait_until frozen
	assert_equal "$(status_of)" paused
	local command
	for command in pause resume; do
		attempt hull "$command" "$ID"
		assert_fails "$ID-mine', which is above the container's, is frozen"
		assert_equal "$(cat "$CGROUP/$ID-mine/c/cgroup.freeze")" 0
	done
	# Frozen twice.
	echo 0 >"$CGROUP/$ID-mine/cgroup.freeze"
	wait_status running
	attempt hull pause "$ID"
	assert_status 0
	echo 1 >"$CGROUP/$ID-mine/cgroup.freeze"
	attempt hull resume "$ID"
	assert_fails "$ID-mine', which is above"
	assert_equal "$(cat "$CGROUP/$ID-mine/c/cgroup.freeze")" 1
	echo 0 >"$CGROUP/$ID-mine/cgroup.freeze"
	attempt hull resume "$ID"
	assert_status 0
	counts
}

# bats test_tags=cgroupfs
@test "a cgroup that hull didn't make is frozen only while nobody else is in it" {
	mkdir -p "$CGROUP/$ID-mine"
	config --arg p "${CGROUP#/sys/fs/cgroup}/$ID-mine" '.linux.cgroupsPath = ($p | sub("^/unified"; ""))'
	probe sleep 100
	create
	start
	attempt hull exec --detach "$ID" /bin/probe sleep 100
	assert_status 0
	attempt hull pause "$ID"
	assert_status 0
	attempt hull resume "$ID"
	assert_status 0
	sleep 100 &
	SLEEPER=$!
	wait_until is_comm $SLEEPER sleep
	echo $SLEEPER >"$CGROUP/$ID-mine/cgroup.procs"
	attempt hull pause "$ID"
	assert_fails "$SLEEPER (sleep" "was there before the container"
	assert_equal "$(cat "$CGROUP/$ID-mine/cgroup.freeze")" 0
	assert_equal "$(status_of)" running
}

is_comm() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

@test "hull doesn't freeze itself" {
	probe sleep 100
	create
	start
	attempt timeout --foreground -k 5 30 bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' bash \
		"$(cgroup_of)" "$HULL" --root "$ROOT" pause "$ID"
	assert_fails "hull itself"
	asked 0
}

# The kernel tells hull's own cgroup by its path alone.
# bats test_tags=cgroupfs
@test "hull freezes a container from a cgroup whose path ends with the path of the container's" {
	local like
	config --arg p "$CGROUP_PATH/$ID-own" '.linux.cgroupsPath = $p'
	probe sleep 100
	create
	like=$CGROUP/$ID-mine/$(jq -r .cgroup "$ROOT/$ID/state.json")
	mkdir -p "$like"
	attempt timeout --foreground -k 5 30 bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' bash \
		"$like" "$HULL" --root "$ROOT" pause "$ID"
	assert_status 0
	frozen
}

# in_part COMMAND...: where $ID-mine is all that is seen of the cgroups.
in_part() {
	unshare -m bash -c 'mount --bind "$0/$1" "$0" && shift && exec "$@"' "$CGROUP" "$ID-mine" "$@"
}

# bats test_tags=real_root,cgroupfs
@test "where hull sees a part of the cgroups only, it doesn't freeze itself, though a name above begins like the container's" {
	mkdir "$CGROUP/$ID-mine"
	config --arg p "/$ID-min" '.linux.cgroupsPath = $p'
	probe sleep 100
	attempt in_part "$HULL" --root "$ROOT" create --bundle "$BUNDLE" "$ID"
	assert_status 0
	[ -n "$(cat "$CGROUP/$ID-mine/$ID-min/cgroup.procs")" ]
	attempt timeout --foreground -k 5 30 bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' bash \
		"$CGROUP/$ID-mine/$ID-min" unshare -m bash -c 'mount --bind "$0/$1" "$0" && shift && exec "$@"' \
		"$CGROUP" "$ID-mine" "$HULL" --root "$ROOT" pause "$ID"
	assert_fails "hull itself"
	[ "$(cat "$CGROUP/$ID-mine/$ID-min/cgroup.freeze")" = 0 ]
	attempt in_part "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
}

# --- What doesn't let itself be frozen, and signals ---

have_fanotify() { grep -qs . /proc/sys/fs/fanotify/max_user_groups; }

# A container with one process that counts, and one that nothing but SIGKILL reaches.
held() {
	require python fanotify
	touch rootfs/trap
	"$top/tests/helpers/hold-open" rootfs/trap >"$T/holder" 2>&1 &
	HOLDER=$!
	wait_until grep -q ready "$T/holder"
	shell 'cat /trap & i=0; while :; do i=$((i + 1)); echo $i 1<>/count; done'
	create
	start
	wait_until grep -q held "$T/holder"
	wait_until test -s rootfs/count
}

# bats test_tags=real_root
@test "when a process can't be frozen it is named, and the container goes on" {
	held
	attempt timeout --foreground -k 5 60 "$HULL" --root "$ROOT" pause "$ID"
	assert_fails "couldn't be frozen" "(cat, D)"
	asked 0
	assert_equal "$(status_of)" running
	counts
}

# bats test_tags=real_root
@test "a signal to hull ends the pause, and the container goes on" {
	local signal pid
	held
	for signal in TERM INT HUP; do
		# A background job of a shell without job control ignores SIGINT.
		env --default-signal=INT "$HULL" --root "$ROOT" pause "$ID" >"$T/out" 2>&1 &
		pid=$!
		wait_until asked 1
		kill -$signal $pid
		ended $pid
		output=$(cat "$T/out")
		assert_fails "interrupted"
		asked 0
	done
	counts
}

# bats test_tags=real_root
@test "a signal that the caller ignores doesn't end the pause" {
	local pid signal
	held
	env --ignore-signal=HUP,INT "$HULL" --root "$ROOT" pause "$ID" >"$T/out" 2>&1 &
	pid=$!
	wait_until asked 1
	for signal in HUP INT; do
		kill -$signal $pid
	done
	ended $pid
	output=$(cat "$T/out")
	assert_fails "couldn't be frozen"
	asked 0
	counts
}

# bats test_tags=real_root
@test "what a killed pause leaves half frozen can be resumed, or paused once more" {
	local pid
	held
	"$HULL" --root "$ROOT" pause "$ID" >"$T/out" 2>&1 &
	pid=$!
	wait_until asked 1
	kill -KILL $pid
	ended $pid
	asked 1
	assert_equal "$(status_of)" running
	attempt hull resume "$ID"
	assert_status 0
	asked 0
	counts
	kill -KILL $HOLDER
	HOLDER=
	pause
	resume
}

# --- The other commands on a paused container ---

@test "state, list and ps show it" {
	local pid
	counting
	pid=$(pid_of)
	pause
	assert_equal "$(hull state "$ID" | jq -c '[.status, .pid]')" "[\"paused\",$pid]"
	assert_equal "$(hull list -f json | jq -r '.[0].status')" paused
	hull list | grep -qE "^$ID +$pid +paused "
	assert_equal "$(hull ps -f json "$ID")" "[$pid]"
	resume
}

@test "signals are delivered when it is resumed, SIGKILL at once" {
	counting
	pause
	hull kill "$ID" TERM
	frozen
	[ ! -e rootfs/term ]
	resume
	wait_until test -s rootfs/term
	wait_status stopped
	hull delete "$ID"
	rm rootfs/count
	counting
	pause
	hull kill "$ID" KILL
	wait_status stopped
	hull delete "$ID"
	assert_nothing_left
}

@test "kill --all of a paused one" {
	local pid
	counting
	pause
	hull kill --all "$ID" TERM
	[ ! -e rootfs/term ]
	hull kill --all "$ID" KILL
	wait_status stopped
	[ ! -e rootfs/term ]
}

@test "exec is refused, or waits for the resume" {
	counting
	pause
	attempt hull exec "$ID" /bin/true
	assert_status 255
	has_text paused
	attempt hull exec --detach --ignore-paused "$ID" /bin/sh -c 'echo x >/ran'
	assert_status 0
	# Who is moved there, as into a user namespace's container, is frozen a moment later.
	wait_until frozen
	[ ! -e rootfs/ran ]
	resume
	wait_until test -s rootfs/ran
}

@test "delete needs --force, with which it is killed as it stands" {
	counting
	pause
	attempt hull delete "$ID"
	assert_fails "is paused"
	frozen
	attempt timeout --foreground -k 5 30 "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	[ ! -e rootfs/term ]
	assert_nothing_left
}

@test "delete --force of one that was paused before its start" {
	probe wait-signal
	create
	pause
	attempt hull delete "$ID"
	assert_fails "is paused"
	attempt timeout --foreground -k 5 30 "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	assert_nothing_left
}
