#!/usr/bin/env python3
"""Copies the superblock of a UFS2 image of makefs to where Linux looks for it: ufs2.py IMAGE.

Debian's makefs leaves it at 8 KiB, where BSD looks second (SBLOCKSEARCH of sys/ufs/ffs/fs.h); Linux looks at 64 KiB alone (SBLOCK_UFS2 of
fs/ufs/ufs_fs.h). There must be inodes that nothing uses: the image is made with a table of inodes that reaches beyond (-f 300).
"""
import struct
import sys

OLD, NEW, SIZE, MAGIC, LOCATION = 8 << 10, 64 << 10, 8 << 10, 0x55C, 1000

with open(sys.argv[1], "r+b") as file:
    file.seek(OLD)
    block = bytearray(file.read(SIZE))
    order = "<" if block[MAGIC : MAGIC + 4] == bytes.fromhex("19015419") else ">"
    assert struct.unpack_from(order + "I", block, MAGIC) == (0x19540119,), "no UFS2 of makefs"
    tables = struct.unpack_from(order + "2i", block, 16)
    size = struct.unpack_from(order + "i", block, 52)[0]
    assert tables[0] * size + 32 * 256 < NEW and NEW + SIZE <= tables[1] * size, "64 KiB is not in the table of inodes"
    struct.pack_into(order + "q", block, LOCATION, NEW)
    file.seek(NEW)
    file.write(block)
    file.seek(OLD)
    file.write(bytes(SIZE))
