import { createRequire } from 'node:module';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type Koffi from 'koffi';
import { EINVAL, ENVIRONMENT, ERANGE, FspFuseEnv, FuseArgs, FuseConnInfo, FuseFileInfo, type FuseOperation, FuseOperations, FuseTimespec } from './layout.ts';
import type { Question, Reply, ThreadData, Told } from './messages.ts';

/**
 * The program of the thread that WinFsp calls. It has the library and its structures in memory, and knows nothing of trees: each callback becomes a
 * question to the thread that started it, and waits for the answer. WinFsp calls from threads of its own; koffi brings the calls here one after another.
 */
const { library, at, options, want, runtime, port, answered } = workerData as ThreadData;
const signal = new Int32Array(answered);
let seen = 0;

const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;

/** Most that is taken from one write, in bytes: as long as any buffer of the driver. */
const MOST_WRITE = 16 << 20;

/** Bytes of an attribute's value at most (EAs of Windows have 64 KiB). */
const MOST_XATTR = 1 << 16;

function ask(question: Question): Reply {
  port.postMessage(question);
  Atomics.wait(signal, 0, seen);
  seen = Atomics.load(signal, 0);
  return (receiveMessageOnPort(port)!.message) as Reply;
}

function tell(told: Told): void {
  parentPort!.postMessage(told, []);
}

const c = koffi.load(runtime ?? (process.platform === 'win32' ? 'ucrtbase.dll' : null));
const malloc = c.func('void *malloc(size_t size)') as (size: number) => bigint;
const copyOut = c.func('void *memcpy(void *to, const void *from, size_t length)') as (to: bigint, from: Uint8Array, length: number) => void;
const copyIn = c.func('memcpy', 'void *', ['void *', 'void *', 'size_t']) as (to: Uint8Array, from: bigint, length: number) => void;

/** Memory that stays as long as the process: what the library was given may be read by it at any time. */
function lasting(bytes: Uint8Array): bigint {
  const pointer = malloc(bytes.length);
  copyOut(pointer, bytes, bytes.length);
  return pointer;
}

function text(value: string): bigint {
  return lasting(Buffer.from(`${value}\0`, 'utf8'));
}

function bytesAt(pointer: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  copyIn(bytes, pointer, length);
  return bytes;
}

/** A structure's bytes into the caller's memory. */
function fill(pointer: bigint, { status, bytes }: Reply): number {
  if (status === 0) copyOut(pointer, bytes!, bytes!.length);
  return status;
}

/** A value that is asked for with the room for it; without room, its length is. */
function give(pointer: bigint, room: number, { status, bytes }: Reply): number {
  if (status < 0 || room === 0) return status;
  if (bytes!.length > room) return -ERANGE;
  if (bytes!.length > 0) copyOut(pointer, bytes!, bytes!.length);
  return bytes!.length;
}

const handleOf = (info: bigint): number => Number(FuseFileInfo.at(bytesAt(info, FuseFileInfo.size)).fh);

/** What is opened has its number in the caller's structure from then on. */
function opened(info: bigint, { status, handle }: Reply): number {
  if (status !== 0) return status;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(handle!), true);
  copyOut(info + BigInt(FuseFileInfo.fields.fh.offset), bytes, bytes.length);
  return 0;
}

const Filler = koffi.proto('int clutch_fill_dir(void *buffer, const char *name, const void *stat, int64_t offset)');

function readdir(path: string, buffer: bigint, filler: bigint): number {
  const add = (name: string): boolean => koffi.call(filler, Filler, buffer, name, null, 0) === 0;
  if (!add('.') || !add('..')) return 0;
  for (let reply = ask({ op: 'readdir', path }); ; reply = ask({ op: 'more', handle: reply.handle! })) {
    if (reply.names === undefined) return reply.status;
    for (const name of reply.names) {
      if (add(name)) continue;
      // Its buffer is full, which it tells its own caller itself.
      ask({ op: 'enough', handle: reply.handle! });
      return 0;
    }
  }
}

function init(connection: bigint): null {
  const bytes = bytesAt(connection, FuseConnInfo.size);
  const info = FuseConnInfo.at(bytes);
  info.want = (info.want | (want & info.capable)) >>> 0;
  copyOut(connection, bytes, bytes.length);
  tell({ told: 'ready' });
  return null;
}

