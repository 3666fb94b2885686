#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.netDevices: interfaces move into the container's network namespace and are seen there, by name,
# address and state; and come back when the container can't be made. "The host" is a network
# namespace of the test's own, in which hull runs.

load helpers

setup() {
	common_setup
	holder
	HOST=$HOLDER
	config '.linux.namespaces += [{ type: "network" }]'
	ln -sf busybox rootfs/bin/ip
	shell 'sleep 300'
}

teardown() {
	common_teardown || FAILED=1
	for pid in ${HOLDERS:-}; do
		kill -KILL "$pid"
		wait "$pid" 2>/dev/null || true
	done
	[ -z "${FAILED:-}" ]
}

# A process in a new network namespace; $HOLDER is its pid.
holder() {
	env -u HULL_TEST_MARK unshare -n sleep 300 >/dev/null 2>&1 3>&- &
	HOLDER=$!
	HOLDERS="${HOLDERS:-} $HOLDER"
	wait_until is_comm $HOLDER sleep
}

is_comm() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

# at PID COMMAND...: in its network namespace.
at() { nsenter -n -t "$@"; }
host() { at "$HOST" "$@"; }
hull() { host "$HULL" --root "$ROOT" "$@"; }
faulty() { host "$HULL_TEST" --root "$ROOT" "$@"; }
container() { at "$(pid_of)" "$@"; }

# veth NAME: with the peer NAMEp, both up, so that the carrier is there; which the kernel tells a moment
# later.
veth() {
	host ip link add "$1" type veth peer name "$1p"
	host ip link set "$1" up
	host ip link set "$1p" up
	wait_until has_carrier "$1"
	wait_until has_carrier "$1p"
}

has_carrier() {
	[[ $(host ip -o link show "$1") =~ ,LOWER_UP.*\ state\ UP\  ]]
}

# devices EXPRESSION: linux.netDevices.
devices() { config ".linux.netDevices = $1"; }

# names COMMAND: of the interfaces there, without lo, sorted, in one line.
names() {
	"$@" ip -j link | jq -r '[.[].ifname] - ["lo"] | sort | join(" ")'
}

# addresses COMMAND NAME: those that must be kept, in the kernel's order, with all that is said of
# them but for NODAD, and for the label, which follows the name.
addresses() {
	"$1" ip -j addr show "${@:2}" | jq -S '[.[0].addr_info[] | select(.scope == "global" and .dynamic != true)
		| del(.nodad) | if .label then .label |= sub("^[^:]*"; "NAME") else . end]'
}

# What must be the same again after a failure.
whole_host() {
	host ip -j addr | jq -S '[.[] | .addr_info |= map(select(.local | startswith("fe80") | not) | del(.nodad,
		.valid_life_time, .preferred_life_time)) | del(.operstate, .link_netnsid)]'
}

settled() {
	[[ $(host ip addr show) != *tentative* && $(host ip -o link show up) != *[,\<]NO-CARRIER* ]]
}

# back BEFORE: wait, for the kernel tells of a carrier a moment later.
back() {
	wait_until same_host "$1" || diff -u <(echo "$1") <(whole_host) >&2
}

same_host() { [ "$(whole_host)" = "$1" ]; }

# fails TEXT...: create does, and nothing on the host is other than before.
fails() {
	local before
	before=$(whole_host)
	attempt hull create "$ID"
	assert_fails "$@"
	back "$before"
	assert_nothing_left
}

# --- moved ---

@test "an interface is in the container, up, and no longer on the host; its peer is" {
	veth v0
	devices '{ v0: {} }'
	shell 'ls /sys/class/net /proc/sys/net/ipv4/conf; ip link show v0'
	mount_entry /sys sysfs sysfs
	attempt hull run "$ID"
	assert_status 0
	has v0 lo
	lacks v0p
	matches 'v0@.*<.*UP.*>'
	wait_until no_link v0p
}

no_link() { ! host ip link show "$1" >/dev/null 2>&1; }

