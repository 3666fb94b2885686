#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# process.selinuxLabel and linux.mountLabel in a kernel that has SELinux, with a policy of a page
# (tests/vm/selinux.cil): what is confined has the type box_t there, may not write to files of the
# type secret_t, and may be entered under noNewPrivileges; to strict_t the latter isn't allowed.

# bats file_tags=vm-selinux
load helpers

BOX=system_u:system_r:box_t:s0:c1,c2
FILES=system_u:object_r:box_file_t:s0:c1,c2
SECRET=system_u:object_r:secret_t:s0

setup_file() {
	local policy=$BATS_FILE_TMPDIR/policy
	[ -e /sys/fs/selinux/load ] || mount -t selinuxfs selinuxfs /sys/fs/selinux
	[ "$(tr -d '\0' </proc/self/attr/current)" = kernel ] || return 0
	secilc -o "$policy" -f /dev/null "$BATS_TEST_DIRNAME/../vm/selinux.cil"
	dd if="$policy" of=/sys/fs/selinux/load bs=1M status=none
	echo 1 >/sys/fs/selinux/enforce
}

setup() {
	common_setup
	config --arg l "$BOX" '.process.selinuxLabel = $l'
}

label_of() {
	tr -d '\0\n' <"/proc/$1/attr/current"
}

@test "the label is the process's and confines it, with and without noNewPrivileges" {
	local nnp
	mount_entry /tmp tmpfs x "context=$SECRET"
	shell 'cat /proc/self/attr/current; echo; echo x >/tmp/file; echo status $?; true'
	for nnp in true false; do
		config ".process.noNewPrivileges = $nnp"
		inside
		matches "^$BOX"
		matches "Permission denied"
		has "status 1"
	done
	config 'del(.process.selinuxLabel)'
	inside
	matches "kernel_t"
	has "status 0"
}

@test "an empty label is none, and the kernel may write the categories in its own order" {
	config '.process.selinuxLabel = "system_u:system_r:box_t:s0:c2,c1"'
	shell 'cat /proc/self/attr/current'
	inside
	matches "^$BOX"
	config '.process.selinuxLabel = ""'
	inside
	matches kernel_t
}

@test "a label that the policy doesn't know is refused by check and by create, which leaves nothing" {
	config '.process.selinuxLabel = "system_u:system_r:nobody_t:s0"'
	run hull check "$BUNDLE"
	assert_status 1
	matches "^host: /process/selinuxLabel: .*nobody_t.*no context of the loaded policy"
	attempt hull create "$ID"
	assert_fails /process/selinuxLabel nobody_t "no context of the loaded policy"
	# as podman finds it
	matches '`/proc/[a-z0-9-].+/attr.*/exec`'
	assert_nothing_left
}

@test "a label that the policy doesn't let noNewPrivileges enter is an error that says so" {
	config '.process.selinuxLabel = "system_u:system_r:strict_t:s0" | .process.noNewPrivileges = false'
	shell 'cat /proc/self/attr/current'
	inside
	matches strict_t
	config '.process.noNewPrivileges = true'
	attempt hull run "$ID"
	assert_fails /process/selinuxLabel strict_t nnp_transition
	assert_nothing_left
}

@test "hull itself keeps its label, a created container has it, a started one has its own" {
	config '.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat /proc/self/attr/current >/start"] }] }'
	shell 'sleep 1000'
	create
	[[ $(label_of "$(pid_of)") = *kernel_t* ]]
	start
	assert_equal "$(label_of "$(pid_of)")" "$BOX"
	[[ $(tr -d '\0' <rootfs/start) = *kernel_t* ]]
}

@test "a volume over /proc doesn't swallow the label" {
	mkdir -p "$T/volume/self/attr"
	ln -s self "$T/volume/thread-self"
	touch "$T/volume/self/attr/exec"
	config --arg volume "$T/volume" \
		'.mounts[0] = { destination: "/proc", type: "bind", source: $volume, options: ["bind"] }'
	shell 'sleep 1000'
	create
	start
	assert_equal "$(label_of "$(pid_of)")" "$BOX"
	[ ! -s "$T/volume/self/attr/exec" ]
}

@test "an exec'd process has the container's label, or the one that exec names" {
	config '.process.noNewPrivileges = false'
	shell 'sleep 1000'
	create
	start
	attempt hull exec "$ID" /bin/cat /proc/self/attr/current
	assert_status 0
	matches "^$BOX"
	attempt hull exec --process-label system_u:system_r:strict_t:s0 "$ID" /bin/cat /proc/self/attr/current
	assert_status 0
	matches "^system_u:system_r:strict_t:s0"
	attempt hull exec --process-label system_u:system_r:nobody_t:s0 "$ID" /bin/true
	assert_status 255
	has_text "no context of the loaded policy"
}

