#!/usr/bin/env python3
"""A volume of BeOS with the files of a folder: befs.py IMAGE FOLDER.

The little-endian kind, of PCs: the superblock at byte 512, blocks of 1 KiB in allocation groups, a block each for inodes, folders as B+ trees of
names. Written after fs/befs of Linux 6.12; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, GROUP, COUNT = 1024, 4096, 4096
# The superblock, the map of used blocks, and a journal that is empty.
MAPPED, LOG, LOGGED = 1, 2, 64
END = 2**64 - 1

root = tree.load(sys.argv[2])
nodes = list(root.all())
image = [bytes(SIZE)] * COUNT
used = LOG + LOGGED


def put(data, count=1):
    """Puts blocks one behind the other. @returns the first one's number"""
    global used
    at = used
    for block in tree.blocks(data, SIZE) if data else [bytes(SIZE)] * count:
        image[used] = block
        used += 1
    return at


def run(block, count=1):
    return struct.pack("<IHH", block // GROUP, block % GROUP, count)


def folder(node):
    """A tree of one leaf: its header, and the names in the order of their bytes with the blocks of their inodes."""
    entries = sorted([(b".", node.number), (b"..", node.parent.number)] + [(child.name, child.number) for child in node.children])
    names = b"".join(name for name, _ in entries)
    ends = [sum(len(name) for name, _ in entries[: i + 1]) for i in range(len(entries))]
    leaf = struct.pack("<3QHH", END, END, END, len(entries), len(names)) + names
    leaf += bytes(-len(leaf) % 8) + struct.pack(f"<{len(ends)}H", *ends) + struct.pack(f"<{len(entries)}Q", *(number for _, number in entries))
    assert len(leaf) <= SIZE, "one leaf is not enough"
    return struct.pack("<4I3Q", 0x69F6C2E8, SIZE, 1, 0, SIZE, END, 2 * SIZE).ljust(SIZE, b"\0") + leaf.ljust(SIZE, b"\0")


for node in nodes:
    node.number = put(b"")
for node in nodes:
    data = folder(node) if node.folder else node.data
    count = -(-len(data) // SIZE)
    place = run(put(data), count) if count > 0 else bytes(8)
    stream = place + bytes(11 * 8) + struct.pack("<Q8xQ8xQQ", count * SIZE, 0, 0, len(data))
    inode = struct.pack("<I", 0x3BBE0AD9) + run(node.number) + struct.pack("<4IQQ", 0, 0, 0o40755 if node.folder else 0o100644, 1, tree.WHEN << 16, tree.WHEN << 16)
    inode += run(node.parent.number) + bytes(8) + struct.pack("<3I", 0, SIZE, 0) + stream
    image[node.number] = inode.ljust(SIZE, b"\0")

bits = bytearray(SIZE)
for block in range(used):
    bits[block // 8] |= 1 << block % 8
image[MAPPED] = bytes(bits)
head = struct.pack("<32s4IQQ", b"CLUTCH", 0x42465331, 0x42494745, SIZE, 10, COUNT, used)
head += struct.pack("<6I", SIZE, 0xDD121031, 1, 12, COUNT // GROUP, 0x434C454E) + run(LOG, LOGGED) + struct.pack("<QQI", LOG, LOG, 0x15B6830E) + run(root.number) + bytes(8)
image[0] = (bytes(512) + head).ljust(SIZE, b"\0")
with open(sys.argv[1], "wb") as file:
    file.write(b"".join(image))
