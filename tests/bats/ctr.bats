#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# containerd calls hull through its runc shim: what a user of ctr sees, what hull was called with,
# and that nothing stays. The containerd is the test's own; one of the host is not touched.
# bats file_tags=host
# shellcheck disable=SC2154 # $top: helpers.bash

load helpers
load engine

setup() {
	require root containerd script || return
	common_setup || return
	containerd_setup
}

teardown() {
	local failed=0
	[ -z "${T:-}" ] || containerd_teardown || failed=1
	common_teardown || failed=1
	return $failed
}

# The container's cgroup as the kernel names it.
cgroup_of() {
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}

# task_delete STATUS: deletes the stopped task, which ended with that.
task_delete() {
	attempt ctr task delete "$ID"
	assert_status 0
	has_text "exit with non-zero exit code $1"
}

# --- Foreground ---

@test "ctr run: output, errors and exit status arrive, hull is called in the expected order" {
	in_ctr --rm -- /bin/sh -c 'echo out; echo err >&2; exit 7' >"$T/1" 2>"$T/2" </dev/null ||
		status=$?
	assert_equal "$status" 7
	assert_equal "$(cat "$T/1")" out
	assert_equal "$(cat "$T/2")" err
	# The shim deletes, then makes sure.
	assert_calls "create start delete delete"
}

# Not the end of it: this ctr keeps its own hold on the pipe (the same with runc).
@test "ctr run: standard input arrives" {
	status=0
	output=$(echo 'one line' | in_ctr --rm -- /bin/sh -c 'read -r line; echo "<$line>"') || status=$?
	assert_status 0
	assert_equal "$output" "<one line>"
}

@test "ctr run: the container's ps shows its own processes only" {
	attempt in_ctr --rm -- /bin/sh -c 'echo "I am $$"; sleep 5 & ps; true'
	assert_status 0
	has "I am 1"
	# A heading, the shell, sleep and ps itself.
	assert_equal "$(grep -cE '^ *[0-9]+ ' <<<"$output")" 3
	lacks containerd
}

@test "ctr run: the container can't see the host's files" {
	echo secret >"$T/of-the-host"
	attempt in_ctr --rm -- /bin/sh -c "exec 2>&1; cat '$T/of-the-host' /proc/1/root$T/of-the-host /../../..$T/of-the-host; ls /"
	lacks secret
	assert_equal "$(grep -cF "of-the-host': No such file" <<<"$output")" 3
	has bin proc
	lacks boot
}

@test "ctr run: the container has namespaces of its own" {
	local kind
	attempt in_ctr --rm -- /bin/sh -c 'ls -l /proc/1/ns'
	assert_status 0
	for kind in pid mnt ipc uts net; do
		has_text "$kind -> $kind:["
		lacks "$(readlink "/proc/self/ns/$kind")"
	done
}

@test "ctr run --config: a config.json that containerd wrote, with a hostname of its own" {
	jq --arg root "$BUNDLE/rootfs" '.root.path = $root | .hostname = "own-name" |
		.process.args = ["/bin/sh", "-c", "hostname; cat /proc/1/status; ls /proc/acpi"] |
		.process.env = ["PATH=/bin"] | del(.linux.cgroupsPath)' \
		"$top/tests/cases/real/containerd-default.json" >"$T/config.json"
	attempt ctr run --rm --fifo-dir "$T/fifo" --runc-binary "$RUNTIME" --runc-root "$RUNTIMES" \
		--config "$T/config.json" "$ID"
	assert_status 0
	has own-name
	matches '^NoNewPrivs:[[:space:]]+1$'
	[ "$(uname -n)" != own-name ]
}

# ctr passes signals on only from some moment after the start on. This one it ignores before that.
passes_on() {
	kill -WINCH "$1" && out_has hears
}

@test "ctr run: signals to ctr reach the container's process" {
	local pid
	in_ctr --rm -- /bin/sh -c 'trap "echo hears" WINCH; trap "echo got it; exit 3" TERM; echo ready
		while :; do sleep 0.05; done' >"$T/out" 2>&1 </dev/null 3>&- &
	pid=$!
	wait_until out_has ready
	wait_until passes_on "$(tr -d ' ' <"/proc/$pid/task/$pid/children")"
	kill -TERM "$(tr -d ' ' <"/proc/$pid/task/$pid/children")"
	wait $pid || status=$?
	assert_equal "$status" 3
	out_has 'got it'
}

# --- Detached ---

