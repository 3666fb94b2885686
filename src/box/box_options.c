/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From the words of the command line to struct box_options: one function for each subject. Each
 * names the option, the value and what is wrong with it.
 */
#include "box/box_options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/detach_keys.h"
#include "box/profile.h"
#include "box/rootless.h"
#include "box/user_net.h"
#include "box/value.h"
#include "libocispec/json.h"
#include "libocispec/utf8.h"

/* The longest env file and seccomp profile. */
#define FILE_LIMIT ((size_t)1 << 20)

struct making {
	const struct box_words *words;
	struct box_options *options;
	struct arena *arena;
	struct oci_error *err;
};

static int bad(struct making *m, const char *option, const char *value, const char *why)
{
	return fail_code(m->err, "usage", "option '--%s': '%s' isn't %s", option, value, why);
}

static int refuse(struct making *m, const char *option, const char *value, const char *why)
{
	return fail_code(m->err, "usage", "option '--%s': '%s': %s", option, value, why);
}

static int refuse_errno(struct making *m, const char *option, const char *value, const char *what)
{
	(void)fail_sys(m->err, "option '--%s': '%s': %s", option, value, what);
	(void)snprintf(m->err->code, sizeof(m->err->code), "usage");
	return -1;
}

static bool starts(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Parts of a text at each `separator`: at most `max`, the last with whatever is left. */
static size_t split(struct arena *arena, const char *text, char separator, char **parts, size_t max)
{
	char *at = arena_strdup(arena, text);
	size_t n = 0;

	while (at && n < max) {
		char *end = n + 1 < max ? strchr(at, separator) : NULL;

		parts[n++] = at;
		if (!end)
			break;
		*end = '\0';
		at = end + 1;
	}
	return n;
}

static struct oci_strings split_list(struct arena *arena, const char *text, char separator)
{
	struct oci_strings list = { .n = 1 };

	for (const char *at = text; *at; at++)
		list.n += *at == separator;
	list.v = arena_array(arena, list.n + 1, sizeof(*list.v));
	list.n = list.v ? split(arena, text, separator, list.v, list.n) : 0;
	return list;
}

static int check(struct making *m, const char *option, const char *value,
		 const char *(*question)(const char *))
{
	const char *why = question(value);

	return why ? bad(m, option, value, why) : 0;
}

/* A word that is kept when the question has no objection; NULL stays NULL. */
static int keep(struct making *m, const char *option, const char *value,
		const char *(*question)(const char *), char **to)
{
	if (!value)
		return 0;
	TRY(check(m, option, value, question));
	*to = arena_strdup(m->arena, value);
	return 0;
}

/* A path of the host as an absolute one: relative to where the caller is. */
static char *absolute(struct making *m, const char *path)
{
	auto_free char *here = NULL;

	if (*path == '/')
		return arena_strdup(m->arena, path);
	here = getcwd(NULL, 0);
	if (!here) {
		m->arena->failed = true;
		return NULL;
	}
	while (starts(path, "./"))
		path += 2;
	return arena_printf(m->arena, "%s/%s", here, path);
}

/* The one path that all names of a file of the host lead to; it has to be there. */
static char *existing(struct making *m, const char *option, const char *path)
{
	auto_free char *real = realpath(path, NULL);
	char *copy = real ? arena_strdup(m->arena, real) : NULL;

	if (!real)
		(void)refuse_errno(m, option, path, "can't be used");
	else if (!copy)
		(void)fail_code(m->err, "out-of-memory", "no memory for the options");
	return copy;
}

/* --- The root file system --- */

static int is_directory(struct making *m, const char *option, const char *path, bool *answer)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse_errno(m, option, path, "can't be used");
	*answer = S_ISDIR(st.st_mode);
	return 0;
}

static int take_rootfs(struct making *m, struct box_source *source)
{
	bool fits;

	TRY(is_directory(m, "rootfs", m->words->rootfs, &fits));
	if (!fits)
		return bad(m, "rootfs", m->words->rootfs, "a directory");
	source->from.v[0] = existing(m, "rootfs", m->words->rootfs);
	return source->from.v[0] ? 0 : -1;
}

static int take_layers(struct making *m, struct box_source *source)
{
	for (size_t i = 0; i < m->words->layers.n; i++) {
		source->from.v[i] = existing(m, "layer", m->words->layers.v[i]);
		if (!source->from.v[i])
			return -1;
	}
	return 0;
}

/* A layout is told from the name of an imported image by its slash, or by being there. */
static int take_image(struct making *m, struct box_source *source)
{
	const char *image = m->words->image;
	struct stat st;

	if (strchr(image, '/') || lstat(image, &st) == 0)
		source->from.v[0] = absolute(m, image);
	else
		source->from.v[0] = arena_strdup(m->arena, image);
	return 0;
}

