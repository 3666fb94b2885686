#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox: limits that the kernel holds, and what is measured. Most of it needs the controllers of the
# virtual machine.

load helpers
load box

setup_file() {
	may_take 120
}

# bats test_tags=vm-only
@test "box run --pids: a fork bomb leaves the host usable, and ends with the container" {
	# The bomb itself ends where it can't fork; what it has made stays.
	box_start "$ID" --pids 50 -- /bin/sh -c 'echo ready; sh -c "while :; do sleep 1000 & done" & sleep 1000'
	wait_until is_ready "$ID"
	local cgroup
	cgroup=$(box_state "$ID" cgroup)
	wait_until grep -q '^max [1-9]' "$cgroup/pids.events"
	[ "$(cat "$cgroup/pids.current")" -le 50 ]
	[ "$(cat "$cgroup/pids.current")" -ge 48 ]
	/bin/true
	hullbox rm -f "$ID"
	wait_until no_box_process
}

# bats test_tags=vm-only
@test "box run --memory: over the limit it is killed, which is said" {
	local hog='x=$(head -c 100000000 /dev/zero | tr "\0" x)'
	box_run --rm --memory 16m --memory-swap 16m -- /bin/sh -c "sh -c '$hog'; echo \"ended with \$?\""
	assert_status 0
	has_text "ended with 137"
	box_run --name "$ID" --memory 16m --memory-swap 16m -- /bin/sh -c "$hog"
	assert_status 137
	has_text "memory limit was reached"
	assert_equal "$(box_state "$ID" oom)" true
}

# bats test_tags=vm-only
@test "box update: limits, at once and in the next life" {
	box_idle "$ID" --pids 100 --memory 64m
	local cgroup
	cgroup=$(box_state "$ID" cgroup)
	assert_equal "$(cat "$cgroup/pids.max") $(cat "$cgroup/memory.max")" "100 67108864"
	hullbox update --pids 70 "$ID"
	assert_equal "$(cat "$cgroup/pids.max") $(cat "$cgroup/memory.max")" "70 67108864"
	hullbox restart "$ID"
	cgroup=$(box_state "$ID" cgroup)
	assert_equal "$(cat "$cgroup/pids.max") $(cat "$cgroup/memory.max")" "70 67108864"
	attempt hullbox update --pids nonsense "$ID"
	assert_status 2
}

# bats test_tags=vm-only
@test "box run --io-*: weight and rates are the cgroup's, in the next life as well" {
	require disk
	local n cgroup major minor disk=$T/disk
	read -r major minor <<<"$(host_disk)"
	mknod "$disk" b "$major" "$minor"
	box_idle "$ID" --io-weight 500 --io-read-bps "$disk:1m" --io-write-bps "$disk:2m" --io-read-iops "$disk:40" --io-write-iops "$disk:50"
	for n in 2 3; do
		cgroup=$(box_state "$ID" cgroup)
		assert_equal "$(cat "$cgroup/io.weight")" "default 4950"
		assert_equal "$(cat "$cgroup/io.max")" "$major:$minor rbps=1048576 wbps=2097152 riops=40 wiops=50"
		mv "$disk" "$disk.gone"
		hullbox update --pids 77 "$ID"
		assert_equal "$(cat "$cgroup/pids.max" "$cgroup/io.weight")" "77"$'\n'"default 4950"
		assert_equal "$(cat "$cgroup/io.max")" "$major:$minor rbps=1048576 wbps=2097152 riops=40 wiops=50"
		mv "$disk.gone" "$disk"
		hullbox restart -t 0 "$ID"
		wait_until is_ready "$ID" $n
	done
}

# bats test_tags=vm
@test "box update --restart: another policy for what runs" {
	box_start "$ID" -- /bin/sh -c 'echo ready; until [ -e /go ]; do sleep 0.05; done'
	wait_until is_ready "$ID"
	hullbox update --restart always "$ID"
	# Its process may end, and with it this one, before it has ended by itself.
	hullbox exec "$ID" /bin/touch /go || [ $? = 137 ]
	lives_are() { [ "$(box_state "$2" lives)" -ge "$1" ]; }
	wait_until lives_are 2 "$ID"
	hullbox stop "$ID"
}

@test "box update: what the host or the container has no longer, and the call doesn't name, is no matter" {
	require conmon
	mkdir "$T/source"
	box_idle "$ID" -v "$T/source:/x" --restart always
	hullbox exec "$ID" /bin/busybox sh -c 'echo nonsense >/etc/passwd'
	mv "$T/source" "$T/elsewhere"
	hullbox update --pids -1 "$ID"
	# Only what is named goes to hull.
	HULLBOX_HULL=/bin/false hullbox update --restart no "$ID"
	attempt env HULLBOX_HULL=/bin/false "$HULLBOX" update --pids 70 "$ID"
	assert_status 1
	assert_equal "$(box_state "$ID" status)" running
}

# bats test_tags=vm-only
@test "box run: memory, processes and disks are measured where nothing limits them, too" {
	local cgroup
	mkdir "$T/disk"
	box_idle "$ID" --pids -1 -v "$T/disk:/disk"
	cgroup=$(box_state "$ID" cgroup)
	assert_equal "$(cat "$cgroup/memory.max") $(cat "$cgroup/pids.max") $(cat "$cgroup/io.max")" "max max "
	hullbox exec "$ID" probe pour /disk/file 256
	output=$(hullbox stats --format json "$ID")
	[ "$(jq '.[0].memory.usage' <<<"$output")" -gt 0 ]
	[ "$(jq '.[0].pids.current' <<<"$output")" -ge 1 ]
	[ "$(jq '.[0].io.written' <<<"$output")" -ge 262144 ]
}

# bats test_tags=vm
@test "box stats: figures with names; what isn't measured is no 0" {
	box_idle "$ID"
	box_idle "${ID}x"
	output=$(hullbox stats)
	matches "^[0-9a-f]{12}  $ID "
	matches "^[0-9a-f]{12}  ${ID}x "
	output=$(hullbox stats --format json "$ID")
	assert_equal "$(jq -r '.[].name' <<<"$output")" "$ID"
	if [ -e "$(box_state "$ID" cgroup)/pids.current" ]; then
		[ "$(jq '.[0].pids.current' <<<"$output")" -ge 1 ]
	else
		assert_equal "$(jq '.[0].pids.current' <<<"$output")" null
		output=$(hullbox stats)
		matches "^[0-9a-f]{12}  ${ID} .* - "
	fi
}
