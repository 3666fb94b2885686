#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# linux.maskedPaths and linux.readonlyPaths.
# bats file_tags=everyone

load helpers

@test "a masked file is empty and can't be written through" {
	config '.linux.maskedPaths = ["/proc/keys", "/etc/passwd"]'
	shell 'wc -c </proc/keys; wc -c </etc/passwd; echo x >/etc/passwd; wc -c </etc/passwd'
	inside
	assert_equal "$(echo "$output" | tr -d ' ')" "0
0
0"
	grep -q root: rootfs/etc/passwd
}

@test "a masked directory is empty and read-only" {
	config '.linux.maskedPaths = ["/etc", "/proc/irq"]'
	ask ls /etc + ls /proc/irq + open /etc/x c + mountflags /etc
	has "open /etc/x c: EROFS"
	lacks passwd
	matches '^mountflags /etc: ro'
}

@test "a masked path that isn't there is no error" {
	config '.linux.maskedPaths = ["/no/such/path", "/proc/no-such"] | .linux.readonlyPaths = ["/no/such/path"]'
	inside
}

@test "many masked directories share one file system" {
	mkdir -p rootfs/m/{1,2,3,4,5,6,7,8,9}
	config '.linux.maskedPaths = [range(1; 10) | "/m/\(.)"]'
	ask mounts
	assert_equal "$(awk '$5 ~ "^/m/" { print $3 }' <<<"$output" | sort -u | wc -l)" 1
	assert_equal "$(grep -c ' /m/[0-9] ' <<<"$output")" 9
}

@test "a mask can't be taken off or looked behind from inside" {
	config '.linux.maskedPaths = ["/etc"] | .process.capabilities = {}'
	shell 'umount /etc; cat /etc/../etc/passwd; cat /proc/1/root/etc/passwd; true'
	inside
	lacks root:x
}

@test "a link at a masked path: what it points to inside the root is masked, nothing outside" {
	ln -s passwd rootfs/etc/link
	config '.linux.maskedPaths = ["/etc/link"]'
	ask cat /etc/link + stat /etc/passwd
	lacks root:x
}

# bats test_tags=real_root
@test "a read-only path can be read and not written" {
	mount_entry /data tmpfs tmpfs
	config '.linux.readonlyPaths = ["/proc/sys", "/etc", "/data"]'
	ask open /proc/sys/kernel/hostname r + open /proc/sys/kernel/hostname w + open /etc/x c + cat /etc/group + open /data/x c
	has "open /proc/sys/kernel/hostname r: ok" "open /proc/sys/kernel/hostname w: EROFS" \
		"open /etc/x c: EROFS" root:x:0: "open /data/x c: EROFS"
}

@test "a read-only file" {
	config '.linux.readonlyPaths = ["/etc/passwd"]'
	ask open /etc/passwd r + open /etc/passwd w + open /etc/group w
	has "open /etc/passwd r: ok" "open /etc/passwd w: EROFS" "open /etc/group w: ok"
}

@test "a read-only path keeps nosuid, nodev and noexec of the mount that it is on" {
	config '.mounts[0].options = ["nosuid", "nodev", "noexec"] | .linux.readonlyPaths = ["/proc/sys"]'
	ask mountflags /proc/sys
	has "mountflags /proc/sys: ro nosuid nodev noexec relatime"
}

@test "a read-only path covers the mounts below it" {
	mkdir -p rootfs/data
	mount_entry /data/inner tmpfs tmpfs
	config '.linux.readonlyPaths = ["/data"]'
	ask open /data/x c + open /data/inner/x c
	has "open /data/x c: EROFS" "open /data/inner/x c: EROFS"
}

# bats test_tags=real_root
@test "the usual lists of the engines" {
	config '.linux.maskedPaths = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
		"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
		"/sys/firmware", "/proc/scsi"] | .linux.readonlyPaths = ["/proc/bus", "/proc/fs",
		"/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]'
	mount_entry /sys sysfs sysfs nosuid noexec nodev ro
	ask ls /sys/firmware + cat /proc/timer_list + open /proc/sys/vm/drop_caches w
	assert_equal "$output" "open /proc/sys/vm/drop_caches w: EROFS"
}

@test "a relative path is an error" {
	config '.linux.maskedPaths = ["proc/keys"]'
	run_container
	assert_fails /linux/maskedPaths/0 absolute
	config '.linux.maskedPaths = [] | .linux.readonlyPaths = ["/ok", "proc/sys"]'
	run_container
	assert_fails /linux/readonlyPaths/1 absolute
}

@test "what covers /proc or /sys itself is in the way of what comes below it, as their order says" {
	mount_entry /sys sysfs sysfs nosuid noexec nodev ro
	config '.linux.maskedPaths = ["/sys/kernel", "/sys", "/sys/firmware"]'
	run_container
	assert_fails "/linux/maskedPaths/2: mask '/sys/firmware': '/sys' is no longer the sysfs that was mounted there"
	config '.linux.maskedPaths = ["/sys/firmware", "/sys/kernel", "/sys"]'
	ask ls /sys
	lacks block devices
}
