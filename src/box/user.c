/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/user.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/inroot.h"

#define FILE_LIMIT ((size_t)4 << 20)

/* The whole file, NUL-terminated; an empty text when there is none. */
static int load(int root, const char *path, char **text, struct oci_error *err)
{
	auto_fd place = inroot_try_open(root, path, O_PATH);
	auto_fd fd = place < 0 ? -1 : inroot_read_regular(place);
	struct stat st;
	size_t room = 1;

	if (place >= 0 && fd < 0 && errno == EINVAL)
		return fail_code(err, "no-user", "'%s' of the container is no regular file", path);
	if (fd < 0 && (place >= 0 || (errno != ENOENT && errno != ENOTDIR)))
		return fail_sys(err, "open '%s' of the container", path);
	if (fd >= 0) {
		if (fstat(fd, &st) < 0)
			return fail_sys(err, "look at '%s' of the container", path);
		if (st.st_size > (off_t)FILE_LIMIT)
			return fail_code(err, "no-user", "'%s' of the container is too long", path);
		room = (size_t)st.st_size + 1;
	}
	*text = calloc(room, 1);
	if (!*text)
		return fail_code(err, "out-of-memory", "no memory for '%s'", path);
	if (fd >= 0 && file_read_up_to(fd, *text, room - 1) < 0)
		return fail_sys(err, "read '%s' of the container", path);
	return 0;
}

/* Decimal, below 2^32 - 1, which means "no change" to the kernel. */
static bool parse_id(const char *text, uint32_t *id)
{
	uint64_t number = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number >= UINT32_MAX)
			return false;
	}
	*id = (uint32_t)number;
	return true;
}

#define FIELDS 7

/* The next line of *rest in its fields; false at the end. */
static bool next_entry(char **rest, char *fields[FIELDS])
{
	char *line = strsep(rest, "\n");

	if (!line)
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		fields[i] = strsep(&line, ":");
	return true;
}

/* The first entry that has the name, or the number where `by_number`. `user` gets what it says;
 * *name its name, inside the text. */
static int find_passwd(char *text, const char *wanted, bool by_number, struct user *user,
		       const char **name, struct oci_error *err)
{
	char *fields[FIELDS];
	uint32_t id;

	while (next_entry(&text, fields)) {
		if (!fields[0] || !*fields[0] || !fields[3])
			continue;
		if (by_number ? !parse_id(fields[2], &id) || id != user->uid
			      : strcmp(fields[0], wanted) != 0)
			continue;
		if (!parse_id(fields[2], &user->uid) || !parse_id(fields[3], &user->gid))
			return fail_code(err, "no-user",
					 "the entry of '%s' in the container's /etc/passwd has no "
					 "valid ids",
					 wanted);
		*name = fields[0];
		return 0;
	}
	if (by_number)
		return 0;
	return fail_code(err, "no-user", "there is no user '%s' in the container's /etc/passwd",
			 wanted);
}

static int find_group(char *text, const char *wanted, uint32_t *gid, struct oci_error *err)
{
	char *fields[FIELDS];

	while (next_entry(&text, fields))
		if (fields[0] && fields[2] && !strcmp(fields[0], wanted)) {
			if (parse_id(fields[2], gid))
				return 0;
			return fail_code(err, "no-user",
					 "the entry of '%s' in the container's /etc/group has no "
					 "valid id",
					 wanted);
		}
	return fail_code(err, "no-user", "there is no group '%s' in the container's /etc/group",
			 wanted);
}

static bool is_member(char *members, const char *name)
{
	char *member;

	while ((member = strsep(&members, ",")))
		if (!strcmp(member, name))
			return true;
	return false;
}

static int add_groups(char *text, const char *name, struct user *user, struct oci_error *err)
{
	char *fields[FIELDS];
	uint32_t gid;

	while (next_entry(&text, fields)) {
		if (!fields[3] || !parse_id(fields[2], &gid) || gid == user->gid ||
		    !is_member(fields[3], name))
			continue;
		if (user->n_groups == USER_GROUPS_MAX)
			return fail_code(err, "no-user",
					 "'%s' is in more than %d groups of the container", name,
					 USER_GROUPS_MAX);
		user->groups[user->n_groups++] = gid;
	}
	return 0;
}

int user_find(int root, const char *text, struct user *user, struct oci_error *err)
{
	auto_free char *passwd = NULL, *group = NULL;
	const char *colon = strchr(text, ':'), *name = NULL;
	char wanted[64];
	bool by_number;

	*user = (struct user){ .uid = 0 };
	/* Cut off it would be somebody else. */
	if (strcspn(text, ":") >= sizeof(wanted))
		return fail_code(err, "no-user", "'%.80s...' is too long for a user", text);
	(void)snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(text, ":"), text);
	by_number = parse_id(wanted, &user->uid);
	TRY(load(root, "/etc/passwd", &passwd, err));
	TRY(load(root, "/etc/group", &group, err));
	TRY(find_passwd(passwd, wanted, by_number, user, &name, err));
	if (colon && parse_id(colon + 1, &user->gid))
		return 0;
	if (colon)
		return find_group(group, colon + 1, &user->gid, err);
	return name ? add_groups(group, name, user, err) : 0;
}
