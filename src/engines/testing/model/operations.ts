import { createHash } from 'node:crypto';
import { ACL_XATTR, formatAcl } from '../../core/acl.ts';
import { isDiskError } from '../../core/errors.ts';
import type { EntryType, FileSystem, NodeId } from '../../core/filesystem.ts';
import { displayName, type Name } from '../../core/names.ts';
import type { NewNode, Writer } from '../../core/writer.ts';
import type { Random } from '../fuzz/random.ts';
import type { WritableMemoryFileSystem } from '../memory-writer.ts';

/** A filesystem under test, beside the tree in memory that it must equal. */
export interface Pair {
  readonly model: WritableMemoryFileSystem;
  readonly fs: FileSystem & { readonly writer: Writer };
  /** Sets both clocks. */
  tick(time: bigint): void;
  readonly shortTimes: boolean;
}

/** A node that the model has, by its path when it was found. */
interface Spot {
  readonly path: string;
  readonly model: NodeId;
  readonly dir: NodeId;
  readonly name: Name;
  readonly type: EntryType;
}

/** Errors that depend on what the format has room for: the model, which has room for all, need not make them. */
const LIMITS = ['ENOSPC', 'EMLINK', 'EFBIG', 'ENOTSUP'];

const NAMES = ['a', 'b', 'c', 'dir', 'file', 'ä', '\udcff\udc80', 'x'.repeat(255), 'Name with spaces', '.hidden', 'long-'.repeat(20)];

/** Random operations, done to both. Every choice comes from the seed, so that a failure can be repeated. */
export class Operations {
  readonly #pair: Pair;
  readonly #random: Random;
  /** Numbers of the model's nodes → those of the filesystem. */
  readonly #nodes = new Map<NodeId, NodeId>();
  /** Held nodes, of which some have no name any more. */
  readonly #held: NodeId[] = [];
  readonly log: string[] = [];
  #time = 1_700_000_200_000_000_000n;
  #count = 0;
  /** Operations that both refused, and those for which there was no room. */
  refused = 0;
  full = 0;

  constructor(pair: Pair, random: Random) {
    this.#pair = pair;
    this.#random = random;
    this.#match(pair.model.root, pair.fs.root);
  }

  /** One step: an operation, or a burst of like ones. @throws Error when the two differ */
  step(): void {
    const { below, pick } = this.#random;
    const what = below(100);
    if (what < 14) this.#make('file');
    else if (what < 22) this.#make('dir');
    else if (what < 26) this.#make('symlink');
    else if (what < 28) this.#make(pick(['char', 'block', 'fifo', 'socket'] as const));
    else if (what < 44) this.#write();
    else if (what < 49) this.#truncate();
    else if (what < 53) this.#allocate();
    else if (what < 60) this.#unlink();
    else if (what < 63) this.#rmdir();
    else if (what < 73) this.#rename();
    else if (what < 77) this.#link();
    else if (what < 84) this.#change();
    else if (what < 94) this.#xattr();
    else if (what < 96) this.#hold();
    else if (what < 98) this.#look();
    else if (what < 99) this.#burst();
    else this.#clear();
  }

