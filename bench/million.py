#!/usr/bin/env python3
"""Fills DEST with 1,000 folders of 1,000 files each, every tenth with 1 to 4,000 bytes and the rest empty. Deterministic."""
import os
import random
import sys

T = 1700000000
dest = sys.argv[1].encode()
folders, files = 1000, 1000
rnd = random.Random(20261122)
pool = rnd.randbytes(1 << 20)
for d in range(folders):
    folder = dest + b"/d%03d" % d
    os.mkdir(folder)
    at = os.open(folder, os.O_RDONLY)
    for f in range(files):
        fd = os.open(b"file-%06d.txt" % (d * files + f), os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=at)
        if f % 10 == 0:
            start = rnd.randrange(0, len(pool) - 4000)
            os.write(fd, pool[start:start + rnd.randint(1, 4000)])
        os.utime(fd, (T, T))
        os.close(fd)
    os.utime(at, (T, T))
    os.close(at)
