#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# process.apparmorProfile in a kernel that has AppArmor, with profiles that deny, seen from inside
# the container and from the host.

# bats file_tags=vm-only
load helpers

# confining: nearly everything is allowed. caller: for hull itself, may change to any profile.
setup_file() {
	apparmor_parser -r <<-'END' 2>/dev/null
		profile hull-confining flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, ptrace, signal,
			deny /etc/secret rw,
			deny mount fstype=ramfs,
		}
		profile hull-caller flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, ptrace, signal, unix,
			change_profile -> **,
		}
		profile hull-stubborn flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, ptrace, signal, unix,
		}
	END
}

setup() {
	common_setup
	echo hidden >rootfs/etc/secret
	config '.process.apparmorProfile = "hull-confining"'
}

# under PROFILE COMMAND...: the command is confined from its first instruction.
under() {
	python3 - "$@" <<-'END'
		import os, sys
		attribute = os.open("/proc/thread-self/attr/apparmor/exec", os.O_WRONLY)
		os.write(attribute, b"exec " + sys.argv[1].encode())
		os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
		os.execvp(sys.argv[2], sys.argv[2:])
	END
}

profile_of() {
	cat "/proc/$1/attr/apparmor/current"
}

may_mount() {
	config '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
}

@test "the profile is the process's and denies, with and without noNewPrivileges" {
	local nnp
	may_mount
	for nnp in true false; do
		config ".process.noNewPrivileges = $nnp"
		shell 'cat /proc/self/attr/apparmor/current; cat /etc/secret; echo x >/etc/secret
			mount -t tmpfs x /mnt && echo mounted a tmpfs; mount -t ramfs x /mnt && echo mounted a ramfs; true'
		inside
		has "hull-confining (enforce)" "mounted a tmpfs"
		lacks hidden "mounted a ramfs"
		matches "secret.*Permission denied"
		assert_equal "$(cat rootfs/etc/secret)" hidden
	done
}

@test "without a profile, and with the one named unconfined, nothing is denied" {
	may_mount
	shell 'cat /proc/self/attr/apparmor/current /etc/secret; mount -t ramfs x /mnt && echo mounted a ramfs'
	config '.process.apparmorProfile = "unconfined"'
	inside
	has unconfined hidden "mounted a ramfs"
	config '.process.apparmorProfile = ""'
	inside
	has unconfined hidden "mounted a ramfs"
}

@test "an unprivileged user of the container is confined, too" {
	config '.process.user = { uid: 1000, gid: 1000 } | del(.process.capabilities)'
	chmod 666 rootfs/etc/secret
	shell 'cat /proc/self/attr/apparmor/current; cat /etc/secret; id -u'
	inside
	has "hull-confining (enforce)" 1000
	lacks hidden
}

@test "it is confined in a new user namespace, in joined namespaces, and without a pid namespace" {
	local holder
	shell 'cat /proc/self/attr/apparmor/current; cat /etc/secret; true'
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	inside
	has "hull-confining (enforce)"
	lacks hidden

	config 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces -= [{ type: "user" }, { type: "pid" }]'
	inside
	has "hull-confining (enforce)"

	unshare -fp --kill-child sleep 1000 </dev/null >/dev/null 2>&1 3>&- &
	holder=$!
	wait_until pgrep -P $holder sleep
	config --arg path "/proc/$holder/ns/pid_for_children" '.linux.namespaces += [{ type: "pid", path: $path }]'
	run_container
	kill -KILL $holder
	assert_status 0
	has "hull-confining (enforce)"
	lacks hidden
}

@test "a created container's first process isn't confined yet, a started one is" {
	shell 'sleep 1000'
	create
	assert_equal "$(profile_of "$(pid_of)")" unconfined
	start
	assert_equal "$(profile_of "$(pid_of)")" "hull-confining (enforce)"
}

@test "hooks aren't executed under the container's profile" {
	config '.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat /proc/self/attr/apparmor/current >'"$T"'/create"] }],
		startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "cat /proc/self/attr/apparmor/current /etc/secret >/start"] }] }'
	shell 'cat /proc/self/attr/apparmor/current'
	inside
	has "hull-confining (enforce)"
	assert_equal "$(cat "$T/create")" unconfined
	assert_equal "$(cat rootfs/start)" $'unconfined\nhidden'
}

