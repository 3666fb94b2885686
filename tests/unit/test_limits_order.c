/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order in which limits are written, and what is kept for their undoing, on files that only
 * look like a cgroup's: what is saved tells it.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "steps/limits.h"
#include "tests/unit/tap.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *const files[] = { "cgroup.procs", "memory.max",    "memory.swap.max",
				     "cpu.max",	     "cpu.max.burst", "pids.max" };

static void fill(int dir, const char *file, const char *content)
{
	auto_fd fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		printf("# %s can't be made\n", file);
}

/* Writes two limits, listed either way, where the second's file has `now`. */
static void check_order(int dir, struct plan_limit first, struct plan_limit second, const char *now,
			const char *expected, const char *what)
{
	const struct plan_limit limits[] = { first, second }, turned[] = { second, first };
	struct limits_saved saved = { 0 };
	struct oci_error err = { 0 };
	char order[128] = "";

	for (int turn = 0; turn < 2; turn++) {
		fill(dir, first.file, "max\n");
		fill(dir, second.file, now);
		tap_ok(limits_write(dir, turn ? turned : limits, N(limits), &saved, &err) == 0,
		       "%s: written: %s", what, err.text);
		order[0] = '\0';
		for (size_t i = 0; i < saved.n; i++) {
			(void)strncat(order, saved.lines[i].file, 40);
			(void)strcat(order, " ");
		}
		tap_is_str(order, expected, "%s, the %s one listed first", what,
			   turn ? "second" : "first");
		limits_put_back(dir, &saved);
	}
}

static void read_file(int dir, const char *file, char *content, size_t size)
{
	auto_fd fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, content, size - 1);

	content[n < 0 ? 0 : n] = '\0';
}

/* Writes one limit to a file that has `now`: what is kept for the undoing, and what was written. */
static void check_kept(int dir, struct plan_limit limit, const char *now, const char *kept,
		       const char *what)
{
	struct limits_saved saved = { 0 };
	struct oci_error err = { 0 };
	char content[128];

	fill(dir, limit.file, now);
	tap_ok(limits_write(dir, &limit, 1, &saved, &err) == 0 && saved.n == 1, "%s: written: %s",
	       what, err.text);
	tap_is_str(saved.n ? saved.lines[0].line : NULL, kept, "%s: what was there is kept", what);
	read_file(dir, limit.file, content, sizeof(content));
	tap_ok(strncmp(content, limit.value, strlen(limit.value)) == 0, "%s: the line is in it",
	       what);
	limits_forget(&saved);
	(void)unlinkat(dir, limit.file, 0);
}

/* Which of the two files of a weight there are, and which of them get it. */
static void check_weight(int dir, bool iocost, bool bfq)
{
	struct plan_limit weight = { .file = "io.weight",
				     .value = "default 4950",
				     .other = "io.bfq.weight",
				     .other_value = "500",
				     .either = true,
				     .pointer = "/linux/resources/blockIO/weight" };
	struct limits_saved saved = { 0 };
	struct oci_error err = { 0 };
	char content[2][64];
	int result;

	if (iocost)
		fill(dir, weight.file, "default 100\n");
	if (bfq)
		fill(dir, weight.other, "default 100\n");
	result = limits_write(dir, &weight, 1, &saved, &err);
	read_file(dir, weight.file, content[0], sizeof(content[0]));
	read_file(dir, weight.other, content[1], sizeof(content[1]));
	tap_ok(result == (iocost || bfq ? 0 : -1), "io.weight %s, io.bfq.weight %s: %s",
	       iocost ? "exists" : "is missing", bfq ? "exists" : "is missing", err.text);
	tap_ok((strncmp(content[0], "default 4950", 12) == 0) == iocost &&
		       (strncmp(content[1], "500", 3) == 0) == bfq,
	       "those that exist have it");
	if (result < 0)
		tap_ok(strstr(err.text,
			      "/linux/resources/blockIO/weight: write 'default 4950' to "
			      "io.weight: No such file or directory: its controller") != NULL,
		       "and why is told");
	limits_put_back(dir, &saved);
	(void)unlinkat(dir, weight.file, 0);
	(void)unlinkat(dir, weight.other, 0);
}

