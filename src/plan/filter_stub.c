/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A profile that refuses what it doesn't name, with EPERM as a rule, also refuses the system calls
 * that came after it was written. C libraries try a new call first and fall back to an old one on
 * ENOSYS only, so that is what calls newer than the newest named one must get. The numbers of new
 * calls are higher than those of old ones, on every architecture.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "plan/filter.h"

#define X32_BIT 0x40000000U

enum {
	X32_OWN = 512,	      /* 512 to 547 are x32's variants of old calls */
	ARM_PRIVATE = 0xf0000 /* __ARM_NR_BASE: cacheflush and its like */
};

/* The first number behind the ordinary ones. */
static uint32_t ceiling(uint32_t token)
{
	if (token == SCMP_ARCH_X32)
		return X32_BIT + X32_OWN;
	if (token == SCMP_ARCH_ARM)
		return ARM_PRIVATE;
	/* Also a bound for MIPS, whose ABIs begin at 4000, 5000 and 6000, and for -1, which a
	 * tracer writes to have a call skipped. */
	return X32_BIT;
}

bool filter_ordinary(uint32_t token, uint32_t number)
{
	return number < ceiling(token);
}

bool filter_newer(uint32_t token, uint32_t newest, struct filter_range *range)
{
	if (newest + 1 >= ceiling(token))
		return false;
	/* To the kernel x32 is x86_64 with a bit in the number. */
	range->arch = token == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : token;
	range->from = newest + 1;
	range->to = ceiling(token) - 1;
	return true;
}

size_t filter_stub(const struct filter_range *ranges, size_t n, struct sock_filter *code)
{
	size_t at = 0;

	/* Each is complete in itself; whoever isn't in a range goes on with the next one. */
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter part[] = {
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ranges[i].arch, 0, 4),
			BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
			BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ranges[i].from, 0, 2),
			BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, ranges[i].to, 1, 0),
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		};

		for (size_t k = 0; k < sizeof(part) / sizeof(part[0]); k++)
			code[at++] = part[k];
	}
	return at;
}
