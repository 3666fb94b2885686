# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What box_net.bats uses besides helpers.bash and box.bash: a host and an outside, each a network
# namespace of the test's own; hullbox's network without its containers (tests/helpers/box-network).

BOX_NETWORK=${HULLBOX%/*}/tests/helpers/box-network
have_box_network() { [ -x "$BOX_NETWORK" ]; }
have_cni() { [ -x /usr/lib/cni/bridge ] && [ -x /usr/lib/cni/portmap ]; }
have_iptables() { command -v iptables-save >/dev/null && command -v nft >/dev/null; }

A=$(printf 'a%.0s' {1..64})
B=$(printf 'b%.0s' {1..64})
C=$(printf 'c%.0s' {1..64})

net_setup() {
	require hullbox box_network cni iptables python || return
	common_setup || return
	BOX=$T/box
	export HULLBOX_ROOT=$BOX HULLBOX_RUNTIME=$T/boxrun HULLBOX_HULL=$HULL_ITSELF
	HELPERS=()
	mkdir "$T/$A" "$T/$B" "$T/$C"
	make_ask
	namespace_of HOST
	namespace_of OUTSIDE
	# The kernel gives a new one what the machine's own has.
	host sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.route_localnet=0
	host ip link set lo up
	host ip link add out type veth peer name eth0 netns "$OUTSIDE"
	host ip addr add 198.51.100.2/24 dev out
	host ip link set out up
	at_outside ip link set lo up
	at_outside ip addr add 198.51.100.3/24 dev eth0
	at_outside ip link set eth0 up
}

net_teardown() {
	[ -n "${T:-}" ] || return 0
	local failed=0 pid id
	for id in "$A" "$B" "$C"; do
		box_network down "$id" || failed=1
	done
	for pid in "${HELPERS[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	common_teardown || failed=1
	return $failed
}

# namespace_of NAME: a process in a new network namespace, whose pid is $NAME.
namespace_of() {
	env -u HULL_TEST_MARK unshare -n sleep 600 >/dev/null 2>&1 3>&- &
	HELPERS+=($!)
	printf -v "$1" %s $!
	wait_until is_comm $! sleep
}

is_comm() { [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

host() { nsenter -n -t "$HOST" "$@"; }
at_outside() { nsenter -n -t "$OUTSIDE" "$@"; }
inside_of() { nsenter "--net=$T/boxrun/netns/$1" "${@:2}"; }

box_network() { host "$BOX_NETWORK" "$@"; }

# up ID NAME [KIND [OTHER]] [OPTION...]: the facts are in $output.
up() {
	local id=$1 name=$2 kind=(network bridge)
	shift 2
	if [ $# -gt 0 ] && [[ $1 != -* ]]; then
		kind=("$1")
		shift
		if [ $# -gt 0 ] && [[ $1 != -* ]]; then
			kind+=("$1")
			shift
		fi
	fi
	attempt box_network up "$T/$id" "$id" "$name" "${kind[@]}" "$@"
	assert_status 0
}

fails_to_come() {
	attempt box_network "$@"
	assert_fails
}

fact() { has "$1 $2"; }
address_of() { inside_of "$1" ip -4 -br addr show eth0 | awk '{ sub("/.*", "", $3); print $3 }'; }

# The lines of a container's hosts file besides the loopback's, and without comments.
lines() { tail -n +3 "$T/$1/hosts" | grep -v '^#' | tr '\t' ' '; }

# pings ID ADDRESS
pings() { inside_of "$1" busybox ping -c 1 -W $((5 * HULL_TEST_SLOW)) "$2" >/dev/null; }

# A program that says who it hears, and one that asks: "from ADDRESS", "port PORT".
make_ask() {
	ASK=$T/ask
	ANSWER=$T/answer
	cat >"$ASK" <<-'END'
	#!/usr/bin/env python3
	import os, socket, sys
	kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
	s = socket.socket(socket.AF_INET, kind)
	s.settimeout(3 * int(os.environ.get("HULL_TEST_SLOW", "1")))
	s.connect((sys.argv[2], int(sys.argv[3])))
	s.send(b"?")
	print(s.recv(1000).decode())
	END
	cat >"$ANSWER" <<-'END'
	#!/usr/bin/env python3
	import socket, sys
	tcp, port = sys.argv[1] == "tcp", int(sys.argv[2])
	s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
	s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
	s.bind(("", port))
	if tcp:
	    s.listen(8)
	open(sys.argv[3], "w").close()
	while True:
	    c, peer = s.accept() if tcp else (None, s.recvfrom(100)[1])
	    text = f"from {peer[0]}\nport {port}".encode()
	    if tcp:
	        c.send(text)
	        c.close()
	    else:
	        s.sendto(text, peer)
	END
	chmod 755 "$ASK" "$ANSWER"
}

# hears PORT FILE: a service of the host; it adds what it hears, by udp, to FILE.
hears() {
	nsenter -n -t "$HOST" python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
with open(sys.argv[2], "a", buffering=1) as f:
    f.write("listens\n")
    while True:
        f.write(s.recv(100).decode() + "\n")
' "$1" "$2" >/dev/null 2>&1 3>&- &
	HELPERS+=($!)
	wait_until grep -qsx listens "$2"
}

# frame ID PORT TEXT [ADDRESS]: a container with CAP_NET_RAW sends a datagram to its gateway's
# hardware address, whatever its routes and its kernel say of the IP address (127.0.0.1).
frame() {
	inside_of "$1" busybox ping -c 1 -W $((5 * HULL_TEST_SLOW)) 10.91.0.1 >/dev/null
	inside_of "$1" python3 -c '
import socket, struct, sys
mac = lambda text: bytes.fromhex(text.replace(":", ""))
gateway, own, source, to, port, text = sys.argv[1:]
udp = struct.pack("!HHHH", 9999, int(port), 8 + len(text), 0) + text.encode()
ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + socket.inet_aton(source) + socket.inet_aton(to)
n = sum(struct.unpack("!10H", ip))
n = (n & 0xffff) + (n >> 16)
ip = ip[:10] + struct.pack("!H", 0xffff - (n & 0xffff) - (n >> 16)) + ip[12:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(mac(gateway) + mac(own) + b"\x08\x00" + ip + udp)
' "$(inside_of "$1" ip neigh show 10.91.0.1 | awk '{ print $5 }')" \
		"$(inside_of "$1" ip -j link show eth0 | jq -r '.[0].address')" "$(address_of "$1")" "${4:-127.0.0.1}" "$2" "$3"
}

# listen PLACE tcp|udp PORT: until the end of the test.
listen() {
	local mark=$T/listens-${1:0:3}-$2-$3 where
	case $1 in
	host) where=(-n -t "$HOST") ;;
	outside) where=(-n -t "$OUTSIDE") ;;
	*) where=("--net=$T/boxrun/netns/$1") ;;
	esac
	# Not by a function: it is the process itself that has to be ended.
	nsenter "${where[@]}" "$ANSWER" "$2" "$3" "$mark" >/dev/null 2>&1 3>&- &
	HELPERS+=($!)
	wait_until test -e "$mark"
}

# by_name ID NAME PORT: asks, the name looked up in the container's hosts file as its libc does.
by_name() {
	nsenter "--net=$T/boxrun/netns/$1" unshare -m --propagation private sh -c '
		mount --bind "$1" /etc/hosts && shift && exec "$@"' sh "$T/$1/hosts" "$ASK" tcp "$2" "$3"
}

# All that may be left on the host: interfaces, addresses, routes, rules, kernel settings, files.
state() {
	host ip -br link | awk '{ print "link", $1 }' | sort
	# Whether a bridge has a carrier the kernel finds out a moment later.
	host ip -4 route | sed 's/ linkdown//' | sort
	host iptables-save | sed -n 's/ \[[0-9:]*\]$//; /^-A/p; /^:.* -$/p'
	# The tables of iptables and the chains of the kernel's hooks in them: empty, they are nothing.
	host nft list ruleset 2>/dev/null | tr -s '\n\t ' ' ' | sed -E 's/chain [A-Z]+ \{ type nat [^}]* policy accept; \}//g
		s/packets [0-9]+ bytes [0-9]+ //g; s/ +/ /g; s/table (ip|ip6) (nat|raw) \{ \}//g; s/ +/ /g; s/^ //'
	# Without those of modules that somebody's first rule loads.
	host sysctl -a -r '^net\.' 2>/dev/null | grep -vE '^net\.(netfilter|bridge|nf_)' | sort
	files
}

files() { [ ! -d "$T/boxrun" ] || find "$T/boxrun" ! -type d | sort; }

# same_after COMMAND...
same_after() {
	state >"$T/before"
	"$@"
	diff "$T/before" <(state) >&2
}

swept() { box_network sweep "$@" 2>"$T/sweep"; }
# shellcheck disable=SC2086
is_clean() { swept ${LIVING:-} && state >"$T/after" && cmp -s "$T/before" "$T/after"; }

# tells_of ID LIVING LINES: hosts has these after a sweep.
tells_of() { swept "$2" && [ "$(lines "$1")" = "$3" ]; }

# clean_again WHEN: the next command finds it all, once nobody of the killed is at work any more.
clean_again() {
	wait_until is_clean || {
		echo "left: $1" >&2
		cat "$T/sweep" >&2
		diff "$T/before" "$T/after" >&2
		return 1
	}
}

# killed_after MS HOW ARGUMENT...: 0: hullbox alone, 1: it and the plugins, 2: the plugins alone.
killed_after() {
	local ms=$1 how=$2 pid
	shift 2
	HULL_TEST_MARK=$ID-killed nsenter -n -t "$HOST" setsid "$BOX_NETWORK" "$@" >"$T/killed" 2>&1 3>&- &
	pid=$!
	disown $pid # bash would tell of its end
	sleep "$(printf '0.%03d' $((ms * HULL_TEST_SLOW)))"
	[ "$how" = 2 ] || kill -KILL $pid 2>/dev/null || true
	[ "$how" = 0 ] || session_kill $pid
	wait_until is_gone $pid
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }

# session_kill PID: what it called, but not itself.
session_kill() {
	local file pid rest
	for file in /proc/[0-9]*/stat; do
		read -r pid rest 2>/dev/null <"$file" || continue
		rest=${rest##*) }
		# shellcheck disable=SC2086
		set -- "$1" $rest
		if [ "$5" = "$1" ] && [ "$pid" != "$1" ]; then
			kill -KILL "$pid" 2>/dev/null || true
		fi
	done
}

# host_network NAME SUBNET: a network that somebody describes.
host_network() {
	cat >"$BOX/networks/$1.conflist" <<-END
	{ "cniVersion": "0.4.0", "name": "$1", "plugins": [ { "type": "bridge", "bridge": "br-$1",
	  "isGateway": true, "ipMasq": true, "ipam": { "type": "host-local", "dataDir": "$T/boxrun/network/leases",
	  "ranges": [ [ { "subnet": "$2" } ] ], "routes": [ { "dst": "0.0.0.0/0" } ] } } ] }
	END
}
