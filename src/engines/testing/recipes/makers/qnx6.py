#!/usr/bin/env python3
"""A QNX 6 volume with the files of a folder: qnx6.py IMAGE FOLDER little|big.

A boot area of 8 KiB, a superblock in the next 4 KiB, blocks of 1 KiB, and the second superblock behind them; inodes, the map of used blocks and long
names are files of their own, whose pointers are in the superblock. Written after include/linux/qnx6_fs.h and fs/qnx6 of Linux 6.12; the judge is the
kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, COUNT, INODES = 1024, 1024, 64
NONE = 0xFFFFFFFF
order = {"little": "<", "big": ">"}[sys.argv[3]]

root = tree.load(sys.argv[2])
nodes = list(root.all())
for number, node in enumerate(nodes, 1):
    node.number = number
image = [bytes(SIZE)] * COUNT
used = 0


def pack(form, *values):
    return struct.pack(order + form, *values)


def put(block):
    global used
    image[used] = block
    used += 1
    return used - 1


def store(data):
    """A file's 16 pointers and the levels below them."""
    pointers, levels = [put(block) for block in tree.blocks(data, SIZE)], 0
    while len(pointers) > 16:
        pointers = [put(pack("256I", *pointers[at : at + 256], *[NONE] * (256 - len(pointers[at : at + 256])))) for at in range(0, len(pointers), 256)]
        levels += 1
    return pointers + [NONE] * (16 - len(pointers)), levels


def content(node):
    if not node.folder:
        return node.data
    entries = [(node.number, b"."), (node.parent.number, b"..")] + [(child.number, child.name) for child in node.children]
    data = b"".join(pack("IB27s", number, len(name), name) for number, name in entries)
    return data + bytes(-len(data) % SIZE)


def fork(data):
    pointers, levels = store(data)
    return pack("Q16IBB6x", len(data), *pointers, levels, 0)


def crc(data):
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


table = bytearray(INODES * 128)
for node in nodes:
    data = content(node)
    pointers, levels = store(data)
    when = [tree.WHEN] * 4
    table[(node.number - 1) * 128 : node.number * 128] = pack("Q6I2H16IBB2x24x", len(data), 0, 0, *when, 0o40755 if node.folder else 0o100644, 0, *pointers, levels, 1 if node.folder else 3)
inodes = fork(bytes(table))
bits = bytearray(COUNT // 8)
for block in range(used + 1):
    bits[block // 8] |= 1 << block % 8
bitmap = fork(bytes(bits))
nothing = pack("Q16IBB6x", 0, *[NONE] * 16, 0, 0)


def superblock(serial):
    rest = pack("QIIIHH16sIIIIII", serial, tree.WHEN, tree.WHEN, 0, 3, 4, b"CLUTCH", SIZE, INODES, INODES - len(nodes), COUNT, COUNT - used, 8)
    rest = (rest + inodes + bitmap + nothing * 2).ljust(504, b"\0")
    return pack("II", 0x68191122, crc(rest)) + rest


with open(sys.argv[1], "wb") as file:
    file.write(bytes(0x2000) + superblock(2).ljust(0x1000, b"\0") + b"".join(image) + superblock(1).ljust(0x1000, b"\0"))
