import { type DiskErrorData, toDiskError } from '../../engines/core/errors.ts';
import { registry } from '../../engines/index.ts';
import { openImage } from '../session.ts';

/** What was found on a disk by reading it. */
export interface Looked {
  /** "GPT", "ext4", "MBR › FAT"; empty where nothing is recognised. */
  readonly contents: string;
  readonly label: string;
  readonly uuid: string;
  /** Why it could not be found out. */
  readonly error?: DiskErrorData;
}

/** What a look is for: no archive is unpacked for it, and of a disk whose partitions are listed beside it only the table is read. */
const SHOWN = registry.filter(({ kind }) => kind !== 'container');
const TABLES = registry.filter(({ kind }) => kind === 'table');

/**
 * Opens a disk for reading, and says what is on it. Nothing is written to it: an Apply that was interrupted waits until somebody opens the disk.
 * Runs in a process of its own (looks.ts): a disk that hangs, or whose contents make an engine loop, holds up nothing else.
 */
export async function lookAt(path: string, partitioned: boolean): Promise<Looked> {
  try {
    const session = await openImage(path, { recover: false, guests: 'none', open: false, registry: partitioned ? TABLES : SHOWN });
    try {
      const { label, uuid, title, kind, format, error, filesystem, guesses } = session.layers;
      if (kind === 'unknown' && error !== undefined) throw error;
      // What no engine opens may be known by sight: it is called by its name then.
      const isNothing = kind === 'unknown' && format === 'unknown' && title !== guesses[0]?.name;
      // Without the state of a filesystem: one that is mounted needs recovery always, and of others it is told when they are opened.
      const contents = filesystem !== undefined || (partitioned && kind === 'table' && error === undefined) ? title : isNothing ? '' : session.summary();
      return { contents, label, uuid };
    } finally {
      await session.close();
    }
  } catch (error) {
    return { contents: '', label: '', uuid: '', error: toDiskError(error).toJSON() };
  }
}
