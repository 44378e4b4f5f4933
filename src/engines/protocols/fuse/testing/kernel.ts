import { errorOf } from '../../../core/errno.ts';
import type { DiskError } from '../../../core/errors.ts';
import type { ServedTree, TreeChanged } from '../../../core/served.ts';
import type { FileSystem } from '../../../core/filesystem.ts';
import { decodeName, encodeName, type Name } from '../../../core/names.ts';
import type { FuseChannel } from '../channel.ts';
import { serveFuse, type FuseOptions, type FuseServer } from '../server.ts';
import { InHeader, INIT_FLAG, INIT_FLAG2, InitInExt, InitOut, OP, OutHeader } from '../layout.ts';

/** What a kernel offers: all that we know, of the newest version. */
export const OFFER = {
  major: 7, minor: 45, flags: Object.values(INIT_FLAG).reduce((all, flag) => all | flag, 0) >>> 0, flags2: INIT_FLAG2.HAS_EXPIRE_ONLY, readahead: 131_072,
};

/** A notice that came. */
export interface Notice {
  readonly code: number;
  readonly body: Uint8Array;
}

/** The kernel's side of a mount over arrays: it sends what it is told, also what no kernel would, and gives each answer to whoever asked. */
export class TestKernel implements FuseChannel {
  readonly room: number;
  readonly notices: Notice[] = [];
  /** What the kernel says to an answer or a notice: 0, or an errno. */
  verdict: (message: Uint8Array) => number = () => 0;
  /** Holds notices back while it is set. */
  hold: Promise<void> | undefined;
  /** Answers that nobody asked for. */
  readonly strays: Uint8Array[] = [];
  #run!: (message: Uint8Array) => void | Promise<void>;
  #end!: (error?: DiskError) => void;
  #unique = 2;
  readonly #waiting = new Map<number, (answer: Uint8Array) => void>();

  constructor(room = (1 << 20) + 4096) {
    this.room = room;
  }

  onRequest(run: (message: Uint8Array) => void | Promise<void>): void {
    this.#run = run;
  }

  onEnd(run: (error?: DiskError) => void): void {
    this.#end = run;
  }

  send(parts: readonly Uint8Array[]): number {
    const message = join(...parts);
    const header = OutHeader.at(message);
    if (header.len !== message.length) throw new Error(`an answer of ${message.length} bytes says ${header.len}`);
    const told = this.verdict(message);
    const wanted = this.#waiting.get(header.unique_low);
    if (wanted === undefined) this.strays.push(message);
    this.#waiting.delete(header.unique_low);
    wanted?.(message);
    return told;
  }

  async notify(message: Uint8Array): Promise<number> {
    await this.hold;
    const header = OutHeader.at(message);
    if (header.len !== message.length || header.unique_low !== 0) throw new Error('that is no notice');
    this.notices.push({ code: header.error, body: message.slice(OutHeader.size) });
    return this.verdict(message);
  }

  close(): void {
    this.end();
  }

  end(error?: DiskError): void {
    this.#end(error);
  }

  /** Sends a message as it is. @returns what the server's handler returns */
  raw(message: Uint8Array): void | Promise<void> {
    return this.#run(message);
  }

