/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Netlink messages (netlink(7), rtnetlink(7)): a builder and a reader that check every length, and
 * a socket that asks and hears the answer. Knows the form of messages, not their meaning. A length
 * that doesn't fit its 16 bits is refused, never cut off; a length that points beyond its message
 * ends the reading, marked as broken.
 */
#ifndef BASE_NETLINK_H
#define BASE_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* --- Building --- */

/* More than any request of hull's needs. */
enum { NETLINK_ROOM = 1024 };

struct netlink_message {
	union {
		struct nlmsghdr header;
		unsigned char bytes[NETLINK_ROOM];
	};
	size_t used;
	bool full; /* something didn't fit: it can't be sent any more */
};

/* Begins a request of `type` (RTM_...) with NLM_F_... flags, and the fixed part of that type
 * (struct ifinfomsg, ...) of `size` bytes. */
void netlink_begin(struct netlink_message *message, uint16_t type, uint16_t flags,
		   const void *fixed, size_t size);

/* Adds an attribute. */
void netlink_put(struct netlink_message *message, uint16_t type, const void *data, size_t size);
void netlink_put_u32(struct netlink_message *message, uint16_t type, uint32_t value);
/* With its NUL. */
void netlink_put_text(struct netlink_message *message, uint16_t type, const char *text);

/* --- Reading --- */

/* What is still to be read of messages or attributes; of the caller's memory, at any alignment. */
struct netlink_bytes {
	const unsigned char *at;
	size_t left;
	bool broken; /* what came next was no whole message or attribute */
};

struct netlink_attribute {
	uint16_t type; /* without the flags NLA_F_... */
	const unsigned char *data;
	size_t size;
};

/* The next message: its header, and what it holds. False at the end or when broken. */
bool netlink_next_message(struct netlink_bytes *from, struct nlmsghdr *header,
			  struct netlink_bytes *content);

/* Copies the fixed part of `size` bytes from the front of a message's content. */
bool netlink_take(struct netlink_bytes *from, void *fixed, size_t size);

/* The next attribute. False at the end or when broken. */
bool netlink_next_attribute(struct netlink_bytes *from, struct netlink_attribute *attribute);

/* The value of an attribute that must be 4 bytes, or a text of 1 to room-1 bytes that may lack its
 * NUL; false when it isn't that. */
bool netlink_u32(const struct netlink_attribute *attribute, uint32_t *value);
bool netlink_text(const struct netlink_attribute *attribute, char *text, size_t room);

/* What a message of type NLMSG_ERROR (`flags`: of its header) says: *num the errno, 0 for "done";
 * the kernel's own words into text, "" when it has none. False when it is broken. */
bool netlink_verdict(struct netlink_bytes content, uint16_t flags, int *num, char *text,
		     size_t room);

/* --- Asking --- */

struct netlink {
	int fd; /* -1: closed */
	uint32_t sequence;
};

/* Opens a socket of NETLINK_ROUTE; it belongs to the network namespace of this moment, and keeps
 * that alive, until netlink_close(). */
int netlink_open(struct netlink *netlink, struct oci_error *err);

/* Accepts a closed one. */
void netlink_close(struct netlink *netlink);

/* Called for each message of an answer. */
typedef int netlink_each(void *ctx, uint16_t type, struct netlink_bytes content,
			 struct oci_error *err);

/* Sends the request and hears the whole answer, which is told to `each` (may be NULL). With the
 * flag NLM_F_DUMP it is a list, else at most one message and "done". What the kernel refuses has
 * its errno in err->num and, where it gives one, its own reason in the text. A list that changed
 * while it was read is EAGAIN: forget what `each` was told, and ask again. */
int netlink_ask(struct netlink *netlink, struct netlink_message *message, netlink_each *each,
		void *ctx, struct oci_error *err);

#endif