@test "what the interface is stays: number, address of the hardware, mtu, alias, other names" {
	local what='.[0] | { ifindex, address, mtu, ifalias, altnames, txqlen }' before
	veth v0
	host ip link set v0 mtu 1400 alias "an alias" txqueuelen 77
	host ip link property add dev v0 altname a-name-of-more-than-sixteen-bytes
	before=$(host ip -j link show v0 | jq -S "$what")
	devices '{ v0: { name: "eth0" } }'
	create
	assert_equal "$(container ip -j link show eth0 | jq -S "$what")" "$before"
	has_flag container eth0 UP
	assert_equal "$(names host) / $(names container)" "v0p / eth0"
	start
	assert_equal "$(names container)" eth0
}

# has_flag COMMAND NAME FLAG
has_flag() {
	"$1" ip -j link show "$2" | jq -e --arg f "$3" '.[0].flags | index($f)' >/dev/null
}

@test "addresses are kept: IPv4 and IPv6, prefix, broadcast, peer, label, metric, in their order" {
	local before
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add 10.1.0.2/24 brd + dev v0 label v0:two
	host ip addr add 10.1.0.3/24 brd 10.1.0.77 dev v0 label other
	host ip addr add 10.2.0.1 peer 10.3.0.1/32 dev v0 metric 55
	host ip addr add 10.4.0.1/8 dev v0 noprefixroute
	host ip addr add fd00::1/64 dev v0
	host ip addr add fd00::2/64 dev v0 preferred_lft 0
	host ip addr add fd00::3/128 dev v0 nodad
	host ip addr add fd01::1 peer fd02::1/128 dev v0
	host ip addr add fd03::1/64 dev v0 mngtmpaddr noprefixroute
	wait_until settled
	before=$(addresses host v0)
	[ "$(jq length <<<"$before")" = 10 ]
	devices '{ v0: { name: "eth0" } }'
	create
	diff -u <(echo "$before") <(addresses container eth0) >&2
	# The label follows the name, where it is made of it.
	assert_equal "$(container ip -j addr show eth0 | jq -r '.[0].addr_info[]
		| select(.label) | .local + " " + .label' | sort)" \
		"$(printf '%s\n' '10.1.0.1 eth0' '10.1.0.2 eth0:two' '10.1.0.3 other' '10.2.0.1 eth0' '10.4.0.1 eth0')"
}

@test "addresses that are not permanent or not global stay behind" {
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add 10.1.1.1/24 dev v0 valid_lft 1000 preferred_lft 900
	host ip addr add 169.254.1.1/16 dev v0 scope link
	host ip addr add 127.9.9.9/8 dev v0 scope host
	host ip addr add fd00::1/64 dev v0 valid_lft 1000 preferred_lft 900
	host ip addr add fe80::77/64 dev v0
	host ip addr add fd00::2/64 dev v0
	devices '{ v0: {} }'
	create
	assert_equal "$(container ip -j addr show v0 | jq -c '[.[0].addr_info[].local]
		| map(select(startswith("fe80") | not))')" '["10.1.0.1","fd00::2"]'
	[[ $(container ip addr show v0) != *fe80::77* ]]
}

@test "an address can be used at once, and the peer reaches it" {
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add fd00::1/64 dev v0
	host ip addr add 10.1.0.2/24 dev v0p
	host ip addr add fd00::2/64 dev v0p
	wait_until settled
	# Where it lives decides who answers: from the same namespace it would be the loopback.
	devices '{ v0: { name: "eth0" } }'
	create
	[[ $(container ip addr show scope global) != *tentative* ]]
	for address in 10.1.0.1 fd00::1; do
		host timeout 20 python3 - $address <<-'END'
			import socket, sys
			try:
			    socket.create_connection((sys.argv[1], 9), 15)
			except ConnectionRefusedError:
			    sys.exit(0)
			sys.exit(1)
		END
	done
}

