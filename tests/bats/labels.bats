#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# AppArmor profiles and SELinux labels where the kernel has neither: asked for, and refused. What
# they do where it has them is in apparmor.bats and selinux.bats.

load helpers

have_no_lsm() {
	! cat /proc/self/attr/apparmor/current >/dev/null 2>&1 && ! grep -q selinuxfs /proc/filesystems
}

@test "a label that this kernel can't give is refused by check and create, and the reason is told" {
	require no_lsm
	config '.process.apparmorProfile = "x" | .process.selinuxLabel = "u:r:t:s0" | .linux.mountLabel = "u:r:t:s0"'
	run hull check "$BUNDLE"
	assert_status 1
	matches "^host: /process/apparmorProfile: AppArmor isn't enabled in this kernel"
	matches "^host: /process/selinuxLabel: SELinux isn't enabled in this kernel"
	matches "^host: /linux/mountLabel: SELinux isn't enabled in this kernel"
	local property
	for property in .process.apparmorProfile .process.selinuxLabel .linux.mountLabel; do
		base_config | jq "$property = \"unconfined\"" >config.json
		attempt hull create "$ID"
		assert_fails "${property//./\/}" "isn't enabled in this kernel"
		assert_nothing_left
	done
}

@test "an empty label asks for nothing" {
	config '.process.apparmorProfile = "" | .process.selinuxLabel = "" | .linux.mountLabel = ""'
	run hull check "$BUNDLE"
	assert_status 0
	ask echo fine
	has fine
}
