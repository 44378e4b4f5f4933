import { tar as tarJob } from '../../host/jobs/tar.ts';
import { EXIT, UsageError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stdout } from '../streams.ts';

/** Streams a tree to standard output as a pax tar. */
export function tar(image: string, paths: readonly string[], options: ImageOptions): Promise<number> {
  if (process.stdout.isTTY) throw new UsageError('A tar archive is not for the terminal; write it to a file or a pipe: clutch tar IMAGE > FILE');
  const job = new CliJob({ title: 'Packing', json: false });
  return job.run((context) => withFilesystem(image, options, async ({ filesystem }) => {
    const entries = [];
    for (const path of paths.length > 0 ? paths : ['/']) {
      const { node, steps } = await findTyped(filesystem, path, { followLast: path.endsWith('/') });
      entries.push({ node, name: steps.at(-1)!.name });
    }
    const { problems } = await tarJob({ fs: filesystem, entries }, context, (bytes) => stdout.bytes(bytes));
    return problems > 0 || job.errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}