# podman takes the last words between back-quotes that look like this for a refused label, unless
# it finds words about permission or missing files first.
is_label_error() {
	grep -qE '`/proc/[a-z0-9-].+/attr.*/exec`' <<<"$output" &&
		! grep -qiE 'no such file or directory|permission denied|not permitted|not found in' <<<"$output"
}

@test "verify compares the profile, which a created container hasn't yet" {
	shell 'sleep 1000'
	create
	run hull verify "$ID"
	assert_status 0
	matches '^unchecked: /process/apparmorProfile: .*at start'
	start
	run hull verify "$ID"
	assert_status 0
	lacks apparmorProfile
	jq '.process.apparmorProfile = "unconfined"' config.json >"$ROOT/$ID/config.json"
	run hull verify "$ID"
	assert_status 1
	matches '^differs: /process/apparmorProfile: AppArmor profile: expected unconfined, found hull-confining .enforce.'
}

@test "a profile that isn't loaded is refused by check and by create, which leaves nothing" {
	config '.process.apparmorProfile = "hull-not-loaded"'
	run hull check "$BUNDLE"
	assert_status 1
	matches "^host: /process/apparmorProfile: .*'hull-not-loaded'.*isn't loaded.*apparmor_parser -r"
	attempt hull create "$ID"
	assert_fails "/process/apparmorProfile" "'hull-not-loaded'" "isn't loaded" "apparmor_parser -r"
	is_label_error
	assert_nothing_left
}

@test "a profile that is gone when the container is started is told by start" {
	echo 'profile hull-passing { file, }' | apparmor_parser -r 2>/dev/null
	config '.process.apparmorProfile = "hull-passing"'
	create
	echo 'profile hull-passing { file, }' | apparmor_parser -R 2>/dev/null
	attempt hull start "$ID"
	assert_fails "set the security label" "'hull-passing'" "isn't loaded"
	is_label_error
	assert_equal "$(status_of)" stopped
}

@test "a confined hull gives the container its profile, and both under noNewPrivileges" {
	shell 'cat /proc/self/attr/apparmor/current; cat /etc/secret; true'
	config '.process.noNewPrivileges = false'
	run under hull-caller "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has "hull-confining (enforce)"
	lacks hidden
	config '.process.noNewPrivileges = true'
	run under hull-caller "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches '^hull-(caller|confining)//&hull-(caller|confining) \(enforce\)$'
	has_text "gets both profiles"
	lacks hidden
}

@test "a hull whose own profile doesn't let it change fails, and says so" {
	config '.process.noNewPrivileges = false'
	attempt under hull-stubborn "$HULL" --root "$ROOT" run "$ID"
	assert_fails /process/apparmorProfile "'hull-confining'" "the profile of hull itself"
	is_label_error
	assert_nothing_left
}

# CVE-2019-16884, CVE-2019-19921 and CVE-2025-52881 are of this class: the label was written to
# whatever the container had there.
fake_proc() {
	mkdir -p "$1/self/attr/apparmor" "$1/self/task/1/attr/apparmor"
	ln -s self "$1/thread-self"
	touch "$1"/self/attr/{exec,current} "$1"/self/attr/apparmor/{exec,current}
}

@test "a /proc of the image, or a volume over /proc, doesn't swallow the profile" {
	fake_proc "$T/volume"
	fake_proc rootfs/proc
	local entry
	for entry in 'del(.mounts[0])' \
		'.mounts[0] = { destination: "/proc", type: "bind", source: $volume, options: ["bind"] }'; do
		base_config | jq '.process.apparmorProfile = "hull-confining"' >config.json
		config --arg volume "$T/volume" "$entry"
		shell 'cat /etc/secret && exit 3; sleep 1000'
		create
		start
		assert_equal "$(profile_of "$(pid_of)")" "hull-confining (enforce)"
		hull delete --force "$ID"
		[ ! -s "$T/volume/self/attr/apparmor/exec" ]
		[ ! -s rootfs/proc/self/attr/apparmor/exec ]
	done
}

