/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * linux.resources.devices as the instructions of a BPF_PROG_TYPE_CGROUP_DEVICE program. Pure code:
 * the rules are decided bit by bit (each of r, w, m by the last rule that matches the device and
 * names the bit); access is granted when every requested bit is. steps/device_filter.c loads it.
 */
#ifndef PLAN_DEVICE_FILTER_H
#define PLAN_DEVICE_FILTER_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* The bits of a request, as in struct bpf_cgroup_dev_ctx. */
#define DEVICE_ACCESS_ALL (BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* One rule, with everything that config.json leaves open filled in. */
struct device_rule {
	bool allow;
	bool any_type;	 /* type "a" or absent: block and character devices */
	bool block;	 /* else character */
	int64_t major;	 /* -1: any */
	int64_t minor;	 /* -1: any */
	unsigned access; /* BPF_DEVCG_ACC_*, never 0 */
};

/* What every container may use, whatever its rules say: appended after them. */
extern const struct device_rule device_rules_default[];
extern const size_t n_device_rules_default;

/* Compiles n rules (the last match wins; what no rule matches is denied) into *insns, memory from
 * the arena. Returns their number, 0 when memory ran out or the rules are too many for a program
 * (DEVICE_FILTER_MAX instructions). */
#define DEVICE_FILTER_MAX 4096
size_t device_filter_compile(struct arena *arena, const struct device_rule *rules, size_t n,
			     const struct bpf_insn **insns);

#endif
