# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lies outside of a container's root, as facts that can be compared: inode, type, mode, owner,
# size, ctime and content of everything below a directory, and of a few files of the host.

import ctypes
import hashlib
import os
import stat
import struct

HOST = ["/etc/passwd", "/etc/hostname", "/bin/sh", "/dev/null", "/dev/zero", "/dev/full",
        "/dev/tty", "/dev/ptmx", "/dev/console", "/proc", "/sys", "/dev", "/dev/pts", "/dev/shm"]


def make(top):
    """A tree with one of everything; the files hold the word SECRET."""
    os.makedirs(f"{top}/dir/sub")
    os.mkdir(f"{top}/empty")
    for name in ("file", "dir/file", "dir/sub/file", "passwd"):
        with open(f"{top}/{name}", "w") as out:
            out.write(f"SECRET {name}\n")
    os.mkfifo(f"{top}/fifo")
    os.mknod(f"{top}/node", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.symlink("dir", f"{top}/link")
    os.chown(f"{top}/dir", 12, 34)


def facts_of(path, whole):
    st = os.lstat(path)
    facts = [st.st_ino, oct(st.st_mode), st.st_uid, st.st_gid]
    if not whole:  # of the host's files others may write the content
        return tuple(facts)
    facts += [st.st_size, st.st_ctime_ns, st.st_nlink]
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as content:
            facts.append(hashlib.sha256(content.read()).hexdigest())
    if stat.S_ISLNK(st.st_mode):
        facts.append(os.readlink(path))
    if stat.S_ISDIR(st.st_mode):
        facts.append(tuple(sorted(os.listdir(path))))
    return tuple(facts)


def record(top):
    facts = {path: facts_of(path, False) for path in HOST if os.path.lexists(path)}
    for directory, names, files in os.walk(top):
        for name in [directory] + [f"{directory}/{n}" for n in names + files]:
            facts[name] = facts_of(name, True)
    return facts


def mounts():
    with open("/proc/self/mountinfo") as table:
        return table.read()


def differences(before, after):
    return [f"{path}: was {before.get(path)}, is {after.get(path)}"
            for path in sorted(set(before) | set(after)) if before.get(path) != after.get(path)]


class Watch:
    """What happens to the files below a directory, told by the kernel (inotify): also that one was
    opened for writing and not written to, which leaves no other trace."""

    NAMES = {0x2: "modified", 0x4: "attributes changed", 0x8: "was open for writing", 0x40: "moved away",
             0x80: "moved here", 0x100: "made", 0x200: "deleted", 0x400: "deleted", 0x800: "moved",
             0x4000: "events were lost"}

    def __init__(self, top):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.paths = {}
        for directory, _, _ in os.walk(top):
            number = libc.inotify_add_watch(self.fd, directory.encode(), sum(self.NAMES))
            if number < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", directory)
            self.paths[number] = directory

    def events(self):
        """Those since the last call, as sentences."""
        found = []
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                return found
            at = 0
            while at < len(data):
                number, mask, _, size = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + size].rstrip(b"\0").decode(errors="replace")
                what = ", ".join(text for bit, text in self.NAMES.items() if mask & bit)
                found.append(f"{self.paths.get(number)}/{name}: {what}")
                at += 16 + size
