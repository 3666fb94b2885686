# SPDX-License-Identifier: GPL-2.0-or-later
#
# What lies outside of a container's root, as facts that can be compared: inode, type, mode, owner,
# size, ctime and content of everything below a directory, and of a few files of the host.

import hashlib
import os
import stat

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