@test "the session keyring has the process's label, in the container and for an exec" {
	config '.process.noNewPrivileges = false'
	ask keyring
	has "label=$BOX"
	shell 'sleep 1000'
	create
	start
	attempt hull exec "$ID" /bin/probe keyring
	assert_status 0
	has "label=$BOX"
	attempt hull exec --process-label system_u:system_r:strict_t:s0 "$ID" /bin/probe keyring
	has label=system_u:system_r:strict_t:s0
	hull delete --force "$ID"
	config 'del(.process.selinuxLabel)'
	ask keyring
	matches '^label=.*kernel_t'
}

@test "the read-back notices an SELinux label that wasn't set" {
	require hull_test
	HULL_SKIP='set the security label' attempt faulty run "$ID"
	assert_fails "read the confinement back" "SELinux label" box_t
	assert_nothing_left
}

@test "the step that labels the session keyring fails without leaving anything" {
	require hull_test
	local what
	for what in before after; do
		HULL_FAULT="label the session keyring to come:$what" attempt faulty run "$ID"
		assert_fails "label the session keyring to come" "fault injected"
		assert_nothing_left
	done
}

@test "mountLabel is the context of each new file system that can have one of its own" {
	local at
	mkdir -p "$T/lower" "$T/upper" "$T/work"
	config --arg l "$FILES" '.linux.mountLabel = $l'
	mount_entry /dev/shm tmpfs shm mode=1777 size=65536k
	mount_entry /dev/mqueue mqueue mqueue
	mount_entry /sys sysfs sysfs ro
	mount_entry /sys/fs/cgroup cgroup2 cgroup2
	mount_entry /mnt overlay overlay "lowerdir=$T/lower" "upperdir=$T/upper" "workdir=$T/work"
	mount_entry /srv tmpfs own "rootcontext=$SECRET"
	mount_entry /var bind /usr bind
	probe mounts + echo all + sleep 1000
	create_logged
	start
	wait_until out_has all
	output=$(cat "$T/out")
	for at in /dev /dev/pts /dev/shm /mnt; do
		[[ $(mount_line $at) = *"context=\"$FILES\""* ]] || { say_output "no context at $at"; return 1; }
	done
	for at in /proc /sys /sys/fs/cgroup /var; do
		[[ $(mount_line $at) != *box_file_t* ]] || { say_output "a context at $at"; return 1; }
	done
	[[ $(mount_line /srv) = *"rootcontext=$SECRET"* ]]
	[[ $(mount_line /srv) != *box_file_t* ]]
	assert_equal "$(python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.selinux").rstrip(b"\0").decode())' \
		"/proc/$(pid_of)/root/dev/mqueue")" "$FILES"
}

@test "verify compares labels: the process's, the context of mounts, the label of a root; in any order of categories" {
	local label=system_u:system_r:box_t:s0:c2,c1
	config --arg l "$label" --arg f "$FILES" '.process.selinuxLabel = $l | .linux.mountLabel = $f'
	mount_entry /dev/mqueue mqueue mqueue
	mount_entry /mnt tmpfs tmpfs
	mount_entry /srv tmpfs own "rootcontext=$SECRET"
	probe sleep 1000
	create
	run hull verify "$ID"
	assert_status 0
	matches '^unchecked: /process/selinuxLabel: .*at start'
	start
	run hull verify "$ID"
	assert_status 0
	lacks_match '^(less|own):'
	lacks abel context
	jq --arg f "${FILES%,c2}" --arg l "${label%,c1}" --arg s "${SECRET%s0}s0:c1" '.linux.mountLabel = $f
		| .process.selinuxLabel = $l | .mounts[-1].options = ["rootcontext=" + $s]' config.json >"$ROOT/$ID/config.json"
	run hull verify "$ID"
	assert_status 1
	matches "^differs: /process/selinuxLabel: SELinux label: expected ${label%,c1}, found $BOX"
	matches "^differs: /linux/mountLabel: mount at '/dev/mqueue': expected ${FILES%,c2}, found $FILES"
	matches "^differs: /mounts/[0-9]+/options: mount at '/mnt': expected ${FILES%,c2}, found $FILES"
	matches "^differs: /mounts/[0-9]+/options: mount at '/srv': expected ${SECRET%s0}s0:c1, found $SECRET"
}

@test "mountLabel goes with parameters that are too long for fsconfig, too" {
	local i lower=
	for i in $(seq 30); do
		mkdir "$T/layer$i"
		lower=$lower:$T/layer$i
	done
	config --arg l "$FILES" '.linux.mountLabel = $l'
	mount_entry /mnt overlay overlay "lowerdir=${lower#:}"
	ask mounts
	[[ $(mount_line /mnt) = *"context=\"$FILES\""* ]]
}

@test "a mountLabel that the policy doesn't know is an error" {
	config '.linux.mountLabel = "system_u:object_r:nothing_t:s0"'
	attempt hull create "$ID"
	assert_fails "mount everything" /mounts/ "context=system_u:object_r:nothing_t:s0"
	assert_nothing_left
}

@test "AppArmor profiles are refused here" {
	config 'del(.process.selinuxLabel) | .process.apparmorProfile = "unconfined"'
	attempt hull create "$ID"
	assert_fails /process/apparmorProfile "AppArmor isn't enabled in this kernel, only built in"
}
