/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The compiled device filter against the meaning of its rules: an interpreter of the few BPF
 * instructions it uses runs the program for every combination of type, number and access that the
 * rules can tell apart, and a plain evaluation of the list, written for this test alone, says what
 * must come out. Needs no privilege; that the kernel agrees is test_cgroup_steps.
 */
#include "plan/device_filter.h"

#include <stdint.h>
#include <string.h>

#include "base/fd.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum { R = BPF_DEVCG_ACC_READ, W = BPF_DEVCG_ACC_WRITE, K = BPF_DEVCG_ACC_MKNOD };

/* A device and what is wanted of it. */
struct request {
	uint32_t type, major, minor, access;
};

/* --- What must come out --- */

static bool rule_is_about(const struct device_rule *rule, const struct request *want)
{
	uint32_t type = rule->block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	return (rule->any_type || type == want->type) &&
	       (rule->major < 0 || rule->major == want->major) &&
	       (rule->minor < 0 || rule->minor == want->minor);
}

/* Each bit by itself: start denied, let every rule in turn have its say. */
static bool reference(const struct device_rule *rules, size_t n, const struct request *want)
{
	static const uint32_t bits[] = { R, W, K };

	for (size_t b = 0; b < N(bits); b++) {
		bool allowed = false;

		if (!(want->access & bits[b]))
			continue;
		for (size_t i = 0; i < n; i++)
			if ((rules[i].access & bits[b]) && rule_is_about(&rules[i], want))
				allowed = rules[i].allow;
		if (!allowed)
			return false;
	}
	return true;
}

/* --- The interpreter --- */

static uint32_t context_word(const struct request *want, int off)
{
	switch (off) {
	case offsetof(struct bpf_cgroup_dev_ctx, access_type):
		return want->access << 16 | want->type;
	case offsetof(struct bpf_cgroup_dev_ctx, major):
		return want->major;
	case offsetof(struct bpf_cgroup_dev_ctx, minor):
		return want->minor;
	default:
		return UINT32_MAX;
	}
}

/* 0 or 1 as the program says; -1 when it isn't a program (bad jump, unknown instruction, a loop).
 */
static int interpret(const struct bpf_insn *code, size_t n, const struct request *want)
{
	uint32_t reg[11] = { 0 };

	for (size_t at = 0, steps = 0; at < n && steps <= n; at++, steps++) {
		const struct bpf_insn *in = &code[at];
		uint32_t imm = (uint32_t)in->imm;

		switch (in->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			if (in->src_reg != BPF_REG_1)
				return -1;
			reg[in->dst_reg] = context_word(want, in->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			reg[in->dst_reg] = reg[in->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			reg[in->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[in->dst_reg] &= imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			reg[in->dst_reg] >>= imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			if (reg[in->dst_reg] != imm)
				at += (size_t)in->off;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			if (reg[in->dst_reg] == imm)
				at += (size_t)in->off;
			break;
		case BPF_JMP | BPF_JA:
			at += (size_t)in->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0] <= 1 ? (int)reg[0] : -1;
		default:
			return -1;
		}
	}
	return -1;
}

/* --- Every combination --- */

static const uint32_t numbers[] = {
	0, 1, 2, 3, 5, 8, 10, 136, 200, 4095, UINT32_MAX - 1, UINT32_MAX
};

/* The first of them are what random rules name; one more is asked for. */
#define RANDOM_NUMBERS 4

/* How many requests the program answers other than the rules do. */
static unsigned long differences(const struct device_rule *rules, size_t n,
				 const struct bpf_insn *code, size_t n_code, size_t n_numbers,
				 unsigned long *asked)
{
	unsigned long wrong = 0;
	struct request want;

	for (want.type = 0; want.type <= 3; want.type++)
		for (size_t major = 0; major < n_numbers; major++)
			for (size_t minor = 0; minor < n_numbers; minor++)
				for (want.access = 0; want.access <= 7; want.access++) {
					bool known = want.type == BPF_DEVCG_DEV_BLOCK ||
						     want.type == BPF_DEVCG_DEV_CHAR;

					want.major = numbers[major];
					want.minor = numbers[minor];
					wrong += interpret(code, n_code, &want) !=
						 (known ? reference(rules, n, &want)
							: want.access == 0);
					++*asked;
				}
	return wrong;
}

static void check_list(const struct device_rule *rules, size_t n, const char *what)
{
	struct arena arena = { 0 };
	const struct bpf_insn *code;
	unsigned long asked = 0, wrong;
	size_t n_code = device_filter_compile(&arena, rules, n, &code);

	wrong = differences(rules, n, code, n_code, N(numbers), &asked);
	tap_ok(n_code > 0 && wrong == 0,
	       "%s: all of %lu requests are answered as the rules say (%zu instructions)", what,
	       asked, n_code);
	arena_done(&arena);
}

/* clang-format off */
static const struct device_rule
	deny_all[] = { { false, true, false, -1, -1, 7 } },
	allow_all[] = { { true, true, false, -1, -1, 7 } },
	partial[] = { { true, false, false, 1, 3, R } },
	split[] = { { true, false, false, 1, 3, R }, { true, false, false, 1, 3, W } },
	taken_back[] = { { true, false, false, 1, -1, 7 }, { false, false, false, 1, 3, W } },
	given_back[] = { { false, true, false, -1, -1, 7 }, { true, false, true, 8, -1, 7 },
			 { false, false, true, 8, 1, 7 }, { true, false, true, 8, 1, R } },
	any_major[] = { { true, false, false, -1, 3, 7 }, { false, false, false, 1, -1, W } },
	any_type[] = { { true, true, false, 1, 3, 7 } },
	big[] = { { true, false, false, UINT32_MAX, UINT32_MAX - 1, 7 } };
/* clang-format on */

static size_t compiled_size(const struct device_rule *rules, size_t n)
{
	struct arena arena = { 0 };
	const struct bpf_insn *code;
	size_t size = device_filter_compile(&arena, rules, n, &code);

	arena_done(&arena);
	return size;
}

static void check_folding(void)
{
	struct device_rule rules[64];
	size_t n = 0;

	for (size_t i = 0; i < 20; i++)
		rules[n++] = (struct device_rule){ true, false, i % 2, (int64_t)i, 3, R | K };
	rules[n++] = allow_all[0];
	tap_is_int((long long)compiled_size(rules, n), (long long)compiled_size(allow_all, 1),
		   "rules before an 'allow all' cost nothing");
	rules[n - 1] = deny_all[0];
	tap_is_int((long long)compiled_size(rules, n), (long long)compiled_size(deny_all, 1),
		   "rules before a 'deny all' cost nothing");
	tap_is_int((long long)compiled_size(split, N(split)), (long long)compiled_size(partial, 1),
		   "two rules for one device are one answer");
	tap_is_int((long long)compiled_size(NULL, 0), (long long)compiled_size(deny_all, 1),
		   "no rule at all is 'deny all'");
}

static void check_too_many(void)
{
	static struct device_rule rules[2000];

	for (size_t i = 0; i < N(rules); i++)
		rules[i] = (struct device_rule){ true, false, false, (int64_t)i, (int64_t)i, 7 };
	tap_is_int((long long)compiled_size(rules, N(rules)), 0,
		   "what doesn't fit in a program is refused, not cut off");
	tap_ok(compiled_size(rules, 500) > 0, "500 devices fit");
}

/* --- Random lists --- */

static uint64_t seed = 88172645463325252U;

static uint32_t random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32) % n;
}

