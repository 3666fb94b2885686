# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# What an attacker or an unlucky moment can do between two steps: each test holds hull at one point
# and acts in its place.

load helpers

teardown() {
	[ -z "${STOPPED:-}" ] || kill -CONT "$STOPPED" 2>/dev/null || true
	[ -z "${REAPER:-}" ] || kill -KILL "$REAPER" 2>/dev/null || true
	common_teardown
}

# The first process of a pid namespace doesn't stop itself: tests that hold it use the host's.
no_pid_namespace() {
	config 'del(.linux.namespaces[] | select(.type == "pid"))'
}

# The child of process $1 that has stopped itself, into STOPPED.
find_stopped() {
	local pid
	for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		grep -q '^State:.T' "/proc/$pid/status" && STOPPED=$pid && return 0
	done
	return 1
}

@test "start right after create waits for a first process that hasn't had its turn yet" {
	require hull_test
	no_pid_namespace
	HULL_FAULT="meet at the start socket:stop-init" attempt faulty create "$ID"
	assert_status 0
	STOPPED=$(pid_of)
	# Else it might stop after it was told to go on.
	wait_until grep -q '^State:.T' "/proc/$STOPPED/status"
	hull start "$ID" >"$T/start" 2>&1 </dev/null &
	local start=$!
	# Time to be refused in; whoever is late here only sees less.
	sleep 0.3
	kill -CONT "$STOPPED"
	wait "$start" || { cat "$T/start" >&2; return 1; }
	wait_status stopped "$ID"
}

is_gone() { [ ! -e "$1" ]; }

@test "start tells a death before the program, also when the process is reaped before hull can look" {
	require python
	no_pid_namespace
	config '.hooks.startContainer = [{ path: "/bin/sh",
		args: ["sh", "-c", "echo >/begun; until [ -e /go ]; do sleep 0.1; done; kill -KILL $PPID"] }]'
	# The container's process is a child of this, which reaps it at once, as engines do.
	python3 -c 'import ctypes, os, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
subprocess.run(sys.argv[1:], check=True)
os.wait()
time.sleep(9000)' "$HULL" --root "$ROOT" create --bundle "$BUNDLE" "$ID" >"$T/created" 2>&1 </dev/null &
	REAPER=$!
	wait_status created "$ID"
	local init
	init=$(pid_of)
	# The program itself, that it is stopped and not who calls it.
	"$HULL_ITSELF" "${MANAGER_OPTION[@]}" --root "$ROOT" start "$ID" >"$T/start" 2>&1 </dev/null &
	STOPPED=$!
	wait_until test -e rootfs/begun
	kill -STOP "$STOPPED"
	wait_until grep -q '^State:.T' "/proc/$STOPPED/status"
	touch rootfs/go
	wait_until is_gone "/proc/$init"
	kill -CONT "$STOPPED"
	ended "$STOPPED"
	STOPPED=
	output=$(cat "$T/start")
	assert_fails "start '$ID': " "the container's first process was killed before its program was executed"
	hull delete --force "$ID"
}

@test "a limit of three open files is for the program, not for hull's way to it" {
	config '.process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 3, hard: 3 }]'
	shell 'ulimit -n; ulimit -Hn'
	create_logged
	start
	wait_until out_has 3
	wait_status stopped "$ID"
	assert_equal "$(cat "$T/out")" "3
3"
}

@test "the session keyring's name can't be known beforehand, or another's keyring would be joined" {
	local first
	ask keyring
	matches "^name=.*$ID"
	first=$(grep ^name= <<<"$output")
	ask keyring
	[ "$(grep ^name= <<<"$output")" != "$first" ]
}

@test "a delete that was overtaken leaves the next container of that id alone" {
	config --arg t "$T" '.hooks.poststop = [{ path: "/bin/sh", args: ["sh", "-c",
		"mkdir \"$1/first\" 2>/dev/null || exit 0; until [ -e \"$1/go\" ]; do sleep 0.02; done",
		"sh", $t] }]'
	create
	hull delete "$ID" >"$T/delete" 2>&1 </dev/null &
	local delete=$!
	wait_until [ -d "$T/first" ]
	attempt hull delete "$ID"
	assert_status 0
	create
	touch "$T/go"
	wait "$delete" || { cat "$T/delete" >&2; return 1; }
	assert_equal "$(status_of)" created
}

