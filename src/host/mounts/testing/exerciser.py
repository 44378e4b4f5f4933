"""
Random input and output on one file in FOLDER, compared at each step with what it must be: in the manner of fsx, which tests the kernel's own filesystems.
Written by write, by a mapping, by truncation and by holes; read by read and by a mapping, through several descriptors at once.

    exerciser.py FOLDER [--ops N] [--seed N] [--size BYTES] [--keep]

Prints the number of operations, or the last ones and the first place that differs, with exit status 1.
"""
import argparse, ctypes, errno, mmap, os, random, sys

parser = argparse.ArgumentParser()
parser.add_argument('folder')
parser.add_argument('--ops', type=int, default=2000)
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--size', type=int, default=400_000)
parser.add_argument('--keep', action='store_true')
options = parser.parse_args()

rng = random.Random(options.seed)
path = os.path.join(options.folder, f'exercised-{options.seed}')
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
KEEP_SIZE, PUNCH_HOLE = 1, 2

model = bytearray()
log = []
fds = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)]
fds.append(os.open(path, os.O_RDWR))
done = {}


def fd():
    return rng.choice(fds)


def place(limit):
    """A byte, now and then at or beside the border of a page."""
    at = rng.randrange(limit + 1)
    return min(limit, max(0, at // 4096 * 4096 + rng.choice((-1, 0, 1)))) if rng.random() < 0.4 else at


def some(most=70_000):
    return rng.choice((1, 17, 511, 4096, rng.randrange(1, most)))


def expect(what, got, at, wanted):
    if got == wanted:
        return
    for line in log[-20:]:
        print(line)
    first = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    print(f'{what}: {len(got)} bytes instead of {len(wanted)}, the first difference at {at + first}: '
          f'{bytes(got[first:first + 16]).hex()} instead of {bytes(wanted[first:first + 16]).hex()}; seed {options.seed}, operation {len(log)}')
    sys.exit(1)


def put(at, data):
    if at > len(model):
        model.extend(bytes(at - len(model)))
    model[at:at + len(data)] = data


def write():
    at = place(options.size)
    data = rng.randbytes(min(some(), options.size + 1 - at) or 1)
    log.append(f'write {at} {len(data)}')
    if os.pwrite(fd(), data, at) != len(data):
        sys.exit('a write was short')
    put(at, data)


def append():
    if len(model) >= options.size:
        return
    data = rng.randbytes(some(5000))
    log.append(f'append {len(model)} {len(data)}')
    appending = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(appending, data)
    os.close(appending)
    put(len(model), data)


def read():
    at = place(max(len(model), 1))
    length = some()
    log.append(f'read {at} {length}')
    expect('read', os.pread(fd(), length, at), at, model[at:at + length])


def mapped(writes):
    if not model:
        return
    at = place(len(model) - 1)
    length = min(some(), len(model) - at)
    start = at // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    log.append(f'{"map-write" if writes else "map-read"} {at} {length}')
    with mmap.mmap(fd(), at - start + length, offset=start, access=mmap.ACCESS_WRITE if writes else mmap.ACCESS_READ) as view:
        if writes:
            data = rng.randbytes(length)
            view[at - start:at - start + length] = data
            if rng.random() < 0.5:
                view.flush()
            put(at, data)
        else:
            expect('mapping', view[at - start:at - start + length], at, model[at:at + length])


def truncate():
    size = place(options.size)
    log.append(f'truncate {size}')
    os.ftruncate(fd(), size)
    if size < len(model):
        del model[size:]
    else:
        model.extend(bytes(size - len(model)))


def fallocate(mode, name):
    at, length = place(options.size - 1), some()
    length = min(length, options.size - at)
    log.append(f'{name} {at} {length}')
    if libc.fallocate(fd(), mode, at, length) != 0:
        # Not every filesystem has it; that it does nothing then is seen by the next read.
        if ctypes.get_errno() in (errno.EOPNOTSUPP, errno.ENOSYS):
            log.append('not supported')
            return
        raise OSError(ctypes.get_errno(), name)
    if mode & PUNCH_HOLE:
        end = min(at + length, len(model))
        if at < end:
            model[at:end] = bytes(end - at)
    elif not mode & KEEP_SIZE and at + length > len(model):
        model.extend(bytes(at + length - len(model)))


def again():
    """Everything from the beginning, as another program would see it."""
    log.append('reopen')
    os.fsync(fds[0])
    for each in fds:
        os.close(each)
    fds[:] = [os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)]
    size = os.stat(path).st_size
    if size != len(model):
        expect('size', bytes(size), 0, model)
    with open(path, 'rb') as file:
        expect('whole', file.read(), 0, model)


STEPS = (
    [(write, ())] * 8 + [(read, ())] * 6 + [(mapped, (True,))] * 4 + [(mapped, (False,))] * 3 + [(truncate, ())] * 2 + [(append, ())] * 2
    + [(fallocate, (0, 'reserve')), (fallocate, (KEEP_SIZE, 'reserve, keep size')), (fallocate, (PUNCH_HOLE | KEEP_SIZE, 'punch')), (again, ())]
)

for _ in range(options.ops):
    step, arguments = rng.choice(STEPS)
    done[step.__name__] = done.get(step.__name__, 0) + 1
    step(*arguments)
again()
for each in fds:
    os.close(each)
if not options.keep:
    os.unlink(path)
print(f'{options.ops} operations: ' + ', '.join(f'{count} {name}' for name, count in sorted(done.items())))
