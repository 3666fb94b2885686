#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# create, start, state, kill, delete, run, list: what the specification's runtime.md says of them.
# bats file_tags=everyone,vm

load helpers

# rounds N: the numbers from 1 to that; in the machine, where everything is slow, to a fifth of it.
rounds() { seq $((HULL_TEST_SLOW > 1 ? $1 / 5 : $1)); }

# --- run and exit statuses ---

# bats test_tags=vm,old-kernel,managers
@test "run shows the output and returns the exit status of the process" {
	probe echo hello + exit 7
	run_container
	assert_status 7
	assert_equal "$output" hello
}

@test "run returns 128+n when the process is killed by signal n" {
	# Without a pid namespace the process is no process 1, and signals act.
	config '.linux.namespaces -= [{ type: "pid" }]'
	probe kill-self 15
	run_container
	assert_status 143
	probe kill-self 9
	run_container
	assert_status 137
}

@test "run passes its standard input on" {
	probe read + read
	run hull run --bundle "$BUNDLE" "$ID" <<<"one line"
	assert_status 0
	has "read=one line" "read=EOF"
}

@test "run keeps standard output and standard error apart" {
	shell 'echo out; echo err >&2'
	hull run "$ID" >"$T/1" 2>"$T/2" </dev/null
	assert_equal "$(cat "$T/1")" out
	assert_equal "$(cat "$T/2")" err
}

# bats test_tags=vm,managers
@test "run leaves nothing behind, and the id is free again" {
	ask echo one
	assert_nothing_left
	ask echo two
	has two
}

@test "run --keep leaves a stopped container to be deleted" {
	probe echo kept
	run hull run --keep "$ID" </dev/null
	assert_status 0
	assert_equal "$(status_of)" stopped
	run hull delete "$ID"
	assert_status 0
	run hull state "$ID"
	assert_fails "does not exist"
}

# bats test_tags=managers
@test "run --detach returns while the process lives" {
	probe wait-signal
	hull run --detach --pid-file "$T/pid" "$ID" >"$T/out" 2>&1 </dev/null
	wait_until out_has waiting
	assert_equal "$(status_of)" running
	assert_equal "$(cat "$T/pid")" "$(pid_of)"
	hull kill "$ID" USR1
	wait_until out_has signal=10
	wait_status stopped
	run hull delete "$ID"
	assert_status 0
}

@test "a signal that hull run gets is forwarded to the process" {
	probe wait-signal
	"$HULL" --root "$ROOT" run "$ID" >"$T/out" 2>&1 </dev/null &
	local pid=$!
	wait_until out_has waiting
	kill -USR2 $pid
	wait_until out_has signal=12
	status=0
	wait $pid || status=$?
	assert_status 0
}

@test "run returns promptly when the process ends at once, 50 times" {
	args /bin/true
	for _ in $(rounds 50); do
		run_container
		assert_status 0
	done
}

# --- the states ---

@test "create runs nothing of the container's, start does" {
	shell 'echo ran >/ran'
	create
	assert_equal "$(status_of)" created
	[ ! -e rootfs/ran ]
	start
	wait_status stopped
	assert_equal "$(cat rootfs/ran)" ran
}

# bats test_tags=managers
@test "state: created, running, stopped, with the pid and the bundle" {
	config '.annotations = { "org.example.a": "b \u00e9" }'
	probe wait-signal
	create_logged
	run hull state "$ID"
	assert_status 0
	assert_equal "$(jq -r '.status, .id, .bundle, .annotations["org.example.a"]' <<<"$output")" \
		"created
$ID
$BUNDLE
b é"
	local pid
	pid=$(jq -r .pid <<<"$output")
	grep -q "$ID" "/proc/$pid/cgroup"
	[[ $(jq -r .ociVersion <<<"$output") == 1.* ]]
	start
	wait_until out_has waiting
	run hull state "$ID"
	assert_equal "$(jq -r .status <<<"$output")" running
	assert_equal "$(jq -r .pid <<<"$output")" "$pid"
	hull kill "$ID" KILL
	wait_status stopped
	run hull state "$ID"
	assert_equal "$(jq -r '.pid // 0' <<<"$output")" 0
}

# bats test_tags=host,old-kernel,managers
@test "state says paused when the cgroup is frozen from outside" {
	require cgroup2
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	echo 1 >"$(cgroup_of)/cgroup.freeze"
	wait_status paused
	echo 0 >"$(cgroup_of)/cgroup.freeze"
	wait_status running
}

