/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_lobby.h"

#include <stdlib.h>
#include <sys/socket.h>

void lobby_init(struct lobby *lobby)
{
	*lobby = (struct lobby){ .waiting = 0 };
	(void)pthread_mutex_init(&lobby->lock, NULL); /* can't fail without attributes */
}

/* Out of those who wait. */
static void take_out(struct lobby *lobby, struct visitor *visitor)
{
	*(visitor->before ? &visitor->before->after : &lobby->oldest) = visitor->after;
	*(visitor->after ? &visitor->after->before : &lobby->newest) = visitor->before;
	lobby->waiting--;
}

/* Its thread sees the end of the connection, and ends it. */
static void send_away(struct lobby *lobby, struct visitor *visitor)
{
	take_out(lobby, visitor);
	visitor->state = VISITOR_SENT_AWAY;
	(void)shutdown(visitor->socket, SHUT_RDWR); /* the other side may have gone */
}

struct visitor *lobby_enter(struct lobby *lobby, int socket)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return NULL;
	visitor->socket = socket;
	(void)pthread_mutex_lock(&lobby->lock);
	if (lobby->waiting == LOBBY_WAITING)
		send_away(lobby, lobby->oldest);
	visitor->before = lobby->newest;
	*(lobby->newest ? &lobby->newest->after : &lobby->oldest) = visitor;
	lobby->newest = visitor;
	lobby->waiting++;
	(void)pthread_mutex_unlock(&lobby->lock);
	return visitor;
}

bool lobby_admit(struct lobby *lobby, struct visitor *visitor)
{
	bool good;

	(void)pthread_mutex_lock(&lobby->lock);
	if (visitor->state == VISITOR_WAITS && lobby->admitted < LOBBY_ADMITTED) {
		take_out(lobby, visitor);
		visitor->state = VISITOR_ADMITTED;
		lobby->admitted++;
	}
	good = visitor->state == VISITOR_ADMITTED;
	(void)pthread_mutex_unlock(&lobby->lock);
	return good;
}

void lobby_leave(struct lobby *lobby, struct visitor *visitor)
{
	if (!visitor)
		return;
	(void)pthread_mutex_lock(&lobby->lock);
	if (visitor->state == VISITOR_WAITS)
		take_out(lobby, visitor);
	lobby->admitted -= visitor->state == VISITOR_ADMITTED;
	(void)pthread_mutex_unlock(&lobby->lock);
	free(visitor);
}

void lobby_done(struct lobby *lobby)
{
	(void)pthread_mutex_destroy(&lobby->lock);
}
