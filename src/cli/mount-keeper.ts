import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type DiskError, toDiskError } from '../engines/core/errors.ts';
import { dataFolder } from '../host/edit/places.ts';
import type { ImageSession } from '../host/session.ts';
import { EXIT, errorText } from './exit.ts';
import { CliJob } from './job.ts';
import { humanSize } from './text.ts';

/** Names that are tried for an image with changes that could not be applied. */
const MOST_NAMES = 100;

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

/** Brings what programs wrote to the image; where that fails, to a new image. Never throws. */
export async function keepChanges(session: ImageSession, json: boolean): Promise<Kept> {
  const { editing } = session;
  const { state } = editing;
  if (state.state !== 'editing' || state.how === 'direct') return { exit: EXIT.done, message: 'what was written is in the image' };
  if (state.operations === 0) return { exit: EXIT.done, message: 'nothing was written', applied: 0 };
  try {
    const { bytes } = await new CliJob({ title: 'Applying', json }).run((context) => editing.apply(context));
    return { exit: EXIT.done, message: `${humanSize(bytes)} were applied`, applied: bytes };
  } catch (error) {
    return rescue(session, toDiskError(error), json);
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
  const reasons: string[] = [];
  for (const folder of [join(session.path, '..'), dataFolder()]) {
    try {
      const path = freeName(folder, basename(session.path));
      await new CliJob({ title: 'Saving', json }).run((job) => session.editing.saveAs(path, { job }));
      return { exit: EXIT.failed, message: `the changes could not be applied: ${why}\n  ${half !== undefined ? 'The image is made whole when it is opened next; with the changes it is' : changed === undefined ? 'The image is as it was; with the changes it is' : 'The image with the changes is'} ${path}` };
    } catch (second) {
      reasons.push(toDiskError(second).message);
    }
  }
  // Another program wrote to the image: what the changes would fit to is gone.
  if (changed !== undefined) return { exit: EXIT.failed, message: `the changes could not be applied, and are lost: ${why}` };
  return { exit: EXIT.failed, held: true, message: `the changes could not be applied: ${why}\n  Nor could a new image be written: ${reasons[0]!}` };
}

/** "disk.img.changed", and so on. */
function freeName(folder: string, name: string): string {
  for (let i = 1; i < MOST_NAMES; i++) {
    const path = join(folder, `${name}.changed${i === 1 ? '' : `-${i}`}`);
    if (!existsSync(path)) return path;
  }
  return join(folder, `${name}.changed-${MOST_NAMES}`);
}