@test "an address that nobody has checked is checked in the container" {
	host ip link add v0 type veth peer name v0p
	host ip addr add fd00::1/64 dev v0
	devices '{ v0: {} }'
	create
	container ip -j addr show v0 |
		jq -e '.[0].addr_info[] | select(.local == "fd00::1") | .nodad != true' >/dev/null
}

@test "more addresses than fit into one message of the kernel's" {
	veth v0
	for i in $(seq 0 999); do
		echo "addr add 10.1.$((i / 250)).$((i % 250 + 1))/16 dev v0"
		echo "addr add fd00::$((i + 1))/64 dev v0 nodad"
	done | host ip -batch -
	before=$(addresses host v0)
	[ "$(jq length <<<"$before")" = 2000 ]
	devices '{ v0: { name: "eth0" } }'
	create
	diff <(echo "$before") <(addresses container eth0) | head >&2
	[ "$(addresses container eth0)" = "$before" ]
}

@test "many interfaces, some of them changing names with each other" {
	for i in n1 n2 n3 n4 n5 n6; do
		veth $i
	done
	host ip addr add 10.1.0.1/24 dev n1
	host ip addr add 10.2.0.1/24 dev n2
	devices '{ n1: { name: "n2" }, n2: { name: "n1" }, n3: { name: "n4" }, n4: { name: "n5" }, n5: { name: "n3" } }'
	create
	assert_equal "$(names container)" "n1 n2 n3 n4 n5"
	assert_equal "$(names host)" "n1p n2p n3p n4p n5p n6 n6p"
	assert_equal "$(container ip -j addr show n2 | jq -r '.[0].addr_info[0].local')" 10.1.0.1
	assert_equal "$(container ip -j addr show n1 | jq -r '.[0].addr_info[0].local')" 10.2.0.1
}

@test "a name that ends in %d is numbered by the kernel, after the others have theirs" {
	for i in eth0 eth1 n1 n2; do
		veth $i
	done
	devices '{ eth0: { name: "eth%d" } }'
	create
	assert_equal "$(names container)" eth0
	hull delete --force "$ID"
	wait_until no_link eth0p
	veth eth0
	devices '{ n1: { name: "eth%d" }, eth1: { name: "eth%d" }, eth0: { name: "eth1" }, n2: { name: "%d" } }'
	create
	assert_equal "$(names container)" "0 eth0 eth1 eth2"
	# the one that asked for it
	assert_equal "$(container ip -j link show eth1 | jq .[0].ifindex)" \
		"$(host ip -j link show eth0p | jq .[0].link_index)"
}

@test "sysctls of the interface find it under its new name" {
	veth v0
	devices '{ v0: { name: "eth0" } }'
	config '.linux.sysctl = { "net.ipv4.conf.eth0.log_martians": "1", "net/ipv6/conf/eth0/hop_limit": "17" }'
	create
	assert_equal "$(container cat /proc/sys/net/ipv4/conf/eth0/log_martians)" 1
}

@test "hooks of the runtime see the interface in the container's namespace" {
	veth v0
	devices '{ v0: { name: "eth0" } }'
	config --arg out "$T/hook" '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c",
		"nsenter -n -t $(jq .pid) ip -br link >" + $out], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }]'
	create
	grep -q '^eth0' "$T/hook"
}

@test "the container has a user namespace of its own" {
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	devices '{ v0: { name: "eth%d" } }'
	create
	assert_equal "$(names container)" eth0
	assert_equal "$(addresses container eth0 | jq -r '.[].local')" 10.1.0.1
}

# --- a namespace given by path ---

join_network() {
	config --arg p "/proc/$1/ns/net" \
		'.linux.namespaces |= (map(select(.type != "network")) + [{ type: "network", path: $p }])'
}

@test "a joined namespace gets the interface, and keeps it when the container is gone" {
	holder
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	join_network "$HOLDER"
	devices '{ v0: { name: "eth0" } }'
	create
	assert_equal "$(names at "$HOLDER") / $(names host)" "eth0 / v0p"
	hull delete --force "$ID"
	assert_equal "$(names at "$HOLDER") / $(names host)" "eth0 / v0p"
	at "$HOLDER" ip addr show eth0 | grep -q 'inet 10.1.0.1/24'
}

