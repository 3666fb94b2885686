/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Compiled seccomp filters, judged by an interpreter of the classic BPF that they are made of: what
 * would the kernel answer to this call? And the file that keeps them.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "plan/filter.h"
#include "plan/plan.h"
#include "steps/seccomp.h"
#include "tests/unit/tap.h"

#define X32_BIT 0x40000000U
#define ENOSYS_VERDICT (SECCOMP_RET_ERRNO | ENOSYS)
#define NOTHING 0x11111111U /* no filter returns that */

/* --- The interpreter --- */

static uint32_t load(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	if (offset > sizeof(*data) - 4 || offset % 4)
		return NOTHING;
	memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static bool jumps(const struct sock_filter *code, uint32_t a)
{
	switch (BPF_OP(code->code)) {
	case BPF_JEQ:
		return a == code->k;
	case BPF_JGT:
		return a > code->k;
	case BPF_JGE:
		return a >= code->k;
	default:
		return a & code->k;
	}
}

/* What the program returns; NOTHING when it leaves its end or does what isn't known here. */
static uint32_t judge(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t at = 0; at < n; at++) {
		switch (code[at].code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = load(data, code[at].k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= code[at].k;
			break;
		case BPF_JMP | BPF_JA:
			at += code[at].k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			at += jumps(&code[at], a) ? code[at].jt : code[at].jf;
			break;
		case BPF_RET | BPF_K:
			return code[at].k;
		default:
			return NOTHING;
		}
	}
	return NOTHING;
}

static uint32_t verdict(const struct filter *filter, uint32_t arch, uint32_t number)
{
	const struct seccomp_data data = { .nr = (int)number, .arch = arch };

	return judge(filter->code, filter->n, &data);
}

/* --- The prologue alone --- */

static uint32_t of_stub(const struct filter_range *ranges, size_t n, uint32_t arch, uint32_t number)
{
	struct sock_filter code[FILTER_STUB_ROOM + 1];
	size_t used = filter_stub(ranges, n, code);
	const struct seccomp_data data = { .nr = (int)number, .arch = arch };

	code[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_LOG);
	return judge(code, used, &data);
}

static void test_ranges(void)
{
	struct filter_range range;

	tap_ok(filter_newer(SCMP_ARCH_X86_64, 450, &range), "x86_64 has newer calls than 450");
	tap_ok(range.arch == AUDIT_ARCH_X86_64 && range.from == 451 && range.to == X32_BIT - 1,
	       "from 451 up to the x32 bit");
	tap_ok(filter_newer(SCMP_ARCH_X32, X32_BIT + 450, &range), "x32 has newer calls");
	tap_ok(range.arch == AUDIT_ARCH_X86_64 && range.from == X32_BIT + 451 &&
		       range.to == X32_BIT + 511,
	       "up to its own at 512");
	tap_ok(!filter_ordinary(SCMP_ARCH_X32, X32_BIT + 512), "which don't count as the newest");
	tap_ok(filter_ordinary(SCMP_ARCH_X32, X32_BIT + 511), "the others do");
	tap_ok(filter_newer(SCMP_ARCH_ARM, 450, &range), "ARM has newer calls");
	tap_ok(range.to == 0xeffff, "up to its private ones");
	tap_ok(!filter_ordinary(SCMP_ARCH_ARM, 0xf0002), "which don't count as the newest");
	tap_ok(!filter_newer(SCMP_ARCH_ARM, 0xeffff, &range), "none is newer than the last");
	tap_ok(filter_newer(SCMP_ARCH_MIPS64, 5400, &range), "MIPS counts from 5000");
	tap_ok(range.from == 5401, "as its numbers are");
}

static void test_stub(void)
{
	enum { N = FILTER_RANGES };
	struct filter_range ranges[N] = { { 0 } };
	bool right = true;

	tap_ok(of_stub(ranges, 0, 1, 1) == SECCOMP_RET_LOG, "no ranges, no prologue");
	for (uint32_t i = 0; i < N; i++)
		ranges[i] =
			(struct filter_range){ .arch = 100 + i, .from = 10 * i, .to = 10 * i + 5 };
	for (uint32_t arch = 99; arch <= 100 + N; arch++) {
		for (uint32_t number = 0; number < 10 * N + 10; number++) {
			uint32_t i = arch - 100;
			bool newer =
				arch >= 100 && i < N && number >= 10 * i && number <= 10 * i + 5;

			right &= of_stub(ranges, N, arch, number) ==
				 (newer ? ENOSYS_VERDICT : SECCOMP_RET_LOG);
		}
	}
	tap_ok(right, "each range of each architecture, and nothing else");
	ranges[0] = (struct filter_range){ .arch = 7, .from = 451, .to = X32_BIT - 1 };
	ranges[1] = (struct filter_range){ .arch = 7, .from = X32_BIT + 451, .to = X32_BIT + 511 };
	tap_ok(of_stub(ranges, 2, 7, 450) == SECCOMP_RET_LOG, "the newest known goes on");
	tap_ok(of_stub(ranges, 2, 7, 451) == ENOSYS_VERDICT, "the next doesn't");
	tap_ok(of_stub(ranges, 2, 7, X32_BIT - 1) == ENOSYS_VERDICT, "nor does the last");
	tap_ok(of_stub(ranges, 2, 7, X32_BIT + 3) == SECCOMP_RET_LOG, "two ranges in one arch");
	tap_ok(of_stub(ranges, 2, 7, X32_BIT + 451) == ENOSYS_VERDICT, "both hold");
	tap_ok(of_stub(ranges, 2, 7, X32_BIT + 512) == SECCOMP_RET_LOG, "x32's own go on");
	tap_ok(of_stub(ranges, 2, 7, 0xffffffff) == SECCOMP_RET_LOG, "a tracer's -1 goes on");
	tap_ok(of_stub(ranges, 2, 8, 500) == SECCOMP_RET_LOG, "another architecture goes on");
}

/* --- Whole filters --- */

struct scene {
	struct oci_config config;
	struct request request;
	struct host host;
	struct plan plan;
	struct filter filter;
};

/* Plans and compiles a profile; false: refused, err says why. */
static bool compile(struct scene *s, const char *seccomp, struct oci_error *err)
{
	char *text = NULL;
	int size = asprintf(&text,
			    "{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"r\"}, \"process\": "
			    "{\"cwd\": \"/\", \"args\": [\"x\"]}, \"linux\": {\"namespaces\": "
			    "[{\"type\": \"mount\"}], \"seccomp\": %s}}",
			    seccomp);
	bool good;

	*s = (struct scene){ .request = { .id = "c1", .bundle = "/b" },
			     .host = { .capabilities = UINT64_MAX,
				       .known_caps = UINT64_MAX,
				       .cgroup_mount = "/sys/fs/cgroup" } };
	*err = (struct oci_error){ 0 };
	good = size > 0 && oci_config_read(&s->config, text, (size_t)size, NULL, err) == 0 &&
	       plan_make(&s->plan, &s->config, &s->request, &s->host, NULL, err) == 0 &&
	       filter_compile(&s->plan.seccomp, &s->filter, err) == 0;
	free(text);
	return good;
}

static void done(struct scene *s)
{
	filter_free(&s->filter);
	plan_free(&s->plan);
	oci_config_close(&s->config);
}

static const char small[] =
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [\"SCMP_ARCH_X86_64\", "
	"\"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\", \"SCMP_ARCH_AARCH64\", \"SCMP_ARCH_ARM\"], "
	"\"syscalls\": [{\"names\": [\"execve\", \"read\", \"socket\", \"openat\", \"no_such\", "
	"\"rt_sigaction\", \"cacheflush\"], \"action\": \"SCMP_ACT_ALLOW\"}, {\"names\": "
	"[\"personality\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": "
	"8, "
	"\"op\": \"SCMP_CMP_EQ\"}]}]}";

/* Each number up to 600 in each architecture: allowed, refused, or newer. */
static void test_every_number(void)
{
	static const struct {
		uint32_t token, arch;
		const char *name;
	} archs[] = { { SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, "x86_64" },
		      { SCMP_ARCH_X86, AUDIT_ARCH_I386, "x86" },
		      { SCMP_ARCH_X32, AUDIT_ARCH_X86_64, "x32" },
		      { SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, "aarch64" },
		      { SCMP_ARCH_ARM, AUDIT_ARCH_ARM, "arm" } };
	static const char *const names[] = { "execve", "read", "socket", "openat", "rt_sigaction" };
	struct oci_error err;
	struct scene s;

	tap_ok(compile(&s, small, &err), "a profile compiles: %s", err.text);
	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		uint32_t base = archs[i].token == SCMP_ARCH_X32 ? X32_BIT : 0;
		/* openat is the newest that it names, but on ARM and x86 whose socket came later.
		 */
		int newest = -1;
		bool right = true;

		for (size_t k = 0; k < 5; k++) {
			int number = seccomp_syscall_resolve_name_arch(archs[i].token, names[k]);

			if (number > newest && !(base && number >= (int)(X32_BIT + 512)))
				newest = number;
		}
		for (uint32_t number = base; number < base + 600; number++) {
			uint32_t should = SECCOMP_RET_ERRNO | 1;

			if ((int)number > newest && !(base && number >= base + 512))
				should = ENOSYS_VERDICT;
			for (size_t k = 0; k < 5; k++)
				if ((int)number ==
				    seccomp_syscall_resolve_name_arch(archs[i].token, names[k]))
					should = SECCOMP_RET_ALLOW;
			if (verdict(&s.filter, archs[i].arch, number) != should) {
				right = false;
				tap_ok(false, "%s: call %u is %08x instead of %08x", archs[i].name,
				       number, verdict(&s.filter, archs[i].arch, number), should);
			}
		}
		tap_ok(right, "%s: each call is allowed, refused or newer as it should",
		       archs[i].name);
	}
	tap_ok(verdict(&s.filter, AUDIT_ARCH_ARM, 0xf0002) == SECCOMP_RET_ALLOW,
	       "arm's private cacheflush is allowed");
	tap_ok(verdict(&s.filter, AUDIT_ARCH_S390X, 3) == SECCOMP_RET_KILL_PROCESS,
	       "an architecture that isn't listed ends the process");
	done(&s);
}

static void test_arguments(void)
{
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64 };
	struct oci_error err;
	struct scene s;

	tap_ok(compile(&s, small, &err), "the profile again");
	data.nr = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64, "personality");
	data.args[0] = 8;
	tap_ok(judge(s.filter.code, s.filter.n, &data) == SECCOMP_RET_ALLOW, "personality(8)");
	data.args[0] = 9;
	tap_ok(judge(s.filter.code, s.filter.n, &data) == (SECCOMP_RET_ERRNO | 1),
	       "personality(9)");
	data.args[0] = 8 | UINT64_C(1) << 40;
	tap_ok(judge(s.filter.code, s.filter.n, &data) == (SECCOMP_RET_ERRNO | 1),
	       "all 64 bits count");
	done(&s);
}

