#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Limits, updates, pauses and figures as podman's users meet them, in the machine, where each controller is
# cgroup v2's: as root and as an ordinary user to whom cgroups are delegated, by either manager. Few
# tests with many checks: in the machine a call of podman takes seconds.
#
# bats file_tags=everyone,vm-only,managers
# shellcheck disable=SC2154 # $BATS_TEST_TMPDIR and what engine.bash sets

load helpers
load engine

setup() {
	common_setup || return
	require cgroup2 podman || return
	podman_setup
}

teardown() {
	local failed=0
	[ -z "${T:-}" ] || podman_teardown || failed=1
	common_teardown || failed=1
	return $failed
}

# What a shell of the container finds, with nothing but its own words. At the limit of processes the one
# that forks gives up, so that one less is left; after that one is killed for the memory it takes. The
# shell ends when it is told to: with it systemd removes the cgroup, in which conmon reads of the kill.
BITES='exec 2>&1
	for file in memory.max memory.swap.max cpu.max pids.max; do
		read -r line </sys/fs/cgroup/$file; echo "$file $line"
	done
	(i=0; while [ $i -lt 40 ]; do sleep 1000 & i=$((i + 1)); done)
	read -r line </sys/fs/cgroup/pids.current; echo "processes $line"
	while read -r line; do echo "of pids: $line"; done </sys/fs/cgroup/pids.events
	kill -KILL -1
	echo hog; tail /dev/zero; status=$?
	until [ -e /told ]; do sleep 0.1; done
	exit $status'

@test "podman: limits of memory, CPU and pids are what the container finds, and they bite" {
	local id noted
	attempt podman create --name "$ID" --memory 24m --memory-swap 24m --cpus 0.5 --pids-limit 10 \
		--rootfs "$BUNDLE/rootfs" sh -c "$BITES"
	assert_status 0
	id=$(tail -n 1 <<<"$output")
	# conmon 2.1.6 notes a kill in its working directory, podman 4.3.1 looks for it in this one.
	cd "$(podman inspect --format '{{.StaticDir}}' "$ID")"
	{ wait_until test -e oom || true; touch "$BUNDLE/rootfs/told"; } 3>&- &
	noted=$!
	attempt podman start -a "$ID"
	cd "$BUNDLE"
	wait "$noted"
	assert_status 137
	has "memory.max 25165824" "memory.swap.max 0" "cpu.max 50000 100000" "pids.max 10"
	has "processes 9" hog
	matches "^of pids: max [1-9]"
	has_text "can't fork"
	assert_equal "$(podman inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' "$ID")" "true 137"
	podman rm "$ID"
	no_trace "$id"
}

# bats test_tags=real_root
@test "podman: its default limit of pids, none by containers.conf, and --pids-limit=-1, which is none to podman and 0 in config.json" {
	local show='read -r line </sys/fs/cgroup/pids.max; echo "$line"; (: &) && echo forked; true'
	attempt pod_run --rm -- sh -c "$show"
	assert_status 0
	has max forked
	sed -i '/pids_limit/d' "$CONTAINERS_CONF"
	attempt pod_run --rm -- sh -c "$show"
	assert_status 0
	has 2048 forked
	attempt pod_run --rm --pids-limit=-1 -- sh -c "$show"
	has 0
	lacks forked
	has_text "can't fork"
}

# figures_of CGROUP: as podman's are printed below. Memory in use is to podman 4.3.1 what belongs to no file.
figures_of() {
	local LEAF=$1
	echo "$(stat_of memory.stat anon) $(file memory.max) $(file pids.current) $(stat_of cpu.stat usage_usec)000"
}

@test "podman: the cgroup's place, pause, stats, update of a running container, exec, and rm of a paused one" {
	local id parent before options=()
	parent=machine-of_${ID//-/_}.slice
	! by_systemd || options=(--cgroup-parent "$parent")
	attempt pod_run -d --memory 64m --cpus 0.5 --pids-limit 20 --pidfile "$T/pid" \
		"${options[@]}" -- sh -c "$COUNTER"
	assert_status 0
	id=$(tail -n 1 <<<"$output")
	LEAF=$(leaf_of "$(cat "$T/pid")")
	counts

	if by_systemd; then
		assert_equal "$(sc show -P Slice "libpod-$id.scope")" "$parent"
		assert_equal "$LEAF" "/sys/fs/cgroup$(sc show -P ControlGroup "libpod-$id.scope")/container"
		[[ $LEAF == *"/machine.slice/$parent/libpod-$id.scope/container" ]]
	elif is_root_of_host; then
		assert_equal "$LEAF" "/sys/fs/cgroup/libpod_parent/libpod-$id"
	else
		assert_equal "$LEAF" "$CGROUP/$id"
	fi
	assert_equal "$(file memory.max) $(file cpu.max) $(file pids.max)" "67108864 50000 100000 20"

	no_quota
	attempt podman pause "$ID"
	assert_status 0
	is_frozen
	before=$(progress)
	podman_is paused
	# Nothing runs, so no figure changes between podman's reading and this.
	attempt podman stats --no-stream --format \
		'{{with .ContainerStats}}{{.MemUsage}} {{.MemLimit}} {{.PIDs}} {{.CPUNano}}{{end}}' "$ID"
	assert_status 0
	# podman looks at the scope, where the CPU time of hull's helper is counted, too.
	output=$(tail -n 1 <<<"$output")
	[ "$output" = "$(figures_of "$LEAF")" ] || assert_equal "$output" "$(figures_of "${LEAF%/container}")"
	assert_equal "$(progress)" "$before"
	attempt podman unpause "$ID"
	assert_status 0
	counts
	attempt podman update --memory 32m --memory-swap 40m --cpus 0.25 --cpu-shares 512 "$id"
	assert_status 0
	assert_equal "$(file memory.max) $(file memory.swap.max)" "33554432 8388608"
	assert_equal "$(file cpu.max) $(file pids.max)" "25000 100000 20"
	[ "$(file cpu.weight)" != 100 ]
	if by_systemd; then
		assert_equal "$(sc show -P MemoryMax "libpod-$id.scope")" 33554432
		assert_equal "$(sc show -P CPUQuotaPerSecUSec "libpod-$id.scope")" 250ms
	fi
	counts

	no_quota
	attempt podman exec "$ID" sh -c 'read -r limit </sys/fs/cgroup/memory.max
		n=0; while read -r pid; do n=$((n + 1)); done </sys/fs/cgroup/cgroup.procs; echo "$limit, $n processes"'
	assert_status 0
	has "33554432, 2 processes"

	podman pause "$ID"
	attempt podman rm -f -t 0 "$ID"
	# podman waits 5 s for the end of what it has killed, which may be too few on a busy host.
	[ "$status" = 0 ] || {
		has_text "timed out waiting for file"
		attempt podman rm -f -t 0 "$ID"
	}
	assert_status 0
	no_trace "$id"
}
