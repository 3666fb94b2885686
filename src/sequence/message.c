/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sequence/message.h"

#include <stddef.h>
#include <string.h>

#include "base/fd.h"
#include "base/file.h"

static size_t size_of(const struct message *message)
{
	if (!message->failed)
		return offsetof(struct message, err);
	return offsetof(struct message, err.text) + strlen(message->err.text) + 1;
}

int message_send(int channel, const struct message *message, int fd, struct oci_error *err)
{
	return fd_send(channel, message, size_of(message), fd, err);
}

int message_send_plain(int channel, const struct message *message, struct oci_error *err)
{
	return file_write_all(channel, message, size_of(message), err);
}

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
}

static int check(struct message *message, size_t size, struct oci_error *err)
{
	if (size < offsetof(struct message, err))
		return fail(err, "a message of %zu bytes is too short", size);
	clean(message->err.code, sizeof(message->err.code));
	clean(message->err.text, sizeof(message->err.text));
	return 1;
}

int message_receive(int channel, struct message *message, int *fd, struct oci_error *err)
{
	ssize_t got;

	memset(message, 0, sizeof(*message));
	got = fd_receive(channel, message, sizeof(*message), fd, err);
	if (got < 0 && err->num == ECONNRESET)
		return 0;
	if (got <= 0)
		return (int)got;
	return check(message, (size_t)got, err);
}

int message_receive_plain(int channel, struct message *message, struct oci_error *err)
{
	ssize_t got;

	memset(message, 0, sizeof(*message));
	do {
		got = read(channel, message, sizeof(*message));
	} while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ECONNRESET)
		return 0;
	if (got < 0)
		return fail_sys(err, "read");
	return got == 0 ? 0 : check(message, (size_t)got, err);
}