/* Only an errno as default has a prologue. */
static void test_defaults(void)
{
	static const struct {
		const char *action;
		uint32_t newer;
	} cases[] = { { "ALLOW", SECCOMP_RET_ALLOW },
		      { "LOG", SECCOMP_RET_LOG },
		      { "ERRNO", ENOSYS_VERDICT },
		      { "TRAP", SECCOMP_RET_TRAP },
		      { "TRACE", SECCOMP_RET_TRACE | 1 },
		      { "KILL", SECCOMP_RET_KILL_THREAD },
		      { "KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		      { "KILL_PROCESS", SECCOMP_RET_KILL_PROCESS } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *rule =
			i < 2 ? "{\"names\": [\"chmod\"], \"action\": \"SCMP_ACT_TRAP\"}"
			      : "{\"names\": [\"execve\"], \"action\": \"SCMP_ACT_ALLOW\"}";
		struct oci_error err;
		struct scene s;
		char text[512];

		(void)snprintf(text, sizeof(text),
			       "{\"defaultAction\": \"SCMP_ACT_%s\", \"syscalls\": [%s], "
			       "\"architectures\": [\"SCMP_ARCH_X86_64\"]}",
			       cases[i].action, rule);
		tap_ok(compile(&s, text, &err), "%s compiles: %s", cases[i].action, err.text);
		tap_ok(verdict(&s.filter, AUDIT_ARCH_X86_64, 999) == cases[i].newer,
		       "default %s: a new call is %08x", cases[i].action,
		       verdict(&s.filter, AUDIT_ARCH_X86_64, 999));
		done(&s);
	}
}

/* The profile that an engine sends, with every call that libseccomp has a name for. */
static void test_engine_profile(void)
{
	struct oci_error err = { 0 };
	struct scene s = { .request = { .id = "c1", .bundle = "/b" },
			   .host = { .capabilities = UINT64_MAX,
				     .known_caps = UINT64_MAX,
				     .cgroup_mount = "/sys/fs/cgroup" } };
	const char *path = tap_source("tests/cases/real/containerd-limited-seccomp.json");
	bool right = true;
	size_t size, n = 0;
	char *text = tap_slurp(path, &size);

	if (!tap_ok(text && oci_config_read(&s.config, text, size, NULL, &err) == 0,
		    "an engine's config is read"))
		return;
	/* Only the profile matters here. */
	memset(&s.config.linux.resources, 0, sizeof(s.config.linux.resources));
	tap_ok(plan_make(&s.plan, &s.config, &s.request, &s.host, NULL, &err) == 0 &&
		       filter_compile(&s.plan.seccomp, &s.filter, &err) == 0,
	       "its profile compiles: %s", err.text);
	free(text);
	for (size_t i = 0; i < s.plan.seccomp.n_rules; i++) {
		const struct plan_seccomp_rule *rule = &s.plan.seccomp.rules[i];

		for (size_t k = 0; k < rule->names->n && rule->n_args == 0; k++) {
			int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_X86_64,
								       rule->names->v[k]);

			n += number >= 0;
			right &= number < 0 || verdict(&s.filter, AUDIT_ARCH_X86_64,
						       (uint32_t)number) == rule->action;
		}
	}
	tap_ok(right && n > 250, "each of %zu calls that it names gets its action", n);
	done(&s);
}

