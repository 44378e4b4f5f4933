#!/usr/bin/env python3
"""A volume of the Veritas filesystem, version 2, with the files of a folder: vxfs.py IMAGE FOLDER little|big.

Little-endian as UnixWare has it, with the superblock in block 1, or big-endian as HP-UX has it, with the superblock in block 8; blocks of 1 KiB. The
object location table names the first extent of inodes; there the file of fileset headers and the list of structural inodes are, and in that list is
the list of all other inodes. Written after fs/freevxfs of Linux 6.12; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, COUNT, TABLE = 1024, 1024, 64
order = {"little": "<", "big": ">"}[sys.argv[3]]
HEADERS, STRUCTURAL, LIST = 1, 2, 3

root = tree.load(sys.argv[2])
nodes = list(root.all())
for number, node in enumerate(nodes, 2):
    node.number = number
image = [bytes(SIZE)] * COUNT
used = 16


def pack(form, *values):
    return struct.pack(order + form, *values)


def put(data):
    global used
    at = used
    for block in tree.blocks(data, SIZE):
        image[used] = block
        used += 1
    return at


def inode(mode, links, size, extent, parent=0):
    count = -(-size // SIZE)
    head = pack("4IQ6I", mode, links, 0, 0, size, tree.WHEN, 0, tree.WHEN, 0, tree.WHEN, 0) + pack("BBHIIIIIQ", 0, 1, 0, 0, parent, 0, count, 0, 0)
    return (head + pack("4I", 0, SIZE, 0, 0) + pack("II", extent, count)).ljust(256, b"\0")


def folder(node):
    """Blocks of entries behind a head without hash chains; "." and ".." are not kept. The last entry of a block reaches to its end."""
    records = [[child.number, child.name, (10 + len(child.name) + 3) // 4 * 4] for child in node.children]
    assert records and 4 + sum(length for _, _, length in records) <= SIZE, "one block is not enough"
    records[-1][2] += SIZE - 4 - sum(length for _, _, length in records)
    return pack("HH", 0, 0) + b"".join((pack("IHHH", number, length, len(name), 0) + name).ljust(length, b"\0") for number, name, length in records)


primary = bytearray(TABLE * 256)
for node in nodes:
    data = folder(node) if node.folder else node.data
    mode, links = (0x4000 | 0o755, 2 + sum(child.folder for child in node.children)) if node.folder else (0x8000 | 0o644, 1)
    primary[node.number * 256 : node.number * 256 + 256] = inode(mode, links, len(data), put(data), node.parent.number)


def header(version, index, inodes, at):
    return pack("15I", version, index, tree.WHEN, 0, 0, inodes, 1, 0, 0, 0, inodes, 0, at, at, 0).ljust(SIZE, b"\0")


listed = put(bytes(primary))
headers = put(header(2, 0, 4, STRUCTURAL) + header(2, 1, TABLE, LIST))
first = used
structural = [bytes(256), inode(0x10000000, 1, 2 * SIZE, headers), inode(0x20000000, 1, 4 * 4 * 256, first), inode(0x20000000, 1, len(primary), listed)]
# Inodes are read a page of 4 KiB at a time.
put(b"".join(structural).ljust(4 * SIZE, b"\0"))

table = used
entries = pack("4I", 2, 16, HEADERS, HEADERS) + pack("4I", 4, 16, first, first)
head = pack("14I", 0xA504FCF5, 56, 0, 0, tree.WHEN, 0, 0, table, 0, 1, 0, 0, 0, 0)
put((head + entries + pack("II", 1, SIZE - len(head + entries))).ljust(SIZE, b"\0"))

fixed = [0xA501FCF5, 2, tree.WHEN, 0, 0, 0, 0, 0, SIZE, COUNT, COUNT - 16] + [0] * 5 + [96, 10]
superblock = pack("48I", *fixed, *[0] * (48 - len(fixed))) + pack("2I32II", COUNT - used, TABLE - len(nodes), *[0] * 32, 0) + pack("BBH3I6s6sII", 0, 0x5A, 0, 0, tree.WHEN, 0, b"CLUTCH", b"CLUTCH", 0, 0)
superblock += pack("8I", table, table, 1, 0, 0, 256, 0, 0)
image[1 if order == "<" else 8] = superblock.ljust(SIZE, b"\0")
with open(sys.argv[1], "wb") as file:
    file.write(b"".join(image))
