import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BlockDevice, type Extent, readBytes } from '../../engines/core/bytes/device.ts';
import type { OverlayDevice } from '../../engines/core/bytes/overlay.ts';
import { DiskError, ioError, isDiskError, toDiskError, usage } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { ChangedRuns } from './changed-runs.ts';
import { type Disk, type DiskFile, hostDisk } from './disk.ts';
import type { Applied } from './editing.ts';
import type { FileState } from './identity.ts';
import { type SidecarPlace, sidecarPlaces } from './places.ts';
import { replay, rollBack, writeFresh } from './replay.ts';
import { sumSectors } from './sector-sums.ts';
import { SECTOR } from './sectors.ts';
import { SidecarWriter } from './sidecar.ts';
import { identityOf } from './sidecar-format.ts';
import type { CompleteSidecar } from './sidecar-reader.ts';

/** What stays free on the image's disk: a full disk hurts every other program. */
const RESERVE = 1024 * 1024;

/** Bytes of changes from which on those to zeros are not written twice. With fewer, two more syncs would take longer. */
const LEAST_CHANGES = 4 * 1024 * 1024;

/** The image that is written to. */
export interface ApplyTarget {
  /** Writable, and flush makes it durable. */
  readonly device: BlockDevice;
  /** Its files as they are now. */
  readonly files: readonly FileState[];
  /** @throws DiskError when another program changed it since it was last looked at */
  readonly verify?: () => void;
  /** Told before the first write to it: what becomes another from then on is our own doing. */
  readonly touched?: () => void;
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
  /** Bytes of changes from which on those to zeros are not written twice; what suits most disks when it is absent. */
  readonly leastChanges?: number;
}

/**
 * Hears of an Apply that left the image changed in part. The sidecar brings it to its end: to its new state, or, `wayBack`, to its old one (or, when it is not known
 * whether the last mark reached the disk, to either). The changes themselves are not in a sidecar that is a way back.
 */
export type Unfinished = (sidecar: string, wayBack: boolean) => void;

/** The computer's own files, and the image's usual places. */
export function applyHost(files: readonly FileState[]): ApplyHost {
  const { path, inode } = files[0]!;
  return { disk: hostDisk, places: sidecarPlaces(path), free: () => (inode === undefined || files.every(isAllocated) ? undefined : freeBeside(path)) };
}

/**
 * Writes the changes of an overlay to the image below it: first what they take to the sidecar; when that is durable those to zeros, which are easily taken
 * back, to the image; when they are durable too, all others. What is the same as before is left out. Cancelled or failed before the others' turn,
 * nothing has happened: what reached the image is zeros again. After that, or when that fails, `unfinished` is told of the sidecar, and the error says so.
 * @throws DiskError usage ENOSPC, EACCES; io; cancelled
 */
export async function apply(overlay: OverlayDevice, target: ApplyTarget, host: ApplyHost, job: JobContext, unfinished: Unfinished): Promise<Applied> {
  const total = 2 * overlay.changedBytes;
  const { file, place } = createSidecar(host);
  try {
    const kept = await keep(file, place, overlay, target, host, job, total, unfinished);
    if (kept === undefined) return { bytes: 0 };
    const { sidecar, bytes } = kept;
    target.touched?.();
    let done = total / 2;
    const report = (written: number): void => job.report({ done: done += written, total, unit: 'bytes', now: 'Writing to the image' });
    if (!sidecar.committed) await commit(sidecar, overlay, target.device, place, host, report, unfinished);
    try {
      // From here on it goes on to its end: no cancel, and what fails is taken up at the next opening.
      await replay(sidecar, target.device, report);
      // One that stayed would be taken for unfinished when later changes bring back what was there before.
      host.disk.remove(place.path);
    } catch (error) {
      unfinished(place.path, false);
      throw new DiskError({ kind: 'io' }, `The changes could not all be written to the image: ${(error as Error).message}`, `They are kept in ${place.path}. Apply them again, or close the image and open it when the reason is gone: it is finished then.`);
    }
    host.disk.syncFolder(place.folder);
    return { bytes };
  } finally {
    file.close();
  }
}

/**
 * Keeps in the sidecar what the Apply takes, and makes it valid. Where that fails, nothing has happened.
 * @returns undefined when nothing differs
 */
