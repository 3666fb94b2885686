/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The process's AppArmor profile and SELinux label: for the next execve(2), written to the calling
 * thread's own attribute files below the private procfs (run->proc), never to whatever the
 * container has at /proc. Label means either of the two here.
 */
#ifndef STEPS_LABEL_H
#define STEPS_LABEL_H

#include "steps/run.h"

/* PARENT: asks the kernel whether it would take the labels, so that a profile which isn't loaded
 * fails create and not start. Changes nothing. Code "label-refused". */
int label_look(struct run *run, struct oci_error *err);

/* PARENT, before it forks: the session keyring that INIT will join has the process's SELinux label,
 * as a policy expects that lets the process use its own keys only. It is inherited by fork(2), and
 * ends with execve(2). Code "label-refused". */
int label_keys(struct run *run, struct oci_error *err);

/* INIT, before it lets go of the host: opens the attribute files into run->apparmor_attr and
 * run->selinux_attr. A process can write its own only. */
int label_open(struct run *run, struct oci_error *err);

/* exec, PARENT: opens those of INIT, which it can write then all the same: what counts is whose
 * memory they were opened for. It takes CAP_SYS_PTRACE over INIT. */
int label_open_for(struct run *run, struct oci_error *err);

/* The one that goes to INIT: no kernel has both kinds of labels. */
int *label_attribute(struct run *run);

/* INIT: writes them. After the last hook, for a hook would be executed under the label, too. Code
 * "label-refused". */
int label_set(struct run *run, struct oci_error *err);

/* INIT: reads from the same files what the next execve(2) will give. Code "confinement-differs". */
int label_read_back(struct run *run, struct oci_error *err);

#endif