@test "a user namespace of the container's own with a network namespace of the host's" {
	holder
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	join_network "$HOLDER"
	config '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
		| .linux.gidMappings = .linux.uidMappings'
	chmod a+x "$T" "$BUNDLE" "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR"/test 2>/dev/null || true
	devices '{ v0: {} }'
	create
	at "$HOLDER" ip addr show v0 | grep -q 'inet 10.1.0.1/24'
}

@test "a number that is taken in the joined namespace: another one, and the right interface" {
	local index
	holder
	veth v0
	index=$(host ip -j link show v0 | jq .[0].ifindex)
	at "$HOLDER" ip link add x index "$index" type veth peer name y index "$((index + 1))"
	join_network "$HOLDER"
	devices '{ v0: { name: "eth%d" } }'
	create
	assert_equal "$(names at "$HOLDER")" "eth0 x y"
	assert_equal "$(at "$HOLDER" ip -j link show eth0 | jq .[0].ifindex)" $((index + 2))
}

@test "a name that is taken in the joined namespace is an error, and nothing is moved" {
	holder
	veth first
	veth v0
	veth third
	host ip addr add 10.1.0.1/24 dev first
	at "$HOLDER" ip link add eth0 type veth peer name v0
	join_network "$HOLDER"
	# under a new name, its own name, and where only its own name is taken
	devices '{ first: {}, v0: { name: "eth0" }, third: {} }'
	fails /linux/netDevices/v0 "'eth0' already" %d
	devices '{ first: {}, v0: {}, third: {} }'
	fails /linux/netDevices/v0 "'v0' already" %d
	assert_equal "$(names at "$HOLDER")" "eth0 v0"
	devices '{ first: {}, v0: { name: "eth%d" }, third: {} }'
	create
	assert_equal "$(names at "$HOLDER")" "eth0 eth1 first third v0"
}

@test "another name that is taken there is an error, too" {
	holder
	veth v0
	host ip link property add dev v0 altname alt0
	at "$HOLDER" ip link add alt0 type veth peer name x
	join_network "$HOLDER"
	devices '{ v0: { name: "eth0" } }'
	fails /linux/netDevices/v0 "another name"
	at "$HOLDER" ip link set alt0 name y
	at "$HOLDER" ip link property add dev y altname eth0
	fails /linux/netDevices/v0 "'eth0' already"
}

@test "a namespace without IPv6 can't take an IPv6 address: the error says so, the interface is back" {
	holder
	at "$HOLDER" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add fd00::1/64 dev v0
	wait_until settled
	join_network "$HOLDER"
	devices '{ v0: { name: "eth0" } }'
	fails /linux/netDevices/v0 fd00::1/64 "IPv6"
}

@test "the runtime's own namespace by path is refused" {
	veth v0
	join_network self
	devices '{ v0: {} }'
	fails /linux/netDevices "namespace of the runtime itself"
}

# --- refused ---

# IFLA_NETNS_IMMUTABLE is of Linux 6.15.
tells_immutable() { printf '%s\n6.15\n' "$(uname -r)" | sort -V | head -n 1 | grep -qxF 6.15; }

