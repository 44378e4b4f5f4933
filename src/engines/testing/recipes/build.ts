import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Recipe } from './ext4.ts';

/** The repository's root. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');

/** This folder, also where the code is run from a bundle. */
export const HERE = join(ROOT, 'src/engines/testing/recipes');

/** Where made images and the reference's answers about them are kept between runs: safe to delete. */
export const CACHE = resolve(process.env['CLUTCH_CACHE'] ?? join(ROOT, '.cache'), 'fixtures');

/** Images that others made; absent on machines that do not have them. */
export const SHARED = resolve(process.env['CLUTCH_FIXTURES'] ?? join(ROOT, '../shared/fixtures'));

/** Why something cannot be made here; empty when it can. */
export function missing(recipe: Recipe): string {
  if (recipe.kernel && process.getuid?.() !== 0) return 'filling it needs a mount, and a mount needs root';
  if (recipe.fuse === true && !existsSync('/dev/fuse')) return 'filling it needs /dev/fuse';
  if (recipe.shared !== undefined && !existsSync(join(SHARED, recipe.shared))) return `${recipe.shared} is not among the shared fixtures`;
  const tools = ['bash', 'mke2fs', 'debugfs', 'python3'].filter((tool) => !hasTool(tool));
  return tools.length > 0 ? `${tools.join(', ')} not installed` : '';
}

const found = new Map<string, boolean>();

/** True when a program of that name is on the PATH (or where administration programs are). */
export function hasTool(name: string): boolean {
  let there = found.get(name);
  if (there === undefined) {
    there = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`.split(':').some((folder) => existsSync(join(folder, name)));
    found.set(name, there);
  }
  return there;
}

/**
 * The recipe's image, made when it is not in the cache or when the recipe has changed since.
 * @param family the folder of the cache
 * @returns the image's path and a digest that changes with the recipe
 * @throws Error with the script's own words when it fails
 */
export function build(recipe: Recipe, family = 'ext4'): { image: string; digest: string } {
  const digest = createHash('sha256').update(shared()).update(recipe.script).digest('hex');
  const image = join(CACHE, family, `${recipe.name}.img`);
  const stamp = `${image}.recipe`;
  if (existsSync(image) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return { image, digest };
  mkdirSync(dirname(image), { recursive: true });
  const scratch = mkdtempSync(join(CACHE, 'making-'));
  const making = join(scratch, 'image');
  try {
    // A mount namespace of its own: whatever becomes of the script, nothing stays mounted.
    const command = recipe.kernel ? ['unshare', '--mount', '--propagation', 'private', 'bash'] : ['bash'];
    const script = `. ${JSON.stringify(join(HERE, 'prelude.sh'))}\n${recipe.script}\n`;
    const done = spawnSync(command[0]!, [...command.slice(1), '-c', script], {
      encoding: 'utf8', timeout: 120_000, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, IMG: making, HERE, SHARED, TMP: scratch, CACHE: dirname(image) },
    });
    if (done.status !== 0) throw new Error(`The recipe ${recipe.name} failed: ${(done.error?.message ?? done.stderr).trim()}`);
    spawnSync('fallocate', ['--dig-holes', making]);
    renameSync(making, image);
    writeFileSync(stamp, digest);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { image, digest };
}

let words: string | undefined;

/** What every recipe depends on: the prelude, the filler and the version of e2fsprogs. */
function shared(): string {
  words ??= readFileSync(join(HERE, 'prelude.sh'), 'utf8') + readFileSync(join(HERE, 'fill.py'), 'utf8') + e2fsprogs();
  return words;
}

function e2fsprogs(): string {
  const done = spawnSync('mke2fs', ['-V'], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  return done.stderr ?? '';
}

/** Unpacks a gz, xz or zst file to `target`, keeping holes. */
export function unpack(packed: string, target: string): void {
  const tool = packed.endsWith('.gz') ? 'gzip' : packed.endsWith('.xz') ? 'xz' : 'zstd';
  execFileSync('bash', ['-c', 'set -o pipefail; "$0" -dc < "$1" | cp --sparse=always /dev/stdin "$2"', tool, packed, target]);
}
