#!/usr/bin/env python3
"""An Acorn hard disc in E format with those files of a folder whose names it can hold: adfs.py IMAGE FOLDER.

Sectors of 1 KiB; one zone, whose map is a stream of fragments of bits, each of which stands for 512 bytes; the disc record in the map and in the boot
block at 0xC00. Written after fs/adfs of Linux 6.12; the judge is the kernel that mounts it.
"""
import struct
import sys

import tree

SIZE, UNIT, BITS, ID, SPARE = 1024, 512, 4096, 15, 32
# The map's two copies, the boot block and the root folder lie in fragment 2.
SHARED, ROOT = 2, 4
NAME = 10
# Hundredths of a second since 1900.
STAMP = (tree.WHEN + 2208988800) * 100

root = tree.load(sys.argv[2])
image = bytearray(BITS * UNIT)
fragments = [(SHARED, 16)]


def held(node):
    return [child for child in node.children if len(child.name) <= NAME]


def place(node, length):
    """Gives a node a fragment. @returns where it begins"""
    at = sum(bits for _, bits in fragments) * UNIT
    bits = max(ID + 1, -(-length // SIZE) * SIZE // UNIT)
    node.number = (len(fragments) + SHARED) << 8
    fragments.append((node.number >> 8, bits))
    return at


def check(data, last):
    """What a folder's bytes come to, up to its last entry and in its tail."""
    value = 0
    words = [struct.unpack_from("<I", data, at)[0] for at in range(0, last & ~3, 4)] + list(data[last & ~3 : last])
    for word in words + list(struct.unpack_from("<9I", data, 2008)):
        value = word ^ (value >> 13 | value << 19) & 0xFFFFFFFF
    return (value ^ value >> 8 ^ value >> 16 ^ value >> 24) & 0xFF


def folder(node, at):
    children = held(node)
    places = [(child, place(child, 2048 if child.folder else len(child.data))) for child in children]
    data = bytearray(b"\x01Nick")
    for child in children:
        # A name's dot is a slash here: dots part the names of a path. Folders and files can be read and written.
        name = child.name.replace(b".", b"/")
        length, attributes = (2048, 0x0B) if child.folder else (len(child.data), 0x23)
        data += struct.pack("<10sIII", name, 0xFFFFFF00 | STAMP >> 32, STAMP & 0xFFFFFFFF, length) + child.number.to_bytes(3, "little") + bytes([attributes])
    last = len(data)
    data = data.ljust(2007, b"\0") + bytes(3) + node.parent.number.to_bytes(3, "little") + struct.pack("<19s10sB4s", node.name or b"$", node.name or b"$", 1, b"Nick")
    image[at : at + 2048] = data + bytes([check(data, last)])
    for child, where in places:
        if child.folder:
            folder(child, where)
        else:
            image[where : where + len(child.data)] = child.data


root.number = SHARED << 8 | ROOT + 1
folder(root, ROOT * SIZE)

record = struct.pack("<10BHIIH10sI", 10, 16, 4, 0, ID, 9, 0, 0, 0, 1, SPARE, root.number, len(image), 0x1234, b"CLUTCH", 0).ljust(60, b"\0")
bits = bytearray(SIZE)
bits[4:64] = record
at = 512
for number, length in [*fragments, (0, BITS - sum(length for _, length in fragments))]:
    if number == 0:
        # From bit 8 it is this far to what is free.
        struct.pack_into("<H", bits, 1, 0x8000 | at - 8)
    for bit in range(ID):
        if number >> bit & 1:
            bits[(at + bit) // 8] |= 1 << (at + bit) % 8
    at += length
    bits[(at - 1) // 8] |= 1 << (at - 1) % 8
# All zones' fourth bytes together are 0xFF; the first byte is the sum of the others in four columns, with what each carries into the next.
bits[3] = 0xFF
columns = [0, 0, 0, 0]
for at in range(SIZE - 4, -4, -4):
    for column in range(4):
        carry = columns[column - 1] >> 8
        columns[column - 1] &= 0xFF
        columns[column] += (bits[at + column] if at + column > 0 else 0) + carry
bits[0] = (columns[0] ^ columns[1] ^ columns[2] ^ columns[3]) & 0xFF
image[0:SIZE] = image[SIZE : 2 * SIZE] = bits

boot = bytearray(512)
boot[0x1C0 : 0x1C0 + 60] = record
total = 0
for byte in reversed(boot[:511]):
    total = (total & 0xFF) + (total >> 8) + byte
boot[511] = total & 0xFF
image[0xC00:0xE00] = boot
with open(sys.argv[1], "wb") as file:
    file.write(image)