@test "state, kill, start and delete of an unknown id are errors that say so" {
	local command
	for command in state kill start delete; do
		run hull $command no-such
		assert_fails "does not exist"
	done
	run hull state no-such
	lacks '"status"'
}

@test "start works once: then the container is running or stopped" {
	probe wait-signal
	create
	start
	wait_status running
	run hull start "$ID"
	assert_fails running
	hull kill "$ID" KILL
	wait_status stopped
	run hull start "$ID"
	assert_fails stopped
}

@test "two starts of one container: exactly one wins, 20 times" {
	shell 'echo ran >>/ran'
	for _ in $(rounds 20); do
		rm -f rootfs/ran
		create
		hull start "$ID" >/dev/null 2>&1 &
		local first=$!
		local wins=0
		hull start "$ID" >/dev/null 2>&1 && wins=$((wins + 1))
		wait $first && wins=$((wins + 1))
		assert_equal "$wins" 1
		wait_status stopped
		assert_equal "$(wc -l <rootfs/ran)" 1
		hull delete "$ID"
	done
}

@test "process may be absent at create: then start is the error" {
	config 'del(.process)'
	create
	assert_equal "$(status_of)" created
	run hull start "$ID"
	assert_fails process
	run hull delete "$ID"
	assert_status 0
}

# bats test_tags=host
@test "a config.json edited after create has no effect" {
	shell 'echo before >/ran'
	create
	shell 'echo after >/ran'
	config '.hostname = "other"'
	start
	wait_status stopped
	assert_equal "$(cat rootfs/ran)" before
	rm config.json
	run hull delete "$ID"
	assert_status 0
}

# --- kill ---

@test "kill sends TERM unless told otherwise" {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	hull kill "$ID"
	wait_until out_has signal=15
}

@test "kill takes names with and without SIG, in any case, numbers and real-time signals" {
	local word number
	while read -r word number; do
		probe wait-signal
		create_logged
		start
		wait_until out_has waiting
		hull kill "$ID" "$word"
		wait_until out_has "signal=$number"
		wait_status stopped
		hull delete "$ID"
	done <<-END
		HUP 1
		SIGINT 2
		sigusr1 10
		17 17
		RTMIN 34
		SIGRTMIN+3 37
		RTMAX-1 63
		40 40
	END
}

@test "an unknown signal is an error and sends nothing" {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	local word
	for word in NOSUCH 65 -1 1x ""; do
		run hull kill "$ID" "$word"
		assert_fails "$word"
	done
	assert_equal "$(status_of)" running
}

@test "kill of a stopped container says 'container not running'" {
	args /bin/true
	create
	start
	wait_status stopped
	run hull kill "$ID" KILL
	assert_fails "container not running"
}

@test "a living process that no pidfd can be had of isn't said to be gone" {
	require strace
	local command
	shell "sleep 1000"
	create
	start
	for command in "kill $ID" "events $ID" "exec $ID /bin/true" "delete --force $ID"; do
		# shellcheck disable=SC2086 # words
		attempt strace -qq -o "$T/trace" -e trace=pidfd_open -e inject=pidfd_open:error=ENFILE \
			"$HULL_ITSELF" --root "$ROOT" $command
		[ "$status" != 0 ]
		has_text "no descriptor for process $(pid_of)"
		lacks "not running" stopped
	done
	is_status running "$ID"
}

@test "kill reaches a created container" {
	probe wait-signal
	create
	hull kill "$ID" KILL
	wait_status stopped
	run hull start "$ID"
	assert_fails stopped
}

# bats test_tags=old-kernel,managers
@test "kill --all reaches every process of the cgroup, also when the first is gone" {
	require cgroup2
	config '.linux.namespaces -= [{ type: "pid" }]'
	probe fork 3 + exit 0
	local cgroup
	create
	cgroup=$(cgroup_of)
	start
	wait_status stopped
	[ "$(wc -l <"$cgroup/cgroup.procs")" = 3 ]
	hull kill --all "$ID" KILL
	wait_until is_empty_cgroup "$cgroup"
	run hull delete "$ID"
	assert_status 0
}

