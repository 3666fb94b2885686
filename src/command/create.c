/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `hull create`.
 */
#include <stdio.h>

#include "command/bundle.h"
#include "sequence/sequence.h"

static const struct option_row options[] = { CREATE_OPTIONS, OPTIONS_END };

static int create_or_explain(struct bundle *bundle, const struct create_options *given,
			     struct oci_error *err)
{
	TRY(bundle_read(bundle, err));
	TRY(bundle_plan(bundle, err));
	if (!given->explain)
		return sequence_create(&bundle->plan, err);
	sequence_explain(&bundle->plan, stdout);
	return 0;
}

static int create(const struct call *call, struct oci_error *err)
{
	return bundle_command(call, create_or_explain, err);
}

const struct command create_command = {
	.name = "create",
	.operands = "ID",
	.summary = "Create a container from a bundle; its process waits for `hull start`",
	.text = "ID is 1 to 255 bytes of [A-Za-z0-9_+.-] and doesn't start with '.' or '-'.",
	.options = options,
	.options_size = sizeof(struct create_options),
	.n_required = 1,
	.n_allowed = 1,
	.forks = true,
	.run = create,
};
