import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DiskError } from '../../engines/core/errors.ts';
import { privatePlace } from '../sockets/place.ts';
import { machineArguments, type MachineArguments } from './arguments.ts';
import { bytesOnDisk, keepNewest, touch } from './cache.ts';
import { type MachineProgram, programKey } from './qemu.ts';
import type { Qmp } from './qmp.ts';

/** Saved states that are kept, and bytes of all of them. A state is about half of a guest's memory. */
const MOST_STATES = 8;
const MOST_BYTES = 1.5 * 2 ** 30;

/** Bytes of a machine's state without its memory: 0.4 MB as a rule. */
const MOST_DEVICE_BYTES = 64 << 20;

/** Milliseconds that saving may take, without the boot. */
const SAVE_WITHIN = 120_000;

/** A temporary folder this old (milliseconds) was left by a process that died. */
const STALE = 3_600_000;

const MEMORY = 'memory';
const DEVICE = 'device';

/** A machine that was booted without an image and saved. Machines start from it by their own copy of its memory. */
export interface SavedState {
  readonly memory: string;
  readonly device: string;
  readonly folder: string;
}

/** The saved states of this computer. One is never shipped: all that start from it share the layout of its kernel's memory. */
export class SavedStates {
  readonly #folder: string;

  constructor(cache: string) {
    this.#folder = join(cache, 'states');
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  /** What must be the same for a state to be resumed: QEMU, every argument, and the guest's bytes. */
  key(program: MachineProgram, machine: MachineArguments, digest: string): string {
    const args = machineArguments({ ...machine, disks: machine.disks.map(() => undefined), state: { file: '', use: 'make' } });
    return createHash('sha256').update([programKey(program), digest, ...args].join('\n')).digest('hex').slice(0, 32);
  }

  find(key: string): SavedState | undefined {
    const state = this.#state(join(this.#folder, key));
    if (!existsSync(state.device) || !existsSync(state.memory)) return undefined;
    touch(state.folder);
    return state;
  }

  /** It could not be resumed. */
  remove(state: SavedState): void {
    rmSync(state.folder, { recursive: true, force: true });
  }

  /** An empty place for a new state. `keep` makes it the state of this key; `drop` forgets it. */
  prepare(key: string): { readonly state: SavedState; keep(): void; drop(): void } {
    this.#removeStale();
    const state = this.#state(join(this.#folder, `${key}.${randomUUID()}.tmp`));
    mkdirSync(state.folder, { mode: 0o700 });
    const drop = () => this.remove(state);
    return {
      state, drop,
      keep: () => {
        const path = join(this.#folder, key);
        try {
          renameSync(state.folder, path);
        } catch {
          // Another process made the same one meanwhile.
          drop();
        }
        keepNewest(this.#folder, MOST_STATES, MOST_BYTES, path);
      },
    };
  }

  /** Bytes that all of them take. */
  get bytes(): number {
    return bytesOnDisk(this.#folder);
  }

  #state(folder: string): SavedState {
    return { folder, memory: join(folder, MEMORY), device: join(folder, DEVICE) };
  }

  #removeStale(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      try {
        if (name.endsWith('.tmp') && Date.now() - statSync(path).mtimeMs > STALE) rmSync(path, { recursive: true, force: true });
      } catch {
        // Another process was first.
      }
    }
  }
}

/** The machine's memory lies in its file already; what is left of its state is little, and goes into another. */
const IGNORE_SHARED = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

/**
 * Writes the state of a running machine. It stands still afterwards.
 * @throws DiskError guest, timeout
 */
export async function saveState(qmp: Qmp, state: SavedState, guest: string): Promise<void> {
  const place = await privatePlace('nbd');
  const { path } = place;
  const pieces: Buffer[] = [];
  let size = 0;
  const fail = (message: string) => new DiskError({ kind: 'guest', guest }, message);
  // QEMU's sandbox lets it start no program to pipe into, so it connects to us.
  const server = createServer();
  const received = new Promise<void>((resolve, reject) => {
    server.on('error', (error) => reject(fail(error.message)));
    server.on('connection', (socket) => {
      server.close();
      socket.on('data', (bytes) => {
        size += bytes.length;
        if (size <= MOST_DEVICE_BYTES) pieces.push(bytes);
        else reject(fail('The saved state is too large'));
      });
      socket.on('end', resolve);
      socket.on('error', (error) => reject(fail(error.message)));
    });
  });
  received.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new DiskError({ kind: 'timeout', ms: SAVE_WITHIN }, 'The state was not saved in time')), SAVE_WITHIN); });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await qmp.execute('migrate-set-capabilities', IGNORE_SHARED);
    const completed = new Promise<void>((resolve, reject) => {
      qmp.onEvent(({ event }) => { if (event === 'STOP') resolve(); });
      late.catch(reject);
    });
    await qmp.execute('migrate', { uri: `unix:${path}` });
    await Promise.race([Promise.all([received, completed]), late]);
    const status = await qmp.execute('query-migrate') as { readonly status?: unknown } | undefined;
    if (status?.status !== 'completed') throw fail(`QEMU did not save the state: ${String(status?.status)}`);
    writeFileSync(state.device, Buffer.concat(pieces));
  } finally {
    clearTimeout(timer);
    server.close();
    place.remove();
  }
}

/** Opens what QEMU is given to resume from. @returns undefined when it is gone */
export function openState(state: SavedState): number | undefined {
  try {
    return openSync(state.device, 'r');
  } catch {
    return undefined;
  }
}

/** Lets a machine that was started to be resumed go on from a state. @param descriptor as QEMU inherited it */
export async function resumeState(qmp: Qmp, descriptor: number): Promise<void> {
  await qmp.execute('migrate-set-capabilities', IGNORE_SHARED);
  await qmp.execute('migrate-incoming', { uri: `fd:${descriptor}` });
}
