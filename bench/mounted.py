"""What other programs do with a mounted volume. mounted.py WHAT FOLDER [TREE]: prints the seconds that it took, and how much it was."""
import os, random, subprocess, sys, time

what, folder, *rest = sys.argv[1:]
MIB = 1 << 20


def files(below):
    for at, _, names in os.walk(below):
        for name in names:
            path = os.path.join(at, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield path


def largest():
    return max(files(folder), key=os.path.getsize)


def read():
    path = largest()
    size = min(os.path.getsize(path), 512 * MIB)
    begin = time.perf_counter()
    done = 0
    with open(path, 'rb', buffering=0) as file:
        while done < size:
            piece = file.read(MIB)
            if not piece:
                break
            done += len(piece)
    return time.perf_counter() - begin, done / MIB


def random_reads():
    """8,000 reads of 4 KiB, each at another place."""
    path = largest()
    blocks = os.path.getsize(path) // 4096
    places = random.Random(1).sample(range(blocks), min(8000, blocks))
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    begin = time.perf_counter()
    for place in places:
        if len(os.pread(fd, 4096, place * 4096)) != 4096:
            raise OSError('a read was short')
    took = time.perf_counter() - begin
    os.close(fd)
    return took, len(places)


def stat():
    """The first 20,000 files found, each asked for by its path; listing them is no part of the time."""
    paths = []
    for at, _, names in os.walk(folder):
        paths += [os.path.join(at, name) for name in names]
        if len(paths) >= 20_000:
            break
    paths = paths[:20_000]
    # What listing has told the kernel is forgotten, as far as it may be.
    if os.geteuid() == 0:
        with open('/proc/sys/vm/drop_caches', 'w') as caches:
            caches.write('2')
    begin = time.perf_counter()
    for path in paths:
        os.lstat(path)
    return time.perf_counter() - begin, len(paths)


def tar():
    """To a pipe: GNU tar reads nothing when it writes to /dev/null."""
    begin = time.perf_counter()
    subprocess.run(['sh', '-c', 'tar -C "$1" -cf - . | cat >/dev/null', 'sh', folder], check=True)
    return time.perf_counter() - begin, 1


def write():
    """One file of 512 MiB, durable at the end."""
    piece = os.urandom(MIB)
    begin = time.perf_counter()
    with open(os.path.join(folder, 'written'), 'wb', buffering=0) as file:
        for _ in range(512):
            file.write(piece)
        os.fsync(file.fileno())
    return time.perf_counter() - begin, 512


def copy():
    begin = time.perf_counter()
    subprocess.run(['cp', '-a', rest[0] + '/.', os.path.join(folder, 'copied')], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin, 1


took, amount = {'read': read, 'random': random_reads, 'stat': stat, 'tar': tar, 'write': write, 'copy': copy}[what]()
print(took, amount)