static int make_source(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_source *source = &m->options->source;
	int given = !!words->rootfs + !!words->layers.n + !!words->image + words->host;

	if (given != 1)
		return fail_code(m->err, "usage",
				 given ? "only one of --rootfs, --layer, --image and --host can be "
					 "the root file system"
				       : "there is no root file system: give --rootfs, --layer, "
					 "--image or --host");
	source->present = true;
	source->ephemeral = words->ephemeral;
	source->from.n = words->layers.n ? words->layers.n : 1;
	source->from.v = arena_array(m->arena, source->from.n + 1, sizeof(*source->from.v));
	if (!source->from.v)
		return 0; /* remembered by the arena */
	source->kind = arena_strdup(m->arena, words->rootfs	? "rootfs"
					      : words->layers.n ? "layers"
					      : words->image	? "image"
								: "host");
	if (words->rootfs)
		return take_rootfs(m, source);
	if (words->layers.n)
		return take_layers(m, source);
	if (words->image)
		return take_image(m, source);
	source->from = (struct oci_strings){ .n = 0 };
	return 0;
}

/* --- The process --- */

/* What config.json can't hold can't be asked for. */
static int check_text(struct making *m, const char *what, const char *text)
{
	if (utf8_valid(text, strlen(text)) == strlen(text))
		return 0;
	return fail_code(m->err, "usage", "%s '%s' isn't valid UTF-8", what, text);
}

static int make_command(struct making *m, const char *const *command, size_t n)
{
	struct oci_strings *to = &m->options->command;

	for (size_t i = 0; i < n; i++)
		TRY(check_text(m, "the argument", command[i]));
	if (n && !*command[0])
		return fail_code(m->err, "usage", "the command is empty");
	if (!n)
		return 0;
	to->v = arena_array(m->arena, n + 1, sizeof(*to->v));
	to->n = to->v ? n : 0;
	for (size_t i = 0; i < to->n; i++)
		to->v[i] = arena_strdup(m->arena, command[i]);
	/* The host's program is meant, wherever the caller is; the container begins elsewhere. */
	if (to->n && m->words->host && strchr(command[0], '/'))
		to->v[0] = absolute(m, command[0]);
	return 0;
}

static bool is_same_variable(const char *a, const char *b)
{
	size_t size = strcspn(a, "=");

	return !strncmp(a, b, size) && b[size] == '=';
}

/* The last word about a variable counts. */
static void set_variable(struct making *m, char *variable)
{
	struct oci_strings *env = &m->options->env;
	char **v;

	for (size_t i = 0; variable && i < env->n; i++)
		if (is_same_variable(variable, env->v[i])) {
			env->v[i] = variable;
			return;
		}
	v = arena_array(m->arena, env->n + 2, sizeof(*v));
	if (!v || !variable)
		return; /* remembered by the arena */
	if (env->n)
		memcpy(v, env->v, env->n * sizeof(*v));
	v[env->n] = variable;
	*env = (struct oci_strings){ v, env->n + 1 };
}

/* "NAME=VALUE", or "NAME": what the caller has, if he has it. */
static int add_variable(struct making *m, const char *option, const char *text)
{
	TRY(check_text(m, "the variable", text));
	if (*text == '=' || !*text)
		return bad(m, option, text, "NAME=VALUE or NAME");
	if (strchr(text, '=')) {
		set_variable(m, arena_strdup(m->arena, text));
	} else if (getenv(text)) {
		TRY(check_text(m, "the variable", getenv(text)));
		set_variable(m, arena_printf(m->arena, "%s=%s", text, getenv(text)));
	}
	return 0;
}

static int load(struct making *m, const char *option, const char *path, char **text)
{
	size_t size;

	if (file_load_at(AT_FDCWD, path, FILE_LIMIT, text, &size, m->err) < 0) {
		(void)fail_in(m->err, "option '--%s'", option);
		(void)snprintf(m->err->code, sizeof(m->err->code), "usage");
		return -1;
	}
	if (strlen(*text) != size)
		return refuse(m, option, path, "there is a NUL in the file");
	return 0;
}

static int read_env_file(struct making *m, const char *path)
{
	auto_free char *text = NULL;
	char *rest, *line;

	TRY(load(m, "env-file", path, &text));
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		size_t size = strlen(line);

		if (size && line[size - 1] == '\r')
			line[size - 1] = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (add_variable(m, "env-file", line) < 0)
			return fail_in(m->err, "'%s'", path);
	}
	return 0;
}

static int make_env(struct making *m)
{
	for (size_t i = 0; i < m->words->env_files.n; i++)
		TRY(read_env_file(m, m->words->env_files.v[i]));
	for (size_t i = 0; i < m->words->env.n; i++)
		TRY(add_variable(m, "env", m->words->env.v[i]));
	return 0;
}

static const char *is_anything(const char *text)
{
	return utf8_valid(text, strlen(text)) == strlen(text) ? NULL : "valid UTF-8";
}

static const char *is_command(const char *text)
{
	return *text ? is_anything(text) : "a command";
}

