import type { EntryType } from '../../engines/core/filesystem.ts';
import { displayName } from '../../engines/core/names.ts';
import { pathOf } from '../../host/paths.ts';
import { walk as walkJob } from '../../host/jobs/walk.ts';
import { EXIT } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stderr, stdout } from '../streams.ts';
import { modeText, timeText } from '../text.ts';

export interface WalkOptions extends ImageOptions {
  readonly hash?: boolean;
}

/** What the job's lines hold; see design: the golden format of the tests. */
interface Line {
  readonly path: string;
  readonly type: EntryType;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly mtime: string;
  readonly target?: string;
  readonly sha256?: string;
  readonly error?: { readonly message: string };
}

/** Prints every entry of a tree. */
export function walk(image: string, typed: string, options: WalkOptions): Promise<number> {
  const json = options.json === true;
  const job = new CliJob({ title: 'Walking', json, printsResult: true });
  return job.run((context) => withFilesystem(image, options, async ({ filesystem }) => {
    const { node, steps } = await findTyped(filesystem, typed, { followLast: typed.endsWith('/') });
    const write = json ? (lines: string) => stdout.write(lines) : printLines;
    const { errors } = await walkJob(filesystem, { node, path: pathOf(steps), hash: options.hash === true }, context, write);
    return errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}

/** The job's JSON as lines for people. */
function printLines(lines: string): void {
  for (const text of lines.split('\n')) {
    if (text === '') continue;
    const line = JSON.parse(text) as Line;
    if (line.type !== undefined) {
      const { type, mode, nlink, uid, gid, size, mtime, sha256, path, target } = line;
      const columns = [modeText(type, Number.parseInt(mode, 8)), nlink, uid, gid, String(size).padStart(10), timeText(BigInt(mtime), true), ...(sha256 === undefined ? [] : [sha256])];
      stdout.line(`${columns.join(' ')} ${displayName(path)}${target === undefined ? '' : ` -> ${displayName(target)}`}`);
    }
    if (line.error) {
      stdout.flush();
      stderr.line(`clutch: ${displayName(`${line.path}: ${line.error.message}`)}`);
      stderr.flush();
    }
  }
}
