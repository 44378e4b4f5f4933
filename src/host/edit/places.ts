import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import envPaths from 'env-paths';

/** Sidecars that one image may have: what lies there of another image is left alone, and the next name is taken. */
const MOST_NAMES = 8;

/** Sidecars of other names that are looked at in one folder. */
const MOST_OTHERS = 64;

/** As `sidecarPlaces` calls them. */
const NAME = /^(?:\..+|[0-9a-f]{32})\.clutch-apply(?:-\d)?$/;

/** A path at which a sidecar may lie. */
export interface SidecarPlace {
  readonly folder: string;
  readonly path: string;
}

/**
 * Where the changes of an image may be kept while they are applied, best first: beside the image, so that they go where it goes; in the app's
 * data folder, where the image's own can't be written to.
 * @param image its first file
 */
export function sidecarPlaces(image: string, data = dataFolder()): readonly SidecarPlace[] {
  const real = realPath(image);
  const beside = (number: string): SidecarPlace => ({ folder: dirname(real), path: join(dirname(real), `.${basename(real)}.clutch-apply${number}`) });
  // The data folder knows an image by its path alone; what is in the file says whether it is the one.
  const key = createHash('sha256').update(real).digest('hex').slice(0, 32);
  const inData = (number: string): SidecarPlace => ({ folder: data, path: join(data, `${key}.clutch-apply${number}`) });
  // Beside a disk is /dev, which is gone when the power is.
  const disk = isDisk(real);
  const numbers = Array.from({ length: MOST_NAMES }, (_, i) => (i === 0 ? '' : `-${i + 1}`));
  return [...(disk ? [] : numbers.map(beside)), ...numbers.map(inData)];
}

/**
 * Sidecars that lie where those of an image lie, under names that are not its own: of other images, or of this one under the name that it had
 * before, or has as well.
 */
export function otherSidecars(image: string, data = dataFolder()): readonly SidecarPlace[] {
  const own = new Set(sidecarPlaces(image, data).map(({ path }) => path));
  const folders = new Set([...(isDisk(image) ? [] : [dirname(realPath(image))]), data]);
  return [...folders].flatMap((folder) => namesIn(folder).filter((name) => NAME.test(name)).map((name) => ({ folder, path: join(folder, name) })).filter(({ path }) => !own.has(path)).slice(0, MOST_OTHERS));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // Not there, or not to be listed.
  }
}

/** The folder for changes of images whose own folder is read-only. The same for every client of this account. */
export function dataFolder(): string {
  return join(process.env.CLUTCH_DATA ?? envPaths('clutch', { suffix: '' }).data, 'apply');
}

function isDisk(path: string): boolean {
  try {
    return statSync(path).isBlockDevice();
  } catch {
    return false; // Opening it says what is wrong.
  }
}

/** Through symlinks: two ways to one image are one image. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
