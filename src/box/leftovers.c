/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/fd.h"
#include "base/file.h"
#include "box/run_program.h"
#include "box/sha512.h"

enum {
	TOOL_MS = 30000,
	MOST_CHAINS = 64,
	CHAIN_ROOM = 32, /* iptables' names have 28 characters at most */
	GUARD_ROOM = 64,
};

static const char dnat[] = "CNI-HOSTPORT-DNAT";
static const char common_prefix[] = "CNI-HOSTPORT-";
static const char *const common_chains[] = { "CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ",
					     "CNI-HOSTPORT-SETMARK" };

/* --- Reading what iptables-save printed --- */

/* Lines of a table, one after the other. */
struct lines {
	const char *at;
	const char *line;
	size_t size;
};

static bool next_line(struct lines *lines)
{
	if (!lines->at || !*lines->at)
		return false;
	lines->line = lines->at;
	lines->size = strcspn(lines->at, "\n");
	lines->at += lines->size + (lines->at[lines->size] == '\n');
	return !(lines->size == 6 && !memcmp(lines->line, "COMMIT", 6));
}

static struct lines table_lines(const char *saved, const char *head)
{
	struct lines lines = { .at = strstr(saved, head) };

	(void)next_line(&lines);
	return lines;
}

static struct lines nat_lines(const char *saved)
{
	return table_lines(saved, "*nat\n");
}

static bool line_has(const struct lines *lines, const char *text)
{
	return memmem(lines->line, lines->size, text, strlen(text)) != NULL;
}

/* The chain that a rule stands in; false when the line is no rule. */
static bool rule_chain(const struct lines *lines, char chain[CHAIN_ROOM])
{
	size_t size;

	if (lines->size < 4 || memcmp(lines->line, "-A ", 3) != 0)
		return false;
	size = strcspn(lines->line + 3, " \n");
	if (size == 0 || size >= CHAIN_ROOM)
		return false;
	memcpy(chain, lines->line + 3, size);
	chain[size] = '\0';
	return true;
}

/* The chain that a rule leads to: what stands behind its last "-j". */
static bool rule_target(const struct lines *lines, char chain[CHAIN_ROOM])
{
	const char *end = lines->line + lines->size, *target = NULL;
	size_t size;

	for (const char *at = lines->line; at + 4 < end; at++)
		if (!memcmp(at, " -j ", 4))
			target = at + 4;
	if (!target)
		return false;
	size = strcspn(target, " \n");
	if (size == 0 || size >= CHAIN_ROOM)
		return false;
	memcpy(chain, target, size);
	chain[size] = '\0';
	return true;
}

/* --- A container's --- */

struct chains {
	char names[MOST_CHAINS][CHAIN_ROOM];
	int n;
};

static bool chains_have(const struct chains *chains, const char *name)
{
	for (int i = 0; i < chains->n; i++)
		if (!strcmp(chains->names[i], name))
			return true;
	return false;
}

/* One of a container's own: those of all containers stay. */
static void chains_add(struct chains *chains, const char *name)
{
	if (strncmp(name, "CNI-", 4) != 0 ||
	    !strncmp(name, common_prefix, sizeof(common_prefix) - 1) || chains->n == MOST_CHAINS ||
	    chains_have(chains, name))
		return;
	memcpy(chains->names[chains->n++], name, strlen(name) + 1);
}

/* Whether the table has a chain of that name. */
static bool is_chain(const char *saved, const char *name)
{
	struct lines lines = nat_lines(saved);
	size_t size = strlen(name);

	while (next_line(&lines))
		if (lines.size > size + 1 && lines.line[0] == ':' && lines.line[size + 1] == ' ' &&
		    !memcmp(lines.line + 1, name, size))
			return true;
	return false;
}

/* A plugin that was killed may have made a chain to which nothing leads yet. */
static void add_named(struct chains *chains, const char *saved, const char *network, const char *id)
{
	/* The last one is of older versions of the port plugin: the newer ones make it for a
	 * moment, to be sure that it goes. */
	static const struct {
		const char *prefix;
		int digits;
	} kinds[] = { { "CNI-", 24 }, { "CNI-DN-", 21 }, { "CNI-SN-", 21 } };
	char both[256], hex[129], name[CHAIN_ROOM];
	int size = snprintf(both, sizeof(both), "%s%s", network, id);

	if (size < 0 || (size_t)size >= sizeof(both))
		return;
	sha512_hex(both, (size_t)size, hex);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s%.*s", kinds[i].prefix, kinds[i].digits, hex);
		if (is_chain(saved, name))
			chains_add(chains, name);
	}
}

