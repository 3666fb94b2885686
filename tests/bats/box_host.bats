#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hullbox --host, a root file system of the host's own programs, and --userns auto, ids of a
# container's own: seen from inside, and what is left on disk.

load helpers
load box

have_conmon() { command -v conmon >/dev/null; }

# boxed OPTION... -- COMMAND...: to its end; $output without hullbox's warnings.
boxed() {
	require conmon
	status=0
	output=$(timeout 60 "$HULLBOX" run --rm --net none "$@" 2>"$T/stderr" </dev/null) || status=$?
}

box_inside() {
	boxed "$@"
	[ "$status" = 0 ] || cat "$T/stderr" >&2
	assert_status 0
}

@test "box host: the host's programs run, and what they write stays in the container" {
	box_inside --host -- sh -c 'ls -l /usr/bin/env >/dev/null && echo program; id -un
		echo x >/usr/box-host-test && echo x >/box-host-test && echo written
		rm /usr/bin/env && echo removed; sed --version | head -n 1'
	has program root written removed
	[ ! -e /usr/box-host-test ]
	[ ! -e /box-host-test ]
	[ -e /usr/bin/env ]
	box_inside --host --read-only -- sh -c 'exec 2>&1; echo x >/box-host-test || echo refused'
	has refused
}

# Secrets are told by what they are, whatever they are called inside: each file of the host's that
# only root may read, by inode and by content. no-vm: there the host is a whole disk below, and reading
# it all takes the machine's server of files more descriptors than it may have.
# bats test_tags=no-vm
@test "box host: no secret of the host's is anywhere in the container" {
	local secret=$T/secret-$RANDOM
	echo "secret of the host $RANDOM" >"$secret"
	find /etc /root /home -xdev -type f ! -perm -004 -size -64k 2>/dev/null | head -n 400 >"$T/private"
	echo "$secret" >>"$T/private"
	[ ! -e /etc/shadow ] || grep -qx /etc/shadow "$T/private"
	sums() { xargs -d '\n' -r sha256sum | cut -d ' ' -f 1 | sort -u; }
	# What anybody may read elsewhere, as /etc/passwd in its backup, or nothing at all, is none.
	{ find /etc -xdev -type f -perm -004 -size -64k; echo /dev/null; } 2>/dev/null | sums >"$T/public"
	sums <"$T/private" | comm -23 - "$T/public" >"$T/sums"
	mkdir "$T/tests"
	cp "$T/sums" "$T/tests/sums"
	box_inside --host --cap-add dac_read_search -v "$T/tests:/tests:ro" -- sh -c '
		for dir in /etc /root /home /var /srv /opt /run /mnt /tmp; do
			find "$dir" -type f -size -64k 2>/dev/null
		done | xargs -d "\n" -r sha256sum 2>/dev/null | cut -d" " -f1 | sort -u >/found
		comm -12 /found /tests/sums | sed "s/^/secret: /"
		for path in /etc/shadow /etc/shadow- /etc/gshadow /etc/sudoers /etc/ssh /etc/ssl/private /root/.ssh \
			/root/.bash_history /etc/machine-id /var/lib/dpkg /etc/krb5.keytab; do
			[ ! -e "$path" ] || echo "there is $path"
		done
		ls -A /root /home /srv /opt /mnt | grep -v ":$" | sed "/^$/d; s/^/there is /"
		wc -l </found'
	lacks "secret: " "there is "
	# It did look: of the essentials there are some.
	[ "$(tail -n 1 <<<"$output")" -gt 5 ]
	# And the search finds what is shown.
	box_inside --host -v "$secret:/srv/shown:ro" -v "$T/tests:/tests:ro" -- sh -c '
		sha256sum /srv/shown | cut -d" " -f1 | comm -12 - /tests/sums | wc -l'
	has 1
}

