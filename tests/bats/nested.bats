#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hull inside a container of hull's, as in a build job that runs in a privileged container. The outer
# one has all capabilities that hull could give it, writable cgroups, hull and the bundle /inner.
# Where the caller isn't root of the host, that is a rootless container with another inside.
# bats file_tags=everyone,static

load helpers

setup() {
	common_setup || return
	cp "$HULL_ITSELF" rootfs/bin/hull
	chmod 755 rootfs/bin/hull
	for applet in su sed grep rmdir; do
		ln -sf busybox rootfs/bin/$applet
	done
	mkdir -p rootfs/inner rootfs/run/user
	cp -a "$SHARED/rootfs" rootfs/inner/rootfs
	root_config >rootfs/inner/config.json
	inner '.process.args = ["/bin/sleep", "300"]'
	privileged
}

# What engines mean by that word: every capability and device, writable cgroups, nothing masked. (A
# sysfs takes a network namespace of the container's own where there is a user namespace.)
privileged() {
	config --argjson all "$("$HULL" features | jq .linux.capabilities)" '
		.process.capabilities = { bounding: $all, effective: $all, permitted: $all }
		| .process.noNewPrivileges = false
		| .linux.namespaces += [{ type: "network" }]
		| .linux.resources.devices = [{ allow: true, access: "rwm" }]
		| .mounts += [
			{ destination: "/sys", type: "sysfs", source: "sysfs" },
			{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["rw"] }]'
}

# inner JQ-ARGUMENTS: edits the inner container's config.json.
inner() {
	jq "$@" rootfs/inner/config.json >"$T/inner.json" || return
	cp "$T/inner.json" rootfs/inner/config.json
}

# The inner container gets a user namespace whose root is the outer container's user $1.
inner_user_namespace() {
	inner --argjson id "$1" '
		del(.mounts[] | select(.type == "devpts") | .options[] | select(startswith("gid=")))
		| .linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $id, size: 1 }]
		| .linux.gidMappings = .linux.uidMappings'
}

without_cgroup_mount() { config 'del(.mounts[] | select(.type == "cgroup"))'; }
read_only_cgroups() { config '(.mounts[] | select(.type == "cgroup") | .options) = ["ro"]'; }

# As engines do it for containers that aren't privileged.
masked() {
	config '.linux.maskedPaths = ["/proc/kcore", "/proc/keys", "/proc/timer_list"]
		| .linux.readonlyPaths = ["/proc/sys", "/proc/irq"]'
}

# outer TEXT: the outer container is a shell script, whose first command that fails ends it.
outer() {
	shell "set -eu; $1"
	run_container
}

# The inner container from create to delete, and what is seen of it meanwhile in the outer one.
# life [OPTION...]: with these global options.
life() {
	cat <<-END
		h() { hull $* "\$@"; }
		h create --bundle /inner in
		h state in | grep -o '"status": .*,'
		h start in
		pid=\$(h state in | sed -n 's/.*"pid": \\([0-9]*\\),/\\1/p')
		echo "cgroup of sleep: \$(grep ^0:: /proc/\$pid/cgroup)"
		h exec in /bin/probe ids + pid
		h ps in
		h verify in >/tmp/verified || cat /tmp/verified
		h kill in KILL
		h delete --force in
		echo "afterwards: \$(h list --quiet)"
		[ ! -e /sys/fs/cgroup/cgroup.procs ] || ls -d /sys/fs/cgroup/*/ || true
		echo the end
	END
}

assert_lived() {
	assert_status 0
	has '"status": "created",' "cgroup of sleep: $1" uid=0,0,0 'afterwards: ' 'the end'
	matches 'sleep 300$'
	# pid 1 there is sleep, so who is executed isn't.
	matches '^pid=[2-9][0-9]*$'
	lacks /sys/fs/cgroup/in
}

@test "a container in a container lives and dies as one on the host" {
	outer "grep -qx 1 /sys/fs/cgroup/cgroup.procs; $(life)"
	assert_lived 0::/in
}

@test "the inner container's cgroup is below the outer one's, and ends with it" {
	local dir
	shell 'hull run --detach --bundle /inner in >/dev/null 2>&1 </dev/null; echo up; sleep 300'
	create_logged
	start
	wait_until out_has up
	dir=$(cgroup_of)/in
	[ -d "$dir" ]
	assert_equal "$(wc -l <"$dir/cgroup.procs")" 1
	hull delete --force "$ID"
	[ ! -e "$dir" ]
}

@test "the inner container may have a user namespace" {
	inner_user_namespace 0
	outer "$(life)"
	assert_lived 0::/in
}

# bats test_tags=uid0
@test "an ordinary user of the outer container has rootless ones there" {
	inner_user_namespace 1000
	chown -R 1000:1000 rootfs/inner rootfs/run/user
	chmod 755 rootfs
	life >rootfs/life
	outer 'XDG_RUNTIME_DIR=/run/user su user -s /bin/sh -c "set -eu; . /life"'
	assert_lived 0::/
	has_text 'stays in the caller'
}

@test "hull's own config.json runs in there" {
	local rootless=
	is_root_of_host || rootless=--rootless
	outer "cd /inner && rm config.json && hull spec $rootless && sed -i 's/\"sh\"/\"probe\", \"ids\"/; s/\"terminal\": true/\"terminal\": false/' config.json &&
		hull run in; echo \"run: \$?\""
	assert_status 0
	has uid=0,0,0 'run: 0'
}

@test "read-only /sys keeps nobody from it, nor that there is none" {
	config '(.mounts[] | select(.type == "sysfs") | .options) = ["ro"]'
	outer "$(life)"
	assert_lived 0::/in
	config 'del(.mounts[] | select(.type == "sysfs" or .type == "cgroup"))'
	outer "$(life --cgroup-manager=disabled)"
	assert_lived 0::/
}

# bats test_tags=real_root
@test "covered parts of /proc don't matter to who is root of the host" {
	masked
	outer "$(life)"
	assert_lived 0::/in
}

@test "where /proc is covered, one for a user namespace is refused with the reason" {
	masked
	inner_user_namespace 0
	outer "$(life)"
	assert_fails "/mounts/0: mount proc at '/proc'" 'covered in parts' "outer container's masked paths"
	lacks_match 'afterwards'
}

@test "without a cgroup2 mount hull says so, and what would do without" {
	without_cgroup_mount
	outer "$(life)"
	has_text '/linux/cgroupsPath: no cgroup2 file system is mounted here'
	if is_root_of_host; then
		assert_fails 'with --cgroup-manager=disabled the container stays'
		outer "$(life --cgroup-manager=disabled)"
	else
		has_text 'so the container stays'
	fi
	assert_lived 0::/
}

@test "where cgroups can't be written hull says so, and what would do without" {
	read_only_cgroups
	outer "$(life)"
	if is_root_of_host; then
		assert_fails "mkdir cgroup '/in'" 'read-only here; with --cgroup-manager=disabled the container stays'
		outer "$(life --cgroup-manager=disabled)"
	else
		has_text "/linux/cgroupsPath: the cgroup2 mount '/sys/fs/cgroup' is read-only, so the container stays"
	fi
	assert_lived 0::/
}

@test "with --cgroup-manager=disabled no cgroup is made though one could be" {
	outer "$(life --cgroup-manager=disabled)"
	assert_lived 0::/
}

@test "cgroups are found in the outer container for an inner one with several parents" {
	inner '.linux.cgroupsPath = "pods/a/in"'
	outer "$(life)"
	assert_lived 0::/pods/a/in
	lacks /sys/fs/cgroup/pods
}
