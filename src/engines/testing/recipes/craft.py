#!/usr/bin/env python3
"""Small images of old filesystems that no tool of Debian makes: craft.py KIND IMAGE.

Written after the headers of Linux (fs/sysv, fs/qnx4, fs/efs, fs/affs, fs/omfs); the judge is the kernel that mounts them. Where a filesystem is
read only, the image holds HELLO.TXT and DIR/INNER.TXT.
"""
import struct
import sys

WHEN = 1700000000
HELLO, INNER = b"hello\n", b"inner\n"


def pad(data, size):
    return data + bytes(size - len(data))


def sysv():
    """System V release 4, blocks of 1 KiB: superblock at byte 512, inodes from block 2, then data; free blocks in one chunk."""
    count, first_data = 256, 6
    blocks = {}

    def inode(mode, nlink, size, data):
        return struct.pack("<4HI", mode, nlink, 0, 0, size) + b"".join(n.to_bytes(3, "little") for n in data + [0] * (13 - len(data))) + b"\0" + struct.pack("<3I", WHEN, WHEN, WHEN)

    def folder(*entries):
        return b"".join(struct.pack("<H14s", number, name) for number, name in entries)

    root, sub = folder((2, b"."), (2, b".."), (3, b"HELLO.TXT"), (4, b"DIR")), folder((4, b"."), (2, b".."), (5, b"INNER.TXT"))
    blocks[6], blocks[7], blocks[8], blocks[9] = root, HELLO, sub, INNER
    nodes = [bytes(64), inode(0o40755, 3, len(root), [6]), inode(0o100644, 1, len(HELLO), [7]), inode(0o40755, 2, len(sub), [8]), inode(0o100644, 1, len(INNER), [9])]
    free = [0, *range(58, 9, -1)]
    inodes = list(range(6, 65))
    head = struct.pack("<HHIHH50I", first_data, 0, count, len(free), 0, *free) + struct.pack("<HH100H", len(inodes), 0, *inodes, *[0] * (100 - len(inodes)))
    head += struct.pack("<4BI4HIHH6s6s12i", 0, 0, 0, 0, WHEN, 0, 0, 0, 0, len(free) - 1, len(inodes), 0, b"CLUTCH", b"CLUTCH", *[0] * 12) + struct.pack("<III", (0x7C269D38 - WHEN) % 2**32, 0xFD187E20, 2)
    image = bytearray(count * 1024)
    image[512:1024] = head
    image[2048 : 2048 + 64 * len(nodes)] = b"".join(nodes)
    for number, data in blocks.items():
        image[number * 1024 : number * 1024 + len(data)] = data
    return image


def qnx4():
    """QNX 4: blocks of 512 bytes counted from 1 in extents, directory entries are the inodes."""
    count = 256

    def entry(name, size, block, blocks, mode, status=1):
        return struct.pack("<16sIIIIIIIIHHHHH4sBB", name, size, block, blocks, 0, WHEN, WHEN, WHEN, WHEN, 1, mode, 0, 0, 1, b"", 0, status)

    image = bytearray(count * 512)

    def put(block, data):
        image[(block - 1) * 512 : (block - 1) * 512 + len(data)] = data

    put(2, entry(b"/", 512, 3, 1, 0o40755) + entry(b".inodes", 0, 0, 0, 0o100400))
    put(3, entry(b".bitmap", 32, 4, 1, 0o100444) + entry(b"HELLO.TXT", len(HELLO), 5, 1, 0o100644) + entry(b"DIR", 512, 6, 1, 0o40755))
    put(4, b"\xff" + bytes(31))
    put(5, HELLO)
    put(6, entry(b"INNER.TXT", len(INNER), 7, 1, 0o100644))
    put(7, INNER)
    return image


