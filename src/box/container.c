/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/attach.h"
#include "box/bundle.h"
#include "box/command.h"
#include "box/container_net.h"
#include "box/container_root.h"
#include "box/events.h"
#include "box/health.h"
#include "box/health_watch.h"
#include "box/image_volumes.h"
#include "box/init_program.h"
#include "box/interrupt.h"
#include "box/monitor.h"
#include "box/restart.h"
#include "box/rootless.h"
#include "box/tree.h"
#include "box/userns.h"
#include "box/volume.h"
#include "box/watch.h"
#include "libocispec/json.h"

#define BACK_OFF_FIRST_MS 100U
#define BACK_OFF_MOST_MS 60000U
#define LONG_LIFE_NS (INT64_C(10) * 1000000000)

/* --- Saved options --- */

/* As many as there is room for; "..." says that there are more. */
static void describe_ports(const struct box_options *options, char *text, size_t room)
{
	static const char more[] = "...";
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < options->net.ports.n; i++) {
		const struct box_port *port = &options->net.ports.v[i];
		char one[96];
		int size = snprintf(one, sizeof(one), "%s%s:%u->%u/%s", i ? ", " : "",
				    port->address ? port->address : "0.0.0.0", port->host,
				    port->container, port->protocol);

		if (used + (size_t)size + sizeof(", ") + sizeof(more) > room) {
			(void)snprintf(text + used, room - used, ", %s", more);
			return;
		}
		memcpy(text + used, one, (size_t)size + 1);
		used += (size_t)size;
	}
}

/* What is run, as much of it as there is room for. */
static void describe_command(const struct box_options *options, const struct box_image *image,
			     struct box_state *state)
{
	struct oci_strings parts[2];
	size_t used = 0;

	box_command_line(options, image, parts);
	state->command[0] = '\0';
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < parts[k].n && used + 1 < sizeof(state->command); i++)
			used += (size_t)snprintf(state->command + used,
						 sizeof(state->command) - used, "%s%s",
						 used ? " " : "", parts[k].v[i]);
}

static void describe(const struct box_options *options, const struct box_image *image,
		     struct box_state *state)
{
	(void)snprintf(state->name, sizeof(state->name), "%s", options->name ? options->name : "");
	(void)snprintf(state->image, sizeof(state->image), "%s",
		       options->source.from.n ? options->source.from.v[0] : options->source.kind);
	describe_command(options, image, state);
	describe_ports(options, state->ports, sizeof(state->ports));
}

static int save(const struct box_record *record, const struct box_options *options,
		struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	TRY(box_options_write(options, &text, &size, err));
	return file_replace_at(record->dir, "config.json", text, size, 0600, err);
}

/* Its volumes are there before it is, and nobody removes them in between. */
static int publish(const struct box_home *home, struct box_record *record,
		   const struct box_options *options, struct oci_error *err)
{
	struct volumes_made made;
	int result;

	TRY(volumes_make(home, record->id, options, &made, err));
	result = record_publish(home, record, err);
	volumes_made_done(&made, result < 0);
	return result;
}

static void tell_ignored(const char *path)
{
	box_warn("the image asks for a volume at '%s', which is the container's own: none is made",
		 path);
}

/* What its image, if there is one, adds to the options and to what is known of the container. */
static int ask_image(struct box_record *record, struct box_options *options, struct oci_error *err)
{
	struct image_config config = { .doc = NULL };
	struct box_image image;
	int result = container_base_image(record, &config, &image, err);

	if (result > 0)
		result = image_volumes_add(&config, options, tell_ignored, err);
	if (result == 0)
		describe(options, config.doc ? &image : NULL, &record->state);
	image_config_close(&config);
	return result;
}

/* Whose network it shares is that container under whatever name later. One that isn't there yet is
 * looked for by the name when this one begins. */
static int find_other(const struct box_home *home, struct box_options *options,
		      struct oci_error *err)
{
	struct oci_error own = { 0 };
	struct box_record other;

	if (strcmp(options->net.kind, "container") != 0)
		return 0;
	if (record_open(home, options->net.other, &other, &own) < 0) {
		if (!strcmp(own.code, "not-found"))
			return 0;
		*err = own;
		return -1;
	}
	options->net.other_id = arena_strdup(&options->arena, other.id);
	record_close(&other);
	return options->net.other_id ? 0 : fail_code(err, "out-of-memory", "no memory for an id");
}

int container_make(const struct box_home *home, struct box_options *options, bool to_run,
		   struct box_record *record, struct oci_error *err)
{
	auto_fd use = -1; /* of its layers, until the record names them */
	struct oci_error second = { 0 };

