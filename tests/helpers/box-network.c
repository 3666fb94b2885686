/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * hullbox's network alone, without containers:
 *
 *   box-network up DIR ID NAME KIND [OTHER] [-p [IP:]HOST:CONTAINER[/udp]]... [-h NAME=IP]... [-d
 * IP]... makes the files in DIR; prints the result, a line for each fact box-network down ID
 *   box-network sweep [ID]...     those ids live
 *   box-network rename ID NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "box/network.h"

enum { MOST = 16 };

struct living {
	char **ids;
	int n;
};

static bool is_alive(void *ctx, const char *id)
{
	const struct living *living = ctx;

	for (int i = 0; i < living->n; i++)
		if (!strcmp(living->ids[i], id))
			return true;
	return false;
}

static struct network_port read_port(char *text)
{
	char *proto = strchr(text, '/'), *inner = strrchr(text, ':'), *host;
	struct network_port port = { .udp = proto && !strcmp(proto, "/udp") };

	*inner++ = '\0';
	host = strrchr(text, ':');
	if (host) {
		*host++ = '\0';
		port.ip = text;
	} else {
		host = text;
	}
	port.host = (uint16_t)strtoul(host, NULL, 10);
	port.container = (uint16_t)strtoul(inner, NULL, 10);
	return port;
}

static enum network_kind read_kind(const char *word)
{
	static const char *const words[] = { "network", "none", "host", "container", "path" };

	for (int i = 0; i < 5; i++)
		if (!strcmp(word, words[i]))
			return (enum network_kind)i;
	exit(2);
}

static int up(const struct box_home *home, int n, char *words[], struct oci_error *err)
{
	struct network_port ports[MOST];
	struct network_host hosts[MOST];
	const char *dns[MOST];
	struct network_request request = { .home = home,
					   .directory = words[0],
					   .id = words[1],
					   .name = words[2],
					   .hostname = words[2],
					   .net = { .kind = read_kind(words[3]) },
					   .ports = ports,
					   .dns = dns,
					   .hosts = hosts };
	struct network_result result;
	int i = 4;

	if (i < n && words[i][0] != '-')
		request.net.other = words[i++];
	for (; i + 1 < n; i += 2) {
		if (!strcmp(words[i], "-p")) {
			ports[request.n_ports++] = read_port(words[i + 1]);
		} else if (!strcmp(words[i], "-d")) {
			dns[request.n_dns++] = words[i + 1];
		} else {
			char *ip = strchr(words[i + 1], '=');

			*ip++ = '\0';
			hosts[request.n_hosts++] = (struct network_host){ words[i + 1], ip };
		}
	}
	if (network_up(&request, &result, err) < 0)
		return -1;
	printf("netns %s\nown %d\ninterface %s\nip %s\ngateway %s\nmac %s\n", result.netns,
	       result.own, result.interface, result.ip, result.gateway, result.mac);
	for (i = 0; i < result.n_notes; i++)
		printf("note %s\n", result.notes[i]);
	return 0;
}

static int act(const struct box_home *home, int argc, char *argv[], struct oci_error *err)
{
	struct living living = { argv + 2, argc - 2 };

	if (argc >= 6 && !strcmp(argv[1], "up"))
		return up(home, argc - 2, argv + 2, err);
	if (argc == 3 && !strcmp(argv[1], "down"))
		return network_down(home, argv[2], err);
	if (argc == 4 && !strcmp(argv[1], "rename"))
		return network_rename(home, argv[2], argv[3], err);
	if (argc >= 2 && !strcmp(argv[1], "sweep"))
		return network_sweep(home, is_alive, &living, err);
	exit(2);
}

int main(int argc, char *argv[])
{
	struct oci_error err = { 0 };
	struct box_home home;
	int result = home_find(&home, NULL, &err);

	if (result == 0)
		result = act(&home, argc, argv, &err);
	if (result < 0)
		(void)fprintf(stderr, "box-network: %s\n", err.text);
	home_done(&home);
	return result < 0;
}
