#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What is particular to callers that aren't root of the host: with and without lent ids, with and
# without a delegated cgroup, uid 0 of a user namespace, and what they are told where something is
# missing. The other bats files are run as such callers too (tests/helpers/run-as).

load helpers

USER_ID=654322
LENT=800000
# Where setpriv calls timeout(1) it isn't the function of helpers.bash.
LIMIT=$((60 * HULL_TEST_SLOW))

setup() {
	common_setup
	require setpriv uidmap
	RUNTIME=$T/run
	ROOT=$RUNTIME/hull
	mkdir -m 700 "$RUNTIME"
	chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test "$T"
	cp "$HULL_ITSELF" "$T/hull"
	config --argjson id $USER_ID '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $id, size: 1 }]
		| .linux.gidMappings = .linux.uidMappings | .mounts[2].options -= ["gid=5"]'
	chown -R $USER_ID:$USER_ID "$RUNTIME" "$BUNDLE"
}

teardown() {
	if [ -n "${CG:-}" ] && [ -d "$CG" ]; then
		find "$CG" -depth -type d -exec rmdir {} \;
	fi
	common_teardown
}

have_uidmap() { command -v newuidmap >/dev/null && [ -e /etc/subuid ] && [ -e /etc/subgid ]; }

have_memfd_noexec() { [ -e /proc/sys/vm/memfd_noexec ]; }

lent() {
	config --argjson id $USER_ID --argjson lent $LENT '
		.linux.uidMappings = [{ containerID: 0, hostID: $id, size: 1 },
			{ containerID: 1, hostID: $lent, size: 65535 }]
		| .linux.gidMappings = .linux.uidMappings'
}

# as_user COMMAND...: without privilege, groups and delegated cgroup; SUBUID, SUBGID: the lines of
# the files, which are covered in a mount namespace of the command's own.
as_user() {
	{ cat /etc/passwd && echo "tess:x:$USER_ID:$USER_ID::/:/bin/sh"; } >"$T/passwd"
	printf '%s\n' "${SUBUID-}" >"$T/subuid"
	printf '%s\n' "${SUBGID-${SUBUID-}}" >"$T/subgid"
	chmod 644 "$T/passwd" "$T/subuid" "$T/subgid"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m --propagation private sh -c 'for f in passwd subuid subgid; do
			mount --bind "$1/$f" /etc/$f || exit 99; done; shift; exec "$@"' sh "$T" \
		env XDG_RUNTIME_DIR="${RUNTIME_DIR-$RUNTIME}" \
		setpriv --reuid $USER_ID --regid $USER_ID ${GROUPS_OPTION:---clear-groups} --inh-caps=-all "$@"
}

user_run() {
	run as_user timeout --foreground -k 5 "$LIMIT" "$T/hull" "$@" run --bundle "$BUNDLE" "$ID" </dev/null
}

# --- one id, no helper ---

@test "one id: root inside is the caller, and nothing else is needed" {
	probe ids + cat /proc/self/uid_map + cat /proc/self/setgroups
	user_run
	assert_status 0
	has uid=0,0,0 gid=0,0,0 deny
	matches "^ *0 +$USER_ID +1$"
}

# Who may not clone a mount executes a copy of hull in memory. The sysctl is a pid namespace's own.
@test "one id: where nothing in memory can be executed that doesn't ask for it" {
	require memfd_noexec
	probe ids
	# shellcheck disable=SC2016 # expanded by the inner shell
	run unshare -p -f --mount-proc sh -c 'echo "$0" >/proc/sys/vm/memfd_noexec && exec "$@"' 1 \
		env XDG_RUNTIME_DIR="$RUNTIME" \
		setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
		timeout --foreground -k 5 "$LIMIT" "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_status 0
	has uid=0,0,0
	# shellcheck disable=SC2016 # expanded by the inner shell
	run unshare -p -f --mount-proc sh -c 'echo "$0" >/proc/sys/vm/memfd_noexec && exec "$@"' 2 \
		env XDG_RUNTIME_DIR="$RUNTIME" \
		setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
		timeout --foreground -k 5 "$LIMIT" "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_fails "vm.memfd_noexec is 2"
}

# traced_run STRACE-OPTION...: user_run, with its first process traced into $T/trace.
traced_run() {
	install -m 666 /dev/null "$T/trace"
	run as_user timeout --foreground -k 5 "$LIMIT" strace -o "$T/trace" -e trace=fcntl "$@" \
		"$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
}

