import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './processes.ts';

/**
 * An ext4 image with one folder "many" of `count` files, written by the kernel: mke2fs would look through the folder for each file.
 * @throws Error where the machine lets nobody mount
 */
export function makeCrowded(image: string, count: number): void {
  const at = `${image}.mount`;
  writeFileSync(image, '');
  truncateSync(image, 128 * 2 ** 20 + count * 1024);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'crowded', '-N', String(count + 1000), image]);
  mkdirSync(at);
  run('mount', ['-o', 'loop', image, at]);
  try {
    const folder = join(at, 'many');
    mkdirSync(folder);
    // In no order, so that the listing has to be sorted.
    for (let i = 0; i < count; i++) writeFileSync(join(folder, `file-${(i * 7919) % count}.txt`), i % 100 === 0 ? 'x'.repeat(i % 4096) : '');
  } finally {
    run('umount', [at]);
    rmSync(at, { recursive: true });
  }
}
