import { readBytes, type BlockDevice } from '../core/bytes/device.ts';
import { corrupt, usage } from '../core/errors.ts';
import type { DirEntry, FileSystem, NodeId, Stat, VolumeInfo } from '../core/filesystem.ts';
import { decodeName, encodeName, type Name } from '../core/names.ts';
import type { FilesystemFormat, OpenContext, RegistryEntry, WriteAccess } from '../core/probe.ts';
import type { Check } from '../core/check.ts';
import type { Writer } from '../core/writer.ts';

/**
 * A filesystem that exists in tests alone: one folder with a page for each file, which can be written to, and checked. What is written is kept
 * in memory until it is synced, so that a test notices when nobody does.
 *
 * Page 0: "NOTES!", and at 8 how often it was synced (u32). Then a page a file: 1 where used, length of the name, length of the text (u16), name,
 * and at 64 the text. A page that says 2 is damaged; the check makes it a free one.
 */

const MAGIC = [...'NOTES!'].map((char) => char.charCodeAt(0));
const PAGE = 4096;
const TEXT = 64;
const ROOT = 1;

/** An empty notebook. */
export function notebookOf(pages: number): Uint8Array {
  const bytes = new Uint8Array((pages + 1) * PAGE);
  bytes.set(MAGIC);
  return bytes;
}

function refuse(): never {
  throw usage('ENOTSUP', 'A notebook has no such thing');
}

class Notebook implements FileSystem {
  readonly root = ROOT;
  readonly writer?: Writer;
  readonly #device: BlockDevice;
  readonly #changed = new Map<number, Uint8Array>();

  constructor(device: BlockDevice, write: WriteAccess | undefined) {
    this.#device = device;
    if (write !== undefined) this.writer = this.#writer(write);
    for (let page = 1; page < device.size / PAGE; page++) if (this.#page(page)[0] === 2 && write !== undefined) throw corrupt('page', 'it is damaged', page * PAGE);
  }

  get info(): VolumeInfo {
    return {
      format: 'notebook', label: 'notebook', uuid: '', size: this.#device.size, free: 0, blockSize: PAGE, state: 'clean', features: [], details: [],
      access: { write: true, reason: 'a notebook is there to be written in' },
    };
  }

  /** How often it was synced with something to write. */
  get generation(): number {
    return new DataView(readBytes(this.#device, 8, 4).slice().buffer).getUint32(0, true);
  }

  lookup(_: NodeId, name: Name): NodeId | undefined {
    return this.list().entries.find((entry) => entry.name === name)?.node;
  }

  list(): { entries: DirEntry[] } {
    const entries: DirEntry[] = [];
    for (let page = 1; page < this.#device.size / PAGE; page++) {
      const bytes = this.#page(page);
      if (bytes[0] === 1) entries.push({ name: decodeName(bytes.subarray(4, 4 + bytes[1]!)), node: page + 1, type: 'file' });
    }
    return { entries };
  }

  stat(node: NodeId): Stat {
    const size = node === ROOT ? 0 : this.#sizeOf(node);
    return { node, type: node === ROOT ? 'dir' : 'file', mode: 0o644, uid: 0, gid: 0, size, nlink: 1, mtime: 0n, atime: 0n, ctime: 0n, allocated: PAGE, flags: [] };
  }

  read(node: NodeId, at: number, into: Uint8Array): number {
    const text = this.#page(node - 1).subarray(TEXT, TEXT + this.#sizeOf(node)).subarray(at, at + into.length);
    into.set(text);
    return text.length;
  }

  readlink(): Name {
    throw usage('EINVAL', 'There are no links in a notebook');
  }

  close(): void {
    this.#changed.clear();
  }

  #page(page: number): Uint8Array {
    return this.#changed.get(page) ?? readBytes(this.#device, page * PAGE, PAGE);
  }

  #edit(page: number): Uint8Array {
    const bytes = this.#page(page).slice();
    this.#changed.set(page, bytes);
    return bytes;
  }

  #sizeOf(node: NodeId): number {
    const bytes = this.#page(node - 1);
    return bytes[2]! | (bytes[3]! << 8);
  }

