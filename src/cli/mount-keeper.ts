import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DiskError, toDiskError } from '../engines/core/errors.ts';
import { hostDisk } from '../host/edit/disk.ts';
import { dataFolder } from '../host/edit/places.ts';
import type { ImageSession } from '../host/session.ts';
import { EXIT, errorText } from './exit.ts';
import { CliJob, SIGNALS } from './job.ts';
import { humanSize } from './text.ts';

/** Names that are tried for an image with changes that could not be applied. */
const MOST_NAMES = 100;

/** Milliseconds: the longest that a timer of Node takes. */
const LONG = 2 ** 31 - 1;

/** What became of what programs wrote. */
export interface Kept {
  readonly exit: number;
  /** A sentence or two. */
  readonly message: string;
  /** Bytes that the image was given. */
  readonly applied?: number;
  /** The changes are nowhere but in this process. */
  readonly held?: boolean;
}

/**
 * Brings what programs wrote to the image; where that fails, to a new image. Never throws, and no signal stops it: a terminal that is closed sends several, and
 * whoever presses Ctrl-C again because it takes long does not mean to lose what was written.
 */
export async function keepChanges(session: ImageSession, json: boolean): Promise<Kept> {
  // Progress that is shown where nobody looks any more is no reason to fail.
  if (!process.stderr.listeners('error').includes(ignore)) process.stderr.on('error', ignore);
  const { editing } = session;
  const { state } = editing;
  if (state.state !== 'editing' || state.how === 'direct') return { exit: EXIT.done, message: 'what was written is in the image' };
  if (state.operations === 0) return { exit: EXIT.done, message: 'nothing was written', applied: 0 };
  try {
    const { bytes } = await new CliJob({ title: 'Applying', json, unstoppable: true }).run((context) => editing.apply(context));
    return { exit: EXIT.done, message: `${humanSize(bytes)} were applied`, applied: bytes };
  } catch (error) {
    return rescue(session, toDiskError(error), json);
  }
}

function ignore(): void {}

/**
 * As keepChanges, and while that can't be, every signal is another try.
 * @param tell for people; never throws
 * @returns the exit status
 */
export async function keepForSure(session: ImageSession, tell: (text: string) => void): Promise<number> {
  let again: (() => void) | undefined;
  // There all the time: a signal that nobody listens for ends the program.
  const onSignal = (): void => { again?.(); };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    for (;;) {
      const { exit, message, held = false } = await keepChanges(session, false);
      tell(message);
      if (!held) return exit;
      tell('only this process has them: mend that, and press Ctrl-C to try again (or kill it: they are lost then)');
      await staying(new Promise<void>((resolve) => { again = resolve; }));
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/** Waits without letting the program end: a handler of signals alone does not keep Node from ending when it has nothing else to do. */
export async function staying<T>(waited: Promise<T>): Promise<T> {
  const stays = setInterval(() => {}, LONG);
  try {
    return await waited;
  } finally {
    clearInterval(stays);
  }
}

/** The changes could not be applied: they must not be lost with this process. */
async function rescue(session: ImageSession, error: DiskError, json: boolean): Promise<Kept> {
  const why = errorText(error).replace(/^clutch: /, '');
  const { state } = session.editing;
  const half = state.state === 'editing' ? state.unfinished : undefined;
  // In part they are in the image, and all of them beside it: the next opening brings them to their end.
  if (half?.wayBack === false) return { exit: EXIT.failed, message: why };
  const changed = state.state === 'editing' ? state.changedUnderneath : undefined;
  const warnings: string[] = [];
  let failure: DiskError | undefined;
  for (const folder of [join(session.path, '..'), dataFolder()]) {
    try {
      hostDisk.makeFolder(folder);
      const path = freeName(folder, basename(session.path));
      await new CliJob({ title: 'Saving', json, unstoppable: true }).run((job) => session.editing.saveAs(path, { job: { ...job, log: ({ message }) => { warnings.push(message); } } }));
      return { exit: EXIT.failed, message: `the changes could not be applied: ${why}\n  ${half !== undefined ? 'The image is made whole when it is opened next; with the changes it is' : changed === undefined ? 'The image is as it was; with the changes it is' : 'The image with the changes is'} ${path}${warnings.map((each) => `\n  ${each}`).join('')}` };
    } catch (second) {
      failure ??= toDiskError(second);
    }
  }
  // The rest of what the changes belong to is gone, and no try will bring it back. A disk or a network that fails may come back.
  if (failure?.kind === 'io' && isCut(session)) return { exit: EXIT.failed, message: `the changes could not be applied, and are lost: ${why}` };
  return { exit: EXIT.failed, held: true, message: `the changes could not be applied: ${why}\n  Nor could a new image be written: ${failure!.message}` };
}

/** Whether a file of the image is shorter than it was. */
function isCut({ files, size }: ImageSession): boolean {
  try {
    const all = files.map((file) => statSync(file));
    return all.every((stats) => stats.isFile()) && all.reduce((sum, stats) => sum + stats.size, 0) < size;
  } catch {
    return false;
  }
}

/** "disk.img.changed", and so on. */
function freeName(folder: string, name: string): string {
  for (let i = 1; i < MOST_NAMES; i++) {
    const path = join(folder, `${name}.changed${i === 1 ? '' : `-${i}`}`);
    if (!existsSync(path)) return path;
  }
  return join(folder, `${name}.changed-${MOST_NAMES}`);
}
