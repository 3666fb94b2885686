/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libFuzzer target for the planner, on whatever config.json the reader accepts, and on what a
 * reader with a report leaves of others, as `hull check` does it. Beyond "no crash": a report and
 * no report agree, the error is the first refusal, findings can be printed, and an accepted plan
 * has what the steps rely on. Seeds: tests/cases. Built and run by tools/fuzz.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/device_filter.h"
#include "plan/plan.h"
#include "plan/unread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

struct findings {
	bool refused;
	char first[2048];
};

static int found(void *ctx, enum plan_finding kind, const char *pointer, const char *text)
{
	struct findings *findings = ctx;

	demand(pointer[0] == '/', "a pointer begins with a slash");
	demand(text[0], "a finding has a text");
	for (const char *c = text; *c; c++)
		demand((unsigned char)*c >= ' ' && *c != 0x7f, "a finding can be printed");
	if (kind != PLAN_NOTE && !findings->refused) {
		findings->refused = true;
		(void)snprintf(findings->first, sizeof(findings->first), "%s: %s", pointer, text);
	}
	return 0;
}

static void check_path(const char *path)
{
	demand(path && path[0] == '/', "a path is absolute");
}

static void check_mounts(const struct plan *plan)
{
	demand(plan->n_mounts == 0 || plan_new_ns(plan, NS_MOUNT), "mounts are the container's");
	for (size_t i = 0; i < plan->n_mounts; i++) {
		const struct plan_mount *m = &plan->mounts[i];

		check_path(m->destination);
		demand(m->kind != MOUNT_BIND || (m->source && m->source[0] == '/'),
		       "a bind has an absolute source");
		demand(!(m->attr_set & m->attr_clear & ~UINT64_C(0x70)),
		       "no attribute is set and cleared");
		demand(m->type != NULL, "a mount has a type");
		for (size_t k = 0; k < m->n_options; k++)
			demand(m->options[k].key && m->options[k].key[0] != '\0',
			       "a parameter has a name");
	}
	for (size_t i = 0; i < plan->n_masked; i++)
		check_path(plan->masked_paths[i]);
	for (size_t i = 0; i < plan->n_readonly; i++)
		check_path(plan->readonly_paths[i]);
}

static void check_process(const struct plan_process *process)
{
	size_t n = process->n_env;

	if (!process->present)
		return;
	demand(process->args && process->args[0] && process->args[0][0], "args names a program");
	check_path(process->cwd);
	demand(!(process->caps.effective & ~process->caps.permitted), "effective is permitted");
	demand(!(process->caps.inheritable & ~process->caps.bounding), "inheritable is bounded");
	demand(!(process->caps.ambient & ~(process->caps.permitted & process->caps.inheritable)),
	       "ambient is permitted and inheritable");
	demand(process->umask <= 0777, "umask has permissions only");
	for (size_t i = 0; i < n; i++)
		demand(strchr(process->env[i], '=') > process->env[i], "env is NAME=VALUE");
	for (size_t i = n; i < n + PLAN_ENV_ROOM; i++)
		demand(!process->env[i], "env has room behind it");
	for (size_t i = 0; i < process->n_rlimits; i++)
		demand(process->rlimits[i].resource >= 0 &&
			       process->rlimits[i].soft <= process->rlimits[i].hard,
		       "a limit can be set");
}

static void check_rest(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_devices; i++)
		check_path(plan->devices[i].path);
	for (size_t i = 0; i < plan->n_sysctls; i++) {
		demand(plan->sysctls[i].path[0] != '/', "a sysctl is below /proc/sys");
		demand(!strstr(plan->sysctls[i].path, "/../"), "and stays there");
		demand(plan_has_ns(plan, plan->sysctls[i].holder), "it is the container's");
	}
	demand(!(plan->hostname || plan->domainname) || plan_has_ns(plan, NS_UTS),
	       "names are the container's");
	for (int kind = 0; kind < HOOK_KINDS; kind++) {
		for (size_t i = 0; i < plan->hooks[kind].n; i++) {
			check_path(plan->hooks[kind].list[i].path);
			demand(plan->hooks[kind].list[i].args[0] != NULL, "a hook has an argv[0]");
			demand(plan->hooks[kind].list[i].timeout_ms != 0, "and time to run");
			demand(plan->hook_state_head && plan->hook_state_tail, "and a state");
		}
	}
	demand(plan->cgroup.path && plan->cgroup.path[0] != '/' && plan->cgroup.path[0],
	       "the cgroup's path is relative");
	demand(!strstr(plan->cgroup.path, "/../"), "and stays below");
	demand(plan->cgroup.n_filter > 0 && plan->cgroup.n_filter <= DEVICE_FILTER_MAX,
	       "there is a device filter");
}

static const struct request request = { .id = "c1", .bundle = "/b:un\\dle" };
static const struct host host = { .capabilities = (UINT64_C(1) << 41) - 2,
				  .known_caps = (UINT64_C(1) << 41) - 1,
				  .cgroup_mount = "/sys/fs/cgroup" };

static int found_unread(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
			unsigned column, const char *text)
{
	(void)line;
	(void)column;
	(void)text;
	if (kind == OCI_INVALID) {
		unread_add(ctx, pointer);
		demand(unread_explains(ctx, pointer), "what is unread explains itself");
	}
	return 0;
}

static void plan_what_is_left(const uint8_t *data, size_t size)
{
	struct unread unread = { NULL, NULL };
	const struct oci_report by_reader = { found_unread, &unread };
	struct findings findings = { .refused = false };
	const struct plan_report report = { found, &findings };
	struct oci_error err = { 0 };
	struct oci_config config;
	struct plan plan;

	demand(oci_config_read(&config, (const char *)data, size, &by_reader, &err) < 0,
	       "a report changes no verdict of the reader");
	if (config.doc) {
		unread_prepare(&unread, &config);
		demand((plan_make(&plan, &config, &request, &host, &report, &err) < 0) ==
			       findings.refused,
		       "a refusal is reported");
		plan_free(&plan);
		demand((plan_make(&plan, &config, &request, &host, NULL, &err) < 0) ==
			       findings.refused,
		       "with or without a report");
		plan_free(&plan);
	}
	oci_config_close(&config);
	unread_free(&unread);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings findings = { .refused = false };
	const struct plan_report report = { found, &findings };
	struct oci_error err = { 0 }, again = { 0 };
	struct oci_config config;
	struct plan plan;
	bool accepted;

	if (oci_config_read(&config, (const char *)data, size, NULL, &err) < 0) {
		plan_what_is_left(data, size);
		return 0;
	}
	accepted = !plan_make(&plan, &config, &request, &host, &report, &err);
	demand(accepted == !findings.refused, "a refusal is reported, and only it refuses");
	if (accepted) {
		check_mounts(&plan);
		check_process(&plan.process);
		check_rest(&plan);
	}
	plan_free(&plan);
	demand(accepted == !plan_make(&plan, &config, &request, &host, NULL, &again),
	       "a report changes no verdict");
	plan_free(&plan);
	if (!accepted)
		demand(!strncmp(err.text, findings.first, 1000) && !strcmp(err.text, again.text) &&
			       again.code[0],
		       "the error is the first refusal");
	oci_config_close(&config);
	return 0;
}
