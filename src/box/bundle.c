/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Putting config.json together as the struct that its reader would make of it. Mounts are in
 * bundle_mounts.c, what the host can hold in bundle_limits.c.
 */
#include "box/bundle.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/signals.h"
#include "box/bundle_parts.h"
#include "box/profile.h"
#include "box/rootless.h"
#include "box/user.h"
#include "box/userns.h"

#define SPEC_VERSION "1.3.0"

bool bundle_is(const char *word, const char *other)
{
	return word && !strcmp(word, other);
}

/* A list of its own, so that more can be added. */
void bundle_add_word(struct bundle *b, struct oci_strings *list, char *word)
{
	char **v = arena_array(&b->arena, list->n + 2, sizeof(*v));

	if (!v)
		return; /* remembered by the arena */
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	v[list->n] = word;
	*list = (struct oci_strings){ v, list->n + 1 };
}

static struct oci_strings copy_words(struct bundle *b, const char *const *words)
{
	struct oci_strings list = { .n = 0 };

	for (; *words; words++)
		bundle_add_word(b, &list, arena_strdup(&b->arena, *words));
	return list;
}

/* --- Capabilities --- */

static bool is_among(const struct oci_strings *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i], word))
			return true;
	return false;
}

static uint64_t bits_of(const struct oci_strings *list)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < list->n; i++)
		if (capability_find(list->v[i]) >= 0)
			bits |= CAPABILITY_BIT(capability_find(list->v[i]));
	return bits;
}

/* First everything or nothing, then one by one; what is given beats what is taken. */
static uint64_t choose_capabilities(const struct bundle *b)
{
	const struct box_security *security = &b->options->security;
	uint64_t set = b->profile->capabilities;

	if (is_among(&security->cap_drop, "ALL"))
		set = 0;
	if (is_among(&security->cap_add, "ALL"))
		set = CAPABILITIES_ALL;
	return (set & ~bits_of(&security->cap_drop)) | bits_of(&security->cap_add);
}

/* What hullbox itself may not pass on. */
static uint64_t missing_capabilities(void)
{
	uint64_t missing = 0;

	for (unsigned i = 0; capability_name(i); i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1)
			missing |= CAPABILITY_BIT(i);
	return missing;
}

static int find_capabilities(struct bundle *b)
{
	uint64_t missing = missing_capabilities();
	uint64_t wanted = bits_of(&b->options->security.cap_add);

	b->capabilities = choose_capabilities(b);
	for (unsigned i = 0; capability_name(i); i++) {
		if (!(missing & b->capabilities & CAPABILITY_BIT(i)))
			continue;
		if (wanted & CAPABILITY_BIT(i))
			return fail_code(b->err, "host",
					 "option '--cap-add': '%s': hullbox itself hasn't this "
					 "capability to give (its bounding set lacks it)",
					 capability_name(i));
		b->in->warn("%s is left out: hullbox itself hasn't this capability to give",
			    capability_name(i));
	}
	b->capabilities &= ~missing;
	return 0;
}

static struct oci_strings capability_words(struct bundle *b, uint64_t set)
{
	struct oci_strings list = { .n = 0 };

	for (unsigned i = 0; capability_name(i); i++)
		if (set & CAPABILITY_BIT(i))
			bundle_add_word(b, &list, arena_strdup(&b->arena, capability_name(i)));
	return list;
}

/* execve(2) gives the permitted set to root alone. Others get what was asked for by name, as
 * ambient capabilities: an option that does nothing would be none. */
static void fill_capabilities(struct bundle *b)
{
	struct oci_capabilities *to = &b->config.process.capabilities;
	uint64_t own = b->capabilities;

	to->present = true;
	to->bounding = capability_words(b, own);
	if (b->user.uid != 0) {
		own &= is_among(&b->options->security.cap_add, "ALL")
			       ? CAPABILITIES_ALL
			       : bits_of(&b->options->security.cap_add);
		to->inheritable = capability_words(b, own);
		to->ambient = capability_words(b, own);
	}
	to->permitted = capability_words(b, own);
	to->effective = capability_words(b, own);
}

