/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Netlink messages: what is built has the kernel's form, what is too long is refused and not cut
 * off or wrapped; the reader ends at every wrong length. The socket is in test_base.c.
 */
#include <errno.h>
#include <linux/rtnetlink.h>

#include "base/netlink.h"
#include "tests/unit/tap.h"

/* --- Building --- */

static void check_form(void)
{
	struct ifinfomsg fixed = { .ifi_index = 7 };
	struct netlink_message message;
	struct nlattr header;

	netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE, &fixed, sizeof(fixed));
	tap_is_int(message.header.nlmsg_len, 32, "a header of 16 and a fixed part of 16 bytes");
	tap_is_int(message.header.nlmsg_flags, NLM_F_CREATE | NLM_F_REQUEST, "it is a request");
	netlink_put_text(&message, IFLA_IFNAME, "eth0");
	memcpy(&header, message.bytes + 32, sizeof(header));
	tap_is_int(header.nla_len, 9, "the length of a text counts its header and its NUL");
	tap_is_int(message.header.nlmsg_len, 44, "what follows is aligned to 4");
	tap_ok(memcmp(message.bytes + 36, "eth0\0\0\0\0", 8) == 0, "the padding is zero");
	netlink_put_u32(&message, IFLA_MTU, 1400);
	tap_is_int(message.header.nlmsg_len, 52, "a number takes 8 bytes");
	tap_ok(!message.full, "nothing was too long");
	netlink_begin(&message, RTM_GETLINK, 0, NULL, 0);
	tap_is_int(message.header.nlmsg_len, 16, "a message may hold nothing");
}

/* CVE-2021-43784: a length that wrapped around 16 bits made the rest of the value messages. */
static void check_wrap(void)
{
	static unsigned char large[UINT16_MAX + 16];
	static const size_t sizes[] = {
		NETLINK_ROOM - 16 - 3, NETLINK_ROOM,   UINT16_MAX - 4, UINT16_MAX - 3, UINT16_MAX,
		UINT16_MAX + 1,	       UINT16_MAX + 4, SIZE_MAX - 100, SIZE_MAX - 2,   SIZE_MAX
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct netlink netlink = { .fd = -1 };
		struct oci_error err = { 0 };
		struct netlink_message message;

		netlink_begin(&message, RTM_NEWLINK, 0, NULL, 0);
		netlink_put(&message, IFLA_IFNAME, large, sizes[i]);
		tap_ok(message.full && message.header.nlmsg_len == 16,
		       "an attribute of %zu bytes is refused, and nothing of it is there",
		       sizes[i]);
		netlink_put_u32(&message, IFLA_MTU, 1);
		tap_ok(message.full, "a short one behind it doesn't make it good again");
		tap_ok(netlink_ask(&netlink, &message, NULL, NULL, &err) < 0 &&
			       strstr(err.text, "too long"),
		       "it is never sent");
	}
}

static void check_room(void)
{
	static unsigned char zeros[NETLINK_ROOM];
	struct netlink_message message;
	size_t n = 0;

	netlink_begin(&message, RTM_NEWLINK, 0, NULL, 0);
	netlink_put(&message, IFLA_IFNAME, zeros, NETLINK_ROOM - 16 - 4);
	tap_ok(!message.full && message.used == NETLINK_ROOM, "the room can be filled to the end");
	netlink_put(&message, IFLA_IFNAME, zeros, 0);
	tap_ok(message.full, "and no further");
	netlink_begin(&message, RTM_NEWLINK, 0, NULL, 0);
	for (; !message.full; n++)
		netlink_put(&message, IFLA_IFNAME, "x", 1);
	tap_is_int((long long)n, (NETLINK_ROOM - 16) / 8 + 1, "with small ones, too");
	netlink_begin(&message, RTM_NEWLINK, 0, zeros, NETLINK_ROOM);
	tap_ok(message.full, "a fixed part that is too long is refused");
}

/* --- Reading --- */

static struct netlink_bytes bytes_of(const void *data, size_t size)
{
	return (struct netlink_bytes){ .at = data, .left = size };
}

static void check_round(void)
{
	struct ifinfomsg fixed = { .ifi_index = 7 }, got = { 0 };
	struct netlink_attribute attribute;
	struct netlink_message message;
	struct netlink_bytes all, content;
	struct nlmsghdr header;
	uint32_t number = 0;
	char text[8];

	netlink_begin(&message, RTM_NEWLINK, 0, &fixed, sizeof(fixed));
	netlink_put_text(&message, IFLA_IFNAME, "eth0");
	netlink_put_u32(&message, IFLA_MTU | NLA_F_NESTED, 1400);
	all = bytes_of(message.bytes, message.used);
	tap_ok(netlink_next_message(&all, &header, &content) && header.nlmsg_type == RTM_NEWLINK,
	       "what was built can be read");
	tap_ok(netlink_take(&content, &got, sizeof(got)) && got.ifi_index == 7, "its fixed part");
	tap_ok(netlink_next_attribute(&content, &attribute) && attribute.type == IFLA_IFNAME &&
		       netlink_text(&attribute, text, sizeof(text)),
	       "its first attribute");
	tap_is_str(text, "eth0", "is the text");
	tap_ok(!netlink_text(&attribute, text, 4), "for which there must be room with the NUL");
	tap_ok(!netlink_u32(&attribute, &number), "and which is no number");
	tap_ok(netlink_next_attribute(&content, &attribute) && attribute.type == IFLA_MTU &&
		       netlink_u32(&attribute, &number) && number == 1400,
	       "its second is the number, the flag in its type aside");
	tap_ok(!netlink_next_attribute(&content, &attribute) && !content.broken,
	       "then it ends, whole");
	tap_ok(!netlink_next_message(&all, &header, &content) && !all.broken, "as does the rest");
}

