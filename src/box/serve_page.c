/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/serve_page.h"

#include <string.h>

/* PAGE_DIR: where the files are, as seen from the folder of the build. */
#define EMBED(name, file)                                                                          \
	__asm__(".pushsection .rodata\n" #name ":\n.incbin \"" PAGE_DIR file "\"\n" #name          \
		"_end:\n.byte 0\n.popsection\n");                                                  \
	extern const char name[], name##_end[]

EMBED(page_html, "index.html");
EMBED(page_css, "page.css");
EMBED(page_js, "page.js");

const struct page_file *page_find(const char *path)
{
	static const struct page_file files[] = {
		{ "/", "text/html; charset=utf-8", page_html, page_html_end },
		{ "/page.css", "text/css; charset=utf-8", page_css, page_css_end },
		{ "/page.js", "text/javascript; charset=utf-8", page_js, page_js_end },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (!strcmp(path, files[i].path))
			return &files[i];
	return NULL;
}