/* --- The process --- */

void box_command_line(const struct box_options *options, const struct box_image *image,
		      struct oci_strings parts[2])
{
	static const struct box_image none;

	image = image ? image : &none;
	parts[0] = options->entrypoint ? (struct oci_strings){ .n = 0 } : image->entrypoint;
	if (options->entrypoint && *options->entrypoint)
		parts[0] = (struct oci_strings){ (char **)(uintptr_t)&options->entrypoint, 1 };
	parts[1] = options->command.n || options->entrypoint ? options->command : image->command;
}

static int fill_arguments(struct bundle *b)
{
	const struct box_options *options = b->options;
	struct oci_strings *to = &b->config.process.args;
	struct oci_strings parts[2];

	if (options->init) {
		bundle_add_word(b, to, arena_strdup(&b->arena, BUNDLE_INIT));
		bundle_add_word(b, to, arena_strdup(&b->arena, "--"));
	}
	box_command_line(options, b->in->image, parts);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < parts[k].n; i++)
			bundle_add_word(b, to, parts[k].v[i]);
	if (to->n == (options->init ? 2 : 0))
		return fail_code(b->err, "usage",
				 "there is no command to run, and the image names none");
	return 0;
}

static bool is_same_variable(const char *a, const char *b)
{
	size_t size = strcspn(a, "=");

	return !strncmp(a, b, size) && b[size] == '=';
}

static void set_variable(struct bundle *b, char *variable)
{
	struct oci_strings *env = &b->config.process.env;

	for (size_t i = 0; variable && i < env->n; i++)
		if (is_same_variable(variable, env->v[i])) {
			env->v[i] = variable;
			return;
		}
	bundle_add_word(b, env, variable);
}

static void fill_env(struct bundle *b)
{
	const struct box_options *options = b->options;

	set_variable(b, arena_strdup(&b->arena, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
						"/usr/bin:/sbin:/bin"));
	set_variable(b, arena_printf(&b->arena, "HOSTNAME=%s", b->config.hostname));
	if (options->tty)
		set_variable(b, arena_strdup(&b->arena, "TERM=xterm"));
	for (size_t i = 0; b->in->image && i < b->in->image->env.n; i++)
		if (strchr(b->in->image->env.v[i], '='))
			set_variable(b, b->in->image->env.v[i]);
	for (size_t i = 0; i < options->env.n; i++)
		set_variable(b, options->env.v[i]);
}

static int find_user(struct bundle *b)
{
	const char *text = b->options->user;
	const struct box_image *image = b->in->image;

	if (!text && image && image->user && *image->user)
		text = image->user;
	if (user_find(b->in->root_fd, text ? text : "0", &b->user, b->err) < 0)
		return b->options->user ? fail_in(b->err, "option '--user': '%s'", text) : -1;
	return 0;
}

static int fill_user(struct bundle *b)
{
	struct oci_user *to = &b->config.process.user;

	to->present = true;
	to->uid = b->user.uid;
	to->gid = b->user.gid;
	if (!bundle_is_mapped(b, false, to->uid) || !bundle_is_mapped(b, true, to->gid))
		return fail_code(b->err, "usage",
				 "option '--user': %u:%u isn't mapped in the container's user "
				 "namespace",
				 to->uid, to->gid);
	to->additional_gids.v =
		arena_array(&b->arena, b->user.n_groups + 1, sizeof(*to->additional_gids.v));
	for (size_t i = 0; to->additional_gids.v && i < b->user.n_groups; i++)
		if (bundle_is_mapped(b, true, b->user.groups[i]))
			to->additional_gids.v[to->additional_gids.n++] = b->user.groups[i];
	return 0;
}