@test "check and create refuse alike what can't be moved, before anything is done" {
	local n=0 devices text
	veth v0
	host ip link property add dev v0 altname other
	host ip link add br0 type bridge
	while read -r devices text; do
		devices "$devices"
		n=$((n + 1))
		# Older kernels say only when it is tried that an interface can't leave.
		if [[ $text = *"can't leave"* ]] && ! tells_immutable; then
			fails "${text%%:*}"
			continue
		fi
		run hull check "$BUNDLE"
		assert_status 1
		has_text "$text"
		fails "$text"
	done <<-'END'
		{"none":{}} /linux/netDevices/none: there is no interface 'none'
		{"v0":{},"none":{}} /linux/netDevices/none: there is no interface 'none'
		{"other":{}} /linux/netDevices/other: 'other' is another name of 'v0'
		{"br0":{}} /linux/netDevices/br0: 'br0' (bridge) can't leave its network namespace
		{"lo":{}} /linux/netDevices/lo: the loopback
		{"v0":{"name":"lo"}} /linux/netDevices/v0/name: each network namespace
		{"v0":{"name":"a/b"}} /linux/netDevices/v0/name: 'a/b' can't be
		{"v0":{"name":"%dx"}} /linux/netDevices/v0/name: '%dx' can't be
		{"v0":{"name":"v0p"},"v0p":{}} would be 'v0p' in the container
	END
	[ $n = 9 ]
}

@test "without a network namespace there is nowhere to move to" {
	veth v0
	config '.linux.namespaces -= [{ type: "network" }]'
	devices '{ v0: {} }'
	fails /linux/netDevices "needs a network namespace"
}

@test "without the privilege the error says which one lacks" {
	require setpriv
	veth v0
	devices '{ v0: {} }'
	for cap in net_admin sys_ptrace; do
		attempt host setpriv --bounding-set -$cap --inh-caps -$cap \
			"$HULL" --root "$ROOT" create "$ID"
		assert_fails /linux/netDevices "CAP_${cap^^}"
	done
	# uid 0 of a user namespace, all capabilities, in a network namespace of the host's
	attempt host unshare --user --map-root-user "$HULL" --root "$ROOT" check "$BUNDLE"
	assert_fails /linux/netDevices "a user namespace above"
	assert_equal "$(names host)" "v0 v0p"
}

# cgroupfs: a user's systemd has no bus for who is uid 0 there.
# bats test_tags=cgroupfs
@test "who isn't root of the host moves interfaces out of a network namespace of its own user namespace" {
	shell 'ip link'
	devices '{ v0: { name: "eth0" } }'
	config '.mounts[2].options -= ["gid=5"]' # the caller has one id
	attempt unshare --user --map-root-user --net --mount sh -c '
		ip link add v0 type veth peer name v0p && "$@" && ! ip link show v0 2>&1' \
		sh "$HULL" --root "$ROOT" run "$ID"
	matches '^[0-9]+: eth0@'
	# v0 went with the container: "Device ... does not exist" made the script succeed.
	assert_status 0
}

# --- failures half-way ---

# A host that has all that can be lost.
rich_host() {
	veth v0
	veth v1
	host ip link add br0 type bridge
	host ip link set br0 up
	host ip link set v1 master br0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add 10.1.0.2/24 dev v0 label v0:two
	host ip addr add 10.1.1.1/24 dev v0 valid_lft 100000 preferred_lft 90000
	host ip addr add 169.254.1.1/16 dev v0 scope link
	host ip addr add fd00::1/64 dev v0
	host ip addr add fd00::2/64 dev v0
	host ip link add v2 type veth peer name v2p
	host ip addr add 10.5.0.1/24 dev v2
	wait_until settled
	devices '{ v0: { name: "eth0" }, v1: {}, v2: { name: "eth%d" } }'
	# Its port says what the bridge does (forwarding) a moment later.
	before=$(whole_host)
}

@test "the container can't be made: the interfaces are back with names, numbers, addresses, bridge, state" {
	local before
	rich_host
	args /no/such/program
	fails /no/such/program
	config '.hooks.createRuntime = [{ path: "/bin/false" }]'
	fails createRuntime
	config '.hooks.createContainer = [{ path: "/bin/false" }] | del(.hooks.createRuntime)'
	fails createContainer
	same_host "$before"
}

@test "run can't execute the program: the interfaces are back" {
	local before
	rich_host
	echo garbage >rootfs/bin/garbage
	chmod +x rootfs/bin/garbage
	args /bin/garbage
	attempt hull run "$ID"
	assert_fails garbage
	back "$before"
}