@test "an exec'd process has the container's profile, or the one that exec names" {
	local nnp
	shell 'sleep 1000'
	for nnp in true false; do
		config ".process.noNewPrivileges = $nnp"
		create
		start
		attempt hull exec "$ID" /bin/sh -c 'cat /proc/self/attr/apparmor/current; cat /etc/secret; true'
		assert_status 0
		has "hull-confining (enforce)"
		lacks hidden
		attempt hull exec --apparmor unconfined "$ID" /bin/sh -c 'cat /proc/self/attr/apparmor/current /etc/secret'
		assert_status 0
		has unconfined hidden
		hull delete --force "$ID"
	done
	config '.process.apparmorProfile = "unconfined"'
	create
	start
	attempt hull exec --apparmor hull-confining "$ID" /bin/cat /proc/self/attr/apparmor/current
	assert_status 0
	has "hull-confining (enforce)"
	jq '.process | .args = ["/bin/cat", "/proc/self/attr/apparmor/current"] | .apparmorProfile = "hull-confining"' \
		config.json >"$T/process.json"
	attempt hull exec --process "$T/process.json" "$ID"
	assert_status 0
	has "hull-confining (enforce)"
	attempt hull exec --apparmor hull-not-loaded "$ID" /bin/true
	assert_status 255
	has_text "isn't loaded"
	is_label_error
}

# Whoever seizes it in the container would have a way to the host's processes and their roots.
@test "the process that exec brings in holds its own attribute file and no procfs of the host" {
	require hull_test
	local exec born fd
	shell 'sleep 1000'
	create
	start
	HULL_FAULT="let go of the host:stop-init" "$HULL_TEST" --root "$ROOT" exec "$ID" /bin/true >"$T/exec" 2>&1 </dev/null &
	exec=$!
	stopped() {
		born=$(tail -n 1 "$(cgroup_of)/cgroup.procs") && grep -q '^State:.T' "/proc/$born/status"
	}
	wait_until stopped
	output=$(for fd in /proc/"$born"/fd/*; do
		printf '%s %s %s\n' "$(stat -L -f -c %T "$fd")" "$(stat -L -c %F "$fd")" "$(readlink "$fd")"
	done)
	kill -KILL "$exec"
	wait "$exec" || true
	matches '^proc regular.* /[0-9]+/attr/apparmor/exec$'
	lacks_match '^proc directory'
}

# CVE-2015-1334: the label was written to the /proc that the container showed.
@test "exec doesn't write the profile to the container's own idea of /proc" {
	fake_proc "$T/volume"
	config --arg volume "$T/volume" \
		'.mounts[0] = { destination: "/proc", type: "bind", source: $volume, options: ["bind"] }'
	shell 'sleep 1000'
	create
	start
	hull exec --detach --pid-file "$T/pid" "$ID" /bin/sleep 1000 </dev/null >/dev/null 2>&1
	assert_equal "$(profile_of "$(cat "$T/pid")")" "hull-confining (enforce)"
	[ ! -s "$T/volume/self/attr/apparmor/exec" ]
}

# Where the host's /proc is covered in parts, no new procfs can be made by who isn't root there.
@test "a covered attribute file of the host's /proc is an error" {
	config '.linux.namespaces = [{ type: "pid" }, { type: "mount" }]
		| .mounts = [] | del(.hostname)'
	mkdir "$T/fake"
	touch "$T"/fake/{exec,current}
	attempt unshare -U -r -m --propagation private bash -c '
		mount --bind "$1" /proc/$$/task/$$/attr/apparmor && shift && exec "$@"' bash "$T/fake" \
		"$HULL" --root "$ROOT" --cgroup-manager disabled run "$ID"
	assert_fails /process/apparmorProfile "something is mounted over it"
	[ ! -s "$T/fake/exec" ]
}

@test "it needs no securityfs" {
	ask echo first
	run unshare -m --propagation private bash -c 'umount /sys/kernel/security && exec "$@" </dev/null' bash \
		"$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	has first
}

@test "the read-back notices a label that wasn't set" {
	require hull_test
	HULL_SKIP='set the security label' attempt faulty run "$ID"
	assert_fails "read the confinement back" "AppArmor profile" "'hull-confining'"
	assert_nothing_left
}

@test "each step of the label fails without leaving anything" {
	require hull_test
	local row what
	for row in "ask for the security labels" "open the label's attribute" "set the security label"; do
		for what in before after; do
			HULL_FAULT=$row:$what attempt faulty run "$ID"
			assert_fails "$row" "fault injected"
			assert_nothing_left
		done
	done
}

@test "SELinux labels are refused here" {
	config 'del(.process.apparmorProfile) | .process.selinuxLabel = "u:r:t:s0"'
	attempt hull create "$ID"
	assert_fails /process/selinuxLabel "SELinux isn't enabled in this kernel"
	config 'del(.process.selinuxLabel) | .linux.mountLabel = "u:r:t:s0"'
	attempt hull create "$ID"
	assert_fails /linux/mountLabel "SELinux isn't enabled in this kernel"
}
