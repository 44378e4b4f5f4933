import { statSync } from 'node:fs';
import { cancelled, toDiskError } from '../../engines/core/errors.ts';
import type { NodeId } from '../../engines/core/filesystem.ts';
import type { Name } from '../../engines/core/names.ts';
import { extract as extractJob } from '../../host/jobs/extract/extract.ts';
import { countingData } from '../../host/service/extraction.ts';
import type { ExtractOptions as Settings } from '../../shared/contract/calls.ts';
import type { JobSummary } from '../../shared/contract/rows.ts';
import { EXIT } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stderr, stdout } from '../streams.ts';
import { counted, humanSize } from '../text.ts';

export interface ExtractOptions extends ImageOptions {
  /** The folder to extract to. */
  readonly directory: string;
  readonly owners?: boolean;
  readonly special?: boolean;
  readonly onConflict?: NonNullable<Settings['conflict']>;
  readonly keepDamaged?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** Copies entries out of the image. */
export function extract(image: string, paths: readonly string[], options: ExtractOptions): Promise<number> {
  const json = options.json === true;
  const job = new CliJob({ title: 'Extracting', json, verbose: options.verbose === true });
  const started = performance.now();
  return job.run((context) => withFilesystem(image, options, async ({ filesystem }, { files: images }) => {
    const entries: { node: NodeId; name: Name }[] = [];
    for (const path of paths.length > 0 ? paths : ['/']) {
      const { node, steps } = await findTyped(filesystem, path, { followLast: path.endsWith('/') });
      entries.push({ node, name: steps.at(-1)!.name });
    }
    const before = isFolder(options.directory);
    const run = (total?: () => number | undefined): Promise<JobSummary> => extractJob({ fs: filesystem, entries }, options.directory, {
      conflict: options.onConflict ?? 'ask',
      ...(options.owners === undefined ? {} : { owners: options.owners }),
      special: options.special === true,
      keepDamaged: options.keepDamaged === true,
      total,
      images,
    }, context);
    // How much there is to do is of use to a bar only.
    const summary = await (job.bars ? countingData(filesystem, entries, context, run) : run()).catch((error: unknown) => {
      throw toDiskError(error).kind === 'cancelled' ? cancelled(`Stopped; what was extracted until then is whole and stays in ${options.directory}`) : error;
    });
    if (json) stdout.line(JSON.stringify(summary));
    else if (!options.quiet) {
      const { files, directories, bytes, skipped, problems } = summary;
      const seconds = (performance.now() - started) / 1000;
      const rest = [
        skipped > 0 ? `${skipped} skipped` : '',
        problems > 0 ? `${problems} not wholly kept` : '',
        job.quiet > 0 ? `${job.quiet} things left out on purpose (-v names them)` : '',
      ].filter((text) => text !== '');
      stderr.line(`clutch: ${counted(files, 'file')} and ${counted(directories, 'folder')} (${humanSize(bytes)}) in ${seconds.toFixed(1)} s to ${before ? '' : 'the new folder '}${options.directory}${rest.length > 0 ? `; ${rest.join(', ')}` : ''}`);
    }
    return summary.problems > 0 || job.unasked > 0 || job.errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Where it can't be looked at, nothing can be written either: that is said.
    return false;
  }
}