static int make_process(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_options *to = m->options;

	to->tty = words->tty;
	to->interactive = words->interactive;
	to->init = words->init;
	to->read_only = words->read_only;
	to->remove = words->remove;
	TRY(keep(m, "name", words->name, value_is_name, &to->name));
	TRY(keep(m, "entrypoint", words->entrypoint, is_anything, &to->entrypoint));
	TRY(keep(m, "workdir", words->cwd, value_is_absolute, &to->cwd));
	TRY(keep(m, "detach-keys", words->detach_keys, detach_keys_check, &to->detach_keys));
	TRY(keep(m, "user", words->user, value_is_user, &to->user));
	TRY(keep(m, "hostname", words->hostname, value_is_hostname, &to->hostname));
	return keep(m, "stop-signal", words->stop_signal, value_is_signal, &to->stop_signal);
}

static int add_pair(struct making *m, struct oci_pairs *pairs, const char *text)
{
	const char *equals = strchr(text, '=');
	struct oci_pair *v;
	char *key = arena_printf(m->arena, "%.*s", (int)(equals - text), text);
	char *value = arena_strdup(m->arena, equals + 1);

	for (size_t i = 0; key && i < pairs->n; i++)
		if (!strcmp(pairs->v[i].key, key)) {
			pairs->v[i].value = value;
			return 0;
		}
	v = arena_array(m->arena, pairs->n + 1, sizeof(*v));
	if (!v)
		return 0; /* remembered by the arena */
	if (pairs->n)
		memcpy(v, pairs->v, pairs->n * sizeof(*v));
	v[pairs->n] = (struct oci_pair){ key, value };
	pairs->v = v;
	pairs->n++;
	return 0;
}

static int make_labels(struct making *m)
{
	for (size_t i = 0; i < m->words->labels.n; i++) {
		const char *label = m->words->labels.v[i];

		TRY(check(m, "label", label, is_anything));
		if (!strchr(label, '='))
			label = arena_printf(m->arena, "%s=", label);
		if (label && *label == '=')
			return bad(m, "label", label, "KEY=VALUE");
		if (label)
			TRY(add_pair(m, &m->options->labels, label));
	}
	return 0;
}

static int make_sysctls(struct making *m)
{
	for (size_t i = 0; i < m->words->sysctls.n; i++) {
		const char *text = m->words->sysctls.v[i];
		const char *equals = strchr(text, '=');
		char *key;

		TRY(check(m, "sysctl", text, is_anything));
		if (!equals || equals == text)
			return bad(m, "sysctl", text, "KEY=VALUE");
		key = arena_printf(m->arena, "%.*s", (int)(equals - text), text);
		if (key)
			TRY(check(m, "sysctl", key, value_is_sysctl));
		TRY(add_pair(m, &m->options->sysctls, text));
	}
	return 0;
}

/* --- Life --- */

static int make_restart(struct making *m)
{
	const char *text = m->words->restart;
	struct box_restart *to = &m->options->restart;
	const char *count;
	uint64_t number = 0;

	if (!text)
		return 0;
	count = strchr(text, ':');
	if (count && starts(text, "on-failure:")) {
		const char *why = value_number(count + 1, 1, 1000000, &number);

		if (why)
			return bad(m, "restart", text, "no, on-failure, on-failure:N or always");
	} else if (strcmp(text, "no") != 0 && strcmp(text, "on-failure") != 0 &&
		   strcmp(text, "always") != 0) {
		return bad(m, "restart", text, "no, on-failure, on-failure:N or always");
	}
	to->present = true;
	to->policy = arena_printf(m->arena, "%.*s", (int)strcspn(text, ":"), text);
	to->retries = (uint32_t)number;
	return 0;
}

static int take_duration(struct making *m, const char *option, const char *text, uint64_t *ms)
{
	const char *why = text ? value_duration(text, ms) : NULL;

	return why ? bad(m, option, text, why) : 0;
}

/* A number between bounds, told with both. */
static int take_number(struct making *m, const char *option, const char *text, uint64_t min,
		       uint64_t max, uint64_t *number)
{
	char why[96];

	if (!text || !value_number(text, min, max, number))
		return 0;
	(void)snprintf(why, sizeof(why), "a whole number from %llu to %llu",
		       (unsigned long long)min, (unsigned long long)max);
	return bad(m, option, text, why);
}

/* The first of the options that say how a check is run, or NULL. */
static const char *health_option(const struct box_words *words)
{
	return words->health_interval	      ? "health-interval"
	       : words->health_timeout	      ? "health-timeout"
	       : words->health_start	      ? "health-start-period"
	       : words->health_start_interval ? "health-start-interval"
	       : words->health_retries	      ? "health-retries"
					      : NULL;
}

