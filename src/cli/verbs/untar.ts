import { unsupported } from '../../engines/core/errors.ts';
import { untar as untarJob, type WritableFileSystem } from '../../host/jobs/untar.ts';
import { TarStream } from '../../host/sources/tar-stream.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import { EXIT, UsageError } from '../exit.ts';
import { standardInput } from '../input.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, openFilesystem, selectFilesystem, withImage } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stderr } from '../streams.ts';
import { counted, humanSize } from '../text.ts';

export interface UntarOptions extends ImageOptions {
  /** Writes to the image at once, through the filesystem's own journal. */
  readonly direct?: boolean;
}

/** Unpacks a tar from standard input into a folder of the image: all of it, or nothing. */
export function untar(image: string, path: string, options: UntarOptions): Promise<number> {
  if (process.stdin.isTTY) throw new UsageError('The tar archive comes from standard input: clutch untar IMAGE < FILE');
  const job = new CliJob({ title: 'Unpacking', json: false });
  const direct = options.direct === true;
  return job.run((context) => withImage(image, options, async (session) => {
    // A wrong --part or path is told before anything is unlocked.
    const { path: layer, filesystem: before } = await openFilesystem(session, options.part, context);
    await findTyped(before, path, { followLast: true });
    await session.editing.unlock({ direct, job: context });
    let summary: JobSummary | undefined;
    try {
      await session.editing.operation({ text: 'Unpacked an archive', layer }, async () => {
        const { filesystem } = selectFilesystem(session, options.part);
        const { writer } = filesystem;
        if (writer === undefined) throw unsupported(filesystem.info.format, filesystem.info.access.reason);
        const { node } = await findTyped(filesystem, path, { followLast: true });
        summary = await untarJob(Object.assign(filesystem, { writer }) as WritableFileSystem, node, new TarStream(standardInput(job)), context);
      });
      if (!direct) await session.editing.apply(context);
    } catch (error) {
      if (!direct && session.editing.state.state === 'editing') await session.editing.discard();
      throw error;
    }
    const { files, directories, bytes, problems } = summary!;
    stderr.line(`clutch: ${counted(files, 'file')} and ${counted(directories, 'folder')} (${humanSize(bytes)}) into ${image}${problems > 0 ? `; ${problems} not wholly kept` : ''}`);
    return problems > 0 || job.errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}
