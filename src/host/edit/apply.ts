import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BlockDevice, type Extent, readBytes } from '../../engines/core/bytes/device.ts';
import type { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { DiskError, ioError, isDiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { type Disk, type DiskFile, hostDisk } from './disk.ts';
import type { Applied } from './editing.ts';
import type { FileState } from './identity.ts';
import { type SidecarPlace, sidecarPlaces } from './places.ts';
import { SECTOR, Sectors } from './sectors.ts';
import { type CompleteSidecar, identityOf, SidecarWriter } from './sidecar.ts';

/** What stays free on the image's disk: a full disk hurts every other program. */
const RESERVE = 1024 * 1024;

/** The image that is written to. */
export interface ApplyTarget {
  /** Writable, and flush makes it durable. */
  readonly device: BlockDevice;
  /** Its files as they are now. */
  readonly files: readonly FileState[];
  /** @throws DiskError when another program changed it since it was last looked at */
  readonly verify?: () => void;
  /** Ranges that tell the image from another one: superblocks, whose sectors change whenever it is written to. Multiples of 512 bytes. */
  readonly witnesses?: readonly Extent[];
}

/** The computer, for tests to stand in. */
export interface ApplyHost {
  readonly disk: Disk;
  /** Where the sidecar may lie, best first. */
  readonly places: readonly SidecarPlace[];
  /** Free bytes where the image lies; undefined where it needs none, or where that is not known. */
  free(): number | undefined;
}

/** The computer's own files, and the image's usual places. */
export function applyHost(files: readonly FileState[]): ApplyHost {
  const { path, inode } = files[0]!;
  return { disk: hostDisk, places: sidecarPlaces(path), free: () => (inode === undefined || files.every(isAllocated) ? undefined : freeBeside(path)) };
}

/**
 * Writes the changes of an overlay to the image below it: first all of them to the sidecar, and when that is durable to the image. What is
 * the same as before is left out. Cancelled or failed before the image is touched, nothing has happened; after that, `unfinished` is
 * told where the sidecar is that will finish it, and the error says so.
 * @throws DiskError usage ENOSPC, EACCES; io; cancelled
 */
export async function apply(overlay: OverlayDevice, target: ApplyTarget, host: ApplyHost, job: JobContext, unfinished: (sidecar: string) => void): Promise<Applied> {
  const total = 2 * overlay.changedBytes;
  const { file, place } = createSidecar(host);
  const writer = new SidecarWriter(file, identityOf(target.device.size, target.files));
  let bytes: number;
  let sidecar: CompleteSidecar;
  try {
    writer.begin();
    bytes = await keep(writer, overlay, target, job, total);
    if (bytes === 0) {
      file.close();
      host.disk.remove(place.path);
      return { bytes };
    }
    const free = host.free();
    // Where the image has holes, its disk must have room for what fills them: afterwards it is too late to find out.
    if (free !== undefined && free < bytes + RESERVE) throw usage('ENOSPC', `The disk of the image has ${free} bytes left, and the changes may need ${bytes}`, 'Make room on the disk, and apply them again.');
    host.disk.syncFolder(place.folder);
    // What was compared with is no longer there when somebody wrote to the image meanwhile.
    target.verify?.();
    sidecar = writer.finish();
  } catch (error) {
    file.close();
    throwAway(place, host);
    throw storeError(error, place);
  }
  try {
    // From here on it goes on to its end: no cancel, and what fails is taken up at the next opening.
    await replay(sidecar, target.device, (done) => job.report({ done: total / 2 + done, total, unit: 'bytes', now: 'Writing to the image' }));
    // One that stayed would be taken for unfinished when later changes bring back what was there before.
    host.disk.remove(place.path);
  } catch (error) {
    unfinished(place.path);
    throw new DiskError({ kind: 'io' }, `The changes could not all be written to the image: ${(error as Error).message}`, `They are kept in ${place.path}. Apply them again, or close the image and open it when the reason is gone: it is finished then.`);
  } finally {
    file.close();
  }
  host.disk.syncFolder(place.folder);
  return { bytes };
}

/** Removes a sidecar whose image was not touched, as well as the disk lets it: it may be just that which failed. */
function throwAway(place: SidecarPlace, { disk }: ApplyHost): void {
  try {
    disk.remove(place.path);
    disk.syncFolder(place.folder);
  } catch {
    // Without its end it counts for nothing, and with it the changes are made at the next opening.
  }
}

/** Writes every change to the image, and makes it durable. Doing it again does no harm. */
export async function replay(sidecar: CompleteSidecar, image: BlockDevice, report: (done: number) => void = () => {}): Promise<void> {
  let done = 0;
  for (const { at, bytes } of sidecar.records()) {
    image.write!(at, bytes);
    done += bytes.length;
    report(done);
    await new Promise((resume) => { setImmediate(resume); });
  }
  image.flush!();
}

/** Runs of sectors in which two ranges of the same length differ, in bytes from their start. */
export function* differences(old: Uint8Array, now: Uint8Array): Iterable<Extent> {
  const [before, after] = [new Sectors(old), new Sectors(now)];
  let from = -1;
  for (let at = 0; at < now.length; at += SECTOR) {
    const same = before.isSame(after, at);
    if (!same && from < 0) from = at;
    if (same && from >= 0) {
      yield { at: from, length: at - from };
      from = -1;
    }
  }
  if (from >= 0) yield { at: from, length: now.length - from };
}

/** Reads a range, but for its holes: the system would make zeros for them, and keep these in memory. */
function readOld(device: BlockDevice, at: number, into: Uint8Array): void {
  let done = 0;
  const readTo = (end: number): void => {
    if (end > done) device.read(at + done, into.subarray(done, end));
  };
  for (const hole of device.holes?.(at, into.length) ?? []) {
    const from = hole.at - at;
    readTo(from);
    done = from + hole.length;
    into.fill(0, from, done);
  }
  readTo(into.length);
}

/** @returns bytes that differ */
async function keep(writer: SidecarWriter, overlay: OverlayDevice, { device, witnesses = [] }: ApplyTarget, job: JobContext, total: number): Promise<number> {
  let bytes = 0;
  let done = 0;
  let buffer = new Uint8Array(0);
  for (const { at, bytes: now } of overlay.changes()) {
    if (buffer.length < now.length) buffer = new Uint8Array(now.length);
    const old = buffer.subarray(0, now.length);
    readOld(device, at, old);
    for (const run of differences(old, now)) {
      writer.add(at + run.at, old.subarray(run.at, run.at + run.length), now.subarray(run.at, run.at + run.length));
      bytes += run.length;
    }
    done += now.length;
    job.report({ done, total, unit: 'bytes', now: 'Keeping the changes safe' });
    const pause = job.breathe();
    if (pause) await pause;
  }
  if (bytes === 0) return 0;
  for (const { at, length } of witnesses) {
    for (let inside = 0; inside < length; inside += SECTOR) {
      const sector = readBytes(device, at + inside, Math.min(SECTOR, length - inside));
      if (Buffer.compare(sector, readBytes(overlay, at + inside, sector.length)) === 0) writer.addWitness(at + inside, sector);
    }
  }
  return bytes;
}

/** A new file at the first place that can be written to. @throws DiskError usage ENOSPC; io */
export function createSidecar({ disk, places }: ApplyHost): { readonly file: DiskFile; readonly place: SidecarPlace } {
  let failure: unknown;
  const closed = new Set<string>();
  for (const place of places) {
    if (closed.has(place.folder)) continue;
    try {
      disk.makeFolder(place.folder);
      return { file: disk.create(place.path), place };
    } catch (error) {
      failure = error;
      // A name that is taken is the sidecar of another image, which is left alone.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') closed.add(place.folder);
    }
  }
  throw storeError(failure, places.at(-1)!);
}

function storeError(error: unknown, { folder }: SidecarPlace): DiskError {
  if (isDiskError(error)) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return usage('ENOSPC', `The disk of ${folder} has no room to keep the changes safe while they are applied`, 'Make room on it, or save the changes as a new image elsewhere.');
  return ioError(`The changes could not be kept safe in ${folder}: ${message}`);
}

/** Whether the file has no holes, as far as its length tells. */
function isAllocated({ path, size }: FileState): boolean {
  return statSync(path).blocks * 512 >= size;
}

function freeBeside(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
