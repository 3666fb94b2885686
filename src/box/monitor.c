/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/sys.h"
#include "box/interrupt.h"
#include "box/json_tree.h"
#include "box/overlay.h"
#include "box/run_program.h"
#include "box/tree.h"
#include "libocispec/json.h"

/* Longer than anything hull waits for by itself. */
#define HULL_DEADLINE_MS 120000
/* How long conmon may be silent about a container that is there. */
#define WORD_SECONDS 5

/* --- Lists of words --- */

/* An argv or environment that grows; `failed` is looked at once. */
struct words {
	char **v; /* NULL last */
	size_t n;
	bool failed;
};

static void add(struct words *words, const char *text)
{
	char **v = words->failed ? NULL : realloc(words->v, (words->n + 2) * sizeof(*v));

	if (v) {
		words->v = v;
		v[words->n] = strdup(text);
		words->failed = !v[words->n];
		v[words->n + !words->failed] = NULL;
		words->n += !words->failed;
	} else {
		words->failed = true;
	}
}

static void add_pair(struct words *words, const char *option, const char *value)
{
	add(words, option);
	add(words, value ? value : "");
	words->failed = words->failed || !value;
}

/* Takes the value over. */
static void add_made(struct words *words, const char *option, char *value)
{
	add_pair(words, option, value);
	free(value);
}

void monitor_free_argv(char **argv)
{
	for (size_t i = 0; argv && argv[i]; i++)
		free(argv[i]);
	free(argv);
}

/* --- hull --- */

char **monitor_hull_argv(const struct box_home *home, const char *const *more,
			 struct oci_error *err)
{
	auto_free char *hull = home_hull(err);
	struct words words = { 0 };

	if (!hull)
		return NULL;
	add(&words, hull);
	add_made(&words, "--root", box_text(err, "%s/hull", home->runtime));
	for (; *more; more++)
		add(&words, *more);
	if (words.failed) {
		monitor_free_argv(words.v);
		return (void)fail_code(err, "out-of-memory", "no memory for arguments"), NULL;
	}
	return words.v;
}

int monitor_hull_error(const char *line, struct oci_error *err)
{
	size_t size = strlen(line);
	struct oci_document *doc = json_document_new(size);
	struct json_failure failure;
	const char *code = "hull", *text = "hull failed";

	if (!doc)
		return fail_code(err, "out-of-memory", "no memory for hull's error");
	memcpy(doc->text, line, size);
	if (json_parse(doc, &failure) < 0 || doc->root->kind != JSON_OBJECT)
		doc->root = NULL;
	for (const struct json_node *node = doc->root ? doc->root->first : NULL; node;
	     node = node->next) {
		if (node->kind == JSON_STRING && !strcmp(node->key, "msg"))
			text = node->text;
		else if (node->kind == JSON_STRING && !strcmp(node->key, "code"))
			code = node->text;
	}
	(void)fail_code(err, code, "%s", text);
	json_document_free(doc);
	return -1;
}

/* What hull wrote to stderr: "hull: TEXT". */
static int take_words(const char *text, struct oci_error *err)
{
	size_t size = strlen(text);

	if (!strncmp(text, "hull: ", 6))
		text += 6, size -= 6;
	while (size > 0 && text[size - 1] == '\n')
		size--;
	return fail_code(err, "hull", "%.*s", (int)(size < 1500 ? size : 1500), text);
}

int monitor_hull(const struct box_home *home, char **output, struct oci_error *err, ...)
{
	const char *more[16] = { 0 };
	struct program_result result;
	va_list arguments;
	char **argv;
	int outcome;

	va_start(arguments, err);
	for (size_t i = 0; i + 1 < 16 && (more[i] = va_arg(arguments, const char *)); i++)
		;
	va_end(arguments);
	argv = monitor_hull_argv(home, more, err);
	if (!argv)
		return -1;
	outcome = program_run(&(struct program){ .argv = (const char *const *)argv,
						 .deadline_ms = HULL_DEADLINE_MS },
			      &result, err);
	monitor_free_argv(argv);
	if (outcome == 0 && result.status != 0)
		outcome = take_words(result.errors, err);
	if (outcome == 0 && output) {
		*output = result.output;
		result.output = NULL;
	}
	program_result_done(&result);
	return outcome;
}

