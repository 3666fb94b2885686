/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * process.terminal: a pty from the container's own devpts, its master for the one who asked (the
 * console socket, or hull itself in a foreground run), its slave for the process.
 */
#ifndef STEPS_TERMINAL_H
#define STEPS_TERMINAL_H

#include "steps/run.h"

/* PARENT, before anything is made: connects --console-socket. */
int terminal_connect(struct run *run, struct oci_error *err);

/* INIT, after the mounts and before the pivot: opens the pty (the host's devpts serves where the
 * container has none of its own), sets its size and owner, binds it to /dev/console, makes it the
 * controlling terminal and 0, 1, 2. The master is in run->terminal_master. */
int terminal_open(struct run *run, struct oci_error *err);

/* exec. STAGE, inside the container: opens the pty as terminal_open() does and makes it 0, 1 and 2,
 * which the new process inherits; and there, in its own session: makes it the controlling one. */
int terminal_open_inside(struct run *run, struct oci_error *err);
int terminal_control(struct run *run, struct oci_error *err);

/* PARENT: sends the master over the console socket, and closes both. */
int terminal_send(struct run *run, struct oci_error *err);

/* INIT, without a terminal: gives 0, 1, 2 to the container's user, but for null devices, disks,
 * a rootless caller's files, and what can't be given. */
int terminal_own_streams(struct run *run, struct oci_error *err);

#endif
