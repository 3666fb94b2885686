#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# bats file_tags=everyone
#
# AppArmor profiles and SELinux labels where the kernel has them not: asked for, and refused. What they
# do where it has them is in apparmor.bats and selinux.bats; which of them this host lacks is looked up.

load helpers

# NAME PROPERTY lines: of the modules that aren't enabled here.
missing_modules() {
	cat /proc/self/attr/apparmor/current >/dev/null 2>&1 || echo AppArmor /process/apparmorProfile
	grep -q selinuxfs /proc/filesystems ||
		printf 'SELinux %s\n' /process/selinuxLabel /linux/mountLabel
}

@test "a label that this kernel can't give is refused by check and create, and the reason is told" {
	local module property tried=0
	while read -r module property; do
		base_config | jq "${property//\//.} = \"u:r:t:s0\"" >config.json
		run hull check "$BUNDLE"
		assert_status 1
		matches "^host: $property: $module isn't enabled in this kernel"
		attempt hull create "$ID"
		assert_fails "$property: $module isn't enabled in this kernel"
		assert_nothing_left
		tried=$((tried + 1))
	done < <(missing_modules)
	# Only one of the two can be active.
	[ "$tried" -gt 0 ]
}

@test "an empty label asks for nothing" {
	config '.process.apparmorProfile = "" | .process.selinuxLabel = "" | .linux.mountLabel = ""'
	run hull check "$BUNDLE"
	assert_status 0
	ask echo fine
	has fine
}
