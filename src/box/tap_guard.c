/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "box/tap_guard.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fd.h"
#include "base/sys.h"

/* Of a frame. */
#define TYPE_AT 12
#define TO_AT 30 /* in the header of IPv4, whose front has no options */

/* /dev/net/tun (devices.txt of the kernel) */
#define TUN_MAJOR 10
#define TUN_MINOR 200

static int attach(int tap, struct oci_error *err)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TO_AT),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 127, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return ioctl(tap, TUNATTACHFILTER, &program) < 0
		       ? fail_sys(err, "filter what is meant for the host's loopback")
		       : 0;
}

int tap_guard(int program, pid_t pid, struct oci_error *err)
{
	char path[32];
	auto_fd dir = -1;
	DIR *list;
	int found = 0, result = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	list = dir < 0 ? NULL : fd_list(dir);
	if (!list)
		return fail_sys(err, "open '%s'", path);
	for (struct dirent *entry; result == 0 && (entry = readdir(list));) {
		struct stat file;
		auto_fd tap = -1;

		if (fstatat(dir, entry->d_name, &file, 0) < 0 || !S_ISCHR(file.st_mode) ||
		    file.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
			continue;
		tap = sys_pidfd_getfd(program, atoi(entry->d_name));
		result = tap < 0 ? fail_sys(err, "pidfd_getfd of the program's interface")
				 : attach(tap, err);
		found++;
	}
	(void)closedir(list);
	if (result == 0 && !found)
		return fail(err, "the program of the network has no tap interface");
	return result;
}
