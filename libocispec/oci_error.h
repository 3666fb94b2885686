/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The error value of libocispec and of hull: plain memory of fixed size, so that it needs no
 * allocation (it works out of memory and after a fork), needs no release, and crosses a socket
 * in one message.
 */
#ifndef OCI_ERROR_H
#define OCI_ERROR_H

#include <stddef.h>

struct oci_error {
	int num;	 /* errno of the cause, 0 if there was none */
	char code[28];	 /* a stable word per cause for programs ("invalid-config"), or "" */
	char text[2016]; /* outermost first: "mount '/data': open_tree: No such file or directory"
			  */
};

/* Our own verdict: sets text, num 0, keeps a code that was set before. Returns -1. */
int oci_fail(struct oci_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As oci_fail(), with a code word. Returns -1. */
int oci_fail_code(struct oci_error *err, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A system call failed: text is "FMT: strerror(errno)". errno is read before anything else;
 * arguments must be plain values, for a call among them could change it. Returns -1. */
int oci_fail_sys(struct oci_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "FMT: " before the text that is already there, keeps num and code. Returns -1. */
int oci_fail_in(struct oci_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