type Int = number | bigint;

/** The callbacks as C declares them, and what each does. Those that are left out WinFsp does without. */
const CALLBACKS: { readonly [O in FuseOperation]?: readonly [declaration: string, run: (...args: never[]) => number | null] } = {
  getattr: ['int getattr(const char *path, void *stat)', (path: string, stat: bigint) => fill(stat, ask({ op: 'getattr', path, handle: 0 }))],
  fgetattr: ['int fgetattr(const char *path, void *stat, void *info)', (path: string, stat: bigint, info: bigint) => fill(stat, ask({ op: 'getattr', path, handle: handleOf(info) }))],
  readlink: ['int readlink(const char *path, void *buffer, size_t size)', (path: string, buffer: bigint, size: Int) => {
    const { status, bytes } = ask({ op: 'readlink', path });
    if (status !== 0 || Number(size) === 0) return status;
    const target = bytes!.subarray(0, Number(size) - 1);
    copyOut(buffer, Buffer.concat([target, Buffer.alloc(1)]), target.length + 1);
    return 0;
  }],
  mknod: ['int mknod(const char *path, uint32_t mode, uint32_t device)', (path: string, mode: number, device: number) => ask({ op: 'mknod', path, mode, device }).status],
  mkdir: ['int mkdir(const char *path, uint32_t mode)', (path: string, mode: number) => ask({ op: 'mkdir', path, mode }).status],
  unlink: ['int unlink(const char *path)', (path: string) => ask({ op: 'unlink', path }).status],
  rmdir: ['int rmdir(const char *path)', (path: string) => ask({ op: 'rmdir', path }).status],
  symlink: ['int symlink(const char *target, const char *path)', (to: string, path: string) => ask({ op: 'symlink', path, to }).status],
  rename: ['int rename(const char *from, const char *to)', (path: string, to: string) => ask({ op: 'rename', path, to }).status],
  chmod: ['int chmod(const char *path, uint32_t mode)', (path: string, mode: number) => ask({ op: 'chmod', path, mode }).status],
  truncate: ['int truncate(const char *path, int64_t size)', (path: string, size: Int) => ask({ op: 'truncate', path, size: Number(size), handle: 0 }).status],
  ftruncate: ['int ftruncate(const char *path, int64_t size, void *info)', (path: string, size: Int, info: bigint) => ask({ op: 'truncate', path, size: Number(size), handle: handleOf(info) }).status],
  utimens: ['int utimens(const char *path, const void *times)', (path: string, times: bigint | null) =>
    ask({ op: 'utimens', path, times: times === null ? undefined : bytesAt(times, 2 * FuseTimespec.size) }).status],
  open: ['int open(const char *path, void *info)', (path: string, info: bigint) => opened(info, ask({ op: 'open', path, flags: FuseFileInfo.at(bytesAt(info, FuseFileInfo.size)).flags }))],
  create: ['int create(const char *path, uint32_t mode, void *info)', (path: string, mode: number, info: bigint) => opened(info, ask({ op: 'create', path, mode }))],
  read: ['int read(const char *path, void *buffer, size_t size, int64_t offset, void *info)', (_: string, buffer: bigint, size: Int, offset: Int, info: bigint) =>
    give(buffer, Number(size), ask({ op: 'read', handle: handleOf(info), at: Number(offset), length: Number(size) }))],
  write: ['int write(const char *path, const void *buffer, size_t size, int64_t offset, void *info)', (_: string, buffer: bigint, size: Int, offset: Int, info: bigint) =>
    ask({ op: 'write', handle: handleOf(info), at: Number(offset), data: bytesAt(buffer, Math.min(Number(size), MOST_WRITE)) }).status],
  release: ['int release(const char *path, void *info)', (_: string, info: bigint) => ask({ op: 'release', handle: handleOf(info) }).status],
  fsync: ['int fsync(const char *path, int data, void *info)', (_: string, _data: number, info: bigint) => ask({ op: 'fsync', handle: handleOf(info) }).status],
  fsyncdir: ['int fsyncdir(const char *path, int data, void *info)', () => ask({ op: 'fsync', handle: 0 }).status],
  statfs: ['int statfs(const char *path, void *stat)', (_: string, stat: bigint) => fill(stat, ask({ op: 'statfs' }))],
  setxattr: ['int setxattr(const char *path, const char *name, const void *value, size_t size, int flags)', (path: string, name: string, value: bigint | null, size: Int, flags: number) =>
    (Number(size) > MOST_XATTR ? -ERANGE : ask({ op: 'setxattr', path, name, value: value === null ? new Uint8Array(0) : bytesAt(value, Number(size)), flags }).status)],
  getxattr: ['int getxattr(const char *path, const char *name, void *value, size_t size)', (path: string, name: string, value: bigint, size: Int) => give(value, Number(size), ask({ op: 'getxattr', path, name }))],
  listxattr: ['int listxattr(const char *path, void *names, size_t size)', (path: string, names: bigint, size: Int) => give(names, Number(size), ask({ op: 'listxattr', path }))],
  removexattr: ['int removexattr(const char *path, const char *name)', (path: string, name: string) => ask({ op: 'removexattr', path, name }).status],
  readdir: ['int readdir(const char *path, void *buffer, void *filler, int64_t offset, void *info)', (path: string, buffer: bigint, filler: bigint) => readdir(path, buffer, filler)],
  init: ['void *init(void *connection)', init],
};

