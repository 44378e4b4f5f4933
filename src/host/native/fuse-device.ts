import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import type Koffi from 'koffi';

/**
 * The system calls that a FUSE mount needs and Node has no functions for. Linux only, on 64-bit machines. Those that answer a number answer as the kernel
 * does below the C library: the result, or the negative errno.
 */
export interface FuseDevice {
  /** read(2) of the whole array. */
  read(fd: number, into: Uint8Array): number;
  /** write(2) of the first `length` bytes. */
  write(fd: number, from: Uint8Array, length: number): number;
  /** poll(2) in this thread, for at most so many microseconds. */
  poll(list: PollList, microseconds: number): number;
  /** poll(2) without an end, in a thread of libuv's pool. The list must stay as it is until `done` is called. */
  pollLater(list: PollList, done: (result: number) => void): void;
  /** A descriptor that becomes readable when eight bytes, a number above zero, are written to it (eventfd(2)). */
  event(): number;
  /** Reads and writes answer EAGAIN from now on where they would wait. */
  dontWait(fd: number): number;
  /** mount(2). */
  mount(source: string, target: string, type: string, flags: number, options: string): number;
  /** A pair of connected Unix sockets, both closed in programs that are started. 'packets': each write is one read. */
  socketPair(kind?: 'stream' | 'packets'): readonly [number, number];
  /** The descriptor that came with a byte over a Unix socket (SCM_RIGHTS); doesn't wait. */
  receiveDescriptor(socket: number): number;
}

/** The array of `struct pollfd` that poll(2) takes: descriptor, events asked for and events told. */
export class PollList {
  readonly #bytes: DataView;
  readonly array: Uint8Array;
  readonly count: number;

  constructor(fds: readonly number[]) {
    this.count = fds.length;
    this.#bytes = new DataView(new ArrayBuffer(fds.length * 8));
    this.array = new Uint8Array(this.#bytes.buffer);
    for (const [i, fd] of fds.entries()) {
      this.#bytes.setInt32(i * 8, fd, true);
      this.#bytes.setInt16(i * 8 + 4, POLLIN, true);
    }
  }

  /** Whether there is anything to be read from the descriptor, be it an error. */
  ready(index: number): boolean {
    return this.#bytes.getInt16(index * 8 + 6, true) !== 0;
  }
}

// The kernel's ABI (include/uapi/asm-generic), the same on every 64-bit machine that Node runs on with Linux.
const POLLIN = 1;
const F_SETFL = 4;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const EFD_FLAGS = 0o2004000; // EFD_CLOEXEC, EFD_NONBLOCK
const AF_UNIX = 1;
const SOCK_STREAM_CLOEXEC = 0o2000001;
const SOCK_SEQPACKET_CLOEXEC = 0o2000005;
const MSG_DONTWAIT_CLOEXEC = 0x4000_0040;
const EINVAL = 22;
/** struct cmsghdr: length (64 bits), level and type (32 bits each), then the descriptor. */
const CMSG = { length: 0, level: 8, type: 12, descriptor: 16, size: 20 } as const;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

let loaded: { readonly calls: FuseDevice | undefined } | undefined;

/** The calls, or undefined where they can't be had: not Linux, or no koffi for this machine. */
export function fuseDevice(): FuseDevice | undefined {
  loaded ??= { calls: load() };
  return loaded.calls;
}

function load(): FuseDevice | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return bind(createRequire(import.meta.url)('koffi') as typeof Koffi);
  } catch {
    return undefined;
  }
}

function bind(koffi: typeof Koffi): FuseDevice {
  const library = koffi.load(null);
  type Call = ((...args: unknown[]) => number | bigint) & { async(...args: unknown[]): void };
  const declare = (definition: string) => library.func(definition) as unknown as Call;
  const read = declare('int64_t read(int fd, void *into, size_t length)');
  const write = declare('int64_t write(int fd, const void *from, size_t length)');
  const poll = declare('int poll(void *list, uint64_t count, int milliseconds)');
  const ppoll = declare('int ppoll(void *list, uint64_t count, const void *time, const void *signals)');
  const eventfd = declare('int eventfd(unsigned int value, int flags)');
  // Variadic in C; a number is passed the same way to both on every machine that Linux's Node runs on.
  const fcntl = declare('int fcntl(int fd, int command, int64_t value)');
  const mount = declare('int mount(const char *source, const char *target, const char *type, uint64_t flags, const char *options)');
  const socketpair = declare('int socketpair(int domain, int type, int protocol, void *pair)');
  const part = koffi.struct({ base: 'void *', length: 'size_t' });
  const message = koffi.struct({ name: 'void *', nameLength: 'uint32_t', parts: koffi.pointer(part), count: 'size_t', control: 'void *', controlLength: 'size_t', flags: 'int' });
  const recvmsg = library.func('recvmsg', 'int64_t', ['int', koffi.inout(koffi.pointer(message)), 'int']) as unknown as Call;

  const answer = (result: number | bigint): number => (result < 0 ? -koffi.errno() : Number(result));
  /** struct timespec: seconds and nanoseconds, of 64 bits each; poll's nanoseconds are fewer than 2^31. Not as BigInts: each would be garbage. */
  const time = new Int32Array(4);
  const nanoseconds = endianness() === 'LE' ? 2 : 3;
  return {
    read: (fd, into) => answer(read(fd, into, into.length)),
    write: (fd, from, length) => answer(write(fd, from, length)),
    poll(list, microseconds) {
      time[nanoseconds] = microseconds * 1000;
      return answer(ppoll(list.array, list.count, time, null));
    },
    pollLater(list, done) {
      const { array } = list;
      poll.async(array, list.count, -1, (error: Error | null, result: number) => {
        // The array is named here so that it lives as long as the kernel writes into it.
        done(error === null && array.length > 0 ? result : -EINVAL);
      });
    },
    event: () => answer(eventfd(0, EFD_FLAGS)),
    dontWait: (fd) => answer(fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK)),
    mount: (source, target, type, flags, options) => answer(mount(source, target, type, flags, options)),
    socketPair(kind = 'stream') {
      const pair = new Int32Array(2);
      if (socketpair(AF_UNIX, kind === 'packets' ? SOCK_SEQPACKET_CLOEXEC : SOCK_STREAM_CLOEXEC, 0, pair) < 0) throw new Error(`socketpair: errno ${koffi.errno()}`);
      return [pair[0]!, pair[1]!];
    },
    receiveDescriptor(socket) {
      const control = new DataView(new ArrayBuffer(64));
      const asked = { name: null, nameLength: 0, parts: [{ base: new Uint8Array(1), length: 1 }], count: 1, control: new Uint8Array(control.buffer), controlLength: 64, flags: 0 };
      const received = answer(recvmsg(socket, asked, MSG_DONTWAIT_CLOEXEC));
      if (received < 0) return received;
      // One byte with exactly one descriptor: nothing else is sent by fusermount3.
      if (received !== 1 || asked.controlLength < CMSG.size || control.getUint32(CMSG.level, true) !== SOL_SOCKET || control.getUint32(CMSG.type, true) !== SCM_RIGHTS) return -EINVAL;
      return control.getInt32(CMSG.descriptor, true);
    },
  };
}