/* --- The file --- */

static void test_file(void)
{
	static const char key[] = "made of this";
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 1), BPF_STMT(BPF_RET | BPF_K, 2) };
	struct filter filter = { .code = code, .n = 2, .flags = 5 };
	struct filter got = { .code = NULL };
	struct oci_error err = { 0 };
	bool noticed = true;
	size_t size;
	char *text = filter_encode(&filter, key, sizeof(key), &size);

	tap_ok(filter_decode(text, size, key, sizeof(key), &got, &err) == 0,
	       "what is written is read");
	tap_ok(got.n == 2 && got.flags == 5 && memcmp(got.code, code, sizeof(code)) == 0,
	       "the same");
	filter_free(&got);
	tap_ok(filter_decode(text, size, "made of that", sizeof(key), &got, &err) < 0,
	       "another key");
	tap_ok(filter_decode(text, size, key, sizeof(key) - 1, &got, &err) < 0, "a shorter key");
	tap_ok(filter_decode(text, size, NULL, 0, &got, &err) < 0, "no key");
	for (size_t at = 0; at < size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			text[at] = (char)(text[at] ^ (1 << bit));
			noticed &= filter_decode(text, size, key, sizeof(key), &got, &err) < 0;
			text[at] = (char)(text[at] ^ (1 << bit));
		}
	}
	tap_ok(noticed, "each flipped bit is noticed");
	for (size_t less = 0; less < size; less++)
		noticed &= filter_decode(text, less, key, sizeof(key), &got, &err) < 0;
	tap_ok(noticed, "each shorter file is noticed");
	free(text);
	text = filter_encode(&filter, NULL, 0, &size);
	tap_ok(filter_decode(text, size, NULL, 0, &got, &err) == 0, "a file without key");
	filter_free(&got);
	free(text);
	filter.n = 0;
	text = filter_encode(&filter, NULL, 0, &size);
	tap_ok(filter_decode(text, size, NULL, 0, &got, &err) < 0, "no instructions at all");
	free(text);
}

