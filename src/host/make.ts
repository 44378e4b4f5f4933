import type { BlockDevice } from '../engines/core/bytes/device.ts';
import { unsupported, usage } from '../engines/core/errors.ts';
import type { Maybe } from '../engines/core/filesystem.ts';
import type { JobContext } from '../engines/core/job.ts';
import type { MakeOptions, OpenContext, WriteAccess } from '../engines/core/probe.ts';
import { registry } from '../engines/index.ts';
import type { WritableFileSystem } from './jobs/untar.ts';
import { fillRandom } from './random.ts';
import { NewFile } from './sources/new-file.ts';
import { ScratchFile } from './sources/scratch.ts';

/** What can be made, and by which engine. */
export const VARIANTS: Readonly<Record<string, string>> = { ext2: 'ext4', ext3: 'ext4', ext4: 'ext4' };

/** What a new filesystem is to be, beside how it is written to. */
export type NewFilesystem = Omit<MakeOptions, 'write'>;

/** How engines write to something that is not the person's yet: a new file, an overlay. */
export function stagedAccess(): WriteAccess {
  return { durability: 'staged', now: () => BigInt(Date.now()) * 1_000_000n, random: fillRandom };
}

/** Makes a filesystem over a whole device. @throws DiskError usage for what doesn't fit together, unsupported */
export async function makeFilesystem(device: BlockDevice, what: NewFilesystem): Promise<void> {
  const format = await formatOf(what.variant);
  (await format.make!())(device, { ...what, write: stagedAccess() });
}

/**
 * A new image file with a filesystem in it. It gets its name when it is whole.
 * @param size bytes
 * @param fill puts the first files into it
 * @throws DiskError usage EEXIST, EACCES, ENOSPC, EINVAL; unsupported; cancelled; what `fill` throws
 */
export async function makeImage(path: string, size: number, what: NewFilesystem, job: JobContext, fill?: (fs: WritableFileSystem) => Maybe<void>): Promise<void> {
  const format = await formatOf(what.variant);
  const file = new NewFile(path, size);
  try {
    (await format.make!())(file, { ...what, write: stagedAccess() });
    if (fill !== undefined) {
      const context: OpenContext = { note: () => {}, job, scratch: (limit) => new ScratchFile(limit), write: stagedAccess() };
      const fs = await format.open(file, context);
      const { writer } = fs;
      if (writer === undefined) throw unsupported(what.variant, `Files can't be put into such a filesystem yet: ${fs.info.access.reason}`);
      await fill(Object.assign(fs, { writer }));
      await writer.sync();
      await fs.close();
    }
    file.finish();
  } finally {
    file.close();
  }
}

async function formatOf(variant: string) {
  const id = VARIANTS[variant];
  const format = await registry.find((entry) => entry.id === id)?.load();
  if (format?.kind !== 'filesystem' || format.make === undefined) throw usage('EINVAL', `No ${variant} can be made; there are ${Object.keys(VARIANTS).join(', ')}`);
  return format;
}