# without_cgroup: the container is in its caller's cgroup, beside $NEIGHBOUR.
without_cgroup() {
	attempt hull --cgroup-manager=disabled create --bundle "$BUNDLE" "$ID"
	assert_status 0
	sleep 1000 3>&- &
	NEIGHBOUR=$!
	start
	assert_equal "$(grep ^0:: "/proc/$(pid_of)/cgroup")" "$(grep ^0:: /proc/$NEIGHBOUR/cgroup)"
}

@test "kill --all without a cgroup of its own: the container's processes and no neighbour of theirs" {
	log_dir=$T/log
	mkdir -m 777 "$log_dir"
	mount_entry /log bind "$log_dir" bind
	shell 'for i in 1 2; do sh -c "trap \"echo TERM >/log/$i; exit\" TERM; echo >/log/up$i; while :; do sleep 0.1; done" & done; wait; wait'
	without_cgroup
	wait_until test -e "$log_dir/up1" -a -e "$log_dir/up2"
	hull kill --all "$ID" TERM
	wait_until test -s "$log_dir/1" -a -s "$log_dir/2"
	kill -0 $NEIGHBOUR
	hull delete --force "$ID"
	# SIGKILL
	args /bin/sleep 1000
	kill -KILL $NEIGHBOUR
	without_cgroup
	hull kill --all "$ID" KILL
	wait_status stopped
	kill -0 $NEIGHBOUR
	attempt hull kill --all "$ID" TERM
	assert_fails "container not running"
	kill -KILL $NEIGHBOUR
}

# bats test_tags=uid0
@test "kill --all with neither a cgroup nor a pid namespace of its own is refused and reaches nobody" {
	config '.linux.namespaces -= [{ type: "pid" }]'
	args /bin/sleep 1000
	without_cgroup
	for signal in KILL TERM; do
		attempt hull kill --all "$ID" $signal
		assert_fails "can't be told from others"
	done
	assert_equal "$(status_of)" running
	kill -0 $NEIGHBOUR
	hull kill "$ID" KILL
	wait_status stopped
	kill -KILL $NEIGHBOUR
}

@test "a container's directory under another name is refused by every command, and the container lives on" {
	local command
	create
	cp -a "$ROOT/$ID" "$ROOT/${ID}x"
	attempt hull exec "${ID}x" /bin/true
	assert_status 255
	has_text "'${ID}x' is that of container '$ID'"
	for command in start state kill ps verify delete 'delete --force'; do
		# shellcheck disable=SC2086 # an option is a word
		attempt hull $command "${ID}x"
		assert_fails "'${ID}x' is that of container '$ID'" 'rename it back, or remove the copy by hand'
	done
	attempt hull list --quiet
	assert_status 0
	has "$ID"
	has_text "is that of container '$ID'"
	assert_equal "$(status_of)" created
	rm -r "$ROOT/${ID}x"
	mv "$ROOT/$ID" "$ROOT/${ID}x"
	attempt hull delete --force "${ID}x"
	assert_fails 'rename it back'
	mv "$ROOT/${ID}x" "$ROOT/$ID"
	hull delete "$ID"
}

# --- delete ---

@test "delete of a running container is refused and does nothing to it" {
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	run hull delete "$ID"
	assert_fails running
	assert_equal "$(status_of)" running
	hull kill "$ID" USR1
	wait_until out_has signal=10
}

# bats test_tags=host,managers
@test "delete --force ends a running container" {
	probe fork 3 + wait-signal
	create_logged
	start
	wait_until out_has waiting
	run hull delete --force "$ID"
	assert_status 0
	assert_nothing_left
}

@test "delete --force of an unknown id is success" {
	run hull delete --force no-such
	assert_status 0
	assert_equal "$output" ""
}

# bats test_tags=managers
@test "a created container can be deleted without force" {
	probe wait-signal
	create
	run hull delete "$ID"
	assert_status 0
	assert_nothing_left
}

# bats test_tags=managers
@test "delete reaches what a container without its own pid namespace left running" {
	config '.linux.namespaces -= [{ type: "pid" }]'
	probe fork 3 + exit 0
	create
	start
	wait_status stopped
	run hull delete "$ID"
	assert_status 0
	assert_nothing_left
}

@test "delete works though the bundle is gone" {
	args /bin/true
	create
	start
	wait_status stopped
	cd /
	mv "$BUNDLE" "$T/elsewhere"
	run hull delete "$ID"
	assert_status 0
}

# --- ids ---

