/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compiles device rules into a BPF_PROG_TYPE_CGROUP_DEVICE program. The list of rules is first
 * turned into what it means: for each type, each major number that a rule names (and "any other")
 * and each minor number named there (and "any other"), the access that is allowed. Only these
 * answers become code, so rules that are overridden, repeated or folded by a later "all" cost
 * nothing, and the verifier sees a tree without joins but one. Pure code; steps/device_filter.c
 * talks to the kernel.
 */
#include "plan/device_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/fd.h"

/* Every jump fits its 16 bits as long as the whole program does. */
_Static_assert(DEVICE_FILTER_MAX <= INT16_MAX, "a jump must reach across the program");

/* A number that no rule names: stands for all of them. */
#define OTHER -2

#define M BPF_DEVCG_ACC_MKNOD
#define RW (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE)

/* clang-format off */
const struct device_rule device_rules_default[] = {
	/* allow any_type block  major minor access */
	{ true,  false,   false,   -1,   -1, M },      /* making a node gives nobody access to it */
	{ true,  false,   true,    -1,   -1, M },
	{ true,  false,   false,    1,    3, M | RW }, /* null */
	{ true,  false,   false,    1,    5, M | RW }, /* zero */
	{ true,  false,   false,    1,    7, M | RW }, /* full */
	{ true,  false,   false,    1,    8, M | RW }, /* random */
	{ true,  false,   false,    1,    9, M | RW }, /* urandom */
	{ true,  false,   false,    5,    0, M | RW }, /* tty */
	{ true,  false,   false,    5,    1, M | RW }, /* console */
	{ true,  false,   false,    5,    2, M | RW }, /* ptmx */
	{ true,  false,   false,  136,   -1, M | RW }, /* pts/N */
	{ true,  false,   false,   10,  200, M | RW }, /* net/tun: engines and users count on it */
};
/* clang-format on */
const size_t n_device_rules_default =
	sizeof(device_rules_default) / sizeof(device_rules_default[0]);

/* The registers of the program. */
enum { RESULT = BPF_REG_0, CTX = BPF_REG_1, TYPE, ACCESS, MAJOR, MINOR };

struct compiler {
	const struct device_rule *rules;
	size_t n;
	int64_t *majors, *minors; /* scratch for n numbers each */
	size_t used;		  /* beyond DEVICE_FILTER_MAX: too long, nothing more is written */
	struct bpf_insn code[DEVICE_FILTER_MAX]; /* last: what isn't used is never touched */
};

static size_t emit(struct compiler *c, uint8_t opcode, uint8_t dst, uint8_t src, int16_t off,
		   int32_t imm)
{
	size_t at = c->used++;

	if (at < DEVICE_FILTER_MAX)
		c->code[at] = (struct bpf_insn){ .code = opcode,
						 .dst_reg = dst & 0xf,
						 .src_reg = src & 0xf,
						 .off = off,
						 .imm = imm };
	return at;
}

/* Numbers are 32 bits wide, and so are the comparisons: imm is the same 32 bits, signed or not. */
static size_t emit_unless(struct compiler *c, uint8_t reg, int64_t number)
{
	return emit(c, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, (int32_t)(uint32_t)number);
}

/* Lets the jump at `at` lead to the next instruction. */
static void land(struct compiler *c, size_t at)
{
	if (c->used <= DEVICE_FILTER_MAX)
		c->code[at].off = (int16_t)(c->used - at - 1);
}

/* The bits that stay are those asked for and not allowed; then the result is found at the end,
 * where finish() points all these jumps. */
