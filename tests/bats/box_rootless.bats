#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone,only_user
#
# hullbox for a user without privilege, in a user namespace of his own with ids that he is lent.

load helpers
load box

setup_file() {
	may_take 120
}

# The caller in the container's ids: himself, and the first that he is lent.
own=$(id -u)

# Processes of this user in the namespace that the runtime directory names.
processes_in_userns() {
	local name
	name=$(tr -d '\0' <"$HULLBOX_RUNTIME/userns" | grep -ao '^user:\[[0-9]*\]')
	find /proc -mindepth 3 -maxdepth 3 -path '/proc/[0-9]*/ns/user' -lname "${name//[\[\]]/?}" 2>/dev/null || true
}
userns_is_empty() { [ -z "$(processes_in_userns)" ]; }

@test "box rootless: root inside is the caller, other ids are lent, and the exit status is the command's" {
	require conmon
	box_run --rm -- /bin/sh -c 'id -u; touch /mine; chown 5:7 /mine; stat -c %u:%g /mine; cat /proc/self/uid_map; exit 3'
	assert_status 3
	has 0 5:7
	matches "^ *0 +$own +1\$"
	matches "^ *1 +$HULL_TEST_LENT +65536\$"
	for status in 125 126 127; do
		case $status in
		125) attempt hullbox run --net none --rootfs "$T/nowhere" -- /bin/true ;;
		126) box_run --rm -- /etc ;;
		127) box_run --rm -- /nowhere ;;
		esac
		assert_status "$status"
	done
	box_idle "$ID"
	attempt hullbox exec "$ID" /nowhere
	assert_status 127
	attempt hullbox exec "$ID" /etc
	assert_status 126
	attempt hullbox exec -u nobody-of-that-name "$ID" /bin/true
	assert_status 125
}

@test "box rootless: a root file system as it is, files of every owner, and rm of what they leave" {
	cp -a "$BASE" "$T/rootfs"
	attempt hullbox run --net none --rootfs "$T/rootfs" --rm -- /bin/sh -c 'mkdir /d; echo x >/d/f; chown 0:0 /d; chown 9:9 /d/f'
	assert_status 0
	assert_equal "$(stat -c %u "$T/rootfs/d/f")" $((HULL_TEST_LENT + 8))
	attempt hullbox run --net none --rootfs "$T/rootfs" --rm -- /bin/sh -c 'rm -r /d'
	assert_status 0
	[ ! -e "$T/rootfs/d" ]
	# Below a directory that belongs to another id, and is locked.
	attempt hullbox run --net none --layer "$BASE" --name "$ID" -- /bin/sh -c \
		'mkdir -p /a/b; echo x >/a/b/f; chown 9:9 /a/b/f /a/b /a; chmod 0 /a/b /a'
	assert_status 0
	local dir
	dir=$BOX/containers/$(box_state "$ID" id)
	attempt rm -r "$dir/upper/a"
	assert_fails
	hullbox rm "$ID"
	[ ! -e "$dir" ]
}

@test "box rootless: an overlay in a mount namespace that nobody else sees; nothing stays" {
	box_idle "$ID"
	diff -u "$T/mounts.before" /proc/self/mountinfo
	attempt hullbox exec "$ID" /bin/cat /proc/self/mounts
	matches '^[^ ]+ / overlay .*userxattr'
	[ -n "$(processes_in_userns)" ]
	attempt hullbox stop "$ID"
	assert_status 0
	wait_until userns_is_empty
	diff -u "$T/mounts.before" /proc/self/mountinfo
}

@test "box rootless: all containers share a namespace as long as one of them runs" {
	box_idle "$ID"
	box_idle "${ID}x"
	local one two
	one=$(readlink "/proc/$(box_state "$ID" pid)/ns/user")
	two=$(readlink "/proc/$(box_state "${ID}x" pid)/ns/user")
	assert_equal "$one" "$two"
	[ "$one" != "$(readlink /proc/self/ns/user)" ]
	# The one that made it may go.
	hullbox rm -f "$ID"
	attempt hullbox exec "${ID}x" /bin/sh -c 'readlink /proc/self/ns/user 2>/dev/null || ls -l /proc/self/ns/user'
	has_text "$one"
}