static int make_health(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_health *to = &m->options->health;
	const char *how = health_option(words);
	uint64_t retries = 0;

	if (how && !words->health_cmd && !words->image)
		return fail_code(m->err, "usage", "option '--%s' has no use without --health-cmd",
				 how);
	if (words->no_health && (how || words->health_cmd))
		return fail_code(m->err, "usage", "option '--no-healthcheck' contradicts --%s",
				 how ? how : "health-cmd");
	to->present = how || words->health_cmd || words->no_health;
	to->disabled = words->no_health;
	TRY(keep(m, "health-cmd", words->health_cmd, is_command, &to->command));
	TRY(take_duration(m, "health-interval", words->health_interval, &to->interval_ms));
	TRY(take_duration(m, "health-timeout", words->health_timeout, &to->timeout_ms));
	TRY(take_duration(m, "health-start-period", words->health_start, &to->start_period_ms));
	TRY(take_duration(m, "health-start-interval", words->health_start_interval,
			  &to->start_interval_ms));
	TRY(take_number(m, "health-retries", words->health_retries, 1, 1000, &retries));
	to->retries = (uint32_t)retries;
	return 0;
}

static int take_size(struct making *m, const char *option, const char *text, uint64_t min,
		     uint64_t *size)
{
	const char *why = text ? value_size(text, size) : NULL;

	if (why)
		return bad(m, option, text, why);
	if (text && *size < min)
		return refuse(m, option, text, min == 1 ? "nothing is left" : "that is too little");
	return 0;
}

static int make_log(struct making *m)
{
	struct box_log *to = &m->options->log;
	uint64_t files = 3;

	to->present = true;
	to->max_size = UINT64_C(10) << 20;
	TRY(take_size(m, "log-max-size", m->words->log_max_size, 4096, &to->max_size));
	TRY(take_number(m, "log-max-files", m->words->log_max_files, 1, 1000, &files));
	to->max_files = (uint32_t)files;
	return 0;
}

/* --- Files --- */

/* Mount options of -v and --tmpfs; `words` ends with NULL. A '=' at the end: with a value. */
static bool is_option_of(const char *const *words, const char *option)
{
	for (; *words; words++) {
		size_t size = strlen(*words);

		if ((*words)[size - 1] == '=' ? !strncmp(option, *words, size) && option[size]
					      : !strcmp(option, *words))
			return true;
	}
	return false;
}

static const char *const volume_options[] = {
	"ro",	   "rw",     "nosuid",	    "suid",    "nodev",	 "dev",
	"noexec",  "exec",   "rprivate",    "private", "rslave", "slave",
	"rshared", "shared", "nosymfollow", "noatime", "nocopy", NULL,
};
static const char *const tmpfs_options[] = {
	"ro",	   "rw",    "nosuid", "suid", "nodev", "dev",	     "noexec",	  "exec",
	"noatime", "size=", "mode=",  "uid=", "gid=",  "nr_inodes=", "tmpcopyup", NULL,
};

static int take_options(struct making *m, const char *option, const char *value, const char *text,
			const char *const *allowed, struct oci_strings *to)
{
	*to = split_list(m->arena, text, ',');
	for (size_t i = 0; i < to->n; i++) {
		if (!strcmp(to->v[i], "z") || !strcmp(to->v[i], "Z"))
			return refuse(m, option, value,
				      "files aren't relabelled: 'z' and 'Z' mean "
				      "nothing here");
		if (!is_option_of(allowed, to->v[i]))
			return fail_code(m->err, "usage",
					 "option '--%s': '%s': there is no option '%s'", option,
					 value, to->v[i]);
	}
	return 0;
}

static int check_target(struct making *m, const char *option, const char *value, const char *target)
{
	const char *why = value_is_absolute(target);

	if (why)
		return fail_code(m->err, "usage", "option '--%s': '%s': '%s' isn't %s", option,
				 value, target, why);
	if (!target[strspn(target, "/")])
		return refuse(m, option, value, "the target is the root itself");
	return 0;
}

static int make_anonymous(struct making *m, const char *text, char *target, struct box_volume *to)
{
	TRY(check_target(m, "volume", text, target));
	to->target = target;
	to->named = to->anonymous = true;
	return 0;
}

static int make_volume(struct making *m, const char *text, struct box_volume *to)
{
	char *parts[3] = { NULL };
	size_t n = split(m->arena, text, ':', parts, 3);

	TRY(check(m, "volume", text, is_anything));
	if (n == 1 && *parts[0] == '/')
		return make_anonymous(m, text, parts[0], to);
	if (n < 2 || !*parts[0] || !*parts[1])
		return n ? bad(m, "volume", text, "SOURCE:TARGET[:OPTIONS] or TARGET") : 0;
	TRY(check_target(m, "volume", text, parts[1]));
	to->target = parts[1];
	to->named = !strchr(parts[0], '/');
	if (to->named && value_is_name(parts[0]))
		return refuse(m, "volume", text,
			      "the source is neither a path nor the name of a volume");
	to->source = to->named ? parts[0] : existing(m, "volume", parts[0]);
	if (!to->source)
		return -1;
	if (n == 3)
		TRY(take_options(m, "volume", text, parts[2], volume_options, &to->options));
	for (size_t i = 0; !to->named && i < to->options.n; i++)
		if (!strcmp(to->options.v[i], "nocopy"))
			return refuse(m, "volume", text, "'nocopy' is for named volumes");
	return 0;
}

