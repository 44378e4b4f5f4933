import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, SHARED, unpack } from './build.ts';

/** An image that somebody else made. */
export interface SharedImage {
  /** "e2fsprogs/f_dup_de". */
  readonly name: string;
  /** The packed file, or the parts of a split image in order. */
  readonly files: readonly string[];
}

/** Every ext2/3/4 image among the shared fixtures; empty where they are missing. */
export function sharedExtImages(): SharedImage[] {
  if (!existsSync(SHARED)) return [];
  const e2fsprogs = names('e2fsprogs').filter((name) => existsSync(join(SHARED, 'e2fsprogs', name, 'image.gz')));
  return [
    ...e2fsprogs.map((name) => one(`e2fsprogs/${name}`, `e2fsprogs/${name}/image.gz`)),
    ...names('ext4-view-rs').filter((name) => name.endsWith('.zst')).map((name) => one(`ext4-view-rs/${name}`)),
    ...names('blkid').filter((name) => /^ext\d.*\.xz$/.test(name)).map((name) => one(`blkid/${name}`)),
    one('DiscUtils/data.ext4.dat.gz'),
    one('sleuthkit/image.dd'),
    { name: 'dfvfs/ext2.splitraw', files: ['000', '001'].map((part) => join(SHARED, `dfvfs/ext2.splitraw.${part}`)) },
  ].filter((image) => image.files.every((file) => existsSync(file)));
}

/** The image as one raw file in the cache. */
export function unpacked(shared: SharedImage): { image: string; digest: string } {
  const hash = createHash('sha256');
  for (const file of shared.files) hash.update(readFileSync(file));
  const digest = hash.digest('hex');
  const image = join(CACHE, 'shared', `${digest.slice(0, 24)}.img`);
  if (existsSync(image)) return { image, digest };
  mkdirSync(join(CACHE, 'shared'), { recursive: true });
  const [first, ...more] = shared.files;
  if (/\.(gz|xz|zst)$/.test(first!)) unpack(first!, image);
  else if (more.length === 0) copyFileSync(first!, image);
  else writeFileSync(image, Buffer.concat(shared.files.map((file) => readFileSync(file))));
  return { image, digest };
}

function one(name: string, file = name): SharedImage {
  return { name, files: [join(SHARED, file)] };
}

function names(folder: string): string[] {
  return existsSync(join(SHARED, folder)) ? readdirSync(join(SHARED, folder)).toSorted() : [];
}
