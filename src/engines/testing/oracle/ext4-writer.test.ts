import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import { WritableMemoryFileSystem } from '../memory-writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../model/images.ts';
import { matrix } from '../model/matrix.ts';
import { missingTools } from '../tools.ts';
import { writerConformance, type WriteSubject } from '../writer-conformance.ts';
import { skip } from './check.ts';

const missing = missingTools('mke2fs', 'e2fsck');

/** The three formats, and the ways in which they keep names and contents otherwise. */
for (const name of ['ext2-2k', 'ext3-4k', 'ext4-4k', 'inline-4k', 'bigalloc-4k']) {
  if (missing !== undefined) {
    it(`writer conformance: ${name}`, (context) => skip(context, missing));
    continue;
  }
  const shape = matrix.find((each) => each.name === name)!;
  writerConformance(name, async (): Promise<WriteSubject> => {
    const folder = mkdtempSync(join(tmpdir(), 'clutch-writer-'));
    const image = join(folder, 'image');
    const bytes = freshImage(shape, image);
    const fs = await openBytes(bytes, new TestAccess(1, 'staged')) as WriteSubject['fs'];
    return {
      fs,
      async finish() {
        await fs.close();
        writeFileSync(image, bytes);
        const found = fsck(image);
        rmSync(folder, { recursive: true });
        return { found, again: await openBytes(bytes) };
      },
    };
  });
}

// The tree that engines are compared with keeps the same rules.
writerConformance('a tree in memory', async () => ({ fs: new WritableMemoryFileSystem(), finish: async () => ({ found: '' }) }));