@test "an id in use is refused, and the container there isn't touched" {
	probe wait-signal
	create
	local pid
	pid=$(pid_of)
	attempt hull create "$ID"
	assert_fails "$ID"
	assert_equal "$(pid_of)" "$pid"
	assert_equal "$(status_of)" created
}

@test "an id is 1 to 255 bytes of [A-Za-z0-9_+.-], not starting with . or -" {
	local id longest=255
	for id in "" . .. .hidden a/b ../x 'a b' 'a
b' 'é' "$(printf 'a%.0s' $(seq 256))"; do
		attempt hull create "$id"
		assert_fails ""
	done
	assert_no_state
	args /bin/true
	# A unit's name has 255 bytes, too, and the id isn't all of it.
	! by_systemd || longest=$((255 - $(printf hull-.scope | wc -c)))
	for id in "A_z+9.x-$ID" "$ID$(printf 'a%.0s' $(seq $((longest - ${#ID}))))"; do
		run hull run "$id"
		assert_status 0
	done
	! by_systemd || {
		attempt hull run "${id}b"
		assert_fails /linux/cgroupsPath
	}
}

@test "of two creators of one id exactly one wins, 100 times" {
	probe wait-signal
	local i wins losers=0 first
	for i in $(rounds 100); do
		wins=0
		hull create "$ID" >"$T/a" 2>&1 </dev/null &
		first=$!
		hull create "$ID" >"$T/b" 2>&1 </dev/null && wins=$((wins + 1))
		wait $first && wins=$((wins + 1))
		[ $wins = 1 ] || {
			echo "race $i: $wins winners" >&2
			cat "$T/a" "$T/b" >&2
			return 1
		}
		losers=$((losers + 2 - wins))
		assert_equal "$(status_of)" created
		hull delete --force "$ID"
	done
	assert_equal $losers "$i"
	assert_nothing_left
}

# bats test_tags=managers
@test "twenty containers live side by side" {
	probe wait-signal
	local i
	for i in $(seq 20); do
		attempt hull create "$ID.$i"
		assert_status 0
		hull start "$ID.$i"
	done
	run hull list --quiet
	assert_equal "${#lines[@]}" 20
	for i in $(seq 20); do
		hull delete --force "$ID.$i"
	done
	assert_nothing_left
}

# --- list ---

@test "list shows each container in the formats that callers read" {
	probe wait-signal
	create
	create "${ID}x"
	run hull list
	assert_status 0
	matches "^ID +PID +STATUS +BUNDLE +CREATED +OWNER"
	matches "^$ID +[0-9]+ +created +$BUNDLE "
	matches "^${ID}x +[0-9]+ +created "
	run hull list --format json
	assert_equal "$(jq -r --arg id "$ID" 'map(select(.id == $id)) | .[0].status' <<<"$output")" created
	assert_equal "$(jq length <<<"$output")" 2
	assert_equal "$(jq -r 'map(has("pid") and has("bundle") and has("created") and has("owner")) | all' \
		<<<"$output")" true
	run hull list -q
	assert_equal "$(sort <<<"$output")" "$(printf '%s\n' "$ID" "${ID}x" | sort)"
}

@test "list of nothing is an empty table, an empty array" {
	run hull list --format json
	assert_status 0
	assert_equal "$(jq -c . <<<"$output")" "[]"
	run hull list -q
	assert_equal "$output" ""
}

@test "state, list and kill don't wait for a creator that hangs in a hook" {
	config --arg t "$T" '.hooks.createRuntime = [{ path: "/bin/sh",
		args: ["sh", "-c", "echo $$ >\($t)/hook; exec sleep 1000"] }]'
	"$HULL" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null &
	local creator=$!
	wait_until test -s "$T/hook"
	run timeout 30 "$HULL" --root "$ROOT" state "$ID"
	assert_status 0
	assert_equal "$(jq -r .status <<<"$output")" creating
	run timeout 30 "$HULL" --root "$ROOT" list
	assert_status 0
	kill -KILL $creator
	ended $creator
	kill -KILL "$(cat "$T/hook")" || true
	run timeout 20 "$HULL" --root "$ROOT" delete --force "$ID"
	assert_status 0
	assert_nothing_left
}

# --- files that callers get ---

@test "the pid file holds the pid in decimal, without a newline, when create returns" {
	probe wait-signal
	create_logged --pid-file "$T/pid"
	assert_equal "$(cat "$T/pid")" "$(pid_of)"
	assert_equal "$(tr -d 0-9 <"$T/pid" | wc -c)" 0
}

