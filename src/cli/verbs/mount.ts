import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { DiskError, toDiskError } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import { SessionMounts, usersText } from '../../host/mounts/mounts.ts';
import { answersSent, forgetMount, isRunning, listMounts, type UnmountAnswer } from '../../host/mounts/registry.ts';
import type { ImageSession } from '../../host/session.ts';
import type { MountOptions, MountProviderId, MountRow, Unmounted } from '../../shared/contract/mounts.ts';
import { EXIT, errorText, shownText, UsageError } from '../exit.ts';
import { CliJob, SIGNALS } from '../job.ts';
import { type Kept, keepChanges, staying } from '../mount-keeper.ts';
import { type ImageOptions, openFilesystem, withImage } from '../open.ts';
import { stderr, stdout } from '../streams.ts';
import { table } from '../text.ts';

/** Milliseconds between two tries to unmount what is in use. */
const TRY_EVERY = 500;

export interface MountVerbOptions extends ImageOptions {
  readonly write?: boolean;
  readonly direct?: boolean;
  readonly backend?: MountProviderId;
  readonly uid?: string;
  readonly gid?: string;
  readonly umask?: string;
  readonly shared?: boolean;
}

/** Mounts a volume until it is unmounted, by whatever means; without an image, lists what is mounted. */
export function mountImage(image: string | undefined, folder: string | undefined, options: MountVerbOptions): Promise<number> {
  if (image === undefined) return list(options.json === true);
  const { write = false, direct = false, shared = false, json = false } = options;
  if (direct && !write) throw new UsageError('--direct is a way of writing: say --write --direct');
  const chosen: MountOptions = {
    write, ...(options.backend === undefined ? {} : { provider: options.backend }),
    ...numberOption('uid', options.uid), ...numberOption('gid', options.gid), ...umaskOption(options.umask),
  };
  const job = new CliJob({ title: 'Opening', json });
  return job.run((context) => withImage(image, options, async (session) => {
    const { path: layer } = await openFilesystem(session, options.part, context);
    if (write) await unlock(session, direct, context);
    const serving = new Serving(session, json);
    await serving.begin({ layer, options: chosen, direct, shared, ...(folder === undefined ? {} : { at: placeOf(folder) }) });
    job.letGo();
    return serving.end();
  }, context));
}

async function unlock({ editing }: ImageSession, direct: boolean, job: CliJob['context']): Promise<void> {
  await editing.unlock({ direct, job });
  const { state } = editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
}

/** One mount in the foreground, and what ends it: a signal, `clutch umount`, another program's umount, or that it fails. */
class Serving {
  readonly #session: ImageSession;
  readonly #json: boolean;
  readonly #mounts: SessionMounts;
  readonly #outcome: Promise<Kept>;
  #tellOutcome!: (kept: Kept) => void;
  #row!: MountRow;
  #lost = false;
  /** It is mounted on a folder that stays when it is not. */
  #stays = false;
  /** Signals that came and were not dealt with. */
  #signals = 0;
  #wake: (() => void) | undefined;

