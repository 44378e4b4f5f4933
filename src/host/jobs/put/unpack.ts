import { type TarBytes, type TarMember, TarReader } from '../../../engines/archives/tar/reader.ts';
import { isDiskError, usage } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import type { Name } from '../../../engines/core/names.ts';
import type { WriteOptions } from '../../../shared/contract/edit.ts';
import type { JobSummary } from '../../../shared/contract/rows.ts';
import { Account } from '../extract/account.ts';
import type { Tally } from '../extract/tally.ts';
import type { CopyTarget } from './copy.ts';
import type { Item } from './item.ts';
import { type Frame, Receiver } from './receiver.ts';

/** A folder on the way to the member that is made now. */
interface Level {
  /** As the archive spells it. */
  readonly path: Name;
  /** Absent where the folder was skipped, or could not be made: all in it is left out. */
  readonly frame: Frame | undefined;
}

/**
 * Unpacks what `tar` packed for a paste: parents come before what is in them, and all of a folder together. Names that are taken are conflicts, as in a copy.
 * @throws DiskError corrupt, ENOSPC, cancelled; what was unpacked until then is whole
 */
export async function unpack(bytes: TarBytes, target: CopyTarget, options: WriteOptions, job: JobContext, tally: Tally, total: number): Promise<JobSummary> {
  const account = new Account(job, tally, { total: () => total });
  const receiver = new Receiver(target.fs, job, account, { ...options, births: true });
  const reader = new TarReader(bytes);
  const levels: Level[] = [{ path: '', frame: { node: target.folder, path: '' } }];
  const leave = async (): Promise<void> => {
    const { frame, path } = levels.pop()!;
    try {
      if (frame !== undefined) await receiver.leave(frame);
    } catch (error) {
      account.failed(path, error);
    }
  };
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    const parts = member.path.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.pop();
    const above = parts.join('/');
    while (levels.length > 1 && levels.at(-1)!.path !== above) await leave();
    if (levels.at(-1)!.path !== above || name === undefined || name === '..' || parts.includes('..')) {
      account.failed(member.path, usage('EINVAL', 'The parcel does not name the folder before what is in it'));
      continue;
    }
    const { frame } = levels.at(-1)!;
    const path = above === '' ? name : `${above}/${name}`;
    for (const what of member.lost) account.lost(path, `Not kept: ${what}`);
    if (frame === undefined) {
      if (member.type === 'dir') levels.push({ path, frame });
      continue;
    }
    try {
      const item = itemOfMember(member, name, reader);
      if (member.type === 'dir') {
        levels.push({ path, frame: undefined });
        const entered = await receiver.enter(frame, item);
        levels[levels.length - 1] = { path, frame: entered };
      } else {
        await receiver.put(frame, item);
      }
    } catch (error) {
      // What is wrong with the parcel itself goes on being wrong.
      if (isDiskError(error) && error.kind === 'corrupt') throw error;
      account.failed(path, error);
    }
  }
  while (levels.length > 1) await leave();
  account.report('');
  return tally;
}

function itemOfMember(member: TarMember, name: Name, reader: TarReader): Item {
  const { type, mode, uid, gid, size, mtime, atime, target, device, xattrs } = member;
  const stat = { mode, uid, gid, mtime, flags: [], ...(atime === undefined ? {} : { atime }), ...(device === undefined ? {} : { device }) };
  // A further name of an earlier member: `links` made it one of the same identity.
  if (type === 'link') return { name, stat: { ...stat, type: 'file', size: 0 }, identity: target ?? '', contents() { throw usage('ENOENT', 'It is another name of a file that could not be pasted'); } };
  return {
    name, stat: { ...stat, type, size }, identity: member.path,
    ...(type === 'symlink' ? { target: () => target ?? '' } : {}),
    ...(xattrs === undefined ? {} : { xattrs: () => xattrs }),
    ...(type === 'file' ? {
      contents: async (sink) => {
        for await (const { at, bytes } of reader.contents()) {
          const done = sink(at, bytes);
          if (done instanceof Promise) await done;
        }
      },
    } : {}),
  };
}
