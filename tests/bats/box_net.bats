#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The network of hullbox's containers. "The host" is a network namespace of the test's own, "outside"
# another one behind it, which knows the host's address and no container's.

load helpers
load box
load box_net

setup() {
	net_setup
}

teardown() {
	net_teardown
}

@test "box net: a container reaches its gateway, and the outside by the host's address" {
	up "$A" web
	fact interface eth0
	fact ip 10.91.0.2
	fact gateway 10.91.0.1
	pings "$A" 10.91.0.1
	pings "$A" 198.51.100.3
	# What comes from there has the host's address.
	listen outside tcp 7000 'echo $NCAT_REMOTE_ADDR'
	run inside_of "$A" "$ASK" tcp 198.51.100.3 7000
	has "from 198.51.100.2"
	# A name server, a loopback.
	inside_of "$A" ip -br addr show lo | grep -q 127.0.0.1
	assert_equal "$(cat "$T/$A/resolv.conf")" "$(grep -v '^#' /etc/resolv.conf)"
}

@test "box net: two containers reach each other by address and by name" {
	up "$A" web
	up "$B" db
	fact ip 10.91.0.3
	pings "$A" 10.91.0.3
	pings "$B" 10.91.0.2
	listen "$B" tcp 5432
	local name
	for name in db "${B:0:12}"; do
		run by_name "$A" "$name" 5432
		assert_status 0
		has "from 10.91.0.2"
	done
	# The one that came first knows the other as well, and its own name.
	listen "$A" tcp 80
	run by_name "$B" web 80
	has "from 10.91.0.3"
	run by_name "$A" web 80
	has "from 10.91.0.2"
}

@test "box net: the hosts files follow containers that go, come back and are renamed" {
	up "$A" web -h printer=192.0.2.9
	up "$B" db
	echo '192.0.2.7 own' >>"$T/$A/hosts"
	local inode
	inode=$(stat -c %i "$T/$A/hosts")
	box_network down "$B"
	assert_equal "$(lines "$A")" "192.0.2.9 printer
10.91.0.2 web ${A:0:12}
192.0.2.7 own"
	up "$B" db
	assert_equal "$(lines "$A")" "192.0.2.9 printer
10.91.0.2 web ${A:0:12}
10.91.0.4 db ${B:0:12}
192.0.2.7 own"
	box_network rename "$B" store
	assert_equal "$(lines "$A")" "192.0.2.9 printer
10.91.0.2 web ${A:0:12}
10.91.0.4 store db ${B:0:12}
192.0.2.7 own"
	assert_equal "$(lines "$B")" "10.91.0.2 web ${A:0:12}
10.91.0.4 store db ${B:0:12}"
	# The file is mounted in the container: it must stay the same one.
	assert_equal "$(stat -c %i "$T/$A/hosts")" "$inode"
}

@test "box net: published ports answer outside, on the host and its loopback, by tcp and udp" {
	up "$A" web -p 8080:80 -p 5353:53/udp -p 127.0.0.1:8081:81 -p 198.51.100.2:8082:82
	local port
	for port in 80 81 82; do
		listen "$A" tcp $port
	done
	listen "$A" udp 53
	up "$B" other
	run at_outside "$ASK" tcp 198.51.100.2 8080
	has "from 198.51.100.3" "port 80"
	run at_outside "$ASK" udp 198.51.100.2 5353
	has "from 198.51.100.3" "port 53"
	for port in 127.0.0.1 198.51.100.2; do
		run host "$ASK" tcp $port 8080
		has "port 80"
		run host "$ASK" udp $port 5353
		has "port 53"
	done
	# By the host's address from a container, and from the one itself.
	run inside_of "$B" "$ASK" tcp 198.51.100.2 8080
	has "port 80"
	run inside_of "$A" "$ASK" tcp 198.51.100.2 8080
	has "port 80"
	# Only where it was published.
	run host "$ASK" tcp 127.0.0.1 8081
	has "port 81"
	run at_outside "$ASK" tcp 198.51.100.2 8081
	lacks "port 81"
	run at_outside "$ASK" tcp 198.51.100.2 8082
	has "port 82"
	run host "$ASK" tcp 127.0.0.1 8082
	lacks "port 82"
	# And no longer than the container has a network.
	box_network down "$A"
	run at_outside "$ASK" tcp 198.51.100.2 8080
	lacks "port 80"
}