  /** Lets go of all that is held. */
  finish(): void {
    while (this.#held.length > 0) this.#release(0);
  }

  #make(type: EntryType): void {
    const dir = this.#dir();
    const name = this.#name();
    const node = this.#newNode(type);
    const target = type === 'symlink' ? this.#target() : '';
    const device = { major: this.#random.below(this.#random.oneIn(2) ? 4096 : 256), minor: this.#random.below(this.#random.oneIn(2) ? 2 ** 20 : 256) };
    const isDevice = type === 'char' || type === 'block';
    // A file with its contents, where it is one operation.
    const whole = type === 'file' && this.#pair.fs.writer.put !== undefined && this.#random.oneIn(2) ? this.#bytes(this.#random.below(this.#random.oneIn(3) ? 200_000 : 6000)) : undefined;
    const call = (writer: Writer, parent: NodeId): NodeId => {
      if (whole !== undefined) return putWhole(writer, parent, name, node, whole);
      if (type === 'file') return writer.create(parent, name, node) as NodeId;
      if (type === 'dir') return writer.mkdir(parent, name, node) as NodeId;
      if (type === 'symlink') return writer.symlink(parent, name, target, node) as NodeId;
      return writer.mknod(parent, name, type, node, isDevice ? device : undefined) as NodeId;
    };
    const made = this.#both(`make ${type} ${this.#path(dir)}/${displayName(name).slice(0, 20)}`, (writer, at) => call(writer, at(dir)));
    if (made !== undefined) this.#nodes.set(made.model, made.engine);
  }

  #write(): void {
    const file = this.#file();
    if (file === undefined) return;
    const { below, oneIn } = this.#random;
    const size = this.#size(file);
    const at = oneIn(3) ? size : oneIn(2) ? below(size + 1) : oneIn(20) ? below(6_000_000) : below(300_000);
    const bytes = this.#bytes(oneIn(4) ? below(120_000) : oneIn(2) ? below(9000) : below(100));
    const text = `write ${this.#path(file)} ${bytes.length} at ${at}`;
    const node = this.#engine(file);
    const done = this.#both(text, (writer, to, engine) => writer.write(to(file), at, engine ? bytes : bytes.subarray(0, 0)) as number);
    if (done === undefined) return;
    const count = done.engine;
    if (count < bytes.length) this.full++;
    if (count === 0 && bytes.length > 0) throw new Error(`${text}: 0 bytes were written to node ${node}, and no error`);
    this.#pair.model.writer.write(file, at, bytes.subarray(0, count));
  }

  #truncate(): void {
    const file = this.#file();
    if (file === undefined) return;
    const { below, oneIn } = this.#random;
    const size = oneIn(3) ? 0 : oneIn(2) ? below(this.#size(file) + 1) : below(oneIn(10) ? 4_000_000 : 200_000);
    this.#both(`truncate ${this.#path(file)} to ${size}`, (writer, at) => writer.truncate(at(file), size));
  }

  #allocate(): void {
    const file = this.#file();
    if (file === undefined) return;
    const { below, oneIn } = this.#random;
    const how = oneIn(2) ? 'reserve' : 'punch';
    const at = below(oneIn(2) ? this.#size(file) + 1 : 300_000);
    const length = 1 + below(100_000);
    this.#both(`${how} ${this.#path(file)} ${length} at ${at}`, (writer, to) => writer.allocate!(to(file), at, length, how));
  }