static void delete_rule(const struct lines *lines, FILE *restore)
{
	(void)fprintf(restore, "-D%.*s\n", (int)lines->size - 2, lines->line + 2);
}

bool leftovers_rules(const char *saved, const char *network, const char *id, FILE *restore)
{
	struct chains chains = { .n = 0 };
	struct lines lines = nat_lines(saved);
	char mark[128], name[CHAIN_ROOM];
	bool found = false;

	(void)snprintf(mark, sizeof(mark), "id: \\\"%s\\\"\"", id);
	add_named(&chains, saved, network, id);
	while (next_line(&lines)) {
		if (!line_has(&lines, mark))
			continue;
		if (rule_chain(&lines, name))
			chains_add(&chains, name);
		if (rule_target(&lines, name))
			chains_add(&chains, name);
	}
	(void)fputs("*nat\n", restore);
	for (lines = nat_lines(saved); next_line(&lines);) {
		char target[CHAIN_ROOM];

		if (!rule_chain(&lines, name) || chains_have(&chains, name))
			continue;
		if (line_has(&lines, mark) ||
		    (rule_target(&lines, target) && chains_have(&chains, target))) {
			delete_rule(&lines, restore);
			found = true;
		}
	}
	for (int i = 0; i < chains.n; i++)
		(void)fprintf(restore, "-F %s\n", chains.names[i]);
	for (int i = 0; i < chains.n; i++)
		(void)fprintf(restore, "-X %s\n", chains.names[i]);
	(void)fputs("COMMIT\n", restore);
	return found || chains.n > 0;
}

/* --- Those of all --- */

/* Any of them: the plugin makes them one after the other, that of the containers last, and may be
 * killed in between. */
static bool has_common(const char *saved)
{
	for (size_t i = 0; i < sizeof(common_chains) / sizeof(common_chains[0]); i++)
		if (is_chain(saved, common_chains[i]))
			return true;
	return false;
}

bool leftovers_common(const char *saved, FILE *restore)
{
	char name[CHAIN_ROOM], target[CHAIN_ROOM];
	struct lines lines = nat_lines(saved);

	if (!has_common(saved))
		return false;
	while (next_line(&lines))
		if (rule_chain(&lines, name) && !strcmp(name, dnat))
			return false;
	(void)fputs("*nat\n", restore);
	for (lines = nat_lines(saved); next_line(&lines);)
		if (rule_chain(&lines, name) && rule_target(&lines, target) &&
		    !strncmp(target, common_prefix, sizeof(common_prefix) - 1))
			delete_rule(&lines, restore);
	/* That of the containers isn't emptied: should somebody have come, it all stays. */
	for (size_t i = 0; i < sizeof(common_chains) / sizeof(common_chains[0]); i++)
		if (is_chain(saved, common_chains[i])) {
			if (strcmp(common_chains[i], dnat) != 0)
				(void)fprintf(restore, "-F %s\n", common_chains[i]);
			(void)fprintf(restore, "-X %s\n", common_chains[i]);
		}
	(void)fputs("COMMIT\n", restore);
	return true;
}

/* --- The host's loopback --- */

/* The beginning of the comments of one hullbox's rules, or the comment of a network's. A network's
 * name is a file's: its hash can stand in a rule. */
static void guard_mark(const char *owner, const char *network, char mark[GUARD_ROOM])
{
	char hex[129] = "";

	if (network)
		sha512_hex(network, strlen(network), hex);
	(void)snprintf(mark, GUARD_ROOM, "%s:no-host-loopback:%.16s", owner, hex);
}

bool leftovers_guard_rule(const char *saved, const char *mark, const char *bridge, FILE *restore)
{
	struct lines lines = table_lines(saved, "*raw\n");
	char input[32];

	(void)snprintf(input, sizeof(input), " -i %s ", bridge);
	while (next_line(&lines))
		if (line_has(&lines, mark) && line_has(&lines, input))
			return false;
	/* Before all others: one of them might accept it. */
	(void)fprintf(restore,
		      "*raw\n-I PREROUTING -d 127.0.0.0/8 -i %s -m comment --comment \"%s\" "
		      "-j DROP\nCOMMIT\n",
		      bridge, mark);
	return true;
}

