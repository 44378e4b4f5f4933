#!/usr/bin/env python3
"""A volume of Version 7 Unix with the files of a folder: v7.py IMAGE FOLDER.

Blocks of 512 bytes: the superblock in block 1, inodes from block 2, then data; longs have the PDP-11's order, the high word first. Written after
include/linux/sysv_fs.h and fs/sysv of Linux 6.12; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, COUNT, INODES, FIRST = 512, 2048, 64, 2
DATA = FIRST + INODES * 64 // SIZE

root = tree.load(sys.argv[2])
nodes = list(root.all())
for number, node in enumerate(nodes, 2):
    node.number = number
image = [bytes(SIZE)] * COUNT
used = DATA


def long(value):
    return struct.pack("<HH", value >> 16, value & 0xFFFF)


def put(block):
    global used
    image[used] = block
    used += 1
    return used - 1


def indirect(zones, depth):
    """Blocks that lead to `zones`, and the number of the topmost one."""
    if depth > 0:
        step = 128**depth
        zones = [indirect(zones[at : at + step], depth - 1) for at in range(0, len(zones), step)]
    return put(b"".join(map(long, zones)).ljust(SIZE, b"\0"))


def content(node):
    if not node.folder:
        return node.data
    entries = [(node.number, b"."), (node.parent.number, b"..")] + [(child.number, child.name) for child in node.children]
    return b"".join(struct.pack("<H14s", number, name) for number, name in entries)


table = bytearray(INODES * 64)
for node in nodes:
    data = content(node)
    zones = [put(block) for block in tree.blocks(data, SIZE)]
    places = zones[:10] + [0] * (10 - len(zones[:10]))
    for depth, start in enumerate((10, 138, 138 + 128**2)):
        more = zones[start : start + 128 ** (depth + 1)]
        places.append(indirect(more, depth) if more else 0)
    links = 2 + sum(child.folder for child in node.children) if node.folder else 1
    mode = 0o40755 if node.folder else 0o100644
    # Three bytes a place: the high one first, then the low word.
    inode = struct.pack("<4H", mode, links, 0, 0) + long(len(data)) + b"".join(bytes([at >> 16]) + struct.pack("<H", at & 0xFFFF) for at in places) + b"\0" + long(tree.WHEN) * 3
    table[(node.number - 1) * 64 : node.number * 64] = inode
for at, block in enumerate(tree.blocks(bytes(table), SIZE)):
    image[FIRST + at] = block

# Free blocks in chunks of 50: the first of each is where the next chunk lies; 0 ends them.
free = [0]
for block in range(COUNT - 1, used - 1, -1):
    if len(free) == 50:
        image[block] = (struct.pack("<H", 50) + b"".join(map(long, free))).ljust(SIZE, b"\0")
        free = []
    free.append(block)
unused = list(range(INODES, len(nodes) + 1, -1))
head = struct.pack("<H", DATA) + long(COUNT) + struct.pack("<H", len(free)) + b"".join(map(long, free + [0] * (50 - len(free))))
head += struct.pack("<H100H", len(unused), *unused, *[0] * (100 - len(unused))) + bytes(4) + long(tree.WHEN) + long(COUNT - used)
image[1] = (head + struct.pack("<HHH6s6s", len(unused), 0, 0, b"CLUTCH", b"CLUTCH")).ljust(SIZE, b"\0")
with open(sys.argv[1], "wb") as file:
    file.write(b"".join(image))
