import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeName } from '../../engines/core/names.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { readUses } from '../devices/uses.ts';
import { linuxDevices } from '../devices/linux.ts';
import { type ImageSession, openImage } from '../session.ts';
import { FileDevice } from '../sources/file.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const missing = process.getuid?.() === 0 ? missingTools('losetup', 'mount', 'umount', 'mke2fs', 'e2fsck', 'sfdisk', 'partx', 'mkswap', 'swapon', 'swapoff') : 'skipped: not root';

const MIB = 1024 * 1024;

/** Takes down what the test itself may have taken down. */
const quietly = (name: string, ...args: string[]): void => {
  try {
    run(name, args);
  } catch {
    // It was taken down by the test itself.
  }
};

const write = async (session: ImageSession, name: string, text: string): Promise<void> => {
  const { filesystem } = session.select();
  await session.editing.operation({ text: `Wrote ${name}`, layer: '0' }, async () => {
    const writer = filesystem.writer!;
    const node = await writer.create(filesystem.root, name, { mode: 0o644, uid: 0, gid: 0 });
    await writer.write(node, 0, encodeName(text));
  });
};

const busy = (words: RegExp): unknown => expect.objectContaining({ kind: 'busy', message: expect.stringMatching(words) as string });

// Loop devices stand for disks: the same block layer, partitions, O_EXCL and page cache of the kernel.
describe.skipIf(missing !== undefined)(`disks of the kernel${missing === undefined ? '' : ` (${missing})`}`, () => {
  const sessions = new Set<ImageSession>();
  /** What is taken down afterwards, the last first; also when the test failed. */
  const undo: (() => void)[] = [];
  const attached = new Set<string>();
  let count = 0;
  let folder: string;

  beforeEach(() => {
    folder = join(scratch.path, `disk-${++count}`);
    mkdirSync(folder);
    // What is kept while changes are applied must not lie among the person's own.
    vi.stubEnv('CLUTCH_DATA', join(folder, 'data'));
  });
  afterEach(async () => {
    for (const session of sessions) await session.close({ discard: true });
    sessions.clear();
    for (const step of undo.splice(0).toReversed()) step();
    vi.unstubAllEnvs();
  });

  const open = async (path: string): Promise<ImageSession> => {
    const session = await openImage(path);
    sessions.add(session);
    return session;
  };
  const attach = (file: string, ...options: string[]): string => {
    const loop = run('losetup', ['--find', '--show', ...options, file]).trim();
    attached.add(loop);
    undo.push(() => { if (attached.has(loop)) quietly('losetup', '--detach', loop); });
    return loop;
  };
  /** Once: its number may be that of another's device the next moment. */
  const detach = (loop: string): void => {
    attached.delete(loop);
    run('losetup', ['--detach', loop]);
  };
  /** A disk with an ext4 on all of it. */
  const ext4Disk = (): string => {
    const file = join(folder, 'whole.img');
    writeFileSync(file, '');
    truncateSync(file, 8 * MIB);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'whole', file]);
    return attach(file);
  };
  /** A disk with two partitions of 8 MiB, the first with an ext4, the second with swap. The kernel is told of them by partx: not every one reads tables itself. */
  const tableDisk = (): { disk: string; first: string; second: string } => {
    const file = join(folder, 'table.img');
    writeFileSync(file, '');
    truncateSync(file, 32 * MIB);
    run('sfdisk', ['-q', file], 'label: gpt\nsize=8M,name=one\nsize=8M,name=two\n');
    const disk = attach(file);
    if (!existsSync(`${disk}p1`)) run('partx', ['--add', disk]);
    undo.push(() => quietly('partx', '--delete', disk));
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', 'first', `${disk}p1`]);
    run('mkswap', [`${disk}p2`]);
    return { disk, first: `${disk}p1`, second: `${disk}p2` };
  };
  const mount = (device: string, ...options: string[]): string => {
    const at = join(folder, `mnt ${basename(device)}`);
    mkdirSync(at, { recursive: true });
    run('mount', [...options, device, at]);
    undo.push(() => quietly('umount', at));
    return at;
  };

  it('are changed, whole ones and partitions, and the kernel and e2fsck find what was written', async () => {
    for (const device of [ext4Disk(), tableDisk().first]) {
      const session = await open(device);
      expect(session.size).toBe(8 * MIB);
      await session.editing.unlock();
      await write(session, 'hello.txt', 'from Clutch');
      expect(await session.editing.apply()).toEqual({ bytes: expect.any(Number) as number });
      await session.close();
      sessions.delete(session);
      run('e2fsck', ['-fn', device]);
      const at = mount(device, '-o', 'ro');
      expect(run('cat', [join(at, 'hello.txt')])).toBe('from Clutch');
      run('umount', [at]);
    }
  });

  it('that are opened for changes are the session\'s alone: neither they nor what is on them can be mounted', async () => {
    const { disk, first } = tableDisk();
    const session = await open(disk);
    await session.editing.unlock();
    expect(() => mount(first)).toThrow(/busy|already mounted/);
    await session.close({ discard: true });
    sessions.delete(session);
    run('umount', [mount(first)]);
  });

  it('are refused while they, a partition of them or the disk around them is in use, with the reason and the place', async () => {
    const { disk, first, second } = tableDisk();
    const sessionOf = { disk: await open(disk), first: await open(first), second: await open(second) };
    const at = mount(first);
    await expect(sessionOf.disk.editing.unlock()).rejects.toEqual(busy(new RegExp(`${first} is mounted on .*mnt ${basename(first)}`)));
    await expect(sessionOf.first.editing.unlock()).rejects.toEqual(busy(/is mounted on/));
    expect(linuxDevices().filter(({ path, parent }) => path === disk || parent === disk).map(({ path, used }) => [path, used])).toEqual([[disk, [at]], [first, [at]], [second, []]]);
    run('umount', [at]);
    run('swapon', [second]);
    undo.push(() => quietly('swapoff', second));
    await expect(sessionOf.disk.editing.unlock()).rejects.toEqual(busy(new RegExp(`${second} is swap space`)));
    // The other partition is nobody's.
    await sessionOf.first.editing.unlock();
    await sessionOf.first.editing.lock();
    run('swapoff', [second]);
    const above = attach(first);
    await expect(sessionOf.first.editing.unlock()).rejects.toEqual(busy(new RegExp(`${first} is attached to ${above}`)));
    await expect(sessionOf.disk.editing.unlock()).rejects.toEqual(busy(new RegExp(`${first} is attached to ${above}`)));
    detach(above);
    await sessionOf.disk.editing.unlock();
  });

  it('are refused by the kernel itself where nothing tells who has them', () => {
    const device = ext4Disk();
    const holder = new FileDevice(device, { write: true });
    expect(readUses().of(`/sys/block/${basename(device)}`)).toEqual([]);
    expect(() => new FileDevice(device, { write: true })).toThrow(busy(/is in use/) as Error);
    new FileDevice(device).close();
    holder.close();
    new FileDevice(device, { write: true }).close();
  });

  it('are looked at again when changes are applied: what came to use them since is refused, and nothing was written', async () => {
    const device = ext4Disk();
    const session = await open(device);
    await session.editing.unlock();
    await write(session, 'late.txt', 'x');
    const above = attach(device);
    await expect(session.editing.apply()).rejects.toEqual(busy(new RegExp(`is attached to ${above}`)));
    detach(above);
    expect(session.editing.state).toMatchObject({ state: 'editing', operations: 1 });
    await session.editing.apply();
    run('e2fsck', ['-fn', device]);
  });

  it('with another medium than the one that was unlocked are not written to', async () => {
    const device = ext4Disk();
    const other = join(folder, 'other.img');
    copyFileSync(join(folder, 'whole.img'), other);
    const session = await open(device);
    await session.editing.unlock();
    await write(session, 'x.txt', 'x');
    // As when a card is pulled out and another one put in: the kernel counts it as a disk that was resized.
    truncateSync(join(folder, 'whole.img'), 4 * MIB);
    run('losetup', ['--set-capacity', device]);
    await expect(session.editing.apply()).rejects.toEqual(busy(/was cut or grown from 8388608 to 4194304 bytes: it is not the disk that was unlocked/));
    await session.editing.discard().catch(() => {});
  });

  it('that are gone answer with an io error and a note; without a medium they are told so', async () => {
    const device = ext4Disk();
    const notes: string[] = [];
    const file = new FileDevice(device, { note: ({ message }) => notes.push(message) });
    try {
      truncateSync(join(folder, 'whole.img'), 4096);
      run('losetup', ['--set-capacity', device]);
      expect(() => file.read(4 * MIB, new Uint8Array(4096))).toThrow(expect.objectContaining({ kind: 'io' }) as Error);
      expect(notes).toEqual([expect.stringContaining(`${device} was cut or grown from 8388608 to 4096 bytes; close it and open it again`)]);
    } finally {
      file.close();
    }
    detach(device);
    await expect(openImage(device)).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'ENOENT' }, message: `There is no medium in ${device}` });
  });

  it('that are read-only are opened, and their changes can only be saved elsewhere', async () => {
    const file = join(folder, 'ro.img');
    writeFileSync(file, '');
    truncateSync(file, 8 * MIB);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', file]);
    const device = attach(file, '--read-only');
    const session = await open(device);
    await session.editing.unlock();
    await write(session, 'a.txt', 'a');
    await expect(session.editing.apply()).rejects.toMatchObject({ fault: { kind: 'usage', errno: 'EROFS' }, message: expect.stringContaining(`${device} is read-only`) as string });
    const copy = join(folder, 'copy.img');
    await session.editing.saveAs(copy);
    run('e2fsck', ['-fn', copy]);
    await session.editing.discard();
    expect(readdirSync(folder).toSorted()).toEqual(['copy.img', 'ro.img']);
    rmSync(copy);
  });
});