@test "box net: no container reaches services on the host's loopback, whoever publishes a port" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	up "$A" web -p 127.0.0.1:8080:80
	up "$B" db
	# The plugin's price for ports on the loopback: without more, the kernel takes such packets.
	assert_equal "$(host cat /proc/sys/net/ipv4/conf/hullbox0/route_localnet)" 1
	hears 7003 "$T/heard"
	local id
	for id in "$A" "$B"; do
		frame "$id" 7003 loopback
		frame "$id" 7003 another 127.1.2.3
	done
	# The test's own power: as soon as nothing keeps them away, they arrive. What was sent before
	# would have come first.
	host iptables -t raw -F PREROUTING
	frame "$B" 7003 end
	wait_until grep -qx end "$T/heard"
	assert_equal "$(cat "$T/heard")" "listens
end"
	# Somebody has emptied the table: the next container sets it right, once.
	local i
	for i in 1 2; do
		box_network down "$A"
		up "$A" web
	done
	assert_equal "$(host iptables-save -t raw | grep -c '^-A PREROUTING .*-i hullbox0 .*-j DROP$')" 1
	box_network down "$A"
	assert_equal "$(host iptables-save -t raw | grep -c '^-A PREROUTING .*-i hullbox0 .*-j DROP$')" 1
	box_network down "$B"
	clean_again "the rule"
}

@test "box net: where the host's loopback can't be guarded no port is published" {
	host sysctl -qw net.ipv4.ip_forward=1
	# Somebody's, and none that iptables can use.
	host nft 'add table ip raw; add chain ip raw PREROUTING { type nat hook output priority 7; }'
	state >"$T/before"
	fails_to_come up "$T/$A" "$A" web network bridge -p 8080:80
	has_text "network 'bridge': keep containers from the host's loopback (table raw)"
	clean_again "refused"
	up "$A" web
	assert_equal "$(host cat /proc/sys/net/ipv4/conf/hullbox0/route_localnet)" 0
	box_network down "$A"
	clean_again "without ports"
}

@test "box net: nothing is left of containers that are gone, and nobody else's rules change" {
	# Those of Docker, of ufw and of another user of the same plugins.
	host iptables -t nat -N DOCKER
	host iptables -t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
	host iptables -N ufw-user-input
	host iptables -A INPUT -j ufw-user-input
	host iptables -t raw -A PREROUTING -i eth7 -d 127.0.0.0/8 -j DROP
	host nft 'add table inet firewalld; add chain inet firewalld filter_INPUT'
	host sysctl -qw net.ipv4.ip_forward=1
	same_after some_life
	host iptables -t nat -N CNI-HOSTPORT-DNAT
	host iptables -t nat -N CNI-0123456789abcdef01234567
	host iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
	host iptables -t nat -A CNI-HOSTPORT-DNAT -p tcp --dport 99 -j CNI-0123456789abcdef01234567
	state >"$T/before"
	some_life
	# What the portmap plugin adds to chains that were there isn't taken from under others.
	host iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT 2>/dev/null || true
	host iptables -t nat -S | grep -q CNI-0123456789abcdef01234567
	assert_equal "$(files)" ""
}

some_life() {
	up "$A" web -p 8080:80 -p 53:53/udp
	up "$B" db
	up "$C" third none
	box_network down "$A"
	box_network down "$C"
	up "$A" web -p 8080:80
	box_network down "$B"
	box_network down "$A"
	box_network down "$A"
}

