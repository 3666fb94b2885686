/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The limits that `update` merges: each property that libocispec's tables know is changed by
 * itself, so that one that is added there and forgotten in the merge fails here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "libocispec/shape.h"
#include "plan/update.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* Each property that can be set, so that what is lost shows. */
static const char everything[] =
	"{ \"devices\": [{ \"allow\": false, \"access\": \"rwm\" }], \"memory\": { \"limit\": 11, "
	"\"reservation\": 12, \"swap\": 13, \"kernel\": 14, \"kernelTCP\": 15, \"swappiness\": 16, "
	"\"disableOOMKiller\": false, \"useHierarchy\": false, \"checkBeforeUpdate\": false }, "
	"\"cpu\": { \"shares\": 21, \"quota\": 22, \"burst\": 23, \"period\": 24, "
	"\"realtimeRuntime\": 25, \"realtimePeriod\": 26, \"cpus\": \"1\", \"mems\": \"1\", "
	"\"idle\": 0 }, \"blockIO\": { \"weight\": 31, \"leafWeight\": 32, "
	"\"weightDevice\": [{ \"major\": 8, \"minor\": 0, \"weight\": 1, \"leafWeight\": 2 }, "
	"{ \"major\": 8, \"minor\": 16, \"weight\": 3, \"leafWeight\": 4 }], "
	"\"throttleReadBpsDevice\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
	"{ \"major\": 8, \"minor\": 16, \"rate\": 6 }], "
	"\"throttleWriteBpsDevice\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
	"{ \"major\": 8, \"minor\": 16, \"rate\": 6 }], "
	"\"throttleReadIOPSDevice\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
	"{ \"major\": 8, \"minor\": 16, \"rate\": 6 }], "
	"\"throttleWriteIOPSDevice\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
	"{ \"major\": 8, \"minor\": 16, \"rate\": 6 }] }, "
	"\"hugepageLimits\": [{ \"pageSize\": \"2MB\", \"limit\": 41 }, "
	"{ \"pageSize\": \"1GB\", \"limit\": 42 }], "
	"\"network\": { \"classID\": 51, \"priorities\": [{ \"name\": \"eth0\", \"priority\": 5 }, "
	"{ \"name\": \"lo\", \"priority\": 6 }] }, \"pids\": { \"limit\": 61 }, "
	"\"rdma\": { \"mlx5_0\": { \"hcaHandles\": 71, \"hcaObjects\": 72 }, "
	"\"mlx5_1\": { \"hcaHandles\": 73, \"hcaObjects\": 74 } }, "
	"\"unified\": { \"memory.high\": \"81\", \"io.latency\": \"82\" } }";

