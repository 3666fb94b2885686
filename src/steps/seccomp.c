/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order matters more than the deeds: what is here makes no system call between loading the
 * filter and execve(2) that a profile could forbid. With a listener INIT says with write(2) that it
 * is loaded, and hears with read(2) that somebody listens (sequence/message.h).
 */
#include "steps/seccomp.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "base/unix_socket.h"
#include "libocispec/json_text.h"
#include "plan/seccomp.h"
#include "steps/seccomp_cache.h"

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4) /* Linux 5.7 */
#endif

/* --- What the kernel can --- */

/* Without a program the kernel gets to the point where it wants to read one (EFAULT) only with
 * flags that it knows; nothing is loaded. */
static bool takes_flags(unsigned flags)
{
	return sys_seccomp(SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
}

/* Some are taken only together with others. */
static unsigned complete(unsigned flags, bool notify)
{
	if (notify)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	if (notify && (flags & SECCOMP_FILTER_FLAG_TSYNC))
		flags |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	return flags;
}

unsigned filter_known_flags(unsigned flags)
{
	unsigned known = 0;

	for (unsigned bit = 1; bit; bit <<= 1)
		if ((flags & bit) && (takes_flags(bit) || takes_flags(complete(bit, true))))
			known |= bit;
	return known;
}

bool filter_knows_action(uint32_t action)
{
	return sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int check_kernel(const struct plan_seccomp *seccomp, struct oci_error *err)
{
	unsigned missing;

	if (takes_flags(complete(seccomp->flags, seccomp->notify)))
		return 0;
	if (!takes_flags(0))
		return fail_code(err, "unsupported",
				 "/linux/seccomp: this kernel has no seccomp filters "
				 "(CONFIG_SECCOMP_FILTER)");
	missing = seccomp->flags & ~filter_known_flags(seccomp->flags);
	for (const struct plan_seccomp_word *flag = plan_seccomp_flags; flag->name; flag++)
		if (flag->value & missing)
			return fail_code(err, "unsupported",
					 "/linux/seccomp/flags: this kernel doesn't know %s",
					 flag->name);
	return fail_code(err, "unsupported",
			 "/linux/seccomp: this kernel doesn't take the flags 0x%x together",
			 complete(seccomp->flags, seccomp->notify));
}

const char *filter_library_version(void)
{
	const struct scmp_version *version = seccomp_version();
	static char text[40];

	(void)snprintf(text, sizeof(text), "%u.%u.%u", version->major, version->minor,
		       version->micro);
	return text;
}

/* --- PARENT --- */

int filter_prepare(struct run *run, struct oci_error *err)
{
	const struct plan_seccomp *seccomp = &run->plan->seccomp;
	const struct scmp_version *version = seccomp_version();
	const struct filter_maker maker = { .library = { version->major, version->minor,
							 version->micro },
					    .level = seccomp_api_get(),
					    .native = seccomp_arch_native() };
	const char *root = run->plan->request->state_root;

	TRY(check_kernel(seccomp, err));
	run->filter_key = filter_key(seccomp, &maker, &run->filter_key_size);
	if (!run->filter_key)
		return fail_code(err, "out-of-memory", "no memory for the filter's key");
	if (root && filter_cache_find(root, run->filter_key, run->filter_key_size, &run->filter))
		return 0;
	TRY(filter_compile(seccomp, &run->filter, err));
	run->filter_is_new = true;
	return 0;
}

int filter_keep(struct run *run, struct oci_error *err)
{
	const struct request *request = run->plan->request;
	auto_free char *text = NULL;
	size_t size;

	text = filter_encode(&run->filter, NULL, 0, &size);
	if (!text)
		return fail_code(err, "out-of-memory", "no memory for the filter's copy");
	if (file_replace_at(run->state_dir, STATE_SECCOMP, text, size, 0600, err) < 0)
		return fail_in(err, "'%s/%s'", request->state_root, request->id);
	if (run->filter_is_new)
		filter_cache_keep(request->state_root, run->filter_key, run->filter_key_size,
				  &run->filter);
	return 0;
}

int filter_fetch(struct run *run, struct oci_error *err)
{
	if (filter_file_read(run->state_dir, STATE_SECCOMP, NULL, 0, &run->filter, err) < 0)
		return fail_in(err, "the container's seccomp filter in its state directory");
	return 0;
}

/* --- INIT --- */

bool filter_needs_admin(const struct plan *plan)
{
	return plan->seccomp.present && plan->process.present && !plan->process.no_new_privs;
}

static int explain_load(const struct run *run, struct oci_error *err)
{
	int num = errno;

	(void)fail_sys(err, "/linux/seccomp: seccomp(SECCOMP_SET_MODE_FILTER) of %zu instructions",
		       run->filter.n);
	if (num == EACCES)
		return fail(err, "/linux/seccomp: a filter needs CAP_SYS_ADMIN here, or "
				 "/process/noNewPrivileges true");
	if (num == EBUSY && run->plan->seccomp.notify)
		return fail(err, "/linux/seccomp/listenerPath: the filter that hull itself runs "
				 "under has a listener already, and the kernel allows one");
	return -1;
}

int filter_load(struct run *run, struct oci_error *err)
{
	const struct sock_fprog program = { .len = (unsigned short)run->filter.n,
					    .filter = run->filter.code };
	bool notify = run->plan->seccomp.notify;
	int result;

	/* An unprivileged START may look into a dumpable process of its own only. */
	if (notify && run->plan->host && run->plan->host->rootless && prctl(PR_SET_DUMPABLE, 1) < 0)
		return fail_sys(err, "prctl(PR_SET_DUMPABLE)");
	result =
		sys_seccomp(SECCOMP_SET_MODE_FILTER, complete(run->filter.flags, notify), &program);
	if (result < 0)
		return explain_load(run, err);
	run->filtered = true;
	run->notify_number = notify ? result : -1;
	return 0;
}

/* --- START --- */

int filter_connect(struct run *run, struct oci_error *err)
{
	run->filter_listener = unix_socket_connect(run->plan->seccomp.listener_path, err);
	if (run->filter_listener < 0)
		return fail_in(err, "/linux/seccomp/listenerPath");
	return 0;
}

/* The container process state (config-linux.md of the specification). */
static void write_state(const struct run *run, struct json_text *text)
{
	const struct plan *plan = run->plan;
	const struct state *state = &run->state;

	json_text_open_object(text, NULL);
	json_text_string(text, "ociVersion", PLAN_SPEC_VERSION);
	json_text_open_array(text, "fds");
	json_text_string(text, NULL, "seccompFd");
	json_text_close_array(text);
	json_text_int(text, "pid", run->init_pid);
	if (plan->seccomp.listener_metadata)
		json_text_string(text, "metadata", plan->seccomp.listener_metadata);
	json_text_open_object(text, "state");
	json_text_string(text, "ociVersion", PLAN_SPEC_VERSION);
	json_text_string(text, "id", state->id);
	json_text_string(text, "status",
			 status_names[plan->request->exec ? STATUS_RUNNING : STATUS_CREATED]);
	json_text_int(text, "pid", state->pid);
	json_text_string(text, "bundle", state->bundle);
	if (state->annotations.n > 0) {
		json_text_open_object(text, "annotations");
		for (size_t i = 0; i < state->annotations.n; i++)
			json_text_string(text, state->annotations.v[i].key,
					 state->annotations.v[i].value);
		json_text_close_object(text);
	}
	json_text_close_object(text);
	json_text_close_object(text);
}

int filter_hand_on(struct run *run, struct oci_error *err)
{
	auto_fd notify = sys_pidfd_getfd(run->init_pidfd, run->notify_number);
	struct json_text text;
	int result;

	if (notify < 0)
		return fail_sys(err, "pidfd_getfd of the filter's descriptor");
	json_text_init(&text, false);
	write_state(run, &text);
	result = json_text_check(&text, err);
	if (result == 0)
		result = fd_send(run->filter_listener, text.text, strlen(text.text), notify, err);
	json_text_done(&text);
	fd_drop(&run->filter_listener);
	if (result < 0)
		return fail_in(err, "/linux/seccomp/listenerPath: '%s'",
			       run->plan->seccomp.listener_path);
	return 0;
}

int filter_see(struct run *run, struct oci_error *err)
{
	struct oci_error ignored = { 0 };
	char path[32], text[8192], letter;
	uint64_t start;
	const char *mode;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", run->init_pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text), &ignored) <= 0)
		return 0;
	mode = strstr(text, "\nSeccomp:");
	/* Its pid may be another's by now, and a zombie has nothing any more. */
	if (!mode || state_process_stat(run->init_pid, &letter, NULL, &start) < 0 ||
	    letter == 'Z' || (!run->init_is_child && start != run->state.pid_start))
		return 0;
	if (atoi(mode + strlen("\nSeccomp:")) == SECCOMP_MODE_FILTER)
		return 0;
	(void)sys_pidfd_send_signal(run->init_pidfd, SIGKILL);
	return fail_code(err, "confinement-differs",
			 "the kernel says that the process has no seccomp filter; it was killed");
}