int monitor_start(const struct box_home *home, const struct box_record *record,
		  struct oci_error *err)
{
	return monitor_hull(home, NULL, err, "start", record->id, NULL);
}

/* --- conmon's call --- */

/* What it inherits, not close-on-exec in its process. */
struct inherited {
	int life, sync, start, kept;
};

static void add_exit_command(const struct monitor_request *request, struct words *words,
			     struct oci_error *err)
{
	const char *option = "--exit-command-arg";

	add_made(words, "--exit-command", home_self(err));
	add_pair(words, option, "--root");
	add_pair(words, option, request->home->root);
	add_pair(words, option, "exited");
	add_made(words, option, box_text(err, "--lives=%u", request->record->state.lives));
	add_pair(words, option, request->record->id);
}

static char **conmon_argv(const struct monitor_request *request, pid_t keeper,
			  struct oci_error *err)
{
	const struct box_home *home = request->home;
	const struct box_record *record = request->record;
	struct words words = { 0 };
	char *conmon = home_conmon(err);

	if (!conmon)
		return NULL;
	add(&words, conmon);
	free(conmon);
	add_pair(&words, "--api-version", "1");
	add_pair(&words, "-c", record->id);
	add_pair(&words, "-u", record->id);
	add_pair(&words, "-n", record->state.name);
	add_made(&words, "-r", home_self(err));
	add_pair(&words, "--runtime-arg", "enter");
	add_made(&words, "--runtime-arg", box_text(err, "%d", (int)keeper));
	add_made(&words, "--runtime-arg", home_hull(err));
	add_pair(&words, "--runtime-arg", "--root");
	add_made(&words, "--runtime-arg", box_text(err, "%s/hull", home->runtime));
	add_pair(&words, "--runtime-arg", "--log");
	add_made(&words, "--runtime-arg", record_runtime_path(home, record, "hull.log", err));
	add_pair(&words, "--runtime-arg", "--log-format");
	add_pair(&words, "--runtime-arg", "json");
	add_made(&words, "-b", record_path(home, record, "bundle", err));
	add_made(&words, "-p", record_runtime_path(home, record, "pid", err));
	add_made(&words, "-P", record_runtime_path(home, record, "conmon.pid", err));
	add_made(&words, "--exit-dir", record_runtime_path(home, record, "exit", err));
	add_made(&words, "--persist-dir", record_runtime_path(home, record, "exit", err));
	add_made(&words, "-l",
		 box_text(err, "k8s-file:%s/containers/%s/log/current", home->root, record->id));
	if (request->log_max_size)
		add_made(&words, "--log-size-max",
			 box_text(err, "%llu", (unsigned long long)request->log_max_size));
	add_pair(&words, "--log-level", "warning");
	add(&words, "--full-attach");
	if (request->terminal) {
		add(&words, "-t");
		/* Who leaves it may come back and type again. */
		add(&words, "--leave-stdin-open");
	}
	if (request->interactive)
		add(&words, "-i");
	add_exit_command(request, &words, err);
	if (!words.failed)
		return words.v;
	monitor_free_argv(words.v);
	return (void)fail_code(err, "out-of-memory", "no memory for conmon's arguments"), NULL;
}