@test "one id: a copy of hull in memory that the kernel is still busy with is sealed a little later" {
	local first
	require strace
	probe ids
	traced_run
	assert_status 0
	first=$(grep -n F_ADD_SEALS "$T/trace" | head -n 1 | cut -d : -f 1)
	[ -n "$first" ]
	traced_run -e inject=fcntl:error=EBUSY:when="$first..$((first + 2))"
	assert_status 0
	has uid=0,0,0
	assert_equal "$(grep -c 'F_ADD_SEALS.*INJECTED' "$T/trace")" 3
	# Not for ever.
	traced_run -e inject=fcntl:error=EBUSY:when="$first+"
	assert_fails "seal the copy of hull's own binary: Device or resource busy"
}

@test "one id: create, start, state, list, kill and delete, by the same user" {
	local pid
	probe wait-signal
	as_user "$T/hull" create --bundle "$BUNDLE" "$ID" >"$T/out" 2>&1 </dev/null
	assert_equal "$(as_user "$T/hull" state "$ID" | jq -r .status)" created
	pid=$(as_user "$T/hull" state "$ID" | jq -r .pid)
	assert_equal "$(stat -c %U:%G "$RUNTIME/hull" | tr -d '\n'; stat -c %a "$RUNTIME/hull")" \
		"UNKNOWN:UNKNOWN700"
	as_user "$T/hull" start "$ID"
	wait_until out_has waiting
	assert_equal "$(stat -c %u:%g "/proc/$pid")" $USER_ID:$USER_ID
	run as_user "$T/hull" list
	has_text "$ID"
	as_user "$T/hull" kill "$ID" KILL
	wait_until gone "$pid"
	assert_equal "$(as_user "$T/hull" state "$ID" | jq -r .status)" stopped
	as_user "$T/hull" delete "$ID"
	assert_nothing_left
}

gone() { [ ! -e "/proc/$1" ] || is_zombie "$1"; }

@test "one id: detached, and deleted by force" {
	probe wait-signal
	as_user "$T/hull" run --detach --bundle "$BUNDLE" "$ID" >"$T/out" 2>&1 </dev/null
	wait_until out_has waiting
	as_user "$T/hull" delete --force "$ID"
	assert_nothing_left
}

@test "one id: the caller's groups stay, other groups are refused" {
	GROUPS_OPTION=--groups=4,24
	probe ids
	user_run
	assert_status 0
	has groups=65534,65534
	has_text "supplementary groups stay"
	config '.process.user.additionalGids = [0]'
	user_run
	assert_fails /process/user/additionalGids /etc/subgid
}

@test "what spec --rootless writes works as it stands, with a terminal" {
	require script
	rm config.json
	mkdir -p rootfs/sys && chown $USER_ID rootfs/sys
	as_user "$T/hull" spec --rootless
	config '.process.args = ["/bin/sh", "-c", "stty size; ls /sys; echo end"]'
	chown $USER_ID config.json
	run as_user timeout --foreground "$LIMIT" script -qec "$T/hull run $ID" /dev/null </dev/null
	assert_status 0
	has_text kernel end
}

@test "without a delegated cgroup the container stays in the caller's, and hull says so" {
	probe cat /proc/self/cgroup
	user_run
	assert_status 0
	has_text "no cgroup is delegated to user $USER_ID"
	config '.linux.resources.devices = [{ allow: false, access: "rwm" }]'
	user_run
	assert_status 0
	has_text /linux/resources/devices
	config 'del(.linux.resources.devices) | .linux.resources.pids.limit = 5'
	user_run
	assert_fails /linux/resources/pids/limit "gets no cgroup of its own (none is delegated to the caller)"
}

@test "what a container without a cgroup can't be asked for is refused with the reason: none was delegated, or the caller's wish" {
	local option
	shell 'sleep 1000'
	for option in --cgroup-manager=cgroupfs --cgroup-manager=disabled; do
		as_user "$T/hull" $option create --bundle "$BUNDLE" "$ID" </dev/null >"$T/out" 2>&1
		for command in "update --pids-limit 5" "events --stats" pause; do
			# shellcheck disable=SC2086 # words
			run as_user "$T/hull" $command "$ID"
			if [ "$option" = --cgroup-manager=disabled ]; then
				assert_fails "cgroup of its own" "(--cgroup-manager=disabled)"
				lacks delegated
			else
				assert_fails "cgroup of its own" "(none was delegated to its creator" "Delegate=yes"
				lacks cgroup-manager
			fi
		done
		as_user "$T/hull" delete --force "$ID"
	done
}

@test "a delegated cgroup is used, and removed" {
	CG=$CGROUP/$ID-delegated
	mkdir "$CG" "$CG/session"
	chown $USER_ID "$CG" "$CG"/cgroup.procs "$CG"/session "$CG"/session/cgroup.procs
	probe wait-signal
	bash -c 'echo $$ >"$1/session/cgroup.procs" && shift && exec "$@"' bash "$CG" \
		unshare -m env XDG_RUNTIME_DIR="$RUNTIME" \
		setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
		"$T/hull" run --detach --bundle "$BUNDLE" "$ID" >"$T/out" 2>&1 </dev/null
	wait_until out_has waiting
	grep -q . "$CG/$ID/cgroup.procs"
	lacks_match_file "no cgroup is delegated"
	as_user "$T/hull" delete --force "$ID"
	[ ! -e "$CG/$ID" ]
	find "$CG" -depth -type d -exec rmdir {} \;
}

