import { describe, expect, it } from 'vitest';
import { ACL_XATTR, formatAcl } from '../core/acl.ts';
import { type Errno, isDiskError } from '../core/errors.ts';
import type { FileSystem, NodeId, Stat } from '../core/filesystem.ts';
import type { Writer } from '../core/writer.ts';
import { compareWalks } from './compare.ts';
import { skip } from './oracle/check.ts';
import { listAll, readAll, walk } from './walk.ts';

/** A filesystem that is empty but for what its maker puts there, to be written to. */
export interface WriteSubject {
  readonly fs: FileSystem & { readonly writer: Writer };
  /** What there is no way to ask for, where the writer is a client of somebody else: it must be refused as unsupported. And what the filesystem does not have. */
  readonly cannot?: readonly Inability[];
  /** Closes it. @returns what the reference's check finds, empty for nothing; and the filesystem opened anew, where it lies on a device */
  finish(): Promise<{ readonly found: string; readonly again?: FileSystem }>;
}

/**
 * A rename that exchanges two names (RENAME_EXCHANGE); attributes without a value; space that is reserved or given back (fallocate(2)); that
 * a file is let go before close(2) returns (the kernel does not wait for what FUSE's server asks others for). What the filesystem itself does not have: links of folders that tell how
 * many folders are in them (Btrfs: always one); device numbers of 32 bits (XFS: 9 for the major number, 18 for the minor one). And what Linux's own client of 9P
 * makes of it: 1970 of any time before (s_time_min in fs/9p/vfs_super.c), its own clock's time of a file that it writes and keeps.
 */
export type Inability = 'times before 1970' | 'times of writes' | 'exchange' | 'empty attributes' | 'allocation' | 'release at once' | 'links of folders' | 'large device numbers';

/**
 * What every Writer must keep. Each rule is tried on a filesystem of its own, and ends in the reference's check. Declares a vitest suite.
 * @param without rules that can't be tried, by the beginning of their text, and why
 */
