import type { HostContract, SourceToken } from '../../shared/contract/calls.ts';
import type { mountCalls, MountProviderRow, MountRow, MountStats, MountUser, MountWay } from '../../shared/contract/mounts.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';
import type { ErrorData } from '../app/services.ts';

export type MountService = Pick<Service<HostContract>, keyof typeof mountCalls>;

/** What a fake image gives to its mounts. */
export interface FakeMountable {
  /** Whether it may be changed. */
  unlocked(): boolean;
  labelOf(layer: string): string;
  source(token: string): SourceToken;
  /** A program makes a file in the mounted volume. */
  write(layer: string, name: string): void;
  failure(error: ErrorData): Error;
}

const NOTHING: MountStats = { requests: 0, bytesRead: 0, bytesWritten: 0, open: 0 };

const FUSE: MountProviderRow = { id: 'fuse', title: 'FUSE', summary: 'A folder of this computer, served by Clutch to the kernel', available: { ok: true } };
const WEBDAV: MountProviderRow = { id: 'webdav', title: 'WebDAV', summary: 'A network folder on this computer alone, for file managers', available: { ok: true } };

/** The ways that the page of the matrix tells of. */
export const WAYS: MountWay[] = [
  { id: 'fuse', title: 'FUSE', summary: 'A folder of this computer, by the kernel of Linux.', systems: { Linux: 'the kernel, as root and by fusermount3' } },
  { id: 'winfsp', title: 'WinFsp', summary: 'A drive of Windows, by the driver WinFsp.', systems: { Windows: '' } },
  { id: 'webdav', title: 'WebDAV', summary: `A server on this computer alone. ${'It needs nothing installed. '.repeat(8)}`, systems: { Linux: 'davfs2, litmus and curl', macOS: '', Windows: '' } },
];

/** Ways to mount by `?mounts=`: none at all, WebDAV alone; else FUSE is the best, and others say why they can't be used. */
function providersOf(kind: string): MountProviderRow[] {
  const no = (reason: string) => ({ ok: false, reason }) as const;
  const fuse = kind === 'none' || kind === 'webdav' ? { ...FUSE, available: no('/dev/fuse is not there: the kernel has no FUSE, or the container that this runs in keeps it away') } : FUSE;
  return [
    fuse, kind === 'none' ? { ...WEBDAV, available: no('nothing can listen on the loopback interface here: \u001b[31mEPERM\u202e') } : WEBDAV,
    { id: 'fuse-native', title: 'FUSE by libfuse', summary: 'The same by a library of the system', available: no('the package “fuse-native” is not installed') },
    { id: 'winfsp', title: 'WinFsp', summary: 'A drive', available: no('this is not Windows') },
  ];
}

/**
 * The mounts of a fake image. `?mounts=`: "none" and "webdav" are the ways that are there; "fail" refuses to mount; "address" has an address only; "slow" waits for
 * `fake.mounts.go()`. What other programs do is done by `fake.mounts`: `ask` (they read and write), `hold` and `release`, `write`, `lose`, `break`, `end`.
 */
export class FakeMounts {
  readonly #kind: string;
  readonly #image: FakeMountable;
  readonly #listeners = new Set<() => void>();
  #rows: MountRow[] = [];
  #users: readonly MountUser[] = [];
  #last = 0;
  #broken: string | undefined;
  #go = (): void => {};

  constructor(kind: string, image: FakeMountable) {
    this.#kind = kind;
    this.#image = image;
  }

  get isWritten(): boolean {
    return this.#rows.some(({ write }) => write);
  }

