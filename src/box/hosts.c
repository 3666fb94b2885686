/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/hosts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"

enum { HOSTS_LIMIT = 1 << 20 };

static const char begin[] = "# hullbox: containers of this network\n";
static const char end[] = "# hullbox: end\n";
static const char loopback[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/* --- Making files --- */

/* Anew, also where a former life of the container left one: its mount would keep that. */
static int create(int dir, const char *name, const char *text, size_t size, struct oci_error *err)
{
	TRY(file_replace_at(dir, name, text, size, 0644, err));
	if (fchmodat(dir, name, 0644, 0) < 0) /* whatever the umask is */
		return fail_sys(err, "chmod '%s'", name);
	return 0;
}

static int create_joined(int dir, const char *name, const char *first, const char *second,
			 struct oci_error *err)
{
	auto_free char *text = NULL;
	int size = asprintf(&text, "%s%s", first, second);

	if (size < 0) {
		text = NULL;
		return fail_code(err, "out-of-memory", "no memory for '%s'", name);
	}
	return create(dir, name, text, (size_t)size, err);
}

int hosts_create(int dir, const char *text, struct oci_error *err)
{
	return create_joined(dir, "hosts", loopback, text, err);
}

int hosts_copy(int dir, const char *text, struct oci_error *err)
{
	struct oci_error ignored = { 0 }; /* a host may have none */
	auto_free char *hosts = NULL;
	size_t size;

	if (file_load_at(AT_FDCWD, "/etc/hosts", HOSTS_LIMIT, &hosts, &size, &ignored) < 0)
		return hosts_create(dir, text, err);
	/* A last line without its end would swallow the first of the text. */
	if (size && hosts[size - 1] != '\n' && *text) {
		auto_free char *whole = NULL;

		if (asprintf(&whole, "%s\n", hosts) < 0)
			return fail_code(err, "out-of-memory", "no memory for 'hosts'");
		return create_joined(dir, "hosts", whole, text, err);
	}
	return create_joined(dir, "hosts", hosts, text, err);
}

int hostname_create(int dir, const char *name, struct oci_error *err)
{
	return create_joined(dir, "hostname", name, "\n", err);
}

/* --- Keeping hosts current --- */

char *hosts_merge(const char *old, const char *lines)
{
	const char *from = strstr(old, begin), *to = from ? strstr(from, end) : NULL;
	size_t before = from ? (size_t)(from - old) : strlen(old);
	const char *rest = to ? to + sizeof(end) - 1 : "";
	bool needs_newline = before > 0 && old[before - 1] != '\n';
	char *text;

	/* A mark without its end: the container wrote in it. What follows it is given up. */
	if (!*lines) {
		if (asprintf(&text, "%.*s%s", (int)before, old, rest) < 0)
			return NULL;
		return text;
	}
	if (asprintf(&text, "%.*s%s%s%s%s%s", (int)before, old, needs_newline ? "\n" : "", begin,
		     lines, end, rest) < 0)
		return NULL;
	return text;
}

/* In place, for the mount in the container is of this file. One that reads meanwhile must not see
 * half a line that means something else: a longer old text is overwritten by empty lines first. */
static int overwrite(int fd, const char *text, size_t old_size, struct oci_error *err)
{
	size_t size = strlen(text), room = size > old_size ? size : old_size;
	auto_free char *padded = malloc(room + 1);
	size_t at = 0;

	if (!padded)
		return fail_code(err, "out-of-memory", "no memory for 'hosts'");
	memset(padded, '\n', room);
	memcpy(padded, text, size);
	while (at < room) {
		ssize_t written = pwrite(fd, padded + at, room - at, (off_t)at);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail_sys(err, "write 'hosts'");
		at += (size_t)written;
	}
	if (ftruncate(fd, (off_t)size) < 0)
		return fail_sys(err, "truncate 'hosts'");
	return 0;
}

int hosts_update(int dir, const char *lines, struct oci_error *err)
{
	auto_fd fd = openat(dir, "hosts", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	auto_free char *old = NULL, *text = NULL;
	struct oci_error ignored = { 0 };
	size_t size;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? 0 : fail_sys(err, "open 'hosts'");
	if (file_load_at(dir, "hosts", HOSTS_LIMIT, &old, &size, &ignored) < 0 ||
	    strlen(old) != size)
		return 0;
	text = hosts_merge(old, lines);
	if (!text)
		return fail_code(err, "out-of-memory", "no memory for 'hosts'");
	if (!strcmp(text, old))
		return 0;
	return overwrite(fd, text, size, err);
}

/* --- resolv.conf --- */

/* The address of a line "nameserver ADDRESS"; false for other lines. */
static bool is_server(const char *line, size_t size, char address[64])
{
	static const char word[] = "nameserver";
	size_t skip = sizeof(word) - 1, length;

	if (size <= skip || memcmp(line, word, skip) != 0 || !strchr(" \t", line[skip]))
		return false;
	while (skip < size && strchr(" \t", line[skip]))
		skip++;
	for (length = 0; skip + length < size && !strchr(" \t\r", line[skip + length]); length++)
		;
	if (length >= 64)
		length = 63;
	memcpy(address, line + skip, length);
	address[length] = '\0';
	return true;
}

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

void resolv_write(FILE *out, const char *text, const char *const *servers, size_t n, bool own,
		  bool *left_out)
{
	bool dropped = false, kept = false;

	for (size_t i = 0; i < n; i++)
		(void)fprintf(out, "nameserver %s\n", servers[i]);
	while (*text) {
		size_t size = strcspn(text, "\n");
		char address[64];

		if (!is_server(text, size, address)) {
			if (size && *text != '#' && *text != ';')
				(void)fprintf(out, "%.*s\n", (int)size, text);
		} else if (n == 0 && own && is_loopback(address)) {
			dropped = true;
		} else if (n == 0) {
			(void)fprintf(out, "nameserver %s\n", address);
			kept = true;
		}
		text += size + (text[size] == '\n');
	}
	*left_out = dropped && !kept;
}

/* Only servers on the loopback, and systemd-resolved says in another file which it asks itself. */
static bool only_loopback(const char *text)
{
	bool left_out = false;
	FILE *nowhere = fopen("/dev/null", "we");

	if (!nowhere)
		return false;
	resolv_write(nowhere, text, NULL, 0, true, &left_out);
	(void)fclose(nowhere);
	return left_out;
}

int resolv_create(int dir, const char *const *servers, size_t n, bool own, bool *left_out,
		  struct oci_error *err)
{
	auto_free char *text = NULL, *behind = NULL, *made = NULL;
	struct oci_error ignored = { 0 }; /* a host may have none */
	const char *source;
	size_t size = 0;
	FILE *out;

	*left_out = false;
	(void)file_load_at(AT_FDCWD, "/etc/resolv.conf", HOSTS_LIMIT, &text, &size, &ignored);
	source = text ? text : "";
	if (own && n == 0 && only_loopback(source) &&
	    file_load_at(AT_FDCWD, "/run/systemd/resolve/resolv.conf", HOSTS_LIMIT, &behind, &size,
			 &ignored) == 0)
		source = behind;
	out = open_memstream(&made, &size);
	if (out)
		resolv_write(out, source, servers, n, own, left_out);
	if (!out || fclose(out) != 0)
		return fail_code(err, "out-of-memory", "no memory for 'resolv.conf'");
	return create(dir, "resolv.conf", made, size, err);
}