static int make_tmpfs(struct making *m, const char *text, struct box_tmpfs *to)
{
	char *parts[2] = { NULL };
	size_t n = split(m->arena, text, ':', parts, 2);

	if (!n)
		return 0; /* remembered by the arena */
	TRY(check(m, "tmpfs", text, is_anything));
	TRY(check_target(m, "tmpfs", text, parts[0]));
	to->target = parts[0];
	return n == 2 ? take_options(m, "tmpfs", text, parts[1], tmpfs_options, &to->options) : 0;
}

static int make_device(struct making *m, const char *text, struct box_device *to)
{
	char *parts[3] = { NULL };
	size_t n = split(m->arena, text, ':', parts, 3);
	struct stat st;

	if (!n)
		return 0; /* remembered by the arena */
	TRY(check(m, "device", text, is_anything));
	to->source = absolute(m, parts[0]);
	/* "PATH:rwm" is understood too. */
	if (n == 2 && parts[1][0] != '/') {
		parts[2] = parts[1];
		parts[1] = NULL;
		n = 3;
	}
	to->target = n > 1 && parts[1] ? parts[1] : to->source;
	to->access = n == 3 ? parts[2] : arena_strdup(m->arena, "rwm");
	if (!to->source || !to->access)
		return 0; /* remembered by the arena */
	TRY(check_target(m, "device", text, to->target));
	TRY(check(m, "device", to->access, value_is_access));
	if (stat(to->source, &st) < 0)
		return refuse_errno(m, "device", text, "can't be used");
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return refuse(m, "device", text, "the file is no device");
	return 0;
}

static int make_files(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_options *to = m->options;

	to->volumes.v = arena_array(m->arena, words->volumes.n + 1, sizeof(*to->volumes.v));
	to->tmpfs.v = arena_array(m->arena, words->tmpfs.n + 1, sizeof(*to->tmpfs.v));
	to->devices.v = arena_array(m->arena, words->devices.n + 1, sizeof(*to->devices.v));
	if (!to->volumes.v || !to->tmpfs.v || !to->devices.v)
		return 0; /* remembered by the arena */
	for (; to->volumes.n < words->volumes.n; to->volumes.n++)
		TRY(make_volume(m, words->volumes.v[to->volumes.n], &to->volumes.v[to->volumes.n]));
	for (; to->tmpfs.n < words->tmpfs.n; to->tmpfs.n++)
		TRY(make_tmpfs(m, words->tmpfs.v[to->tmpfs.n], &to->tmpfs.v[to->tmpfs.n]));
	for (; to->devices.n < words->devices.n; to->devices.n++)
		TRY(make_device(m, words->devices.v[to->devices.n], &to->devices.v[to->devices.n]));
	to->shm_size = BOX_DEFAULT_SHM_SIZE;
	return take_size(m, "shm-size", words->shm_size, 4096, &to->shm_size);
}

/* --- Limits --- */

static int make_memory(struct making *m, struct box_limits *to)
{
	const struct box_words *words = m->words;
	uint64_t size;

	if (words->memory) {
		/* Less holds no program at all. */
		TRY(take_size(m, "memory", words->memory, UINT64_C(1) << 20, &size));
		to->memory = (struct oci_maybe_int){ true, (int64_t)size };
	}
	if (words->memory_swap && !strcmp(words->memory_swap, "-1")) {
		to->swap = (struct oci_maybe_int){ true, -1 };
	} else if (words->memory_swap) {
		TRY(take_size(m, "memory-swap", words->memory_swap, 1, &size));
		to->swap = (struct oci_maybe_int){ true, (int64_t)size };
	}
	return 0;
}

static int make_cpu(struct making *m, struct box_limits *to)
{
	const struct box_words *words = m->words;
	uint64_t number;
	const char *why;

	if (words->cpus && words->cpu_quota)
		return fail_code(m->err, "usage",
				 "options '--cpus' and '--cpu-quota' say the same "
				 "in two ways: give one");
	if (words->cpu_period) {
		TRY(take_number(m, "cpu-period", words->cpu_period, 1000, 1000000, &number));
		to->cpu_period = (struct oci_maybe_uint){ true, number };
	}
	if (words->cpu_quota) {
		TRY(take_number(m, "cpu-quota", words->cpu_quota, 1000, INT64_MAX / 1000, &number));
		to->cpu_quota = (struct oci_maybe_int){ true, (int64_t)number };
	}
	if (words->cpus) {
		if (!to->cpu_period.set)
			to->cpu_period = (struct oci_maybe_uint){ true, 100000 };
		to->cpu_quota.set = true;
		why = value_cpus(words->cpus, to->cpu_period.v, &to->cpu_quota.v);
		if (why)
			return bad(m, "cpus", words->cpus, why);
	}
	if (words->cpu_shares) {
		TRY(take_number(m, "cpu-shares", words->cpu_shares, 2, 262144, &number));
		to->cpu_shares = (struct oci_maybe_uint){ true, number };
	}
	return keep(m, "cpuset-cpus", words->cpuset, value_is_list, &to->cpuset);
}