  #unlink(): void {
    const spot = this.#spot((each) => each.type !== 'dir' || this.#random.oneIn(10));
    if (spot === undefined) return;
    this.#both(`unlink ${spot.path}`, (writer, at) => writer.unlink(at(spot.dir), spot.name));
  }

  #rmdir(): void {
    const spot = this.#spot((each) => each.type === 'dir' || this.#random.oneIn(10));
    if (spot === undefined || spot.name === 'lost+found') return;
    this.#both(`rmdir ${spot.path}`, (writer, at) => writer.rmdir(at(spot.dir), spot.name));
  }

  #rename(): void {
    const spot = this.#spot(() => true);
    if (spot === undefined || spot.name === 'lost+found') return;
    const { pick, oneIn } = this.#random;
    const mode = pick(['replace', 'replace', 'keep', 'exchange'] as const);
    const other = oneIn(2) || mode === 'exchange' ? this.#spot(() => true) : undefined;
    const dir = other?.dir ?? this.#dir();
    const name = other?.name ?? this.#name();
    if (name === 'lost+found') return;
    this.#both(`rename ${spot.path} to ${this.#path(dir)}/${displayName(name).slice(0, 20)} (${mode})`, (writer, at) => writer.rename(at(spot.dir), spot.name, at(dir), name, mode));
  }

  #link(): void {
    const spot = this.#spot(() => true);
    if (spot === undefined) return;
    const dir = this.#dir();
    const name = this.#name();
    this.#both(`link ${spot.path} as ${this.#path(dir)}/${displayName(name).slice(0, 20)}`, (writer, at) => writer.link(at(dir), name, at(spot.model)));
  }

  #change(): void {
    const spot = this.#spot((each) => each.type !== 'symlink');
    if (spot === undefined) return;
    const { below, oneIn } = this.#random;
    const changes = {
      ...(oneIn(2) ? { mode: below(0o10000) } : {}),
      ...(oneIn(2) ? { uid: below(oneIn(2) ? 2 ** 32 - 1 : 2000), gid: below(oneIn(2) ? 2 ** 32 - 1 : 2000) } : {}),
      ...(oneIn(2) ? { mtime: this.#anyTime(), atime: this.#anyTime() } : {}),
    };
    this.#both(`change ${spot.path} ${Object.keys(changes).join(' ')}`, (writer, at) => writer.change(at(spot.model), changes));
  }

  #xattr(): void {
    const spot = this.#spot(() => true);
    if (spot === undefined) return;
    const { below, oneIn, pick } = this.#random;
    const plain = spot.type === 'file' || spot.type === 'dir';
    if (plain && oneIn(6)) {
      const name = spot.type === 'dir' && oneIn(2) ? 'system.posix_acl_default' : 'system.posix_acl_access';
      const acl = this.#acl();
      this.#both(`setxattr ${spot.path} ${name}`, (writer, at) => writer.setXattr(at(spot.model), name, acl));
      return;
    }
    const name = `${plain ? pick(['user', 'user', 'trusted', 'security']) : 'trusted'}.${pick(['a', 'bb', 'note', 'a-long-name-of-an-attribute', 'x'.repeat(200)])}`;
    if (oneIn(3)) {
      this.#both(`removexattr ${spot.path} ${name.slice(0, 20)}`, (writer, at) => writer.removeXattr(at(spot.model), name));
      return;
    }
    // Few different values, so that blocks of them are equal.
    const value = oneIn(2) ? new Uint8Array(pick([10, 300, 700])).fill(0x41) : this.#bytes(oneIn(8) ? below(20_000) : oneIn(2) ? below(1000) : below(60));
    const how = pick([undefined, undefined, 'create', 'replace'] as const);
    this.#both(`setxattr ${spot.path} ${name.slice(0, 20)} ${value.length} ${how ?? ''}`, (writer, at) => writer.setXattr(at(spot.model), name, value, how));
  }

  #hold(): void {
    if (this.#held.length > 0 && this.#random.oneIn(2)) {
      this.#release(this.#random.below(this.#held.length));
      return;
    }
    const spot = this.#spot(() => true);
    if (spot === undefined) return;
    this.#both(`hold ${spot.path}`, (writer, at) => writer.hold(at(spot.model)));
    this.#held.push(spot.model);
  }

  #release(index: number): void {
    const [node] = this.#held.splice(index, 1);
    this.#both(`release node ${node}`, (writer, at) => writer.release(at(node!)));
  }

  /** Compares one node, as it is read at this moment. */
  #look(): void {
    const held = this.#held.length > 0 && this.#random.oneIn(2) ? this.#random.pick(this.#held) : undefined;
    const node = held ?? this.#spot(() => true)?.model;
    if (node === undefined) return;
    const seen = [this.#pair.model, this.#pair.fs].map((fs, i) => describe(fs, i === 0 ? node : this.#engine(node), this.#pair.shortTimes));
    this.log.push(`look at ${this.#path(node)}`);
    if (seen[0] !== seen[1]) throw new Error(`${this.#path(node)} should be\n${seen[0]}\nand is\n${seen[1]}`);
  }

  /** Many names in one directory: its blocks and its index split. */
  #burst(): void {
    const dir = this.#dir();
    const count = 50 + this.#random.below(400);
    const long = this.#random.oneIn(2) ? 'n'.repeat(this.#random.below(200)) : '';
    const run = this.#count++;
    for (let i = 0; i < count; i++) {
      const made = this.#both(`create ${this.#path(dir)}/burst ${run} ${i}`, (writer, at) => writer.create(at(dir), `burst ${run} ${i} ${long}`, { mode: 0o600 }) as NodeId);
      if (made === undefined) return;
      this.#nodes.set(made.model, made.engine);
    }
  }

  /** Takes most of a directory's files away. */
  #clear(): void {
    const dir = this.#dir();
    if (this.#pair.model.stat(dir).type !== 'dir') return;
    for (const { name, type } of this.#entries(dir)) {
      if (type === 'dir' || this.#random.oneIn(5)) continue;
      this.#both(`unlink ${this.#path(dir)}/${displayName(name).slice(0, 20)}`, (writer, at) => writer.unlink(at(dir), name));
    }
  }

  /** Does it to the filesystem, then to the model. @returns both answers; undefined when it was refused, by both alike, or for want of room */
  #both<T>(text: string, call: (writer: Writer, at: (node: NodeId) => NodeId, engine: boolean) => T): { readonly model: T; readonly engine: T } | undefined {
    this.log.push(text);
    this.#time += 1_000_000_007n;
    this.#pair.tick(this.#time);
    const engine = attempt(() => call(this.#pair.fs.writer, (node) => this.#engine(node), true));
    if (engine.errno !== undefined && LIMITS.includes(engine.errno)) {
      this.full++;
      return undefined;
    }
    const model = attempt(() => call(this.#pair.model.writer, (node) => node, false));
    if (engine.errno !== model.errno) {
      throw new Error(`${text}: should ${model.errno ?? 'be done'}, and ${engine.errno ?? 'was done'}`, { cause: engine.error ?? model.error });
    }
    if (engine.errno !== undefined) {
      this.refused++;
      return undefined;
    }
    return { model: model.value!, engine: engine.value! };
  }

  #engine(node: NodeId): NodeId {
    const found = this.#nodes.get(node);
    if (found === undefined) throw new Error(`node ${node} of the model has no counterpart`);
    return found;
  }

  /** Finds the counterparts of all that is there. */
  #match(model: NodeId, engine: NodeId): void {
    this.#nodes.set(model, engine);
    if (this.#pair.model.stat(model).type !== 'dir') return;
    for (const { name, node } of this.#entries(model)) this.#match(node, this.#pair.fs.lookup(engine, name) as NodeId);
  }

  #entries(dir: NodeId): { name: Name; node: NodeId; type: EntryType }[] {
    const entries = [];
    for (let batch = this.#pair.model.list(dir); ; batch = this.#pair.model.list(dir, batch.next)) {
      entries.push(...batch.entries.map(({ name, node, type }) => ({ name, node, type: type! })));
      if (batch.next === undefined) return entries;
    }
  }

  /** A random entry of those that are wanted, found by walking down; undefined when the walk met none. */
  #spot(wanted: (spot: Spot) => boolean): Spot | undefined {
    for (let tries = 0; tries < 10; tries++) {
      let dir = this.#pair.model.root;
      let path = '';
      for (let depth = 0; depth < 8; depth++) {
        const entries = this.#entries(dir);
        if (entries.length === 0) break;
        const { name, node, type } = this.#random.pick(entries);
        path += `/${displayName(name).slice(0, 20)}`;
        const spot = { path, model: node, dir, name, type };
        if ((type !== 'dir' || this.#random.oneIn(3)) && wanted(spot)) return spot;
        if (type !== 'dir') break;
        dir = node;
      }
    }
    return undefined;
  }

  #dir(): NodeId {
    if (this.#held.length > 0 && this.#random.oneIn(30)) return this.#random.pick(this.#held);
    return this.#spot((spot) => spot.type === 'dir' && spot.name !== 'lost+found')?.model ?? this.#pair.model.root;
  }

  #file(): NodeId | undefined {
    if (this.#held.length > 0 && this.#random.oneIn(8)) return this.#random.pick(this.#held);
    return this.#spot((spot) => spot.type === 'file' || this.#random.oneIn(40))?.model;
  }

  #size(node: NodeId): number {
    return this.#pair.model.stat(node).size;
  }

  #path(node: NodeId): string {
    return node === this.#pair.model.root ? '' : `<${node}>`;
  }

  #name(): Name {
    return this.#random.oneIn(3) ? this.#random.pick(NAMES) : `n${this.#random.below(40)}${'-'.repeat(this.#random.oneIn(4) ? this.#random.below(200) : 0)}`;
  }

  #target(): Name {
    return 't'.repeat(this.#random.pick([1, 20, 58, 59, 60, 61, 200, 1000]));
  }

  #newNode(type: EntryType): NewNode {
    const { below, oneIn } = this.#random;
    return {
      mode: type === 'symlink' ? 0o777 : below(0o10000),
      ...(oneIn(2) ? { uid: below(70_000), gid: below(70_000) } : {}),
      ...(oneIn(3) ? { mtime: this.#anyTime(), atime: this.#anyTime(), btime: this.#anyTime() } : {}),
    };
  }

  #anyTime(): bigint {
    const { below, oneIn } = this.#random;
    const seconds = oneIn(4) && !this.#pair.shortTimes ? BigInt(below(2 ** 32)) * 3n : BigInt(below(2 ** 31));
    return (oneIn(8) ? -1n - (seconds % 2n ** 31n) : seconds) * 1_000_000_000n + BigInt(below(1_000_000_000));
  }

  #bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let state = this.#random.below(2 ** 32) | 1;
    for (let i = 0; i < length; i++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
      bytes[i] = state >>> 16;
    }
    return bytes;
  }

  #acl(): Uint8Array {
    const { below, oneIn } = this.#random;
    const entry = (tag: number, id: number = ACL_XATTR.noId): { tag: number; permissions: number; id: number } => ({ tag, permissions: below(8), id });
    if (oneIn(4)) return formatAcl([entry(1), entry(4), entry(0x20)]);
    return formatAcl([entry(1), entry(2, below(2000)), entry(4), ...(oneIn(2) ? [entry(8, below(2000))] : []), entry(0x10), entry(0x20)]);
  }
}