@test "box rootless: exec, logs, ps, top, stop, start, restart, kill, rename, wait" {
	box_start "$ID" -- /bin/sh -c "echo life; $IDLE"
	wait_until is_ready "$ID"
	attempt hullbox exec "$ID" /bin/sh -c 'id -u; exit 4'
	assert_status 4
	has 0
	attempt hullbox ps --format json
	assert_equal "$(jq -r '.[].name' <<<"$output")" "$ID"
	attempt hullbox top "$ID"
	has_text /bin/sh
	attempt hullbox restart "$ID"
	assert_status 0
	wait_until is_ready "$ID" 2
	assert_equal "$(box_state "$ID" status)" running
	attempt hullbox stop "$ID"
	assert_status 0
	assert_equal "$(box_state "$ID" exitCode)" 9
	attempt hullbox rename "$ID" "${ID}x"
	assert_status 0
	attempt hullbox start "${ID}x"
	assert_status 0
	attempt hullbox kill "${ID}x"
	assert_status 0
	run hullbox wait "${ID}x"
	assert_equal "$output" 137
}

@test "box rootless: a container whose policy begins it again does so" {
	box_start "$ID" --restart always -- /bin/sh -c 'echo life; exit 1'
	lived_thrice() { [ "$(hullbox logs "$ID" | grep -c life)" -ge 3 ]; }
	wait_until lived_thrice
	attempt hullbox rm -f "$ID"
	assert_status 0
	wait_until userns_is_empty
}