static int make_rate(struct making *m, const char *option, const char *text, bool bytes,
		     struct box_rate *to)
{
	const char *colon = strrchr(text, ':');
	const char *why;
	struct stat st;

	if (!colon || colon == text)
		return bad(m, option, text, "DEVICE:RATE");
	to->device = arena_printf(m->arena, "%.*s", (int)(colon - text), text);
	if (!to->device)
		return 0; /* remembered by the arena */
	why = bytes ? value_size(colon + 1, &to->rate)
		    : value_number(colon + 1, 1, UINT32_MAX, &to->rate);
	if (why || !to->rate)
		return refuse(m, option, text, "the rate isn't a number above 0");
	if (stat(to->device, &st) < 0)
		return refuse_errno(m, option, text, "can't be used");
	if (!S_ISBLK(st.st_mode))
		return refuse(m, option, text, "the file is no block device");
	to->device = existing(m, option, to->device);
	return to->device ? 0 : -1;
}

static int make_rates(struct making *m, const char *option, const struct option_list *words,
		      bool bytes, box_rates *to)
{
	to->v = arena_array(m->arena, words->n + 1, sizeof(*to->v));
	for (; to->v && to->n < words->n; to->n++)
		TRY(make_rate(m, option, words->v[to->n], bytes, &to->v[to->n]));
	return 0;
}

static int take_rlimit(struct making *m, const char *option, const char *text, uint64_t *limit)
{
	if (!strcmp(text, "unlimited") || !strcmp(text, "-1")) {
		*limit = RLIM_INFINITY;
		return 0;
	}
	if (value_number(text, 0, UINT64_MAX - 1, limit))
		return fail_code(m->err, "usage",
				 "option '--ulimit': '%s': '%s' isn't a number or 'unlimited'",
				 option, text);
	return 0;
}

static int make_ulimit(struct making *m, const char *text, struct oci_rlimit *to)
{
	char *parts[2] = { NULL }, *limits[2] = { NULL };

	if (split(m->arena, text, '=', parts, 2) != 2 || !*parts[0])
		return bad(m, "ulimit", text, "NAME=SOFT[:HARD]");
	for (char *at = parts[0]; *at; at++)
		*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 0x20) : *at;
	to->type = starts(parts[0], "RLIMIT_") ? parts[0]
					       : arena_printf(m->arena, "RLIMIT_%s", parts[0]);
	if (!to->type)
		return 0; /* remembered by the arena */
	if (value_is_rlimit(to->type))
		return bad(m, "ulimit", text, value_is_rlimit(to->type));
	(void)split(m->arena, parts[1], ':', limits, 2);
	if (!limits[0])
		return 0;
	TRY(take_rlimit(m, text, limits[0], &to->soft));
	to->hard = to->soft;
	if (limits[1])
		TRY(take_rlimit(m, text, limits[1], &to->hard));
	if (to->soft > to->hard)
		return refuse(m, "ulimit", text, "the soft limit is above the hard one");
	return 0;
}

static int make_ulimits(struct making *m, struct box_limits *to)
{
	const struct option_list *words = &m->words->ulimits;

	to->rlimits.v = arena_array(m->arena, words->n + 1, sizeof(*to->rlimits.v));
	for (; to->rlimits.v && to->rlimits.n < words->n; to->rlimits.n++) {
		struct oci_rlimit *limit = &to->rlimits.v[to->rlimits.n];

		TRY(make_ulimit(m, words->v[to->rlimits.n], limit));
		for (size_t i = 0; limit->type && i < to->rlimits.n; i++)
			if (!strcmp(to->rlimits.v[i].type, limit->type))
				return refuse(m, "ulimit", words->v[to->rlimits.n],
					      "the limit was given before");
	}
	return 0;
}

static int make_pids(struct making *m, struct box_limits *to)
{
	uint64_t number;

	if (!m->words->pids)
		return 0;
	to->pids = (struct oci_maybe_int){ true, -1 };
	if (!strcmp(m->words->pids, "-1"))
		return 0;
	TRY(take_number(m, "pids", m->words->pids, 1, 4194304, &number));
	to->pids.v = (int64_t)number;
	return 0;
}

static int make_limits(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_limits *to = &m->options->limits;
	uint64_t number;

	to->present = true;
	TRY(make_memory(m, to));
	TRY(make_cpu(m, to));
	TRY(make_pids(m, to));
	if (words->io_weight) {
		TRY(take_number(m, "io-weight", words->io_weight, 10, 1000, &number));
		to->io_weight = (struct oci_maybe_uint){ true, number };
	}
	TRY(make_rates(m, "io-read-bps", &words->read_bps, true, &to->read_bps));
	TRY(make_rates(m, "io-write-bps", &words->write_bps, true, &to->write_bps));
	TRY(make_rates(m, "io-read-iops", &words->read_iops, false, &to->read_iops));
	TRY(make_rates(m, "io-write-iops", &words->write_iops, false, &to->write_iops));
	return make_ulimits(m, to);
}

