import { type BlockDevice, readBytes } from '../../../engines/core/bytes/device.ts';
import { type ByteChannel, channelPair } from '../../../engines/core/channel.ts';
import { DiskError, usage } from '../../../engines/core/errors.ts';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { dir, file, type MemoryNode } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import type { GuestEnd, GuestLogLine, GuestMachine, LaunchOptions } from '../machine.ts';
import type { Guest, GuestFilesystem } from '../manifest.ts';
import type { GuestSupport } from '../support.ts';

/** Where the fake filesystem's tree lies on its disk: behind XFS's magic, as JSON with its length before it. */
const AT = 512;

/** A disk whose magic is XFS's and whose tree a fake guest reads and writes: a whole "filesystem" that needs no kernel. */
export function fakeDisk(tree: Readonly<Record<string, string>> = {}, size = 1 << 20): Uint8Array {
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode('XFSB'));
  bytes[48] = 1; // Where its log begins, which is in it therefore.
  bytes.set(new TextEncoder().encode('fakevolume'), 108);
  store(tree, (at, from) => bytes.set(from, at));
  return bytes;
}

/** The tree that lies on such a disk: contents by path. */
export function treeOf(read: (at: number, into: Uint8Array) => void): Record<string, string> {
  const length = new Uint8Array(4);
  read(AT, length);
  const text = new Uint8Array(new DataView(length.buffer).getUint32(0));
  read(AT + 4, text);
  return JSON.parse(new TextDecoder().decode(text)) as Record<string, string>;
}

function store(tree: Readonly<Record<string, string>>, write: (at: number, from: Uint8Array) => void): void {
  const text = new TextEncoder().encode(JSON.stringify(tree));
  const bytes = new Uint8Array(4 + text.length);
  new DataView(bytes.buffer).setUint32(0, text.length);
  bytes.set(text, 4);
  write(AT, bytes);
}

/** What a fake guest does wrong, and what it was asked. */
export interface FakeGuests extends GuestSupport {
  readonly machines: FakeMachine[];
  /** What the kernel says to a mount, by its options; nothing = it mounts. */
  refuse: (options: string) => string | undefined;
  /** What a program prints, and its exit status. */
  tool: (program: string, args: readonly string[], disk: BlockDevice, line: (text: string) => void) => number;
  launchFails: DiskError | undefined;
}

const XFS: GuestFilesystem = {
  format: 'xfs', type: 'xfs', access: 'read-write', modules: [], readOptions: ['ro,norecovery', 'ro'], writeOptions: 'rw', device: 'disk',
  check: { package: 'xfsprogs', program: 'xfs_repair', dry: ['-n', '{dev}'], repair: ['{dev}'], clean: [0], errors: [1], repaired: [0] },
};

/** A guest as its manifest would be. */
export function fakeGuest(name = 'fake', more: Partial<Guest> = {}, filesystems: readonly GuestFilesystem[] = [XFS]): Guest {
  return {
    manifest: {
      name, title: `Fake ${name}`, summary: 'a guest for tests', rank: 1, system: 'linux', architecture: 'x86_64',
      machine: { type: 'pc', cpu: 'max', memory: 128, warm: true, arguments: [] }, boot: { append: '', deadline: 3, console: 'serial' },
      transport: { dialect: '9P2000.L', over: 'virtio', agent: true, msize: 65536 }, filesystems, volumes: [], tables: [], trees: ['tmpfs', 'procfs'],
    },
    folder: '', state: 'built', missing: '', files: '', origin: 'shipped', ...more,
  };
}

/** Guests without QEMU: their machines mount what `fakeDisk` made. */
export function fakeGuests(...guests: readonly Guest[]): FakeGuests {
  const served = new Map<ByteChannel, FileSystem>();
  const fakes: FakeGuests = {
    machines: [], refuse: () => undefined, tool: () => 0, launchFails: undefined,
    guests: async () => (guests.length === 0 ? [fakeGuest()] : guests),
    impossible: () => undefined,
    async launch(guest, options) {
      options.step?.({ text: `${guest.manifest.title}: booting` }).end('done');
      if (fakes.launchFails) throw fakes.launchFails;
      const machine = new FakeMachine(guest, options, fakes, served);
      fakes.machines.push(machine);
      return machine;
    },
    async connect(channel, { write }) {
      const fs = served.get(channel)!;
      return write ? fs : new Proxy(fs, { get: (target, key) => (key === 'writer' ? undefined : bound(target, key)) });
    },
  };
  return fakes;
}

function bound(target: object, key: string | symbol): unknown {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
}

/** A machine whose "kernel" keeps all that is written in memory until it is synced or unmounted. */
export class FakeMachine implements GuestMachine {
  readonly guest: Guest;
  readonly pid = 0;
  readonly start = 'warm';
  readonly accelerator = 'none';
  readonly aname = '/';
  readonly ended: Promise<GuestEnd>;
  /** What it was asked, in order. */
  readonly asked: string[] = [];
  readonly #options: LaunchOptions;
  readonly #fakes: FakeGuests;
  readonly #served: Map<ByteChannel, FileSystem>;
  readonly #lines: GuestLogLine[] = [];
  #end!: (end: GuestEnd) => void;
  #root: MemoryNode | undefined;
  #write = false;
  #dead: DiskError | undefined;

