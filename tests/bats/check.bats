#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# hull check: what it finds, in which form, and that create agrees with it in both directions.

load helpers

# Configs as engines wrote them, with their places moved into this test's.
real_config() {
	jq --arg root "$BUNDLE/rootfs" --arg t "$T" '.root.path = $root
		| .mounts |= map(if .type == "bind" then .source = "\($t)/src" else . end)' \
		"$1" >"$BUNDLE/config.json"
}

# bats test_tags=cgroupfs
@test "none of the configs that engines wrote is invalid" {
	local file n=0
	mkdir -p "$T/src"
	for file in "$top"/tests/cases/real/*.json; do
		real_config "$file"
		run hull check "$BUNDLE"
		lacks_match '^invalid'
		n=$((n + 1))
	done
	[ $n -ge 5 ]
}

@test "containerd's default config runs as it is" {
	real_config "$top/tests/cases/real/containerd-default.json"
	for_caller <config.json >config.new && mv config.new config.json
	# the cgroup of its own that every container has, so that tests don't meet
	config 'del(.linux.cgroupsPath)'
	run hull check "$BUNDLE"
	assert_status 0
	ask pids + ls /sys/firmware + open /proc/sys/kernel/hostname w + mountflags /proc/sys + rlimits
	has "pid=1 comm=probe" RLIMIT_NOFILE=1024:1024
	# Where nobody mapped owns it, that comes first.
	matches "^open /proc/sys/kernel/hostname w: (EROFS|EACCES)"
	matches "^mountflags /proc/sys: *ro "
}

@test "a good bundle: nothing printed, status 0" {
	run hull check "$BUNDLE"
	assert_status 0
	assert_equal "$output" ""
	run hull check --format json "$BUNDLE"
	assert_equal "$(jq -c . <<<"$output")" "[]"
	run hull check
	assert_status 0
}

@test "unknown keys are notes with pointer and place, and no reason for failure" {
	config '.newThing = 1 | .process.other = {} | .linux.mounts2 = []'
	run hull check "$BUNDLE"
	assert_status 0
	matches '^note: /newThing: .*\([0-9]+:[0-9]+\)$'
	matches '^note: /process/other: '
	matches '^note: /linux/mounts2: '
	run hull check --format json "$BUNDLE"
	assert_equal "$(jq -r 'map(select(.kind == "note")) | length' <<<"$output")" 3
	inside
}

@test "check shows every problem, not only the first" {
	local n
	n=$(jq '.linux.namespaces | length' config.json)
	config '.process.cwd = "relative" | .linux.namespaces += [{ type: "pid" }, { type: "ipc" }]
		| .process.rlimits = [{ type: "RLIMIT_NOSUCH", soft: 1, hard: 1 }]
		| .linux.resources.cpu.quota = 5
		| .mounts += [{ destination: "/x", type: "bind", source: "/no/such", options: ["bind"] }]
		| .hostname = 5'
	run hull check "$BUNDLE"
	assert_status 1
	local pointer
	for pointer in /hostname /process/cwd "/linux/namespaces/$n" "/linux/namespaces/$((n + 1))" \
		/process/rlimits/0; do
		matches "^invalid: $pointer"
	done
	# A limit and a source are matters of this host and build.
	config --argjson n "$n" 'del(.hostname) | .process.cwd = "/" | .linux.namespaces = .linux.namespaces[0:$n]
		| del(.process.rlimits)'
	run hull check "$BUNDLE"
	assert_status 1
	matches "^host: /linux/resources/cpu/quota"
	matches "^host: /mounts/3"
}

@test "check changes nothing" {
	config '.mounts += [{ destination: "/made/by/create", type: "tmpfs", source: "x" }] | .process.cwd = "/made"'
	find "$BUNDLE" -printf '%p %i %m %T@ %C@\n' | sort >"$T/before"
	run hull check "$BUNDLE"
	assert_status 0
	find "$BUNDLE" -printf '%p %i %m %T@ %C@\n' | sort | diff "$T/before" -
	assert_nothing_left
}

# An ordinary user's namespace and mappings come after the damage, unless that is about them.
broken_config() {
	case $1 in
	*uidMappings* | *'"user"'*) root_config | jq "$1" ;;
	*) root_config | jq "$1" | for_caller ;;
	esac
}

# agree EXPRESSION POINTER: config.json edited so is refused by both, for the same reason.
agree() {
	local reason
	broken_config "$1" >"$BUNDLE/config.json"
	run hull check "$BUNDLE"
	assert_status 1 || {
		echo "check accepts: $1" >&2
		return 1
	}
	matches "^(invalid|host): $2" || return 1
	reason=$(grep -E "^(invalid|host): $2" <<<"$output" | head -n 1 | sed 's/^[a-z]*: //; s/ ([0-9]*:[0-9]*)$//')
	attempt hull create "$ID"
	assert_fails "$reason" || {
		echo "create and check differ about: $1" >&2
		return 1
	}
	assert_nothing_left
}

@test "what check refuses create refuses for the same reason" {
	local pointer expression n=0
	while read -r pointer expression; do
		agree "$expression" "$pointer"
		n=$((n + 1))
	done <<-'END'
		/ociVersion del(.ociVersion)
		/ociVersion .ociVersion = 1
		/root del(.root)
		/root/path .root.path = "nowhere"
		/root/path del(.root.path)
		/root/readonly .root.readonly = "true"
		/hostname .hostname = 7
		/hostname .hostname = "a\u0000b"
		/process/cwd .process.cwd = "x"
		/process/args .process.args = []
		/process/args .process.args = "sh"
		/process/args/0 .process.args = [1]
		/process/env/0 .process.env = [null]
		/process/user/uid .process.user.uid = -1
		/process/user/uid .process.user.uid = 4294967296
		/process/user/gid .process.user.gid = 1.5
		/process/user/umask .process.user.umask = "0022"
		/process/rlimits/0 .process.rlimits = [{ type: "RLIMIT_X", soft: 0, hard: 0 }]
		/process/rlimits/1 .process.rlimits = [{ type: "RLIMIT_CPU", soft: 9, hard: 9 }, { type: "RLIMIT_CPU", soft: 9, hard: 9 }]
		/process/capabilities .process.capabilities = ["CAP_CHOWN"]
		/process/oomScoreAdj .process.oomScoreAdj = 2000
		/process/apparmorProfile .process.apparmorProfile = "x"
		/process/selinuxLabel .process.selinuxLabel = "x"
		/process/scheduler .process.scheduler = { policy: "SCHED_FIFO" }
		/process/ioPriority .process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 8 }
		/mounts .mounts = {}
		/mounts/0 .mounts = [{ type: "tmpfs" }]
		/mounts/3 .mounts += [{ destination: "/x", type: "bind", source: "/no/such/source", options: ["bind"] }]
		/mounts/3 .mounts += [{ destination: "/x", type: "bind", source: "/tmp", options: ["bind", "idmap"] }]
		/mounts/3/options/1 .mounts += [{ destination: "/x", type: "bind", source: "/tmp", options: ["bind", 3] }]
		/hooks .hooks = []
		/hooks/poststop/0/path .hooks.poststop = [{}]
		/hooks/poststop/0/path .hooks.poststop = [{ path: "x" }]
		/hooks/prestart/0/timeout .hooks.prestart = [{ path: "/x", timeout: 0 }]
		/annotations .annotations = { a: 1 }
		/linux/namespaces/5 .linux.namespaces += [{ type: "pid" }]
		/linux/namespaces/5 .linux.namespaces += [{ type: "nosuch" }]
		/linux/namespaces/5 .linux.namespaces += [{ type: "network", path: "net" }]
		/linux/namespaces/5 .linux.namespaces += [{ type: "network", path: "/no/such" }]
		/linux/namespaces/5 .linux.namespaces += [{ type: "network", path: "/proc/self/ns/uts" }]
		/linux/uidMappings .linux.namespaces += [{ type: "user" }]
		/linux/uidMappings .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
		/linux/timeOffsets .linux.timeOffsets = { boottime: { secs: 5 } }
		/linux/devices/0 .linux.devices = [{ path: "/dev/x", type: "c" }]
		/linux/devices/0 .linux.devices = [{ path: "dev/x", type: "p" }]
		/linux/resources/memory .linux.resources.memory.swap = 1000000
		/linux/resources/cpu .linux.resources.cpu.quota = 10
		/linux/resources/pids .linux.resources.pids.limit = -2
		/linux/resources/devices/0 .linux.resources.devices = [{ allow: true, access: "x" }]
		/linux/resources/devices/0 .linux.resources.devices = [{ allow: 1 }]
		/linux/sysctl .linux.sysctl = { "vm.swappiness": "1" }
		/linux/seccomp/syscalls .linux.seccomp = { defaultAction: "SCMP_ACT_ERRNO" }
		/linux/seccomp/listenerPath .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["chmod"], action: "SCMP_ACT_NOTIFY" }] }
		/linux/seccomp/syscalls/1 .linux.seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: ([1, 2] | map({ names: ["chmod"], action: "SCMP_ACT_ERRNO", errnoRet: ., args: [{ index: 0, value: 0, op: "SCMP_CMP_EQ" }] })) }
		/linux/seccomp .linux.seccomp = { defaultAction: "SCMP_ACT_NO_SUCH" }
		/linux/rootfsPropagation .linux.rootfsPropagation = "x"
		/linux/maskedPaths/0 .linux.maskedPaths = ["x"]
		/linux/readonlyPaths/0 .linux.readonlyPaths = ["x"]
		/linux/mountLabel .linux.mountLabel = "x"
		/linux/personality .linux.personality = { domain: "x" }
		/linux/intelRdt .linux.intelRdt = { closID: "x" }
		/linux/netDevices .linux.netDevices = { eth9: { name: "x" } }
		/linux/memoryPolicy .linux.memoryPolicy = { mode: "MPOL_BIND", nodes: "7000" }
		/linux/cgroupsPath .linux.cgroupsPath = "/"
		/linux/cgroupsPath .linux.cgroupsPath = 1
	END
	echo "# $n broken configs" >&3
}

@test "what isn't JSON is refused by both with line and column" {
	local text
	for text in '' '{' '[]' '{"a":1}x' '{"ociVersion":"1.3.0","ociVersion":"1.3.0"}' '{"a":"\ud800"}' \
		"{\"a\":\"$(printf '\xff')\"}" '{"root":{"path":"x"},}' "{'a':1}"; do
		printf '%s' "$text" >config.json
		run hull check "$BUNDLE"
		assert_status 1
		matches '^invalid: '
		attempt hull create "$ID"
		assert_fails config.json
		assert_nothing_left
	done
	# as deep as nobody writes, and as large
	printf '{"a":%s1%s}' "$(printf '[%.0s' $(seq 100))" "$(printf ']%.0s' $(seq 100))" >config.json
	run hull check "$BUNDLE"
	assert_status 1
	{ printf '{"a":"'; head -c 5000000 /dev/zero | tr '\0' x; printf '"}'; } >config.json
	run hull check "$BUNDLE"
	assert_status 1
}

@test "what check accepts create accepts" {
	local expression
	while read -r expression; do
		root_config | jq "$expression" | for_caller >config.json
		run hull check "$BUNDLE"
		assert_status 0 || {
			echo "check refuses: $expression" >&2
			return 1
		}
		attempt hull create "$ID"
		assert_status 0 || {
			echo "create refuses: $expression" >&2
			return 1
		}
		hull delete "$ID"
	done <<-'END'
		.
		del(.process)
		del(.mounts) | del(.hostname)
		del(.linux) | .mounts = [] | del(.hostname)
		.linux.resources = {}
		.linux.seccomp = null
		.vm = { kernel: { path: "/x" } }
		.windows = { layerFolders: ["x"] } | .solaris = {} | .zos = {}
		.process.user.username = "x"
		.hooks = { prestart: [], poststop: [] }
		.linux.uidMappings = []
		.process.apparmorProfile = "" | .process.selinuxLabel = ""
		.process.capabilities = null
		.linux.devices = [{ path: "/dev/x", type: "c", major: 1, minor: 3 }]
		.annotations = { "a": "b" }
		.process.consoleSize = { height: 1, width: 2 }
		.linux.cgroupsPath = ""
	END
}
