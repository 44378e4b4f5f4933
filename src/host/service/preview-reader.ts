import { DiskError, ioError } from '../../engines/core/errors.ts';
import type { FileSystem, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName, type Name } from '../../engines/core/names.ts';

/** Bytes between two looks at whether somebody still wants them. A failing disk takes seconds for less. */
const PIECE = 64 * 1024;

/** A file's bytes as a preview reads them: in pieces, so that it stops when one moves on. */
export class PreviewReader {
  readonly size: number;
  readonly #fs: FileSystem;
  readonly #node: NodeId;
  readonly #job: JobContext;

  constructor(fs: FileSystem, node: NodeId, size: number, job: JobContext) {
    this.#fs = fs;
    this.#node = node;
    this.size = size;
    this.#job = job;
  }

  /**
   * Bytes [at, at + length), less only where the file ends before.
   * @throws DiskError of the filesystem, or cancelled
   */
  async read(at: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - at));
    const bytes = new Uint8Array(wanted);
    for (let done = 0; done < wanted;) {
      const part = bytes.subarray(done, Math.min(done + PIECE, wanted));
      const read = this.#fs.read(this.#node, at + done, part);
      const got = read instanceof Promise ? await read : read;
      if (got < 0 || got > part.length) throw ioError(`A read returned ${got} bytes of ${part.length}`);
      done += got;
      if (got < part.length) return bytes.subarray(0, done);
      const pause = this.#job.breathe();
      if (pause) await pause;
    }
    return bytes;
  }
}

/** Characters of a member's name or of a link's target that are shown: a thousand members could have names of 64 KiB each. */
const LONGEST_SHOWN = 4096;

/** A name of an archive's, for showing. */
export function shownMember(name: Name): string {
  const shown = displayName(name.slice(0, LONGEST_SHOWN));
  return name.length > LONGEST_SHOWN || shown.length > LONGEST_SHOWN ? `${shown.slice(0, LONGEST_SHOWN)}…` : shown;
}

/** An archive that is not what its own structures say. */
export function damagedArchive(structure: string, message: string): DiskError {
  return new DiskError({ kind: 'corrupt', place: { structure } }, `${structure}: ${message}`, 'What was found before the damage is listed. Extract the archive to repair it with a program of its own.');
}