  readonly service: MountService = {
    'mount.providers': () => providersOf(this.#kind),
    'mount.start': async ({ layer, options, target }) => {
      const { provider = providersOf(this.#kind).find(({ available }) => available.ok)?.id ?? 'fuse', write = false } = options;
      if (this.#kind === 'slow') await new Promise<void>((done) => { this.#go = done; });
      if (this.#kind === 'fail') throw this.#image.failure({ fault: { kind: 'io' }, message: 'fusermount3: mount failed: \u001b[31mOperation not permitted\u202e', advice: 'Ask whoever runs this computer whether /etc/fuse.conf lets you mount.' });
      if (write && !this.#image.unlocked()) throw this.#image.failure({ fault: { kind: 'usage', errno: 'EROFS' }, message: 'The image is open for reading', advice: 'Unlock it first.' });
      const chosen = target === undefined ? undefined : this.#image.source(target).path;
      if (chosen?.includes('full')) throw this.#image.failure({ fault: { kind: 'usage', errno: 'ENOTEMPTY' }, message: `${chosen} is not empty` });
      const mounted = this.#kind !== 'address';
      const at = mounted ? chosen ?? `/run/user/1000/clutch/${this.#image.labelOf(layer)}` : 'http://127.0.0.1:41234/2f6b0d4e9a71c3/';
      const row: MountRow = { mount: ++this.#last, layer, provider, at, mounted, write, stats: NOTHING, speed: 0, state: 'mounted', ...(mounted ? {} : { advice: 'Nothing here could mount it by itself: give this address to “Connect to server” of your file manager. It holds for as long as the image is open.' }) };
      this.#become([...this.#rows, row]);
      return row;
    },
    'mount.users': () => [...this.#users],
    'mount.stop': ({ mount, lazy }) => {
      if (!this.#rows.some((row) => row.mount === mount)) throw this.#image.failure({ fault: { kind: 'usage', errno: 'ENOENT' }, message: 'There is no such mount' });
      if (this.#broken !== undefined) {
        const message = this.#broken;
        this.#broken = undefined;
        this.end('failed', message);
        throw this.#image.failure({ fault: { kind: 'io' }, message });
      }
      if (this.#users.length === 0) this.#become(this.#rows.filter((row) => row.mount !== mount));
      else if (lazy === true) this.#patch({ state: 'leaving' }, mount);
      else return { done: false, users: this.#users, reason: `${this.#rows.find((row) => row.mount === mount)!.at} is in use` };
      return { done: true };
    },
    'mount.changes': (_params, cancel) => this.#changes(cancel),
  };

  /** The start that waits goes on. */
  go(): void {
    this.#go();
  }

  /** Programs ask for something. */
  ask(stats: Partial<MountStats>, speed: number): void {
    this.#become(this.#rows.map((row) => ({ ...row, stats: { ...row.stats, ...stats }, speed })));
  }

  /** Programs have something open. */
  hold(users: readonly MountUser[]): void {
    this.#users = users;
  }

  /** They let it go. */
  release(): void {
    this.#users = [];
    this.#become(this.#rows.filter(({ state }) => state !== 'leaving'));
  }

  /** A program makes a file there. @throws Error where it is mounted for reading */
  write(name: string): void {
    const row = this.#rows.find((each) => each.write);
    if (row === undefined) throw new Error('EROFS');
    this.#image.write(row.layer, name);
    this.#patch({ stats: { ...row.stats, bytesWritten: row.stats.bytesWritten + 12_288 } }, row.mount);
  }

  /** What programs wrote can't be kept. */
  lose(advice: string): void {
    this.#become(this.#rows.map((row) => ({ ...row, advice })));
  }

  /** The next unmount fails, and the mount is gone all the same. */
  break(message: string): void {
    this.#broken = message;
  }

  /** It ends by itself. */
  end(how: 'unmounted' | 'failed', message?: string): void {
    const before = this.#rows;
    this.#become(before.map((row) => ({ ...row, ended: { how, ...(message === undefined ? {} : { message }) } })));
    this.#become([]);
  }

  #patch(patch: Partial<MountRow>, mount: number): void {
    this.#become(this.#rows.map((row) => (row.mount === mount ? { ...row, ...patch } : row)));
  }

  #become(rows: MountRow[]): void {
    this.#rows = rows;
    for (const tell of this.#listeners) tell();
  }

  async *#changes(cancel: Cancel): AsyncGenerator<MountRow[]> {
    const waiting: MountRow[][] = [this.#rows];
    let wake = (): void => {};
    const tell = (): void => {
      waiting.push(this.#rows);
      wake();
    };
    this.#listeners.add(tell);
    cancel.onAbort(() => wake());
    while (!cancel.aborted) {
      const rows = waiting.shift();
      if (rows !== undefined) yield rows;
      else await new Promise<void>((done) => { wake = done; });
    }
    this.#listeners.delete(tell);
  }
}
