import { lstatSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { isDiskError, toDiskError } from '../../engines/core/errors.ts';
import { type Disk, hostDisk } from './disk.ts';
import type { Recovery } from './editing.ts';
import type { FileState } from './identity.ts';
import { LockedImage } from './locked-image.ts';
import { otherSidecars, type SidecarPlace, sidecarPlaces } from './places.ts';
import { settle } from './replay.ts';
import type { Identity } from './sidecar-format.ts';
import { type CompleteSidecar, readIdentity, readSidecar } from './sidecar-reader.ts';
import { standingOf } from './standing.ts';

/** The image that a sidecar may belong to. */
export interface RecoveryImage {
  readonly device: BlockDevice;
  readonly files: readonly FileState[];
  close(): void;
}

/** The computer, for tests to stand in. */
export interface RecoveryHost {
  readonly disk: Disk;
  readonly places: readonly SidecarPlace[];
  /** Opens the image for writing, with its lock. @throws DiskError busy, usage EACCES … */
  openImage(): RecoveryImage;
  /** Whether the file is from this account, from root or from the image's owner: in a folder for everybody, anybody can put one there. */
  isTrusted(path: string): boolean;
  /** Whether a process of this computer runs that may be applying the changes. */
  isRunning(pid: number): boolean;
}

/**
 * Looks for what an interrupted Apply left, and brings it to its end: the image has all of the changes afterwards, or none. An Apply that was committed
 * is finished, never undone: it was promised when that was durable, and the old bytes are not kept. One that was not is taken back.
 * @param files the image's, absolute
 * @returns what was found, one for each sidecar; most often nothing
 */
export async function recoverApply(files: readonly string[], host: RecoveryHost = recoveryHost(files)): Promise<Recovery[]> {
  const found: Recovery[] = [];
  for (const place of host.places) {
    if (host.disk.exists(place.path)) found.push(await recoverOne(place, host));
  }
  return found;
}

function recoveryHost(files: readonly string[]): RecoveryHost {
  const [image] = files as [string];
  // Of a set, the sidecar lies beside the one that was named first: of another order, or of one of them alone, beside any of them.
  const places = files.flatMap((file) => [...sidecarPlaces(file), ...otherSidecars(file).filter(({ path }) => isOf(path, file))]);
  const once = [...new Map(places.map((place) => [place.path, place])).values()];
  return { disk: hostDisk, places: once, openImage: () => new LockedImage(files, { write: true }), isTrusted: (path) => isTrusted(path, image), isRunning };
}

/** Whether a sidecar of another name says that it is of the very file that the image is, or a part of. What it changes is compared later. */
function isOf(path: string, image: string): boolean {
  try {
    const { ino, size } = statSync(image, { bigint: true });
    if (!isTrusted(path, image)) return false;
    const file = hostDisk.open(path);
    try {
      return readIdentity(file).of?.files.some((each) => each.inode === String(ino) && each.size === Number(size)) ?? false;
    } finally {
      file.close();
    }
  } catch {
    return false; // It went, or can't be read: it is told where it is looked for by its own name.
  }
}

/**
 * Names of the files that changes are for, where the image has some of these, but with others or in another order: disks of a set, which were opened together
 * when the changes were applied. Undefined where it is the same image, or quite another one.
 */
function otherwiseTogether({ files }: Identity, image: RecoveryImage): string | undefined {
  const isSame = (one: Identity['files'][number], other: FileState | undefined): boolean => other !== undefined && one.size === other.size && (one.inode === undefined ? one.path === other.path : one.inode === other.inode);
  if (files.length === image.files.length && files.every((file, i) => isSame(file, image.files[i]))) return undefined;
  return files.length + image.files.length > 2 && files.some((file) => image.files.some((other) => isSame(file, other))) ? files.map(({ path }) => path).join(', ') : undefined;
}

async function recoverOne(place: SidecarPlace, host: RecoveryHost): Promise<Recovery> {
  const answer = (state: Recovery['state'], message: string): Recovery => ({ state, message, sidecar: place.path });
  let image: RecoveryImage | undefined;
  try {
    if (!host.isTrusted(place.path)) return answer('foreign', `Beside the image lies a file of changes that somebody else made: ${place.path}. It was left as it is, and so was the image.`);
    // With the image's lock, so that no Apply that is under way is taken for one that was interrupted.
    image = host.openImage();
    const file = host.disk.open(place.path, true);
    try {
      const sidecar = readSidecar(file);
      const owner = sidecar.state === 'damaged' ? undefined : sidecar.identity;
      if (owner !== undefined && owner.process.host === hostname() && owner.process.pid !== process.pid && host.isRunning(owner.process.pid) && !hasLocks(image)) {
        return answer('impossible', `Another Clutch (process ${owner.process.pid}) is changing the image just now.`);
      }
      const together = sidecar.state === 'complete' ? otherwiseTogether(sidecar.identity, image) : undefined;
      if (together !== undefined) return answer('impossible', `Changes were being applied to ${together} when Clutch was interrupted. Open just these, in this order: they are brought to their end then. Until they are, each of them may be half changed.`);
      if (sidecar.state === 'complete') return await finish(sidecar, image, place, host);
      if (sidecar.state === 'damaged') return answer('damaged', `Changes were being applied when Clutch was interrupted, and the file that they were kept in can't be used: ${sidecar.message}. The image may be half changed. Check it; if it is sound, delete ${place.path}.`);
      remove(place, host);
      return answer('unchanged', 'Changes that were being applied when Clutch was interrupted never reached the image: it is as it was before.');
    } finally {
      file.close();
    }
  } catch (error) {
    const failure = toDiskError(error);
    const why = isDiskError(error) && error.kind === 'busy' ? 'The image is being used by another program, so' : `${failure.message}, so`;
    return { ...answer('impossible', `${why} changes that were being applied when Clutch was interrupted can't be finished or taken back now. Until they are, the image may be half changed.`), error: failure.toJSON() };
  } finally {
    image?.close();
  }
}

async function finish(sidecar: CompleteSidecar, image: RecoveryImage, place: SidecarPlace, host: RecoveryHost): Promise<Recovery> {
  const answer = (state: Recovery['state'], message: string): Recovery => ({ state, message, sidecar: place.path });
  const foreign = (why: string): Recovery => answer('foreign', `Beside the image lies a file of changes that were never finished, but ${why}. Both were left as they are. If you don't need it, delete ${place.path}.`);
  const { identity, committed } = sidecar;
  if (identity.size !== image.device.size || identity.files.some(({ size }, i) => size !== image.files[i]?.size)) return foreign('it is for an image of another size');
  let [now, before] = [0, 0];
  for (const record of sidecar.records()) {
    const standing = standingOf(record, image.device);
    // What has its turn only afterwards is old, and what had it before is new.
    const early = committed ? (record.kind === 'fresh' ? standing.before : 0) : (record.kind === 'redo' ? standing.now : 0);
    if (standing.neither + early > 0) return foreign('the image was changed since, or is another one');
    if (record.kind === 'witness') continue;
    now += standing.now;
    before += standing.before;
  }
  // An image that has nothing of the changes and is another file is one that was put back: a copy from before.
  if (now === 0 && isOther(identity, image)) return foreign('the image is another file than the one that they were for');
  // Also where all is there: it may be so in the computer's memory alone.
  await settle(sidecar, image.device);
  remove(place, host);
  if (!committed) return answer('unchanged', `Clutch was interrupted while it applied changes to the image. ${now > 0 ? 'What had reached it was taken back' : 'They never reached it'}: it is as it was before, without the changes.`);
  return before === 0
    ? answer('unchanged', 'All changes had reached the image when Clutch was interrupted.')
    : answer('finished', 'Clutch was interrupted while it applied changes to the image. They have been finished now.');
}

function isOther(identity: Identity, image: RecoveryImage): boolean {
  return identity.files.some(({ inode }, i) => inode !== image.files[i]?.inode);
}

function hasLocks(image: RecoveryImage): boolean {
  return image instanceof LockedImage && image.locked;
}

function remove(place: SidecarPlace, { disk }: RecoveryHost): void {
  disk.remove(place.path);
  disk.syncFolder(place.folder);
}

function isTrusted(path: string, image: string): boolean {
  const { uid } = lstatSync(path);
  // Windows knows no numbers of owners: all are 0.
  return uid === 0 || uid === process.geteuid?.() || uid === statSync(image).uid;
}

/** As kill(2) tells with signal 0; EPERM is one that runs for somebody else. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
