#!/usr/bin/env python3
"""The HFS+ partition of an Apple disk image that is packed with zlib: udif.py IMAGE DMG.

The trailer of 512 bytes says where the property list is; there each partition has a table of its blocks, packed, plain or empty.
"""
import plistlib
import struct
import sys
import zlib

ZERO, RAW, IGNORE, PACKED, COMMENT, END = 0, 1, 2, 0x80000005, 0x7FFFFFFE, 0xFFFFFFFF

with open(sys.argv[2], "rb") as file:
    disk = file.read()
trailer = disk[-512:]
assert trailer[:4] == b"koly"
at, length = struct.unpack_from(">QQ", trailer, 216)
tables = plistlib.loads(disk[at : at + length])["resource-fork"]["blkx"]
table = next(each["Data"] for each in tables if "Apple_HFS" in each["Name"])
begin = struct.unpack_from(">Q", trailer, 24)[0] + struct.unpack_from(">Q", table, 24)[0]
with open(sys.argv[1], "wb") as image:
    for i in range(struct.unpack_from(">I", table, 200)[0]):
        kind, _, first, count, where, size = struct.unpack_from(">IIQQQQ", table, 204 + 40 * i)
        piece = disk[begin + where : begin + where + size]
        image.seek(first * 512)
        if kind in (RAW, PACKED):
            image.write(piece if kind == RAW else zlib.decompress(piece))
        else:
            assert kind in (ZERO, IGNORE, COMMENT, END), f"a block of kind {kind:x}"
            image.truncate(max(image.tell(), (first + count) * 512))
