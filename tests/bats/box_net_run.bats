#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Containers of hullbox in its networks, from inside. Host and outside are network namespaces of the
# test's own, as in box_net.bats.

load helpers
load box
load box_net

setup_file() {
	may_take $((180 + 5 * ${HULL_LEAK_RUNS:-0}))
}

setup() {
	require conmon
	net_setup || return
	BASE=$T/base
	cp -a "$SHARED/rootfs" "$BASE"
	local applet
	for applet in ping nc ip grep; do
		ln -sf busybox "$BASE/bin/$applet"
	done
	mkdir -p "$BASE/etc"
	host sysctl -qw net.ipv4.ip_forward=1
	state >"$T/before"
}

teardown() {
	local id failed=0
	[ -n "${T:-}" ] || return 0
	cd / || return
	for id in $(hullbox ps -aq --no-trunc); do
		hullbox rm -f "$id" >/dev/null || failed=1
	done
	hullbox prune >/dev/null || failed=1
	wait_until no_box_process || failed=1
	LIVING=
	all_gone || failed=1
	rmdir "$CGROUP/hullbox" 2>/dev/null || true
	net_teardown || failed=1
	return $failed
}

hullbox() { host "$HULLBOX" "$@"; }

# Nothing of any network is on the host or in the runtime directory.
is_gone_all() { state | grep -v "^$T/boxrun/containers\|^$T/boxrun/hull" >"$T/after"; cmp -s "$T/before" "$T/after"; }
all_gone() {
	wait_until is_gone_all || {
		diff "$T/before" "$T/after" >&2
		return 1
	}
}

# foreground ARGUMENT...: $output without what concerns limits.
foreground() {
	attempt timeout --foreground -k 5 60 nsenter -n -t "$HOST" "$HULLBOX" run --rootfs "$BASE" --ephemeral "$@"
	output=$(grep -v "no limit of 1024 processes" <<<"$output") || true
}

# background NAME ARGUMENT...
background() {
	attempt timeout --foreground -k 5 60 nsenter -n -t "$HOST" "$HULLBOX" run -d --layer "$BASE" --name "$@"
	assert_status 0
}

SERVE='while :; do echo "hello from $HOSTNAME" | nc -l -p 80; done'

outside_is_answered() { [[ $(at_outside busybox nc 198.51.100.2 8080 </dev/null) == "hello from"* ]]; }
loopback_answers() { [[ $(host busybox nc 127.0.0.1 8080 </dev/null) == "hello from"* ]]; }

id_of() { hullbox inspect "$1" | jq -r '.[0].id'; }

@test "box run: a process begins with its network: address, gateway, outside, names" {
	foreground --name "$ID" -- /bin/sh -c 'ip -4 addr show eth0 && ping -c 1 -W 5 10.91.0.1 && ping -c 1 -W 5 198.51.100.3 &&
		cat /etc/hosts /etc/resolv.conf /etc/hostname'
	assert_status 0
	has_text "inet 10.91.0.2/20" "10.91.0.2	$ID"
	matches "^10.91.0.2	$ID [0-9a-f]{12}$"
	[ "$(grep -c ', 0% packet loss' <<<"$output")" = 2 ]
	hullbox rm "$ID"
	all_gone
}

@test "box run: two containers reach each other by name, also after a restart" {
	background "$ID" --hostname web -- /bin/sh -c "$SERVE"
	# Between two connections nobody listens for a moment; and nc may end before it has answered.
	foreground --rm -- /bin/sh -c "for name in $ID web $(id_of "$ID" | cut -c 1-12); do
		n=0; until nc \$name 80 | grep hello || [ \$((n += 1)) -gt 100 ]; do sleep 0.1; done; done"
	assert_status 0
	assert_equal "$(grep -c '^hello from' <<<"$output")" 3
	background "${ID}x" -- /bin/sh -c 'while :; do sleep 0.1; done'
	# It came later: who was there knows it, in the file that is mounted.
	attempt hullbox exec "$ID" /bin/ping -c 1 -W 5 "${ID}x"
	assert_status 0
	hullbox restart -t 0 "${ID}x"
	attempt hullbox exec "$ID" /bin/ping -c 1 -W 5 "${ID}x"
	assert_status 0
	hullbox rename "${ID}x" "${ID}y"
	attempt hullbox exec "$ID" /bin/ping -c 1 -W 5 "${ID}y"
	assert_status 0
	hullbox rm -f "${ID}y"
	attempt hullbox exec "$ID" /bin/cat /etc/hosts
	lacks "${ID}y"
	hullbox rm -f "$ID"
	all_gone
}