bool leftovers_unguard_rules(const char *saved, const char *mark, FILE *restore)
{
	struct lines lines = table_lines(saved, "*raw\n");
	char chain[CHAIN_ROOM];
	bool found = false;

	(void)fputs("*raw\n", restore);
	while (next_line(&lines))
		if (rule_chain(&lines, chain) && line_has(&lines, mark)) {
			delete_rule(&lines, restore);
			found = true;
		}
	(void)fputs("COMMIT\n", restore);
	return found;
}

/* --- Doing it --- */

/* Its path; NULL when it isn't installed. What is root's is looked for where that is. */
static const char *find_tool(const char *name, char *path, size_t room)
{
	static const char *const places[] = { "/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin",
					      "/run/current-system/sw/bin" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(path, room, "%s/%s", places[i], name);
		if (access(path, X_OK) == 0)
			return path;
	}
	return NULL;
}

/* *output is empty when the program isn't there. */
static int run_tool(const char *name, const char *option, const char *value, const char *input,
		    int held_fd, struct program_result *output, struct oci_error *err)
{
	char path[64];
	const char *const env[] = { "PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin",
				    "LC_ALL=C", NULL };
	const char *const args[] = { path, option, value, NULL };
	struct program program = { .argv = args,
				   .env = env,
				   .input = input,
				   .input_size = input ? strlen(input) : 0,
				   .deadline_ms = TOOL_MS,
				   .held_fd = held_fd };

	*output = (struct program_result){ 0 };
	return find_tool(name, path, sizeof(path)) ? program_must(&program, output, err) : 0;
}

/* What is to be done to the rules. */
struct change {
	bool (*plan)(const struct change *change, const char *saved, FILE *restore);
	const char *table; /* the one that is looked at; NULL: all that there are */
	const char *network, *id;
	const char *mark, *bridge;
	int held_fd; /* for the programs */
};

static bool plan_rules(const struct change *change, const char *saved, FILE *restore)
{
	return leftovers_rules(saved, change->network, change->id, restore);
}

static bool plan_common(const struct change *change, const char *saved, FILE *restore)
{
	(void)change;
	return leftovers_common(saved, restore);
}

static bool plan_guard(const struct change *change, const char *saved, FILE *restore)
{
	return leftovers_guard_rule(saved, change->mark, change->bridge, restore);
}

static bool plan_unguard(const struct change *change, const char *saved, FILE *restore)
{
	return leftovers_unguard_rules(saved, change->mark, restore);
}

/* Someone else may change the table between the look and the deed: looked at again, so often. */
static int apply_once(const char *save, const char *restore, const struct change *change,
		      struct oci_error *err)
{
	struct program_result saved, done = { 0 };
	auto_free char *text = NULL;
	size_t size = 0;
	int result = 0;
	bool needed;
	FILE *out;

	TRY(run_tool(save, change->table ? "-t" : NULL, change->table, NULL, change->held_fd,
		     &saved, err));
	out = open_memstream(&text, &size);
	needed = out && change->plan(change, saved.output ? saved.output : "", out);
	if (!out || fclose(out) != 0)
		result = fail_code(err, "out-of-memory", "no memory for the host's rules");
	else if (needed)
		result =
			run_tool(restore, "--noflush", "--wait", text, change->held_fd, &done, err);
	program_result_done(&saved);
	program_result_done(&done);
	return result;
}

static int apply(const char *save, const char *restore, const struct change *change,
		 struct oci_error *err)
{
	int result = -1;

	for (int i = 0; i < 5 && result < 0; i++) {
		*err = (struct oci_error){ 0 };
		result = apply_once(save, restore, change, err);
	}
	return result;
}

/* A chain of the kernel's hooks, which iptables makes at its first use. Refused for one that isn't
 * empty, or isn't there, or with the older iptables: then it stays. */
static void remove_hook(const char *table, const char *chain, int held_fd)
{
	struct oci_error ignored = { 0 };
	struct program_result output;
	char text[64];

	(void)snprintf(text, sizeof(text), "*%s\n-X %s\nCOMMIT\n", table, chain);
	if (run_tool("iptables-restore", "--noflush", "--wait", text, held_fd, &output, &ignored) ==
	    0)
		program_result_done(&output);
}

int leftovers_remove_rules(const char *network, const char *id, bool ipv6, struct oci_error *err)
{
	const struct change change = {
		.plan = plan_rules, .table = "nat", .network = network, .id = id
	};
	struct oci_error ignored = { 0 };

	/* Where the kernel has no IPv6, its table can't be read, and holds nothing. */
	if (ipv6)
		(void)apply("ip6tables-save", "ip6tables-restore", &change, &ignored);
	if (apply("iptables-save", "iptables-restore", &change, err) < 0)
		return fail_in(err, "remove the rules of container %.12s", id);
	return 0;
}