static bool fits_an_address(const char *directory)
{
	static const char name[] = "/conmon-term.XXXXXX";

	return strlen(directory) + sizeof(name) <= sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

/* conmon makes a socket for the terminal in the temporary directory: where nobody else gets at it,
 * and where it goes with the container should conmon be killed. In a path that is too long for a
 * socket's address it couldn't. */
static void add_temporary(const struct monitor_request *request, struct words *words,
			  struct oci_error *err)
{
	auto_free char *own = record_runtime_path(request->home, request->record, "", err);
	const char *runtime = request->home->runtime, *usual = getenv("TMPDIR");
	char *variable = box_text(err, "TMPDIR=%s",
				  own && fits_an_address(own) ? own
				  : fits_an_address(runtime)  ? runtime
				  : usual		      ? usual
							      : "/tmp");

	add(words, variable ? variable : "");
	words->failed = words->failed || !own || !variable;
	free(variable);
}

/* What programs need to find things, and nothing else that the caller's environment holds. */
static char **conmon_environment(const struct monitor_request *request,
				 const struct inherited *inherited, struct oci_error *err)
{
	static const char *const kept[] = {
		"PATH=",    "HOME=", "LANG=", "CNI_PATH=", "DBUS_SESSION_BUS_ADDRESS=",
		"HULLBOX_", "XDG_"
	};
	struct words words = { 0 };
	char text[64];

	for (char **variable = environ; *variable; variable++)
		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			if (!strncmp(*variable, kept[i], strlen(kept[i])) &&
			    strncmp(*variable, "HULLBOX_RUNTIME=", 16) != 0)
				add(&words, *variable);
	char *runtime = box_text(err, "HULLBOX_RUNTIME=%s", request->home->runtime);

	add(&words, runtime ? runtime : "");
	words.failed = words.failed || !runtime;
	free(runtime);
	add_temporary(request, &words, err);
	(void)snprintf(text, sizeof(text), "_OCI_SYNCPIPE=%d", inherited->sync);
	add(&words, text);
	(void)snprintf(text, sizeof(text), "_OCI_STARTPIPE=%d", inherited->start);
	add(&words, text);
	if (!words.failed)
		return words.v;
	monitor_free_argv(words.v);
	return (void)fail_code(err, "out-of-memory", "no memory for an environment"), NULL;
}

/* --- The process that keeps the mount namespace --- */

/* Makes it, writes the bundle, says so (an error without text), and waits until nobody needs it:
 * the other end of `until` is closed, if only by the parent's death. */
_Noreturn static void keep(const struct monitor_request *request, int bundle, int said, int until)
{
	struct oci_error err = { 0 };
	char nothing;
	int result = overlay_unshare(&err);

	/* A terminal's signals come here as well: what may be long, ends and cleans up by them. */
	interrupt_catch();
	if (result == 0)
		result = request->mount(request->ctx, &err);
	if (result == 0)
		result = request->prepare(request->ctx, bundle, &err);
	if (write(said, &err, sizeof(err)) == sizeof(err) && result == 0)
		while (read(until, &nothing, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

struct keeper {
	pid_t pid;
	int until; /* closing it ends the keeper */
};

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return program_status(status);
}

static void end_keeper(struct keeper *keeper)
{
	fd_drop(&keeper->until);
	if (keeper->pid > 0)
		(void)reap(keeper->pid);
	keeper->pid = 0;
}

static int hear_keeper(pid_t pid, int said, struct oci_error *err)
{
	struct oci_error theirs;

	if (interrupt_wait(said, err) < 0) {
		/* It says that it was, or that it was done just before. */
		(void)kill(pid, SIGTERM);
		(void)!read(said, &theirs, sizeof(theirs));
		return -1;
	}
	if (read(said, &theirs, sizeof(theirs)) != sizeof(theirs))
		return fail(err, "the process that mounts the root file system died");
	if (!*theirs.text)
		return 0;
	*err = theirs;
	return -1;
}

static int begin_keeper(const struct monitor_request *request, int bundle, struct keeper *keeper,
			struct oci_error *err)
{
	int said[2], until[2], result;

	*keeper = (struct keeper){ 0, -1 };
	if (pipe2(said, O_CLOEXEC) < 0)
		return fail_sys(err, "pipe");
	if (pipe2(until, O_CLOEXEC) < 0) {
		(void)fail_sys(err, "pipe");
		fd_drop(&said[0]);
		fd_drop(&said[1]);
		return -1;
	}
	keeper->pid = fork();
	if (keeper->pid == 0) {
		fd_drop(&until[1]);
		program_reset_signals();
		keep(request, bundle, said[1], until[0]);
	}
	fd_drop(&said[1]);
	fd_drop(&until[0]);
	keeper->until = until[1];
	result = keeper->pid < 0 ? fail_sys(err, "fork") : hear_keeper(keeper->pid, said[0], err);
	fd_drop(&said[0]);
	if (result < 0)
		end_keeper(keeper);
	return result;
}

/* --- The process that becomes conmon --- */

static int inherit(const struct inherited *inherited, struct oci_error *err)
{
	const int fds[] = { inherited->life, inherited->sync, inherited->start, inherited->kept };

	TRY(fd_cloexec_from(3, err));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0 && fcntl(fds[i], F_SETFD, 0) < 0)
			return fail_sys(err, "keep an fd for conmon");
	return 0;
}

/* Its own words go to a file that is read when it fails. */
static int redirect(const struct monitor_request *request, struct oci_error *err)
{
	auto_free char *path =
		record_runtime_path(request->home, request->record, "conmon.err", err);
	auto_fd null = open("/dev/null", O_RDWR | O_CLOEXEC);
	auto_fd errors = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

	if (null < 0 || errors < 0)
		return path ? fail_sys(err, "open '%s'", path) : -1;
	if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(errors, 2) < 0)
		return fail_sys(err, "dup2");
	return 0;
}

/* conmon writes the file `oom` to wherever it is. */
static int go_to_bundle(const struct monitor_request *request, struct oci_error *err)
{
	auto_fd bundle = openat(request->record->dir, "bundle",
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return bundle < 0 || fchdir(bundle) < 0 ? fail_sys(err, "go to the bundle") : 0;
}

static int become_conmon(const struct monitor_request *request, struct inherited *inherited,
			 pid_t keeper, struct oci_error *err)
{
	char **argv = conmon_argv(request, keeper, err);
	char **env = argv ? conmon_environment(request, inherited, err) : NULL;

	if (!env)
		return -1;
	TRY(redirect(request, err));
	TRY(go_to_bundle(request, err));
	TRY(inherit(inherited, err));
	program_reset_signals();
	(void)setsid(); /* a terminal's signals are for who called; else it is alone already */
	(void)execve(argv[0], argv, env);
	return fail_sys(err, "execute '%s'", argv[0]);
}

/* --- The parent's side --- */

/* hull's state document of the container, to be freed; NULL when hull doesn't know it. */
static struct oci_document *hull_state(const struct box_home *home, const struct box_record *record)
{
	struct oci_error ignored = { 0 };
	auto_free char *text = NULL;

	if (monitor_hull(home, &text, &ignored, "state", record->id, NULL) < 0)
		return NULL;
	return json_tree_parse(text, strlen(text), &ignored);
}

static bool is_created(const struct monitor_request *request)
{
	struct oci_document *doc = hull_state(request->home, request->record);
	const char *status = doc ? json_tree_text(doc->root, "status") : NULL;
	bool created = status && strcmp(status, "created") == 0;

	json_document_free(doc);
	return created;
}

/* Waits for a word from conmon, or its end. When hull is killed with the container made but before
 * its own end, conmon reads what it may have said, to the end of what the container's process holds
 * open, which waits to be started: neither would ever end. False when that had to be broken. */
static bool wait_for_word(const struct monitor_request *request, int sync)
{
	struct pollfd word = { .fd = sync, .events = POLLIN };
	struct oci_error ignored = { 0 }; /* conmon's end is waited for all the same */
	int ready, seconds = 0;

	while ((ready = poll(&word, 1, 1000)) == 0 || (ready < 0 && errno == EINTR)) {
		seconds = ready == 0 && is_created(request) ? seconds + 1 : 0;
		if (seconds < WORD_SECONDS)
			continue;
		(void)monitor_hull(request->home, NULL, &ignored, "delete", "--force",
				   request->record->id, NULL);
		return false;
	}
	return true;
}

/* One line of JSON from conmon: {"data": PID} or {"data": -1, "message": TEXT}. */
static int hear(int sync, struct oci_error *err)
{
	char line[8192];
	size_t used = 0;
	ssize_t size;
	const char *data;

	while (used + 1 < sizeof(line) && !memchr(line, '\n', used)) {
		size = read(sync, line + used, sizeof(line) - used - 1);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		used += (size_t)size;
	}
	line[used] = '\0';
	data = strstr(line, "\"data\":");
	if (data && atoi(data + 7) > 0)
		return 0;
	return fail_code(err, "conmon", "%s", used ? line : "conmon ended without a word");
}

/* The words of hull in its log are better than conmon's about them. */
static int explain(const struct monitor_request *request, struct oci_error *err)
{
	auto_free char *path = record_runtime_path(request->home, request->record, "", err);
	auto_fd dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct oci_error ignored = { 0 }; /* then conmon's words do */
	char text[8192], *last;

	if (dir < 0)
		return -1;
	if (file_read_at(dir, "hull.log", text, sizeof(text), &ignored) > 0) {
		text[strcspn(text, "\0")] = '\0';
		last = text + strlen(text);
		while (last > text && last[-1] == '\n')
			*--last = '\0';
		last = strrchr(text, '\n');
		*err = (struct oci_error){ 0 };
		return monitor_hull_error(last ? last + 1 : text, err);
	}
	if (file_read_at(dir, "conmon.err", text, 1000, &ignored) > 0) {
		text[strcspn(text, "\n")] = '\0';
		return fail_in(err, "%s", text);
	}
	return -1;
}

struct ends {
	int sync[2], start[2], errors[2];
};

static void close_ends(struct ends *ends)
{
	for (int i = 0; i < 2; i++) {
		fd_drop(&ends->sync[i]);
		fd_drop(&ends->start[i]);
		fd_drop(&ends->errors[i]);
	}
}

static int make_ends(struct ends *ends, struct oci_error *err)
{
	*ends = (struct ends){ { -1, -1 }, { -1, -1 }, { -1, -1 } };
	if (pipe2(ends->sync, O_CLOEXEC) == 0 && pipe2(ends->start, O_CLOEXEC) == 0 &&
	    pipe2(ends->errors, O_CLOEXEC) == 0)
		return 0;
	(void)fail_sys(err, "pipe");
	close_ends(ends);
	return -1;
}

/* The child has been forked: hears whether the container is there. */
static int follow(const struct monitor_request *request, pid_t pid, struct ends *ends,
		  struct oci_error *err)
{
	struct oci_error theirs;
	bool spoke;
	int result;

	fd_drop(&ends->sync[1]);
	fd_drop(&ends->start[0]);
	fd_drop(&ends->errors[1]);
	if (read(ends->errors[0], &theirs, sizeof(theirs)) == sizeof(theirs)) {
		(void)reap(pid);
		*err = theirs;
		return -1;
	}
	if (write(ends->start[1], "", 1) != 1) /* conmon waits for it before it does anything */
		(void)fail_sys(err, "write to conmon");
	(void)reap(pid); /* it forks, and the monitor is no child of ours */
	spoke = wait_for_word(request, ends->sync[0]);
	result = hear(ends->sync[0], err);
	if (!spoke) {
		*err = (struct oci_error){ 0 };
		return fail_code(err, "hull",
				 "hull was killed when the container was made but not yet told of; "
				 "it is removed again");
	}
	return result < 0 ? explain(request, err) : 0;
}

static int start_conmon(const struct monitor_request *request, int life, pid_t keeper,
			struct oci_error *err)
{
	struct ends ends;
	pid_t pid;
	int result;

	TRY(make_ends(&ends, err));
	pid = fork();
	if (pid == 0) {
		struct inherited inherited = { life, ends.sync[1], ends.start[0], request->kept };
		struct oci_error theirs = { 0 };

		(void)become_conmon(request, &inherited, keeper, &theirs);
		(void)!write(ends.errors[1], &theirs, sizeof(theirs)); /* or nobody listens */
		_exit(127);
	}
	result = pid < 0 ? fail_sys(err, "fork") : follow(request, pid, &ends, err);
	close_ends(&ends);
	return result;
}

static int launch(const struct monitor_request *request, int life, int bundle,
		  struct oci_error *err)
{
	struct keeper keeper;
	int result;

	TRY(begin_keeper(request, bundle, &keeper, err));
	result = start_conmon(request, life, keeper.pid, err);
	end_keeper(&keeper);
	return result;
}

/* The directories that conmon writes to. */
static int make_places(const struct monitor_request *request, struct oci_error *err)
{
	auto_free char *exit_dir = record_runtime_path(request->home, request->record, "exit", err);
	auto_fd made = exit_dir ? tree_make_directory(exit_dir, 0700, err) : -1;
	int dir = request->record->dir;

	if (made < 0)
		return -1;
	if (mkdirat(dir, "bundle", 0700) < 0 && errno != EEXIST)
		return fail_sys(err, "make the bundle's directory");
	return 0;
}

int monitor_create(const struct monitor_request *request, struct oci_error *err)
{
	const struct box_home *home = request->home;
	auto_fd life = -1, bundle = -1, waiting = -1;
	int result;

	life = life_begin(home, request->record, err);
	if (life < 0)
		return -1;
	result = make_places(request, err);
	bundle = openat(request->record->dir, "bundle", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (result == 0)
		result = bundle < 0 ? fail_sys(err, "open the bundle")
				    : launch(request, life, bundle, err);
	/* From here on only the monitor holds it. */
	waiting = life_open(home, request->record->id);
	fd_drop(&life);
	if (result < 0) {
		struct oci_error ignored = { 0 }; /* the first failure is told */
		int exit_code;
		bool oom;

		if (waiting >= 0)
			(void)life_wait(home, request->record->id, waiting, &ignored);
		(void)monitor_end(home, request->record, &exit_code, &oom, &ignored);
		return -1;
	}
	return waiting < 0 ? fail_sys(err, "open the life") : fd_take(&waiting);
}

/* --- Its end --- */

static int read_number(const struct box_home *home, const struct box_record *record,
		       const char *name, int otherwise)
{
	struct oci_error ignored = { 0 }; /* otherwise says so */
	auto_free char *path = record_runtime_path(home, record, "", &ignored);
	auto_fd dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	char text[32];

	if (dir < 0 || file_read_at(dir, name, text, sizeof(text), &ignored) <= 0)
		return otherwise;
	return atoi(text);
}

void monitor_forget(const struct box_record *record)
{
	(void)unlinkat(record->dir, "bundle/oom", 0); /* it need not be there */
}

pid_t monitor_container_pid(const struct box_home *home, const struct box_record *record)
{
	return read_number(home, record, "pid", 0);
}

/* hull compares more than the number. */
static bool is_alive(const struct box_home *home, const struct box_record *record, pid_t pid)
{
	struct oci_document *doc = hull_state(home, record);
	bool alive = doc && json_tree_uint(doc->root, "pid", INT32_MAX, 0) == (uint64_t)pid;

	json_document_free(doc);
	return alive;
}

int monitor_open_root(const struct box_home *home, const struct box_record *record,
		      struct oci_error *err)
{
	pid_t pid = monitor_container_pid(home, record);
	char path[64];
	auto_fd root = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	if (pid > 0)
		root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Asked when it is open: who lives now was there all the time. */
	if (root < 0 || !is_alive(home, record, pid))
		return fail(err, "the container has just ended");
	return fd_take(&root);
}

int monitor_end(const struct box_home *home, const struct box_record *record, int *exit_code,
		bool *oom, struct oci_error *err)
{
	auto_fd life = life_open(home, record->id);
	char name[ID_SIZE + 8];

	(void)snprintf(name, sizeof(name), "exit/%s", record->id);
	*exit_code = read_number(home, record, name, 137);
	*oom = faccessat(record->dir, "bundle/oom", F_OK, 0) == 0;
	TRY(monitor_hull(home, NULL, err, "delete", "--force", record->id, NULL));
	/* "bundle/oom" stays until the next life: this may have to be done again. */
	(void)unlinkat(record->dir, "bundle/attach", 0); /* these need not be there */
	(void)unlinkat(record->dir, "bundle/ctl", 0);
	(void)unlinkat(record->dir, "bundle/winsz", 0);
	if (life >= 0)
		TRY(life_write(life, *exit_code, err));
	return 0;
}
