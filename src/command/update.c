/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull update`: new limits for a container, from options or from a document of linux.resources.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "command/command.h"
#include "command/log.h"
#include "sequence/sequence.h"

/* More than any document of limits; config.json has the same bound. */
#define DOCUMENT_MAX (4 * 1024 * 1024)

enum {
	BLKIO_WEIGHT,
	CPU_BURST,
	CPU_IDLE,
	CPU_PERIOD,
	CPU_QUOTA,
	CPU_RT_PERIOD,
	CPU_RT_RUNTIME,
	CPU_SHARE,
	CPUSET_CPUS,
	CPUSET_MEMS,
	KERNEL_MEMORY,
	KERNEL_MEMORY_TCP,
	MEMORY,
	MEMORY_RESERVATION,
	MEMORY_SWAP,
	PIDS_LIMIT,
	N_LIMITS
};

struct update_options {
	const char *resources;
	const char *limits[N_LIMITS];
	const char *l3_cache_schema, *mem_bw_schema;
};

#define TO(member) OPTION_TEXT, offsetof(struct update_options, member), NULL
#define LIMIT(which) TO(limits[which])

/* clang-format off */
static const struct option_row options[] = {
	{ 'r', "resources", "FILE", "the new limits, as linux.resources has them; - is standard input", TO(resources) },
	{ 0, "blkio-weight", "N", "weight of block I/O, 10 to 1000", LIMIT(BLKIO_WEIGHT) },
	{ 0, "cpu-burst", "N", "microseconds that a period may use above its quota, saved up before", LIMIT(CPU_BURST) },
	{ 0, "cpu-idle", "N", "1: runs only when nobody else wants the CPU; 0: as usual", LIMIT(CPU_IDLE) },
	{ 0, "cpu-period", "N", "microseconds of a period", LIMIT(CPU_PERIOD) },
	{ 0, "cpu-quota", "N", "microseconds of CPU time in each period; -1: no limit", LIMIT(CPU_QUOTA) },
	{ 0, "cpu-rt-period", "N", "only cgroup v1 has it: ignored", LIMIT(CPU_RT_PERIOD) },
	{ 0, "cpu-rt-runtime", "N", "only cgroup v1 has it: ignored", LIMIT(CPU_RT_RUNTIME) },
	{ 0, "cpu-share", "N", "shares of CPU time; 1024 is usual", LIMIT(CPU_SHARE) },
	{ 0, "cpu-shares", "N", NULL, LIMIT(CPU_SHARE) },
	{ 0, "cpuset-cpus", "LIST", "CPUs to run on, such as 0-3,7", LIMIT(CPUSET_CPUS) },
	{ 0, "cpuset-mems", "LIST", "memory nodes to use", LIMIT(CPUSET_MEMS) },
	{ 0, "kernel-memory", "BYTES", "only cgroup v1 has it: ignored", LIMIT(KERNEL_MEMORY) },
	{ 0, "kernel-memory-tcp", "BYTES", "only cgroup v1 has it: ignored", LIMIT(KERNEL_MEMORY_TCP) },
	{ 0, "memory", "BYTES", "limit of memory, such as 512M; -1: none", LIMIT(MEMORY) },
	{ 0, "memory-reservation", "BYTES", "memory that isn't reclaimed while there is other", LIMIT(MEMORY_RESERVATION) },
	{ 0, "memory-swap", "BYTES", "limit of memory and swap together; -1: none", LIMIT(MEMORY_SWAP) },
	{ 0, "pids-limit", "N", "how many processes there may be; -1: no limit", LIMIT(PIDS_LIMIT) },
	{ 0, "l3-cache-schema", "LINE", "new line of resctrl's schemata for the L3 cache", TO(l3_cache_schema) },
	{ 0, "mem-bw-schema", "LINE", "the same for memory bandwidth", TO(mem_bw_schema) },
	OPTIONS_END,
};

enum value { BYTES, SIGNED, UNSIGNED, TEXT };

/* Where each goes. */
static const struct {
	const char *name;
	enum value value;
	size_t offset;
	size_t present; /* of the object's own member */
} places[N_LIMITS] = {
#define AT(member, object) offsetof(struct oci_resources, member), offsetof(struct oci_resources, object.present)
	[BLKIO_WEIGHT]       = { "blkio-weight",       UNSIGNED, AT(block_io.weight, block_io) },
	[CPU_BURST]          = { "cpu-burst",          UNSIGNED, AT(cpu.burst, cpu) },
	[CPU_IDLE]           = { "cpu-idle",           SIGNED,   AT(cpu.idle, cpu) },
	[CPU_PERIOD]         = { "cpu-period",         UNSIGNED, AT(cpu.period, cpu) },
	[CPU_QUOTA]          = { "cpu-quota",          SIGNED,   AT(cpu.quota, cpu) },
	[CPU_RT_PERIOD]      = { "cpu-rt-period",      UNSIGNED, AT(cpu.realtime_period, cpu) },
	[CPU_RT_RUNTIME]     = { "cpu-rt-runtime",     SIGNED,   AT(cpu.realtime_runtime, cpu) },
	[CPU_SHARE]          = { "cpu-share",          UNSIGNED, AT(cpu.shares, cpu) },
	[CPUSET_CPUS]        = { "cpuset-cpus",        TEXT,     AT(cpu.cpus, cpu) },
	[CPUSET_MEMS]        = { "cpuset-mems",        TEXT,     AT(cpu.mems, cpu) },
	[KERNEL_MEMORY]      = { "kernel-memory",      BYTES,    AT(memory.kernel, memory) },
	[KERNEL_MEMORY_TCP]  = { "kernel-memory-tcp",  BYTES,    AT(memory.kernel_tcp, memory) },
	[MEMORY]             = { "memory",             BYTES,    AT(memory.limit, memory) },
	[MEMORY_RESERVATION] = { "memory-reservation", BYTES,    AT(memory.reservation, memory) },
	[MEMORY_SWAP]        = { "memory-swap",        BYTES,    AT(memory.swap, memory) },
	[PIDS_LIMIT]         = { "pids-limit",         SIGNED,   AT(pids.limit, pids) },
#undef AT
};
/* clang-format on */

/* "512M", "512MB", "512MiB" and 536870912 are the same, as with other runtimes and engines. */
static bool scale(const char *unit, int64_t *number)
{
	static const char units[] = "bkmgtp";
	const char *found = *unit ? strchr(units, *unit | ' ') : units;

	if (!found || !*found)
		return false;
	if (*unit && found > units && strcasecmp(unit + 1, "") != 0 &&
	    strcasecmp(unit + 1, "b") != 0 && strcasecmp(unit + 1, "ib") != 0)
		return false;
	if (*unit && found == units && unit[1])
		return false;
	for (; found > units; found--)
		if (__builtin_mul_overflow(*number, 1024, number))
			return false;
	return true;
}

/* Decimal digits, -1 where there may be one, and a unit where there may be one. */
static bool parse(const char *text, enum value value, int64_t *number)
{
	char *end;

	if (strcmp(text, "-1") == 0 && value != UNSIGNED) {
		*number = -1;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoll(text, &end, 10);
	if (errno)
		return false;
	return value == BYTES ? scale(end, number) : *end == '\0';
}

static int refuse(const char *name, const char *text, enum value value, struct oci_error *err)
{
	static const char *const expected[] = {
		[BYTES] = "a number of bytes (such as 536870912 or 512M) or -1",
		[SIGNED] = "a number or -1",
		[UNSIGNED] = "a number",
	};

	return fail_code(err, "usage", "update: --%s: '%s' is not %s", name, text, expected[value]);
}

static int read_option(int which, const char *text, struct oci_resources *resources,
		       struct oci_error *err)
{
	char *at = (char *)resources + places[which].offset;
	char *present = (char *)resources + places[which].present;
	const bool yes = true;
	int64_t number;

	memcpy(present, &yes, sizeof(yes));
	if (places[which].value == TEXT) {
		memcpy(at, &text, sizeof(text));
		return 0;
	}
	if (!parse(text, places[which].value, &number))
		return refuse(places[which].name, text, places[which].value, err);
	if (places[which].value == UNSIGNED) {
		struct oci_maybe_uint value = { true, (uint64_t)number };

		memcpy(at, &value, sizeof(value));
	} else {
		struct oci_maybe_int value = { true, number };

		memcpy(at, &value, sizeof(value));
	}
	return 0;
}

static int read_options(const struct update_options *given, struct oci_resources *resources,
			struct oci_error *err)
{
	for (int i = 0; i < N_LIMITS; i++) {
		if (!given->limits[i])
			continue;
		if (given->resources)
			return fail_code(err, "usage",
					 "update: --%s and --resources: one of the two",
					 places[i].name);
		TRY(read_option(i, given->limits[i], resources, err));
		resources->present = true;
	}
	return 0;
}

/* All of standard input, which may be a pipe; on the heap. */
static int read_input(char **text, size_t *size, struct oci_error *err)
{
	size_t room = 0;

	*text = NULL;
	*size = 0;
	for (;;) {
		ssize_t got;

		if (room - *size < 4096) {
			char *more = realloc(*text, room = 2 * room + 16384);

			if (!more)
				return fail_code(err, "out-of-memory", "no memory for the limits");
			*text = more;
		}
		got = read(STDIN_FILENO, *text + *size, room - *size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_sys(err, "read standard input");
		if (got == 0)
			return 0;
		*size += (size_t)got;
		if (*size > DOCUMENT_MAX)
			return fail_code(err, "invalid-config",
					 "the limits are larger than %d bytes", DOCUMENT_MAX);
	}
}

/* A template with all properties is usual, where 0 says that one isn't meant. Of most it means so
 * anyway; -1 and an option say what can't be said here. */
static void drop_zeros(struct oci_resources *resources)
{
	if (resources->memory.reservation.v == 0)
		resources->memory.reservation.set = false;
	if (resources->cpu.burst.v == 0)
		resources->cpu.burst.set = false;
}

static int read_document(const char *path, struct oci_resources_file *file, struct oci_error *err)
{
	bool input = strcmp(path, "-") == 0;
	auto_free char *text = NULL;
	size_t size = 0;

	TRY(input ? read_input(&text, &size, err)
		  : file_load_at(AT_FDCWD, path, DOCUMENT_MAX, &text, &size, err));
	if (oci_resources_read(file, text, size, err) < 0)
		return fail_in(err, "%s", input ? "standard input" : path);
	drop_zeros(&file->resources);
	return 0;
}

static int check_line(const char *name, const char *line, struct oci_error *err)
{
	if (!line || (*line && !strchr(line, '\n')))
		return 0;
	return fail_code(err, "usage", "update: --%s: expected one line of schemata", name);
}

static void warn(const char *text)
{
	log_warning("%s", text);
}

static int update_command_run(const struct call *call, struct oci_error *err)
{
	const struct update_options *given = call->options;
	const char *root = globals_root(call->globals, err);
	struct oci_resources_file file = { .doc = NULL };
	struct change change = { .l3_cache_schema = given->l3_cache_schema,
				 .mem_bw_schema = given->mem_bw_schema };
	int result = root ? 0 : -1;

	if (result == 0)
		result = check_line("l3-cache-schema", given->l3_cache_schema, err);
	if (result == 0)
		result = check_line("mem-bw-schema", given->mem_bw_schema, err);
	if (result == 0)
		result = read_options(given, &file.resources, err);
	if (result == 0 && given->resources)
		result = read_document(given->resources, &file, err);
	if (result == 0) {
		change.resources = &file.resources;
		result = sequence_update(root, call->operands[0], &change, warn, err);
	}
	oci_resources_close(&file);
	return result;
}

const struct command update_command = {
	.name = "update",
	.operands = "ID",
	.summary = "Change the limits of a container",
	.text = "All that is asked for is changed, or nothing. What isn't named stays. BYTES may "
		"end\n"
		"in K, M, G, T or P.",
	.options = options,
	.options_size = sizeof(struct update_options),
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = update_command_run,
};