async function keep(file: DiskFile, place: SidecarPlace, overlay: OverlayDevice, target: ApplyTarget, host: ApplyHost, job: JobContext, total: number, unfinished: Unfinished): Promise<{ readonly sidecar: CompleteSidecar; readonly bytes: number } | undefined> {
  const writer = new SidecarWriter(file, identityOf(target.device.size, target.files));
  let valid = false;
  try {
    writer.begin();
    const bytes = await keepChanges(writer, overlay, target, overlay.changedBytes >= (host.leastChanges ?? LEAST_CHANGES), job, total);
    if (bytes === 0) {
      host.disk.remove(place.path);
      return undefined;
    }
    const free = host.free();
    // Where the image has holes, its disk must have room for what fills them: afterwards it is too late to find out.
    if (free !== undefined && free < bytes + RESERVE) throw usage('ENOSPC', `The disk of the image has ${free} bytes left, and the changes may need ${bytes}`, 'Make room on the disk, and apply them again.');
    host.disk.syncFolder(place.folder);
    // What was compared with is no longer there when somebody wrote to the image meanwhile.
    target.verify?.();
    valid = true;
    return { sidecar: writer.finish(), bytes };
  } catch (error) {
    // One that is valid perhaps, and stayed, could be taken for that of a later Apply: it is dealt with before there is one.
    if (!throwAway(place, host) && valid) unfinished(place.path, true);
    throw storeError(error, place);
  }
}

/** Writes to the image what the sidecar has the way back of, and makes it durable; from then on there is no way back. Where that fails, it is as if nothing had happened. */
async function commit(sidecar: CompleteSidecar, overlay: OverlayDevice, image: BlockDevice, place: SidecarPlace, { disk }: ApplyHost, report: (written: number) => void, unfinished: Unfinished): Promise<void> {
  try {
    await writeFresh(sidecar, overlay, image, report);
  } catch (error) {
    const { fault, message, advice } = toDiskError(error);
    try {
      await rollBack(sidecar, image);
      // One that stayed, or came back with the next power cut, could be taken for that of a later Apply.
      disk.remove(place.path);
      disk.syncFolder(place.folder);
    } catch (second) {
      unfinished(place.path, true);
      throw new DiskError({ kind: 'io' }, `The changes could not be written to the image: ${message}. Nor could what had reached it be taken back: ${(second as Error).message}`, 'Apply them again, or save them as a new image. When the image is closed, they are lost; the next opening brings it back to what it was.');
    }
    throw new DiskError(fault, `The changes could not be written to the image: ${message}. It is as it was before`, advice ?? 'Apply them again, or save them as a new image.');
  }
  try {
    sidecar.commit();
  } catch (error) {
    unfinished(place.path, true);
    throw new DiskError({ kind: 'io' }, `The changes reached the image in part: ${(error as Error).message}`, 'Apply them again, or save them as a new image. When the image is closed, the next opening brings it back to what it was, or to its end.');
  }
}

/** Removes a sidecar whose image was not touched, as well as the disk lets it: it may be just that which failed. @returns whether it is gone for good */
function throwAway(place: SidecarPlace, { disk }: ApplyHost): boolean {
  try {
    disk.remove(place.path);
    disk.syncFolder(place.folder);
    return true;
  } catch {
    return false; // Without its end it counts for nothing.
  }
}

/** @param fresh whether changes to zeros are kept without their bytes @returns bytes that differ */
async function keepChanges(writer: SidecarWriter, overlay: OverlayDevice, { device, witnesses = [] }: ApplyTarget, fresh: boolean, job: JobContext, total: number): Promise<number> {
  const runs = new ChangedRuns(device, fresh);
  let [bytes, done] = [0, 0];
  for (const { at, bytes: now } of overlay.changes()) {
    for (const run of runs.of(at, now)) {
      const part = now.subarray(run.at, run.at + run.length);
      if (run.fresh) writer.addFresh(at + run.at, run.length, sumSectors(part));
      else writer.add(at + run.at, runs.old(run), part);
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

/** A new file at the first place that can be written to. @throws DiskError usage ENOSPC, EACCES; io */
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
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return usage('EACCES', `The changes can't be kept safe while they are applied: this account may write neither beside the image nor to ${folder}`, 'Make one of these folders yours again, or save the changes as a new image.');
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