/** What `Writer.put` does, also where it takes several operations. */
function putWhole(writer: Writer, dir: NodeId, name: Name, given: NewNode, contents: Uint8Array): NodeId {
  if (writer.put !== undefined) return writer.put(dir, name, given, contents) as NodeId;
  const node = writer.create(dir, name, given) as NodeId;
  writer.write(node, 0, contents);
  writer.change(node, given);
  return node;
}

/** A node as one line: what both must say of it. */
function describe(fs: FileSystem, node: NodeId, shortTimes: boolean): string {
  const stat = fs.stat(node) as Exclude<ReturnType<FileSystem['stat']>, Promise<unknown>>;
  const time = (value: bigint | undefined): string => String(shortTimes ? value! / 1_000_000_000n : value);
  const facts = [stat.type, stat.mode.toString(8), stat.uid, stat.gid, stat.nlink, stat.type === 'dir' ? '' : stat.size];
  if (!shortTimes) facts.push(time(stat.mtime), time(stat.atime), time(stat.ctime), time(stat.btime));
  if (stat.device !== undefined) facts.push(stat.device.major, stat.device.minor);
  if (stat.type === 'file') {
    const bytes = new Uint8Array(stat.size);
    fs.read(node, 0, bytes);
    facts.push(createHash('sha256').update(bytes).digest('hex'));
  }
  if (stat.type === 'symlink') facts.push(fs.readlink(node) as string);
  for (const name of [...(fs.xattrs!.list(node) as readonly Name[])].toSorted()) {
    facts.push(`${name}=${createHash('sha256').update(fs.xattrs!.get(node, name) as Uint8Array).digest('hex').slice(0, 8)}`);
  }
  return facts.join(' ');
}

function attempt<T>(run: () => T): { readonly value?: T; readonly errno?: string; readonly error?: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    if (!isDiskError(error) || error.fault.kind !== 'usage') throw error;
    return { errno: error.fault.errno, error };
  }
}
