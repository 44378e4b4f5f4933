"""
A folder as a filesystem of nodes, for mounted-folder.ts: reads a request a line (JSON) and answers each with a line. Nodes are inode numbers, held by
descriptors that open nothing (O_PATH), so that one is the same after a rename, and under each of its names. Names are Python's own lossless strings, bytes
are in base64. What Linux has a call for is done by that call alone.
"""
import base64
import ctypes
import errno
import json
import os
import resource
import stat
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
os.umask(0)

paths = {}  # inode number -> descriptor (O_PATH)
seen = {}  # inode number -> (directory's inode number, name), of what was listed alone
held = {}  # inode number -> descriptors
TYPES = {stat.S_IFREG: 'file', stat.S_IFDIR: 'dir', stat.S_IFLNK: 'symlink', stat.S_IFCHR: 'char', stat.S_IFBLK: 'block', stat.S_IFIFO: 'fifo', stat.S_IFSOCK: 'socket'}
DTYPES = {8: 'file', 4: 'dir', 10: 'symlink', 2: 'char', 6: 'block', 1: 'fifo', 12: 'socket'}
OMIT = (1 << 30) - 2
BATCH = 40


def call(name, *arguments):
    result = getattr(libc, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def learn(dir, name):
    """The node under a name, from now on held."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=path_fd(dir))
    node = os.fstat(fd).st_ino
    # What had the number before may be gone, and its descriptor stand for nothing.
    if node in paths:
        os.close(paths[node])
    paths[node] = fd
    return node


def path_fd(node):
    if node not in paths:
        if node not in seen:
            raise OSError(errno.ESTALE, 'node')
        learn(*seen[node])
    return paths[node]


def at(node):
    return f'/proc/self/fd/{path_fd(node)}'


def opened(node, flags):
    if stat.S_ISLNK(os.fstat(path_fd(node)).st_mode):
        raise OSError(errno.EINVAL, 'symlink')
    return os.open(at(node), flags | os.O_NONBLOCK)


def utimes(node, atime, mtime):
    moments = b''.join(struct.pack('qq', 0, OMIT) if time is None else struct.pack('qq', *divmod(int(time), 10**9)) for time in (atime, mtime))
    link = stat.S_ISLNK(os.fstat(path_fd(node)).st_mode)
    call('utimensat', path_fd(node) if link else -100, b'' if link else at(node).encode(), moments, 0x1000 if link else 0)


def change(node, changes):
    before = os.fstat(path_fd(node))
    if 'uid' in changes or 'gid' in changes:
        os.chown(at(node), changes.get('uid', -1), changes.get('gid', -1))
    # A change of the owner takes set-user-ID away; what was not named stays as it was.
    mode = changes.get('mode', stat.S_IMODE(before.st_mode))
    if not stat.S_ISLNK(before.st_mode) and stat.S_IMODE(os.fstat(path_fd(node)).st_mode) != mode:
        os.chmod(at(node), mode)
    if 'atime' in changes or 'mtime' in changes:
        utimes(node, changes.get('atime'), changes.get('mtime'))


def new(dir, name, given):
    node = learn(dir, name)
    change(node, {'uid': 0, 'gid': 0, **given} if os.geteuid() == 0 else given)
    return node


class Operations:
    def root(self, path):
        paths[os.lstat(path).st_ino] = os.open(path, os.O_PATH | os.O_DIRECTORY)
        told = os.statvfs(path)
        return {'root': os.lstat(path).st_ino, 'size': told.f_blocks * told.f_frsize, 'free': told.f_bfree * told.f_frsize, 'blockSize': told.f_bsize}

    def lookup(self, dir, name):
        if not stat.S_ISDIR(os.fstat(path_fd(dir)).st_mode):
            raise OSError(errno.ENOTDIR, 'lookup')
        try:
            return learn(dir, name)
        except FileNotFoundError:
            return None

    def stat(self, node):
        told = os.stat(at(node)) if not stat.S_ISLNK(os.fstat(path_fd(node)).st_mode) else os.fstat(path_fd(node))
        return {
            'type': TYPES[stat.S_IFMT(told.st_mode)], 'mode': stat.S_IMODE(told.st_mode), 'uid': told.st_uid, 'gid': told.st_gid, 'size': told.st_size,
            'nlink': told.st_nlink, 'mtime': str(told.st_mtime_ns), 'atime': str(told.st_atime_ns), 'ctime': str(told.st_ctime_ns),
            'allocated': told.st_blocks * 512, 'major': os.major(told.st_rdev), 'minor': os.minor(told.st_rdev),
        }

    def list(self, dir, cursor):
        # As many entries each time: where the kernel's own answers end depends on what it asked for.
        fd = os.open(at(dir), os.O_RDONLY | os.O_DIRECTORY)
        entries, offset = [], int(cursor)
        buffer = ctypes.create_string_buffer(4096)
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            while True:
                length = call('getdents64', fd, buffer, len(buffer))
                if length == 0:
                    return {'entries': entries, 'next': None}
                place = 0
                while place < length:
                    node, offset, size, kind = struct.unpack_from('=QqHB', buffer.raw, place)
                    name = os.fsdecode(buffer.raw[place + 19:place + size].split(b'\0')[0])
                    place += size
                    if name in ('.', '..'):
                        continue
                    seen[node] = (dir, name)
                    entries.append({'name': name, 'node': node, 'type': DTYPES.get(kind)})
                    if len(entries) == BATCH:
                        return {'entries': entries, 'next': str(offset)}
        finally:
            os.close(fd)

    def read(self, node, place, length):
        fd = opened(node, os.O_RDONLY)
        try:
            data = bytearray()
            while len(data) < length:
                part = os.pread(fd, length - len(data), place + len(data))
                if not part:
                    # An empty read of a directory is refused by read(2) itself only where something is asked for.
                    break
                data += part
            return base64.b64encode(data).decode()
        finally:
            os.close(fd)

    def readlink(self, node):
        if not stat.S_ISLNK(os.fstat(path_fd(node)).st_mode):
            raise OSError(errno.EINVAL, 'readlink')
        return os.readlink('', dir_fd=path_fd(node))

    def xattrs(self, node):
        return os.listxattr(at(node))

    def xattr(self, node, name):
        try:
            return base64.b64encode(os.getxattr(at(node), name)).decode()
        except OSError as error:
            if error.errno == errno.ENODATA:
                return None
            raise

    def create(self, dir, name, given):
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, given['mode'], dir_fd=path_fd(dir)))
        return new(dir, name, given)

    def mkdir(self, dir, name, given):
        os.mkdir(name, given['mode'], dir_fd=path_fd(dir))
        return new(dir, name, given)

    def symlink(self, dir, name, target, given):
        os.symlink(target, name, dir_fd=path_fd(dir))
        return new(dir, name, given)

    def mknod(self, dir, name, type, given, major, minor):
        kind = next(bits for bits, each in TYPES.items() if each == type)
        os.mknod(name, kind | given['mode'], os.makedev(major, minor), dir_fd=path_fd(dir))
        return new(dir, name, given)

    def link(self, dir, name, node):
        os.link(at(node), name, dst_dir_fd=path_fd(dir), follow_symlinks=True)

    def unlink(self, dir, name):
        os.unlink(name, dir_fd=path_fd(dir))

    def rmdir(self, dir, name):
        os.rmdir(name, dir_fd=path_fd(dir))

    def rename(self, from_dir, from_name, to_dir, to_name, mode):
        call('renameat2', path_fd(from_dir), os.fsencode(from_name), path_fd(to_dir), os.fsencode(to_name), {'replace': 0, 'keep': 1, 'exchange': 2}[mode])

    def write(self, node, place, data):
        fd = opened(node, os.O_WRONLY)
        try:
            return os.pwrite(fd, base64.b64decode(data), place)
        finally:
            os.close(fd)

    def truncate(self, node, size):
        os.truncate(at(node), size)

    def allocate(self, node, place, length, how):
        fd = opened(node, os.O_WRONLY)
        try:
            call('fallocate', fd, 3 if how == 'punch' else 0, ctypes.c_int64(place), ctypes.c_int64(length))
        finally:
            os.close(fd)

    def change(self, node, changes):
        change(node, changes)

    def set_xattr(self, node, name, value, flags):
        os.setxattr(at(node), name, base64.b64decode(value), flags)

    def remove_xattr(self, node, name):
        os.removexattr(at(node), name)

    def hold(self, node):
        directory = stat.S_ISDIR(os.fstat(path_fd(node)).st_mode)
        held.setdefault(node, []).append(opened(node, os.O_RDONLY if directory else os.O_RDWR))

    def release(self, node):
        os.close(held[node].pop())

    def sync(self):
        fd = opened(next(iter(paths)), os.O_RDONLY)
        try:
            call('syncfs', fd)
        finally:
            os.close(fd)


operations = Operations()
for line in sys.stdin:
    number, name, arguments = json.loads(line)
    try:
        said = {'answer': getattr(operations, name)(*arguments)}
    except OSError as error:
        said = {'errno': errno.errorcode.get(error.errno, 'EIO'), 'message': str(error)}
    except Exception as error:
        said = {'errno': 'EIO', 'message': repr(error)}
    sys.stdout.write(json.dumps([number, said]) + '\n')
    sys.stdout.flush()