  /** Sends a request. @returns its number, and its whole answer with the header */
  ask(opcode: number, nodeid: number, body: Uint8Array = EMPTY, who: { readonly uid?: number; readonly gid?: number; readonly unique?: number } = {}): { readonly unique: number; readonly answer: Promise<Uint8Array> } {
    const unique = who.unique ?? (this.#unique += 2);
    const message = request(opcode, nodeid, body, { ...who, unique });
    const answer = new Promise<Uint8Array>((resolve) => { this.#waiting.set(unique, resolve); });
    // A copy that is spoiled afterwards: the array is the server's until its promise resolves, and no longer.
    const done = this.#run(message);
    if (done === undefined) message.fill(0xee);
    else void done.then(() => message.fill(0xee));
    return { unique, answer };
  }

  /** Sends a request and waits. @returns what the answer says behind its header @throws DiskError of its errno */
  async call(opcode: number, nodeid: number, body: Uint8Array = EMPTY, who: { readonly uid?: number; readonly gid?: number } = {}): Promise<Uint8Array> {
    const answer = await this.ask(opcode, nodeid, body, who).answer;
    const { error } = OutHeader.at(answer);
    if (error !== 0) throw errorOf(-error, opName(opcode));
    return answer.subarray(OutHeader.size);
  }

  /** The errno that a request ends in; 0 when it is done. */
  async errno(opcode: number, nodeid: number, body: Uint8Array = EMPTY): Promise<number> {
    return Math.abs(OutHeader.at(await this.ask(opcode, nodeid, body).answer).error);
  }

  /** For what has no answer. */
  tell(opcode: number, nodeid: number, body: Uint8Array): void {
    void this.#run(request(opcode, nodeid, body, { unique: this.#unique += 2 }));
  }

  /** @returns what was agreed on */
  async init(offer: Partial<typeof OFFER> = {}): Promise<{ readonly minor: number; readonly flags: number; readonly flags2: number; readonly max_write: number; readonly max_pages: number; readonly max_readahead: number }> {
    const said = { ...OFFER, ...offer };
    const body = new Uint8Array(InitInExt.size);
    const asked = InitInExt.at(body);
    [asked.major, asked.minor, asked.max_readahead, asked.flags, asked.flags2] = [said.major, said.minor, said.readahead, said.flags, said.flags2];
    const { minor, flags, flags2, max_write, max_pages, max_readahead } = InitOut.at(await this.call(OP.INIT, 0, (said.flags & INIT_FLAG.INIT_EXT) === 0 ? body.subarray(0, 16) : body));
    return { minor, flags, flags2, max_write, max_pages, max_readahead };
  }
}

const EMPTY = new Uint8Array(0);

/** A tree whose owner says what he changes. */
export class TestTree implements ServedTree {
  readonly fs: FileSystem;
  readonly #listeners = new Set<(change: TreeChanged) => void>();

  constructor(fs: FileSystem) {
    this.fs = fs;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  onChange(run: (change: TreeChanged) => void): () => void {
    this.#listeners.add(run);
    return () => { this.#listeners.delete(run); };
  }

  changed(change: TreeChanged): void {
    for (const run of this.#listeners) run(change);
  }
}

/** A server and its kernel, which have agreed. */
export async function mounted(fs: FileSystem, offer: Partial<typeof OFFER> = {}, options: FuseOptions = {}): Promise<{ readonly kernel: TestKernel; readonly tree: TestTree; readonly server: FuseServer }> {
  const kernel = new TestKernel();
  const tree = new TestTree(fs);
  const server = serveFuse(kernel, tree, options);
  await kernel.init(offer);
  return { kernel, tree, server };
}

/** A whole message. */
export function request(opcode: number, nodeid: number, body: Uint8Array, { uid = 0, gid = 0, unique = 2 }: { readonly uid?: number; readonly gid?: number; readonly unique?: number } = {}): Uint8Array {
  const message = new Uint8Array(InHeader.size + body.length);
  const header = InHeader.at(message);
  [header.len, header.opcode, header.unique_low, header.nodeid, header.uid, header.gid, header.pid] = [message.length, opcode, unique, nodeid, uid, gid, 1];
  message.set(body, InHeader.size);
  return message;
}

/** A name as it stands in a message. */
export function named(name: Name): Uint8Array {
  return join(encodeName(name), new Uint8Array(1));
}

/** Names that end with a NUL each. */
export function namesOf(bytes: Uint8Array): Name[] {
  const names: Name[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at);
    names.push(decodeName(bytes, at, end));
    at = end + 1;
  }
  return names;
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => { whole.set(part, at); return at + part.length; }, 0);
  return whole;
}

function opName(opcode: number): string {
  return Object.entries(OP).find(([, each]) => each === opcode)?.[0] ?? String(opcode);
}