export function writerConformance(title: string, open: () => Promise<WriteSubject>, without: Readonly<Record<string, string>> = {}): void {
  /** A rule, then the check: the same tree must be there when it is opened anew. */
  const rule = (text: string, run: (fs: WriteSubject['fs'], writer: Writer, cannot: readonly Inability[]) => Promise<void>): void => {
    const reason = Object.entries(without).find(([beginning]) => text.startsWith(beginning))?.[1];
    // A guest on a busy machine takes minutes for what is done here in milliseconds.
    it(text, { timeout: 600_000 }, async (context) => {
      if (reason !== undefined) skip(context, reason);
      const subject = await open();
      await run(subject.fs, subject.fs.writer, subject.cannot ?? []);
      const before = (await walk(subject.fs)).map(({ mtime, ...rest }) => (mtime === undefined || subject.cannot?.includes('times of writes') ? rest : { ...rest, mtime }));
      const { found, again } = await subject.finish();
      expect(found).toBe('');
      if (again !== undefined) expect(compareWalks(before, await walk(again)).differences).toEqual([]);
    });
  };

  describe(`writer conformance: ${title}`, () => {
    rule('read and write: any bytes at any place, what lies between is a hole', async (fs, writer) => {
      const file = await writer.create(fs.root, 'file', NODE);
      const expected = new Uint8Array(300_000);
      let size = 0;
      for (const [at, length] of [[0, 10], [10, 5000], [4096, 4096], [100_000, 77], [3, 1], [299_999, 1], [8191, 20_000]] as const) {
        const bytes = Uint8Array.from({ length }, (_, i) => (at + i * 7) & 0xff);
        expect(await writer.write(file, at, bytes)).toBe(length);
        expected.set(bytes, at);
        size = Math.max(size, at + length);
        expect((await fs.stat(file)).size).toBe(size);
        expect(Buffer.compare(await readAll(fs, file), expected.subarray(0, size))).toBe(0);
      }
      expect(await writer.write(file, 5, new Uint8Array(0))).toBe(0);
      await fails('EINVAL', () => writer.write(file, -1, new Uint8Array(1)));
      await fails('EISDIR', () => writer.write(fs.root, 0, new Uint8Array(1)));
    });

    rule('create and delete: a file of each type, with what it was given', async (fs, writer, cannot) => {
      const given = { mode: 0o4751, uid: 70_001, gid: 3, mtime: 1_234_567_890_000_000_000n, atime: 987_654_321_000_000_000n };
      const file = await writer.create(fs.root, 'file', given);
      expect(pick(await fs.stat(file))).toEqual({ type: 'file', mode: 0o4751, uid: 70_001, gid: 3, nlink: 1, size: 0 });
      expect(await fs.stat(file)).toMatchObject({ mtime: given.mtime, atime: given.atime });
      for (const type of ['fifo', 'socket'] as const) expect((await fs.stat(await writer.mknod(fs.root, type, type, NODE))).type).toBe(type);
      for (const [i, device] of [{ major: 8, minor: 1 }, { major: 0, minor: 0 }, { major: 259, minor: 70_000 }, cannot.includes('large device numbers') ? { major: 511, minor: 2 ** 18 - 1 } : { major: 4095, minor: 2 ** 20 - 1 }].entries()) {
        for (const type of ['char', 'block'] as const) {
          const node = await writer.mknod(fs.root, `${type}${i}`, type, NODE, device);
          expect(await fs.stat(node)).toMatchObject({ type, device });
        }
      }
      expect(await fs.lookup(fs.root, 'file')).toBe(file);
      await writer.unlink(fs.root, 'file');
      expect(await fs.lookup(fs.root, 'file')).toBeUndefined();
      await fails('ENOENT', () => writer.unlink(fs.root, 'file'));
      await writer.unlink(fs.root, 'fifo');
      await writer.unlink(fs.root, 'char2');
      expect((await names(fs, fs.root)).filter((each) => each !== 'lost+found').toSorted()).toEqual(['block0', 'block1', 'block2', 'block3', 'char0', 'char1', 'char3', 'socket']);
    });

    rule('names: what is none is refused, and what is one comes back byte for byte', async (fs, writer) => {
      for (const [name, errno] of [['', 'ENOENT'], ['.', 'EINVAL'], ['..', 'EINVAL'], ['a/b', 'EINVAL'], ['a\0', 'EINVAL'], ['x'.repeat(256), 'ENAMETOOLONG'], ['ä'.repeat(128), 'ENAMETOOLONG']] as const) {
        await fails(errno, () => writer.create(fs.root, name, NODE));
        await fails(errno, () => writer.mkdir(fs.root, name, NODE));
      }
      const odd = ['x'.repeat(255), 'ä'.repeat(127), '\udcff\udc80', 'a b', '\n', '-', '...', 'Ä', 'A\u0308'];
      for (const name of odd) await writer.create(fs.root, name, NODE);
      for (const name of odd) await fails('EEXIST', () => writer.create(fs.root, name, NODE));
      expect((await names(fs, fs.root)).filter((each) => each !== 'lost+found').toSorted()).toEqual(odd.toSorted());
      expect(writer.names).toMatchObject({ longest: 255, unit: 'bytes', caseSensitive: true });
    });

    rule('directories: made, filled with hundreds of names, emptied and removed', async (fs, writer, cannot) => {
      const links = (count: number): number => (cannot.includes('links of folders') ? 1 : count);
      const dir = await writer.mkdir(fs.root, 'dir', { mode: 0o1770, uid: 5 });
      const rootLinks = (await fs.stat(fs.root)).nlink;
      expect(pick(await fs.stat(dir))).toMatchObject({ type: 'dir', mode: 0o1770, uid: 5, nlink: links(2) });
      expect(await names(fs, dir)).toEqual([]);
      const made = Array.from({ length: 700 }, (_, i) => `name ${i} ${'-'.repeat(i % 90)}`);
      for (const name of made) await writer.create(dir, name, NODE);
      expect((await names(fs, dir)).toSorted()).toEqual(made.toSorted());
      for (const name of made) expect(await fs.lookup(dir, name)).toBeDefined();
      const inner = await writer.mkdir(dir, 'inner', NODE);
      expect((await fs.stat(dir)).nlink).toBe(links(3));
      await fails('ENOTEMPTY', () => writer.rmdir(fs.root, 'dir'));
      await fails('EISDIR', () => writer.unlink(dir, 'inner'));
      await fails('ENOTDIR', () => writer.rmdir(dir, made[0]!));
      await fails('ENOTDIR', async () => writer.create((await fs.lookup(dir, made[0]!))!, 'x', NODE));
      await fails('ENOENT', () => writer.rmdir(dir, 'none'));
      await writer.rmdir(dir, 'inner');
      expect((await fs.stat(dir)).nlink).toBe(links(2));
      for (const name of made) await writer.unlink(dir, name);
      expect(await names(fs, dir)).toEqual([]);
      await writer.rmdir(fs.root, 'dir');
      expect((await fs.stat(fs.root)).nlink).toBe(links(rootLinks - 1));
      await fails(['ESTALE', 'ENOENT'], () => writer.create(inner, 'x', NODE));
    });

    rule('chmod, chown and times: what is named changes, the rest stays', async (fs, writer, cannot) => {
      const file = await writer.create(fs.root, 'file', { mode: 0o644, uid: 1, gid: 2 });
      await writer.write(file, 0, new Uint8Array(100_000));
      await writer.change(file, { mode: 0o6711 });
      expect(pick(await fs.stat(file))).toMatchObject({ mode: 0o6711, uid: 1, gid: 2, type: 'file' });
      await writer.change(file, { uid: 100_000 });
      await writer.change(file, { gid: 4_000_000_000 });
      expect(pick(await fs.stat(file))).toMatchObject({ mode: 0o6711, uid: 100_000, gid: 4_000_000_000 });
      const atime = cannot.includes('times before 1970') ? 5_000_000_000n : -5_000_000_000n;
      await writer.change(file, { mtime: 1_000_000_000_000_000_000n, atime });
      expect(await fs.stat(file)).toMatchObject({ mtime: 1_000_000_000_000_000_000n, atime });
      await writer.change(fs.root, { mode: 0o700, uid: 9 });
      expect(pick(await fs.stat(fs.root))).toMatchObject({ type: 'dir', mode: 0o700, uid: 9 });
    });

    rule('truncate: cut and grown, and nothing old comes back', async (fs, writer) => {
      const file = await writer.create(fs.root, 'file', NODE);
      await writer.write(file, 0, new Uint8Array(150_000).fill(0xee));
      await writer.truncate(file, 70_001);
      await writer.truncate(file, 200_000);
      const bytes = await readAll(fs, file);
      expect(bytes.length).toBe(200_000);
      expect(bytes.subarray(0, 70_001).every((byte) => byte === 0xee)).toBe(true);
      expect(bytes.subarray(70_001).every((byte) => byte === 0)).toBe(true);
      await writer.truncate(file, 0);
      expect((await fs.stat(file)).allocated).toBe(0);
      await writer.truncate(file, 5_000_000_000);
      expect((await fs.stat(file)).size).toBe(5_000_000_000);
      await writer.truncate(file, 1);
      await fails('EISDIR', () => writer.truncate(fs.root, 0));
      await fails('EINVAL', () => writer.truncate(file, -1));
    });

    rule('space is reserved, and holes are punched', async (fs, writer, cannot) => {
      if (writer.allocate === undefined) return;
      const file = await writer.create(fs.root, 'file', NODE);
      await writer.write(file, 0, new Uint8Array(100_000).fill(7));
      if (cannot.includes('allocation')) {
        for (const how of ['punch', 'reserve'] as const) await refused(() => writer.allocate!(file, 10_000, 50_000, how));
        expect((await readAll(fs, file)).every((byte) => byte === 7)).toBe(true);
        return;
      }
      await writer.allocate(file, 10_000, 50_000, 'punch');
      const bytes = await readAll(fs, file);
      expect([bytes[9999], bytes[10_000], bytes[59_999], bytes[60_000]]).toEqual([7, 0, 0, 7]);
      const errno = await failure(() => writer.allocate!(file, 90_000, 100_000, 'reserve'));
      // A file that is mapped by block numbers has no unwritten blocks.
      if (errno === undefined) {
        expect((await fs.stat(file)).size).toBe(190_000);
        expect((await readAll(fs, file)).subarray(100_000).every((byte) => byte === 0)).toBe(true);
        await writer.write(file, 150_000, new Uint8Array(10).fill(1));
        expect((await readAll(fs, file)).subarray(100_000).reduce((sum, byte) => sum + byte, 0)).toBe(10);
      } else {
        expect(errno).toBe('ENOTSUP');
      }
      await fails('EINVAL', () => writer.allocate!(file, 0, 0, 'punch'));
    });

    rule('hard links: one node under several names, gone with the last', async (fs, writer) => {
      const dir = await writer.mkdir(fs.root, 'dir', NODE);
      const file = await writer.create(fs.root, 'a', NODE);
      await writer.write(file, 0, new Uint8Array(10_000).fill(3));
      await writer.link(dir, 'b', file);
      await writer.link(fs.root, 'c', file);
      expect((await fs.stat(file)).nlink).toBe(3);
      expect(await fs.lookup(dir, 'b')).toBe(file);
      await fails('EEXIST', () => writer.link(fs.root, 'a', file));
      await fails('EPERM', () => writer.link(fs.root, 'd', dir));
      await writer.unlink(fs.root, 'a');
      await writer.unlink(fs.root, 'c');
      expect((await fs.stat(file)).nlink).toBe(1);
      expect((await readAll(fs, file)).length).toBe(10_000);
      await writer.unlink(dir, 'b');
      expect(await names(fs, dir)).toEqual([]);
    });

    rule('symbolic links: short and long targets', async (fs, writer) => {
      for (const length of [1, 59, 60, 61, 255, 1000]) {
        const link = await writer.symlink(fs.root, `link ${length}`, 'z'.repeat(length), { mode: 0o777 });
        expect(await fs.readlink(link)).toBe('z'.repeat(length));
        expect(pick(await fs.stat(link))).toMatchObject({ type: 'symlink', size: length, nlink: 1 });
      }
      const odd = await writer.symlink(fs.root, 'odd', '/ä/\udcff/..', { mode: 0o777 });
      expect(await fs.readlink(odd)).toBe('/ä/\udcff/..');
      await fails('ENOENT', () => writer.symlink(fs.root, 'none', '', { mode: 0o777 }));
      await fails('EEXIST', () => writer.symlink(fs.root, 'odd', 'x', { mode: 0o777 }));
      await writer.unlink(fs.root, 'link 1');
      await writer.unlink(fs.root, 'link 1000');
      await fails('EINVAL', () => writer.truncate(odd, 0));
    });

    rule('rename: to a new name, over another, kept, exchanged, across directories', async (fs, writer, cannot) => {
      const exchange = async (...[fromDir, from, toDir, to]: [NodeId, string, NodeId, string]): Promise<void> => {
        if (!cannot.includes('exchange')) return writer.rename(fromDir, from, toDir, to, 'exchange');
        await refused(() => writer.rename(fromDir, from, toDir, to, 'exchange'));
        await writer.rename(fromDir, from, fs.root, 'third', 'keep');
        await writer.rename(toDir, to, fromDir, from, 'keep');
        await writer.rename(fs.root, 'third', toDir, to, 'keep');
      };
      const [one, two] = [await writer.mkdir(fs.root, 'one', NODE), await writer.mkdir(fs.root, 'two', NODE)];
      const file = await writer.create(one, 'file', NODE);
      await writer.rename(one, 'file', one, 'renamed', 'keep');
      expect(await fs.lookup(one, 'renamed')).toBe(file);
      const other = await writer.create(two, 'other', NODE);
      await fails('EEXIST', () => writer.rename(one, 'renamed', two, 'other', 'keep'));
      await exchange(one, 'renamed', two, 'other');
      expect([await fs.lookup(one, 'renamed'), await fs.lookup(two, 'other')]).toEqual([other, file]);
      await writer.rename(one, 'renamed', two, 'other', 'replace');
      expect(await names(fs, one)).toEqual([]);
      expect(await fs.lookup(two, 'other')).toBe(other);
      const inner = await writer.mkdir(two, 'inner', NODE);
      await writer.rename(two, 'inner', one, 'moved', 'replace');
      expect([(await fs.stat(one)).nlink, (await fs.stat(two)).nlink, (await fs.stat(inner)).nlink]).toEqual(cannot.includes('links of folders') ? [1, 1, 1] : [3, 2, 2]);
      await fails('EINVAL', () => writer.rename(fs.root, 'one', inner, 'x', 'replace'));
      await fails('EINVAL', () => writer.rename(fs.root, 'one', one, 'x', 'replace'));
      await fails('EISDIR', () => writer.rename(two, 'other', fs.root, 'one', 'replace'));
      await fails('ENOTEMPTY', () => writer.rename(one, 'moved', fs.root, 'one', 'replace'));
      await fails('ENOENT', () => writer.rename(two, 'none', one, 'x', 'replace'));
      await fails('ENOENT', () => writer.rename(two, 'other', one, 'none', 'exchange'));
      await fails('ENOTDIR', () => writer.rename(one, 'moved', two, 'other', 'replace'));
      await writer.mkdir(inner, 'full', NODE);
      await fails('ENOTEMPTY', () => writer.rename(fs.root, 'two', one, 'moved', 'replace'));
      await exchange(fs.root, 'two', one, 'moved');
      expect([await fs.lookup(fs.root, 'two'), await fs.lookup(one, 'moved')]).toEqual([inner, two]);
      await writer.rename(one, 'moved', one, 'moved', 'replace');
      // Two names of one node stay two names.
      await writer.link(two, 'again', other);
      await writer.rename(two, 'other', two, 'again', 'replace');
      expect((await names(fs, two)).toSorted()).toEqual(['again', 'other']);
    });

    rule('attributes: of every size, replaced and removed', async (fs, writer, cannot) => {
      const file = await writer.create(fs.root, 'file', NODE);
      const sizes = [0, 1, 3, 4, 40, 100, 400].slice(cannot.includes('empty attributes') ? 1 : 0);
      if (sizes[0] !== 0) await refused(() => writer.setXattr(file, 'user.of 0', value(0)));
      for (const size of sizes) await writer.setXattr(file, `user.of ${size}`, value(size));
      for (const size of sizes) expect(await fs.xattrs!.get(file, `user.of ${size}`)).toEqual(value(size));
      await fails('EEXIST', () => writer.setXattr(file, 'user.of 1', value(1), 'create'));
      await fails('ENODATA', () => writer.setXattr(file, 'user.none', value(1), 'replace'));
      await writer.setXattr(file, 'user.of 400', value(2), 'replace');
      await writer.setXattr(file, 'user.of 1', value(200));
      await writer.removeXattr(file, 'user.of 4');
      await fails('ENODATA', () => writer.removeXattr(file, 'user.of 4'));
      expect((await fs.xattrs!.list(file)).toSorted()).toEqual(sizes.filter((size) => size !== 4).map((size) => `user.of ${size}`).toSorted());
      for (const size of sizes) if (size !== 4) await writer.removeXattr(file, `user.of ${size}`);
      expect(await fs.xattrs!.list(file)).toEqual([]);
    });

    rule('ACLs: they set the mode, follow it, and are handed down', async (fs, writer) => {
      const acl = formatAcl([entry(1, 7), entry(2, 5, 1000), entry(4, 1), entry(0x10, 6), entry(0x20, 4)]);
      const dir = await writer.mkdir(fs.root, 'dir', { mode: 0o755 });
      await writer.setXattr(dir, 'system.posix_acl_access', acl);
      expect((await fs.stat(dir)).mode).toBe(0o764);
      await writer.change(dir, { mode: 0o750 });
      expect(await fs.xattrs!.get(dir, 'system.posix_acl_access')).toEqual(formatAcl([entry(1, 7), entry(2, 5, 1000), entry(4, 1), entry(0x10, 5), entry(0x20, 0)]));
      await writer.setXattr(dir, 'system.posix_acl_default', acl);
      const file = await writer.create(dir, 'file', { mode: 0o640 });
      expect((await fs.stat(file)).mode).toBe(0o640);
      expect(await fs.xattrs!.get(file, 'system.posix_acl_access')).toEqual(formatAcl([entry(1, 6), entry(2, 5, 1000), entry(4, 1), entry(0x10, 4), entry(0x20, 0)]));
      const inner = await writer.mkdir(dir, 'inner', { mode: 0o700 });
      expect(await fs.xattrs!.get(inner, 'system.posix_acl_default')).toEqual(acl);
      await writer.setXattr(file, 'system.posix_acl_access', formatAcl([entry(1, 7), entry(4, 5), entry(0x20, 1)]));
      expect([(await fs.stat(file)).mode, await fs.xattrs!.list(file)]).toEqual([0o751, []]);
      // Linux itself looks at the version first, which is 0 here (fs/posix_acl.c).
      await fails(['EINVAL', 'ENOTSUP'], () => writer.setXattr(file, 'system.posix_acl_access', new Uint8Array(12)));
    });

    rule('a file with all of its contents: what create, write and change make of it, or nothing', async (fs, writer) => {
      if (writer.put === undefined) return;
      const acl = formatAcl([entry(1, 7), entry(2, 5, 1000), entry(4, 1), entry(0x10, 6), entry(0x20, 4)]);
      const given = { mode: 0o4671, uid: 70_001, gid: 3, mtime: 1_234_567_890_000_000_000n, atime: 987_654_321_000_000_000n };
      for (const folder of ['plain', 'with ACL']) {
        const dir = await writer.mkdir(fs.root, folder, { mode: 0o755 });
        if (folder === 'with ACL') await writer.setXattr(dir, 'system.posix_acl_default', acl);
        for (const length of [0, 1, 60, 200, 4095, 4096, 4097, 300_000]) {
          const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);
          const whole = await writer.put(dir, `whole ${length}`, given, bytes);
          const apart = await writer.create(dir, `apart ${length}`, given);
          await writer.write(apart, 0, bytes);
          await writer.change(apart, given);
          expect(Buffer.compare(await readAll(fs, whole), bytes)).toBe(0);
          const one = said(await fs.stat(whole));
          expect(one).toEqual(said(await fs.stat(apart)));
          expect(one).toMatchObject({ mode: 0o4671, uid: 70_001, gid: 3, mtime: given.mtime, atime: given.atime });
          const name = 'system.posix_acl_access';
          expect([await fs.xattrs?.list(whole), await fs.xattrs?.get(whole, name)]).toEqual([await fs.xattrs?.list(apart), await fs.xattrs?.get(apart, name)]);
        }
        await fails('EEXIST', () => writer.put!(dir, 'whole 1', NODE, new Uint8Array(10)));
        const { free } = fs.info;
        await fails('ENOSPC', () => writer.put!(dir, 'too large', NODE, new Uint8Array(free + 1)));
        expect(await fs.lookup(dir, 'too large')).toBeUndefined();
        expect(fs.info.free).toBe(free);
      }
    });

    rule('what is held outlives its last name, and goes when it is released', async (fs, writer, cannot) => {
      const file = await writer.create(fs.root, 'file', NODE);
      await writer.write(file, 0, new Uint8Array(20_000).fill(9));
      await writer.hold(file);
      await writer.hold(file);
      await writer.unlink(fs.root, 'file');
      expect((await fs.stat(file)).nlink).toBe(0);
      await writer.write(file, 30_000, Uint8Array.of(1));
      expect((await readAll(fs, file)).length).toBe(30_001);
      await fails('ENOENT', () => writer.link(fs.root, 'again', file));
      await writer.sync();
      await writer.release(file);
      expect((await fs.stat(file)).size).toBe(30_001);
      await writer.release(file);
      const written = (): Promise<Errno | undefined> => failure(() => writer.write(file, 0, Uint8Array.of(1)));
      if (cannot.includes('release at once')) await expect.poll(written, { timeout: 60_000, interval: 500 }).toBe('ESTALE');
      else expect(await written()).toBe('ESTALE');
      // What is still held when it is closed goes as well.
      const dir = await writer.mkdir(fs.root, 'dir', NODE);
      await writer.hold(dir);
      await writer.rmdir(fs.root, 'dir');
      await fails('ENOENT', () => writer.create(dir, 'x', NODE));
    });

    rule('times of directories follow what is made and taken away in them', async (fs, writer) => {
      const dir = await writer.mkdir(fs.root, 'dir', { mode: 0o755, mtime: 1_000_000_000_000_000_000n });
      expect((await fs.stat(dir)).mtime).toBe(1_000_000_000_000_000_000n);
      await writer.create(dir, 'file', NODE);
      expect((await fs.stat(dir)).mtime).toBeGreaterThan(1_000_000_000_000_000_000n);
      await writer.change(dir, { mtime: 0n });
      await writer.unlink(dir, 'file');
      expect((await fs.stat(dir)).mtime).toBeGreaterThan(0n);
    });
  });
}

