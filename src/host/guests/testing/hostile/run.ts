import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskError, isDiskError } from '../../../../engines/core/errors.ts';
import type { Cursor, FileSystem, NodeId } from '../../../../engines/core/filesystem.ts';
import { GUEST } from '../../../../engines/core/offers.ts';
import { random } from '../../../../engines/testing/fuzz/random.ts';
import { openImage } from '../../../session.ts';
import { installed } from '../../installed.ts';
import type { GuestMachine } from '../../machine.ts';
import type { Guest } from '../../manifest.ts';
import type { GuestSupport } from '../../support.ts';
import { digestOf, mutate, type Seed } from './images.ts';

/** How far one image is walked. */
const LIMITS = { nodes: 120, depth: 8, batches: 20, bytes: 128 * 1024 };

/** Milliseconds that one image may have; then its guest is ended, as a person would do. */
const PATIENCE = 90_000;
/** Milliseconds in which all must be over after that. */
const OVER = 120_000;

/** What became of one image. */
export interface Outcome {
  readonly name: string;
  readonly mutations: string;
  readonly what: 'opened' | 'refused' | 'not made';
  /** Why it was not opened. */
  readonly reason: string;
  readonly nodes: number;
  /** DiskErrors met while it was walked and written to. */
  readonly errors: number;
  readonly written: boolean;
  /** Causes of machines that ended of themselves, or were ended for they hung. */
  readonly deaths: readonly string[];
  /** What broke a promise of ours. */
  readonly failure: string | undefined;
}

/** Opens hostile images by a guest, one after another. */
export class Hostile {
  readonly #guest: Guest;
  readonly #folder = mkdtempSync(join(tmpdir(), 'clutch-test-hostile-'));

  constructor(guest: Guest) {
    this.#guest = guest;
  }

  /** Never throws for what an image does. */
  async run(seed: Seed, runSeed: number, number: number): Promise<Outcome> {
    const path = join(this.#folder, `${number}.img`);
    const dice = random(runSeed, number);
    const found = { name: seed.name, mutations: 'as it was crafted', what: 'not made' as Outcome['what'], reason: '', nodes: 0, errors: 0, written: false, deaths: [] as string[], failure: undefined as string | undefined };
    try {
      try {
        seed.make(path);
        if (!seed.crafted) found.mutations = mutate(path, dice);
      } catch (error) {
        return { ...found, reason: (error as Error).message };
      }
      const before = digestOf(path);
      const machines: GuestMachine[] = [];
      const support = watched(machines, found.deaths);
      let hung: NodeJS.Timeout | undefined;
      let over: NodeJS.Timeout | undefined;
      try {
        hung = setInterval(() => { for (const machine of machines) void machine.kill(); }, PATIENCE);
        await Promise.race([
          this.#open(path, seed, support, found, dice.oneIn(3)),
          new Promise<never>((_, reject) => { over = setTimeout(() => reject(new Error('it is not over though its guest was ended')), PATIENCE + OVER); }),
        ]);
      } catch (error) {
        if (!isDiskError(error)) found.failure = (error as Error).stack ?? String(error);
        else if (error.message === '') found.failure = 'an error without a reason';
        else [found.what, found.reason] = [found.what === 'opened' ? 'opened' : 'refused', error.message];
      } finally {
        clearInterval(hung);
        clearTimeout(over);
      }
      for (const { pid } of machines) if (existsSync(`/proc/${pid}`)) found.failure ??= `QEMU ${pid} still runs`;
      if (digestOf(path) !== before) found.failure ??= 'the image changed';
      return found;
    } finally {
      rmSync(path, { force: true });
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #open(path: string, seed: Seed, support: GuestSupport, found: { what: Outcome['what']; nodes: number; errors: number; written: boolean }, write: boolean): Promise<void> {
    const session = await openImage(path, { guests: support, open: false });
    try {
      await session.reopen('0', { format: `${GUEST}${this.#guest.manifest.name}/${seed.format}` });
      found.what = 'opened';
      const fs = session.select().filesystem;
      await walk(fs, fs.root, found, 0);
      if (!write) return;
      try {
        await session.editing.unlock();
        await session.editing.operation({ text: 'Wrote', layer: '0' }, async () => { await scribble(session.select().filesystem); });
        found.written = true;
      } catch (error) {
        count(error, found);
      }
    } finally {
      await session.close({ discard: true }).catch((error: unknown) => { count(error, found); });
    }
  }
}

/** What this computer has, with an eye on every machine. */
function watched(machines: GuestMachine[], deaths: string[]): GuestSupport {
  const support = installed();
  return {
    ...support,
    async launch(guest, options) {
      const machine = await support.launch(guest, options);
      machines.push(machine);
      void machine.ended.then(({ cause, message }) => {
        if (cause !== 'stopped') deaths.push(`${cause}: ${message}`);
        return undefined;
      });
      return machine;
    },
  };
}

/** DiskErrors are answers. @throws anything else */
function count(error: unknown, found: { errors: number }): void {
  if (!isDiskError(error)) throw error;
  found.errors++;
}

async function walk(fs: FileSystem, dir: NodeId, found: { nodes: number; errors: number }, depth: number): Promise<void> {
  try {
    let cursor: Cursor | undefined;
    for (let batches = 0; batches < LIMITS.batches && found.nodes < LIMITS.nodes; batches++) {
      const { entries, next } = await fs.list(dir, cursor);
      for (const { node } of entries) {
        if (++found.nodes > LIMITS.nodes) return;
        try {
          const { type, size } = await fs.stat(node);
          for (const name of (await fs.xattrs?.list(node))?.slice(0, 8) ?? []) await fs.xattrs!.get(node, name);
          if (type === 'dir' && depth < LIMITS.depth) await walk(fs, node, found, depth + 1);
          else if (type === 'symlink') await fs.readlink(node);
          else if (type === 'file') {
            const bytes = new Uint8Array(Math.min(size, LIMITS.bytes));
            await fs.read(node, 0, bytes);
            await fs.read(node, Math.max(0, size - bytes.length), bytes);
          }
        } catch (error) {
          count(error, found);
        }
      }
      if (next === undefined) return;
      cursor = next;
    }
  } catch (error) {
    count(error, found);
  }
}

async function scribble(fs: FileSystem): Promise<void> {
  const { writer, root } = fs;
  if (writer === undefined) throw new DiskError({ kind: 'unsupported', feature: 'writing' }, fs.info.access.reason);
  const node = await writer.create(root, 'SCRIBBLE.TXT', { mode: 0o644 });
  await writer.write(node, 0, new Uint8Array(50_000).fill(1));
  const first = (await fs.list(root)).entries[0]?.name;
  if (first !== undefined) await writer.rename(root, first, root, 'RENAMED.TXT', 'replace');
}

/** Processes that this one started and that still run, as they call themselves. */
export function childProcesses(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, comm, state, parent] = /^\d+ \((.*)\) (\S) (\d+)/s.exec(stat)!;
      return Number(parent) === process.pid && state !== 'Z' && comm!.startsWith('qemu') ? [`${comm} ${pid}`] : [];
    } catch {
      return []; // It ended meanwhile.
    }
  });
}
