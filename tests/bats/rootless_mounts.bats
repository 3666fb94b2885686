#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mounts and devices where hull itself isn't root of the host: as uid 0 of a user namespace, with a
# mount namespace of its own or without, and as an unprivileged user.

load helpers

FIRST=200000

setup() {
	common_setup
	require python setpriv
	# Others must be let through: the directories of bats are closed.
	OPEN=$(mktemp -d /tmp/hull-open.XXXXXX)
	chmod 755 "$OPEN"
	cp "$HULL_ITSELF" "$OPEN/hull"
	cp "$top/tests/helpers/in-userns" "$OPEN/in-userns"
	BUNDLE=$OPEN/bundle ROOT=$OPEN/root
	mkdir "$ROOT"
	new_bundle "$BUNDLE"
	cd "$BUNDLE" || return
	# One id is all that an unprivileged user has, and gid 5 isn't it.
	config 'del(.hostname) | .linux.namespaces |= map(select(.type != "cgroup"))
		| .mounts[2].options |= map(select(. != "gid=5"))'
	mkdir "$OPEN/src"
	echo text >"$OPEN/src/file"
}

teardown() {
	common_teardown || return
	[ -z "${OPEN:-}" ] || rm -rf "$OPEN"
}

# user_namespace HOST-ID [SIZE]
user_namespace() {
	config --argjson id "$1" --argjson n "${2:-1}" '.linux.namespaces += [{ type: "user" }]
		| .linux.uidMappings = [{ containerID: 0, hostID: $id, size: $n }]
		| .linux.gidMappings = .linux.uidMappings'
}

# hull by the unprivileged user.
first_hull() {
	setpriv --reuid "$FIRST" --regid "$FIRST" --clear-groups "$OPEN/hull" --root "$ROOT" "$@"
}

# as WHO: runs the bundle; the config must have the user namespace that WHO needs.
as() {
	chown -hR $FIRST:$FIRST "$OPEN/bundle" "$OPEN/root" "$OPEN/src"
	local run=("$OPEN/hull" --root "$ROOT" --cgroup-manager disabled run --bundle "$BUNDLE" "$ID")
	case $1 in
	nested) run=("$OPEN/in-userns" "$FIRST" 1000 mount "${run[@]}") ;;
	nested-in-the-hosts-mounts) run=("$OPEN/in-userns" "$FIRST" 1000 "${run[@]}") ;;
	user) run=(setpriv --reuid "$FIRST" --regid "$FIRST" --clear-groups "${run[@]}") ;;
	esac
	# shellcheck disable=SC2016
	run timeout --foreground -k 5 60 unshare -m --propagation private sh -c \
		"${OUTSIDE:-:};"' exec "$@"' - "${run[@]}" </dev/null
}

# everywhere: each way to be somebody, and the user namespace that goes with it.
everywhere() {
	local plain who id
	plain=$(cat config.json)
	while read -r who id; do
		echo "$plain" >config.json
		[ "$id" = none ] || user_namespace "$id"
		as "$who"
		"$@" || {
			echo "as $who, host id $id" >&2
			return 1
		}
	done <<-END
		nested none
		nested 0
		nested 7
		nested-in-the-hosts-mounts none
		nested-in-the-hosts-mounts 0
		user $FIRST
	END
	echo "$plain" >config.json
}

@test "root, binds, masks, devices and new file systems work for everybody" {
	mount_entry /mnt bind "$OPEN/src" rbind ro
	mount_entry /tmp tmpfs tmpfs
	mount_entry /sys sysfs sysfs ro nosuid
	config '.linux.maskedPaths = ["/proc/version", "/etc"] | .linux.readonlyPaths = ["/proc/sys"]
		| .root.readonly = true'
	chmod -R a+rX rootfs
	probe cat /mnt/file + open /mnt/new c + open /tmp/new c + write /dev/full x + open /new c + \
		stat /proc/version + ls /etc + mountflags /sys + mountflags /proc/sys + stat /tmp
	works() {
		assert_status 0 && has text "open /mnt/new c: EROFS" "open /tmp/new c: ok" \
			"write /dev/full: ENOSPC" "open /new c: EROFS" &&
			matches '^stat /proc/version: type=char .*rdev=1:3 ' && lacks passwd &&
			matches '^mountflags /sys: *ro nosuid' && matches '^mountflags /proc/sys: *ro' &&
			matches '^stat /tmp: .*owner=0:0 '
	}
	everywhere works
}