@test "box run: -p answers outside, on the host and its loopback, and hullbox port says so" {
	background "$ID" -p 8080:80 -- /bin/sh -c "$SERVE"
	output=$(hullbox port "$ID")
	matches '80/tcp.*8080'
	assert_equal "$(hullbox ps --format json | jq -r '.[].ports')" '0.0.0.0:8080->80/tcp'
	output=$(hullbox ps)
	has_text ' 0.0.0.0:8080->80/tcp '
	wait_until outside_is_answered
	wait_until loopback_answers
	attempt hullbox run --rm --rootfs "$BASE" --ephemeral -p 8080:80 -- /bin/true
	assert_status 125
	has_text "port 8080/tcp is published by container '$ID' already"
	hullbox rm -f "$ID"
	all_gone
}

@test "box run: --net none, host, container:, ns:, and one that is described" {
	foreground --net none -- ip link
	assert_status 0
	assert_equal "$(grep -c '^[0-9]*: ' <<<"$output")" 1
	matches '^1: lo: <LOOPBACK,UP'
	foreground --net host -- ip link
	assert_status 0
	has_text " out@"
	background "$ID" -- /bin/sh -c "$SERVE"
	foreground --net "container:$ID" -- /bin/sh -c "until nc 127.0.0.1 80 | grep hello; do sleep 0.1; done; cat /etc/hosts"
	assert_status 0
	has_text "hello from" "10.91.0.2	$ID"
	foreground --net "ns:/proc/$OUTSIDE/ns/net" -- ip -4 addr
	has_text "198.51.100.3"
	mkdir -p "$BOX/networks"
	host_network other 10.77.0.0/24
	foreground --net other -- /bin/sh -c "ip -4 addr show eth0; ping -c 1 -W 5 198.51.100.3"
	assert_status 0
	has_text "inet 10.77.0.2/24"
	foreground --net nowhere -- /bin/true
	assert_status 125
	has_text "there is no network 'nowhere'"
	foreground --net "container:nobody" -- /bin/true
	assert_status 125
}

is_swept() {
	foreground --rm --net none -- /bin/true
	is_box_status stopped "$1" && is_gone_all
}

@test "box run: whoever of the container's is killed, its network goes with it" {
	local victim i=0 pid
	for victim in conmon init hullbox; do
		if [ $victim = hullbox ]; then
			nsenter -n -t "$HOST" "$HULLBOX" run --rootfs "$BASE" --ephemeral --name "$ID$victim" -p 8080:80 -- \
				/bin/sleep 300 >/dev/null 2>&1 </dev/null 3>&- &
			pid=$!
			wait_until is_box_status running "$ID$victim"
			kill -KILL $pid
			wait $pid 2>/dev/null || true
			hullbox rm -f "$ID$victim"
		else
			background "$ID$victim" -p 8080:80 -- /bin/sleep 300
			case $victim in
			conmon) pid=$(cat "$T/boxrun/containers/$(id_of "$ID$victim")/conmon.pid") ;;
			init) pid=$(box_state "$ID$victim" pid) ;;
			esac
			kill -KILL "$pid"
			# The next command, if nobody has by himself, and it is seen that he is dead.
			wait_until is_swept "$ID$victim"
			hullbox rm "$ID$victim"
		fi
		all_gone
	done
}

is_comm_of() { is_comm "$(box_state "$1" pid)" "$2"; }