static void check_text(void)
{
	struct netlink_attribute attribute = { .data = (const unsigned char *)"abc\0def" };
	char text[16];

	attribute.size = 3;
	tap_ok(netlink_text(&attribute, text, sizeof(text)) && strcmp(text, "abc") == 0,
	       "a text may lack its NUL");
	attribute.size = 8;
	tap_ok(netlink_text(&attribute, text, sizeof(text)) && strcmp(text, "abc") == 0,
	       "what stands behind a NUL is not seen");
	attribute.size = 0;
	tap_ok(!netlink_text(&attribute, text, sizeof(text)), "an empty one is none");
}

static void check_broken_messages(void)
{
	static const uint32_t lengths[] = { 0, 1, 15, 33, 1000, UINT32_MAX - 3, UINT32_MAX };
	unsigned char data[32] = { 0 };
	struct nlmsghdr header;
	struct netlink_bytes all, content;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(data, &lengths[i], sizeof(lengths[i]));
		all = bytes_of(data, sizeof(data));
		tap_ok(!netlink_next_message(&all, &header, &content) && all.broken &&
			       !netlink_next_message(&all, &header, &content),
		       "a message of 32 bytes that claims %u is broken, and the end", lengths[i]);
	}
	all = bytes_of(data, 15);
	tap_ok(!netlink_next_message(&all, &header, &content) && all.broken,
	       "15 bytes are no message");
	all = bytes_of(data, 0);
	tap_ok(!netlink_next_message(&all, &header, &content) && !all.broken, "0 bytes are none");
}

static void check_broken_attributes(void)
{
	static const uint16_t lengths[] = { 0, 1, 3, 9, 100, UINT16_MAX - 3, UINT16_MAX };
	unsigned char data[9] = { 0 };
	struct netlink_attribute attribute;
	struct netlink_bytes all;

	/* At an odd address: nothing may rely on alignment. */
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(data + 1, &lengths[i], sizeof(lengths[i]));
		all = bytes_of(data + 1, 8);
		tap_ok(!netlink_next_attribute(&all, &attribute) && all.broken &&
			       !netlink_next_attribute(&all, &attribute),
		       "an attribute in 8 bytes that claims %u is broken, and the end", lengths[i]);
	}
	memcpy(data + 1, &(uint16_t){ 7 }, 2);
	all = bytes_of(data + 1, 7);
	tap_ok(netlink_next_attribute(&all, &attribute) && attribute.size == 3 &&
		       !netlink_next_attribute(&all, &attribute) && !all.broken,
	       "the last one may lack its padding");
	all = bytes_of(data + 1, 3);
	tap_ok(!netlink_next_attribute(&all, &attribute) && all.broken, "3 bytes are no attribute");
	all = bytes_of(data + 1, 3);
	tap_ok(!netlink_take(&all, data, 4) && all.broken, "nor a fixed part of 4");
}

static void check_verdicts(void)
{
	struct {
		int32_t code;
		struct nlmsghdr request;
		struct nlattr header;
		char words[8];
	} said = { -EEXIST, { .nlmsg_len = 4000 }, { 11, NLMSGERR_ATTR_MSG }, "no way" };
	char text[64];
	int num = -1;

	tap_ok(netlink_verdict(bytes_of(&said, 4), 0, &num, text, sizeof(text)) && num == EEXIST &&
		       text[0] == '\0',
	       "a verdict may be just a number");
	tap_ok(netlink_verdict(bytes_of(&said, sizeof(said)), NLM_F_ACK_TLVS | NLM_F_CAPPED, &num,
			       text, sizeof(text)),
	       "or come with words behind the request's header");
	tap_is_str(text, "no way", "which are told");
	tap_ok(!netlink_verdict(bytes_of(&said, sizeof(said)), NLM_F_ACK_TLVS, &num, text,
				sizeof(text)),
	       "a request that claims more than there is breaks it");
	said.request.nlmsg_len = 3;
	tap_ok(!netlink_verdict(bytes_of(&said, sizeof(said)), NLM_F_ACK_TLVS, &num, text,
				sizeof(text)),
	       "as does one that is shorter than its header");
	said.request.nlmsg_len = sizeof(said.request);
	tap_ok(netlink_verdict(bytes_of(&said, sizeof(said)), NLM_F_ACK_TLVS, &num, text,
			       sizeof(text)) &&
		       strcmp(text, "no way") == 0,
	       "one that holds nothing doesn't");
	tap_ok(!netlink_verdict(bytes_of(&said, 3), 0, &num, text, sizeof(text)),
	       "3 bytes are no verdict");
	tap_ok(!netlink_verdict(bytes_of(&(int32_t){ 5 }, 4), 0, &num, text, sizeof(text)) &&
		       !netlink_verdict(bytes_of(&(int32_t){ INT32_MIN }, 4), 0, &num, text,
					sizeof(text)),
	       "nor are numbers that aren't an errno's");
}

int main(void)
{
	check_form();
	check_wrap();
	check_room();
	check_round();
	check_text();
	check_broken_messages();
	check_broken_attributes();
	check_verdicts();
	return tap_done();
}
