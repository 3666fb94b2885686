/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

ssize_t file_read_up_to(int fd, void *buf, size_t size)
{
	char *at = buf;
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, at + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

ssize_t file_read_at(int dir, const char *name, char *buf, size_t size, struct oci_error *err)
{
	auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t got;

	if (fd < 0)
		return fail_sys(err, "open '%s'", name);
	got = file_read_up_to(fd, buf, size - 1);
	if (got < 0)
		return fail_sys(err, "read '%s'", name);
	buf[got] = '\0';
	return got;
}

int file_load_at(int dir, const char *name, size_t limit, char **text, size_t *size,
		 struct oci_error *err)
{
	auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	auto_free char *buf = NULL;
	struct stat st;
	ssize_t got;

	if (fd < 0)
		return fail_sys(err, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return fail_sys(err, "fstat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return fail(err, "'%s' is not a regular file", name);
	if (st.st_size < 0 || (size_t)st.st_size > limit)
		return fail(err, "'%s' has %lld bytes, the limit is %zu", name,
			    (long long)st.st_size, limit);
	/* One byte more than it has, to notice one that grows, and one for the NUL. */
	buf = malloc((size_t)st.st_size + 2);
	if (!buf)
		return fail_sys(err, "memory for '%s'", name);
	got = file_read_up_to(fd, buf, (size_t)st.st_size + 1);
	if (got < 0)
		return fail_sys(err, "read '%s'", name);
	if (got > st.st_size)
		return fail(err, "'%s' grew while it was read", name);
	buf[got] = '\0';
	*size = (size_t)got;
	*text = buf;
	buf = NULL;
	return 0;
}

int file_write_at(int dir, const char *name, const char *text, struct oci_error *err)
{
	auto_fd fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t written;

	if (fd < 0)
		return fail_sys(err, "open '%s'", name);
	do {
		written = write(fd, text, strlen(text));
	} while (written < 0 && errno == EINTR);
	if (written < 0)
		return fail_sys(err, "write '%s' to '%s'", text, name);
	return 0;
}

int file_write_all(int fd, const void *data, size_t size, struct oci_error *err)
{
	const char *at = data;

	while (size > 0) {
		ssize_t written = write(fd, at, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return fail_sys(err, "write");
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

int file_replace_at(int dir, const char *name, const void *data, size_t size, mode_t mode,
		    struct oci_error *err)
{
	char temporary[NAME_MAX + 1];
	int used = snprintf(temporary, sizeof(temporary), ".%s.new", name);
	auto_fd fd = -1;

	if (used < 0 || (size_t)used >= sizeof(temporary))
		return fail(err, "file name '%s' is too long", name);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	/* Left by a killed writer, or put there by somebody else who may write to the directory: a
	 * link to another file, a fifo to hang on, a file to be changed later. */
	if (fd < 0 && errno == EEXIST && unlinkat(dir, temporary, 0) == 0)
		fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return fail_sys(err, "make '%s'", temporary);
	if (file_write_all(fd, data, size, err) < 0) {
		(void)unlinkat(dir, temporary, 0); /* the first failure is the one to tell */
		return fail_in(err, "'%s'", name);
	}
	if (renameat(dir, temporary, dir, name) < 0) {
		(void)fail_sys(err, "rename '%s' to '%s'", temporary, name);
		(void)unlinkat(dir, temporary, 0);
		return -1;
	}
	return 0;
}
