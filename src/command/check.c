/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull check`: everything that is wrong with a bundle, by the reader and the planner that create
 * uses; they only go on after the first finding here, the planner also with a config that the
 * reader refused.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "command/bundle.h"
#include "command/log.h"
#include "libocispec/json_text.h"
#include "plan/unread.h"
#include "sequence/sequence.h"

struct check_options {
	const char *bundle;
	const char *config;
	const char *format;
};

static const struct option_row options[] = {
	{ 'b', "bundle", "DIR", "the same as the operand", OPTION_TEXT,
	  offsetof(struct check_options, bundle), NULL },
	{ 'f', "config", "FILE", "the configuration (default: config.json in the bundle)",
	  OPTION_TEXT, offsetof(struct check_options, config), NULL },
	{ 0, "format", "FORMAT", "text (default) or json", OPTION_WORD,
	  offsetof(struct check_options, format), "text|json" },
	OPTIONS_END,
};

/* In the order of enum plan_finding. */
static const char *const kinds[] = { "invalid", "host", "note" };

struct check {
	struct bundle *bundle;
	struct json_text *json; /* NULL: lines of text */
	struct unread unread;
	unsigned n_refused;
	unsigned n_invalid;   /* of them */
	bool planner_refused; /* what isn't told because of `unread` included */
};

/* pointer may be "", line 0: then there is none. */
static void print_line(const char *kind, const char *pointer, unsigned line, unsigned column,
		       const char *text)
{
	auto_free char *whole = NULL;

	if (asprintf(&whole, "%s: %s%s%s", kind, pointer, *pointer ? ": " : "", text) < 0)
		whole = NULL;
	if (whole)
		log_clean(whole);
	(void)fputs(whole ? whole : kind, stdout);
	if (line)
		(void)printf(" (%u:%u)", line, column);
	(void)putchar('\n');
}

/* line 0: the text has no place in the file. */
static void tell(struct check *check, enum plan_finding kind, const char *pointer, unsigned line,
		 unsigned column, const char *text)
{
	if (kind != PLAN_NOTE)
		check->n_refused++;
	if (kind == PLAN_INVALID)
		check->n_invalid++;
	if (check->json) {
		json_text_open_object(check->json, NULL);
		json_text_string(check->json, "kind", kinds[kind]);
		json_text_string(check->json, "pointer", pointer);
		json_text_uint(check->json, "line", line);
		json_text_uint(check->json, "column", column);
		json_text_string(check->json, "text", text);
		json_text_close_object(check->json);
		return;
	}
	print_line(kinds[kind], pointer, line, column, text);
}

static int found_by_reader(void *ctx, enum oci_finding kind, const char *pointer, unsigned line,
			   unsigned column, const char *text)
{
	struct check *check = ctx;

	if (kind == OCI_INVALID)
		unread_add(&check->unread, pointer);
	tell(check, kind == OCI_NOTE ? PLAN_NOTE : PLAN_INVALID, pointer, line, column, text);
	return 0;
}

static int found_by_planner(void *ctx, enum plan_finding kind, const char *pointer,
			    const char *text)
{
	struct check *check = ctx;
	unsigned line = 0, column = 0;

	check->planner_refused |= kind != PLAN_NOTE;
	if (unread_explains(&check->unread, pointer))
		return 0;
	oci_document_place(check->bundle->config.doc, pointer, &line, &column);
	tell(check, kind, pointer, line, column, text);
	return 0;
}

/* What stopped it without being a finding: no such file, text that isn't JSON. */
static void tell_error(struct check *check, const struct oci_error *err)
{
	tell(check, err->num ? PLAN_HOST : PLAN_INVALID, "", 0, 0, err->text);
}

/* The host was asked by trying: the error of a step, which begins with a pointer as a rule. */
static void found_by_trying(void *ctx, const struct oci_error *err)
{
	struct check *check = ctx;
	enum plan_finding kind = strcmp(err->code, "invalid-config") ? PLAN_HOST : PLAN_INVALID;
	const char *text = strstr(err->text, ": ");
	char pointer[256];

	if (err->text[0] != '/' || !text || (size_t)(text - err->text) >= sizeof(pointer)) {
		tell(check, kind, "", 0, 0, err->text);
		return;
	}
	(void)snprintf(pointer, sizeof(pointer), "%.*s", (int)(text - err->text), err->text);
	(void)found_by_planner(check, kind, pointer, text + 2);
}

static void look(struct check *check)
{
	struct bundle *bundle = check->bundle;
	struct oci_report by_reader = { found_by_reader, check };
	struct plan_report by_planner = { found_by_planner, check };
	struct oci_error err = { 0 };

	if (oci_config_read_file(&bundle->config, AT_FDCWD, bundle->request.config_path, &by_reader,
				 &err) < 0) {
		if (check->n_refused == 0)
			tell_error(check, &err);
		if (!bundle->config.doc)
			return; /* nothing to go on with */
		unread_prepare(&check->unread, &bundle->config);
		err = (struct oci_error){ 0 };
	}
	if (host_look(&bundle->host, &err) < 0) {
		tell_error(check, &err);
		return;
	}
	if (plan_asks_labels(&bundle->config))
		host_look_labels(&bundle->host);
	if (plan_make(&bundle->plan, &bundle->config, &bundle->request, &bundle->host, &by_planner,
		      &err) < 0 &&
	    !check->planner_refused)
		tell_error(check, &err);
	if (check->n_invalid == 0 && bundle->plan.rootfs)
		sequence_look(&bundle->plan, found_by_trying, check);
}

static int check_bundle(struct bundle *bundle, bool as_json, struct oci_error *err)
{
	struct check check = { .bundle = bundle };
	struct json_text json;
	int result = 0;

	json_text_init(&json, true);
	if (!as_json) {
		look(&check);
		unread_free(&check.unread);
		return check.n_refused ? EXIT_FAILURE : 0;
	}
	check.json = &json;
	json_text_open_array(&json, NULL);
	look(&check);
	unread_free(&check.unread);
	json_text_close_array(&json);
	result = json_text_check(&json, err);
	if (result == 0)
		(void)printf("%s\n", json.text); /* main.c looks whether that worked */
	json_text_done(&json);
	return result == 0 && check.n_refused ? EXIT_FAILURE : result;
}

static int check_run(const struct call *call, struct oci_error *err)
{
	const struct check_options *given = call->options;
	const char *path = call->n_operands ? call->operands[0] : given->bundle;
	struct create_options as_create = { .bundle = path, .config = given->config };
	bool as_json = given->format && !strcmp(given->format, "json");
	struct bundle bundle = { 0 };
	int result;

	result = bundle_request(&bundle, call->globals, &as_create, NULL, err);
	if (result == 0)
		result = check_bundle(&bundle, as_json, err);
	bundle_done(&bundle);
	return result;
}

const struct command check_command = {
	.name = "check",
	.operands = "[BUNDLE]",
	.summary = "Say everything that is wrong with a bundle",
	.text = "Prints a line for each finding: `invalid` where the bundle is wrong, `host` "
		"where\n"
		"this host or this build can't do it, `note` for the rest (unknown properties).\n"
		"Exit status 1 if there is one of the first two kinds.",
	.options = options,
	.options_size = sizeof(struct check_options),
	.n_allowed = 1,
	.forks = true,
	.run = check_run,
};