const NODE = { mode: 0o644 } as const;

function value(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 31);
}

function entry(tag: number, permissions: number, id: number = ACL_XATTR.noId): { tag: number; permissions: number; id: number } {
  return { tag, permissions, id };
}

/** What a Stat says; an engine's has more behind it. */
function said({ type, mode, uid, gid, size, nlink, mtime, atime, allocated, flags }: Stat): object {
  return { type, mode, uid, gid, size, nlink, mtime, atime, allocated, flags };
}

function pick({ type, mode, uid, gid, nlink, size }: Awaited<ReturnType<FileSystem['stat']>>): object {
  return { type, mode, uid, gid, nlink, size };
}

async function names(fs: FileSystem, dir: NodeId): Promise<string[]> {
  return (await listAll(fs, dir)).map(({ name }) => name);
}

async function fails(errno: Errno | readonly Errno[], call: () => unknown): Promise<void> {
  expect(typeof errno === 'string' ? [errno] : errno).toContain(await failure(call));
}

/** It ends as what there is no way to ask for; a kernel says so by a number (EOPNOTSUPP). */
async function refused(call: () => unknown): Promise<void> {
  let error: unknown;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  expect(isDiskError(error) ? (error.fault.kind === 'usage' && error.fault.errno === 'ENOTSUP' ? 'unsupported' : error.kind) : error).toBe('unsupported');
}

/** The errno that it ends in; undefined when it is done. */
async function failure(call: () => unknown): Promise<Errno | undefined> {
  try {
    await call();
  } catch (error) {
    if (!isDiskError(error) || error.fault.kind !== 'usage') throw error;
    return error.fault.errno;
  }
  return undefined;
}
