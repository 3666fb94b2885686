/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dashboard's page, as it is in src/box/page/, within the program: nothing to install beside
 * it.
 */
#ifndef BOX_SERVE_PAGE_H
#define BOX_SERVE_PAGE_H

struct page_file {
	const char *path; /* below the server's top: "/", "/page.js" */
	const char *type; /* media type */
	const char *text, *end;
};

/* NULL when there is none at that path. */
const struct page_file *page_find(const char *path);

#endif