@test "its name was taken on the host meanwhile: the interface comes back under another one" {
	veth v0
	devices '{ v0: { name: "eth0" } }'
	config '.hooks.createRuntime = [{ path: "/bin/sh", args: ["sh", "-c",
		"ip link add v0 type veth peer name q; exit 1"], env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] }]'
	attempt hull create "$ID"
	assert_fails createRuntime
	[ "$(host ip -j link | jq length)" = 5 ]
	host ip -j link show v0p | jq -e '.[0].link | IN("eth0", "hull0")' >/dev/null
}

broken() {
	say_output "$1"
	diff -u <(echo "$before") <(whole_host) >&2
	return 1
}

@test "each row fails, and INIT is killed at each: the interfaces are back every time" {
	require hull_test
	local before row n=0 what all
	veth v0
	host ip addr add 10.1.0.1/24 dev v0
	host ip addr add fd00::1/64 dev v0 nodad
	devices '{ v0: { name: "eth0" } }'
	before=$(whole_host)
	while read -r row; do
		# Who sent a message can't fail any more: the other one may have gone on.
		all="before after kill-init"
		[[ $row != *" (to "* ]] || all="before kill-init"
		row=${row% (*}
		for what in $all; do
			HULL_FAULT=$row:$what attempt faulty create "$ID"
			if [ "$status" = 0 ]; then
				# Not a row of INIT's, or it was killed once the container was made.
				[ "$what" = kill-init ] || broken "$row:$what"
				attempt hull delete --force "$ID"
				assert_status 0
				wait_until no_link v0p
				veth v0
				host ip addr add 10.1.0.1/24 dev v0
				host ip addr add fd00::1/64 dev v0 nodad
				before=$(whole_host)
				continue
			fi
			wait_until same_host "$before" || broken "$row:$what"
			assert_no_state
			n=$((n + 1))
		done
	done < <(hull create --explain "$ID" | grep -v '^-' |
		sed -E 's/^  [A-Z]+ +//')
	echo "# $n failures injected" >&3
	[ $n -gt 80 ]
}

@test "PARENT is killed: delete removes everything, and a joined namespace still has what it got" {
	require hull_test
	local row
	holder
	join_network "$HOLDER"
	veth v0
	devices '{ v0: { name: "eth%d" } }'
	for row in "move network devices" "set up the container" "pivot into the root"; do
		HULL_FAULT=$row:kill-parent attempt faulty create "$ID"
		[ "$status" != 0 ]
		hull delete --force "$ID"
		assert_nothing_left
		assert_equal "$(names host) $(names at "$HOLDER")" "v0p eth0" ||
			assert_equal "$row $(names host) $(names at "$HOLDER")" "move network devices v0 v0p "
		at "$HOLDER" ip link del eth0 2>/dev/null || host ip link del v0
		wait_until no_link v0p
		veth v0
	done
}

# --- the end ---

@test "the kernel ends what is virtual with the namespace; nothing holds that alive" {
	veth v0
	devices '{ v0: { name: "eth0" } }'
	create
	start
	hull delete --force "$ID"
	wait_until no_link v0p
	assert_equal "$(names host)" ""
	# by run, which waits for the container and must not hold its namespace meanwhile
	veth v0
	host "$HULL" --root "$ROOT" run --pid-file "$T/pid" "$ID" >/dev/null 2>&1 3>&- </dev/null &
	local run=$! inner
	wait_until test -s "$T/pid"
	wait_status running "$ID"
	inner=$(readlink "/proc/$(pid_of)/ns/net")
	assert_equal "$(container awk 'NR > 1 && $3 > 0' /proc/net/netlink)" ""
	[[ $(readlink "/proc/$(pgrep -P $run -x hull || echo $run)"/fd/*) != *"$inner"* ]]
	hull kill "$ID" KILL
	ended $run
	assert_status 137
	wait_until no_link v0p
}

@test "features says that network devices can be moved" {
	"$HULL" features | jq -e '.linux.netDevices.enabled == true' >/dev/null
}
