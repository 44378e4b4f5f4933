import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { toDiskError } from '../../engines/core/errors.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import { deviceSource, fileSource, hash as hashJob, type HashAlgorithm, type HashSource } from '../../host/jobs/hash.ts';
import { pathOf } from '../../host/paths.ts';
import { openSource } from '../../host/sources/image.ts';
import { sortedEntries, Visited } from '../directory.ts';
import { EXIT } from '../exit.ts';
import { CliJob, reportError } from '../job.ts';
import { type ImageOptions, selectLayer, withFilesystem, withImage } from '../open.ts';
import { OutputEnded } from '../output.ts';
import { findTyped, joinPath } from '../paths.ts';
import { stdout } from '../streams.ts';

export interface HashOptions extends ImageOptions {
  readonly algorithm: HashAlgorithm;
}

/** Prints checksums, in the form that sha256sum(1) and its like print. */
export function hash(image: string, paths: readonly string[], options: HashOptions): Promise<number> {
  const job = new CliJob({ title: 'Hashing', json: options.json === true });
  return job.run(async (context) => {
    if (paths.length > 0) return withFilesystem(image, options, ({ filesystem }) => hashFiles(filesystem, paths, options, context), context);
    if (options.part !== undefined) {
      return withImage(image, options, async (session) => {
        await print(deviceSource(selectLayer(session, options.part).device), `${image} (${options.part})`, options, context);
        return EXIT.done;
      }, context, false);
    }
    // The file's own bytes: nothing in it needs to be understood, or unpacked.
    const { device } = openSource(image);
    try {
      await print(deviceSource(device), image, options, context);
    } finally {
      device.close();
    }
    return EXIT.done;
  });
}

async function print(source: HashSource, path: Name, { algorithm, json }: HashOptions, context: JobContext): Promise<void> {
  const { [algorithm]: digest } = await hashJob(source, [algorithm], { ...context, report: (progress) => context.report({ ...progress, now: path }) });
  stdout.line(json ? JSON.stringify({ path, algorithm, hash: digest }) : `${digest}  ${displayName(path)}`);
}

/** Files, and all files below directories; links in these are not followed. */
async function hashFiles(fs: FileSystem, paths: readonly string[], options: HashOptions, context: JobContext): Promise<number> {
  let status: number = EXIT.done;
  const visited = new Visited();
  const guard = async (path: Name, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      if (error instanceof OutputEnded || toDiskError(error).kind === 'cancelled') throw error;
      reportError(error, path, options.json === true);
      status = EXIT.failed;
    }
  };
  for (const typed of paths) {
    const todo: { path: Name; node: NodeId }[] = [];
    await guard(typed, async () => {
      const { node, stat, steps } = await findTyped(fs, typed);
      if (stat.type === 'dir') todo.push({ path: pathOf(steps), node });
      else await print(await fileSource(fs, node), pathOf(steps), options, context);
    });
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      const { path: folder, node } = at;
      await guard(folder, async () => {
        visited.enter(node);
        const below: typeof todo = [];
        for (const entry of await sortedEntries(fs, node, true)) {
          const path = joinPath(folder, entry.name);
          await guard(path, async () => {
            const { type } = await fs.stat(entry.node);
            if (type === 'dir') below.push({ path, node: entry.node });
            else if (type === 'file') await print(await fileSource(fs, entry.node), path, options, context);
          });
          const pause = context.breathe();
          if (pause) await pause;
        }
        todo.push(...below.toReversed());
      });
    }
  }
  return status;
}