@test "box rootless: conmon is killed: ps, which needs no namespace itself, has the next life begun" {
	local conmon
	box_idle "$ID" --restart always
	conmon=$(cat "$HULLBOX_RUNTIME"/containers/*/conmon.pid)
	kill -KILL "$conmon"
	is_gone() { ! kill -0 "$conmon" 2>/dev/null || is_zombie "$conmon"; }
	wait_until is_gone
	hullbox ps
	begun_twice() { [ "$(hullbox logs "$ID" | grep -c ready)" = 2 ]; }
	wait_until begun_twice
	assert_equal "$(box_state "$ID" restarts)" 1
	attempt hullbox rm -f "$ID"
	assert_status 0
	wait_until userns_is_empty
}

@test "box rootless: layers of tars with owners; diff, cp and commit of what a container wrote" {
	local mine=0:0
	require python
	mkdir "$T/layer"
	echo theirs >"$T/layer/theirs"
	echo mine >"$T/layer/mine"
	echo gone >"$T/layer/gone"
	tar -C "$BASE" --owner=0 --group=0 -cf "$T/base.tar" .
	# This user's own id is root's where no number inside is the same, as with 65536 lent ids.
	[ "$own" -ge 65536 ] || mine=$own:$(id -g)
	tar -C "$T/layer" --owner="$own" --group="$(id -g)" -cf "$T/layer.tar" mine gone
	tar -C "$T/layer" --owner=33 --group=44 -rf "$T/layer.tar" theirs
	attempt hullbox run --net none --layer "$T/base.tar" --layer "$T/layer.tar" --name "$ID" -- \
		/bin/sh -c 'stat -c %n:%u:%g /theirs /mine; rm /gone; echo new >/new; chown 6:6 /new'
	assert_status 0
	has /theirs:33:44 "/mine:$mine"
	attempt hullbox diff "$ID"
	has "A /new" "D /gone"
	attempt hullbox cp "$ID:/new" "$T/out"
	assert_status 0
	assert_equal "$(cat "$T/out") $(stat -c %u "$T/out")" "new $own"
	attempt hullbox cp "$T/out" "$ID:/in"
	assert_status 0
	attempt hullbox commit "$ID" "$T/commit.tar"
	assert_status 0
	attempt tar -tvf "$T/commit.tar" --numeric-owner
	matches ' 6/6 .* \./?new$| 6/6 .* new$'
	matches '\.wh\.gone$'
	attempt hullbox run --net none --layer "$T/base.tar" --layer "$T/layer.tar" --layer "$T/commit.tar" --rm -- \
		/bin/sh -c 'stat -c %n:%u /new /in; ls /gone'
	has /new:6 /in:0
	has_text "/gone: No such file"
	attempt hullbox rm "$ID"
	assert_status 0
	attempt hullbox image prune
	assert_status 0
	has_text "removed 3 layers"
}

@test "box rootless: an owner beyond what is lent is refused, and said" {
	echo x >"$T/file"
	tar -C "$T" --owner=99999999 --group=0 -cf "$T/far.tar" file
	attempt hullbox run --net none --layer "$T/far.tar" -- /bin/true
	assert_status 125
	has_text "chown to 99999999:0" /etc/subuid
	assert_equal "$(hullbox ps -aq)" ""
}

@test "box rootless: an image by its layout" {
	require python
	tar -C "$BASE" --owner=0 --group=0 -cf "$T/base.tar" .
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/tests/helpers python3 - "$T/layout" "$T/base.tar" <<-'END'
		import sys
		from oci_layout import *
		l = Layout(sys.argv[1])
		l.add(l.image([open(sys.argv[2], "rb").read()],
		              {"Cmd": ["/bin/sh", "-c", "echo $WHAT; id -u"], "Env": ["WHAT=image", "PATH=/bin"], "User": "7"}), "v1")
		l.save()
	END
	attempt hullbox run --net none --rm --image "$T/layout:v1"
	assert_status 0
	has image 7
	attempt hullbox image import "$T/layout:v1" mine
	assert_status 0
	attempt hullbox image ls --format json
	has_text mine
	attempt hullbox image rm mine
	assert_status 0
}

@test "box rootless: the host's programs, whose files stay the host's" {
	attempt timeout 60 "$HULLBOX" run --net none --host --rm -- sh -c 'id -u; ls -l /usr/bin/env >/dev/null && echo program
		[ -r /etc/shadow ] || echo hidden; echo x >/made && echo written'
	assert_status 0
	has 0 program hidden written
	[ ! -e /made ]
}

@test "box rootless: --net host is the host's, none has a loopback only" {
	attempt timeout 60 "$HULLBOX" run --net host --rootfs "$BASE" --ephemeral --rm -- /bin/sh -c 'ls -l /proc/self/ns/net; ls /sys/class/net'
	assert_status 0
	has_text "$(readlink /proc/self/ns/net)"
	attempt timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- /bin/sh -c 'ls -l /proc/self/ns/net; ls /sys/class/net'
	assert_status 0
	lacks "$(readlink /proc/self/ns/net)"
	has lo
	attempt hullbox run --net bridge --rootfs "$BASE" --ephemeral --rm -- /bin/true
	assert_status 125
	has_text "needs root"
}

# as_other SYSCTL-VALUE COMMAND...: by this user where nothing is lent to anybody, and so many user
# namespaces may be made, the one that this takes included. READ_ONLY: a directory that is so.
as_other() {
	local limit=$1
	shift
	: >"$T/none"
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -Urm sh -c 'mount --bind "$1" /etc/subuid && mount --bind "$1" /etc/subgid || exit
		[ -z "$READ_ONLY" ] || { mount --bind "$READ_ONLY" "$READ_ONLY" &&
			mount -o remount,bind,ro,nosuid,nodev,noexec "$READ_ONLY"; } || exit
		echo "$2" >/proc/sys/user/max_user_namespaces && user=$3 && shift 3 &&
		exec unshare -U --map-user="$user" --map-group="$user" "$@"' sh "$T/none" "$limit" "$own" "$@"
}

@test "box rootless: who is lent no ids has his own, and is told how to get more" {
	attempt as_other 100 timeout $((60 * HULL_TEST_SLOW)) "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- \
		/bin/sh -c 'exec 2>&1; id -u; cat /proc/self/uid_map; touch /mine; chown 1:1 /mine || echo refused; exit 6'
	assert_status 6
	has 0 refused
	matches "^ *0 +$own +1\$"
	has_text "no id but 0" /etc/subuid newuidmap
	attempt hullbox run --userns 0:100000:65536 --net none --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	has_text "only root can choose ids"
}

@test "box rootless: where users may make no user namespaces, that is what is said" {
	attempt as_other 1 timeout $((60 * HULL_TEST_SLOW)) "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- /bin/true
	assert_status 125
	has_text "make a user namespace" "user.max_user_namespaces"
	attempt as_other 1 "$HULLBOX" ps
	assert_status 0
	attempt as_other 1 "$HULLBOX" run --help
	assert_status 0
}

@test "box rootless: limits without a controller: a default one is left out, one asked for is refused" {
	if grep -qw pids "$CGROUP/cgroup.controllers"; then
		skip "has the controllers"
	fi
	attempt timeout 60 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --rm -- /bin/true
	assert_status 0
	has_text "warning: no limit of 1024 processes" "delegated to this user"
	attempt hullbox run --memory 64m --net none --rootfs "$BASE" --ephemeral --rm -- /bin/true
	assert_status 125
	has_text "'--memory'" "'memory'" "Delegate="
	assert_equal "$(hullbox ps -aq)" ""
}

@test "box rootless: a cgroup of its own where one is delegated: pause, unpause" {
	box_idle "$ID"
	local cgroup
	cgroup=$(box_state "$ID" cgroup)
	# Beside this one, which may be in a slice of what is delegated by systemd.
	case $cgroup in "$CGROUP"/hullbox/*) ;; "$CGROUP"/*.slice/hullbox/*) by_systemd ;; *) false ;; esac
	attempt hullbox pause "$ID"
	assert_status 0
	assert_equal "$(box_state "$ID" status)" paused
	attempt hullbox unpause "$ID"
	assert_status 0
	attempt hullbox rm -f "$ID"
	assert_status 0
	[ ! -e "$cgroup" ]
}

# --- The other commands ---

@test "box rootless: terminals of run, exec and attach" {
	require script
	local size='tty; n=0; until [ "$(stty size)" = "41 132" ] || [ $((n += 1)) -gt 200 ]; do sleep 0.05; done; stty size
		echo "of $(id -u)" >/dev/tty'
	printf '#!/bin/sh\nstty rows 41 cols 132; exec timeout --foreground %q %q "$@"\n' $((60 * HULL_TEST_SLOW)) "$HULLBOX" >"$T/sized"
	chmod 755 "$T/sized"
	echo "$size; exit 5" >"$T/script"
	chmod 644 "$T/script"
	in_terminal() { script -qec "$T/sized $*" /dev/null </dev/null; }
	attempt in_terminal run -it -u 7 --net none --rootfs "$BASE" --ephemeral --rm -v "$T/script:/script" -- /bin/sh /script
	assert_status 5
	has_text /dev/pts/0 "41 132" "of 7"
	box_idle "$ID" -v "$T/script:/script"
	attempt in_terminal exec -it -u 8 "$ID" /bin/sh /script
	assert_status 5
	has_text /dev/pts/0 "41 132" "of 8"
	box_start "${ID}x" -i -- /bin/sh -c 'echo ready; read -r word; echo "got $word"; exit 6'
	wait_until is_ready "${ID}x"
	attempt timeout 60 sh -c 'echo word | "$1" attach "$2"' sh "$HULLBOX" "${ID}x"
	assert_status 6
	has "got word"
}

@test "box rootless: the dashboard, with a volume and a health check; its figures; what is left" {
	require conmon
	assert_equal "$(hullbox network ls --format json | jq -r '.[].name' | tr '\n' ' ')" "user host none "
	hullbox volume create theirs
	serve
	box_idle "$ID" -v theirs:/data -v /own --health-cmd '[ -e /data/well ]' --health-interval 250ms --health-retries 1
	hullbox exec "$ID" /bin/sh -c 'echo x >/own/x; echo x >/data/well; chown 5:5 /data/well'
	is_health() { [ "$(box_state "$ID" health.status)" = "$1" ]; }
	wait_until is_health healthy
	assert_equal "$(stat -c %u "$BOX/volumes/theirs/_data/well")" $((HULL_TEST_LENT + 4))
	attempt hullbox volume rm theirs
	assert_status 1
	has_text "used by the container '$ID'"
	with_token /api/v1/containers
	assert_equal "$(tail -n +2 <<<"$output" | jq -r '.[0] | .name, .status, .health.status')" "$(printf '%s\n' "$ID" running healthy)"
	with_token "/api/v1/containers/$ID/processes"
	has_text /bin/sh
	with_token "/api/v1/containers/$ID/changes"
	jq -e 'any(.[]; .kind == "A" and .path == "/data")' <<<"${output#*$'\n'}"
	for deed in pause unpause restart; do
		with_token -X POST "/api/v1/containers/$ID/$deed"
		[ "${output%%$'\n'*}" = 200 ]
	done
	# Nobody measures these without their controllers, which is no 0.
	if ! grep -qw memory "$CGROUP/cgroup.controllers"; then
		assert_equal "$(live_sample | jq -c '.containers[0].stats | .cpuTotal > 0, .memory, .pids, .io' | tr '\n' ' ')" "true {} {} {} "
		attempt hullbox stats "$ID"
		matches "^[0-9a-f]{12}  $ID +[0-9.]+ +- +- +- +- +-"
	fi
	with_token -X POST "/api/v1/containers/$ID/stop"
	[ "${output%%$'\n'*}" = 200 ]
	with_token -X DELETE "/api/v1/containers/$ID"
	[ "${output%%$'\n'*}" = 200 ]
	assert_equal "$(hullbox ps -aq)" ""
	# The volume without a name went with its container.
	assert_equal "$(hullbox volume ls --format json | jq -r '.[].name')" theirs
	hullbox volume rm theirs
	[ -z "$(ls "$BOX/volumes")" ]
	kill "$SERVER"
	wait "$SERVER"
	SERVER=
	wait_until userns_is_empty
	assert_equal "$(hullbox events --since 1h --no-follow --format json | jq -r '.action' | grep -v health | tr '\n' ' ')" \
		"create start pause unpause die stop start restart die stop destroy "
}

@test "box rootless: update --restart, whose monitor is killed then, and prune" {
	require conmon
	begun_again() { [ "$(box_state "$1" lives) $(box_state "$1" status)" = "2 running" ]; }
	box_start "$ID" -- /bin/true
	hullbox wait "$ID"
	box_idle "${ID}x"
	hullbox update --restart always "${ID}x"
	kill -KILL "$(cat "$HULLBOX_RUNTIME/containers/$(box_state "${ID}x" id)/conmon.pid")"
	# The next command begins it again, if nobody has before.
	hullbox start --restartable
	wait_until begun_again "${ID}x"
	hullbox prune
	assert_equal "$(hullbox ps -a --format json | jq -r '.[].name')" "${ID}x"
	hullbox rm -f "${ID}x"
	wait_until userns_is_empty
}

@test "box rootless: diff, cp and commit of a container with the host's programs" {
	require conmon
	attempt timeout 60 "$HULLBOX" run --net none --host --name "$ID" -- sh -c 'mkdir /opt/d && echo x >/opt/d/f && chown 6:6 /opt/d/f'
	assert_status 0
	attempt hullbox diff "$ID"
	has "A /opt/d" "A /opt/d/f"
	hullbox cp "$ID:/opt/d/f" "$T/f"
	hullbox cp "$T/f" "$ID:/opt/d/g"
	hullbox commit "$ID" "$T/made.tar"
	attempt tar -tvf "$T/made.tar" --numeric-owner
	matches ' 6/6 .* \./?opt/d/f$| 6/6 .* opt/d/f$'
	matches ' 0/0 .* \./?opt/d/g$| 0/0 .* opt/d/g$'
	hullbox rm "$ID"
}

@test "box rootless: outside of a login, and without a delegated cgroup, errors say how to get one" {
	require conmon
	attempt env -u HULLBOX_RUNTIME -u XDG_RUNTIME_DIR "$HULLBOX" ps
	assert_status 2
	has_text XDG_RUNTIME_DIR HULLBOX_RUNTIME
	cat >"$T/script" <<-'END'
		"$HULLBOX" run -d --net none --layer "$2" --name "$1" -- /bin/sleep 1000 || exit
		"$HULLBOX" pause "$1" && exit 1
		"$HULLBOX" update --pids 9 "$1" && exit 1
		"$HULLBOX" inspect "$1" | jq -c '.[0].cgroup'
		"$HULLBOX" stats --format json "$1" | jq -c '.[0] | .cpuPercent, .memory, .pids, .io'
		"$HULLBOX" rm -f "$1"
	END
	export HULLBOX
	READ_ONLY=/sys/fs/cgroup attempt as_other 100 timeout $((60 * HULL_TEST_SLOW)) sh "$T/script" "$ID" "$BASE"
	assert_status 0
	has '""' null {}
	has_text "no cgroup that could be frozen" "hullbox start" "option '--pids'" "Delegate=pids"
	assert_equal "$(grep -cxF {} <<<"$output")" 3
}

# below CGROUP COMMAND...: the command in that cgroup.
below() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$@"
}

# bats test_tags=vm-only,managers
@test "box rootless: limits where the controllers are delegated are the kernel's: run, update, restart, stats" {
	require conmon
	local cgroup own hog='x=$(head -c 100000000 /dev/zero | tr "\0" x)'
	box_start "$ID" --memory 64m --pids 40 --cpus 0.5 -- /bin/sh -c "$IDLE"
	lacks warning
	wait_until is_ready "$ID"
	cgroup=$(box_state "$ID" cgroup)
	limits() { cat "$cgroup/memory.max" "$cgroup/pids.max" "$cgroup/cpu.max" | tr '\n' ' '; }
	assert_equal "$(limits)" "67108864 40 50000 100000 "
	attempt hullbox exec "$ID" /bin/cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max
	has 67108864 40
	# From where nothing is delegated to him: the container's own cgroup counts.
	own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	mkdir "$own/a" "$own/a/b"
	attempt below "$own/a/b" "$HULLBOX" run --memory 64m --net none --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	has_text "'--memory'" "'memory'" "Delegate="
	attempt below "$own/a/b" "$HULLBOX" update --memory 48m --pids 30 --cpus 0.25 "$ID"
	assert_status 0
	rmdir "$own/a/b" "$own/a"
	assert_equal "$(limits)" "50331648 30 25000 100000 "
	hullbox restart -t 0 "$ID"
	wait_until is_ready "$ID" 2
	cgroup=$(box_state "$ID" cgroup)
	assert_equal "$(limits)" "50331648 30 25000 100000 "
	attempt hullbox stats --format json "$ID"
	jq -e '.[0] | .memory.usage > 0 and .memory.limit == 50331648 and .pids.current >= 1 and .pids.limit == 30
		and .cpuTotal > 0' <<<"$output"
	# Killed, which is told.
	attempt timeout 120 "$HULLBOX" run --net none --rootfs "$BASE" --ephemeral --name "${ID}x" --memory 16m --memory-swap 16m -- \
		/bin/sh -c "$hog"
	assert_status 137
	has_text "memory limit was reached"
	assert_equal "$(box_state "${ID}x" oom)" true
}

# --- --net user ---

# Everybody's on most hosts; no device, no network.
have_tun() { : 2>/dev/null <>/dev/net/tun; }
# without_tun: true, and said in the output, where the device is missing and only the error can be tested.
without_tun() {
	! have_tun || return 1
	echo "# not run: there is no /dev/net/tun" >&3
}
have_slirp4netns() { command -v slirp4netns >/dev/null; }
have_pasta() { command -v pasta >/dev/null; }
# by slirp4netns|pasta: the one program for networks, whichever else is installed. Fails where there is no device.
by() {
	require "$1"
	unset HULLBOX_SLIRP4NETNS HULLBOX_PASTA
	case $1 in
	slirp4netns) HULLBOX_SLIRP4NETNS=$(command -v slirp4netns) && export HULLBOX_SLIRP4NETNS ;;
	pasta)
		HULLBOX_PASTA=$(command -v pasta) && export HULLBOX_PASTA
		# It takes the host's default route for a pattern.
		if [ -z "$(ip -4 route show default)" ]; then
			echo "# not run: the host has no default route" >&3
			return 1
		fi
		;;
	esac
	! without_tun
}

# with_net: the root file system $T/net, which has tools for a network; $AT, an address of the host's
# loopback that nobody else uses.
with_net() {
	local applet
	cp -a "$BASE" "$T/net"
	for applet in nc httpd ip; do
		ln "$T/net/bin/sh" "$T/net/bin/$applet"
	done
	AT=127.$((RANDOM % 200 + 20)).$((RANDOM % 256)).$((RANDOM % 200 + 20))
}
SERVE='mkdir -p /www; echo "of $WHO" >/www/who; echo ready; exec httpd -f -p 80 -h /www'
serve_at() {
	attempt timeout --foreground -k 5 60 "$HULLBOX" run -d --layer "$T/net" -e WHO="$1" --name "$@" -- /bin/sh -c "$SERVE"
	assert_status 0
	wait_until is_ready "$1"
	wait_until answers
}
# get ADDRESS PORT [SECONDS]: words for sh in a container, which print the file /who of a server to the standard error.
# They don't shut their side down behind the request: the pasta of Debian 12 then loses the end of the answer.
get() { echo "nc -w ${3:-20} $1 $2 -e /bin/sh -c 'printf \"GET /who HTTP/1.0\r\n\r\n\"; cat >&2'"; }
answers() { curl -sf -m 5 "http://$AT:18431/who" >"$T/answer"; }
ECHO='
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 53))
while True:
    s.sendto(*s.recvfrom(100))'
echoes() {
	timeout 10 python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.sendto(b"hello\n", (sys.argv[1], int(sys.argv[2])))
sys.exit(s.recv(100) != b"hello\n")' "$own_address" "$udp_port" 2>"$T/echo"
}
# Where the host is reached from outside; nothing when it has no network.
host_address() { ip -4 -o addr show scope global | sed -nE 's/.* inet ([0-9.]+)\/.*/\1/p' | head -n 1; }
# The program of a container's network.
net_program() { cut -d ' ' -f 1 "$HULLBOX_RUNTIME/containers/$(box_state "$1" id)/net.pid"; }
has_ended() { is_zombie "$1" || [ ! -e "/proc/$1" ]; }

@test "box rootless: --net user needs /dev/net/tun, and says so" {
	require slirp4netns
	require pasta
	if have_tun; then
		# It is what a user has who asks for nothing.
		attempt timeout 60 "$HULLBOX" run --rm --rootfs "$BASE" --ephemeral -- /bin/ls /sys/class/net
		assert_status 0
		has lo tap0
	else
		attempt timeout 60 "$HULLBOX" run --rm --rootfs "$BASE" --ephemeral -- /bin/true
		assert_status 125
		has_text "slirp4netns" "/dev/net/tun"
	fi
	# slirp4netns comes first, pasta where it is alone; what a variable names is used, or an error.
	local program
	for program in slirp4netns pasta; do
		mkdir "$T/with-$program"
		printf '#!/bin/sh\necho "%s $*" >&2\nexit 1\n' "$program" >"$T/with-$program/$program"
		chmod 755 "$T/with-$program/$program"
	done
	refused_by() {
		attempt env HULLBOX_CONMON="$(command -v conmon)" "$@" "$HULLBOX" run --rm --net user --rootfs "$BASE" --ephemeral -- /bin/true
		assert_status 125
	}
	refused_by PATH="$T/with-pasta:$T/with-slirp4netns"
	has_text "slirp4netns --configure" "--disable-host-loopback"
	refused_by PATH="$T/with-pasta"
	has_text "pasta --foreground" "--no-map-gw --tcp-ns none --udp-ns none" "--tcp-ports none --udp-ports none"
	refused_by PATH="$T/with-slirp4netns" HULLBOX_PASTA="$T/with-pasta/pasta"
	has_text "pasta --foreground"
	refused_by PATH="$T/with-pasta:$T/with-slirp4netns" HULLBOX_PASTA=/nowhere
	has_text "\$HULLBOX_PASTA is '/nowhere'"
	# Without a program for it there is none by default, and one asked for is refused.
	attempt env HULLBOX_CONMON="$(command -v conmon)" PATH=/nowhere "$HULLBOX" run --rm --rootfs "$BASE" --ephemeral -- /bin/ls /sys/class/net
	assert_status 0
	lacks tap0
	attempt env HULLBOX_CONMON="$(command -v conmon)" PATH=/nowhere "$HULLBOX" run --net user --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	has_text "--net user" "neither slirp4netns nor pasta" "package slirp4netns or passt"
	attempt hullbox run --net none -p 18431:80 --rootfs "$BASE" --ephemeral -- /bin/true
	assert_status 125
	has_text "'--publish'" "such as user"
}

addresses_and_ports() {
	local own_address udp_port
	with_net
	serve_at "$ID" -p "$AT:18431:80"
	assert_equal "$(cat "$T/answer")" "of $ID"
	attempt hullbox exec "$ID" /bin/sh -c 'ip route; cat /etc/resolv.conf'
	has "nameserver 10.0.2.3"
	matches '^default via 10\.0\.2\.2 dev tap0'
	assert_equal "$(box_state "$ID" ip)" 10.0.2.100
	attempt hullbox port "$ID"
	has "80/tcp -> $AT:18431"
	# Another one in its network.
	attempt hullbox run --rm --net "container:$ID" --rootfs "$T/net" --ephemeral -- /bin/sh -c "$(get 127.0.0.1 80)"
	assert_status 0
	has "of $ID"
	# A port of UDP, by the host's address: either program loses the answer to who asks by the host's loopback.
	own_address=$(host_address)
	if [ -n "$own_address" ]; then
		udp_port=$((RANDOM % 10000 + 20000))
		attempt timeout --foreground -k 5 60 "$HULLBOX" run -d --host --name "${ID}u" -p "$own_address:$udp_port:53/udp" -- \
			python3 -c "$ECHO"
		assert_status 0
		wait_until echoes
		hullbox rm -f "${ID}u"
	fi
	# A port that is taken is an error, after which nothing is left.
	attempt hullbox run --rm -p "$AT:18431:80" --rootfs "$T/net" --ephemeral -- /bin/true
	assert_status 125
	has_text "port 18431/tcp" "in use"
	assert_equal "$(hullbox ps -aq | wc -l)" 1
}
@test "box rootless: --net user by slirp4netns: an address, routes, a name server, and published ports" {
	by slirp4netns || return 0
	addresses_and_ports slirp4netns
}
@test "box rootless: --net user by pasta: an address, routes, a name server, and published ports" {
	by pasta || return 0
	addresses_and_ports pasta
}

program_goes() {
	local program
	with_net
	serve_at "$ID" -p "$AT:18431:80"
	program=$(net_program "$ID")
	tr '\0' ' ' <"/proc/$program/cmdline" | grep -q "^[^ ]*/$1 "
	hullbox restart -t 1 "$ID"
	has_ended "$program"
	wait_until answers
	program=$(net_program "$ID")
	kill -KILL "$(cat "$HULLBOX_RUNTIME/containers/$(box_state "$ID" id)/conmon.pid")"
	wait_until has_ended "$program"
	# The next command finds what is left, and the port is free.
	hullbox start "$ID"
	wait_until answers
	# So it does when the container's own process is killed, and nothing is in the way when it was killed itself.
	program=$(net_program "$ID")
	kill -KILL "$(box_state "$ID" pid)"
	wait_until has_ended "$program"
	hullbox start "$ID"
	wait_until answers
	kill -KILL "$(net_program "$ID")"
	hullbox restart -t 1 "$ID"
	wait_until answers
	program=$(net_program "$ID")
	hullbox rm -f "$ID"
	has_ended "$program"
	attempt answers
	assert_fails
	wait_until userns_is_empty
}
@test "box rootless: --net user by slirp4netns: its program goes with each life, and with the monitor whoever kills that" {
	by slirp4netns || return 0
	program_goes slirp4netns
}
@test "box rootless: --net user by pasta: its program goes with each life, and with the monitor whoever kills that" {
	by pasta || return 0
	program_goes pasta
}

host_by_its_address() {
	local address
	address=$(host_address)
	[ -n "$address" ] || return 0 # a host without any network
	with_net
	mkdir "$T/www"
	echo outside >"$T/www/who"
	python3 -u -m http.server --directory "$T/www" 0 >"$T/server" 2>&1 &
	local server=$! port
	has_begun() { grep -q ' port [0-9]' "$T/server"; }
	wait_until has_begun
	port=$(sed -nE 's/.* port ([0-9]+) .*/\1/p' "$T/server" | head -n 1)
	attempt timeout -k 5 60 "$HULLBOX" run --rm --rootfs "$T/net" --ephemeral -- /bin/sh -c \
		"$(get "$address" "$port"); echo ===; $(get 10.0.2.2 "$port" 3) || echo refused; $(get 127.0.0.1 "$port" 3) || echo refused"
	kill $server
	wait $server || true
	assert_status 0
	has outside ===
	assert_equal "$(grep -c '^refused$' <<<"$output")" 2
	assert_equal "$(grep -c outside <<<"$output")" 1
}
@test "box rootless: --net user by slirp4netns: the host is reached by its address and not by its loopback" {
	by slirp4netns || return 0
	host_by_its_address slirp4netns
}
@test "box rootless: --net user by pasta: the host is reached by its address and not by its loopback" {
	by pasta || return 0
	host_by_its_address pasta
}

# What a container sends by its interface on purpose, where its own kernel would have kept it: by a socket that is bound
# to the interface, and as frames that it makes itself.
FORGE='
import socket, struct, sys, time
address, port = sys.argv[1], int(sys.argv[2])
def word(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
frames.bind(("tap0", 0))
def frame(to, text):
    ends = socket.inet_aton("10.0.2.100") + socket.inet_aton(to)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(text), 1, 0, 64, 17, 0) + ends
    ip = ip[:10] + struct.pack("!H", word(ip)) + ip[12:]
    udp = struct.pack("!HHHH", 4321, port, 8 + len(text), 0)
    frames.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x08\0" + ip + udp + text)
for to in "127.0.0.1", "127.1.2.3", "0.0.0.0":
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"tap0")
    try:
        bound.sendto(b"socket to " + to.encode() + b"\n", (to, port))
    except OSError:
        pass
    frame(to, b"frame to " + to.encode() + b"\n")
    frame(to, b"frame to " + to.encode() + b"\n")
while not time.sleep(0.2):
    frame(address, b"frame to the host\n")'
HEAR='
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 0))
print("port", s.getsockname()[1], flush=True)
while True:
    print(s.recv(100).decode(), end="", flush=True)'
forged_packets() {
	local address server port
	address=$(host_address)
	[ -n "$address" ] || return 0 # a host without any network
	python3 -c "$HEAR" >"$T/heard" 2>&1 &
	server=$!
	wait_until grep -q '^port' "$T/heard"
	port=$(sed -n 's/^port //p' "$T/heard")
	attempt timeout --foreground -k 5 60 "$HULLBOX" run -d --host --name "$ID" -- python3 -c "$FORGE" "$address" "$port"
	assert_status 0
	wait_until grep -q 'frame to the host' "$T/heard"
	hullbox rm -f "$ID"
	kill $server
	wait $server || true
	assert_equal "$(sort -u "$T/heard")" "frame to the host
port $port"
}
@test "box rootless: --net user by slirp4netns: what a container forges doesn't reach the host's loopback" {
	by slirp4netns || return 0
	forged_packets slirp4netns
}
@test "box rootless: --net user by pasta: what a container forges doesn't reach the host's loopback" {
	by pasta || return 0
	forged_packets pasta
}
