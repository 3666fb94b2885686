/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fd.h"
#include "libocispec/utf8.h"

/* Linux 4.12, 4.20; the headers of some libc are older. */
#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif
#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

/* The kernel answers while send(2) runs; only a list comes in parts. */
enum { ANSWER_S = 10, ANSWER_ROOM = 64 * 1024 };

static size_t aligned(size_t size)
{
	return (size + NLMSG_ALIGNTO - 1) & ~((size_t)NLMSG_ALIGNTO - 1);
}

/* --- Building --- */

/* `size` zeroed places at the end, followed by padding; NULL when there is no room. */
static unsigned char *extend(struct netlink_message *message, size_t size)
{
	unsigned char *end = message->bytes + message->used;

	if (message->full || size > NETLINK_ROOM - message->used ||
	    aligned(size) > NETLINK_ROOM - message->used) {
		message->full = true;
		return NULL;
	}
	memset(end, 0, aligned(size));
	message->used += aligned(size);
	message->header.nlmsg_len = (uint32_t)message->used;
	return end;
}

void netlink_begin(struct netlink_message *message, uint16_t type, uint16_t flags,
		   const void *fixed, size_t size)
{
	unsigned char *place;

	message->full = false;
	message->used = sizeof(message->header);
	message->header = (struct nlmsghdr){ .nlmsg_len = sizeof(message->header),
					     .nlmsg_type = type,
					     .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST) };
	place = extend(message, size);
	if (place && size)
		memcpy(place, fixed, size);
}

void netlink_put(struct netlink_message *message, uint16_t type, const void *data, size_t size)
{
	struct nlattr header = { .nla_type = type };
	unsigned char *place;

	/* nla_len has 16 bits and counts itself; NETLINK_ROOM is below that, but may grow. */
	if (size > UINT16_MAX - sizeof(header)) {
		message->full = true;
		return;
	}
	header.nla_len = (uint16_t)(sizeof(header) + size);
	place = extend(message, sizeof(header) + size);
	if (!place)
		return;
	memcpy(place, &header, sizeof(header));
	if (size)
		memcpy(place + sizeof(header), data, size);
}

void netlink_put_u32(struct netlink_message *message, uint16_t type, uint32_t value)
{
	netlink_put(message, type, &value, sizeof(value));
}

void netlink_put_text(struct netlink_message *message, uint16_t type, const char *text)
{
	netlink_put(message, type, text, strlen(text) + 1);
}

/* --- Reading --- */

/* Moves on by `size` bytes and the padding behind them, which the last piece may lack. */
static void skip(struct netlink_bytes *from, size_t size)
{
	size_t whole = aligned(size);

	if (whole > from->left)
		whole = from->left;
	from->at += whole;
	from->left -= whole;
}

static bool broken(struct netlink_bytes *from)
{
	from->broken = true;
	from->left = 0;
	return false;
}

bool netlink_next_message(struct netlink_bytes *from, struct nlmsghdr *header,
			  struct netlink_bytes *content)
{
	if (from->left == 0)
		return false;
	if (from->left < sizeof(*header))
		return broken(from);
	memcpy(header, from->at, sizeof(*header));
	if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > from->left)
		return broken(from);
	*content = (struct netlink_bytes){ .at = from->at + sizeof(*header),
					   .left = header->nlmsg_len - sizeof(*header) };
	skip(from, header->nlmsg_len);
	return true;
}

bool netlink_take(struct netlink_bytes *from, void *fixed, size_t size)
{
	if (from->left < size)
		return broken(from);
	memcpy(fixed, from->at, size);
	skip(from, size);
	return true;
}

bool netlink_next_attribute(struct netlink_bytes *from, struct netlink_attribute *attribute)
{
	struct nlattr header;

	if (from->left == 0)
		return false;
	if (from->left < sizeof(header))
		return broken(from);
	memcpy(&header, from->at, sizeof(header));
	if (header.nla_len < sizeof(header) || header.nla_len > from->left)
		return broken(from);
	attribute->type = header.nla_type & NLA_TYPE_MASK;
	attribute->data = from->at + sizeof(header);
	attribute->size = header.nla_len - sizeof(header);
	skip(from, header.nla_len);
	return true;
}

bool netlink_u32(const struct netlink_attribute *attribute, uint32_t *value)
{
	if (attribute->size != sizeof(*value))
		return false;
	memcpy(value, attribute->data, sizeof(*value));
	return true;
}

bool netlink_text(const struct netlink_attribute *attribute, char *text, size_t room)
{
	size_t size = strnlen((const char *)attribute->data, attribute->size);

	if (size == 0 || size >= room)
		return false;
	memcpy(text, attribute->data, size);
	text[size] = '\0';
	return true;
}

bool netlink_verdict(struct netlink_bytes content, uint16_t flags, int *num, char *text,
		     size_t room)
{
	struct netlink_attribute attribute;
	struct nlmsghdr request;
	int32_t code;

	text[0] = '\0';
	if (!netlink_take(&content, &code, sizeof(code)) || code > 0 || code < -4095)
		return false;
	*num = -code;
	if (!(flags & NLM_F_ACK_TLVS))
		return true;
	/* The request comes back before the words, without what it held when it was capped. */
	if (!netlink_take(&content, &request, sizeof(request)))
		return false;
	if (!(flags & NLM_F_CAPPED)) {
		if (request.nlmsg_len < sizeof(request) ||
		    request.nlmsg_len - sizeof(request) > content.left)
			return false;
		skip(&content, request.nlmsg_len - sizeof(request));
	}
	while (netlink_next_attribute(&content, &attribute))
		if (attribute.type == NLMSGERR_ATTR_MSG)
			utf8_show(text, room, (const char *)attribute.data,
				  strnlen((const char *)attribute.data, attribute.size));
	return !content.broken;
}