@test "box net: whoever is killed while the network is made or removed, the next command cleans up" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	local i
	for i in $(seq 1 "${HULLBOX_KILLS:-8}"); do
		killed_after $((i * 12)) $((i % 3)) up "$T/$A" "$A" web network bridge -p 8080:80
		clean_again "up, killed after $((i * 12)) ms"
		up "$A" web -p 8080:80
		up "$B" db
		killed_after $((i * 12)) $((i % 3)) down "$A"
		# The other one lives on.
		wait_until tells_of "$B" "$B" "$(address_of "$B") db ${B:0:12}"
		pings "$B" 198.51.100.3
		box_network down "$B"
		clean_again "down, killed after $((i * 12)) ms"
	done
}

@test "box net: what plugins leave without a namespace is removed by hullbox" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	up "$A" web -p 8080:80
	up "$B" db
	# The namespace lives on in a process, so that the cable stays, too.
	nsenter "--net=$T/boxrun/netns/$A" sleep 300 3>&- &
	local holder=$! cable
	wait_until is_comm $holder sleep
	cable=$(host ip -br link | awk '/^veth/ { print $1 }' | wc -l)
	assert_equal "$cable" 2
	umount "$T/boxrun/netns/$A"
	box_network sweep "$B"
	assert_equal "$(host ip -br link | awk '/^veth/ { print $1 }' | wc -l)" 1
	[[ $(host iptables-save) != *"$A"* ]]
	[[ $(host iptables-save) == *"$B"* ]]
	assert_equal "$(cd "$T/boxrun/network/leases/hullbox0" && ls -d [0-9]*)" 10.91.0.3
	assert_equal "$(lines "$B")" "10.91.0.3 db ${B:0:12}"
	pings "$B" 198.51.100.3
	kill $holder
	wait $holder 2>/dev/null || true
	# A reboot: no namespace, no link, no rule, nothing in the runtime directory.
	umount "$T/boxrun/netns/$B"
	box_network sweep
	clean_again "pins gone"
}

@test "box net: a container that changes its interface leaves nothing on the host" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	up "$B" db
	mv "$T/before" "$T/alone"
	# What published ports have in common stays until the last container goes.
	up "$A" web -p 8080:80
	box_network down "$A"
	state >"$T/before"
	local change holder
	for change in "link del eth0" "addr flush dev eth0" "link set eth0 down name other"; do
		echo "$change"
		up "$A" web -p 8080:80
		# shellcheck disable=SC2086 # words
		inside_of "$A" ip $change
		# Who shares it keeps the namespace.
		nsenter "--net=$T/boxrun/netns/$A" sleep 300 3>&- &
		holder=$!
		wait_until is_comm $holder sleep
		box_network down "$A"
		diff "$T/before" <(state)
		kill $holder
		wait $holder 2>/dev/null || true
	done
	inside_of "$B" ip link del eth0
	box_network down "$B"
	diff "$T/alone" <(state)
}

@test "box net: none, host, container:, ns: have what they say, and nothing is left of them" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	up "$A" alone none
	fact ip ""
	assert_equal "$(inside_of "$A" ip -br link | awk '{ print $1, $2 }')" "lo UNKNOWN"
	assert_equal "$(lines "$A")" "127.0.1.1 alone"
	box_network down "$A"

	up "$A" shared host
	fact netns ""
	diff /etc/hosts "$T/$A/hosts"
	diff <(grep -v '^#' /etc/resolv.conf) "$T/$A/resolv.conf"
	box_network down "$A"

	up "$A" web
	up "$B" helper container "$A"
	fact netns "$T/boxrun/netns/$A"
	fact ip 10.91.0.2
	assert_equal "$(lines "$A")" "10.91.0.2 web ${A:0:12}
10.91.0.2 helper ${B:0:12}"
	assert_equal "$(lines "$B")" "$(lines "$A")"
	box_network down "$B"
	assert_equal "$(lines "$A")" "10.91.0.2 web ${A:0:12}"
	box_network down "$A"
	fails_to_come up "$T/$B" "$B" helper container "$A"
	has_text "has no network to share: it doesn't run"

	up "$A" guest path "/proc/$OUTSIDE/ns/net"
	fact netns "/proc/$OUTSIDE/ns/net"
	box_network down "$A"
	fails_to_come up "$T/$A" "$A" guest path /etc/passwd
	has_text "'/etc/passwd' is no network namespace"
	fails_to_come up "$T/$A" "$A" guest path "/proc/$OUTSIDE/ns/mnt"
	has_text "is no network namespace"
	fails_to_come up "$T/$A" "$A" guest host -p 80:80
	has_text "ports can only be published"
	clean_again "all of them"
}