def efs():
    """IRIX EFS: superblock in block 1, cylinder groups of inodes and data, big-endian."""
    first, size, inode_blocks = 8, 120, 4
    image = bytearray((first + size) * 512)

    def put(block, data, at=0):
        image[block * 512 + at : block * 512 + at + len(data)] = data

    def node(number, mode, nlink, length, block):
        data = struct.pack(">4H5IHBB", mode, nlink, 0, 0, length, WHEN, WHEN, WHEN, 0, 1, 0, 0) + struct.pack(">II", block, 1 << 24)
        put(first + number // 4, data, number % 4 * 128)

    def folder(*entries):
        slots, data = b"", b""
        for number, name in entries:
            record = struct.pack(">IB", number, len(name)) + name
            data = record + bytes(len(record) % 2) + data
            slots += bytes([(512 - len(data)) // 2])
        return struct.pack(">HBB", 0xBEEF, (512 - len(data)) // 2, len(slots)) + slots + bytes(508 - len(slots) - len(data)) + data

    put(1, struct.pack(">3I5HxxIi6s6s6I", first + size, first, size, inode_blocks, 16, 1, 1, 0, WHEN, 0x72959, b"CLUTCH", b"CLUTCH", 16, 100, 10, 2, 0, 0))
    data = first + inode_blocks
    node(2, 0o40755, 3, 512, data)
    node(3, 0o100644, 1, len(HELLO), data + 1)
    node(4, 0o40755, 2, 512, data + 2)
    node(5, 0o100644, 1, len(INNER), data + 3)
    put(data, folder((2, b"."), (2, b".."), (3, b"HELLO.TXT"), (4, b"DIR")))
    put(data + 1, HELLO)
    put(data + 2, folder((4, b"."), (2, b".."), (5, b"INNER.TXT")))
    put(data + 3, INNER)
    return image


def affs():
    """An empty Amiga floppy in FFS: root block in the middle, the bitmap behind it, big-endian."""
    count, root = 1760, 880
    image = bytearray(count * 512)
    image[0:4] = b"DOS\x01"

    def summed(words, at):
        words[at] = -sum(words) % 2**32
        return struct.pack(">128I", *words)

    head = [0] * 128
    head[0], head[3], head[78], head[79], head[127] = 2, 72, 0xFFFFFFFF, root + 1, 1
    head[108:111] = struct.unpack(">3I", b"\x06CLUTCH".ljust(12, b"\0"))
    image[root * 512 : root * 512 + 512] = summed(head, 5)
    bits = [0] * 128
    for block in range(2, count):
        if block not in (root, root + 1):
            bits[1 + (block - 2) // 32] |= 1 << (block - 2) % 32
    image[root * 512 + 512 : root * 512 + 1024] = summed(bits, 0)
    return image


def omfs():
    """An empty disk of a Rio Karma: system blocks with headers and mirrors, a bitmap of what is used, big-endian."""
    count, size = 1024, 2048
    image = bytearray(count * size)
    image[256:288] = struct.pack(">QQIIII", 1, count, 0xC2993D87, size, 2, size)

    def crc(data):
        value = 0
        for byte in data:
            value ^= byte << 8
            for _ in range(8):
                value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
        return value

    def block(number, kind, body, copies=1):
        body = pad(body, size - 24)
        head = struct.pack(">QIHxxBcB", number, len(body), crc(body), 1, kind, 0xD2)
        check = 0
        for byte in head:
            check ^= byte
        for copy in range(copies):
            image[(number + copy) * size : (number + copy + 1) * size] = head + bytes([check]) + bytes(4) + body

    block(1, b"s", struct.pack(">QQQQIIQ", 0, count, 3, 6, size, 1, 2) + b"CLUTCH")
    block(3, b"e", struct.pack(">QQQ35scI64s256sQ", 2**64 - 1, 2**64 - 1, WHEN * 1000, b"", b"D", 0, b"", b"", size) + b"\xff" * (size - 0x1B8), 2)
    image[6 * size : 6 * size + count // 8] = pad(b"\xff", count // 8)
    return image


with open(sys.argv[2], "wb") as file:
    file.write({"sysv": sysv, "qnx4": qnx4, "efs": efs, "affs": affs, "omfs": omfs}[sys.argv[1]]())
