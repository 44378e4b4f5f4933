import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ioError, usage } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import { usersText } from '../../host/mounts/mounts.ts';
import { mountedAt } from '../../host/mounts/mount-table.ts';
import { askUnmount, forgetMount, listMounts, type RunningMount } from '../../host/mounts/registry.ts';
import { EXIT, shownText } from '../exit.ts';
import { stderr } from '../streams.ts';

export interface UmountOptions {
  readonly lazy?: boolean;
}

/** Has a mount ended by the process that has it, and waits until what was written is where it belongs. @returns the exit status that the process ends with */
export async function umount(place: string, { lazy = false }: UmountOptions): Promise<number> {
  const found = find(place);
  if (found === undefined) throw notOurs(place);
  const tell = (text: string): void => {
    stderr.line(shownText(`clutch: ${displayName(found.at)}: ${text}`));
    stderr.flush();
  };
  const end = await askUnmount(found, lazy, tell);
  if (end === undefined) {
    forgetMount(found);
    if (process.platform === 'linux') await (await import('../../host/mounts/fuse.ts')).removeDeadMounts();
    const { at, pid } = found;
    if (mountedAt(at)?.type === 'fuse.clutch') throw ioError(`Process ${pid}, which had ${displayName(at)} mounted, is gone, and what it left can't be taken away: try umount -l`);
    tell(`process ${pid}, which had it mounted, is gone; what was left of it is taken away`);
    return EXIT.done;
  }
  if (!end.done) {
    tell(`it is in use${usersText(end.users)}\n  End what uses it, or take it out of the way with --lazy.`);
    return EXIT.failed;
  }
  if (end.message !== '') tell(end.message);
  return end.exit;
}

/** Without touching the place itself: whoever should answer may hang. */
function find(place: string): RunningMount | undefined {
  const running = listMounts();
  const typed = resolve(place);
  const places = new Set([place, typed]);
  try {
    places.add(join(realpathSync(dirname(typed)), basename(typed)));
    // A symlink that leads to one.
    if (process.platform === 'linux' && mountedAt(typed) === undefined) places.add(realpathSync(typed));
  } catch {
    // Nothing is there.
  }
  return running.find(({ at }) => places.has(at));
}

function notOurs(place: string): Error {
  const typed = resolve(place);
  const there = mountedAt(typed);
  if (there?.type === 'fuse.clutch') return usage('EACCES', `${displayName(place)} is a mount of Clutch that this account has not made, or whose process can't be asked`, `umount ${displayName(typed)} ends it.`);
  return usage('EINVAL', there === undefined ? `Nothing of Clutch is mounted at ${displayName(place)}` : `${displayName(place)} is mounted, but not by Clutch`, 'clutch mount lists the mounts.');
}