@test "box net: a port that somebody has is refused, and a failed network leaves nothing" {
	host sysctl -qw net.ipv4.ip_forward=1
	listen host tcp 7001
	listen host udp 7002
	up "$A" web -p 8080:80 -p 127.0.0.1:8081:81
	LIVING=$A
	state >"$T/before"
	fails_to_come up "$T/$B" "$B" db network bridge -p 8080:81
	has_text "port 8080/tcp is published by container 'web' already"
	fails_to_come up "$T/$B" "$B" db network bridge -p 8081:81
	has_text "port 8081/tcp is published by container 'web' already"
	fails_to_come up "$T/$B" "$B" db network bridge -p 7001:80
	has_text "publish port 7001/tcp: a program of this host has it"
	fails_to_come up "$T/$B" "$B" db network bridge -p 7002:80/udp
	has_text "publish port 7002/udp: a program of this host has it"
	fails_to_come up "$T/$B" "$B" db network bridge -p 192.0.2.1:7003:80
	has_text "publish port 192.0.2.1:7003/tcp" "Cannot assign requested address"
	fails_to_come up "$T/$B" "$B" db network bridge -p 7003:80 -p 7003:81
	has_text "port 7003/tcp is published twice"
	fails_to_come up "$T/$B" "$B" db network nowhere
	has_text "there is no network 'nowhere'"
	clean_again "refused"
	# Another protocol, another address.
	up "$B" db -p 8080:80/udp -p 198.51.100.2:8081:81
	box_network down "$B"
	clean_again "came and went"
}

@test "box net: errors of plugins are passed on in words, and what was made is removed" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	mkdir "$T/plugins"
	ln -s /usr/lib/cni/{bridge,host-local} "$T/plugins"
	export CNI_PATH=$T/plugins
	fails_to_come up "$T/$A" "$A" web network bridge -p 80:80
	has_text "network 'hullbox0': plugin: portmap: not found"
	wait_until swept_with_plugins
	clean_again "one is missing"
	export CNI_PATH=$T/plugins
	printf '#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND = DEL ] || { echo "{\\"code\\":11,\\"msg\\":\\"not today\\"}"; exit 1; }\n' \
		>"$T/plugins/portmap"
	chmod 755 "$T/plugins/portmap"
	fails_to_come up "$T/$A" "$A" web network bridge -p 80:80
	has_text "the network of container 'web': network 'hullbox0': plugin 'portmap' ADD: not today"
	clean_again "one fails"
	# portmap finds that another has just made a chain that both need: it is asked again.
	cat >"$T/plugins/portmap" <<-END
	#!/bin/sh
	[ \$CNI_COMMAND = ADD ] && ! [ -e "$T/raced" ] || exec /usr/lib/cni/portmap
	: >"$T/raced"
	cat >/dev/null
	echo '{ "code": 11, "msg": "chain CNI-HOSTPORT-MASQ: CHAIN_USER_ADD failed (File exists)" }'
	exit 1
	END
	up "$A" web -p 80:80
	[ -e "$T/raced" ]
	[[ $(host iptables-save) == *"--dport 80 -j"* ]]
	box_network down "$A"
	clean_again "one was late"
	unset CNI_PATH
	# A pool that is used up.
	mkdir -p "$BOX/networks"
	host_network tiny 10.77.0.0/30
	up "$A" web network tiny
	fails_to_come up "$T/$B" "$B" db network tiny
	has_text "plugin 'bridge' ADD:" "no IP addresses available in range set"
	pings "$A" 10.77.0.1
	box_network down "$A"
	clean_again "the pool"
}

swept_with_plugins() {
	unset CNI_PATH
	box_network sweep
}

