import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FaultyDevice } from '../../../core/bytes/faulty.ts';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import { isDiskError } from '../../../core/errors.ts';
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

  it('is whole, with all that was synced, on a disk that fails at any write', async () => {
    const path = join(scratch.path, 'failing.img');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', '-J', 'size=1', path, '4M']);
    const made = new Uint8Array(readFileSync(path));
    let failures = 0;
    for (let writes = 0; writes < 80; writes += 3) {
      const bytes = made.slice();
      const fs = await ext4.open(new FaultyDevice(new MemoryDevice(bytes), { writesBeforeLoss: writes }), { ...testContext(), write: writeAccess() });
      const writer = fs.writer!;
      const synced: string[] = [];
      try {
        for (let i = 0; i < 12; i++) {
          const node = await writer.create(fs.root, `file ${i}`, { mode: 0o644 });
          await writer.write(node, 0, new Uint8Array(3000).fill(i));
          await writer.sync();
          synced.push(`file ${i}`);
        }
        await fs.close();
      } catch (error) {
        if (!isDiskError(error)) throw error;
        expect(error.kind).toBe('io');
        failures++;
        // What failed once is not gone on with, and closing is no second failure.
        await expect((async () => { await writer.create(fs.root, 'late', { mode: 0o644 }); await writer.sync(); })()).rejects.toMatchObject({ fault: { kind: 'io' } });
        try {
          await fs.close();
        } catch (again) {
          if (!isDiskError(again) || again.kind !== 'io') throw again;
        }
      }
      const recovered = await ext4.open(new MemoryDevice(bytes), { ...testContext(), write: writeAccess() });
      for (const [i, name] of synced.entries()) {
        const into = new Uint8Array(3000);
        expect(await recovered.read((await recovered.lookup(recovered.root, name))!, 0, into)).toBe(3000);
        expect(into.every((byte) => byte === i)).toBe(true);
      }
      await recovered.close();
      writeFileSync(path, bytes);
      run('e2fsck', ['-fn', path]);
    }
    expect(failures).toBeGreaterThan(15);
  });
});