/** A callback that fails in itself answers with an error: C has no exceptions. */
function guarded(run: (...args: never[]) => number | null): (...args: never[]) => number | null {
  return (...args) => {
    try {
      return run(...args);
    } catch {
      return -EINVAL;
    }
  };
}

function operationsTable(): bigint {
  const bytes = new Uint8Array(FuseOperations.size);
  const table = FuseOperations.at(bytes);
  for (const [name, [declaration, run]] of Object.entries(CALLBACKS) as [FuseOperation, NonNullable<(typeof CALLBACKS)[FuseOperation]>][]) {
    table[name] = koffi.register(guarded(run), koffi.pointer(koffi.proto(declaration.replace(name, `clutch_${name}`))));
  }
  return lasting(bytes);
}

function environment(): bigint {
  const bytes = new Uint8Array(FspFuseEnv.size);
  const env = FspFuseEnv.at(bytes);
  env.environment = ENVIRONMENT;
  env.memalloc = koffi.address(c.symbol('malloc'));
  env.memfree = koffi.address(c.symbol('free'));
  return lasting(bytes);
}

function argumentsOf(words: readonly string[]): bigint {
  const pointers = new Uint8Array((words.length + 1) * 8);
  words.forEach((word, i) => { new DataView(pointers.buffer).setBigUint64(i * 8, text(word), true); });
  const bytes = new Uint8Array(FuseArgs.size);
  const args = FuseArgs.at(bytes);
  args.argc = words.length;
  args.argv = lasting(pointers);
  return lasting(bytes);
}

function serve(): void {
  const fsp = koffi.load(library);
  const mount = fsp.func('void *fsp_fuse_mount(void *env, const char *mountpoint, void *args)');
  const unmount = fsp.func('void fsp_fuse_unmount(void *env, const char *mountpoint, void *channel)');
  const create = fsp.func('void *fsp_fuse_new(void *env, void *channel, void *args, void *operations, size_t size, void *data)');
  const destroy = fsp.func('void fsp_fuse_destroy(void *env, void *fuse)');
  const loop = fsp.func('int fsp_fuse_loop_mt(void *env, void *fuse)');
  const exit = fsp.func('void fsp_fuse_exit(void *env, void *fuse)');

  const env = environment();
  const args = argumentsOf(['clutch', ...options]);
  const channel = mount(env, at, args) as bigint | null;
  if (channel === null) throw new Error(`WinFsp does not take ${at}`);
  const fuse = create(env, channel, args, operationsTable(), FuseOperations.size, null) as bigint | null;
  if (fuse === null) {
    unmount(env, at, channel);
    throw new Error('WinFsp does not take its options');
  }
  parentPort!.on('message', () => { exit(env, fuse); });
  loop.async(env, fuse, (error: Error | null, status: number) => {
    destroy(env, fuse);
    unmount(env, at, channel);
    tell(error ? { told: 'failed', message: error.message } : { told: 'ended', status });
    parentPort!.close();
    port.close();
  });
}

try {
  serve();
} catch (error) {
  tell({ told: 'failed', message: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
  port.close();
}