@test "box run: a container whose /etc/hosts can't be written keeps no other from starting" {
	background "$ID" -- /bin/sh -c 'busybox cp /bin/busybox /etc/hosts && busybox chmod +x /etc/hosts && exec -a sleep /etc/hosts 600'
	wait_until is_comm_of "$ID" hosts
	background "${ID}x" -- /bin/sh -c 'while :; do sleep 0.1; done'
	has_text "container '$ID' isn't told of the others"
	hullbox rename "${ID}x" "${ID}y"
	hullbox rm -f "$ID" "${ID}y"
	all_gone
}

# --- What is left of a hundred ---

# Its parts at work: "PID NAME". Commands of containers have $T/box among their arguments.
parts() {
	local file pid comm seen=" "
	for file in $(grep -lasF -e "$T/box" /proc/[0-9]*/cmdline /proc/[0-9]*/environ); do
		pid=${file#/proc/}
		pid=${pid%/*}
		[[ $seen == *" $pid "* ]] || ! read -r comm 2>/dev/null <"/proc/$pid/comm" || is_zombie "$pid" || case $comm in
		hullbox* | conmon | hull* | bridge | portmap | host-local | loopback | firewall | *tables* | nft) echo "$pid $comm" ;;
		*) [[ $file == */environ ]] || is_ours "$pid" || echo "$pid command" ;;
		esac
		seen+="$pid "
	done
}

# Twice, as no_box_process.
no_part() { [ -z "$(parts)" ] && [ -z "$(parts)" ]; }

# New cgroups of hullbox without processes, and those whose processes are this test's: other tests
# have theirs there at the same time.
cgroups() {
	local dir
	for dir in "$CGROUP"/hullbox/*; do
		[ -d "$dir" ] && ! grep -qxF "$dir" "$T/others" || continue
		grep -qs "populated 0" "$dir/cgroup.events" && echo "cgroup $dir" && continue
		parts | cut -d " " -f 1 | grep -qxF -f "$dir/cgroup.procs" 2>/dev/null && echo "cgroup $dir"
	done
	return 0
}

# Everything that a container may leave, a line each, by a first word that says of what kind it is.
machine() {
	host ip -br link | sed 's/@.*//; s/^/link /; s/ *$//' | awk '{ print $1, $2 }'
	host ip -br -4 addr | awk '{ print "address", $1, $3, $4 }'
	host ip -4 route | sed 's/^/route /'
	host iptables-save | sed -n 's/ \[[0-9:]*\]$//; s/^-A/iptables -A/p; s/^:\(.* -\)$/iptables \1/p'
	host nft list ruleset 2>/dev/null | sed 's/counter packets.*bytes [0-9]* //; s/^/nft /' |
		grep -v '^nft\s*\(}\|$\|table\|chain [A-Z]\|type\)' || true
	host sysctl -a -r '^net\.' 2>/dev/null | grep -v 'conntrack_count\|\.neigh\.' | sed 's/^/sysctl /'
	sed 's/^[0-9]* [0-9]* [^ ]* /mount /' /proc/self/mountinfo
	cgroups
	parts | sed 's/[0-9]* /process /'
	find "$BOX" "$T/boxrun" -printf '%p %y\n' 2>/dev/null | sed "s|^$T/boxrun/network/leases|lease &|; t; s|^|file |"
}

kinds="process mount link address route iptables nft lease cgroup file sysctl"
figures() {
	local kind line
	printf -v line '# %-8s' "$1"
	for kind in $kinds; do
		line+=$(printf ' %s %d,' "$kind" "$(grep -c "^$kind " "$2")")
	done
	echo "${line%,}" >&3
}

is_as_before() {
	hullbox prune >/dev/null 2>&1 && [ -z "$(hullbox ps -aq)" ] || return 1
	machine | sort >"$T/machine.after"
	cmp -s "$T/machine.before" "$T/machine.after"
}