static int fill_process(struct bundle *b)
{
	const struct box_options *options = b->options;
	const struct box_image *image = b->in->image;
	struct oci_process *to = &b->config.process;
	const char *cwd = options->cwd;

	if (!cwd)
		cwd = image && image->cwd && *image->cwd == '/' ? image->cwd : "/";
	to->present = true;
	to->terminal = options->tty;
	to->cwd = arena_strdup(&b->arena, cwd);
	to->no_new_privileges = b->profile->no_new_privs;
	TRY(fill_user(b));
	TRY(fill_arguments(b));
	fill_env(b);
	fill_capabilities(b);
	return bundle_fill_rlimits(b);
}

/* --- Namespaces and ids --- */

static void add_namespace(struct bundle *b, const char *type, const char *path)
{
	struct oci_namespace *one = &b->config.linux.namespaces.v[b->config.linux.namespaces.n++];

	one->type = arena_strdup(&b->arena, type);
	one->path = path ? arena_strdup(&b->arena, path) : NULL;
}

static void fill_namespaces(struct bundle *b)
{
	static const char *const always[] = { "pid", "ipc", "uts", "mount", "cgroup" };
	size_t n = sizeof(always) / sizeof(always[0]);

	b->config.linux.namespaces.v =
		arena_array(&b->arena, n + 2, sizeof(*b->config.linux.namespaces.v));
	if (!b->config.linux.namespaces.v)
		return; /* remembered by the arena */
	for (size_t i = 0; i < n; i++)
		add_namespace(b, always[i], NULL);
	if (!bundle_is(b->options->net.kind, "host"))
		add_namespace(b, "network", b->in->netns);
	if (b->has_userns)
		add_namespace(b, "user", NULL);
}

static int fill_mappings(struct bundle *b)
{
	const struct box_security *security = &b->options->security;
	struct oci_linux *to = &b->config.linux;
	userns_map maps[2] = { { NULL, 0 }, { NULL, 0 } };

	if (bundle_is(security->userns, "host")) {
		if (rootless_has_one_id())
			b->in->warn(
				"the container has no id but 0, the caller's own: more need lines "
				"for him in /etc/subuid and /etc/subgid (usermod --add-subuids, "
				"--add-subgids) and the programs newuidmap and newgidmap (Debian: "
				"package uidmap)");
		if (geteuid() != 0)
			return fail_code(b->err, "usage",
					 "option '--userns': 'host' is for root "
					 "only");
		return 0;
	}
	b->has_userns = true;
	if (security->mappings.n) {
		to->uid_mappings.v = to->gid_mappings.v = security->mappings.v;
		to->uid_mappings.n = to->gid_mappings.n = security->mappings.n;
		return 0;
	}
	if (geteuid() == 0)
		return fail_code(b->err, "no-ids", "no range of ids was chosen for the container");
	for (int groups = 0; groups < 2; groups++)
		TRY(userns_own(groups, &maps[groups], &b->arena, b->err));
	to->uid_mappings.v = maps[0].v;
	to->uid_mappings.n = maps[0].n;
	to->gid_mappings.v = maps[1].v;
	to->gid_mappings.n = maps[1].n;
	return 0;
}

bool bundle_is_mapped(const struct bundle *b, bool group, uint32_t id)
{
	const struct oci_linux *in = &b->config.linux;
	const struct oci_id_mapping *map = group ? in->gid_mappings.v : in->uid_mappings.v;
	size_t n = group ? in->gid_mappings.n : in->uid_mappings.n;

	if (!b->has_userns)
		return !rootless() || rootless_is_mapped(group, id);
	for (size_t i = 0; i < n; i++)
		if (id >= map[i].container_id && id - map[i].container_id < map[i].size)
			return true;
	return false;
}

/* --- The rest --- */