	TRY(find_other(home, options, err));
	TRY(record_make(home, record, err));
	if (container_base_make(home, record, options, &use, err) == 0 &&
	    ask_image(record, options, err) == 0 && save(record, options, err) == 0 &&
	    (!to_run || life_announce(home, record, err) == 0) &&
	    publish(home, record, options, err) == 0) {
		event_write(home, record, "create");
		return 0;
	}
	record_close(record);
	/* Takes what is there of it. The first failure is told, not that of this. */
	(void)record_sweep(home, &second);
	(void)life_remove(home, record->id, &second);
	return -1;
}

int container_options(const struct box_record *record, struct box_options *options,
		      struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	*options = (struct box_options){ .doc = NULL };
	TRY(file_load_at(record->dir, "config.json", JSON_MAX_SIZE, &text, &size, err));
	return box_options_read(options, text, size, err);
}

/* --- Beginning --- */

/* What the process that becomes the monitor needs for config.json. */
struct preparing {
	const struct box_home *home;
	const struct box_record *record;
	const struct box_options *options;
	struct container_root *root;
};

/* In the new mount namespace. */
static int mount_root(void *ctx, struct oci_error *err)
{
	const struct preparing *preparing = ctx;

	TRY(volumes_fill(preparing->home, preparing->record, preparing->options, preparing->root,
			 err));
	return container_root_mount(preparing->root, err);
}

int container_choose_ids(const struct box_home *home, const struct box_record *record,
			 struct box_options *options, struct oci_id_mapping *map,
			 struct oci_error *err)
{
	auto_fd root = -1;

