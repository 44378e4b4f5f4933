#!/usr/bin/env python3
"""An HFS+ volume without a journal and with the files of a folder: hfsplus.py IMAGE FOLDER.

Blocks and nodes of 4 KiB; the map of used blocks, the extents overflow file (empty) and the catalog, whose one leaf holds all records. Written after
Apple's Technical Note TN1150; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, COUNT, CATALOG, EXTENTS = 4096, 2048, 32, 4
# Seconds from 1904 to 1970.
WHEN = tree.WHEN + 2082844800
VOLUME, ROOT, FIRST = "CLUTCH", 2, 16

root = tree.load(sys.argv[2])
nodes = list(root.all())
root.number = ROOT
for number, node in enumerate(nodes[1:], FIRST):
    node.number = number
image = [bytes(SIZE)] * COUNT
# Block 0 has the volume header, the last one its copy.
used = 1


def put(data):
    global used
    at = used
    for block in tree.blocks(data, SIZE):
        image[used] = block
        used += 1
    return at


def fork(size, at):
    count = -(-size // SIZE)
    return struct.pack(">QII16I", size, SIZE, count, at if count else 0, count, *[0] * 14)


def text(name):
    return struct.pack(">H", len(name)) + name.encode("utf-16-be")


def key(parent, name):
    body = struct.pack(">I", parent) + text(name)
    return struct.pack(">H", len(body)) + body


def record(node, name):
    """A folder's or a file's record, and its thread: what a number's name and folder are."""
    common = struct.pack(">5I2IBBHI", WHEN, WHEN, WHEN, WHEN, 0, 0, 0, 0, 0, 0o40755 if node.folder else 0o100644, 1) + bytes(40)
    if node.folder:
        body = struct.pack(">HHII", 1, 0, len(node.children), node.number) + common
    else:
        body = struct.pack(">HHII", 2, 2, 0, node.number) + common + fork(len(node.data), put(node.data)) + fork(0, 0)
    parent = 1 if node is root else node.parent.number
    yield (parent, name), key(parent, name) + body
    yield (node.number, ""), key(node.number, "") + struct.pack(">HHI", 3 if node.folder else 4, 0, parent) + text(name)


def tree_node(kind, height, records):
    """A node of a B-tree: records from the front, where they begin from the back."""
    at = [14]
    for each in records:
        at.append(at[-1] + len(each))
    assert at[-1] + 2 * len(at) <= SIZE, "one leaf is not enough"
    body = struct.pack(">IIbBHH", 0, 0, kind, height, len(records), 0) + b"".join(records)
    return body.ljust(SIZE - 2 * len(at), b"\0") + struct.pack(f">{len(at)}H", *reversed(at))


def header(depth, count, total, longest, attributes):
    """A B-tree's first node. Node 1 is its leaf where there is one."""
    leaf = 1 if depth else 0
    body = struct.pack(">HIIIIHHIIHIBBI64x", depth, leaf, count, leaf, leaf, SIZE, longest, total, total - 1 - leaf, 0, SIZE, 0, 0, attributes)
    return tree_node(1, 0, [body, bytes(128), (b"\xc0" if leaf else b"\x80").ljust(SIZE - 14 - 106 - 128 - 8, b"\0")])


records = [each for node in nodes for each in record(node, VOLUME if node is root else node.name.decode())]
# Names are told apart without their case; these are ASCII.
records = [body for _, body in sorted(records, key=lambda each: (each[0][0], each[0][1].lower()))]
catalog = put((header(1, len(records), CATALOG, 516, 6) + tree_node(-1, 1, records)).ljust(CATALOG * SIZE, b"\0"))
extents = put(header(0, 0, EXTENTS, 10, 2).ljust(EXTENTS * SIZE, b"\0"))
bitmap = put(bytes(SIZE))
bits = bytearray(SIZE)
for block in (*range(used), COUNT - 1):
    bits[block // 8] |= 0x80 >> block % 8
image[bitmap] = bytes(bits)

files = sum(not node.folder for node in nodes)
# Unmounted; every block of the volume that is not used is free.
head = struct.pack(">HHI4sI4I", 0x482B, 4, 1 << 8, b"10.0", 0, WHEN, WHEN, 0, WHEN) + struct.pack(">II", files, len(nodes) - files - 1)
head += struct.pack(">4I4IQ32x", SIZE, COUNT, COUNT - used - 1, used, SIZE, SIZE, FIRST + len(nodes) - 1, 1, 1)
head += fork(COUNT // 8, bitmap)[:8] + fork(SIZE, bitmap)[8:] + fork(EXTENTS * SIZE, extents) + fork(CATALOG * SIZE, catalog) + fork(0, 0) * 2
assert len(head) == 512
image[0] = bytes(1024) + head + bytes(SIZE - 1536)
image[-1] = bytes(SIZE - 1024) + head + bytes(512)
with open(sys.argv[1], "wb") as file:
    file.write(b"".join(image))
