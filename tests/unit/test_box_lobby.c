/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may stay connected to the dashboard: those without the token displace each other only.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "box/serve_lobby.h"
#include "tests/unit/tap.h"

enum { MANY = LOBBY_WAITING + LOBBY_ADMITTED + 2 };

static struct lobby lobby;

static struct caller {
	int ends[2]; /* the server's, the other's */
	struct visitor *visitor;
} callers[MANY];

static bool enter(struct caller *caller)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, caller->ends) < 0)
		return false;
	caller->visitor = lobby_enter(&lobby, caller->ends[0]);
	return caller->visitor != NULL;
}

static void leave(struct caller *caller)
{
	lobby_leave(&lobby, caller->visitor);
	(void)close(caller->ends[0]);
	(void)close(caller->ends[1]);
}

static bool was_sent_away(const struct caller *caller)
{
	char byte;

	return recv(caller->ends[1], &byte, 1, MSG_DONTWAIT) == 0;
}

static void displaced(void)
{
	bool good = true;

	for (int i = 0; i < LOBBY_WAITING; i++)
		good = enter(&callers[i]) && good;
	tap_ok(good && !was_sent_away(&callers[0]), "as many as there is room for may wait");
	tap_ok(lobby_admit(&lobby, callers[0].visitor) && enter(&callers[LOBBY_WAITING]) &&
		       !was_sent_away(&callers[1]),
	       "who has shown the token makes room");
	tap_ok(enter(&callers[LOBBY_WAITING + 1]) && was_sent_away(&callers[1]) &&
		       !was_sent_away(&callers[0]) && !was_sent_away(&callers[2]),
	       "of those who wait the oldest is sent away, nobody else");
	tap_ok(!lobby_admit(&lobby, callers[1].visitor), "who was sent away isn't admitted");
	leave(&callers[5]);
	tap_ok(enter(&callers[5]) && !was_sent_away(&callers[2]), "who leaves makes room");
	for (int i = 0; i < LOBBY_WAITING + 2; i++)
		leave(&callers[i]);
	tap_ok(lobby.waiting == 0 && lobby.admitted == 0 && !lobby.oldest && !lobby.newest,
	       "nobody is left");
}

static void admitted(void)
{
	bool good = true;

	for (int i = 0; i < LOBBY_ADMITTED; i++)
		good = enter(&callers[i]) && lobby_admit(&lobby, callers[i].visitor) && good;
	tap_ok(good, "as many as are allowed are admitted");
	tap_ok(enter(&callers[LOBBY_ADMITTED]) &&
		       !lobby_admit(&lobby, callers[LOBBY_ADMITTED].visitor),
	       "one more isn't");
	tap_ok(lobby_admit(&lobby, callers[0].visitor), "a second request is no second visitor");
	for (int i = LOBBY_ADMITTED + 1; i < MANY; i++)
		good = enter(&callers[i]) && good;
	for (int i = 0; i < LOBBY_ADMITTED; i++)
		good = good && !was_sent_away(&callers[i]);
	tap_ok(good && was_sent_away(&callers[LOBBY_ADMITTED]),
	       "those who wait displace nobody who was admitted");
	leave(&callers[0]);
	tap_ok(lobby_admit(&lobby, callers[MANY - 1].visitor), "who leaves makes room for another");
	for (int i = 1; i < MANY; i++)
		leave(&callers[i]);
	tap_ok(lobby.waiting == 0 && lobby.admitted == 0, "nobody is left, again");
}

int main(void)
{
	lobby_init(&lobby);
	displaced();
	admitted();
	lobby_leave(&lobby, NULL);
	lobby_done(&lobby);
	return tap_done();
}
