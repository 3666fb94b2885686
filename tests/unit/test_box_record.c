/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records of containers, made while somebody else sweeps: whoever is told that his was made has it.
 */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "box/record.h"
#include "tests/unit/tap.h"

#define TIMES 500

static char base[] = "/tmp/hull-box-record-XXXXXX";

_Noreturn static void sweep_for_ever(const struct box_home *home)
{
	struct oci_error ignored;

	for (;;) {
		ignored = (struct oci_error){ 0 };
		(void)record_sweep(home, &ignored);
	}
}

/* Each waiter has a reader's lock for a moment: that is no life. */
static void test_life(const struct box_home *home)
{
	struct box_record record;
	struct oci_error err = { 0 };
	int life, waiting;

	if (!tap_ok(record_make(home, &record, &err) == 0, "a record %s", err.text))
		return;
	life = life_begin(home, &record, &err);
	waiting = life_open(home, record.id);
	tap_ok(life >= 0 && life_is_held(home, record.id, waiting), "a life %s", err.text);
	tap_ok(life_begin(home, &record, &err) < 0, "no second one");
	(void)close(life);
	life = life_open(home, record.id);
	tap_ok(fd_lock(life, F_OFD_SETLK, F_RDLCK) == 0, "somebody waits");
	tap_ok(!life_is_held(home, record.id, waiting), "it is over, whoever waits");
	(void)close(life);
	(void)close(waiting);
	(void)life_remove(home, record.id, &err);
	record_close(&record);
}

int main(void)
{
	char root[PATH_MAX], runtime[PATH_MAX], command[PATH_MAX + 16];
	struct box_home home = { root, runtime };
	struct oci_error err = { 0 };
	int made = 0, there = 0, told = 0;
	pid_t pid;

	if (!mkdtemp(base))
		return 99;
	snprintf(root, sizeof(root), "%s/root", base);
	snprintf(runtime, sizeof(runtime), "%s/run", base);
	pid = fork();
	if (pid == 0)
		sweep_for_ever(&home);
	for (int i = 0; i < TIMES; i++) {
		struct box_record record;
		struct stat status;

		made += record_make(&home, &record, &err) == 0;
		there += fstat(record.dir, &status) == 0 && status.st_nlink > 0;
		told += faccessat(record.dir, "lock", F_OK, 0) == 0;
		record_close(&record); /* for the sweeper */
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	tap_is_int(made, TIMES, "each is made %s", err.text);
	tap_is_int(there, TIMES, "each is there when its maker goes on");
	tap_is_int(told, TIMES, "with its lock");
	test_life(&home);
	snprintf(command, sizeof(command), "rm -rf '%s'", base);
	return system(command) == 0 ? tap_done() : 99;
}