@test "ctr run --detach: task ls and ps show it, kill ends it, delete removes it" {
	local pid state cgroup
	attempt in_ctr --detach -- /bin/sh -c 'sleep 1000 & exec sleep 1000'
	assert_status 0
	read -r pid state <<<"$(task_line)"
	assert_equal "$state" RUNNING
	[ -S "$(shim_socket)" ]
	wait_until grep -qx sleep "/proc/$pid/comm"
	cgroup=$(cgroup_of "$pid")
	assert_equal "$cgroup" "/default/$ID"

	ctr task ps "$ID" >"$T/ps"
	assert_equal "$(awk 'NR > 1 { print $1 }' "$T/ps" | sort -n | paste -sd ' ')" \
		"$(cat $CGROUP{,/unified}"$cgroup"/cgroup.procs 2>/dev/null | sort -n | paste -sd ' ')"
	grep -qE "^$pid +-$" "$T/ps"
	assert_equal "$(wc -l <"$T/ps")" 3

	run ctr task delete "$ID"
	assert_fails "must be stopped before deletion"
	ctr task kill --signal KILL "$ID"
	wait_until task_is STOPPED
	task_delete 137
	ctr container delete "$ID"
	assert_calls "create start ps kill delete delete"
}

@test "ctr task kill: TERM is the default, --all reaches children, a stopped task is an error" {
	attempt in_ctr --detach -- /bin/sh -c 'trap "exit 5" TERM; sleep 1000 & : >/ready; while :; do wait; done'
	assert_status 0
	wait_until test -e "$BUNDLE/rootfs/ready"
	ctr task kill --all "$ID"
	wait_until task_is STOPPED
	expect_failure 'kill .*'
	run ctr task kill "$ID"
	assert_fails "process already finished"
	task_delete 5
	ctr container delete "$ID"
}

@test "a container killed from outside is seen to be stopped, with its status" {
	local pid
	attempt in_ctr --detach -- /bin/sleep 1000
	assert_status 0
	read -r pid _ <<<"$(task_line)"
	kill -KILL "$pid"
	wait_until task_is STOPPED
	task_delete 137
	ctr container delete "$ID"
}

@test "ctr task delete --force kills what runs" {
	attempt in_ctr --detach -- /bin/sh -c 'sleep 1000 & exec sleep 1000'
	assert_status 0
	attempt ctr task delete --force "$ID"
	ctr container delete "$ID"
}

@test "containerd may be stopped and started again while the container runs" {
	local before
	attempt in_ctr --detach -- /bin/sleep 1000
	assert_status 0
	before=$(task_line)
	containerd_stop
	containerd_start
	assert_equal "$(task_line)" "$before"
	ctr task kill --signal KILL "$ID"
	wait_until task_is STOPPED
	task_delete 137
	ctr container delete "$ID"
}

# --- Terminal ---

