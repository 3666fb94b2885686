/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * libFuzzer target for the reader of netlink messages. Beyond "no crash": whatever is handed out
 * lies within the input and behind what came before, reading ends, and what is broken stays broken.
 */
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *begin, *end;

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void demand_inside(const uint8_t *at, size_t size, const char *what)
{
	demand(at >= begin && at <= end && size <= (size_t)(end - at), what);
}

/* Each attribute as a text, a number, and as attributes itself. */
static void read_attributes(struct netlink_bytes from, unsigned depth)
{
	struct netlink_attribute attribute;
	uint32_t number;
	char text[16];

	for (;;) {
		size_t left = from.left;
		struct netlink_bytes nested;

		if (!netlink_next_attribute(&from, &attribute))
			break;
		demand(from.left < left, "reading goes on");
		demand_inside(attribute.data, attribute.size, "an attribute is inside");
		demand((attribute.type & ~NLA_TYPE_MASK) == 0, "a type has no flags");
		if (netlink_text(&attribute, text, sizeof(text)))
			demand(strlen(text) > 0 && strlen(text) <= attribute.size,
			       "a text is whole");
		demand(netlink_u32(&attribute, &number) == (attribute.size == 4),
		       "a number has 4 bytes");
		nested = (struct netlink_bytes){ .at = attribute.data, .left = attribute.size };
		if (depth < 4)
			read_attributes(nested, depth + 1);
	}
	demand(from.left == 0, "the end is the end");
	demand(!netlink_next_attribute(&from, &attribute), "and stays it");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netlink_bytes all = { .at = data, .left = size }, content;
	struct nlmsghdr header;

	begin = data;
	end = data + size;
	/* Without a header before them, too: so the fuzzer needn't find one first. */
	read_attributes(all, 0);
	for (;;) {
		size_t left = all.left;
		char words[64], fixed[16];
		int num = 0;

		if (!netlink_next_message(&all, &header, &content))
			break;
		demand(all.left < left, "reading goes on");
		demand_inside(content.at, content.left, "a message is inside");
		if (netlink_verdict(content, header.nlmsg_flags, &num, words, sizeof(words)))
			demand(num >= 0 && num <= 4095 && memchr(words, '\0', sizeof(words)),
			       "a verdict is an errno and a text");
		if (netlink_take(&content, fixed, header.nlmsg_type % sizeof(fixed)))
			read_attributes(content, 0);
		else
			demand(content.broken && content.left == 0, "what lacks is broken");
	}
	demand(all.left == 0, "the end is the end");
	return 0;
}
