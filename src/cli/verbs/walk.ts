import type { EntryType } from '../../engines/core/filesystem.ts';
import { displayName, type Name } from '../../engines/core/names.ts';
import { pathOf } from '../../host/paths.ts';
import { WalkJson } from '../../host/jobs/walk-json.ts';
import { walk as walkJob, type WalkEntry, type WalkError } from '../../host/jobs/walk.ts';
import { EXIT } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stderr, stdout } from '../streams.ts';
import { modeText, timeText } from '../text.ts';

export interface WalkOptions extends ImageOptions {
  readonly hash?: boolean;
}

/** Prints every entry of a tree. */
export function walk(image: string, typed: string, options: WalkOptions): Promise<number> {
  const json = options.json === true;
  const job = new CliJob({ title: 'Walking', json, printsResult: true });
  return job.run((context) => withFilesystem(image, options, async ({ filesystem }) => {
    const { node, steps } = await findTyped(filesystem, typed, { followLast: typed.endsWith('/') });
    const lines = json ? new WalkJson() : new WalkText();
    const { errors } = await walkJob(filesystem, { node, path: pathOf(steps), hash: options.hash === true }, context, (entry) => {
      stdout.write(lines.line(entry));
      if (!json && entry.error) reportProblem(entry.folder + entry.name, entry.error);
    });
    return errors > 0 ? EXIT.failed : EXIT.done;
  }, context));
}

/** An entry that can't be read, told where the person looks and after what came before it. */
function reportProblem(path: Name, { message }: WalkError): void {
  stdout.flush();
  stderr.line(`clutch: ${displayName(`${path}: ${message}`)}`);
  stderr.flush();
}

/** The entries of a walk as lines for people, much as `ls -l` has them. What an entry shares with the one before it is not spelled again. */
class WalkText {
  #folder = '';
  #folderText = '';
  #type: EntryType | undefined;
  #mode = -1;
  #modeText = '';
  #mtime: bigint | undefined;
  #mtimeText = '';

  /** Empty for what can't be read. */
  line({ folder, name, type, mode, nlink, uid, gid, size, mtime, sha256, target }: WalkEntry): string {
    if (type === undefined) return '';
    if (folder !== this.#folder) {
      this.#folder = folder;
      this.#folderText = displayName(folder);
    }
    if (type !== this.#type || mode !== this.#mode) {
      this.#type = type;
      this.#mode = mode;
      this.#modeText = modeText(type, mode);
    }
    if (mtime !== this.#mtime) {
      this.#mtime = mtime;
      this.#mtimeText = timeText(mtime, true);
    }
    const path = this.#folderText + displayName(name) + (target === undefined ? '' : ` -> ${displayName(target)}`);
    return `${this.#modeText} ${nlink} ${uid} ${gid} ${String(size).padStart(10)} ${this.#mtimeText}${sha256 === undefined ? '' : ` ${sha256}`} ${path}\n`;
  }
}
