import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import type { WriteAccess } from '../../core/probe.ts';
import { ext4 } from '../../filesystems/ext4/index.ts';
import { testContext } from '../context.ts';
import { random } from '../fuzz/random.ts';
import { run } from '../tools.ts';
import { build } from '../recipes/build.ts';
import { recipes } from '../recipes/ext4.ts';
import type { Shape } from './matrix.ts';

const UUID = '8f3c0a52-1111-4222-8333-0123456789ab';
const ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C', E2FSPROGS_FAKE_TIME: '1700000000' };

/** The bytes that a shape begins with: the same each time. @param path of a file that is made for it, and removed */
export function freshImage(shape: Shape, path: string): Uint8Array {
  if (shape.recipe !== undefined) return new Uint8Array(readFileSync(build(recipes.find(({ name }) => name === shape.recipe)!).image));
  try {
    writeFileSync(path, '');
    truncateSync(path, bytesOf(shape.size));
    execFileSync('mke2fs', ['-q', '-F', '-U', UUID, '-E', `hash_seed=${UUID},root_owner=0:0`, ...shape.options, path], { env: ENV, stdio: 'pipe' });
    if (shape.tune !== undefined) run('tune2fs', [...shape.tune, path]);
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(path, { force: true });
  }
}

function bytesOf(size: string): number {
  return Number(size.slice(0, -1)) * 2 ** 20;
}

/** A clock that stands still within an operation, and reproducible random bytes. */
export class TestAccess implements WriteAccess {
  readonly durability: 'direct' | 'staged';
  time = 1_700_000_100_000_000_000n;
  readonly #random: ReturnType<typeof random>;

  constructor(seed: number, durability: 'direct' | 'staged') {
    this.durability = durability;
    this.#random = random(seed, 7);
  }

  now(): bigint {
    return this.time;
  }

  random(into: Uint8Array): void {
    for (let i = 0; i < into.length; i++) into[i] = this.#random.below(256);
  }
}

/** Opens an ext image that lies in memory: for reading, or for changes. */
export async function openBytes(bytes: Uint8Array, write?: WriteAccess): Promise<FileSystem> {
  return ext4.open(new MemoryDevice(bytes), { ...testContext(), ...(write === undefined ? {} : { write }) });
}

/** What e2fsck finds; empty when it finds nothing. It changes nothing. */
export function fsck(path: string): string {
  const done = spawnSync('e2fsck', ['-fn', path], { encoding: 'utf8', env: { ...ENV, E2FSPROGS_FAKE_TIME: '1800000000' }, maxBuffer: 1 << 26 });
  if (done.error !== undefined) throw done.error;
  return done.status === 0 ? '' : `e2fsck ended with ${done.status}:\n${done.stdout}${done.stderr}`;
}
