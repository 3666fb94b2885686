/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From the state directory back to the plan: the same code decides again as when the container was
 * created, with the request that state.json remembers.
 */
#include <string.h>

#include "verify/verify.h"

/* What create was told and what matters to the plan. The terminal's socket served at create only;
 * without one the plan would be refused. */
static void rebuild_request(struct verify_stored *stored, const char *root)
{
	const struct state *state = &stored->state;
	struct request *request = &stored->request;

	request->id = state->id;
	request->bundle = state->bundle;
	request->config_path = STATE_CONFIG;
	request->state_root = root;
	request->manager = state->unit	   ? CGROUP_SYSTEMD
			   : state->cgroup ? CGROUP_CGROUPFS
					   : CGROUP_DISABLED;
	request->console_socket = "";
	request->notify_socket = state->notify ? "" : NULL;
}

static int look_at_host(struct verify_stored *stored, struct oci_error *err)
{
	struct host *host = &stored->host;
	const char *mount = stored->state.cgroup_root;

	TRY(host_look(host, err));
	if (plan_asks_labels(&stored->config))
		host_look_labels(host);
	host->capabilities = host->known_caps;
	host->rootless |= stored->state.owner != 0;
	if (mount && strlen(mount) < sizeof(host->cgroup_mount))
		(void)strcpy(host->cgroup_mount, mount);
	return 0;
}

int verify_stored(struct verify_stored *stored, int dir, const char *root, const char *id,
		  struct oci_error *err)
{
	*stored = (struct verify_stored){ .config = { .doc = NULL } };
	TRY(state_load(dir, id, &stored->state, err));
	if (oci_config_read_file(&stored->config, dir, STATE_CONFIG, NULL, err) < 0)
		return fail_in(err, "the stored " STATE_CONFIG);
	TRY(state_updated_read(dir, &stored->updated, err));
	if (stored->updated.doc) {
		stored->config.linux.resources = stored->updated.linux.resources;
		stored->config.linux.intel_rdt = stored->updated.linux.intel_rdt;
	}
	rebuild_request(stored, root);
	TRY(look_at_host(stored, err));
	if (plan_make(&stored->plan, &stored->config, &stored->request, &stored->host, NULL, err) <
	    0)
		return fail_in(err, "the stored " STATE_CONFIG " can't be planned any more");
	return 0;
}

void verify_stored_done(struct verify_stored *stored)
{
	plan_free(&stored->plan);
	oci_config_close(&stored->config);
	oci_config_close(&stored->updated);
	state_done(&stored->state);
}