  #writer(access: WriteAccess): Writer {
    const setSize = (page: Uint8Array, size: number): void => {
      if (size > PAGE - TEXT) throw usage('ENOSPC', 'The page is full');
      page[2] = size & 0xff;
      page[3] = size >> 8;
    };
    return {
      names: { longest: TEXT - 4, unit: 'bytes', forbidden: '', caseSensitive: true },
      create: (dir, name) => {
        if (this.lookup(dir, name) !== undefined) throw usage('EEXIST', `There is a ${name} already`);
        for (let page = 1; page < this.#device.size / PAGE; page++) {
          if (this.#page(page)[0] !== 0) continue;
          const bytes = this.#edit(page).fill(0);
          const encoded = encodeName(name);
          bytes[0] = 1;
          bytes[1] = encoded.length;
          bytes.set(encoded, 4);
          return page + 1;
        }
        throw usage('ENOSPC', 'The notebook is full');
      },
      unlink: (dir, name) => {
        const node = this.lookup(dir, name);
        if (node === undefined) throw usage('ENOENT', `There is no ${name}`);
        this.#edit(node - 1).fill(0);
      },
      rename: (dir, from, _, to) => {
        const node = this.lookup(dir, from);
        if (node === undefined) throw usage('ENOENT', `There is no ${from}`);
        const encoded = encodeName(to);
        const page = this.#edit(node - 1);
        page.fill(0, 4, TEXT).set(encoded, 4);
        page[1] = encoded.length;
      },
      write: (node, at, from) => {
        const page = this.#edit(node - 1);
        if (at + from.length > this.#sizeOf(node)) setSize(page, at + from.length);
        page.set(from, TEXT + at);
        return from.length;
      },
      truncate: (node, size) => {
        setSize(this.#edit(node - 1), size);
      },
      sync: () => {
        if (this.#changed.size === 0) return;
        const generation = new Uint8Array(new Uint32Array([this.generation + 1]).buffer);
        const writes = [...this.#changed].map(([page, bytes]) => ({ at: page * PAGE, bytes }));
        const first = readBytes(this.#device, 0, PAGE).slice();
        first.set(generation, 8);
        writes.push({ at: 0, bytes: first });
        if (access.durability === 'direct') access.redo!.begin(writes);
        for (const { at, bytes } of writes) this.#device.write!(at, bytes);
        this.#device.flush?.();
        if (access.durability === 'direct') access.redo!.end();
        this.#changed.clear();
      },
      change() {}, hold() {}, release() {},
      mkdir: refuse, symlink: refuse, mknod: refuse, link: refuse, rmdir: refuse, setXattr: refuse, removeXattr: refuse,
    };
  }
}

const check: Check = async (device, { accept, found }, job) => {
  let findings = 0;
  let repaired = 0;
  for (let page = 1; page < device.size / PAGE; page++) {
    const pause = job.breathe();
    if (pause) await pause;
    if (readBytes(device, page * PAGE, 1)[0] !== 2) continue;
    const finding = {
      id: `page-${page}`, code: '1/damaged-page', severity: 'error', message: `Page ${page} is damaged`, meaning: 'What was on it is lost.',
      place: { structure: `page ${page}`, at: page * PAGE, length: PAGE }, repair: 'Make it an empty page',
    } as const;
    findings++;
    const wanted = accept(finding);
    if (wanted) {
      device.write!(page * PAGE, new Uint8Array(PAGE));
      repaired++;
    }
    found({ ...finding, repaired: wanted });
  }
  return { state: findings === 0 ? 'clean' : findings === repaired ? 'fixed' : 'errors', findings, repaired };
};

const notebook: FilesystemFormat = {
  id: 'notebook', kind: 'filesystem', name: 'Notebook',
  probe: (device) => (device.size >= PAGE && MAGIC.every((byte, i) => readBytes(device, 0, MAGIC.length)[i] === byte) ? { confidence: 90, evidence: ['“NOTES!” at 0x0'] } : undefined),
  open: async (device: BlockDevice, context: OpenContext) => new Notebook(device, context.write),
  check: async () => check,
};

export const notebookEntry: RegistryEntry = { id: 'notebook', kind: 'filesystem', name: 'Notebook', magics: [{ at: 0, bytes: MAGIC }], load: async () => notebook };
