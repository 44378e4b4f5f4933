import { usage } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import { EXIT } from '../exit.ts';
import { reportError } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { OutputEnded } from '../output.ts';
import { findTyped } from '../paths.ts';
import { stdout } from '../streams.ts';

const CHUNK = 1 << 20;

/** Prints files' bytes, one after another. */
export function cat(image: string, paths: readonly string[], options: ImageOptions): Promise<number> {
  return withFilesystem(image, options, async ({ filesystem }) => {
    let status: number = EXIT.done;
    for (const path of paths) {
      try {
        const { node, stat } = await findTyped(filesystem, path);
        if (stat.type === 'dir') throw usage('EISDIR', 'is a directory', 'List it with: clutch ls');
        if (stat.type !== 'file') throw usage('EINVAL', `is a ${stat.type} and has no bytes in the image`);
        for await (const chunk of chunksOf(filesystem, node)) stdout.bytes(chunk);
      } catch (error) {
        if (error instanceof OutputEnded) throw error;
        reportError(error, path, options.json === true);
        status = EXIT.failed;
      }
    }
    return status;
  });
}

/** A file's bytes from `from` on, at most `limit` of them; the same buffer each time. */
export async function* chunksOf(fs: FileSystem, node: NodeId, from = 0, limit = Infinity): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(CHUNK, limit));
  for (let at = from, left = limit; left > 0;) {
    const count = await fs.read(node, at, left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    at += count;
    left -= count;
  }
}
