/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where things are: hullbox's own directories and the programs that it calls.
 */
#ifndef BOX_HOME_H
#define BOX_HOME_H

#include <stdbool.h>

#include "base/error.h"

struct box_home {
	char *root;    /* what survives a reboot: containers, layers, images, volumes */
	char *runtime; /* what doesn't */
};

/* root: --root or NULL; then $HULLBOX_ROOT, else /var/lib/hullbox (for others than root
 * $XDG_DATA_HOME/hullbox or $HOME/.local/share/hullbox). runtime: $HULLBOX_RUNTIME, else
 * /run/hullbox ($XDG_RUNTIME_DIR/hullbox); for a root other than the default one a directory
 * "roots/HASH" below it, since names and networks of two roots have nothing in common. Nothing is
 * made. Errors: "usage" when the environment doesn't say enough. */
int home_find(struct box_home *home, const char *root, struct oci_error *err);

void home_done(struct box_home *home);

/* The absolute path of a program, on the heap: hull ($HULLBOX_HULL, else beside hullbox, else
 * $PATH), conmon ($HULLBOX_CONMON, else $PATH), a CNI plugin ($CNI_PATH, a list, else /usr/lib/cni
 * and /opt/cni/bin), the program of a user's network, which is slirp4netns or, as *is_pasta then
 * says, pasta ($HULLBOX_SLIRP4NETNS, else $HULLBOX_PASTA, else slirp4netns and at last pasta in
 * $PATH). NULL with err: code "not-installed". */
char *home_hull(struct oci_error *err);
char *home_conmon(struct oci_error *err);
char *home_cni_plugin(const char *name, struct oci_error *err);
char *home_user_net(bool *is_pasta, struct oci_error *err);

/* The path of this program, on the heap; NULL with err. */
char *home_self(struct oci_error *err);

/* A text on the heap; NULL with err when memory ran out. */
char *box_text(struct oci_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