static void emit_answer(struct compiler *c, unsigned allowed)
{
	emit(c, BPF_ALU | BPF_AND | BPF_K, ACCESS, 0, 0, (int32_t)(DEVICE_ACCESS_ALL & ~allowed));
	emit(c, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static bool rule_matches(const struct device_rule *rule, bool block, int64_t major, int64_t minor)
{
	return (rule->any_type || rule->block == block) &&
	       (rule->major == -1 || rule->major == major) &&
	       (rule->minor == -1 || rule->minor == minor);
}

/* The access that the rules allow for one device: each bit as the last rule naming it says. */
static unsigned rules_allow(const struct compiler *c, bool block, int64_t major, int64_t minor)
{
	unsigned undecided = DEVICE_ACCESS_ALL, allowed = 0;

	for (size_t i = c->n; i-- > 0 && undecided;) {
		const struct device_rule *rule = &c->rules[i];

		if (!rule_matches(rule, block, major, minor))
			continue;
		if (rule->allow)
			allowed |= undecided & rule->access;
		undecided &= ~rule->access;
	}
	return allowed;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t sort_unique(int64_t *list, size_t n)
{
	size_t kept = 0;

	qsort(list, n, sizeof(*list), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || list[kept - 1] != list[i])
			list[kept++] = list[i];
	return kept;
}

/* The minor numbers that matter for `major`, which may be OTHER. */
static size_t named_minors(struct compiler *c, bool block, int64_t major)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->rules[i].minor != -1 &&
		    rule_matches(&c->rules[i], block, major, c->rules[i].minor))
			c->minors[n++] = c->rules[i].minor;
	return sort_unique(c->minors, n);
}

/* Whether a rule that names `major` itself changes any answer against other major numbers. */
static bool major_differs(struct compiler *c, bool block, int64_t major)
{
	size_t n = named_minors(c, block, major);

	if (rules_allow(c, block, major, OTHER) != rules_allow(c, block, OTHER, OTHER))
		return true;
	for (size_t i = 0; i < n; i++)
		if (rules_allow(c, block, major, c->minors[i]) !=
		    rules_allow(c, block, OTHER, c->minors[i]))
			return true;
	return false;
}

static void emit_minors(struct compiler *c, bool block, int64_t major)
{
	size_t n = named_minors(c, block, major);
	unsigned otherwise = rules_allow(c, block, major, OTHER);

	for (size_t i = 0; i < n && c->used <= DEVICE_FILTER_MAX; i++) {
		unsigned allowed = rules_allow(c, block, major, c->minors[i]);
		size_t unless;

		if (allowed == otherwise)
			continue;
		unless = emit_unless(c, MINOR, c->minors[i]);
		emit_answer(c, allowed);
		land(c, unless);
	}
	emit_answer(c, otherwise);
}

static void emit_type(struct compiler *c, bool block)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		if (c->rules[i].major != -1 && (c->rules[i].any_type || c->rules[i].block == block))
			c->majors[n++] = c->rules[i].major;
	n = sort_unique(c->majors, n);

	for (size_t i = 0; i < n && c->used <= DEVICE_FILTER_MAX; i++) {
		size_t unless;

		if (!major_differs(c, block, c->majors[i]))
			continue;
		unless = emit_unless(c, MAJOR, c->majors[i]);
		emit_minors(c, block, c->majors[i]);
		land(c, unless);
	}
	emit_minors(c, block, OTHER);
}

/* Allowed when no bit is left; and all answers lead here. */
static void finish(struct compiler *c)
{
	size_t end = c->used;

	emit(c, BPF_ALU | BPF_MOV | BPF_K, RESULT, 0, 0, 1);
	emit(c, BPF_JMP32 | BPF_JEQ | BPF_K, ACCESS, 0, 1, 0);
	emit(c, BPF_ALU | BPF_MOV | BPF_K, RESULT, 0, 0, 0);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	if (c->used > DEVICE_FILTER_MAX)
		return;
	for (size_t at = 0; at < end; at++)
		if (c->code[at].code == (BPF_JMP | BPF_JA))
			c->code[at].off = (int16_t)(end - at - 1);
}

static void compile(struct compiler *c)
{
	size_t unless;

	emit(c, BPF_LDX | BPF_MEM | BPF_W, ACCESS, CTX,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(c, BPF_LDX | BPF_MEM | BPF_W, MAJOR, CTX, offsetof(struct bpf_cgroup_dev_ctx, major),
	     0);
	emit(c, BPF_LDX | BPF_MEM | BPF_W, MINOR, CTX, offsetof(struct bpf_cgroup_dev_ctx, minor),
	     0);
	emit(c, BPF_ALU | BPF_MOV | BPF_X, TYPE, ACCESS, 0, 0);
	emit(c, BPF_ALU | BPF_AND | BPF_K, TYPE, 0, 0, 0xffff);
	emit(c, BPF_ALU | BPF_RSH | BPF_K, ACCESS, 0, 0, 16);

	unless = emit_unless(c, TYPE, BPF_DEVCG_DEV_CHAR);
	emit_type(c, false);
	land(c, unless);
	unless = emit_unless(c, TYPE, BPF_DEVCG_DEV_BLOCK);
	emit_type(c, true);
	land(c, unless);
	emit_answer(c, 0); /* a type that doesn't exist yet */
	finish(c);
}

size_t device_filter_compile(struct arena *arena, const struct device_rule *rules, size_t n,
			     const struct bpf_insn **insns)
{
	auto_free struct compiler *c = calloc(1, sizeof(*c));
	auto_free int64_t *scratch = calloc(2 * n + 1, sizeof(*scratch));
	struct bpf_insn *result;

	*insns = NULL;
	if (!c || !scratch || n > DEVICE_FILTER_MAX)
		return 0;
	c->rules = rules;
	c->n = n;
	c->majors = scratch;
	c->minors = scratch + n;
	compile(c);
	if (c->used > DEVICE_FILTER_MAX)
		return 0;
	result = arena_array(arena, c->used, sizeof(*result));
	if (!result)
		return 0;
	memcpy(result, c->code, c->used * sizeof(*result));
	*insns = result;
	return c->used;
}