@test "a creator whose directory was deleted leaves the next container of that id alone" {
	require hull_test
	HULL_FAULT="record what will be made:stop-parent" \
		"$HULL_TEST" --root "$ROOT" create "$ID" >"$T/create" 2>&1 </dev/null &
	local creator=$!
	STOPPED=$creator
	wait_until grep -q '^State:.T' "/proc/$creator/status"
	attempt hull delete --force "$ID"
	assert_status 0
	create
	kill -CONT "$creator"
	if wait "$creator"; then return 1; fi
	assert_equal "$(status_of)" created
}

@test "a file that was handed over for reading can't be written by way of its owner" {
	echo kept >"$T/input"
	chmod 600 "$T/input"
	config '.process.user = { uid: 1000, gid: 1000 }'
	shell 'cat; chmod 666 /proc/self/fd/0; echo lost >/proc/self/fd/0'
	run hull run "$ID" <"$T/input"
	has kept
	assert_equal "$(stat -c %u:%a "$T/input")" "$(id -u):600"
	assert_equal "$(cat "$T/input")" kept
}

@test "masks and read-only paths are put on the kernel's own file system or not at all" {
	require hull_test
	local what creator
	for what in maskedPaths:/proc/kcore readonlyPaths:/proc/sys maskedPaths:/sys/firmware; do
		local property=${what%%:*} path=${what#*:} row="mask paths" top
		[ "$property" = maskedPaths ] || row="make paths read-only"
		top=rootfs/$(cut -d/ -f2 <<<"$path")
		new_bundle "$T/bundle.$property${path//\//.}"
		BUNDLE=$T/bundle.$property${path//\//.}
		cd "$BUNDLE"
		no_pid_namespace
		mount_entry /sys sysfs sysfs ro
		config --arg property "$property" --arg path "$path" '.linux[$property] = [$path]'
		HULL_FAULT="$row:stop-init" "$HULL_TEST" --root "$ROOT" create "$ID" \
			>"$T/create" 2>&1 </dev/null &
		creator=$!
		wait_until find_stopped "$creator"
		# As another container could that has the same root file system.
		mv "$top" "$top.away"
		mkdir "$top"
		kill -CONT "$STOPPED"
		if wait "$creator"; then
			echo "$what: created without it" >&2
			return 1
		fi
		grep "no longer the" "$T/create"
	done
}

@test "the caller's terminal isn't given away" {
	require script
	config '.process.user = { uid: 1000, gid: 1000 }'
	shell 'test -t 0 && echo on a terminal'
	run script -qec "$HULL --root $ROOT run $ID; stat -c owner=%u \$(tty)" /dev/null </dev/null
	output=$(tr -d '\r' <<<"$output")
	has "on a terminal" "owner=$(id -u)"
}

@test "without a cgroup of its own a container can't write to the caller's" {
	mount_entry /sys sysfs sysfs ro
	mount_entry /sys/fs/cgroup cgroup cgroup
	shell 'mkdir /sys/fs/cgroup/made-inside && rmdir /sys/fs/cgroup/made-inside && echo written'
	run hull --cgroup-manager disabled run "$ID" </dev/null
	assert_fails "Read-only file system"
	lacks written
}

@test "a host's node that is bound, where hull may not make nodes, can't be changed from inside" {
	require setpriv
	local before
	before=$(stat -c %a:%u:%g /dev/full)
	config '["CAP_FOWNER", "CAP_CHOWN"] as $caps |
		.process.capabilities = { bounding: $caps, permitted: $caps, effective: $caps }'
	shell 'echo x >/dev/null && echo usable; chmod 600 /dev/full; chown 7 /dev/full; ls -l /dev/full'
	run setpriv --bounding-set=-mknod "$HULL" --root "$ROOT" run "$ID" </dev/null
	has usable
	has_text "Read-only file system"
	assert_equal "$(stat -c %a:%u:%g /dev/full)" "$before"
}

@test "an error text from the image can't steer the caller's terminal" {
	printf '#!/no\302\233[31m\033[32mpe\n' >rootfs/bin/bad
	chmod 755 rootfs/bin/bad
	args /bin/bad
	run_container
	assert_fails "its interpreter '/no" "[31m"
	lacks $'\302\233' $'\033'
}

@test "delete ends its work though nobody reads its warnings" {
	config '.hooks.poststop = [{ path: "/bin/false" }]'
	create
	# The writer's end of a pipe whose reader is gone.
	mkfifo "$T/pipe"
	exec 7<>"$T/pipe" 8>"$T/pipe" 7>&-
	run bash -c '"$@" 2>&8' bash "$HULL" --root "$ROOT" delete "$ID"
	exec 8>&-
	assert_status 0
	assert_no_state
}