/* --- Asking --- */

static int set_option(int fd, int option, struct oci_error *err)
{
	int on = 1;

	if (setsockopt(fd, SOL_NETLINK, option, &on, sizeof(on)) < 0)
		return fail_sys(err, "netlink: setsockopt %d", option);
	return 0;
}

int netlink_open(struct netlink *netlink, struct oci_error *err)
{
	auto_fd fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct timeval limit = { .tv_sec = ANSWER_S };

	*netlink = (struct netlink){ .fd = -1 };
	if (fd < 0)
		return fail_sys(err, "netlink: socket");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return fail_sys(err, "netlink: setsockopt SO_RCVTIMEO");
	/* Answers in short; reasons in words; what a request says is held against what is known. */
	TRY(set_option(fd, NETLINK_CAP_ACK, err));
	TRY(set_option(fd, NETLINK_EXT_ACK, err));
	TRY(set_option(fd, NETLINK_GET_STRICT_CHK, err));
	netlink->fd = fd_take(&fd);
	return 0;
}

void netlink_close(struct netlink *netlink)
{
	fd_drop(&netlink->fd);
}

static int send_request(struct netlink *netlink, struct netlink_message *message,
			struct oci_error *err)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (message->full)
		return fail(err, "netlink: the request is too long");
	if ((message->header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		message->header.nlmsg_flags |= NLM_F_ACK;
	message->header.nlmsg_seq = ++netlink->sequence;
	if (sendto(netlink->fd, message->bytes, message->used, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return fail_sys(err, "netlink: sendto");
	return 0;
}

/* One datagram of the kernel's; what others may send is passed over. */
static ssize_t receive(const struct netlink *netlink, unsigned char *answer, size_t room,
		       struct oci_error *err)
{
	struct sockaddr_nl from;

	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t got = recvfrom(netlink->fd, answer, room, MSG_TRUNC,
				       (struct sockaddr *)&from, &size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return fail_code(err, "timeout", "netlink: no answer for %d s", ANSWER_S);
		if (got < 0)
			return fail_sys(err, "netlink: recvfrom");
		if (size != sizeof(from) || from.nl_pid != 0)
			continue;
		if ((size_t)got > room)
			return fail(err, "netlink: an answer of %zd bytes is too long", got);
		return got;
	}
}

static int refused(int num, const char *reason, struct oci_error *err)
{
	if (*reason)
		(void)fail(err, "%s: %s", strerror(num), reason);
	else
		(void)fail(err, "%s", strerror(num));
	err->num = num;
	return -1;
}

struct answer {
	netlink_each *each;
	void *ctx;
	bool changed; /* NLM_F_DUMP_INTR */
	int status;   /* of `each` */
};

static int finish(const struct answer *answer, struct oci_error *err)
{
	if (answer->status == 0 && answer->changed)
		return refused(EAGAIN, "the list changed while it was read", err);
	return answer->status;
}

/* One message of the answer; 1 when it was the last one. */
static int hear(struct answer *answer, const struct nlmsghdr *header, struct netlink_bytes content,
		struct oci_error *err)
{
	char reason[256];
	int num;

	answer->changed |= (header->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (header->nlmsg_type == NLMSG_NOOP)
		return 0;
	/* What a list ends with has the form of a verdict, or, from old kernels, nothing in it. */
	if (header->nlmsg_type == NLMSG_ERROR ||
	    (header->nlmsg_type == NLMSG_DONE && content.left > 0)) {
		uint16_t flags = header->nlmsg_flags;

		/* NLMSG_DONE brings no request back. */
		if (header->nlmsg_type == NLMSG_DONE)
			flags = 0;
		if (!netlink_verdict(content, flags, &num, reason, sizeof(reason)))
			return fail(err, "netlink: an answer is broken");
		return num && answer->status == 0 ? refused(num, reason, err) : 1;
	}
	if (header->nlmsg_type == NLMSG_DONE)
		return 1;
	/* After a failure the rest is taken from the socket all the same: it serves again. */
	if (answer->each && answer->status == 0)
		answer->status = answer->each(answer->ctx, header->nlmsg_type, content, err);
	return 0;
}

int netlink_ask(struct netlink *netlink, struct netlink_message *message, netlink_each *each,
		void *ctx, struct oci_error *err)
{
	auto_free unsigned char *answer = malloc(ANSWER_ROOM);
	struct answer state = { .each = each, .ctx = ctx };

	if (!answer)
		return fail_code(err, "out-of-memory", "no memory for an answer");
	TRY(send_request(netlink, message, err));
	for (;;) {
		struct netlink_bytes bytes = { .at = answer }, content;
		ssize_t got = receive(netlink, answer, ANSWER_ROOM, err);
		struct nlmsghdr header;

		TRY(got);
		bytes.left = (size_t)got;
		while (netlink_next_message(&bytes, &header, &content)) {
			int last;

			if (header.nlmsg_seq != netlink->sequence)
				continue; /* of a request that was given up */
			last = hear(&state, &header, content, err);
			if (last != 0)
				return last < 0 ? -1 : finish(&state, err);
		}
		if (bytes.broken)
			return fail(err, "netlink: an answer is broken");
	}
}
