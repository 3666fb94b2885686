/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sockets of others that hull is told about by path: the console socket, the pidfd socket.
 */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include "base/error.h"

/* Connects a stream socket to `path`. A path that is longer than an address can hold is reached
 * through its directory. Returns the fd. */
int unix_socket_connect(const char *path, struct oci_error *err);

#endif