@test "box host: what is shown of /etc is read-only and nothing of it lands in the upper layer" {
	require conmon
	hullbox create --name one --net none --host -- sh -c 'exec 2>&1; echo x:x:0:0::/: >>/etc/passwd || echo refused' >/dev/null 2>&1
	run hullbox start -a one
	has_text refused
	run find "$BOX"/containers/*/upper -type f
	assert_equal "$output" ""
	hullbox rm one
	assert_equal "$(ls "$BOX/containers")" ""
}

@test "box host: a program given by a path is shown at that path, and only it" {
	mkdir -p "$T/home"
	printf '#!/bin/sh\necho "ran $0"; ls %s\n' "$T/home" >"$T/home/program"
	echo secret >"$T/home/other"
	chmod +x "$T/home/program"
	box_inside --host -- "$T/home/program"
	has "ran $T/home/program" program
	lacks other
	cd "$T/home"
	box_inside --host ./program
	has "ran $T/home/program"
	boxed --host "$T/home/other"
	assert_status 127
	boxed --host /nonexistent
	assert_status 127
}

# bats test_tags=vm
@test "box userns: auto gives a range of its own, files on disk keep their owners, and it is given back" {
	require conmon
	local upper first
	hullbox create --name one --net none --userns auto --layer "$BUNDLE/rootfs" -- /bin/sh -c '
		cat /proc/self/uid_map; probe stat /bin/sh; echo x >/new; rm /bin/true; echo y >>/bin/cat-too; exit 3' >/dev/null 2>&1
	status=0
	output=$(hullbox start -a one 2>/dev/null) || status=$?
	assert_status 3
	first=$(ls "$BOX/ids")
	matches "^ *0 +$first +65536\$"
	[ "$first" -ge 1879048192 ]
	matches '^stat /bin/sh: .*0:0'
	upper=$(echo "$BOX"/containers/*/upper)
	assert_equal "$(stat -c %u:%g "$upper/new")" 0:0
	[ -c "$upper/bin/true" ]
	[ -e "$BUNDLE/rootfs/bin/true" ]
	hullbox run --rm --net none --userns auto --layer "$BUNDLE/rootfs" -- cat /proc/self/uid_map >"$T/other" 2>/dev/null
	run grep -w "$first" "$T/other"
	assert_status 1
	assert_equal "$(wc -l <"$T/other")" 1
	hullbox rm one
	assert_equal "$(ls "$BOX/ids")" ""
}

# The machine's /usr is the host's by 9p, whose ids the kernel doesn't map.
# bats test_tags=no-vm
@test "box userns: auto with a root file system as it is, with an ephemeral one and with the host's" {
	local source
	for source in "--rootfs $BUNDLE/rootfs" "--rootfs $BUNDLE/rootfs --ephemeral" --host; do
		# shellcheck disable=SC2086 # words
		box_inside --userns auto $source -- sh -c 'read -r inside outside count </proc/self/uid_map; echo "$inside $count"
			echo x >/box-userns && chmod 600 /box-userns && cat /box-userns && rm /box-userns && id -u'
		has "0 65536" x 0
	done
}

@test "box run: the old root can't be reached by chroot, an open directory and .., with all capabilities neither" {
	require conmon python
	cat >"$T/escape" <<-'END'
	import os, sys
	if len(sys.argv) > 2:
	    os.chroot(sys.argv[2])
	    os.chdir("/")
	root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
	os.makedirs("/tmp/jail", exist_ok=True)
	os.chroot("/tmp/jail")
	os.fchdir(root)
	for _ in range(100):
	    os.chdir("..")
	os.chroot(".")
	print("out" if os.path.exists(sys.argv[1]) else "in")
	END
	touch "$T/secret"
	mkdir "$T/plain"
	# So it is without a mount namespace:
	assert_equal "$(python3 "$T/escape" "$T/secret" "$T/plain")" out
	output=$(hullbox run --rm --net none --host -v "$T/escape:/escape:ro" -- python3 /escape "$T/secret")
	assert_equal "$output" in
	output=$(hullbox run --rm --net none --host --cap-add ALL --security-profile none -v "$T/escape:/escape:ro" -- python3 /escape "$T/secret")
	assert_equal "$output" in
}
