import type { ErrorData } from '../app/services.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import type { CheckEvent, FindingRow } from '../../shared/contract/edit.ts';
import type { EntryRow } from '../../shared/contract/rows.ts';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/** A name that is taken, in a job that writes. */
export interface FakeConflict {
  readonly path: string;
  readonly source: EntryRow;
  readonly target: EntryRow;
}

/** A job that writes: some steps, a question for each name that is taken, and then all of it is done at once. */
export class FakeWrite {
  paused = false;
  cancelled = false;
  reply: ((action: string, all?: boolean) => void) | undefined;
  /** What it did; undefined before its end, or when it was cancelled. */
  readonly #finish: (answers: ReadonlyMap<FakeConflict, string>) => void;
  readonly #ended: () => void;
  readonly #conflicts: readonly FakeConflict[];
  readonly #what: { readonly names: readonly string[]; readonly bytes: number; readonly slow: boolean };
  readonly #problem: string | undefined;

  /** @param policy of names that are taken @param problem something that can't be kept */
  constructor(what: { readonly names: readonly string[]; readonly bytes: number; readonly slow: boolean }, conflicts: readonly FakeConflict[], finish: (answers: ReadonlyMap<FakeConflict, string>) => void, ended: () => void, problem?: string) {
    this.#what = what;
    this.#conflicts = conflicts;
    this.#finish = finish;
    this.#ended = ended;
    this.#problem = problem;
  }