# delegated_run: hull run of the bundle, from a cgroup of the user's below $CG.
delegated_run() {
	run bash -c 'echo $$ >"$1/session/cgroup.procs" && shift && exec "$@"' bash "$CG" \
		unshare -m env XDG_RUNTIME_DIR="$RUNTIME" \
		setpriv --reuid $USER_ID --regid $USER_ID --clear-groups --inh-caps=-all \
		timeout --foreground -k 5 "$LIMIT" "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
}

# delegate DIR: makes it, and gives it to the user as systemd does.
delegate() {
	mkdir -p "$1/session"
	chown $USER_ID "$1" "$1"/cgroup.{procs,subtree_control,threads} "$1"/session "$1"/session/cgroup.procs
}


@test "a limit holds where its controller is delegated, and is enabled on the way" {
	require hugetlb
	echo +hugetlb >"$CGROUP/cgroup.subtree_control"
	CG=$CGROUP/$ID-delegated
	delegate "$CG"
	config '.linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 0 }]'
	mount_entry /sys/fs/cgroup cgroup cgroup ro
	probe cat /sys/fs/cgroup/hugetlb.2MB.max
	delegated_run
	assert_status 0
	has 0
	assert_equal "$(cat "$CG/cgroup.subtree_control")" hugetlb
	[ ! -e "$CG/$ID" ]
}

# undelegated CONTROLLER TEXT...: handed on at the top, but not by the cgroup above the user's.
undelegated() {
	echo "+$1" >"$CGROUP/cgroup.subtree_control"
	CG=$CGROUP/$ID-top
	mkdir "$CG"
	CG=$CG/delegated
	delegate "$CG"
	delegated_run
	CG=$CGROUP/$ID-top
	assert_fails "the $1 controller isn't delegated to user $USER_ID" \
		"cgroup '/$ID-top' doesn't hand it on" "${@:2}"
	assert_equal "$(find "$CG" -name "$ID")" ""
}

@test "a limit whose controller isn't delegated is refused by its name, with the way to get it" {
	require hugetlb
	config '.linux.resources.hugepageLimits = [{ pageSize: "2MB", limit: 0 }]'
	undelegated hugetlb /linux/resources/hugepageLimits/0 "root has to write a '+' and its name"
	lacks Delegate=
}

# bats test_tags=vm-only
@test "a limit whose controller systemd could delegate is refused with the lines that make it" {
	config '.linux.resources.memory.limit = 67108864'
	undelegated memory /linux/resources/memory/limit "Delegate=cpu cpuset io memory pids" \
		/etc/systemd/system/user@.service.d/delegate.conf
}

lacks_match_file() { ! grep -q "$1" "$T/out"; }

@test "a time namespace for an unprivileged caller, who must own it" {
	config '.linux.namespaces += [{ type: "time" }] | .linux.timeOffsets = { monotonic: { secs: 86400 } }'
	probe cat /proc/self/timens_offsets + ids
	user_run
	assert_status 0
	matches '^monotonic +86400 +0$'
	has uid=0,0,0
}

@test "an oom score is raised; to lower it takes privilege" {
	config '.process.oomScoreAdj = 700'
	probe oom
	user_run
	assert_status 0
	has_text 700
	config '.process.oomScoreAdj = -5'
	user_run
	assert_fails /process/oomScoreAdj
}

@test "a failing hook, a missing program: nothing is left" {
	config '.hooks.createRuntime = [{ path: "/bin/false" }]'
	user_run
	assert_fails createRuntime
	config 'del(.hooks)'
	args /nonexistent
	user_run
	assert_fails /nonexistent
	assert_nothing_left
}

# --- lent ids ---

@test "lent ids: several lines make up a range, by name and by number" {
	lent
	config '.process.user = { uid: 1000, gid: 1000, additionalGids: [7] }'
	probe ids + cat /proc/self/setgroups
	SUBUID="tess:$LENT:30000
$USER_ID:$((LENT + 30000)):35535"
	user_run
	assert_status 0
	has uid=1000,1000,1000 gid=1000,1000,1000 groups=7 allow
}

@test "lent ids: files inside belong to the lent ids outside" {
	lent
	SUBUID="tess:$LENT:65536"
	shell 'touch /file && chown 1000:1001 /file'
	config '.process.user = { uid: 0, gid: 0 }'
	user_run
	assert_status 0
	assert_equal "$(stat -c %u:%g rootfs/file)" $((LENT + 999)):$((LENT + 1000))
}

