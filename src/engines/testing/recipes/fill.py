#!/usr/bin/env python3
"""Fills a mounted filesystem (or a plain folder for `mke2fs -d`) with things of one kind: fill.py KIND DIR [ARGUMENT…]. Deterministic."""
import os
import random
import socket
import sys

T = 1700000000
rnd = random.Random(20261122)
kind, dest, args = sys.argv[1], os.fsencode(sys.argv[2]), sys.argv[3:]
os.umask(0o022)
os.chdir(dest)


def put(name, data, mode=0o644):
    with open(name, "wb") as file:
        file.write(data)
    os.chmod(name, mode)


def pwrite(name, size, pieces):
    """A sparse file of `size` bytes with data at the given (offset, bytes)."""
    fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644)
    for at, data in pieces:
        os.pwrite(fd, data, at)
    os.ftruncate(fd, size)
    os.close(fd)


def tree():
    """Sizes around block borders, folders, hard links, symlinks of every length class, a sparse file, modes."""
    for i, size in enumerate([0, 1, 59, 60, 61, 1023, 1024, 1025, 4095, 4096, 4097, 12288, 12289, 65535, 300000]):
        put(f"size-{size}", rnd.randbytes(size), [0o644, 0o600, 0o755, 0o4755, 0o2755, 0o1777, 0o000][i % 7])
    os.makedirs("a/b/c/d/e/f")
    os.makedirs("empty")
    put("a/b/c/d/e/f/deep", b"deep\n")
    for i in range(60):
        put(f"a/b/f{i:03d}.txt", b"file %d\n" % i)
    os.link("size-4097", "a/hard")
    os.link("size-4097", "a/b/c/hard")
    os.symlink("size-1", "fast")
    os.symlink("x" * 59, "fast-59")
    os.symlink("y" * 60, "slow-60")
    os.symlink("../" * 60 + "z", "slow-181")
    os.symlink(b"\xff\xfe-bytes", "undecodable")
    pwrite("sparse", 3_000_000, [(0, b"start"), (1_000_000, b"middle"), (2_999_997, b"end")])


def links():
    """Symlink targets at each border: within the inode (59), in a block, the longest that fits a block of BLOCK bytes."""
    block = int(args[0])
    for size in [1, 4, 58, 59, 60, 61, 120, 155, 156, 160, 255, 1000, min(block, 4096) - 2, min(block, 4096) - 1]:
        if size < block:
            os.symlink("t" * size, f"link-{size}")


def nodes():
    for name, mode, major, minor in [("old", 0o60660, 8, 1), ("old-max", 0o60660, 255, 255), ("new", 0o60660, 259, 70000), ("new-major", 0o20666, 4095, 3), ("null", 0o20666, 1, 3), ("new-minor", 0o20600, 1, 1048575)]:
        os.mknod(name, mode, os.makedev(major, minor))
    os.mkfifo("fifo", 0o640)
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.close()


def times():
    """The borders of 32-bit seconds and of the two epoch bits (in steps of 2^32 s), and nanoseconds."""
    for name, seconds, ns in [("1901", -2**31, 0), ("1901-ns", -2**31, 999999999), ("1969", -1, 999999999), ("1970", 0, 0), ("2001", 10**9, 123456789), ("2038", 2**31 - 1, 999999999), ("2038-after", 2**31, 1),
                              ("2106", 2**32 - 1, 5), ("2106-after", 2**32, 0), ("2174", 2**32 + 2**31 - 1, 7), ("2174-after", 2**32 + 2**31, 8), ("2310", 2**33 + 2**31, 9), ("2446", 3 * 2**32 + 2**31 - 1, 999999999)]:
        put(name, b"")
        os.utime(name, ns=(seconds * 10**9 + ns, seconds * 10**9 + ns))


def owners():
    for uid in [0, 1, 1000, 65534, 65535, 65536, 100000, 2**31, 2**32 - 2]:
        put(f"owner-{uid}", b"owned\n")
        os.chown(f"owner-{uid}", uid, 2**32 - 2 - uid)


