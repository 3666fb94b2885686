/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/profile.h"

#include <string.h>

/* capabilities(7), by their numbers. */
static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))
_Static_assert(CAPABILITIES_ALL == CAPABILITY_BIT(N_NAMES) - 1, "one name for each");

enum {
	CHOWN = 0,
	DAC_OVERRIDE = 1,
	FOWNER = 3,
	FSETID = 4,
	KILL = 5,
	SETGID = 6,
	SETUID = 7,
	SETPCAP = 8,
	NET_BIND_SERVICE = 10,
	NET_RAW = 13,
	SYS_CHROOT = 18,
	MKNOD = 27,
	AUDIT_WRITE = 29,
	SETFCAP = 31,
};

/* What tells of the machine or of other containers: proc(5), sysfs. */
static const char *const masked[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	NULL,
};
static const char *const masked_strict[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/buddyinfo",
	"/proc/config.gz",
	"/proc/interrupts",
	"/proc/iomem",
	"/proc/ioports",
	"/proc/kallsyms",
	"/proc/kcore",
	"/proc/key-users",
	"/proc/keys",
	"/proc/kmsg",
	"/proc/kpagecgroup",
	"/proc/kpagecount",
	"/proc/kpageflags",
	"/proc/latency_stats",
	"/proc/modules",
	"/proc/pagetypeinfo",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/slabinfo",
	"/proc/softirqs",
	"/proc/swaps",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/vmallocinfo",
	"/proc/zoneinfo",
	"/sys/block",
	"/sys/devices/virtual/dmi",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	"/sys/fs/bpf",
	"/sys/kernel/debug",
	"/sys/kernel/notes",
	"/sys/kernel/security",
	"/sys/kernel/slab",
	"/sys/kernel/tracing",
	"/sys/module",
	NULL,
};
static const char *const readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};
static const char *const nothing[] = { NULL };

static const struct profile profiles[] = {
	{ .name = "default",
	  .capabilities = CAPABILITY_BIT(CHOWN) | CAPABILITY_BIT(DAC_OVERRIDE) |
			  CAPABILITY_BIT(FOWNER) | CAPABILITY_BIT(FSETID) | CAPABILITY_BIT(KILL) |
			  CAPABILITY_BIT(SETGID) | CAPABILITY_BIT(SETUID) |
			  CAPABILITY_BIT(SETPCAP) | CAPABILITY_BIT(NET_BIND_SERVICE) |
			  CAPABILITY_BIT(NET_RAW) | CAPABILITY_BIT(SYS_CHROOT) |
			  CAPABILITY_BIT(MKNOD) | CAPABILITY_BIT(AUDIT_WRITE) |
			  CAPABILITY_BIT(SETFCAP),
	  .seccomp = PROFILE_SECCOMP_DEFAULT,
	  .masked = masked,
	  .readonly = readonly },
	{ .name = "strict",
	  .seccomp = PROFILE_SECCOMP_STRICT,
	  .no_new_privs = true,
	  .masked = masked_strict,
	  .readonly = readonly },
	{ .name = "none",
	  .capabilities = CAPABILITIES_ALL,
	  .seccomp = PROFILE_SECCOMP_NONE,
	  .masked = nothing,
	  .readonly = nothing },
};

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (!strcmp(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

int capability_find(const char *name)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *capability_name(unsigned number)
{
	return number < N_NAMES ? names[number] : NULL;
}