  constructor(session: ImageSession, json: boolean) {
    this.#session = session;
    this.#json = json;
    this.#outcome = new Promise((resolved) => { this.#tellOutcome = resolved; });
    this.#mounts = new SessionMounts({
      session,
      onLost: (_mount, error) => {
        this.#lost = true;
        this.#tell(`what programs wrote last could not be kept, and was taken back: ${errorText(error).replace(/^clutch: /, '')}`);
      },
      unmount: (_mount, lazy, say) => this.#asked(lazy, say),
    });
  }

  /** @throws DiskError when it can't be mounted so */
  async begin(asked: Parameters<SessionMounts['start']>[0]): Promise<void> {
    this.#stays = asked.at !== undefined && existsSync(asked.at);
    this.#row = await this.#mounts.start(asked);
    const { at, mounted, write, provider, advice } = this.#row;
    stdout.line(this.#json ? JSON.stringify({ at, mounted, provider, write, ...(advice === undefined ? {} : { advice }) }) : at);
    stdout.flush();
    this.#tell(`${displayName(this.#session.name)} is ${mounted ? 'mounted' : 'served'} ${write ? 'for reading and writing' : 'for reading'}; Ctrl-C ${mounted ? 'unmounts it' : 'ends it'}`);
    if (advice !== undefined) this.#tell(advice);
  }

  /** Serves until it is enough. @returns the exit status */
  async end(): Promise<number> {
    const onSignal = (): void => {
      this.#signals++;
      this.#wake?.();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    // Progress that is shown where nobody looks any more is no reason to end.
    process.stderr.on('error', () => {});
    try {
      const ended = this.#mounts.ended(this.#row.mount);
      await Promise.race([ended, this.#unmountOnSignal()]);
      const end = await Promise.race([ended, setTimeout(0, undefined)]);
      const failed = end?.how === 'failed' ? end.message ?? 'The mount failed' : undefined;
      if (failed !== undefined) this.#tell(failed);
      const kept = await this.#keep();
      const exit = failed !== undefined || this.#lost ? EXIT.failed : kept.exit;
      if (this.#json) stdout.line(JSON.stringify({ ended: this.#row.at, exit, ...(kept.applied === undefined ? {} : { applied: kept.applied }), message: kept.message }));
      else if (kept.message !== '') this.#tell(kept.message);
      this.#tellOutcome({ ...kept, exit });
      await answersSent();
      return exit;
    } finally {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    }
  }

  /** What was written is kept; while that can't be, every signal is another try. */
  async #keep(): Promise<Kept> {
    if (!this.#row.write) return { exit: EXIT.done, message: '' };
    for (;;) {
      const kept = await keepChanges(this.#session, this.#json);
      if (kept.held !== true) return kept;
      this.#tell(`${kept.message}\n  Only this process has them: mend that, and press Ctrl-C to try again (or kill it: they are lost then)`);
      this.#tellOutcome({ ...kept, message: `${kept.message}\n  Only process ${process.pid} has them: Ctrl-C there tries again` });
      this.#signals = 0;
      await staying(this.#signal());
    }
  }

  /** The first signal unmounts, and waits for those who have something open; the second takes it out of their way, the third waits for nobody. */
  async #unmountOnSignal(): Promise<void> {
    const { mount, at } = this.#row;
    await this.#signal();
    let told = false;
    for (let end = await this.#stop(false); !end.done; end = await this.#stop(false)) {
      if (!told) this.#tell(`${at} is in use${usersText(end.users)}; it is unmounted when that has ended. Ctrl-C takes it out of the way at once`);
      told = true;
      if (this.#signals > 1) break;
      await setTimeout(TRY_EVERY);
    }
    if (this.#signals < 2) return;
    if (!(await this.#stop(true)).done) return;
    this.#tell(`${at} is out of the way${this.#whatIsThere()}; those who have something of it open are served until they close it. Ctrl-C cuts them off`);
    this.#signals = 0;
    await Promise.race([this.#mounts.ended(mount), this.#signal()]);
  }

  async #stop(lazy: boolean): Promise<Unmounted> {
    try {
      return await this.#mounts.stop(this.#row.mount, lazy);
    } catch (error) {
      // It ended by itself meanwhile.
      if (!this.#mounts.rows.some(({ mount }) => mount === this.#row.mount)) return { done: true };
      return { done: false, users: [], reason: toDiskError(error).message };
    }
  }

  /** `clutch umount`. */
  async #asked(lazy: boolean, say: (text: string) => void): Promise<UnmountAnswer> {
    const end = await this.#stop(lazy);
    if (!end.done) return { done: false, users: end.users, message: end.reason };
    if (lazy) say(`it is out of the way${this.#whatIsThere()}; it ends when nobody has anything of it open`);
    const { exit, message } = await this.#outcome;
    return { done: true, exit, message };
  }

  /** Whoever goes on by its path shall know where that leads, while others still use what was mounted there. */
  #whatIsThere(): string {
    return this.#stays ? ' (its folder is a plain one of this computer again: what is written there by its path does not reach the volume)' : '';
  }

  /** Resolves at the next signal, or at once when one has come. */
  async #signal(): Promise<void> {
    while (this.#signals === 0) await new Promise<void>((resolved) => { this.#wake = resolved; });
  }

  /** Never throws: a terminal that was closed must not keep what was written from being applied. */
  #tell(text: string): void {
    try {
      stderr.line(shownText(`clutch: ${text}`));
      stderr.flush();
    } catch {
      // Nobody reads it.
    }
  }
}

/** The mounts of this account. Those whose process was killed are forgotten. */
async function list(json: boolean): Promise<number> {
  const rows = [];
  for (const known of listMounts()) {
    if (await isRunning(known)) rows.push(known);
    else forgetMount(known);
  }
  if (json) for (const { at, image, layer, provider, write, pid } of rows) stdout.line(JSON.stringify({ at, image, layer, provider, write, pid }));
  else if (rows.length > 0) for (const line of table([['MOUNTED AT', 'IMAGE', 'LAYER', 'BY', 'FOR', 'PROCESS'], ...rows.map(({ at, image, layer, provider, write, pid }) => [displayName(at), displayName(image), layer, provider, write ? 'writing' : 'reading', String(pid)])], 'lllllr')) stdout.line(line);
  else stderr.line('clutch: nothing is mounted');
  return EXIT.done;
}

/** A folder; a drive's letter stays one. */
function placeOf(folder: string): string {
  return process.platform === 'win32' && /^[a-z]:\\?$/i.test(folder) ? folder.slice(0, 2) : resolve(folder);
}

/** @throws UsageError */
function numberOption(name: 'uid' | 'gid', text: string | undefined): { uid?: number; gid?: number } {
  if (text === undefined) return {};
  if (!/^\d+$/.test(text) || Number(text) > 0xffff_fffe) throw new UsageError(`--${name} takes a number, not "${text}"`);
  return { [name]: Number(text) };
}

/** @throws UsageError */
function umaskOption(text: string | undefined): { umask?: number } {
  if (text === undefined) return {};
  if (!/^[0-7]{1,4}$/.test(text) || parseInt(text, 8) > 0o777) throw new UsageError(`--umask takes permission bits in octal (022), not "${text}"`);
  return { umask: parseInt(text, 8) };
}
