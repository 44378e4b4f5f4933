#!/usr/bin/env python3
"""The reference walk of an ext2/3/4 image: one JSON object an entry, in byte order of paths.

kernel-walk.py IMAGE            mounts a copy read-only (root only); the kernel replays a dirty journal into the copy first
kernel-walk.py --debugfs IMAGE  asks debugfs of e2fsprogs, for what this kernel cannot mount (large blocks, casefold)
kernel-walk.py --folder FOLDER  walks a folder that is there already
kernel-walk.py --paths IMAGE    asks debugfs for paths only: what a reader finds who goes through folders without their index

Exit status: 0 walked, 3 the image cannot be mounted (or opened), with the reason on stderr.
An entry that cannot be read carries "error" beside what stat(2) told. Files above LIMIT bytes are not hashed, and times that
the recovery of this very mount set are left out.
Everything happens in a mount namespace of its own, so nothing stays mounted whatever becomes of this process.
"""
import ctypes
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

LIMIT = 1 << 30
BEGAN = time.time_ns() // 10**9 * 10**9
TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink", stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}


def refuse(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


def text(raw):
    return raw.decode("utf-8", "surrogateescape")


def error(exc):
    return {"kind": "io", "message": exc.strerror or str(exc)}


def show(entries):
    for path in sorted(entries, key=os.fsencode):
        print(json.dumps({"path": path, **entries[path]}))


# --- the kernel -------------------------------------------------------------------------------------------------------

def entry_of(path, st):
    entry = {
        "type": TYPES.get(stat.S_IFMT(st.st_mode), "unknown"), "mode": f"{stat.S_IMODE(st.st_mode):04o}", "uid": st.st_uid, "gid": st.st_gid,
        "size": st.st_size, "nlink": st.st_nlink,
    }
    if not BEGAN <= st.st_mtime_ns < BEGAN + 600 * 10**9:
        entry["mtime"] = str(st.st_mtime_ns)
    try:
        if entry["type"] == "symlink":
            entry["target"] = text(os.readlink(path))
        names = os.listxattr(path, follow_symlinks=False)
        if names:
            entry["xattrs"] = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in sorted(names, key=os.fsencode)}
        if entry["type"] == "file" and st.st_size <= LIMIT:
            digest = hashlib.sha256()
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
            entry["sha256"] = digest.hexdigest()
    except OSError as exc:
        entry["error"] = error(exc)
    return entry


def walk(root):
    entries = {}
    st = os.lstat(root)
    entries["/"] = entry_of(root, st)
    stack = [(root, b"", (st.st_ino,))]
    while stack:
        folder, shown, above = stack.pop()
        try:
            names = os.listdir(folder)
        except OSError as exc:
            entries[text(shown) or "/"]["error"] = error(exc)
            continue
        for name in names:
            path, where = os.path.join(folder, name), shown + b"/" + name
            try:
                st = os.lstat(path)
            except OSError as exc:
                entries[text(where)] = {"error": error(exc)}
                continue
            entry = entries[text(where)] = entry_of(path, st)
            if stat.S_ISDIR(st.st_mode):
                if st.st_ino in above:
                    entry["error"] = {"kind": "corrupt", "message": "the folder contains itself"}
                else:
                    stack.append((path, where, above + (st.st_ino,)))
    return entries


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode:
        refuse(f"{command[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:] or done.returncode}")
    return done.stdout.strip()


def mount(options, device, folder):
    return subprocess.run(["mount", "-t", "ext4", "-o", options, device, folder], capture_output=True, text=True)


def by_kernel(image, scratch):
    if os.geteuid() != 0:
        refuse("mounting needs root")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
        refuse("no mount namespace of our own: " + os.strerror(ctypes.get_errno()))
    run("mount", "--make-rprivate", "/")
    copy, folder = os.path.join(scratch, "copy"), os.path.join(scratch, "mnt")
    run("cp", "--sparse=always", image, copy)
    os.mkdir(folder)
    # A writable loop device under a read-only mount: the kernel recovers the journal into the copy, then shows the recovered tree.
    loop = run("losetup", "-f", "--show", copy)
    mounted = False
    try:
        # errors=continue: a superblock may ask for a panic when damage is met.
        options = "errors=continue" + (os.environ.get("CLUTCH_MOUNT_OPTIONS") and "," + os.environ["CLUTCH_MOUNT_OPTIONS"] or "")
        done = mount("ro," + options, loop, folder)
        if done.returncode:
            # Fast commits are replayed by a writable mount only (Linux 6.18).
            if mount("rw," + options, loop, folder).returncode:
                refuse("the kernel does not mount it: " + (done.stderr.strip().splitlines() or ["?"])[0].split(": ")[-1].replace(" on " + loop, "").rstrip("."))
        mounted = True
        show(walk(os.fsencode(folder)))
    finally:
        if mounted:
            subprocess.run(["umount", "-l", folder])
        subprocess.run(["losetup", "-d", loop])


# --- debugfs ----------------------------------------------------------------------------------------------------------