@test "ids that aren't lent: the error has the line that is missing" {
	lent
	SUBUID="tess:$LENT:65534"
	user_run
	assert_fails /linux/uidMappings/1 "add 'tess:$LENT:65535' to /etc/subuid"
	SUBUID="tess:$LENT:65536"
	SUBGID="other:$LENT:65536"
	user_run
	assert_fails /linux/gidMappings/1 "add 'tess:$LENT:65535' to /etc/subgid"
	run as_user "$T/hull" check --bundle "$BUNDLE"
	assert_fails /etc/subgid
	assert_nothing_left
	config '.linux.uidMappings[0].hostID = 0'
	user_run
	assert_fails "/linux/uidMappings/0: user id 0 is the host's root" "map $USER_ID"
	[[ $output != *"add 'tess:0:"* ]]
}

@test "newuidmap's own words are in the error" {
	lent
	SUBUID="tess:$LENT:65536"
	run as_user setpriv --no-new-privs "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_fails newuidmap no_new_privs "wrote:"
	assert_nothing_left
}

@test "a newuidmap without privilege of its own is told" {
	lent
	SUBUID="tess:$LENT:65536"
	install -m 755 "$(command -v newuidmap)" "$T/newuidmap"
	# shellcheck disable=SC2016,SC2317 # expanded by the inner shell; called by user_run
	unprivileged() {
		unshare -m --propagation private sh -c 'mount --bind "$1" "$2"; shift 2; exec "$@"' sh \
			"$T/newuidmap" "$(command -v newuidmap)" "$@"
	}
	run unprivileged bash -c "$(declare -f as_user); $(declare -p T USER_ID RUNTIME SUBUID)
		as_user \"\$@\"" bash "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_fails newuidmap "neither setuid nor" "wrote:"
	assert_nothing_left
}

# --- what is missing ---

@test "without a user namespace: told what to add" {
	config '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
	user_run
	assert_fails /linux/namespaces "isn't privileged" /linux/uidMappings
}

@test "no runtime directory: --root is needed; an empty one counts as unset; root ignores it" {
	RUNTIME_DIR='' user_run
	assert_fails XDG_RUNTIME_DIR --root
	probe ids
	RUNTIME_DIR='' user_run --root "$T/run/elsewhere"
	assert_status 0
	rmdir "$T/run/elsewhere"
	XDG_RUNTIME_DIR=$RUNTIME run "$HULL" list
	assert_status 0
	lacks "$ID"
}

@test "user.max_user_namespaces 0 is named" {
	local script='echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
	config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	chmod a+rx "$BUNDLE"
	# In a user namespace of its own, whose limit is set, not the host's.
	run unshare -U -r -m sh -c "$script" sh "$T/hull" --root "$T/other" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_fails user.max_user_namespaces
	rm -rf "$T/other"
}

# --- uid 0 of a user namespace, as podman's rootless mode has it ---

@test "uid 0 of a user namespace: no further user namespace is needed" {
	config 'del(.linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces |= map(select(.type != "user"))'
	probe ids
	run as_user unshare -U -r -m "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_status 0
	has uid=0,0,0
}

@test "uid 0 of a user namespace: a nested user namespace, and ids that aren't mapped there" {
	config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	probe ids
	run as_user unshare -U -r -m "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_status 0
	has uid=0,0,0
	config '.linux.uidMappings[0].hostID = 1'
	run as_user unshare -U -r -m "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_fails /linux/uidMappings
	assert_nothing_left
}

@test "uid 0 of a user namespace whose ids newuidmap mapped: with and without one of the container's own" {
	SUBUID="tess:$LENT:65536"
	chown -R $USER_ID:$USER_ID "$BUNDLE"
	config 'del(.linux.uidMappings, .linux.gidMappings)
		| .linux.namespaces |= map(select(.type != "user")) | .process.user = { uid: 33, gid: 34, additionalGids: [35] }'
	probe ids + cat /proc/self/uid_map
	run as_user unshare -U --map-root-user --map-auto -m "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_status 0
	has uid=33,33,33 gid=34,34,34 groups=35
	matches "^ *1 +$LENT +65535$"
	config '.linux.namespaces += [{ type: "user" }] | .linux.uidMappings = [{ containerID: 0, hostID: 5, size: 100 }]
		| .linux.gidMappings = .linux.uidMappings'
	run as_user unshare -U --map-root-user --map-auto -m "$T/hull" run --bundle "$BUNDLE" "$ID" </dev/null
	assert_status 0
	has uid=33,33,33 gid=34,34,34 groups=35
	matches "^ *0 +5 +100$"
}
