/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sequence/message.h"

#include <stddef.h>
#include <string.h>

#include "base/fd.h"

int message_send(int channel, const struct message *message, int fd, struct oci_error *err)
{
	size_t size = offsetof(struct message, err);

	if (message->failed)
		size = offsetof(struct message, err.text) + strlen(message->err.text) + 1;
	return fd_send(channel, message, size, fd, err);
}

static void clean(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
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
	if ((size_t)got < offsetof(struct message, err))
		return fail(err, "a message of %zd bytes is too short", got);
	clean(message->err.code, sizeof(message->err.code));
	clean(message->err.text, sizeof(message->err.text));
	return 1;
}