/* --- Network --- */

static int make_port(struct making *m, const char *text, struct box_port *to)
{
	static const char expected[] = "[IP:]HOST:PORT[/tcp|/udp], ports from 1 to 65535";
	const char *slash = strchr(text, '/');
	size_t size = slash ? (size_t)(slash - text) : strlen(text);
	char *ports = arena_printf(m->arena, "%.*s", (int)size, text);
	char *last, *before;
	uint64_t host, container;

	if (!ports)
		return 0; /* remembered by the arena */
	if (slash && strcmp(slash, "/udp") != 0 && strcmp(slash, "/tcp") != 0)
		return bad(m, "publish", text, expected);
	to->protocol = arena_strdup(m->arena, slash ? slash + 1 : "tcp");
	last = strrchr(ports, ':');
	if (!last)
		return bad(m, "publish", text, expected);
	*last = '\0';
	before = strrchr(ports, ':');
	if (before) {
		*before = '\0';
		to->address = ports;
		/* The plugins that lead ports on know IPv4 alone. */
		if (value_is_address(ports) || strchr(ports, ':'))
			return bad(m, "publish", text, expected);
	}
	if (value_number(before ? before + 1 : ports, 1, 65535, &host) ||
	    value_number(last + 1, 1, 65535, &container))
		return bad(m, "publish", text, expected);
	to->host = (uint32_t)host;
	to->container = (uint32_t)container;
	return 0;
}

static int make_host_name(struct making *m, const char *text, struct box_host_name *to)
{
	char *parts[2] = { NULL };

	if (split(m->arena, text, ':', parts, 2) != 2 || value_is_hostname(parts[0]) ||
	    value_is_address(parts[1]))
		return bad(m, "add-host", text, "NAME:ADDRESS");
	*to = (struct box_host_name){ parts[0], parts[1] };
	return 0;
}

static int make_network_kind(struct making *m, struct box_net *to)
{
	const char *text = m->words->net;

	if (!text)
		text = !rootless() && geteuid() == 0	   ? "bridge"
		       : rootless() && user_net_is_there() ? "user"
							   : "none";
	if (starts(text, "container:") && text[10]) {
		to->kind = arena_strdup(m->arena, "container");
		return keep(m, "net", text + 10, value_is_name, &to->other);
	}
	if (starts(text, "ns:")) {
		TRY(check(m, "net", text + 3, value_is_absolute));
		to->kind = arena_strdup(m->arena, "ns");
		/* Not its real path: what /proc/PID/ns/net leads to has none. */
		to->other = arena_strdup(m->arena, text + 3);
		return access(text + 3, F_OK) < 0
			       ? refuse_errno(m, "net", text + 3, "can't be used")
			       : 0;
	}
	if (!strcmp(text, "bridge") || !strcmp(text, "none") || !strcmp(text, "host") ||
	    (rootless() && !strcmp(text, "user"))) {
		to->kind = arena_strdup(m->arena, text);
		return 0;
	}
	if (value_is_name(text))
		return bad(m, "net", text,
			   "bridge, none, host, the name of a network, container:NAME or ns:PATH");
	to->kind = arena_strdup(m->arena, "named");
	to->other = arena_strdup(m->arena, text);
	return 0;
}

static int make_net(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_net *to = &m->options->net;

	to->present = true;
	TRY(make_network_kind(m, to));
	to->ports.v = arena_array(m->arena, words->ports.n + 1, sizeof(*to->ports.v));
	to->hosts.v = arena_array(m->arena, words->hosts.n + 1, sizeof(*to->hosts.v));
	to->dns.v = arena_array(m->arena, words->dns.n + 1, sizeof(*to->dns.v));
	if (!to->ports.v || !to->hosts.v || !to->dns.v)
		return 0; /* remembered by the arena */
	for (; to->ports.n < words->ports.n; to->ports.n++)
		TRY(make_port(m, words->ports.v[to->ports.n], &to->ports.v[to->ports.n]));
	for (; to->hosts.n < words->hosts.n; to->hosts.n++)
		TRY(make_host_name(m, words->hosts.v[to->hosts.n], &to->hosts.v[to->hosts.n]));
	for (; to->dns.n < words->dns.n; to->dns.n++)
		TRY(keep(m, "dns", words->dns.v[to->dns.n], value_is_address,
			 &to->dns.v[to->dns.n]));
	return 0;
}

/* --- Confinement --- */