static int fill_seccomp(struct bundle *b)
{
	const char *text = b->options->security.seccomp;

	if (bundle_is(text, "unconfined") || (!text && b->profile->seccomp == PROFILE_SECCOMP_NONE))
		return 0;
	if (!text) {
		seccomp_profile_fill(&b->config.linux.seccomp, b->profile->seccomp, b->capabilities,
				     &b->arena);
		return 0;
	}
	return seccomp_profile_read(&b->config.linux.seccomp, &b->seccomp, text, b->capabilities,
				    &b->arena, b->err);
}

static int fill_linux(struct bundle *b)
{
	struct oci_linux *to = &b->config.linux;

	fill_namespaces(b);
	if (b->in->cgroup)
		to->cgroups_path = arena_strdup(&b->arena, b->in->cgroup);
	TRY(bundle_fill_devices(b));
	TRY(bundle_fill_limits(b));
	to->sysctl = b->options->sysctls;
	to->masked_paths = copy_words(b, b->profile->masked);
	to->readonly_paths = copy_words(b, b->profile->readonly);
	return fill_seccomp(b);
}

static int fill(struct bundle *b)
{
	const struct box_options *options = b->options;
	struct oci_config *config = &b->config;

	b->profile = profile_find(options->security.profile);
	config->oci_version = arena_strdup(&b->arena, SPEC_VERSION);
	config->root.present = true;
	config->root.path = arena_strdup(&b->arena, b->in->root);
	config->root.readonly = options->read_only;
	config->hostname = options->hostname ? arena_strdup(&b->arena, options->hostname)
					     : arena_printf(&b->arena, "%.12s", b->in->id);
	config->linux.present = true;
	TRY(fill_mappings(b));
	TRY(find_user(b));
	TRY(find_capabilities(b));
	TRY(fill_process(b));
	TRY(bundle_fill_mounts(b));
	TRY(fill_linux(b));
	if (b->arena.failed)
		return fail_code(b->err, "out-of-memory", "no memory for the configuration");
	return 0;
}

int box_bundle_text(const struct box_options *options, const struct box_bundle_input *in,
		    char **text, size_t *size, struct oci_error *err)
{
	struct bundle bundle = { .options = options, .in = in, .err = err };
	int result = fill(&bundle);

	if (result == 0)
		result = oci_config_write(&bundle.config, text, size, err);
	json_document_free(bundle.seccomp);
	arena_done(&bundle.arena);
	return result;
}

int box_bundle_limits(const struct box_options *options, const struct box_bundle_input *in,
		      char **text, size_t *size, struct oci_error *err)
{
	struct box_options plain = *options;
	struct bundle bundle = { .options = &plain, .in = in, .err = err };
	const box_rates none = { .n = 0 };
	int result;

	/* Each names a device of the host, which may be gone. */
	plain.limits.read_bps = plain.limits.write_bps = none;
	plain.limits.read_iops = plain.limits.write_iops = none;
	bundle.config.oci_version = arena_strdup(&bundle.arena, SPEC_VERSION);
	bundle.config.linux.present = true;
	result = bundle_fill_limits(&bundle);
	if (result == 0 && bundle.arena.failed)
		result = fail_code(err, "out-of-memory", "no memory for the limits");
	if (result == 0)
		result = oci_config_write(&bundle.config, text, size, err);
	arena_done(&bundle.arena);
	return result;
}

int box_bundle_write(const struct box_options *options, const struct box_bundle_input *in, int dir,
		     struct oci_error *err)
{
	auto_free char *text = NULL;
	size_t size;

	TRY(box_bundle_text(options, in, &text, &size, err));
	return file_replace_at(dir, "config.json", text, size, 0600, err);
}

int box_stop_signal(const struct box_options *options, const struct box_image *image)
{
	const char *text = options->stop_signal ? options->stop_signal
			   : image		? image->stop_signal
						: NULL;
	int number = text ? signal_parse(text) : SIGTERM;

	return number > 0 ? number : SIGTERM;
}
