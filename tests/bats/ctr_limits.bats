#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Limits, figures, a pause and a kill for memory as ctr's users meet them, in the machine, where each
# controller is cgroup v2's: by either manager of cgroups. One test with many checks: in the machine
# a call of ctr takes a second and more. containerd 1.6 changes no limits of a running container by
# ctr, and has no option for pids.
#
# bats file_tags=vm-only,managers
# shellcheck disable=SC2154 # $BATS_TEST_TMPDIR and what engine.bash sets

load helpers
load engine

setup() {
	require root cgroup2 containerd || return
	common_setup || return
	containerd_setup
}

teardown() {
	local failed=0
	[ -z "${EVENTS:-}" ] || no_events
	[ -z "${T:-}" ] || containerd_teardown || failed=1
	common_teardown || failed=1
	return $failed
}

# --- Events ---

# events: containerd's go to a file from here on. One that is made for it shows that they arrive.
events() {
	command ctr --address "$ADDRESS" events >"$T/events" 2>&1 3>&- </dev/null &
	EVENTS=$!
	wait_until arrive
}

arrive() {
	ctr namespaces label default "at=$SECONDS"
	[ -s "$T/events" ]
}

no_events() {
	kill "$EVENTS"
	wait "$EVENTS" || true
	EVENTS=
}

# event TOPIC JQ-CONDITION: one of the container came. A line is TIME +ZONE NAME NAMESPACE TOPIC JSON.
event() {
	sed -n "s|^.* default $1 {|{|p" "$T/events" |
		jq -se --arg id "$ID" "any(.[]; .container_id == \$id and ($2))" >/dev/null
}

# The shim looks at the file only from some moment after the start on.
is_watched() {
	grep -q "^inotify .* ino:$(printf %x "$(stat -c %i "$LEAF/memory.events")") " \
		"/proc/$(shim_pid)/fdinfo"/*
}

shim_pid() { pgrep -f "^[^ ]*containerd-shim-runc-v2 .*-id $ID .*-address $ADDRESS"; }

# metrics JQ-EXPRESSION: of one reading of ctr's figures.
metrics() { ctr task metrics --format json "$ID" | jq -r "$1"; }

is_throttled() { [ "$(stat_of cpu.stat nr_throttled)" -gt 0 ]; }

# It writes down what it finds, counts until it is told to, and then starts what takes memory. It ends
# when it is told to: systemd removes the cgroup with its last process, and with it what the shim reads
# of a kill. This ctr gives no cgroup namespace.
WITHIN='IFS=: read -r _ _ path </proc/self/cgroup
	for file in memory.max cpu.max; do read -r line <"/sys/fs/cgroup$path/$file"; echo "$line"; done >/found
	i=0; while [ ! -e /enough ]; do i=$((i + 1)); echo $i 1<>/count; done
	tail /dev/zero; status=$?
	until [ -e /told ]; do sleep 0.1; done
	exit $status'

@test "ctr: limits of memory and CPU bite; place, figures, pause and resume; a kill for memory as events and task delete say it" {
	local pid before place=() scope=ctr-$ID.scope
	! by_systemd || place=(--runc-systemd-cgroup --cgroup "machine.slice:ctr:$ID")
	events
	attempt in_ctr --detach --memory-limit 25165824 --cpus 0.5 "${place[@]}" \
		--mount type=cgroup,src=cgroup,dst=/sys/fs/cgroup,options=ro -- /bin/sh -c "$WITHIN"
	assert_status 0
	read -r pid _ <<<"$(task_line)"
	LEAF=$(leaf_of "$pid")
	if by_systemd; then
		assert_equal "$LEAF" "/sys/fs/cgroup/machine.slice/$scope/container"
		assert_equal "$(sc show -P MemoryMax "$scope")" 25165824
		assert_equal "$(sc show -P CPUQuotaPerSecUSec "$scope")" 500ms
	else
		assert_equal "$LEAF" "/sys/fs/cgroup/default/$ID"
	fi
	assert_equal "$(file memory.max) $(file cpu.max)" "25165824 50000 100000"
	counts
	assert_equal "$(cat "$BUNDLE/rootfs/found")" $'25165824\n50000 100000'
	wait_until is_throttled

	no_quota
	attempt ctr task pause "$ID"
	assert_status 0
	is_frozen
	task_is PAUSED
	# Nothing runs, so neither the count nor a figure changes between ctr's reading and this.
	before=$(progress)
	assert_equal \
		"$(metrics '"\(.memory.usage_limit) \(.pids.current) \(.cpu.nr_throttled > 0) \(.cpu.usage_usec)"')" \
		"25165824 1 true $(stat_of cpu.stat usage_usec)"
	assert_equal "$(progress)" "$before"
	attempt ctr task resume "$ID"
	assert_status 0
	task_is RUNNING
	counts

	wait_until is_watched
	touch "$BUNDLE/rootfs/enough"
	wait_until event /tasks/oom true
	touch "$BUNDLE/rootfs/told"
	wait_until event /tasks/exit '.exit_status == 137'
	no_events
	wait_until task_is STOPPED
	attempt ctr task delete "$ID"
	assert_status 0
	has_text "exit with non-zero exit code 137"
	ctr container delete "$ID"
	assert_calls "create start delete delete"
	no_trace "$ID"
}
