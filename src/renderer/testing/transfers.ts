import type { JobEvent } from '../../shared/contract/calls.ts';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/** An extraction that takes some seconds, meets one conflict, one lost owner and one file that can't be read. One entry alone is done at once. */
export class FakeJob {
  paused = false;
  cancelled = false;
  reply: ((action: string, all?: boolean) => void) | undefined;
  readonly #entries: number;
  readonly #ask: boolean;

  constructor(entries: number, conflict: string) {
    this.#entries = entries;
    this.#ask = conflict === 'ask' && entries > 2;
  }

  /** What is left to do of it. */
  again(): FakeJob {
    return this.cancelled ? new FakeJob(this.#entries, 'skip') : new FakeJob(1, 'skip');
  }

  async *run(): AsyncIterable<JobEvent> {
    const steps = this.#entries === 1 ? 1 : 60;
    yield { event: 'state', state: 'running' };
    for (let step = 1; step <= steps; step++) {
      await sleep(steps === 1 ? 5 : 100);
      if (this.paused) {
        yield { event: 'state', state: 'paused' };
        while (this.paused && !this.cancelled) await sleep(20);
        if (!this.cancelled) yield { event: 'state', state: 'running' };
      }
      if (this.cancelled) {
        yield { event: 'end', state: 'cancelled', summary: { files: step, directories: 1, bytes: step * 1e6, skipped: 0, problems: 0 }, failed: 0 };
        return;
      }
      // How much there is to do is counted meanwhile.
      const counted = step < 4 ? {} : { total: steps * 1e6 };
      yield { event: 'progress', progress: { done: step * 1e6, ...counted, unit: 'bytes', now: `/etc/ssl/certs/certificate-${step}.pem` }, ...(step < 4 ? {} : { speed: 9_700_000, remaining: ((steps - step) * 100) / 1000 }) };
      if (step === 12) yield { event: 'log', note: { level: 'warning', path: '/etc/shadow', message: 'The owner could not be kept' } };
      if (step === 14 && steps > 1) yield { event: 'log', note: { level: 'info', path: '/sda', message: 'block device left out: device nodes are made only on request' } };
      if (step === 20) yield { event: 'log', note: { level: 'error', path: `/broken \\u{202e}inode${' with a very long name'.repeat(12)}.dat`, message: 'inode 1312 at byte 1449216: the checksum does not match' } };
      if (step === 8 && this.#ask) {
        yield { event: 'state', state: 'asking' };
        yield { event: 'question', id: 1, question: { kind: 'conflict', path: 'etc/hostname', source: { type: 'file', size: 7, mtime: 1_700_000_000_000_000_000n }, target: { type: 'file', size: 1204, mtime: 1_690_000_000_000_000_000n } } };
        await new Promise<string>((done) => { this.reply = done; });
        yield { event: 'state', state: 'running' };
      }
    }
    yield { event: 'end', state: 'done', summary: { files: this.#entries, directories: 3, bytes: steps * 1e6, skipped: 0, problems: steps === 1 ? 0 : 2 }, ...(steps === 1 ? {} : { failed: 1 }) };
  }
}