  constructor(guest: Guest, options: LaunchOptions, fakes: FakeGuests, served: Map<ByteChannel, FileSystem>) {
    this.guest = guest;
    this.#options = options;
    this.#fakes = fakes;
    this.#served = served;
    this.ended = new Promise((resolve) => { this.#end = resolve; });
    this.#say('booted');
  }

  get log() {
    return { lines: this.#lines, onLine: () => () => {} };
  }

  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  async mount(type: string, options: string): Promise<ByteChannel> {
    this.#alive();
    this.asked.push(`mount ${type} ${options}`);
    const refused = this.#fakes.refuse(options);
    if (refused !== undefined) throw usage('EINVAL', `mount: ${refused}`);
    this.#write = !options.split(',').includes('ro');
    this.#root = nodesOf(treeOf((at, into) => this.#disk.read(at, into)));
    return this.#serve(this.#root);
  }

  async serve(tree: string): Promise<ByteChannel> {
    this.#alive();
    this.asked.push(`serve ${tree}`);
    return this.#serve(dir({ version: file(`this is ${tree}\n`) }));
  }

  async sync(): Promise<void> {
    this.#alive();
    this.asked.push('sync');
    this.#store();
  }

  async unmount(): Promise<void> {
    this.#alive();
    this.asked.push('unmount');
    this.#store();
    this.#root = undefined;
  }

  async run(program: string, args: readonly string[], { onLine }: Parameters<GuestMachine['run']>[2]): Promise<{ status: number }> {
    this.#alive();
    this.asked.push([program, ...args].join(' '));
    return { status: this.#fakes.tool(program, args, this.#disk, onLine) };
  }

  async assemble(): Promise<readonly string[]> {
    return [];
  }

  onIdle(): () => void {
    return () => {};
  }

  tar(): Promise<ByteChannel> {
    return Promise.reject(usage('ENOTSUP', 'a fake has no tar'));
  }

  async stop(): Promise<GuestEnd> {
    if (this.#dead === undefined) {
      this.asked.push('stop');
      this.#store();
      this.#over({ cause: 'stopped', message: 'it was stopped' });
    }
    return this.ended;
  }

  async kill(): Promise<GuestEnd> {
    this.die({ cause: 'killed', message: 'it was killed' });
    return this.ended;
  }

  /** What was not synced is gone. */
  die(end: GuestEnd): void {
    this.#over(end.cause === 'killed' ? end : { ...end, error: new DiskError({ kind: 'guest', guest: this.guest.manifest.name }, `${this.guest.manifest.title} ${end.message}`) });
  }

  get #disk(): BlockDevice {
    return this.#options.disks[0]!.device;
  }

  #over(end: GuestEnd): void {
    if (this.#dead !== undefined) return;
    this.#dead = new DiskError({ kind: 'guest', guest: this.guest.manifest.name }, 'the connection ended');
    this.#root = undefined;
    this.#end(end);
  }

  #alive(): void {
    if (this.#dead !== undefined) throw this.#dead;
  }

  #store(): void {
    if (this.#root === undefined || !this.#write) return;
    if (this.#options.disks[0]!.readOnly) throw usage('EROFS', 'the disk is read-only');
    const tree: Record<string, string> = {};
    collect(this.#root, '', tree);
    store(tree, (at, from) => this.#disk.write!(at, from));
  }

  #serve(root: MemoryNode): ByteChannel {
    const [channel] = channelPair();
    const fs = new WritableMemoryFileSystem(root);
    this.#served.set(channel, new Proxy(fs as FileSystem, {
      get: (target, key) => {
        if (this.#dead !== undefined && key !== 'close' && key !== 'info' && key !== 'root' && key !== 'xattrs') throw this.#dead;
        return bound(target, key);
      },
    }));
    return channel;
  }

  #say(text: string): void {
    this.#lines.push({ at: 0, from: 'launcher', text });
  }
}

function nodesOf(tree: Readonly<Record<string, string>>): MemoryNode {
  const root = dir();
  for (const [path, content] of Object.entries(tree)) {
    const names = path.split('/');
    let at = root;
    for (const [i, name] of names.entries()) {
      const there = at.entries!.find(([each]) => each === name)?.[1];
      if (there !== undefined) {
        at = there;
        continue;
      }
      const made = i < names.length - 1 ? dir() : file(content);
      at.entries!.push([name, made]);
      at = made;
    }
  }
  return root;
}

function collect(node: MemoryNode, path: string, tree: Record<string, string>): void {
  for (const [name, child] of node.entries ?? []) {
    if (child.type === 'dir') collect(child, `${path}${name}/`, tree);
    else tree[`${path}${name}`] = typeof child.content === 'string' ? child.content : new TextDecoder().decode(child.content ?? new Uint8Array());
  }
}

/** The tree on a device. */
export function treeOn(device: BlockDevice): Record<string, string> {
  return treeOf((at, into) => into.set(readBytes(device, at, into.length)));
}