@test "ctr run --tty: a terminal of the container's own devpts, with the size of the caller's" {
	at_terminal "in_ctr --rm --tty -- /bin/sh -c 'tty; ls /dev/pts; ls -l /dev/console
		until [ \"\$(stty size 2>/dev/null)\" = \"30 100\" ]; do sleep 0.05; done; echo sized; exit 6'"
	terminal_ends
	assert_status 6
	has /dev/pts/0 sized
	matches '^0 +ptmx$'
	has_text '136,   0'
	calls | grep -qE '^call:.* create .*--console-socket '
}

@test "ctr run --tty: what is typed arrives, and the interrupt character interrupts" {
	at_terminal "in_ctr --rm --tty -- /bin/sh -c 'trap \"echo interrupted; exit 9\" INT; echo ready
		read -r line; echo \"<\$line>\"; while :; do sleep 0.05; done'"
	wait_until terminal_says ready
	echo typed >&5
	wait_until terminal_says '<typed>'
	printf '\003' >&5
	terminal_ends
	assert_status 9
	has_text interrupted
}

# --- Options that become parts of config.json ---

@test "ctr run --mount: binds, read-only ones and tmpfs" {
	mkdir "$T/shared"
	echo content >"$T/shared/file"
	attempt in_ctr --rm \
		--mount "type=bind,src=$T/shared,dst=/ro,options=rbind:ro" \
		--mount "type=bind,src=$T/shared,dst=/rw,options=rbind:rw" \
		--mount "type=bind,src=$T/shared/file,dst=/etc/one-file,options=bind" \
		--mount 'type=tmpfs,src=tmpfs,dst=/scratch,options=size=64k:nosuid:mode=700' \
		-- /bin/sh -c 'exec 2>&1; cat /ro/file /etc/one-file; echo no >/ro/new; echo yes >/rw/new
			grep " /scratch " /proc/mounts'
	assert_status 0
	assert_equal "$(grep -cx content <<<"$output")" 2
	has_text "can't create /ro/new: Read-only file system"
	matches '^tmpfs /scratch tmpfs .*nosuid.*size=64k.*mode=700'
	assert_equal "$(cat "$T/shared/new")" yes
}

@test "ctr run: environment, directory, user's capabilities, read-only root, host's network" {
	attempt in_ctr --rm --env ONE=1 --cwd /tmp --cap-drop CAP_CHOWN --read-only --net-host \
		-- /bin/sh -c 'exec 2>&1; echo "$ONE $PWD"; touch /new; chown 1 /etc/passwd; readlink /proc/self/ns/net
			ulimit -n'
	has "1 /tmp" "$(readlink /proc/self/ns/net)" 1024
	has_text "/new: Read-only file system"
}

@test "ctr run: devices are those that were asked for" {
	require disk
	local major minor
	read -r major minor <<<"$(host_disk)"
	attempt in_ctr --rm --cap-add CAP_MKNOD -- /bin/sh -c "exec 2>&1; echo x >/dev/null && echo null works
		mknod /disk b $major $minor && cat /disk >/dev/null"
	has "null works"
	has_text "Operation not permitted"
}

# --- What goes wrong ---

@test "ctr run of a program that is missing says so, and leaves nothing" {
	expect_failure 'create '
	attempt in_ctr --rm -- /no/such/program
	assert_fails "OCI runtime create failed" "/no/such/program" "no such file or directory"
	attempt in_ctr --rm -- no-such-program
	assert_fails "OCI runtime create failed" "no-such-program" "executable file not found in"
	attempt in_ctr --rm -- /etc/passwd
	assert_fails "OCI runtime create failed" "/etc/passwd" "permission denied"
}

@test "ctr run of a program whose interpreter is missing fails in start, and leaves nothing" {
	printf '#!/no/interpreter\n' >"$BUNDLE/rootfs/bin/bad"
	chmod +x "$BUNDLE/rootfs/bin/bad"
	expect_failure 'start '
	attempt in_ctr --rm -- /bin/bad
	assert_fails "OCI runtime start failed" "/bin/bad" "no such file or directory"
}

@test "ctr run of a source that doesn't exist names the mount" {
	expect_failure 'create '
	attempt in_ctr --rm --mount "type=bind,src=$T/nowhere,dst=/mnt,options=rbind" -- /bin/true
	assert_fails "OCI runtime create failed" "$T/nowhere" "no such file or directory"
}

# --- The documentation ---

# With the paths of this test, the engine of this test, and root already.
readme_commands() {
	sed -n '/^## Plug it in/,/^## /{ s/^    //p; /^```sh/,/^```/{ /^```/!p } }' "$top/README.md" |
		grep -E '^(sudo )?ctr ' |
		sed -e "s|/tmp/first|$BUNDLE|g; s|/usr/local/bin/hull|$RUNTIME|g; s|^sudo ||" \
			-e "s| c[0-9] | $ID |"
}

@test "the README's commands for ctr work as they stand there" {
	local command n=0
	while read -r command; do
		n=$((n + 1))
		attempt eval "$command"
		assert_status 0
		matches '^ +1 root '
	done <<<"$(readme_commands)"
	[ $n -gt 0 ]
}

# --- exec ---

@test "ctr task exec: output, exit status and the container's namespaces; detached, on a terminal, and no such program" {
	local pid state
	attempt in_ctr --detach -- /bin/sleep 1000
	assert_status 0
	read -r pid state <<<"$(task_line)"
	attempt ctr task exec --fifo-dir "$T/fifo" --exec-id e1 "$ID" /bin/sh -c 'echo out; /bin/probe readlink /proc/self/ns/pid; exit 7'
	assert_status 7
	has out
	has_text "$(readlink "/proc/$pid/ns/pid")"
	attempt ctr task exec --fifo-dir "$T/fifo" --exec-id e2 --user 1000:1001 --cwd /bin "$ID" /bin/sh -c '/bin/id; pwd'
	assert_status 0
	has_text "uid=1000" "gid=1001"
	has /bin
	expect_failure 'exec '
	attempt ctr task exec --fifo-dir "$T/fifo" --exec-id e3 "$ID" no-such-program
	[ "$status" != 0 ]
	has_text "executable file not found in"
	attempt ctr task exec --fifo-dir "$T/fifo" --exec-id e4 --detach "$ID" /bin/sh -c 'exec /bin/sleep 999'
	assert_status 0
	ctr task ps "$ID" >"$T/ps"
	assert_equal "$(wc -l <"$T/ps")" 3
	attempt timeout 30 script -qefc "ctr -a '$ADDRESS' task exec --fifo-dir $T/fifo --exec-id e5 -t $ID /bin/probe tty" "$T/typescript"
	assert_status 0
	has_text "tty0=1 name=/dev/pts/0"
	[[ $(call_commands) == *exec* ]]
	ctr task kill --signal KILL "$ID"
	wait_until task_is STOPPED
	task_delete 137
	ctr container delete "$ID"
	rm -rf "$T"/fifo/* # of the detached exec, which ctr doesn't remove
}