static const struct shape *shape_of(const struct shape *shape, const char *name)
{
	for (const struct field *field = shape->fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field->shape;
	abort();
}

static const struct shape *resources_shape(void)
{
	return shape_of(shape_of(&oci_config_shape, "linux"), "resources");
}

static void read_text(struct oci_resources_file *file, const char *text)
{
	struct oci_error err = { 0 };

	if (oci_resources_read(file, text, strlen(text), &err) < 0) {
		printf("# %s: %s\n", text, err.text);
		abort();
	}
}

/* Merges, and compares with what is expected: a document, and the pointers behind
 * "/linux/resources" with a space behind each. */
static void check(const char *old, const char *change, const char *expected, const char *names)
{
	struct oci_resources_file files[3];
	struct oci_resources merged;
	struct arena arena = { 0 };
	struct update_named named = { 0 };
	char got[512] = "";
	size_t used = 0;

	read_text(&files[0], old);
	read_text(&files[1], change);
	read_text(&files[2], expected);
	update_merge(&arena, &files[0].resources, &files[1].resources, &merged, &named);
	tap_ok(!arena.failed && shape_equal(resources_shape(), &merged, &files[2].resources),
	       "merged as expected: %s", change);
	for (size_t i = 0; i < named.n; i++)
		used += (size_t)snprintf(got + used, sizeof(got) - used, "%s ",
					 named.pointers[i] + strlen("/linux/resources"));
	tap_is_str(got, names, "and named: %s", change);
	arena_done(&arena);
	for (size_t i = 0; i < N(files); i++)
		oci_resources_close(&files[i]);
}

/* --- Scalars --- */

/* Whose 0 or "" engines send for "not given". */
static bool zero_is_nothing(const char *section, const char *name)
{
	static const char *const such[] = {
		"memory/limit",	      "memory/swap",	 "memory/kernel", "memory/kernelTCP",
		"cpu/shares",	      "cpu/quota",	 "cpu/period",	  "cpu/realtimeRuntime",
		"cpu/realtimePeriod", "cpu/cpus",	 "cpu/mems",	  "blockIO/weight",
		"blockIO/leafWeight", "network/classID",
	};
	char both[64];

	(void)snprintf(both, sizeof(both), "%s/%s", section, name);
	for (size_t i = 0; i < N(such); i++)
		if (strcmp(such[i], both) == 0)
			return true;
	return false;
}

static size_t size_of(enum field_kind kind)
{
	return kind == K_STRING	      ? sizeof(char *)
	       : kind == K_MAYBE_BOOL ? sizeof(struct oci_maybe_bool)
	       : kind == K_MAYBE_INT  ? sizeof(struct oci_maybe_int)
	       : kind == K_MAYBE_UINT ? sizeof(struct oci_maybe_uint)
				      : 0;
}

/* One value for one property, into `old`: nothing but that is other than before. */
static void check_value(const char *old, const struct field *section, const struct field *field,
			const char *value)
{
	struct oci_resources_file before, change;
	struct oci_resources merged, expected;
	struct arena arena = { 0 };
	struct update_named named = { 0 };
	bool nothing = (!strcmp(value, "0") || !strcmp(value, "\"\"")) &&
		       zero_is_nothing(section->name, field->name);
	size_t at = section->offset + field->offset;
	char text[128], pointer[128];

	(void)snprintf(text, sizeof(text), "{ \"%s\": { \"%s\": %s } }", section->name, field->name,
		       value);
	(void)snprintf(pointer, sizeof(pointer), "/linux/resources/%s/%s", section->name,
		       field->name);
	read_text(&before, old);
	read_text(&change, text);
	expected = before.resources;
	*((char *)&expected + section->offset) = true; /* the section is there */
	if (!nothing)
		memcpy((char *)&expected + at, (char *)&change.resources + at,
		       size_of(field->kind));
	update_merge(&arena, &before.resources, &change.resources, &merged, &named);
	tap_ok(!arena.failed && shape_equal(resources_shape(), &merged, &expected), "%s %s %.2s",
	       text, nothing ? "changes nothing" : "replaces nothing else", old);
	tap_is_str(named.n ? named.pointers[0] : NULL, nothing ? NULL : pointer, "its name");
	tap_is_int((long long)named.n, !nothing, "no other name");
	arena_done(&arena);
	oci_resources_close(&change);
	oci_resources_close(&before);
}

static void check_field(const struct field *section, const struct field *field)
{
	static const char *const ints[] = { "7", "0", "-1", "-9" },
				 *const bools[] = { "true", "false" },
				 *const texts[] = { "\"0-3\"", "\"\"" };
	const char *const *values = field->kind == K_STRING	  ? texts
				    : field->kind == K_MAYBE_BOOL ? bools
								  : ints;
	size_t n = field->kind == K_MAYBE_INT ? 4 : 2;

	for (size_t i = 0; i < n; i++) {
		check_value("{}", section, field, values[i]);
		/* What follows from it has a test of its own. */
		if (strcmp(field->name, "limit") != 0 || strcmp(values[i], "-1") != 0 ||
		    strcmp(section->name, "memory") != 0)
			check_value(everything, section, field, values[i]);
	}
}

static void test_scalars(void)
{
	int n = 0;

	for (const struct field *section = resources_shape()->fields; section->name; section++) {
		if (section->kind != K_OBJECT)
			continue;
		for (const struct field *field = section->shape->fields; field->name; field++) {
			if (field->kind == K_LIST)
				continue;
			tap_ok(size_of(field->kind) > 0, "%s/%s is of a kind that this test knows",
			       section->name, field->name);
			check_field(section, field);
			n++;
		}
	}
	tap_is_int(n, 22, "all scalars of the specification were changed");
}

static void test_unset(void)
{
	check(everything, "{}", everything, "");
	check("{}", "{}", "{}", "");
	check(everything, "{ \"memory\": {}, \"cpu\": {}, \"blockIO\": {}, \"network\": {} }",
	      everything, "");
}

static void test_consequences(void)
{
	check("{ \"memory\": { \"limit\": 5, \"swap\": 9 } }", "{ \"memory\": { \"limit\": -1 } }",
	      "{ \"memory\": { \"limit\": -1, \"swap\": -1 } }", "/memory/limit ");
	check("{ \"memory\": { \"limit\": 5, \"swap\": 9 } }",
	      "{ \"memory\": { \"limit\": -1, \"swap\": 0 } }",
	      "{ \"memory\": { \"limit\": -1, \"swap\": -1 } }", "/memory/limit ");
	check("{ \"memory\": { \"limit\": 5, \"swap\": 9 } }",
	      "{ \"memory\": { \"limit\": -1, \"swap\": 7 } }",
	      "{ \"memory\": { \"limit\": -1, \"swap\": 7 } }", "/memory/limit /memory/swap ");
	check("{ \"memory\": { \"limit\": 5 } }", "{ \"memory\": { \"limit\": -1 } }",
	      "{ \"memory\": { \"limit\": -1 } }", "/memory/limit ");
	check("{ \"cpu\": { \"shares\": 5 } }", "{ \"cpu\": { \"idle\": 1 } }",
	      "{ \"cpu\": { \"idle\": 1 } }", "/cpu/idle ");
	check("{ \"cpu\": { \"shares\": 5 } }", "{ \"cpu\": { \"idle\": 1, \"shares\": 0 } }",
	      "{ \"cpu\": { \"idle\": 1 } }", "/cpu/idle ");
	check("{ \"cpu\": { \"shares\": 5 } }", "{ \"cpu\": { \"idle\": 1, \"shares\": 6 } }",
	      "{ \"cpu\": { \"idle\": 1, \"shares\": 6 } }", "/cpu/shares /cpu/idle ");
	check("{ \"cpu\": { \"shares\": 5, \"idle\": 1 } }", "{ \"cpu\": { \"idle\": 0 } }",
	      "{ \"cpu\": { \"shares\": 5, \"idle\": 0 } }", "/cpu/idle ");
}

/* --- Lists --- */

static void test_throttles(void)
{
	static const char *const names[] = { "throttleReadBpsDevice", "throttleWriteBpsDevice",
					     "throttleReadIOPSDevice", "throttleWriteIOPSDevice" };

	for (size_t i = 0; i < N(names); i++) {
		char text[3][512], expected[128];

		(void)snprintf(
			text[0], sizeof(text[0]),
			"{ \"blockIO\": { \"%s\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
			"{ \"major\": 8, \"minor\": 16, \"rate\": 6 }] } }",
			names[i]);
		(void)snprintf(
			text[1], sizeof(text[1]),
			"{ \"blockIO\": { \"%s\": [{ \"major\": 8, \"minor\": 16, \"rate\": 0 }, "
			"{ \"major\": 9, \"minor\": 0, \"rate\": 7 }] } }",
			names[i]);
		(void)snprintf(
			text[2], sizeof(text[2]),
			"{ \"blockIO\": { \"%s\": [{ \"major\": 8, \"minor\": 0, \"rate\": 5 }, "
			"{ \"major\": 8, \"minor\": 16, \"rate\": 0 }, "
			"{ \"major\": 9, \"minor\": 0, \"rate\": 7 }] } }",
			names[i]);
		(void)snprintf(expected, sizeof(expected), "/blockIO/%s/1 /blockIO/%s/2 ", names[i],
			       names[i]);
		check(text[0], text[1], text[2], expected);
		(void)snprintf(expected, sizeof(expected), "/blockIO/%s/0 /blockIO/%s/1 ", names[i],
			       names[i]);
		check("{}", text[0], text[0], expected);
	}
}

static void test_weights(void)
{
	static const char old[] =
		"{ \"blockIO\": { \"weightDevice\": [{ \"major\": 8, \"minor\": 0, "
		"\"weight\": 1, \"leafWeight\": 2 }] } }";

	check(old,
	      "{ \"blockIO\": { \"weightDevice\": [{ \"major\": 8, \"minor\": 0, \"weight\": 3 }, "
	      "{ \"major\": 8, \"minor\": 16, \"leafWeight\": 4 }] } }",
	      "{ \"blockIO\": { \"weightDevice\": [{ \"major\": 8, \"minor\": 0, \"weight\": 3, "
	      "\"leafWeight\": 2 }, { \"major\": 8, \"minor\": 16, \"leafWeight\": 4 }] } }",
	      "/blockIO/weightDevice/0 /blockIO/weightDevice/1 ");
	check(old,
	      "{ \"blockIO\": { \"weightDevice\": [{ \"major\": 8, \"minor\": 0, \"leafWeight\": 5 "
	      "}] } }",
	      "{ \"blockIO\": { \"weightDevice\": [{ \"major\": 8, \"minor\": 0, \"weight\": 1, "
	      "\"leafWeight\": 5 }] } }",
	      "/blockIO/weightDevice/0 ");
}

static void test_hugepages(void)
{
	check("{ \"hugepageLimits\": [{ \"pageSize\": \"2MB\", \"limit\": 5 }] }",
	      "{ \"hugepageLimits\": [{ \"pageSize\": \"1GB\", \"limit\": 6 }, "
	      "{ \"pageSize\": \"2048KB\", \"limit\": 0 }] }",
	      "{ \"hugepageLimits\": [{ \"pageSize\": \"2048KB\", \"limit\": 0 }, "
	      "{ \"pageSize\": \"1GB\", \"limit\": 6 }] }",
	      "/hugepageLimits/1 /hugepageLimits/0 ");
}

static void test_rdma(void)
{
	check("{ \"rdma\": { \"mlx5_0\": { \"hcaHandles\": 1, \"hcaObjects\": 2 } } }",
	      "{ \"rdma\": { \"mlx5_1\": { \"hcaObjects\": 9 }, \"mlx5_0\": { \"hcaHandles\": 0 } "
	      "} }",
	      "{ \"rdma\": { \"mlx5_0\": { \"hcaHandles\": 0, \"hcaObjects\": 2 }, "
	      "\"mlx5_1\": { \"hcaObjects\": 9 } } }",
	      "/rdma/mlx5_1 /rdma/mlx5_0 ");
}

static void test_unified(void)
{
	check("{ \"unified\": { \"memory.high\": \"1\", \"io.latency\": \"2\" } }",
	      "{ \"unified\": { \"memory.high\": \"max\", \"cpu.weight\": \"3\" } }",
	      "{ \"unified\": { \"memory.high\": \"max\", \"io.latency\": \"2\", "
	      "\"cpu.weight\": \"3\" } }",
	      "/unified/memory.high /unified/cpu.weight ");
	check("{}", "{ \"unified\": { \"a.b/c~d\": \"1\" } }",
	      "{ \"unified\": { \"a.b/c~d\": \"1\" } }", "/unified/a.b~1c~0d ");
}

static void test_other_lists(void)
{
	check("{ \"devices\": [{ \"allow\": false }, { \"allow\": true, \"type\": \"c\" }] }",
	      "{ \"devices\": [{ \"allow\": true }] }", "{ \"devices\": [{ \"allow\": true }] }",
	      "/devices ");
	check("{ \"network\": { \"priorities\": [{ \"name\": \"lo\", \"priority\": 1 }] } }",
	      "{ \"network\": { \"priorities\": [{ \"name\": \"a\", \"priority\": 2 }, "
	      "{ \"name\": \"lo\", \"priority\": 0 }] } }",
	      "{ \"network\": { \"priorities\": [{ \"name\": \"lo\", \"priority\": 0 }, "
	      "{ \"name\": \"a\", \"priority\": 2 }] } }",
	      "/network/priorities ");
}

int main(void)
{
	test_scalars();
	test_unset();
	test_consequences();
	test_throttles();
	test_weights();
	test_hugepages();
	test_rdma();
	test_unified();
	test_other_lists();
	return tap_done();
}