# kill_one MS PID SHORT: after MS ms one of its parts at work is killed, and its name printed; with
# SHORT one that doesn't live long: hull or a plugin, as soon as there is one, while PID is there.
# (A shell is too slow for that.)
kill_one() {
	python3 - "$@" "$T/box" <<-'END'
	import os, random, sys, time
	ms, pid, short, mark = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].encode()
	SHORT = b"hull", b"bridge", b"portmap", b"host-local", b"loopback", b"firewall"
	LONG = b"hullbox", b"hullbox-log", b"conmon"

	def read(pid, name):
	    try:
	        with open(f"/proc/{pid}/{name}", "rb") as f:
	            return f.read()
	    except OSError:
	        return b""

	def parts(names):
	    for pid in filter(str.isdigit, os.listdir("/proc")):
	        name = read(pid, "comm").strip()
	        if name in names and mark in read(pid, "cmdline") + read(pid, "environ"):
	            yield int(pid), name

	time.sleep(ms / 1000)
	while True:
	    found = list(parts(SHORT if short else SHORT + LONG))
	    if found or not short or read(pid, "stat").split(b") ")[-1][:1] in (b"", b"Z"):
	        break
	if found:
	    pid, name = random.choice(found)
	    try:
	        os.kill(pid, 9)
	        print(name.decode())
	    except ProcessLookupError:
	        pass
	END
}

# once N [MS [SHORT]]: one run of five kinds, in which after MS ms somebody is killed.
once() {
	local pid name=$ID-$1 command=(/bin/sh -c ": $T/box; sleep 0.2")
	local run=(nsenter -n -t "$HOST" "$HULLBOX" run --rm --name "$name")
	case $(($1 % 5)) in
	0 | 1) "${run[@]}" -p "$((9000 + $1)):80" --rootfs "$BASE" --ephemeral -- "${command[@]}" ;;
	2) "${run[@]}" -d -p "$((9000 + $1)):80/udp" --layer "$BASE" -v "$T/$A:/a" -- "${command[@]}" ;;
	3) "${run[@]}" --net none --rootfs "$BASE" --ephemeral -- "${command[@]}" ;;
	4)
		hullbox create --name "$name" --layer "$BASE" -- "${command[@]}" && hullbox start "$name" &&
			hullbox restart -t 0 "$name" && hullbox rm -f "$name"
		;;
	esac >"$T/once" 2>&1 </dev/null 3>&- &
	pid=$!
	[ -z "${2:-}" ] || kill_one "$2" $pid "${3:-}" >>"$T/victims"
	ended $pid
	# Whoever wasn't hurt did what he was asked to.
	[ -n "${2:-}" ] || [ "$status" = 0 ] || { cat "$T/once" >&2; return 1; }
}

# HULL_LEAK_RUNS=100 is the whole of it.
@test "box: nothing is left on the machine of many runs, half of them killed at random points" {
	local n from took kind runs=${HULL_LEAK_RUNS:-12}
	for dir in "$CGROUP"/hullbox/*; do echo "$dir"; done >"$T/others"
	: >"$T/victims"
	# What is made once, such as the cache of compiled filters, is there after these.
	once 4
	from=${EPOCHREALTIME/./}
	once 0
	took=$(((${EPOCHREALTIME/./} - from) / 1000))
	hullbox prune >/dev/null
	wait_until no_part
	# What others had at that moment isn't.
	machine | grep -v '^cgroup ' | sort >"$T/machine.before"
	figures before "$T/machine.before"
	# What there is to be left.
	background "$ID" --rm -p 9000:80 -- /bin/sh -c ": $T/box; while :; do sleep 1; done"
	machine | sort >"$T/machine.during"
	figures during "$T/machine.during"
	for kind in $kinds; do
		[ "$kind" = sysctl ] || [ "$(grep -c "^$kind " "$T/machine.before")" -lt "$(grep -c "^$kind " "$T/machine.during")" ]
	done
	hullbox rm -f "$ID"
	for n in $(seq "$runs"); do
		case $((n % 4)) in
		1) once "$n" $((RANDOM % took)) ;;
		3) once "$n" $((RANDOM % (took / 2))) short ;;
		*) once "$n" ;;
		esac
	done
	wait_until is_as_before || {
		diff "$T/machine.before" "$T/machine.after" >&2
		return 1
	}
	figures after "$T/machine.after"
	echo "# $runs runs; killed: $(sort "$T/victims" | uniq -c | awk '{ print $1, $2 }' | paste -sd,)" >&3
}