	if (geteuid() != 0 || options->security.mappings.n ||
	    strcmp(options->security.userns, "auto") != 0)
		return 0;
	root = open(home->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail_sys(err, "open '%s'", home->root);
	TRY(userns_claim(root, record->id, map, err));
	options->security.mappings.v = map;
	options->security.mappings.n = 1;
	return 0;
}

/* In the new mount namespace. */
static int prepare(void *ctx, int bundle, struct oci_error *err)
{
	const struct preparing *preparing = ctx;
	const struct container_root *root = preparing->root;
	/* A user's is taken from where hull finds a cgroup that is delegated to him. */
	auto_free char *cgroup =
		box_text(err, "%shullbox/%s", rootless() ? "" : "/", preparing->record->id);
	auto_free char *volumes = box_text(err, "%s/volumes", preparing->home->root);
	auto_fd root_fd = open(root->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_free char *hosts = record_path(preparing->home, preparing->record, "hosts", err);
	auto_free char *resolv_conf =
		record_path(preparing->home, preparing->record, "resolv.conf", err);
	auto_free char *hostname = record_path(preparing->home, preparing->record, "hostname", err);
	auto_free char *init = NULL;
	int dir = preparing->record->dir;
	struct box_bundle_input in = {
		.id = preparing->record->id,
		.root = root->path,
		.root_fd = root_fd,
		.netns = *preparing->record->state.netns ? preparing->record->state.netns : NULL,
		.volumes = volumes,
		.cgroup = cgroup,
		.image = root->image,
		.shown = root->host.shown,
		.n_shown = root->host.n_shown,
		.hosts = faccessat(dir, "hosts", F_OK, 0) == 0 ? hosts : NULL,
		.resolv_conf = faccessat(dir, "resolv.conf", F_OK, 0) == 0 ? resolv_conf : NULL,
		.hostname = faccessat(dir, "hostname", F_OK, 0) == 0 ? hostname : NULL,
		.warn = box_warn,
	};

	if (!cgroup || !volumes || !hosts || !resolv_conf || !hostname)
		return -1;
	if (preparing->options->init) {
		init = init_program_find(err);
		if (!init)
			return -1;
		in.init = init;
	}
	if (root_fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? fail_code(err, "no-rootfs", "root file system '%s': %s",
					   root->path,
					   errno == ENOENT ? "it doesn't exist" : "no directory")
			       : fail_sys(err, "open '%s'", root->path);
	return box_bundle_write(preparing->options, &in, bundle, err);
}

/* kept: what the monitor is to hold. */
static int create(const struct box_home *home, struct box_record *record,
		  const struct box_options *asked, int kept, struct oci_error *err)
{
	struct box_options chosen = *asked;
	const struct box_options *options = &chosen;
	struct oci_id_mapping map;
	struct container_root root;
	struct preparing preparing = { home, record, options, &root };
	struct monitor_request request = {
		.home = home,
		.record = record,
		.terminal = options->tty,
		.interactive = options->interactive,
		.kept = kept,
		.log_max_size = options->log.max_size,
		.mount = mount_root,
		.prepare = prepare,
		.ctx = &preparing,
	};
	int life = -1;

	TRY(container_choose_ids(home, record, &chosen, &map, err));
	if (container_root_plan(home, record, options, &root, err) == 0 &&
	    watch_prepare(record, options, err) == 0)
		life = monitor_create(&request, err);
	container_root_done(&root);
	return life;
}

/* Where its cgroup is, below where cgroup2 is mounted; "" when it has none of its own. */
static void find_cgroup(const struct box_home *home, struct box_record *record)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct box_state *state = &record->state;
	struct oci_error ignored = { 0 }; /* a process that has ended is in none */
	char file[64], text[4096] = "";
	const char *path;

	(void)snprintf(file, sizeof(file), "/proc/%d/cgroup",
		       (int)monitor_container_pid(home, record));
	(void)file_read_at(AT_FDCWD, file, text, sizeof(text), &ignored);
	path = strstr(text, "0::/");
	path = path ? path + 3 : "";
	for (size_t i = 0; i < 2 && strstr(path, record->id); i++) {
		(void)snprintf(state->cgroup, sizeof(state->cgroup), "%s%.*s", mounts[i],
			       (int)strcspn(path, "\n"), path);
		if (access(state->cgroup, F_OK) == 0)
			return;
	}
	state->cgroup[0] = '\0';
}

/* A controller counts in a cgroup where those above it hand it on, which hull has done for those
 * that something limits. The others are handed on as far as this caller may: where it may not, what
 * the container uses isn't measured, and nothing else depends on it. */
static void measure(const struct box_state *state)
{
	static const char *const counting[] = { "+io", "+pids" };
	char path[sizeof(state->cgroup)];

	for (const char *end = state->cgroup; *end && (end = strchr(end + 1, '/'));) {
		auto_fd dir = -1;

		(void)snprintf(path, sizeof(path), "%.*s", (int)(end - state->cgroup),
			       state->cgroup);
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		for (size_t i = 0; dir >= 0 && i < 2; i++) {
			struct oci_error ignored = { 0 };

			(void)file_write_at(dir, "cgroup.subtree_control", counting[i], &ignored);
		}
	}
}

/* Created, and now attached and started. */
static int go(const struct box_home *home, struct box_record *record,
	      const struct box_options *options, bool attach, int monitor_end, int *restart,
	      struct container_life *begun, struct oci_error *err)
{
	int checked;

	TRY(container_net_join(home, record, options, monitor_end, err));
	if (attach) {
		begun->attach = attach_connect(record, err);
		if (begun->attach < 0)
			return -1;
	}
	TRY(watch_begin(home, record, options, err));
	checked = health_prepare(record, options, err);
	if (checked < 0 || (checked && health_announce(home, record, err) < 0))
		return -1;
	find_cgroup(home, record);
	measure(&record->state);
	/* A signal that is held back is the container's from here on, and cancels it before. */
	TRY(interrupt_check(err));
	interrupt_unwatch();
	TRY(monitor_start(home, record, err));
	restart_begun(restart);
	record->state.started = record_now();
	record->state.kept = false;
	TRY(record_save(record, err));
	event_write(home, record, "start");
	return checked ? health_begin(home, record, err) : 0;
}

/* What a life that never began leaves in the state. */
static void forget(const struct box_home *home, struct box_record *record,
		   const struct oci_error *why)
{
	struct oci_error ignored = { 0 }; /* the failure itself is told */

	record->state.going = false;
	record->state.finished = record_now();
	record->state.exit_code = container_failure_status(why);
	record->state.cgroup[0] = '\0';
	(void)container_net_down(home, record, &ignored);
	(void)snprintf(record->state.error, sizeof(record->state.error), "%.500s", why->text);
	(void)record_save(record, &ignored);
	(void)life_remove(home, record->id, &ignored);
}

int container_begin(const struct box_home *home, struct box_record *record,
		    const struct box_options *options, bool attach, struct container_life *begun,
		    struct oci_error *err)
{
	struct box_state *state = &record->state;
	int ends[2];
	auto_fd monitor_end = -1, restart = -1;

	*begun = (struct container_life){ -1, -1 };
	TRY(container_settle(home, record, err));
	TRY(record_wait_for_holders(record, err));
	restart = container_has_policy(options) ? restart_announce(home, record->id, err) : -1;
	if (restart < 0 && container_has_policy(options))
		return -1;
	if (restart < 0)
		restart_forget(home, record->id);
	monitor_forget(record);
	state->going = true;
	state->wanted = true;
	state->oom = false;
	state->lives++;
	state->restart_at = 0;
	state->started = 0;
	state->error[0] = '\0';
	TRY(record_save(record, err));
	if (container_net_pipe(options, ends, err) == 0) {
		monitor_end = ends[0];
		if (container_net_up(home, record, options, err) == 0)
			begun->life = create(home, record, options, ends[1], err);
		fd_drop(&ends[1]);
	}
	if (begun->life >= 0 &&
	    go(home, record, options, attach, monitor_end, &restart, begun, err) == 0)
		return 0;
	if (begun->life >= 0) {
		struct oci_error ignored = { 0 };

		(void)monitor_hull(home, NULL, &ignored, "delete", "--force", record->id, NULL);
		(void)life_wait(home, record->id, begun->life, &ignored);
	}
	fd_drop(&begun->life);
	fd_drop(&begun->attach);
	forget(home, record, err);
	restart_release(&restart);
	return -1;
}

int container_start(const struct box_home *home, struct box_record *record,
		    const struct box_options *options, bool attach, struct container_life *begun,
		    struct oci_error *err)
{
	int result;

	record->state.restarts = record->state.back_off_ms = 0;
	result = container_begin(home, record, options, attach, begun, err);
	/* Somebody else may have begun it meanwhile: what was announced is of the life that runs.
	 */
	if (result < 0 && strcmp(err->code, "running") != 0)
		restart_forget(home, record->id);
	return result;
}

int container_failure_status(const struct oci_error *err)
{
	if (!strcmp(err->code, "program-not-found"))
		return EXIT_NOT_FOUND;
	if (!strcmp(err->code, "program-not-executable"))
		return EXIT_NOT_EXECUTABLE;
	return EXIT_BOX_FAILED;
}

/* --- Ending --- */

static void tell_end(const struct box_home *home, const struct box_record *record)
{
	if (record->state.oom)
		event_write(home, record, "oom");
	event_write_number(home, record, "die", "exitCode", record->state.exit_code);
}

/* Nothing has begun since the machine did. */
static bool is_booted_anew(const struct box_home *home)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/containers", home->runtime);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* What is to be removed is taken down even where the state can't be written: a full disk is emptied
 * by removing. */
static int settle(const struct box_home *home, struct box_record *record, bool to_remove,
		  struct oci_error *err)
{
	struct box_state *state = &record->state;
	struct oci_error unsaved = { 0 };
	auto_fd life = -1;

	life = life_open(home, record->id);
	if (!state->going) /* killed just before the last deed of this */
		return life < 0 || life_is_held(home, record->id, life)
			       ? 0
			       : life_remove(home, record->id, err);
	if (life >= 0 && life_is_held(home, record->id, life))
		return fail_code(err, "running", "'%s' is running", state->name);
	TRY(monitor_end(home, record, &state->exit_code, &state->oom, err));
	TRY(container_net_down(home, record, err));
	state->going = false;
	state->finished = record_now();
	state->cgroup[0] = '\0';
	if (is_booted_anew(home)) /* which is no failure of its command */
		state->restarts = state->back_off_ms = 0;
	/* Rather twice than not at all, if this is killed now. */
	if (state->started)
		tell_end(home, record);
	if (record_save(record, &unsaved) < 0 && !to_remove) {
		*err = unsaved;
		return -1;
	}
	return life_remove(home, record->id, err);
}

int container_settle(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	return settle(home, record, false, err);
}

int container_remove(const struct box_home *home, struct box_record *record, struct oci_error *err)
{
	auto_fd root = open(home->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char id[sizeof(record->id)];

	memcpy(id, record->id, sizeof(id));
	TRY(settle(home, record, true, err));
	TRY(record_wait_for_holders(record, err));
	restart_forget(home, id);
	TRY(record_remove(home, record, err));
	if (root >= 0)
		userns_release(root, id);
	event_write(home, record, "destroy");
	return volumes_sweep(home, err); /* its own are nobody's now */
}

bool container_is_to_go(const struct box_options *options, const struct box_state *state)
{
	return options->remove && !state->kept;
}

bool container_has_policy(const struct box_options *options)
{
	return options->restart.present && strcmp(options->restart.policy, "no") != 0;
}

bool container_restarts(const struct box_options *options, const struct box_state *state,
			unsigned *ms)
{
	const char *policy = options->restart.present ? options->restart.policy : "no";
	bool on_failure = !strcmp(policy, "on-failure");
	bool long_life = state->started && state->finished - state->started >= LONG_LIFE_NS;

	if (!strcmp(policy, "no") || !state->wanted || (on_failure && state->exit_code == 0))
		return false;
	if (on_failure && options->restart.retries && state->restarts >= options->restart.retries)
		return false;
	*ms = BACK_OFF_FIRST_MS;
	if (state->back_off_ms && !long_life)
		*ms = state->back_off_ms < BACK_OFF_MOST_MS / 2 ? 2 * state->back_off_ms
								: BACK_OFF_MOST_MS;
	return true;
}

bool container_restarts_at(const struct box_options *options, const struct box_state *state,
			   int64_t now, unsigned *ms)
{
	const int64_t one = 1000000, left = state->restart_at - now;

	if (!container_restarts(options, state, ms))
		return false;
	if (!state->restart_at)
		return true;
	/* A clock that was set back makes it no longer than it was to be. */
	*ms = left <= 0				? 0
	      : left / one < state->back_off_ms ? (unsigned)((left + one - 1) / one)
						: state->back_off_ms;
	return true;
}

/* --- Sweeping --- */

int container_end_unstarted(const struct box_home *home, const struct box_record *record, int life,
			    struct oci_error *err)
{
	if (!record->state.going || record->state.started || life < 0)
		return 0;
	/* Who began it may be dead while hull still makes it, which delete doesn't see in time. */
	do {
		TRY(monitor_hull(home, NULL, err, "delete", "--force", record->id, NULL));
	} while (!life_ends_soon(home, record->id, life));
	return life_wait(home, record->id, life, err);
}

/* Cheap where all is well: whoever is started and watched isn't looked at any further. One whose
 * health nobody checks any more gets somebody who does. */
static bool is_well(const struct box_home *home, const char *id, int life)
{
	struct oci_error ignored = { 0 };
	struct box_record record;
	bool started;

	if (life < 0 || !life_is_held(home, id, life) ||
	    record_open(home, id, &record, &ignored) < 0)
		return false;
	started = record.state.started != 0;
	if (started && health_begin(home, &record, &ignored) < 0)
		box_warn("check the health of '%s': %s", record.state.name, ignored.text);
	record_close(&record);
	return started;
}

static int sweep_one(void *ctx, const char *id, struct oci_error *err)
{
	const struct box_home *home = ctx;
	struct box_record record;
	struct box_options options;
	auto_fd life = life_open(home, id);
	int result;

	/* Asked first: one that is published meanwhile is found below. */
	if (record_is_unpublished(home, id) || is_well(home, id, life))
		return 0;
	if (record_open(home, id, &record, err) < 0 && strcmp(err->code, "not-found") != 0)
		return -1;
	if (record.dir < 0)
		return record_is_there(home, id) ? 0 : life_remove(home, id, err);
	result = record_lock(&record, true, err);
	if (result < 0 && !strcmp(err->code, "busy")) {
		record_close(&record);
		return 0; /* whoever works at it settles it */
	}
	if (result == 0)
		result = container_end_unstarted(home, &record, life, err);
	if (result == 0)
		result = container_settle(home, &record, err);
	if (result == 0 && record.state.lives == 0)
		(void)life_remove(home, id, err);
	if (result == 0 && container_options(&record, &options, err) == 0) {
		if (container_is_to_go(&options, &record.state) || record.state.lives == 0)
			result = container_remove(home, &record, err);
		box_options_done(&options);
	}
	record_close(&record);
	return result;
}

/* One that can't be settled doesn't keep the others from it. */
static int sweep_and_go_on(void *ctx, const char *id, struct oci_error *err)
{
	struct oci_error own = { 0 };

	(void)err;
	if (sweep_one(ctx, id, &own) < 0 && strcmp(own.code, "running") != 0)
		box_warn("clean up after %.12s: %s", id, own.text);
	return 0;
}

/* For record_for_all(): what ran when the machine went down, and has no directory any more that
 * tells of it. */
static int sweep_cut_off(void *ctx, struct box_record *record, struct oci_error *err)
{
	return record->state.going ? sweep_and_go_on(ctx, record->id, err) : 0;
}

void container_sweep(const struct box_home *home)
{
	struct oci_error err = { 0 };
	struct box_home copy = *home;

	/* First what is half-made: what was announced of it belongs to nobody then. */
	if (record_sweep(home, &err) < 0 ||
	    record_for_going(home, sweep_and_go_on, &copy, &err) < 0 ||
	    (is_booted_anew(home) && record_for_all(home, sweep_cut_off, &copy, &err) < 0) ||
	    volumes_sweep(home, &err) < 0 || container_net_sweep(home, &err) < 0)
		box_warn("clean up: %s", err.text);
}