@test "a pid file that can't be written makes create fail and leave nothing" {
	probe wait-signal
	attempt hull create --pid-file "$T/no/such/dir/pid" "$ID"
	assert_fails "$T/no/such/dir/pid"
	assert_nothing_left
}

@test "a pidfd comes over --pidfd-socket" {
	require python
	probe wait-signal
	create_logged_with_socket() {
		python3 - "$@" <<-'END'
			import array, os, select, socket, subprocess, sys
			path, command = sys.argv[1], sys.argv[2:]
			server = socket.socket(socket.AF_UNIX)
			server.bind(path)
			server.listen(1)
			null = subprocess.DEVNULL
			subprocess.run(command, check=True, stdin=null, stdout=null, stderr=null)
			peer, _ = server.accept()
			_, ancillary, _, _ = peer.recvmsg(64, socket.CMSG_SPACE(4))
			fd = array.array("i", ancillary[0][2])[0]
			for line in open(f"/proc/self/fdinfo/{fd}"):
			    print(line.strip())
		END
	}
	run create_logged_with_socket "$T/pidfd" "$HULL" --root "$ROOT" create --pidfd-socket "$T/pidfd" "$ID"
	assert_status 0
	matches "^Pid:[[:space:]]+$(pid_of)\$"
}

# --- bundles that can't work ---

@test "a bundle without config.json is an error that names the file" {
	rm config.json
	attempt hull create "$ID"
	assert_fails config.json "no such file"
	assert_nothing_left
}

@test "--config takes another file than config.json of the bundle" {
	probe echo other
	mv config.json "$T/other.json"
	run hull run --bundle "$BUNDLE" --config "$T/other.json" "$ID" </dev/null
	assert_status 0
	has other
}

@test "--bundle may be relative, and state shows it absolute" {
	probe wait-signal
	cd "$T"
	attempt hull create --bundle bundle "$ID"
	assert_status 0
	assert_equal "$(hull state "$ID" | jq -r .bundle)" "$BUNDLE"
}

@test "options may follow the id" {
	probe wait-signal
	cd /
	attempt hull create "$ID" --bundle "$BUNDLE"
	assert_status 0
	run hull delete "$ID" --force
	assert_status 0
}

@test "a broken config.json is refused with pointer and place, before anything is made" {
	echo '{ "ociVersion": "1.3.0", "root": { "path": "rootfs", "readonly": "yes" } }' >config.json
	attempt hull create "$ID"
	assert_fails "/root/readonly" "expected true or false" "1:"
	assert_nothing_left
}

@test "the error names the property when the root is missing" {
	config '.root.path = "nowhere"'
	attempt hull create "$ID"
	assert_fails nowhere
	assert_nothing_left
}

# --- callers of all sorts ---

@test "hull works for a caller that has fds 0 to 2 closed" {
	probe wait-signal
	hull create "$ID" <&- >&- 2>&-
	hull start "$ID" <&- >&- 2>&-
	wait_status running
	local pid fd
	pid=$(pid_of)
	for fd in 0 1 2; do
		assert_equal "$(readlink "/proc/$pid/fd/$fd")" /dev/null
	done
	hull kill "$ID" KILL <&- >&- 2>&-
	wait_status stopped
	hull delete "$ID" <&- >&- 2>&-
	probe fds
	run sh -c 'exec "$@" <&-' sh "$HULL" --root "$ROOT" run "$ID"
	assert_status 0
	matches '^fd=0 .*link=/dev/null$'
}

@test "hull works for a caller that ignores SIGPIPE and SIGCHLD and blocks signals" {
	require python
	probe signals + fork 1 + exit 5
	run python3 - "$HULL" --root "$ROOT" run "$ID" <<-'END'
		import os, signal, sys
		signal.signal(signal.SIGPIPE, signal.SIG_IGN)
		signal.signal(signal.SIGCHLD, signal.SIG_IGN)
		signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1})
		os.execv(sys.argv[1], sys.argv[1:])
	END
	assert_status 5
	has blocked=0000000000000000 ignored=0000000000000000
}