def names():
    """Names that other programs stumble over: not UTF-8, control characters, the longest, look-alikes of options and of paths."""
    for name in [b"\xff", b"\x80\x81", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80", b"new\nline", b"tab\there", b"\x01\x1b[31m", b" ", b"  lead", b"trail ", b"...", b"..a", b"-rf", b"--help",
                 b"back\\slash", b"C:", b"con", b"a:b", b"quote'\"", b"*?[x]", b"$(id)", b"%s%n", "\u202egnp.exe".encode(), "\u200b".encode(), "ünï".encode(), "u\u0308".encode(), "日本語".encode(), "😀".encode(),
                 b"n" * 255, b"\xff" * 255, "日".encode() * 85, b"~", b"#x", b".hidden", b"a", b"A"]:
        put(name, name)
        os.makedirs(b"dir/" + name)


def many():
    """COUNT names in one folder, of LENGTH bytes each (0: short), some not ASCII. All are links to a few files, so no inodes are used up."""
    count, length, folder = int(args[0]), int(args[1]), args[2] if len(args) > 2 else "many"
    os.mkdir(folder)
    at = os.open(folder, os.O_RDONLY)
    for i in range(count):
        if i % 30000 == 0:
            source = f"source-{folder}-{i // 30000}"
            put(source, b"%d\n" % i)
        tail = [b"", b"\xc3\xa9", b"\xff", "日".encode()][i % 4] if length == 0 or i % 16 == 0 else b""
        name = b"e%06d" % i + tail
        os.link(source, name.ljust(length, b"."), dst_dir_fd=at)
    os.close(at)


def fragments():
    """COUNT extents: every second block of BLOCK bytes holds data."""
    count, block = int(args[0]), int(args[1])
    fd = os.open("fragments", os.O_WRONLY | os.O_CREAT, 0o644)
    piece = rnd.randbytes(block * 64)
    for i in range(count):
        at = (i % 63) * block
        os.pwrite(fd, piece[at:at + block - 1], i * 2 * block)
    os.close(fd)


def indirect():
    """Data in the direct, indirect, doubly and triply indirect ranges of a block map with BLOCK bytes a block, the rest holes."""
    block = int(args[0])
    p = block // 4
    starts = [0, 11, 12, 13, 12 + p - 1, 12 + p, 12 + 2 * p, 12 + p + p * p - 1, 12 + p + p * p]
    if block <= 1024:
        starts += [12 + p + p * p + p + 7, 12 + p + p * p + p * p + 3]
    pwrite("indirect", (max(starts) + 5) * block - 17, [(start * block, rnd.randbytes(block)) for start in starts])
    pwrite("all-hole", 70 * 1024 * 1024, [])
    put("dense", rnd.randbytes(block * (12 + p + 20)))


def extents():
    """Unwritten extents before, between and after data and beyond the end of the file; holes punched; a file without one block."""
    fd = os.open("unwritten", os.O_RDWR | os.O_CREAT, 0o644)
    os.posix_fallocate(fd, 0, 2_000_000)
    os.pwrite(fd, b"x" * 10000, 500_000)
    os.pwrite(fd, b"y" * 70000, 1_900_000)
    os.close(fd)
    put("tail", b"z" * 5000)
    os.system("fallocate -n -l 1000000 tail; fallocate -l 3000000 only-unwritten")
    put("punched", rnd.randbytes(1_000_000))
    os.system("fallocate -p -o 100000 -l 300000 punched; fallocate -z -o 600000 -l 100000 punched; fallocate -c -o 65536 -l 65536 punched 2>/dev/null; true")
    pwrite("hole", 40_000_000, [])


def long():
    """MIB mebibytes written in order: extents of the greatest length, 32768 blocks."""
    mib, piece = int(args[0]), rnd.randbytes(1 << 20)
    with open("long", "wb") as file:
        for i in range(mib):
            file.write(b"%08d" % i + piece[8:] if i % 8 == 0 else bytes(1 << 20))


def xattrs():
    """In the inode, in a block, shared blocks, empty, every prefix, on each type of node."""
    os.mkdir("dir")
    os.mkfifo("fifo")
    os.symlink("dir", "link")
    put("inode", b"1")
    os.setxattr("inode", "user.a", b"1")
    os.setxattr("inode", "user.empty", b"")
    put("block", b"2")
    for i in range(10):
        os.setxattr("block", f"user.name-{i}", rnd.randbytes(15 + i * 5))
    shared = rnd.randbytes(300)
    for i in range(20):
        put(f"shared-{i}", b"3")
        os.setxattr(f"shared-{i}", "user.shared", shared)
    os.setxattr("dir", "user.on.dir", b"d")
    os.setxattr(b"inode", b"user.\xff\xfe", b"bytes")
    put("long-name", b"4")
    os.setxattr("long-name", "user." + "n" * 250, b"long name")
    if os.geteuid() == 0:
        for name in ["fifo", "link", "inode"]:
            os.setxattr(name, "trusted.t", b"trusted", follow_symlinks=False)
        os.setxattr("inode", "security.capability", bytes.fromhex("0000000200200000000000000000000000000000"))
        os.setxattr("inode", "security.other", b"s")


def large_xattrs():
    """Values that need inodes of their own (ea_inode), two of them equal so that the kernel shares the inode."""
    put("large", b"1")
    value = rnd.randbytes(40000)
    os.setxattr("large", "user.large", value)
    os.setxattr("large", "user.also", rnd.randbytes(5000))
    os.setxattr("large", "user.small", b"small")
    put("same", b"2")
    os.setxattr("same", "user.large", value)
    put("max", b"3")
    os.setxattr("max", "user.max", rnd.randbytes(65536))


def acls():
    put("file", b"1")
    os.makedirs("dir/below")
    os.system("setfacl -m u:1000:rwx,u:70000:r,g:50:rx,m:rwx file; setfacl -m u:1:r dir; setfacl -d -m u::rwx,u:2:rw,g::r,o::-,m:rwx dir; touch dir/inherited; mkdir dir/also")


def inline():
    """Contents and folders that grow through the borders of the inode's block area (60 bytes) and of its xattr area."""
    for size in [0, 1, 4, 59, 60, 61, 100, 130, 150, 156, 160, 161, 162, 200, 1000, 5000]:
        put(f"inline-{size}", rnd.randbytes(size))
    for count in [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 40]:
        os.mkdir(f"dir-{count}")
        for i in range(count):
            put(f"dir-{count}/f{i}", b"%d" % i)
    for size in [50, 59, 60, 61, 100, 150, 156, 160, 200]:
        os.symlink("s" * size, f"link-{size}")
    put("with-xattr", b"q" * 40)
    os.setxattr("with-xattr", "user.tag", b"tag")
    put("grown", b"g" * 10)
    with open("grown", "ab") as file:
        file.write(b"h" * 3000)
    put("shrunk", b"k" * 3000)
    os.truncate("shrunk", 20)
    put("hole", b"")
    os.truncate("hole", 90)


def subfolders():
    """COUNT folders in one: above 65000 the link count becomes 1 (dir_nlink)."""
    os.mkdir("subs")
    at = os.open("subs", os.O_RDONLY)
    for i in range(int(args[0])):
        os.mkdir(b"%d" % i, dir_fd=at)
    os.close(at)


def journal():
    """Work that leaves new, changed, revoked and escaped blocks in the journal."""
    magic = bytes.fromhex("c03b3998")
    for i in range(40):
        os.mkdir(f"d{i}")
        put(f"d{i}/file", rnd.randbytes(3000 + i * 100))
        put(f"d{i}/escaped", magic + rnd.randbytes(5000))
        os.setxattr(f"d{i}/file", "user.big", magic + rnd.randbytes(400))
    os.sync()
    for i in range(0, 40, 2):
        os.unlink(f"d{i}/file")
        os.unlink(f"d{i}/escaped")
        os.rmdir(f"d{i}")
    os.sync()
    for i in range(30):
        put(f"again-{i}", magic + rnd.randbytes(9000))
    os.rename("d1/file", "renamed")
    os.chmod("d3/file", 0o600)
    fd = os.open("renamed", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    put("fsynced", b"fast commit\n")
    fd = os.open("fsynced", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def encrypted():
    """A folder under an fscrypt policy of version 2 with a key that nobody else has: AES-256-XTS contents, CTS names."""
    import fcntl
    import struct
    root = os.open(".", os.O_RDONLY)
    key = rnd.randbytes(64)
    argument = bytearray(struct.pack("<II32s", 2, 0, b"") + struct.pack("<II32x", len(key), 0) + key)
    fcntl.ioctl(root, 0xC0506617, argument)  # FS_IOC_ADD_ENCRYPTION_KEY
    identifier = bytes(argument[8:24])
    os.mkdir("secret")
    folder = os.open("secret", os.O_RDONLY)
    fcntl.ioctl(folder, 0x800C6613, struct.pack("<BBBB4x16s", 2, 1, 4, 3, identifier))  # FS_IOC_SET_ENCRYPTION_POLICY
    os.close(folder)
    for i, name in enumerate(["a", "short", "n" * 30, "m" * 100, "l" * 170, "x" * 255]):
        put("secret/" + name, rnd.randbytes(i * 3000))
    os.makedirs("secret/below/deeper")
    put("secret/below/file", b"content")
    os.symlink("target", "secret/link")
    put("open", b"not encrypted\n")
    os.sync()
    fcntl.ioctl(root, 0xC0406618, bytearray(argument[:40]) + bytes(24))  # FS_IOC_REMOVE_ENCRYPTION_KEY
    os.close(root)


globals()[kind]()
if kind not in ("times", "journal", "encrypted"):
    for folder, folders, files in os.walk(b".", topdown=False):
        for name in files:
            os.utime(os.path.join(folder, name), (T, T), follow_symlinks=False)
        os.utime(folder, (T, T))
