import { spawnSync } from 'node:child_process';

/**
 * A Python program that makes a tree in which everything is that a folder of Linux can hold. Its arguments: an empty folder, and how many entries its largest
 * folder gets. For root.
 */
export const FILL = String.raw`
import os, socket, sys
os.umask(0)
os.chdir(sys.argv[1])
def write(name, content=b""):
    with open(name, "wb") as file: file.write(content)
write("empty"); write("small", b"hello"); write("pieces", bytes(i * 7 & 255 for i in range(300001)))
with open("holes", "wb") as file:
    file.truncate(2000000); file.seek(70000); file.write(b"a"); file.seek(1500000); file.write(b"b" * 9000)
os.makedirs("deep/" + "/".join("d%d" % i for i in range(40)))
write("deep/" + "/".join("d%d" % i for i in range(40)) + "/bottom", b"down here")
os.mkdir("many")
for i in range(int(sys.argv[2])): write("many/entry %d %s" % (i, "-" * (i % 60)), b"%d" % i)
os.mkdir("links"); os.link("small", "links/one"); os.link("small", "links/two"); os.link("pieces", "links/of pieces")
os.symlink("small", "link"); os.symlink("/nowhere/at all/" + "x" * 200, "dangling"); os.symlink(b"\xff\xfe", "odd target")
os.mkfifo("fifo"); os.mknod("char", 0o20644, os.makedev(1, 3)); os.mknod("block", 0o60600, os.makedev(259, 70000))
socket.socket(socket.AF_UNIX).bind("socket")
os.mkdir(b"odd \xff\xfe"); write(b"odd \xff\xfe/\x01\n", b"x"); write("ä" * 127, b"long"); write(" ", b"space")
os.chmod("small", 0o4751); os.chown("small", 70000, 4000000000); os.chmod("many", 0o1777)
for name, value in (("user.tag", b"value"), ("user.long", b"v" * 1000), ("trusted.secret", b"\0\1")): os.setxattr("small", name, value)
os.setxattr("links", "user.of a folder", b"yes")
for root, dirs, files in os.walk(b".", topdown=False):
    for i, name in enumerate(sorted(dirs + files)): os.utime(os.path.join(root, name), ns=(10**18, -5 * 10**9 + 1 if i == 0 else 10**18 + i), follow_symlinks=False)
os.utime(".", ns=(1, 2))
`;

/**
 * Runs it.
 * @throws Error what kept it from being made
 */
export function fillFolder(path: string, entries: number): void {
  const { status, stderr } = spawnSync('python3', ['-c', FILL, path, String(entries)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}
