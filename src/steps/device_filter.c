/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Loads the device filter and attaches it to the container's cgroup. What it decides is in the
 * plan; this file only talks to the kernel.
 */
#include "steps/device_filter.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "base/sys.h"

/* By this name hull knows its own programs on a cgroup. At most BPF_OBJ_NAME_LEN - 1 bytes. */
#define PROGRAM_NAME "hull_devices"

/* The kernel's own bound of programs on one cgroup and attach type (BPF_CGROUP_MAX_PROGS). */
#define PROGRAMS_MAX 64

#define LOG_SIZE (256 * 1024)
#define LOG_TAIL 1024

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* EAGAIN: a signal interrupted the verifier. */
static int load(union bpf_attr *attr)
{
	int fd;

	do
		fd = sys_bpf(BPF_PROG_LOAD, attr, sizeof(*attr));
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

/* The verifier's words, asked for only now: with a log, loading takes longer. */
static int fail_load(union bpf_attr *attr, struct oci_error *err)
{
	auto_free char *log = calloc(1, LOG_SIZE);
	int num = errno;
	size_t used;

	(void)fail_code(err, "device-filter", "load the device filter: bpf: %s", strerror(num));
	err->num = num;
	if (!log || num == EPERM)
		return -1;
	attr->log_level = 1;
	attr->log_buf = address(log);
	attr->log_size = LOG_SIZE;
	fd_drop(&(int){ load(attr) });
	used = strnlen(log, LOG_SIZE - 1);
	(void)fail_code(err, "device-filter", "load the device filter: bpf: %s; verifier: %s",
			strerror(num), log + (used > LOG_TAIL ? used - LOG_TAIL : 0));
	err->num = num;
	return -1;
}

static int load_filter(const struct plan_cgroup *cgroup, struct oci_error *err)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
				.insns = address(cgroup->filter),
				.insn_cnt = (uint32_t)cgroup->n_filter,
				.license = address("GPL"),
				.prog_name = PROGRAM_NAME };
	int fd = load(&attr);

	return fd < 0 ? fail_load(&attr, err) : fd;
}

static int look_at_program(int fd, struct bpf_prog_info *info)
{
	union bpf_attr query = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(*info), .info = address(info) }
	};

	*info = (struct bpf_prog_info){ 0 };
	return sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &query, sizeof(query));
}

/* An fd of program `id` if it is one of hull's, else -1. */
static int open_own_program(uint32_t id)
{
	union bpf_attr by_id = { .prog_id = id };
	auto_fd fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &by_id, sizeof(by_id));
	struct bpf_prog_info info;

	if (fd < 0 || look_at_program(fd, &info) < 0)
		return -1;
	return strcmp(info.name, PROGRAM_NAME) == 0 ? fd_take(&fd) : -1;
}

static int attach(int cgroup, int program, int replaced, struct oci_error *err)
{
	union bpf_attr attr = { .target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = (uint32_t)program,
				.attach_type = BPF_CGROUP_DEVICE,
				.attach_flags = BPF_F_ALLOW_MULTI };

	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	if (sys_bpf(BPF_PROG_ATTACH, &attr, sizeof(attr)) == 0)
		return 0;
	(void)fail_sys(err, "attach the device filter: bpf%s",
		       errno == EPERM ? " (a cgroup above may have a program that forbids others)"
				      : "");
	(void)snprintf(err->code, sizeof(err->code), "device-filter");
	return -1;
}

static int detach(int cgroup, int program, struct oci_error *err)
{
	union bpf_attr attr = { .target_fd = (uint32_t)cgroup,
				.attach_bpf_fd = (uint32_t)program,
				.attach_type = BPF_CGROUP_DEVICE };

	if (sys_bpf(BPF_PROG_DETACH, &attr, sizeof(attr)) < 0 && errno != ENOENT)
		return fail_sys(err, "detach an earlier device filter: bpf");
	return 0;
}

/* In the place of `replaced`, unless that is -1. Both are kept for the undoing, where there is any.
 */
static int attach_new(struct run *run, int *program, int *replaced, struct oci_error *err)
{
	auto_fd attached = -1;

	TRY(attach(run->cgroup, *program, *replaced, err));
	attached = fd_take(program);
	if (run->state.cgroup_made)
		return 0;
	fd_drop(&run->device_filter);
	fd_drop(&run->earlier_filter);
	run->device_filter = fd_take(&attached);
	run->earlier_filter = fd_take(replaced);
	return 0;
}

/* Puts `program` in the place of hull's earlier one; further ones of hull (made by nobody now) go.
 * Programs of others stay: a device must pass them all. */
static int attach_among(struct run *run, int *program, const uint32_t *ids, uint32_t n,
			struct oci_error *err)
{
	auto_fd none = -1;

	for (uint32_t i = 0; i < n; i++) {
		auto_fd earlier = open_own_program(ids[i]);

		if (earlier < 0)
			continue;
		TRY(*program < 0 ? detach(run->cgroup, earlier, err)
				 : attach_new(run, program, &earlier, err));
	}
	return *program < 0 ? 0 : attach_new(run, program, &none, err);
}

int device_filter_attach(struct run *run, struct oci_error *err)
{
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr query = { .query = { .target_fd = (uint32_t)run->cgroup,
					    .attach_type = BPF_CGROUP_DEVICE,
					    .prog_ids = address(ids),
					    .prog_cnt = PROGRAMS_MAX } };
	auto_fd program = -1;

	if (run->plan->cgroup.n_filter == 0)
		return 0;
	program = load_filter(&run->plan->cgroup, err);
	if (program < 0)
		return -1;
	if (sys_bpf(BPF_PROG_QUERY, &query, sizeof(query)) < 0)
		return fail_sys(err, "look for earlier device filters: bpf");
	return attach_among(run, &program, ids, query.query.prog_cnt, err);
}

void device_filter_undo(struct run *run)
{
	struct oci_error ignored = { 0 }; /* what made the undo necessary is what is reported */

	if (run->device_filter < 0)
		return;
	if (run->earlier_filter >= 0)
		(void)attach(run->cgroup, run->earlier_filter, run->device_filter, &ignored);
	else
		(void)detach(run->cgroup, run->device_filter, &ignored);
	fd_drop(&run->device_filter);
	fd_drop(&run->earlier_filter);
}

int device_filter_look(int cgroup, const struct plan_cgroup *plan, struct device_filters *found,
		       struct oci_error *err)
{
	struct bpf_prog_info expected, info;
	uint32_t ids[PROGRAMS_MAX];
	union bpf_attr query = { .query = { .target_fd = (uint32_t)cgroup,
					    .attach_type = BPF_CGROUP_DEVICE,
					    .prog_ids = address(ids),
					    .prog_cnt = PROGRAMS_MAX } };
	auto_fd program = load_filter(plan, err);

	*found = (struct device_filters){ 0 };
	if (program < 0)
		return -1;
	if (look_at_program(program, &expected) < 0)
		return fail_sys(err, "look at the expected device filter: bpf");
	if (sys_bpf(BPF_PROG_QUERY, &query, sizeof(query)) < 0)
		return fail_sys(err, "look for device filters: bpf");
	found->n = query.query.prog_cnt;
	for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
		auto_fd own = open_own_program(ids[i]);

		if (own < 0 || look_at_program(own, &info) < 0)
			continue;
		found->n_own++;
		/* The kernel's own hash of the instructions. */
		if (memcmp(info.tag, expected.tag, sizeof(info.tag)) == 0)
			found->n_as_planned++;
	}
	return 0;
}