int leftovers_remove_common(bool nat, struct oci_error *err)
{
	static const char *const chains[] = { "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING" };
	const struct change change = { .plan = plan_common, .table = "nat" };
	struct oci_error ignored = { 0 };

	(void)apply("ip6tables-save", "ip6tables-restore", &change, &ignored);
	if (apply("iptables-save", "iptables-restore", &change, err) < 0)
		return fail_in(err, "remove the chains for published ports");
	for (size_t i = 0; nat && i < 4; i++)
		remove_hook("nat", chains[i], -1);
	return 0;
}

int leftovers_guard(const char *owner, const char *network, const char *bridge, int held_fd,
		    struct oci_error *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	char mark[GUARD_ROOM], path[64];
	const struct change change = { .plan = plan_guard,
				       .table = "raw",
				       .mark = mark,
				       .bridge = bridge,
				       .held_fd = held_fd };

	guard_mark(owner, network, mark);
	if (!find_tool("iptables-save", path, sizeof(path)) ||
	    !find_tool("iptables-restore", path, sizeof(path)))
		return fail_code(err, "network",
				 "keep containers from the host's loopback: no iptables-save and "
				 "iptables-restore");
	if (!*bridge || strlen(bridge) > 15 || strspn(bridge, allowed) != strlen(bridge))
		return fail_code(err, "network",
				 "keep containers from the host's loopback: the bridge's name has "
				 "to be 1 to 15 letters, digits, '_', '.' and '-'");
	if (apply("iptables-save", "iptables-restore", &change, err) < 0)
		return fail_in(err, "keep containers from the host's loopback (table raw)");
	return 0;
}

int leftovers_unguard(const char *owner, const char *network, int held_fd, struct oci_error *err)
{
	char mark[GUARD_ROOM];
	/* All tables: of one that the kernel hasn't got there is nothing to read. */
	const struct change change = { .plan = plan_unguard, .mark = mark, .held_fd = held_fd };

	guard_mark(owner, network, mark);
	if (apply("iptables-save", "iptables-restore", &change, err) < 0)
		return fail_in(err, "remove the rule for the host's loopback");
	if (!network)
		remove_hook("raw", "PREROUTING", held_fd);
	return 0;
}

/* Whether the table nat holds a rule or a chain of somebody's. */
static bool is_used(const char *saved)
{
	struct lines lines = nat_lines(saved);

	while (next_line(&lines))
		if (lines.line[0] == '-' || line_has(&lines, " - ["))
			return true;
	return false;
}

int leftovers_look(struct leftovers_before *before, struct oci_error *err)
{
	struct program_result output;

	*before = (struct leftovers_before){ 0 };
	TRY(run_tool("iptables-save", NULL, NULL, NULL, -1, &output, err));
	if (output.output) {
		before->nat = is_used(output.output);
		before->common = has_common(output.output);
		before->drops = strstr(output.output, "\n:FORWARD DROP ") != NULL;
	}
	program_result_done(&output);
	return 0;
}

/* --- Leases --- */

/* The file of an address holds the container's id, then the interface. */
static bool is_lease_of(int dir, const char *name, const char *id)
{
	struct oci_error ignored = { 0 };
	char text[256];

	if (name[0] < '0' || (name[0] > '9' && !strchr("abcdef", name[0])))
		return false;
	if (file_read_at(dir, name, text, sizeof(text), &ignored) < 0)
		return false;
	text[strcspn(text, "\r\n")] = '\0';
	return !strcmp(text, id);
}

int leftovers_remove_leases(const char *directory, const char *id, struct oci_error *err)
{
	auto_fd lock = -1;
	struct dirent *entry;
	int result = 0;
	DIR *dir = opendir(directory);

	if (!dir)
		return errno == ENOENT ? 0 : fail_sys(err, "open '%s'", directory);
	/* host-local's own; nobody holds it for long. */
	lock = openat(dirfd(dir), "lock", O_RDONLY | O_CLOEXEC);
	if (lock >= 0)
		(void)flock(lock, LOCK_EX);
	while ((entry = readdir(dir)))
		if (is_lease_of(dirfd(dir), entry->d_name, id) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT)
			result =
				fail_sys(err, "remove the lease '%s/%s'", directory, entry->d_name);
	(void)closedir(dir);
	return result;
}
