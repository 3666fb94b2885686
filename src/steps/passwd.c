/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "steps/passwd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/inroot.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"

/* A file that grows for ever ends here; a longer line is passed over. */
enum { FILE_LIMIT = 4 * 1024 * 1024, LINE_LIMIT = 16 * 1024, FIELDS = 7 };

/* What isn't a regular file (a fifo, a device) isn't even opened. With a procfs of hull's it can't
 * be swapped between the look and the open either: STAGE is outside of the container's device
 * filter, and opening a device has effects. -1 and errno. */
static int open_regular(int root, int proc, const char *path)
{
	auto_fd probe = inroot_try_open(root, path, O_PATH);
	auto_fd fd = -1;
	struct stat st;
	char name[32];

	if (probe < 0 || fstat(probe, &st) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "self/fd/%d", probe);
	if (S_ISREG(st.st_mode) && proc >= 0)
		fd = openat(proc, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	else if (S_ISREG(st.st_mode))
		fd = inroot_try_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	else
		errno = EINVAL;
	/* It may be another one by now. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return fd_take(&fd);
}

/* The line's fields, which it is cut into. */
static size_t split(char *line, char *field[FIELDS])
{
	size_t n = 0;

	for (char *at = line; at && n < FIELDS; n++) {
		field[n] = at;
		at = strchr(at, ':');
		if (at)
			*at++ = '\0';
	}
	return n;
}

/* The lines of a file one after the other, as fields, until visit() says true. */
static bool each_line(int fd, bool (*visit)(char *const *field, size_t n, void *ctx), void *ctx)
{
	char buf[LINE_LIMIT];
	char *field[FIELDS];
	size_t used = 0;
	size_t total = 0;
	bool skipping = false;

	while (total < FILE_LIMIT) {
		ssize_t got = read(fd, buf + used, sizeof(buf) - 1 - used);
		char *line = buf;
		char *newline;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		total += (size_t)got;
		used += (size_t)got;
		while ((newline = memchr(line, '\n', used - (size_t)(line - buf)))) {
			*newline = '\0';
			if (!skipping && visit(field, split(line, field), ctx))
				return true;
			skipping = false;
			line = newline + 1;
		}
		used -= (size_t)(line - buf);
		memmove(buf, line, used);
		if (used == sizeof(buf) - 1) {
			skipping = true;
			used = 0;
		}
	}
	buf[used] = '\0';
	return !skipping && used > 0 && visit(field, split(buf, field), ctx);
}

/* Decimal digits and nothing else; 4294967295 means "unchanged" to the kernel. */
static bool read_id(const char *text, uint32_t *id)
{
	unsigned long long number;

	if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
		return false;
	errno = 0;
	number = strtoull(text, NULL, 10);
	*id = (uint32_t)number;
	return errno == 0 && number < UINT32_MAX;
}

struct home_search {
	uid_t uid;
	char *home;
	size_t room;
};

static bool visit_home(char *const *field, size_t n, void *ctx)
{
	const struct home_search *search = ctx;
	uid_t uid;

	if (n < 6 || !read_id(field[2], &uid) || uid != search->uid || field[5][0] != '/')
		return false;
	return (size_t)snprintf(search->home, search->room, "HOME=%s", field[5]) < search->room;
}

bool passwd_home(int root, int proc, uid_t uid, char *home, size_t room)
{
	struct home_search search = { uid, home, room };
	auto_fd fd = open_regular(root, proc, PASSWD);

	return fd >= 0 && each_line(fd, visit_home, &search);
}

struct name_search {
	const char *name;
	bool valid; /* its numbers are ids */
	uid_t uid;
	gid_t gid;
};

static bool visit_user(char *const *field, size_t n, void *ctx)
{
	struct name_search *search = ctx;

	if (strcmp(field[0], search->name) != 0)
		return false;
	search->valid =
		n >= 4 && read_id(field[2], &search->uid) && read_id(field[3], &search->gid);
	return true;
}

static bool visit_group(char *const *field, size_t n, void *ctx)
{
	struct name_search *search = ctx;

	if (strcmp(field[0], search->name) != 0)
		return false;
	search->valid = n >= 3 && read_id(field[2], &search->gid);
	return true;
}

static int find_name(int root, int proc, const char *path, struct name_search *search,
		     bool (*visit)(char *const *, size_t, void *), struct oci_error *err)
{
	auto_fd fd = open_regular(root, proc, path);

	if (fd < 0 && errno == EINVAL)
		return fail_code(err, "no-user", "--user: '%s' of the container is no regular file",
				 path);
	if (fd < 0) {
		(void)fail_sys(err, "--user: open '%s' of the container, to look up '%s'", path,
			       search->name);
		(void)snprintf(err->code, sizeof(err->code), "no-user");
		return -1;
	}
	if (!each_line(fd, visit, search))
		return fail_code(err, "no-user", "--user: '%s' isn't in '%s' of the container",
				 search->name, path);
	if (!search->valid)
		return fail_code(err, "no-user",
				 "--user: the entry of '%s' in '%s' of the container has no valid "
				 "number",
				 search->name, path);
	return 0;
}

struct member_search {
	const char *name;
	struct run *run;
	size_t n;
	bool full;
};

static bool is_member(const char *members, const char *name)
{
	size_t length = strlen(name);

	while (*members) {
		size_t size = strcspn(members, ",");

		if (size == length && strncmp(members, name, length) == 0)
			return true;
		members += size + (members[size] == ',');
	}
	return false;
}

/* Goes on to the end; a group whose number is none can't be given. */
static bool visit_member(char *const *field, size_t n, void *ctx)
{
	struct member_search *search = ctx;
	gid_t gid;

	if (n < 4 || !is_member(field[3], search->name) || !read_id(field[2], &gid))
		return false;
	for (size_t i = 0; i < search->n; i++)
		if (search->run->groups[i] == gid)
			return false;
	search->full = search->n == RUN_GROUPS;
	if (!search->full)
		search->run->groups[search->n++] = gid;
	return search->full;
}

/* The groups that list the user, behind those that were asked for. */
static int find_groups(struct run *run, struct oci_error *err)
{
	struct plan_process *process = run->own_process;
	struct member_search search = { .name = process->user_name,
					.run = run,
					.n = process->n_gids };
	auto_fd fd = open_regular(run->rootfs, run->proc, GROUP);

	if (process->n_gids > RUN_GROUPS)
		return fail_code(err, "no-user", "--additional-gids: more than %d groups",
				 RUN_GROUPS);
	for (size_t i = 0; i < process->n_gids; i++)
		run->groups[i] = process->gids[i];
	if (fd >= 0) /* an image without the file has no groups */
		(void)each_line(fd, visit_member, &search);
	if (search.full)
		return fail_code(err, "no-user", "--user: '%s' is in more than %d groups",
				 process->user_name, RUN_GROUPS);
	process->gids = run->groups;
	process->n_gids = search.n;
	return 0;
}

static int check_mapped(const struct run *run, struct oci_error *err)
{
	const struct plan *plan = run->plan;
	const struct plan_process *process = &plan->process;

	if (!plan_has_ns(plan, NS_USER))
		return 0;
	if (!plan_id_mapped(&plan->user.uids, process->uid))
		return fail_code(err, "no-user",
				 "--user: user id %u isn't mapped in the container's user "
				 "namespace",
				 process->uid);
	if (!plan_id_mapped(&plan->user.gids, process->gid))
		return fail_code(err, "no-user",
				 "--user: group id %u isn't mapped in the container's user "
				 "namespace",
				 process->gid);
	return 0;
}

int passwd_find_user(struct run *run, struct oci_error *err)
{
	struct plan_process *process = run->own_process;
	struct name_search user = { .name = process->user_name };
	struct name_search group = { .name = process->group_name };

	if (user.name) {
		TRY(find_name(run->rootfs, run->proc, PASSWD, &user, visit_user, err));
		process->uid = user.uid;
	}
	if (group.name) {
		TRY(find_name(run->rootfs, run->proc, GROUP, &group, visit_group, err));
		process->gid = group.gid;
	}
	if (process->users_groups) {
		process->gid = user.gid;
		TRY(find_groups(run, err));
	}
	return check_mapped(run, err);
}