  async *run(): AsyncGenerator<JobEvent> {
    const { names, bytes, slow } = this.#what;
    const steps = slow ? 40 : 3;
    const answers = new Map<FakeConflict, string>();
    const policy = new Map<string, string>();
    const summary = (part: number): Extract<JobEvent, { event: 'end' }>['summary'] => ({ files: Math.round(names.length * part), directories: 0, bytes: Math.round(bytes * part), skipped: [...answers.values()].filter((each) => each === 'skip').length, problems: this.#problem === undefined ? 0 : 1 });
    try {
      yield { event: 'state', state: 'running' };
      for (const [i, conflict] of this.#conflicts.entries()) {
        const merge = conflict.source.type === 'dir' && conflict.target.type === 'dir';
        const kind = merge ? 'folder' : 'file';
        let action = policy.get(kind);
        if (action === undefined) {
          yield { event: 'state', state: 'asking' };
          yield { event: 'question', id: i + 1, question: { kind: 'conflict', path: conflict.path, source: side(conflict.source), target: side(conflict.target), ...(merge ? { merge } : {}) } };
          const answer = await new Promise<{ action: string; all: boolean }>((done) => { this.reply = (chosen, all = false) => done({ action: chosen, all }); });
          ({ action } = answer);
          if (answer.all) policy.set(kind, action);
          yield { event: 'state', state: 'running' };
        }
        if (action === 'stop') this.cancelled = true;
        if (this.cancelled) break;
        answers.set(conflict, action);
      }
      for (let step = 1; step <= steps && !this.cancelled; step++) {
        await sleep(slow ? 100 : 10);
        if (this.paused) {
          yield { event: 'state', state: 'paused' };
          while (this.paused && !this.cancelled) await sleep(20);
          if (!this.cancelled) yield { event: 'state', state: 'running' };
        }
        yield { event: 'progress', progress: { done: Math.round((bytes * step) / steps), total: bytes, unit: 'bytes', now: `/${names[Math.floor((names.length - 1) * (step / steps))] ?? ''}` }, ...(slow ? { speed: 88_000_000, remaining: (steps - step) / 10 } : {}) };
      }
      if (this.cancelled) {
        yield { event: 'end', state: 'cancelled', summary: summary(0) };
        return;
      }
      this.#finish(answers);
      if (this.#problem !== undefined) yield { event: 'log', note: { level: 'error', path: `/${names[0] ?? ''}`, message: this.#problem } };
    } finally {
      this.#ended();
    }
    yield { event: 'end', state: 'done', summary: summary(1) };
  }
}

function side({ type, size, mtime }: EntryRow): { type: string; size: number; mtime: bigint } {
  return { type, size, mtime };
}

/** What is wrong with "dirty.ext4": something of each severity, one that can't be repaired, and hostile words. */
const FINDINGS: readonly FindingRow[] = [
  { id: '0/superblock-checksum', code: '0/superblock-checksum', severity: 'error', message: 'The checksum of the primary superblock does not match', meaning: 'The superblock was changed by something that does not know its checksum, or was damaged.', place: { structure: 'superblock', at: 1024, length: 1024 }, repair: 'Make the checksum anew', repaired: false },
  { id: '1/inode-block-outside/1312', code: '1/inode-block-outside', severity: 'error', message: 'Inode 1312 (/broken inode.dat) has a block outside of the filesystem: 4294967295', meaning: 'A part of the file is lost; the rest of it can be read.', place: { structure: 'inode 1312', at: 1_449_216, length: 256 }, repair: 'Take the block out of the file', repaired: false },
  { id: '2/entry-deleted/2/77', code: '2/entry-deleted', severity: 'error', message: 'The entry “\\u{202e}evil\\x07” of folder / points to inode 77, which is not in use', meaning: 'There is nothing behind the name.', place: { structure: 'directory block 0 of inode 2', at: 528_384, length: 4096 }, repair: 'Remove the entry', repaired: false },
  { id: '3/inode-unconnected/4711', code: '3/inode-unconnected', severity: 'error', message: 'Inode 4711 is in use and in no folder', meaning: 'Its contents are whole, but it has lost its name.', repair: 'Connect it to /lost+found', repaired: false },
  ...Array.from({ length: 120 }, (_, i): FindingRow => ({ id: `4/link-count/${5000 + i}`, code: '4/link-count', severity: 'warning', message: `Inode ${5000 + i} (/home/ada/pictures/IMG_${4000 + i}.jpg) has 3 links, its names are 2`, meaning: 'The file would not be freed when its last name is deleted.', repair: 'Set the count to 2', repaired: false })),
  { id: '5/free-blocks', code: '5/free-blocks', severity: 'warning', message: 'The superblock counts 105,484 free blocks, there are 105,472', meaning: 'Programs show a wrong free space.', repair: 'Correct the count', repaired: false },
  { id: '1/journal-old', code: '1/journal-old', severity: 'note', message: 'The journal holds 12 transactions that were not written back', meaning: 'The filesystem was not unmounted; the check looked at it as it is after recovery.', repair: 'Write them back and empty the journal', repaired: false },
  { id: '1/inode-from-the-future/12', code: '1/inode-from-the-future', severity: 'note', message: `Inode 12 (/${'a very long name '.repeat(30)}) is from the year 2446`, meaning: 'Nothing is wrong with its contents.', repaired: false },
];

/** A check of a second for "dirty.ext4", slow for "slow-check.ext4", clean at once for all others. With `accepted` those are repaired. */
export class FakeCheck {
  paused = false;
  cancelled = false;
  reply: undefined;
  readonly #name: string;
  readonly #accepted: ReadonlySet<string> | undefined;
  readonly #fixed: ReadonlySet<string>;
  readonly #repaired: (ids: ReadonlySet<string>) => void;
  #ended = (): void => {};
  readonly #end = new Promise<void>((done) => { this.#ended = done; });

  constructor(name: string, fixed: ReadonlySet<string>, accepted?: ReadonlySet<string>, repaired: (ids: ReadonlySet<string>) => void = () => {}) {
    this.#name = name;
    this.#accepted = accepted;
    this.#fixed = fixed;
    this.#repaired = repaired;
  }

  again(accepted: ReadonlySet<string>, fixed: ReadonlySet<string>, repaired: (ids: ReadonlySet<string>) => void): FakeCheck {
    return new FakeCheck(this.#name, fixed, accepted, repaired);
  }

  get findings(): readonly FindingRow[] {
    const all = this.#name === 'dirty.ext4' || this.#name.includes('slow-check') ? FINDINGS : [];
    return all.filter(({ id }) => !this.#fixed.has(id)).map((each) => ({ ...each, repaired: this.#accepted?.has(each.id) === true && each.repair !== undefined }));
  }

  get report(): string {
    const { findings } = this;
    return [`Check of ${this.#name}`, ...findings.map(({ severity, code, message, repaired }) => `${severity} ${code}: ${message}${repaired ? ' (repaired)' : ''}`), findings.length === 0 ? 'Nothing is wrong.' : `${findings.length} findings`, ''].join('\n');
  }

  async *rows(): AsyncGenerator<CheckEvent> {
    const { findings } = this;
    for (let at = 0; at < findings.length; at += 40) {
      yield { event: 'findings', findings: findings.slice(at, at + 40) };
      await sleep(20);
    }
    await this.#end;
    if (this.cancelled) return;
    const repaired = findings.filter((each) => each.repaired).length;
    yield { event: 'end', state: findings.length === 0 ? 'clean' : repaired === findings.length ? 'fixed' : 'errors', findings: findings.length, repaired, cut: false };
  }

  async *run(): AsyncGenerator<JobEvent> {
    const slow = this.#name.includes('slow-check');
    const steps = slow ? 400 : this.findings.length === 0 ? 2 : 8;
    const summary = { files: 0, directories: 0, bytes: 0, skipped: 0, problems: this.findings.filter(({ severity }) => severity !== 'note').length };
    yield { event: 'state', state: 'running' };
    for (let step = 1; step <= steps && !this.cancelled; step++) {
      await sleep(50);
      if (this.paused) yield { event: 'state', state: 'paused' };
      while (this.paused && !this.cancelled) await sleep(20);
      yield { event: 'state', state: 'running' };
      yield { event: 'progress', progress: { done: Math.round((65_536 * step) / steps), total: 65_536, unit: 'blocks', now: `Pass ${Math.min(5, 1 + Math.floor((step * 5) / steps))} of 5` }, remaining: (steps - step) / 20 };
    }
    this.#ended();
    if (!this.cancelled && this.#accepted !== undefined) this.#repaired(new Set(this.findings.filter(({ repaired }) => repaired).map(({ id }) => id)));
    yield { event: 'end', state: this.cancelled ? 'cancelled' : 'done', summary };
  }
}

export const readOnly: ErrorData = { fault: { kind: 'usage', errno: 'EROFS' }, message: 'The image is open for reading', advice: 'Unlock it to edit.' };
export const busy = (message: string): ErrorData => ({ fault: { kind: 'busy' }, message });
