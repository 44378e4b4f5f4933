import { cancelled } from '../../engines/core/errors.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { tar as tarJob } from '../../host/jobs/tar.ts';
import { EXIT, RefusedError, UsageError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { GuestFileSystem } from '../../host/guests/guest-filesystem.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { findTyped } from '../paths.ts';
import { pathOf } from '../../host/paths.ts';
import { stdout } from '../streams.ts';

export interface TarOptions extends ImageOptions {
  readonly bulk?: boolean;
}

/** Streams a tree to standard output as a pax tar. */
export function tar(image: string, paths: readonly string[], options: TarOptions): Promise<number> {
  if (process.stdout.isTTY) throw new UsageError('A tar archive is not for the terminal; write it to a file or a pipe: clutch tar IMAGE > FILE');
  const job = new CliJob({ title: 'Packing', json: false });
  return job.run((context) => withFilesystem(image, options, async ({ filesystem }) => {
    if (options.bulk) return bulk(filesystem, paths, context);
    const entries = [];
    for (const path of paths.length > 0 ? paths : ['/']) {
      const { node, steps } = await findTyped(filesystem, path, { followLast: path.endsWith('/') });
      entries.push({ node, name: steps.at(-1)!.name });
    }
    const { problems } = await tarJob({ fs: filesystem, entries }, context, (bytes) => stdout.bytes(bytes));
    return problems > 0 || job.errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}

/** The guest's own tar, as it comes. */
async function bulk(filesystem: FileSystem, paths: readonly string[], context: JobContext): Promise<number> {
  if (!(filesystem instanceof GuestFileSystem)) throw new RefusedError('--bulk is for volumes that a guest serves');
  if (paths.length > 1) throw new UsageError('--bulk takes one path');
  const { steps } = await findTyped(filesystem, paths[0] ?? '/', { followLast: true });
  await filesystem.tar(pathOf(steps).slice(1), (bytes) => {
    if (context.signal.aborted) throw cancelled();
    stdout.bytes(bytes);
  });
  return EXIT.done;
}
