#!/usr/bin/env python3
"""An HPFS volume of OS/2 with the files of a folder: hpfs.py IMAGE FOLDER.

Sectors of 512 bytes; an fnode for each file and folder, a folder's entries in a dnode of four sectors in the band of folders. Written after
fs/hpfs/hpfs.h of Linux 6.12; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, COUNT = 512, 16384
# Four sectors each: the map of used sectors, the list of such maps, bad blocks, hotfixes, the map of the band; eight: users.
MAP, MAPS, BAD, HOTFIX, BANDMAP, USERS, BAND, DNODES = 20, 24, 28, 32, 36, 40, 64, 256

root = tree.load(sys.argv[2])
nodes = list(root.all())
image = bytearray(COUNT * SIZE)
used = BAND + 4 * DNODES
dnodes = 0


def put(sector, data):
    image[sector * SIZE : sector * SIZE + len(data)] = data


def take(count):
    global used
    used += count
    return used - count


def fnode(node, size, extents, folder):
    name = node.name[:15]
    head = struct.pack("<III", 0xF7E40AAE, 0, 0) + struct.pack("<B15sI", len(node.name), name, node.parent.number) + bytes(12) + struct.pack("<IIHBB", 0, 0, 0, 0, folder)
    runs = b"".join(struct.pack("<III", *extent) for extent in extents)
    # Bytes from the head of the tree to the first unused run; where extended attributes begin.
    return head + struct.pack("<4xBBH", 8 - len(extents), len(extents), 8 + len(runs)) + runs.ljust(96, b"\0") + struct.pack("<II16xHH8x", size, 0, 0xC4, 0)


def entry(flags, attributes, number, size, name):
    length = (31 + len(name) + 3) // 4 * 4
    data = struct.pack("<HBBIIIIIIBBB", length, flags, attributes, number, tree.WHEN, size, tree.WHEN, tree.WHEN, 0, 0, 0, len(name)) + name
    return data.ljust(length, b"\0")


for node in nodes:
    node.number = take(1)
for node in nodes:
    if node.folder:
        dnode = BAND + 4 * dnodes
        dnodes += 1
        # The folder itself comes first, and an entry that is greater than all names last.
        entries = entry(1, 0x10, node.number, 0, b"\1\1")
        entries += b"".join(entry(0, 0x10 if child.folder else 0x20, child.number, len(child.data), child.name) for child in sorted(node.children, key=lambda each: each.name.upper()))
        entries += entry(8, 0, 0, 0, b"\xff")
        assert len(entries) <= 2028, "one dnode is not enough"
        put(dnode, struct.pack("<IIB3xII", 0x77E40AAE, 20 + len(entries), 1, node.number, dnode) + entries)
        put(node.number, fnode(node, 0, [(0, 4, dnode)], 1))
    else:
        count = -(-len(node.data) // SIZE)
        at = take(count)
        put(at, node.data)
        put(node.number, fnode(node, len(node.data), [(0, count, at)] if count else [], 0))


def free(first, count):
    """A map of four sectors in which these bits say that something is free."""
    bits = bytearray(4 * SIZE)
    for bit in range(first, count):
        bits[bit // 8] |= 1 << bit % 8
    return bits


put(MAP, free(used, COUNT))
put(MAPS, struct.pack("<I", MAP))
put(BANDMAP, free(dnodes, DNODES))
boot = b"\xeb\x3c\x90OS2 20.0" + struct.pack("<HBHBHHBHHHIIBBB4s11s8s", SIZE, 1, 1, 0, 0, 0, 0xF8, 0, 63, 16, 0, COUNT, 0x80, 0, 0x28, b"CLUT", b"CLUTCH     ", b"HPFS    ")
put(0, boot.ljust(510, b"\0") + b"\x55\xaa")
put(16, struct.pack("<IIBBHIIIIIIIIIIIII32sI", 0xF995E849, 0xFA53E9C5, 2, 2, 0, root.number, COUNT, 0, MAPS, 0, BAD, 0, tree.WHEN, 0, 4 * DNODES, BAND, BAND + 4 * DNODES - 1, BANDMAP, b"CLUTCH", USERS))
put(17, struct.pack("<II4B8I", 0xF9911849, 0xFA5229C5, 0, 0, 0, 0, HOTFIX, 0, 0, 0, 0, 0, 0, 0))
with open(sys.argv[1], "wb") as file:
    file.write(image)