@test "box net: what is set on the host is said, and what was set before isn't touched" {
	assert_equal "$(host cat /proc/sys/net/ipv4/ip_forward)" 0
	state >"$T/before"
	up "$A" web
	has_text "note forwarding of IPv4 packets was off on this host and is on now"
	assert_equal "$(host cat /proc/sys/net/ipv4/ip_forward)" 1
	up "$B" db
	lacks note
	box_network down "$A"
	box_network down "$B"
	# It stays: others may count on it by now. The kernel's own consequences of it stay as well.
	run diff "$T/before" <(state)
	lacks_match '^[<>] (net\..*\.(route_localnet|rp_filter|arp)|link|-A|:|table|lease)'
	host sysctl -qw net.ipv4.ip_forward=0
	clean_again "set back by hand"
	host sysctl -qw net.ipv4.ip_forward=1
	host iptables -P FORWARD DROP
	up "$A" web
	has_text "note this host's firewall drops forwarded packets"
	lacks "note forwarding"
	box_network down "$A"
}

@test "box net: a range that the host has a route to isn't taken" {
	host ip addr add 10.91.4.9/24 dev out
	host ip route add 10.91.16.0/21 via 198.51.100.3
	up "$A" web
	fact ip 10.91.32.2
	pings "$A" 10.91.32.1
	up "$B" db
	fact ip 10.91.32.3
}

@test "box net: ten containers come and go at the same time" {
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
	local i ids=() pids=()
	for i in 0 1 2 3 4 5 6 7 8 9; do
		ids+=("$(printf '%064x' $((i + 1000)))")
		mkdir "$T/${ids[i]}"
	done
	for i in 0 1 2 3 4 5 6 7 8 9; do
		box_network up "$T/${ids[i]}" "${ids[i]}" "box$i" network bridge -p "80$i$i:80" >"$T/up$i" 2>&1 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$T"/up?; return 1; }
	done
	assert_equal "$(grep -h ^ip "$T"/up? | sort -u | wc -l)" 10
	for i in 0 9; do
		assert_equal "$(lines "${ids[i]}" | grep -c ' box')" 10
	done
	pings "${ids[3]}" "$(address_of "${ids[7]}")"
	pids=()
	for i in "${ids[@]}"; do
		box_network down "$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	clean_again "ten"
}

@test "box net: network ls and inspect show which there are and who is in them" {
	mkdir -p "$BOX/networks"
	host_network other 10.77.0.0/24
	echo '{ "name": "broken" }' >"$BOX/networks/broken.conflist"
	host_network a-name-that-is-longer-than-most 10.78.0.0/24
	up "$A" web -p 127.0.0.1:8080:80
	up "$B" helper container "$A"
	up "$C" alone none
	run host "$HULLBOX" network ls
	assert_status 0
	matches '^NAME +TYPE +ADDRESSES +BRIDGE +CONTAINERS$'
	assert_table
	matches '^bridge +bridge +10\.91\.0\.0/20 +hullbox0 +2$'
	matches '^a-name-that-is-longer-than-most +bridge +10\.78\.0\.0/24 '
	matches '^none +none +- +- +1$'
	matches '^other +bridge +10\.77\.0\.0/24 +br-other +0$'
	matches '^broken .*/plugins: expected an array of plugins'
	run host "$HULLBOX" network ls --format json
	assert_equal "$(jq -c '[.[] | [.name, .subnet, .containers]]' <<<"$output")" \
		'[["bridge","10.91.0.0/20",2],["host",null,0],["none",null,1],["a-name-that-is-longer-than-most","10.78.0.0/24",0],["broken",null,0],["other","10.77.0.0/24",0]]'
	run host "$HULLBOX" network inspect bridge none
	assert_equal "$(jq -c '[.[] | [.name, .host.isThere, (.containers | map(.name, .ip, .ports[0].host))]]' <<<"$output")" \
		'[["bridge",true,["web","10.91.0.2",8080,"helper","10.91.0.2",null]],["none",null,["alone",null,null]]]'
	run host "$HULLBOX" network inspect nowhere
	assert_status 1
	has_text "there is no network 'nowhere'"
	run host "$HULLBOX" network ls --format yaml
	assert_status 2
}
