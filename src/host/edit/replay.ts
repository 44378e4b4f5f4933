import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { filled } from './filled.ts';
import { MOST_DATA } from './sidecar-format.ts';
import type { CompleteSidecar } from './sidecar-reader.ts';

const ZEROS = new Uint8Array(MOST_DATA);

/**
 * Writes to the image what was nothing but zeros in it, and makes it durable: what an Apply does before it is committed.
 * @param source has the new bytes; the sidecar has not
 * @param report hears how many bytes more were written
 */
export async function writeFresh(sidecar: CompleteSidecar, source: BlockDevice, image: BlockDevice, report: (written: number) => void): Promise<void> {
  const buffer = new Uint8Array(MOST_DATA);
  for (const { kind, at, length } of sidecar.records()) {
    if (kind !== 'fresh') continue;
    const bytes = buffer.subarray(0, length);
    source.read(at, bytes);
    image.write!(at, bytes);
    report(length);
    await others();
  }
  image.flush!();
}

/**
 * Takes back what `writeFresh` did, wherever that ended. All that may have been written is zeros again, also what reads as zeros already: after a disk failed, the
 * computer's memory and the disk may differ. Doing it again does no harm.
 */
export async function rollBack(sidecar: CompleteSidecar, image: BlockDevice): Promise<void> {
  for (const { kind, at, length } of sidecar.records()) {
    if (kind !== 'fresh') continue;
    for (const part of filled(image, at, length)) image.write!(part.at, ZEROS.subarray(0, part.length));
    await others();
  }
  image.flush!();
}

/** Writes all other changes to the image, and makes them durable: what an Apply does when it is committed. Doing it again does no harm. */
export async function replay(sidecar: CompleteSidecar, image: BlockDevice, report: (written: number) => void = () => {}): Promise<void> {
  for (const record of sidecar.records()) {
    if (record.kind !== 'redo') continue;
    image.write!(record.at, record.bytes);
    report(record.length);
    await others();
  }
  image.flush!();
}

/** Brings an image that an Apply changed in part to its new state, or where it was not committed to its old one. */
export async function settle(sidecar: CompleteSidecar, image: BlockDevice): Promise<void> {
  if (!sidecar.committed) return rollBack(sidecar, image);
  // What was read of it may be in the computer's memory alone.
  sidecar.commit();
  return replay(sidecar, image);
}

function others(): Promise<void> {
  return new Promise((resume) => { setImmediate(resume); });
}
