import { type Digests, type HashName, type HashRow, type SumList } from '../../shared/contract/checksums.ts';
import type { JobEvent } from '../../shared/contract/calls.ts';
import { HASH_DIGITS } from '../../shared/sums.ts';
import { childrenOf, type FakeNode } from './tree.ts';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/** Digits of the right number that depend on what is hashed: no checksum, but as good as one for a page. */
export function fakeDigest(path: string, algorithm: HashName): string {
  let digits = '';
  let state = 2166136261;
  for (let i = 0; digits.length < HASH_DIGITS[algorithm]; i++) {
    for (const character of `${algorithm} ${path} ${i}`) state = Math.imul(state ^ character.codePointAt(0)!, 16777619) >>> 0;
    digits += state.toString(16).padStart(8, '0');
  }
  return digits.slice(0, HASH_DIGITS[algorithm]);
}

/** A job of checksums: half a second for a few files, until it is stopped for the name "video.mkv" and whatever has no files. */
export class FakeHash {
  paused = false;
  cancelled = false;
  reply: ((action: string, all?: boolean) => void) | undefined;
  readonly #files: readonly { path: string; display: string; size: number; error?: HashRow['error'] }[];
  readonly #algorithms: readonly HashName[];
  readonly #isSlow: boolean;
  #ended: (() => void) | undefined;

  constructor(nodes: readonly FakeNode[] | undefined, name: string, algorithms: readonly HashName[]) {
    this.#files = nodes === undefined ? [{ path: name, display: name, size: 2 ** 30 }] : nodes.flatMap((node) => [...filesOf(node, '')]);
    this.#algorithms = algorithms;
    this.#isSlow = this.#files.some(({ path }) => path === 'video.mkv');
  }

  async *rows(): AsyncGenerator<HashRow[]> {
    const rows = this.#files.map(({ error, ...each }): HashRow => {
      const digests: Digests = {};
      if (error === undefined) for (const algorithm of this.#algorithms) digests[algorithm] = fakeDigest(each.path, algorithm);
      return { ...each, digests, ...(error === undefined ? {} : { error }) };
    });
    for (let at = 0; !this.#isSlow && at < rows.length; at += 200) yield rows.slice(at, at + 200);
    await new Promise<void>((done) => { this.#ended = done; });
  }

  async *run(): AsyncGenerator<JobEvent> {
    const total = this.#files.reduce((sum, { size }) => sum + size, 0);
    const summary = { files: this.#files.length, directories: 0, bytes: total, skipped: 0, problems: this.#files.filter(({ error }) => error !== undefined).length };
    yield { event: 'state', state: 'running' };
    for (let step = 1; this.#isSlow || step <= 3; step++) {
      await sleep(this.#isSlow ? 50 : 15);
      if (this.paused) yield { event: 'state', state: 'paused' };
      while (this.paused && !this.cancelled) await sleep(10);
      if (this.cancelled) {
        this.#ended?.();
        yield { event: 'end', state: 'cancelled', summary };
        return;
      }
      yield { event: 'state', state: 'running' };
      yield { event: 'progress', progress: { done: Math.min(total, (total / (this.#isSlow ? 400 : 3)) * step), total, unit: 'bytes', now: this.#files.at(-1)?.display ?? '' }, speed: 611_000_000, remaining: 7 };
    }
    this.#ended?.();
    yield { event: 'end', state: 'done', summary };
  }

}

function* filesOf(node: FakeNode, above: string): Generator<{ path: string; display: string; size: number; error?: HashRow['error'] }> {
  const { row } = node;
  const path = `${above}${row.name}`;
  if (row.type === 'dir') for (const child of childrenOf(node)) yield* filesOf(child, row.name === '' ? '' : `${path}/`);
  else if (row.type === 'file') yield { path, display: `${above}${row.display}`, size: row.size, ...(row.error === undefined ? {} : { error: row.error }) };
}

/** A list beside the files of "etc": one is right, one is wrong, and one is not in it. Beside the image: its own. */
export function fakeLists(folder: FakeNode | undefined, image: string): SumList[] {
  const list = (display: string, ...lines: [string, string][]): SumList => ({ display, lines: lines.map(([name, digest]) => ({ name, algorithm: 'sha256', digest })) });
  if (folder === undefined) return [list(`${image}.sha256`, [image, fakeDigest(image, 'sha256')])];
  return folder.row.name === 'etc' ? [list('SHA256SUMS', ['hostname', fakeDigest('hostname', 'sha256')], ['passwd', '0'.repeat(64)])] : [];
}
