/** Filesystems, RAID members and swap that others made are not partition tables, whatever their first sector ends in. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../core/bytes/memory.ts';
import { SHARED } from '../testing/recipes/build.ts';
import { missingTools } from '../testing/tools.ts';
import { gpt } from './gpt/index.ts';
import { mbr } from './mbr/index.ts';

const FOLDER = join(SHARED, 'blkid');
const missing = existsSync(FOLDER) ? missingTools('xz') : 'skipped: the images of util-linux are not there';
if (missing !== undefined) console.warn(missing);

/** Unpacked bytes that are looked at: what probing reads lies at the start (backups at the end belong to the same table). */
const MOST = 4 * 1024 * 1024;

/** A guess by itself; the filesystem that is there is surer. */
const GUESS = 30;

describe.skipIf(missing !== undefined)('images that hold no partition table', () => {
  const names = missing === undefined ? readdirSync(FOLDER).filter((name) => name.endsWith('.img.xz')) : [];

  it.each(names)('%s', (name) => {
    const bytes = unpackStart(join(FOLDER, name));
    const device = new MemoryDevice(bytes);
    expect(gpt.probe(device, true)).toBeUndefined();
    expect(mbr.probe(device, false)?.confidence ?? 0).toBeLessThan(GUESS);
  });
});

/** xz writes into a pipe that is closed when there is enough: some of these images are terabytes long. */
function unpackStart(path: string): Uint8Array {
  return execFileSync('sh', ['-c', 'xz -dc "$0" 2>/dev/null | head -c "$1"', path, `${MOST}`], { maxBuffer: MOST + 1 });
}
