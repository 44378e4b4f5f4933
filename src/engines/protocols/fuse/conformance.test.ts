import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'vitest';
import type { FileSystem } from '../../core/filesystem.ts';
import { conformance } from '../../testing/conformance.ts';
import { dir, file, MemoryFileSystem, type MemoryNode, symlink } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../testing/model/images.ts';
import { matrix } from '../../testing/model/matrix.ts';
import { skip } from '../../testing/oracle/check.ts';
import { missingTools } from '../../testing/tools.ts';
import { walk } from '../../testing/walk.ts';
import { writerConformance, type WriteSubject } from '../../testing/writer-conformance.ts';
import { FuseClient } from './testing/client.ts';
import { mounted, type OFFER } from './testing/kernel.ts';
import { later } from './testing/later.ts';

/** A tree with something of everything. */
function tree(): MemoryNode {
  const twice = file('linked', { mode: 0o4751, uid: 70_000, gid: 4_000_000_000 });
  const many = Array.from({ length: 300 }, (_, i): [string, MemoryNode] => [`entry ${i} ${'-'.repeat(i % 60)}`, file(`${i}`)]);
  return dir([
    ['empty', file('')], ['small', twice], ['pieces', file(Uint8Array.from({ length: 300_001 }, (_, i) => i * 7))], ['holes', file('start', { size: 2_000_000 })], ['again', twice],
    ['before 1970', file('x', { mtime: -5_000_000_000n + 1n })], ['late', file('x', { mtime: 2n ** 62n })], ['tagged', file('x', { xattrs: { 'user.tag': 'value', 'user.empty': '', 'user.long': 'v'.repeat(60_000) } })],
    ['many', dir(many, { mode: 0o1777 })], ['link', symlink('small')], ['odd \udcff\udcfe', dir([['\u0001\n', file('x')]])], ['ä'.repeat(127), file('long')],
    ['char', { type: 'char', device: { major: 1, minor: 3 } }], ['block', { type: 'block', device: { major: 259, minor: 70_000 } }], ['fifo', { type: 'fifo' }], ['socket', { type: 'socket' }],
    ['deep', Array.from({ length: 40 }).reduce<MemoryNode>((inner, _, i) => dir([[`d${i}`, inner]]), file('down here'))],
  ]);
}

async function through(fs: FileSystem, write: boolean, plus = false, offer: Partial<typeof OFFER> = {}): Promise<FuseClient> {
  const { kernel } = await mounted(fs, offer);
  return new FuseClient(kernel, { write, plus, info: fs.info });
}

for (const [title, plus, slow] of [['', false, false], [' with attributes in listings, answered later', true, true]] as const) {
  conformance(`FUSE${title}`, async () => {
    const fs = new MemoryFileSystem(tree());
    return { fs: await through(slow ? later(fs) : fs, false, plus), expected: await walk(fs) };
  });
}

for (const [title, minor, slow] of [['', 45, false], [' before epochs, answered later', 40, true]] as const) {
  writerConformance(`FUSE${title}`, async (): Promise<WriteSubject> => {
    const fs = new WritableMemoryFileSystem();
    const client = await through(slow ? later(fs) : fs, true, slow, { minor }) as FuseClient & WriteSubject['fs'];
    return {
      fs: client,
      async finish() {
        client.close();
        return { found: '', again: fs };
      },
    };
  });
}

const missing = missingTools('mke2fs', 'e2fsck');
if (missing === undefined) {
  writerConformance('FUSE on ext4', async (): Promise<WriteSubject> => {
    const folder = mkdtempSync(join(tmpdir(), 'clutch-fuse-'));
    const image = join(folder, 'image');
    const bytes = freshImage(matrix.find(({ name }) => name === 'ext4-4k')!, image);
    const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
    const client = await through(fs, true, true) as FuseClient & WriteSubject['fs'];
    return {
      fs: client,
      async finish() {
        client.close();
        await fs.close();
        writeFileSync(image, bytes);
        const found = fsck(image);
        rmSync(folder, { recursive: true });
        return { found, again: await openBytes(bytes) };
      },
    };
  });
} else {
  it('writer conformance: FUSE on ext4', (context) => skip(context, missing));
}