static void test_key(void)
{
	static const char *const profiles[] = {
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"ab\", "
		"\"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\"}]}",
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"a\", "
		"\"bc\"], "
		"\"action\": \"SCMP_ACT_ERRNO\"}]}",
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"ab\", "
		"\"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 2}]}",
		"{\"defaultAction\": \"SCMP_ACT_LOG\", \"syscalls\": [{\"names\": [\"ab\", \"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\"}]}",
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"ab\", "
		"\"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 0, \"value\": 0, \"op\": "
		"\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"ab\", "
		"\"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\"}], \"flags\": [\"SECCOMP_FILTER_FLAG_LOG\"]}",
		"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"ab\", "
		"\"c\"], "
		"\"action\": \"SCMP_ACT_ERRNO\"}], \"architectures\": [\"SCMP_ARCH_X86\"]}",
	};
	enum { N = sizeof(profiles) / sizeof(profiles[0]) };
	struct filter_maker makers[] = { { { 2, 5, 4 }, 6, SCMP_ARCH_X86_64 },
					 { { 2, 5, 5 }, 6, SCMP_ARCH_X86_64 },
					 { { 2, 5, 4 }, 7, SCMP_ARCH_X86_64 },
					 { { 2, 5, 4 }, 6, SCMP_ARCH_AARCH64 } };
	char *keys[N + 4];
	size_t sizes[N + 4], n = 0;
	bool differ = true;

	for (size_t i = 0; i < N + 3; i++) {
		struct oci_error err;
		struct scene s;

		(void)compile(&s, profiles[i < N ? i : 0], &err);
		keys[n] = filter_key(&s.plan.seccomp, &makers[i < N ? 0 : i - N + 1], &sizes[n]);
		n++;
		done(&s);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			differ &= sizes[i] != sizes[k] || memcmp(keys[i], keys[k], sizes[i]) != 0;
	tap_ok(differ, "whatever goes into a filter changes its key");
	for (size_t i = 0; i < n; i++)
		free(keys[i]);
}

int main(void)
{
	test_ranges();
	test_stub();
	test_every_number();
	test_arguments();
	test_defaults();
	test_engine_profile();
	test_file();
	test_key();
	return tap_done();
}