/* "net_admin", "NET_ADMIN" and "CAP_NET_ADMIN" alike. */
static int make_capabilities(struct making *m, const char *option, const struct option_list *words,
			     struct oci_strings *to)
{
	to->v = arena_array(m->arena, words->n + 1, sizeof(*to->v));
	for (; to->v && to->n < words->n; to->n++) {
		const char *text = words->v[to->n];
		bool bare = strncasecmp(text, "CAP_", 4) != 0 && strcasecmp(text, "ALL") != 0;
		char *name = arena_printf(m->arena, "%s%s", bare ? "CAP_" : "", text);

		for (char *at = name; name && *at; at++)
			*at = *at >= 'a' && *at <= 'z' ? (char)(*at - 0x20) : *at;
		if (name && value_is_capability(name))
			return bad(m, option, text, value_is_capability(name));
		to->v[to->n] = name;
	}
	return 0;
}

static int make_seccomp(struct making *m, struct box_security *to)
{
	const char *path = m->words->seccomp;
	struct oci_document *doc = NULL;
	struct oci_seccomp ignored;
	auto_free char *text = NULL;

	if (!path)
		return 0;
	if (!strcmp(path, "unconfined")) {
		to->seccomp = arena_strdup(m->arena, path);
		return 0;
	}
	TRY(load(m, "seccomp", path, &text));
	if (seccomp_profile_read(&ignored, &doc, text, 0, m->arena, m->err) < 0)
		return fail_in(m->err, "option '--seccomp': '%s'", path);
	json_document_free(doc);
	to->seccomp = arena_strdup(m->arena, text);
	return 0;
}

static int make_mapping(struct making *m, const char *text, struct oci_id_mapping *to)
{
	uint64_t numbers[3];
	char *parts[4] = { NULL };
	size_t n = split(m->arena, text, ':', parts, 4);

	for (size_t i = 0; i < 3; i++)
		if (n != 3 || value_number(parts[i], i == 2, UINT32_MAX - 1, &numbers[i]))
			return bad(m, "userns", text,
				   "host, auto or INSIDE:OUTSIDE:COUNT[,...] of numbers");
	if (numbers[0] + numbers[2] > UINT32_MAX || numbers[1] + numbers[2] > UINT32_MAX)
		return refuse(m, "userns", text, "the range ends beyond the highest id");
	*to = (struct oci_id_mapping){ (uint32_t)numbers[0], (uint32_t)numbers[1],
				       (uint32_t)numbers[2] };
	return 0;
}

static int make_userns(struct making *m, struct box_security *to)
{
	const char *text = m->words->userns;
	struct oci_strings parts;

	if (!text)
		text = geteuid() == 0 ? "host" : "auto";
	/* A user's containers share the namespace that hullbox itself is in. */
	if (rootless() && !strcmp(text, "auto"))
		text = "host";
	if (!strcmp(text, "host") || !strcmp(text, "auto")) {
		to->userns = arena_strdup(m->arena, text);
		return 0;
	}
	if (rootless())
		return refuse(m, "userns", text,
			      "only root can choose ids; a user's containers have his own id and "
			      "those of /etc/subuid and /etc/subgid");
	parts = split_list(m->arena, text, ',');
	to->userns = arena_strdup(m->arena, "map");
	to->mappings.v = arena_array(m->arena, parts.n + 1, sizeof(*to->mappings.v));
	for (; to->mappings.v && to->mappings.n < parts.n; to->mappings.n++)
		TRY(make_mapping(m, parts.v[to->mappings.n], &to->mappings.v[to->mappings.n]));
	return 0;
}

static int make_security(struct making *m)
{
	const struct box_words *words = m->words;
	struct box_security *to = &m->options->security;
	const char *name = words->profile ? words->profile : "default";

	to->present = true;
	if (!profile_find(name))
		return bad(m, "security-profile", name, "strict, default or none");
	to->profile = arena_strdup(m->arena, name);
	TRY(make_capabilities(m, "cap-add", &words->cap_add, &to->cap_add));
	TRY(make_capabilities(m, "cap-drop", &words->cap_drop, &to->cap_drop));
	TRY(make_seccomp(m, to));
	return make_userns(m, to);
}

/* --- All of it --- */

static int make_all(struct making *m, const char *const *command, size_t n_command)
{
	TRY(make_source(m));
	TRY(make_command(m, command, n_command));
	TRY(make_process(m));
	TRY(make_env(m));
	TRY(make_labels(m));
	TRY(make_sysctls(m));
	TRY(make_restart(m));
	TRY(make_health(m));
	TRY(make_log(m));
	TRY(make_files(m));
	TRY(make_limits(m));
	TRY(make_net(m));
	TRY(make_security(m));
	if (m->arena->failed)
		return fail_code(m->err, "out-of-memory", "no memory for the options");
	return box_options_check(m->options, m->err);
}

int box_options_make(struct box_options *options, const struct box_words *words,
		     const char *const *command, size_t n_command, struct oci_error *err)
{
	struct making making = { words, options, &options->arena, err };

	*options = (struct box_options){ .version = BOX_OPTIONS_VERSION };
	if (make_all(&making, command, n_command) < 0) {
		box_options_done(options);
		return -1;
	}
	return 0;
}

void box_options_done(struct box_options *options)
{
	arena_done(&options->arena);
	json_document_free(options->doc);
	*options = (struct box_options){ .doc = NULL };
}