@test "locked flags are kept, and the error names the one that can't be cleared" {
	# shellcheck disable=SC2016
	OUTSIDE='mount --bind '$OPEN/src' '$OPEN/src' && mount -o remount,bind,nosuid,nodev,noexec,ro '$OPEN/src
	mount_entry /mnt bind "$OPEN/src" bind
	chmod -R a+rX rootfs
	probe mountflags /mnt
	keeps() { assert_status 0 && matches '^mountflags /mnt: *ro nosuid nodev noexec'; }
	everywhere keeps
	config '.mounts[-1].options = ["bind", "rw", "exec"]'
	names() { assert_fails /mounts/3 "ro, noexec of this mount is locked" "leave out rw, exec"; }
	everywhere names
	config '.mounts[-1].options = ["bind"]
		| .mounts += [{ destination: "/mnt", options: ["remount", "bind", "suid"] }]'
	names() { assert_fails /mounts/4 "nosuid of this mount is locked" "leave out suid"; }
	everywhere names
	config 'del(.mounts[-1]) | .mounts[-1].options = ["bind", "noatime"]'
	names() { assert_fails /mounts/3 "access times"; }
	everywhere names
	config '.mounts[-1].options = ["bind", "nodiratime"]'
	everywhere names
}

@test "mounts below that are locked: bind is an error that says rbind, which works" {
	OUTSIDE='mkdir -p '$OPEN/src/sub' && mount -t tmpfs sub '$OPEN/src/sub
	mount_entry /mnt bind "$OPEN/src" bind
	mkdir "$OPEN/src/sub"
	echo covered >"$OPEN/src/sub/secret"
	chmod -R a+rX rootfs
	probe ls /mnt/sub + cat /mnt/file
	names() { assert_fails /mounts/3 "mounts below it are locked" "use rbind"; }
	everywhere names
	config '.mounts[-1].options = ["rbind"]'
	works() { assert_status 0 && has text && lacks secret; }
	everywhere works
}

@test "where /proc is covered no new one is made: an error, or the host's with its covers" {
	OUTSIDE='mount -t tmpfs cover /proc/fs'
	chmod -R a+rX rootfs
	probe ls /proc/fs + stat /proc/version
	config '.linux.namespaces += [{ type: "pid" }] | .linux.namespaces |= unique'
	names() { assert_fails /mounts/0 "covered in parts"; }
	everywhere names
	config '.linux.namespaces |= map(select(.type != "pid"))'
	shows() { assert_status 0 && matches '^stat /proc/version: type=file' && lacks ext4; }
	everywhere shows
}

@test "a second container with the same root, without a /dev of its own" {
	config '.mounts |= map(select(.destination | startswith("/dev") | not))'
	probe write /dev/full x + stat /dev/null
	chmod -R a+rwX rootfs
	works() {
		assert_status 0 && has "write /dev/full: ENOSPC" &&
			matches '^stat /dev/null: type=char .*rdev=1:3 '
	}
	user_namespace $FIRST
	as user
	works
	as user
	works
}

@test "mapping ids of a mount takes privilege over its file system, which the error says" {
	mount_entry /mnt bind "$OPEN/src" bind
	config '.mounts[-1].uidMappings = [{ containerID: 0, hostID: 3, size: 1 }]
		| .mounts[-1].gidMappings = .mounts[-1].uidMappings'
	chmod -R a+rX rootfs
	says() { assert_fails /mounts/3 CAP_SYS_ADMIN; }
	# The host's own may be one that nobody can map, as an overlay.
	local OUTSIDE="mount -t tmpfs -o mode=755 none '$OPEN/src'"
	everywhere says
	OUTSIDE=
	# a tmpfs that is made there is its own
	config '.mounts[-1] |= (.type = "tmpfs" | .options = ["idmap", "mode=755"])'
	probe stat /mnt
	as nested
	assert_status 0
	matches '^stat /mnt: .*owner=3:3 '
}

@test "the host's owners and nodes are as before" {
	chmod -R a+rX rootfs
	user_namespace $FIRST
	stat -c '%n %u:%g %a %Z' /dev/null /dev/tty /dev/zero >"$T/before"
	probe write /dev/null x
	as user
	assert_status 0
	stat -c '%n %u:%g %a %Z' /dev/null /dev/tty /dev/zero | diff "$T/before" - >&2
}

@test "an unprivileged user joins the user namespace of another container of his" {
	mount_entry /mnt bind "$OPEN/src" bind ro
	chmod -R a+rX rootfs
	user_namespace $FIRST
	args /bin/sleep 100
	chown -hR $FIRST:$FIRST "$OPEN/bundle" "$OPEN/root" "$OPEN/src"
	attempt first_hull --cgroup-manager disabled create --bundle "$BUNDLE" "${ID}first"
	assert_status 0
	# Before that nobody without privilege may look into its process.
	attempt first_hull start "${ID}first"
	assert_status 0
	attempt first_hull state "${ID}first"
	assert_equal "$(jq -r .status <<<"$output")" running
	config --arg p "/proc/$(jq .pid <<<"$output")/ns" '.linux.namespaces |= map(
			if .type == "user" then .path = $p + "/user"
			elif .type == "ipc" then .path = $p + "/ipc" else . end)
		| del(.linux.uidMappings, .linux.gidMappings)'
	probe cat /mnt/file + write /dev/full x + stat /
	as user
	assert_status 0
	has text "write /dev/full: ENOSPC"
	matches '^stat /: .*owner=0:0 '
	first_hull delete --force "${ID}first"
}