/* What setting bfq's usual weight takes away is kept, and put back behind it. */
static void check_bfq(int dir)
{
	const struct plan_limit weight = { .file = "io.bfq.weight",
					   .value = "700",
					   .pointer = "/linux/resources/blockIO/weight" };
	struct limits_saved saved = { 0 };
	struct oci_error err = { 0 };

	fill(dir, weight.file, "default 100\n8:16 20\n8:0 30\n");
	tap_ok(limits_write(dir, &weight, 1, &saved, &err) == 0 && saved.n == 3, "%s", err.text);
	if (saved.n == 3) {
		tap_is_str(saved.lines[2].line, "default 100", "the usual weight comes back first");
		tap_is_str(saved.lines[1].line, "8:0 30", "then that of one device");
		tap_is_str(saved.lines[0].line, "8:16 20", "and of the other");
	}
	limits_forget(&saved);
	(void)unlinkat(dir, weight.file, 0);
}

/* A cgroup that is removed while limits are written has no files any more, for no other reason. */
static void check_gone(const char *parent)
{
	static const char *const values[] = { "max", "512" };
	char path[64];
	int dir;

	(void)snprintf(path, sizeof(path), "%s/gone", parent);
	dir = mkdir(path, 0700) == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	(void)rmdir(path);
	for (size_t i = 0; i < N(values); i++) {
		const struct plan_limit limit = { .file = "memory.max",
						  .value = values[i],
						  .initial = i == 0,
						  .pointer = "/linux/resources/memory/limit" };
		struct limits_saved saved = { 0 };
		struct oci_error err = { 0 };

		tap_ok(limits_write(dir, &limit, 1, &saved, &err) < 0,
		       "a cgroup that is gone takes no '%s'", values[i]);
		tap_is_str(err.code, "not-running", "its code");
		tap_is_str(err.text,
			   "/linux/resources/memory/limit: container not running: its cgroup is "
			   "gone",
			   "its words");
		limits_forget(&saved);
	}
	(void)close(dir);
}

static struct plan_limit to(const char *file, const char *value)
{
	return (struct plan_limit){ .file = file, .value = value, .pointer = "/limit" };
}

/* What the kernel may kill for is behind the rest, in its order; what can be refused ahead is. */
static void check_split(int dir)
{
	struct plan_limit limits[] = { to("memory.swap.max", "512"), to("memory.max", "max"),
				       to("memory.max", " 512k "), to("pids.max", "5"),
				       to("cpu.max", "5000 50000") };
	static const char *const expected[] = { "pids.max", "cpu.max", "memory.swap.max",
						"memory.max", "memory.max" };
	struct oci_error err = { 0 };
	size_t n = 0;

	fill(dir, "memory.max", "1048576\n");
	fill(dir, "memory.swap.max", "1024\n");
	tap_ok(limits_split(dir, limits, N(limits), &n, &err) == 0 && n == 2,
	       "two are harmless: %s", err.text);
	for (size_t i = 0; i < N(limits); i++)
		tap_is_str(limits[i].file, expected[i], "number %zu", i);
	tap_is_str(limits[3].value, "max", "two lines for one file stay in their order");
	fill(dir, "memory.max", "1000\n");
	for (size_t i = 0; i < N(limits); i++)
		limits[i] = to("memory.max", "2000");
	tap_ok(limits_split(dir, limits, N(limits), &n, &err) == 0 && n == N(limits),
	       "memory that rises is harmless");
	fill(dir, "memory.current", "3000\n");
	limits[4].must_cover = true;
	tap_ok(limits_split(dir, limits, N(limits), &n, &err) < 0 &&
		       strstr(err.text, "3000 bytes are in use") != NULL,
	       "more in use is told ahead: %s", err.text);
	(void)unlinkat(dir, "memory.current", 0);
}

