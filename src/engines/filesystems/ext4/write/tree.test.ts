import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import type { FileSystem } from '../../../core/filesystem.ts';
import { testContext } from '../../../testing/context.ts';
import { writeAccess } from '../../../testing/ext4-ledger.ts';
import { missingTools, run, scratchFolder } from '../../../testing/tools.ts';
import { ext4 } from '../index.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'debugfs', 'e2fsck');

describe.skipIf(noTools !== undefined)('a tree that is open for direct changes', () => {
  it('changes through the journal, shows what is free, and is left as an unmounted one', async () => {
    const path = join(scratch.path, 'tree.img');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', path, '16M']);
    const device = new MemoryDevice(new Uint8Array(readFileSync(path)));
    const fs: FileSystem = await ext4.open(device, { ...testContext(), write: writeAccess() });
    const writer = fs.writer!;
    const before = fs.info;
    const node = await writer.create(fs.root, 'hello', { mode: 0o644 });
    await writer.write(node, 0, new Uint8Array(10_000).fill(65));
    const dir = await writer.mkdir(fs.root, 'dir', { mode: 0o755 });
    for (let i = 0; i < 300; i++) await writer.create(dir, `file number ${i}`, { mode: 0o600 });
    await writer.rename(fs.root, 'hello', dir, 'there', 'replace');
    await writer.sync();
    expect(before.inodes!.free - fs.info.inodes!.free).toBe(302);
    expect(before.free - fs.info.free).toBeGreaterThan(10_000);
    await fs.close();
    writeFileSync(path, device.view(0, device.size));
    run('e2fsck', ['-fn', path]);
    expect(run('debugfs', ['-R', 'cat /dir/there', path])).toBe('A'.repeat(10_000));
    expect(run('dumpe2fs', ['-h', path])).toMatch(/Filesystem state:\s+clean\n/);
  });
});
