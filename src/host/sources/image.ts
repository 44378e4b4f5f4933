import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { ConcatDevice } from '../../engines/core/bytes/concat.ts';
import type { Note } from '../../engines/core/filesystem.ts';
import { splitSiblings } from '../../engines/containers/split/index.ts';
import { FileDevice, type FileDeviceOptions } from './file.ts';
import { openWindowsDisk } from './windows-disk.ts';
import { absolutePath, imageName, isWindowsDisk } from './windows-path.ts';

/** The bytes of an image, from the file that the person named or from all the parts of a split one. */
export interface ImageSource {
  readonly device: BlockDevice;
  /** Without its folder. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  /** The files that it is made of, absolute; more than one for split images. */
  readonly files: readonly string[];
  /** The devices of these files; none where they are no files (a disk of Windows). */
  readonly parts: readonly FileDevice[];
}

/**
 * Opens a file, a disk, or the whole set that a part of a split image belongs to (whichever part was named).
 * @throws DiskError usage (not there, not allowed, not a file or disk, a part is missing), io
 */
export function openSource(path: string, note: (note: Note) => void = () => {}): ImageSource {
  const absolute = absolutePath(path);
  const name = imageName(absolute);
  if (isWindowsDisk(absolute)) return { device: openWindowsDisk(absolute), name, path: absolute, files: [absolute], parts: [] };
  const files = partsOf(absolute);
  const parts = openParts(files ?? [absolute], { note });
  return { device: files === undefined ? parts[0]! : new ConcatDevice(parts), name, path: absolute, files: files ?? [absolute], parts };
}

/** Opens files, all of them or none. @throws DiskError as FileDevice does */
export function openParts(files: readonly string[], options: FileDeviceOptions): FileDevice[] {
  const parts: FileDevice[] = [];
  try {
    for (const file of files) parts.push(new FileDevice(file, options));
  } catch (error) {
    for (const part of parts) part.close();
    throw error;
  }
  return parts;
}

/**
 * The images among paths that are opened together, each once: the parts of a split image are one, called by the first of them.
 * @param paths absolute
 */
export function distinctImages(paths: readonly string[]): string[] {
  return [...new Set(paths.map((path) => {
    try {
      return partsOf(path)?.[0] ?? path;
    } catch {
      return path; // A part is missing: opening it says which.
    }
  }))];
}

/**
 * The files that an image is made of, without opening them.
 * @throws DiskError usage when a part of a split image is missing
 */
export function filesOf(path: string): readonly string[] {
  const absolute = absolutePath(path);
  return partsOf(absolute) ?? [absolute];
}

function partsOf(path: string): string[] | undefined {
  const folder = dirname(path);
  let names: string[];
  try {
    // Disks have neighbours with numbers too (/dev/dm-01), but only files are cut into parts.
    if (!statSync(path).isFile()) return undefined;
    names = readdirSync(folder);
  } catch {
    return undefined; // Opening the file itself says what is wrong, or works where the folder may not be listed.
  }
  return splitSiblings(basename(path), names)?.map((name) => join(folder, name));
}
