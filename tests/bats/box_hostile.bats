#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=real_root
#
# Containers whose root means harm, by what every one may do: its files, their names, its streams.

load helpers
load box

setup_file() {
	may_take 120
}

@test "box hostile: a device in the place of /etc/passwd is never opened" {
	require conmon
	# Opening it would say that there is no such device.
	box_start "$ID" -- /bin/sh -c '/bin/busybox rm -f /etc/passwd; /bin/busybox mknod /etc/passwd c 240 77; exec /bin/sleep 600'
	wait_until test -c "$BOX/containers/$(box_state "$ID" id)/upper/etc/passwd"
	hullbox update --restart no "$ID"
	hullbox update --pids -1 "$ID" # which doesn't ask who the user is
	hullbox stop -t 0 "$ID"
	attempt hullbox start "$ID"
	assert_status 1
	has_text "no regular file"
	hullbox rm -f "$ID"
}

@test "box hostile: names that would steer a terminal don't reach it" {
	require conmon
	box_start "$ID" -- /bin/sh -c '/bin/busybox mkdir /x && /bin/busybox mkfifo "/x/$(printf "\033]0;owned\007\302\2331m\nhullbox: all is well")"'
	hullbox wait "$ID" >/dev/null
	attempt hullbox cp "$ID:/x" "$T/out"
	assert_status 1
	has_text "it is a device, a fifo or a socket"
	[ "$(wc -l <<<"$output")" = 1 ]
	[ -z "$(LC_ALL=C tr -d '\012\040-\176' <<<"$output")" ]
	hullbox rm "$ID"
}

@test "box hostile: a tree too deep for a layer is refused by commit, which leaves nothing, and by cp" {
	require conmon
	local deep
	deep=$(printf 'd/%.0s' {1..300})
	box_start "$ID" -- /bin/busybox mkdir -p "/$deep"
	hullbox wait "$ID" >/dev/null
	attempt hullbox commit "$ID" "$T/deep.tar"
	assert_status 1
	has_text "directories deep"
	attempt hullbox commit --layout "$ID" "$T/deep"
	assert_status 1
	[ -z "$(find "$T" -maxdepth 1 -name 'deep*')" ]
	# What each level takes of the stack is no matter then.
	attempt hullbox cp "$ID:/d" "$T/deep"
	assert_status 1
	has_text "directories deep"
	hullbox rm "$ID"
}

@test "box hostile: what a killed removal had moved out of a deep tree keeps nothing from being removed" {
	require conmon
	local id containers=$BOX/containers
	box_start "$ID" -- /bin/busybox mkdir -p "/$(printf 'd/%.0s' {1..100})"
	hullbox wait "$ID" >/dev/null
	id=$(box_state "$ID" id)
	mkdir -p "$containers/$id.gone.0/d/d"
	hullbox rm "$ID"
	[ -z "$(ls "$containers")" ]
	# Nor does it stay where nothing else is left; a lock in it is the container's, which means nothing.
	mkdir -p "$containers/$id.gone.0/d/d"
	ln -s "$T/made" "$containers/$id.gone.0/lock"
	hullbox prune
	[ -z "$(ls "$containers")" ]
}

@test "box hostile: a renaming that was killed blocks no name and opens none" {
	require conmon
	box_start "$ID" -- /bin/true
	hullbox wait "$ID" >/dev/null
	ln -s "$(box_state "$ID" id)" "$BOX/names/${ID}x"
	attempt hullbox inspect "${ID}x"
	assert_status 1
	has_text "no such container"
	box_start "${ID}x" -- /bin/true
	hullbox wait "${ID}x" >/dev/null
	[ "$(box_state "${ID}x" id)" != "$(box_state "$ID" id)" ]
	hullbox rm "$ID" "${ID}x"
}

@test "box hostile: no room for its name: no container" {
	mkdir -p "$BOX/names"
	mount -t tmpfs -o nr_inodes=1 none "$BOX/names"
	attempt hullbox create --net none --rootfs "$BASE" --name "$ID" -- /bin/true
	umount "$BOX/names"
	assert_status 1
	has_text "take the name" "No space left"
	[ -z "$(hullbox ps -aq)" ]
	[ -z "$(ls "$BOX/containers")" ]
}

@test "box hostile: conmon's socket for a terminal isn't made where everybody may write" {
	require conmon
	hullbox run -dt --net none --rootfs "$BASE" --ephemeral --name "$ID" -- /bin/sleep 600
	tr '\0' '\n' <"/proc/$(cat "$HULLBOX_RUNTIME/containers/$(box_state "$ID" id)/conmon.pid")/environ" >"$T/environment"
	grep -q "^TMPDIR=$HULLBOX_RUNTIME" "$T/environment"
	hullbox rm -f "$ID"
}

on_small_disk() {
	mkdir -p "$BOX"
	mount -t tmpfs -o size=1m none "$BOX"
}

fill_disk() { dd if=/dev/zero of="$BOX/fill" bs=4k 2>/dev/null || true; }

@test "box hostile: a container is stopped and removed when the disk is full" {
	local name
	require conmon
	on_small_disk
	hullbox run -d --net none --rootfs "$BASE" --name "$ID" -- /bin/sleep 600
	hullbox run -d --net none --rootfs "$BASE" --restart always --name "${ID}x" -- /bin/sleep 600
	hullbox run -d --net none --rootfs "$BASE" --restart always --name "${ID}y" -- /bin/sleep 600
	fill_disk
	for name in "$ID" "${ID}x"; do
		attempt hullbox stop -t 0 "$name"
		assert_status 1
		has_text "No space left"
		assert_equal "$(box_state "$name" status)" stopped
	done
	attempt hullbox kill "${ID}y"
	assert_status 1
	has_text "No space left"
	wait_until is_box_status stopped "${ID}y"
	# No policy begins what somebody stopped, as soon as there is room.
	wait_until no_box_process
	rm "$BOX/fill"
	hullbox ps
	hullbox create --net none --rootfs "$BASE" --name "${ID}z" -- /bin/true
	no_box_process
	assert_equal "$(box_state "${ID}x" status) $(box_state "${ID}y" status)" "stopped stopped"
	hullbox rm -f "${ID}x" "${ID}y" "${ID}z"
	hullbox start "$ID"
	fill_disk
	attempt hullbox rm -f "$ID"
	[ -z "$(ls "$BOX/containers")" ] || echo left: "$(ls "$BOX/containers")"
	wait_until no_box_process
	# Who keeps its log ends with it, but not before it.
	wait_until umount "$BOX"
	assert_status 0
}

@test "box hostile: that its memory limit ended it is known when it couldn't be written down at once" {
	local pid
	require conmon
	on_small_disk
	hullbox run -d --net none --rootfs "$BASE" --name "$ID" -- /bin/sleep 600
	# As conmon says it.
	touch "$BOX/containers/$(box_state "$ID" id)/bundle/oom"
	fill_disk
	kill -KILL "$(box_state "$ID" pid)"
	wait_until no_box_process
	rm "$BOX/fill"
	assert_equal "$(box_state "$ID" going) $(box_state "$ID" oom)" "true false"
	assert_equal "$(hullbox wait "$ID")" 137
	assert_equal "$(box_state "$ID" going) $(box_state "$ID" oom)" "false true"
	hullbox start "$ID"
	assert_equal "$(box_state "$ID" oom)" false
	hullbox stop -t 0 "$ID"
	assert_equal "$(box_state "$ID" oom)" false
	hullbox rm "$ID"
	wait_until no_box_process
	# Who keeps its log ends with it, but not before it.
	wait_until umount "$BOX"
}
