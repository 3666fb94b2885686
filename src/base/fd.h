/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owned file descriptors and heap pieces: declared with auto_fd or auto_free they are released at
 * the end of their block, errno kept; fd_take() gives ownership away.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

/* Closes *fd when it is open (>= 0), sets it to -1, keeps errno. */
static inline void fd_drop(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd); /* Linux closes even when it reports an error */
	*fd = -1;
	errno = saved;
}

/* Gives *fd away: returns it and leaves -1 behind. */
static inline int fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void heap_drop(void *p)
{
	void **heap = p;
	int saved = errno;

	free(*heap);
	*heap = NULL;
	errno = saved;
}

#define auto_fd __attribute__((cleanup(fd_drop))) int
#define auto_free __attribute__((cleanup(heap_drop)))

/* Opens /dev/null on each of 0, 1, 2 that is closed, so that no later open lands there. */
int fd_fill_standard(struct oci_error *err);

/* Marks every fd from `first` up close-on-exec (close_range(2)). */
int fd_cloexec_from(unsigned first, struct oci_error *err);

/* The entries of a directory, from the first on, by an open file of its own, so that neither the
 * caller's place in it nor another listing's is moved; closedir(3) ends it. NULL with errno. */
DIR *fd_list(int dir);

/* Makes a non-blocking fd blocking or the reverse. */
int fd_set_nonblock(int fd, int on, struct oci_error *err);

/* An OFD lock on all of the file: of the open file, so a child inherits it, and it can be looked at
 * without taking it. command is F_OFD_SETLK, F_OFD_SETLKW or F_OFD_GETLK, type as in struct flock.
 * 0; -1 with errno; for F_OFD_GETLK 1 when somebody has one that is in the way. */
int fd_lock(int fd, int command, short type);

/* Sends `size` bytes with at most one fd (send_fd < 0: none) over a unix socket, no SIGPIPE. */
int fd_send(int sock, const void *data, size_t size, int send_fd, struct oci_error *err);

/* Receives one message into data (at most `size` bytes) and at most one fd, close-on-exec.
 * Returns its length, 0 at EOF. *received_fd is -1 when none came; with received_fd NULL an fd
 * that comes is closed. Further fds are closed. */
ssize_t fd_receive(int sock, void *data, size_t size, int *received_fd, struct oci_error *err);

#endif