/* A kernel without swap, or that doesn't count it: no machine here has one. */
static void check_no_swap(int dir)
{
	static const struct {
		const char *value;
		bool controller;
		const char *expected;
	} rows[] = {
		{ "0", true, "" },
		{ "512", true, "limit-refused" },
		{ "0", false, "cgroup-controller" },
	};

	(void)unlinkat(dir, "memory.swap.max", 0);
	for (size_t i = 0; i < N(rows); i++) {
		const struct plan_limit limit = to("memory.swap.max", rows[i].value);
		struct limits_saved saved = { 0 };
		struct oci_error err = { 0 };
		int result;

		fill(dir, "cgroup.controllers", rows[i].controller ? "memory\n" : "cpu\n");
		if (!rows[i].controller)
			(void)unlinkat(dir, "memory.max", 0);
		result = limits_write(dir, &limit, 1, &saved, &err);
		tap_ok((result == 0) == !*rows[i].expected,
		       "no memory.swap.max, %s memory.max: '%s'", rows[i].controller ? "a" : "no",
		       rows[i].value);
		tap_is_str(err.code, rows[i].expected, "its code: %s", err.text);
		limits_forget(&saved);
	}
	(void)unlinkat(dir, "cgroup.controllers", 0);
}

int main(void)
{
	char path[] = "/tmp/hull-limits.XXXXXX";
	int dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const struct plan_limit memory = to("memory.max", "512"),
				quota = to("cpu.max", "5000 50000");

	if (dir < 0) {
		printf("Bail out! %s\n", path);
		return 1;
	}
	for (size_t i = 0; i < N(files); i++)
		fill(dir, files[i], "max\n");
	check_order(dir, memory, to("memory.swap.max", "512"), "0\n", "memory.swap.max memory.max ",
		    "swap rises");
	check_order(dir, memory, to("memory.swap.max", "max"), "9999\n",
		    "memory.swap.max memory.max ", "swap rises to no limit");
	check_order(dir, memory, to("memory.swap.max", "512"), "9999\n",
		    "memory.max memory.swap.max ", "swap falls");
	check_order(dir, memory, to("memory.swap.max", "512"), "max\n",
		    "memory.max memory.swap.max ", "swap gets a limit");
	check_order(dir, memory, to("memory.swap.max", "1M"), "9999\n",
		    "memory.swap.max memory.max ", "swap rises, with a suffix");
	check_order(dir, memory, to("memory.swap.max", "some"), "0\n",
		    "memory.swap.max memory.max ", "swap gets what the kernel will refuse");
	check_order(dir, to("memory.swap.max", "0"), to("memory.max", "1g"), "512\n",
		    "memory.max memory.swap.max ", "memory rises, swap falls");
	check_order(dir, memory, to("pids.max", "5"), "max\n", "pids.max memory.max ",
		    "memory falls");
	check_order(dir, quota, to("cpu.max.burst", "500"), "1000\n", "cpu.max.burst cpu.max ",
		    "the burst falls");
	check_order(dir, quota, to("cpu.max.burst", "2000"), "1000\n", "cpu.max cpu.max.burst ",
		    "the burst rises");
	check_kept(dir, to("rdma.max", "mlx5_1 hca_handle=3"),
		   "mlx5_0 hca_handle=1 hca_object=max\nmlx5_1 hca_handle=2 hca_object=max\n",
		   "mlx5_1 hca_handle=2 hca_object=max", "an RDMA device that has a limit");
	check_kept(dir, to("rdma.max", "mlx5_2 hca_handle=3"),
		   "mlx5_21 hca_handle=1 hca_object=max\n", "mlx5_2 hca_handle=max hca_object=max",
		   "an RDMA device that has none");
	check_kept(dir, to("io.bfq.weight", "8:16 30"), "default 100\n8:16 20\n", "8:16 20",
		   "a device with a weight");
	check_kept(dir, to("io.bfq.weight", "8:16 30"), "default 100\n8:1 20\n", "8:16 default",
		   "a device without a weight");
	check_kept(dir, to("io.latency", "8:16 target=10"), "8:0 target=20\n", "8:16 target=max",
		   "a device without a target");
	check_kept(dir, to("misc.max", "sev_es 5"), "sev max\nsev_es 9\n", "sev_es 9",
		   "one of several resources");
	check_kept(dir, to("cpu.max", "5000 50000"), "max 100000\n", "max 100000",
		   "a file of one line");
	check_bfq(dir);
	for (int both = 0; both < 4; both++)
		check_weight(dir, both & 1, both & 2);
	check_split(dir);
	check_gone(path);
	check_no_swap(dir);
	for (size_t i = 0; i < N(files); i++)
		(void)unlinkat(dir, files[i], 0);
	(void)close(dir);
	(void)rmdir(path);
	return tap_done();
}
