/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Programs that have privilege of their own, such as newuidmap(1).
 */
#ifndef BASE_HELPER_H
#define BASE_HELPER_H

#include <stdbool.h>
#include <stddef.h>

/* Where such a program is, in a fixed list of the system's directories: not the caller's PATH,
 * which anybody may set. False when it is in none. */
bool helper_find(const char *name, char *path, size_t room);

#endif