class Debugfs:
    def __init__(self, image, scratch):
        self.image, self.scratch = image, scratch

    def ask(self, requests):
        """Runs requests in one debugfs; returns the answer of each, as bytes."""
        if not requests:
            return []
        script = os.path.join(self.scratch, "requests")
        with open(script, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.writelines(request + "\n" for request in requests)
        done = subprocess.run(["debugfs", "-f", script, self.image], capture_output=True)
        answers = re.split(rb"(?m)^debugfs: [^\n]*\n", done.stdout)[1:]
        if len(answers) != len(requests):
            refuse("debugfs: " + done.stderr.decode(errors="replace").strip()[:300])
        return answers


def by_debugfs(image, scratch, only_paths):
    debugfs = Debugfs(image, scratch)
    paths, folders, inodes = {b"/": 2}, [(b"", 2, (2,))], {2}
    while folders:
        answers = debugfs.ask([f"ls -p <{ino}>" for _, ino, _ in folders])
        below = []
        for (folder, _, above), answer in zip(folders, answers):
            for line in answer.split(b"\n"):
                parts = line.split(b"/")
                if len(parts) < 8 or parts[5] in (b".", b"..") or parts[1] == b"0":
                    continue
                ino, path = int(parts[1]), folder + b"/" + parts[5]
                paths[path] = ino
                inodes.add(ino)
                if parts[2].startswith(b"04") and ino not in above:
                    below.append((path, ino, above + (ino,)))
        folders = below
    if only_paths:
        show({text(path): {} for path in paths})
        return
    order = sorted(inodes)
    entries = dict(zip(order, map(parse_stat, debugfs.ask([f"stat <{ino}>" for ino in order]))))
    dump = os.path.join(scratch, "dump")
    os.mkdir(dump)
    wanted = [ino for ino in order if entries[ino]["type"] == "file" or "target" not in entries[ino] and entries[ino]["type"] == "symlink"]
    wanted = [ino for ino in wanted if entries[ino]["size"] <= LIMIT]
    debugfs.ask([f"dump <{ino}> {dump}/{ino}" for ino in wanted])
    for ino in wanted:
        with open(f"{dump}/{ino}", "rb") as file:
            content = file.read()
        if entries[ino]["type"] == "file":
            entries[ino]["sha256"] = hashlib.sha256(content).hexdigest()
        else:
            entries[ino]["target"] = text(content)
    lists = debugfs.ask([f"ea_list <{ino}>" for ino in order])
    names = [(ino, name) for ino, answer in zip(order, lists) for name in re.findall(rb"(?m)^  (\S+) \(\d+\)", answer)]
    names = [(ino, text(name)) for ino, name in names if name.startswith((b"user.", b"trusted.", b"security.", b"system.posix_acl_"))]
    debugfs.ask([f"ea_get -f {dump}/x{i} <{ino}> {name}" for i, (ino, name) in enumerate(names)])
    for i, (ino, name) in enumerate(names):
        with open(f"{dump}/x{i}", "rb") as file:
            entries[ino].setdefault("xattrs", {})[name] = file.read().hex()
    show({text(path): entries[ino] for path, ino in paths.items()})


def parse_stat(answer):
    def field(pattern):
        return re.search(pattern, answer)[1]
    kinds = {b"regular": "file", b"directory": "dir", b"symlink": "symlink", b"character": "char", b"block": "block", b"FIFO": "fifo", b"socket": "socket"}
    seconds, extra = re.search(rb"mtime: 0x([0-9a-f]+)(?::([0-9a-f]+))?", answer).groups()
    high = int(extra or b"0", 16)
    seconds = int(seconds, 16)
    seconds = (seconds - (1 << 32) if seconds >> 31 else seconds) + ((high & 3) << 32)
    entry = {
        "type": kinds[field(rb"Type: (\w+)")], "mode": f"{int(field(rb'Mode: +([0-7]+)'), 8):04o}", "uid": int(field(rb"User: +(-?\d+)")) & 0xffffffff, "gid": int(field(rb"Group: +(-?\d+)")) & 0xffffffff,
        "size": int(field(rb"Size: +(\d+)")), "nlink": int(field(rb"Links: +(\d+)")), "mtime": str(seconds * 10**9 + (high >> 2)),
    }
    target = re.search(rb'Fast link dest: "([^"\n]*)"', answer)
    if target:
        entry["target"] = text(target[1])
    return entry


def main():
    ways = {"--debugfs", "--paths", "--folder"} & set(sys.argv[1:])
    arguments = [argument for argument in sys.argv[1:] if argument not in ways]
    if len(arguments) != 1:
        sys.exit("usage: kernel-walk.py [--debugfs | --paths | --folder] IMAGE")
    image = os.path.abspath(arguments[0])
    if "--folder" in ways:
        return show(walk(os.fsencode(image)))
    # Scratch lies beside the image's cache, not in memory: copies may be large.
    scratch = tempfile.mkdtemp(prefix="clutch-oracle-", dir=os.environ.get("CLUTCH_SCRATCH"))
    try:
        if ways:
            by_debugfs(image, scratch, "--paths" in ways)
        else:
            by_kernel(image, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


main()