@test "a systemd helper that can't be executed is said to be that, also to a caller that ignores SIGCHLD" {
	[[ $("$HULL_ITSELF" --version) == *systemd* ]] || skip "needs a hull built with systemd"
	mkdir "$T/libexec"
	printf '\177ELF and no more' >"$T/libexec/hull-systemd"
	chmod 755 "$T/libexec" "$T/libexec/hull-systemd"
	HULL_LIBEXEC=$T/libexec attempt env --ignore-signal=CHLD "$HULL_ITSELF" --root "$ROOT" --systemd-cgroup check
	assert_fails "hull-systemd couldn't be executed"
	args /bin/sleep 1000
	"$HULL_ITSELF" --root "$ROOT" create "$ID" >"$T/out" 2>&1 </dev/null
	# As if systemd had made its cgroup.
	jq '.systemdUnit = "hull-none.scope"' "$ROOT/$ID/state.json" >"$T/state.json"
	cp "$ROOT/$ID/state.json" "$T/state.before"
	cat "$T/state.json" >"$ROOT/$ID/state.json"
	HULL_LIBEXEC=$T/libexec attempt env --ignore-signal=CHLD "$HULL_ITSELF" --root "$ROOT" update --pids-limit 50 "$ID"
	cat "$T/state.before" >"$ROOT/$ID/state.json"
	assert_fails "hull-systemd couldn't be executed"
}

@test "a state root whose path is longer than a socket's name may be works" {
	ROOT=$T/$(printf 'a%.0s' $(seq 120))/$(printf 'b%.0s' $(seq 120))
	probe wait-signal
	create_logged
	start
	wait_until out_has waiting
	assert_equal "$(status_of)" running
}

@test "the state root is made, for its owner alone" {
	ROOT=$T/new/deep
	probe wait-signal
	create
	assert_equal "$(stat -c %a "$ROOT")" 700
	assert_equal "$(stat -c %a "$ROOT/$ID")" 700
}

# bats test_tags=uid0
@test "a state root that can't be written is an error that names it" {
	mkdir "$T/ro"
	mount --bind "$T/ro" "$T/ro"
	mount -o remount,bind,ro "$T/ro"
	attempt hull --root "$T/ro" create "$ID"
	umount "$T/ro"
	assert_fails "$T/ro" "read-only file system"
}

# bats test_tags=uid0
@test "a full disk below the state root makes create fail and leave nothing" {
	mkdir "$T/full"
	mount -t tmpfs -o size=4k,nr_inodes=3 none "$T/full"
	attempt hull --root "$T/full" create "$ID"
	local left
	left=$(ls -A "$T/full")
	umount "$T/full"
	assert_fails "no space left"
	assert_equal "$left" ""
}

@test "no process of hull's outlives create but the container's own" {
	probe wait-signal
	create
	local pid left
	pid=$(pid_of)
	left=$(left_processes "$ID" | grep -v "^$pid " || true)
	assert_equal "$left" ""
}

@test "a failed create holds nobody's stderr open" {
	args /no/such/program
	run timeout 60 sh -c '"$1" --root "$2" create "$3" 2>&1 </dev/null | cat' sh "$HULL" "$ROOT" "$ID"
	assert_status 0
	has_text "/no/such/program"
}

@test "two containers may share one root file system" {
	probe wait-signal
	create
	create "${ID}x"
	start
	start "${ID}x"
	wait_status running
	wait_status running "${ID}x"
}

@test "a created container that waits for start holds only what the process and the last steps need" {
	config '.process.capabilities = { bounding: ["CAP_CHOWN"], permitted: ["CAP_CHOWN"], effective: ["CAP_CHOWN"] }'
	probe wait-signal
	create_logged
	# CAP_CHOWN, CAP_SETGID, CAP_SETUID, CAP_SETPCAP
	assert_equal "$(grep -E '^Cap(Inh|Prm|Eff)' "/proc/$(pid_of)/status" | tr -s '\t\n' '  ')" \
		"CapInh: 0000000000000000 CapPrm: 00000000000001c1 CapEff: 00000000000001c1 "
	start
	wait_until out_has waiting
}

@test "TERM ends a created container" {
	probe wait-signal
	create_logged
	run hull kill "$ID" TERM
	assert_status 0
	wait_status stopped
}

@test "under a file size limit of 0 create fails with a message and leaves nothing" {
	probe wait-signal
	run sh -c "ulimit -f 0; exec '$HULL' --root '$ROOT' create '$ID' 2>&1 </dev/null | cat"
	[[ "$output" == *"File too large"* ]]
	assert_nothing_left
}