static int64_t random_number(void)
{
	return random_below(3) == 0 ? -1 : (int64_t)numbers[random_below(RANDOM_NUMBERS)];
}

static void check_random(unsigned lists)
{
	unsigned long wrong = 0, asked = 0;
	unsigned refused = 0;

	for (unsigned list = 0; list < lists; list++) {
		struct device_rule rules[12];
		size_t n = random_below(N(rules) + 1);
		struct arena arena = { 0 };
		const struct bpf_insn *code;
		size_t n_code;

		for (size_t i = 0; i < n; i++)
			rules[i] = (struct device_rule){ .allow = random_below(2),
							 .any_type = random_below(4) == 0,
							 .block = random_below(2),
							 .major = random_number(),
							 .minor = random_number(),
							 .access = 1 + random_below(7) };
		n_code = device_filter_compile(&arena, rules, n, &code);
		refused += n_code == 0;
		wrong += differences(rules, n, code, n_code, RANDOM_NUMBERS + 1, &asked);
		arena_done(&arena);
	}
	tap_ok(refused == 0 && wrong == 0, "%u random lists: %lu requests, %lu wrong, %u refused",
	       lists, asked, wrong, refused);
}

/* --- The default devices --- */

static bool default_allows(uint32_t type, uint32_t major, uint32_t minor, uint32_t access)
{
	struct arena arena = { 0 };
	const struct bpf_insn *code;
	size_t n =
		device_filter_compile(&arena, device_rules_default, n_device_rules_default, &code);
	struct request want = { type, major, minor, access };
	bool allowed = interpret(code, n, &want) == 1;

	arena_done(&arena);
	return allowed;
}

static void check_defaults(void)
{
	static const struct {
		const char *name;
		uint32_t major, minor;
	} devices[] = { { "null", 1, 3 },      { "zero", 1, 5 },      { "full", 1, 7 },
			{ "random", 1, 8 },    { "urandom", 1, 9 },   { "tty", 5, 0 },
			{ "console", 5, 1 },   { "ptmx", 5, 2 },      { "pts/0", 136, 0 },
			{ "pts/77", 136, 77 }, { "net/tun", 10, 200 } };

	for (size_t i = 0; i < N(devices); i++)
		tap_ok(default_allows(BPF_DEVCG_DEV_CHAR, devices[i].major, devices[i].minor, 7),
		       "/dev/%s is usable by default", devices[i].name);
	tap_ok(default_allows(BPF_DEVCG_DEV_BLOCK, 8, 0, K), "a block device may be made");
	tap_ok(!default_allows(BPF_DEVCG_DEV_BLOCK, 8, 0, R), "but not read");
	tap_ok(!default_allows(BPF_DEVCG_DEV_BLOCK, 8, 0, W | K), "and not written");
	tap_ok(default_allows(BPF_DEVCG_DEV_CHAR, 1, 1, K), "/dev/mem may be made");
	tap_ok(!default_allows(BPF_DEVCG_DEV_CHAR, 1, 1, R), "but not read");
	tap_ok(!default_allows(BPF_DEVCG_DEV_CHAR, 10, 229, R), "/dev/fuse is not among them");
}

int main(void)
{
	check_list(NULL, 0, "no rule");
	check_list(deny_all, N(deny_all), "deny all");
	check_list(allow_all, N(allow_all), "allow all");
	check_list(partial, N(partial), "read allowed, so read and write together denied");
	check_list(split, N(split), "read and write allowed by two rules");
	check_list(taken_back, N(taken_back), "write taken back for one device");
	check_list(given_back, N(given_back), "all denied, some given back in parts");
	check_list(any_major, N(any_major), "a minor number of any major");
	check_list(any_type, N(any_type), "a number of both types");
	check_list(big, N(big), "the greatest numbers");
	check_list(device_rules_default, n_device_rules_default, "the default devices");
	check_folding();
	check_too_many();
	check_random(20000);
	check_defaults();
	return tap_done();
}
