import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import type { NodeId, Note } from '../../core/filesystem.ts';
import { testContext } from '../../testing/context.ts';
import { SHARED } from '../../testing/recipes/build.ts';
import { missingTools, scratchFolder } from '../../testing/tools.ts';
import { decodeAcl } from '../../core/acl.ts';
import { ext4 } from './index.ts';
import { readInlineData, readXattrs, type XattrContext } from './xattr.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noMount = missingTools('mke2fs', 'mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

/** Sets attributes of many kinds, and says what the kernel then reads back. */
const FILL = `
import os, sys, json, struct
top = sys.argv[1]
def acl(*entries): return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries)
NONE = 0xffffffff
for i in range(4): open(f'{top}/f{i}', 'w').close()
os.mkdir(top + '/d')
os.setxattr(top + '/f0', 'user.short', b'value')
os.setxattr(top + '/f0', 'user.empty', b'')
os.setxattr(top + '/f0', 'trusted.t', b'\\0\\1\\2')
os.setxattr(top + '/f0', 'security.capability', struct.pack('<IIIII', 0x02000000, 1, 0, 0, 0))
for i in range(6): os.setxattr(top + '/f1', f'user.many{i}', bytes([i]) * (50 + i))
os.setxattr(top + '/f2', 'system.posix_acl_access', acl((1, 6, NONE), (2, 7, 1000), (4, 4, NONE), (16, 7, NONE), (32, 0, NONE)))
os.setxattr(top + '/d', 'system.posix_acl_default', acl((1, 7, NONE), (4, 5, NONE), (8, 5, 2000), (16, 5, NONE), (32, 5, NONE)))
if len(sys.argv) > 2:
    os.setxattr(top + '/f3', 'user.large', bytes(range(256)) * 200)
    os.setxattr(top + '/f3', 'user.big\\u00fc', b'x' * 9000)
out = {}
for name in ['f0', 'f1', 'f2', 'f3', 'd']:
    path = f'{top}/{name}'
    out[name] = {k: os.getxattr(path, k).hex() for k in os.listxattr(path)}
print(json.dumps(out))
`;

describe.skipIf(noMount !== undefined)('attributes that the kernel wrote', () => {
  it.each([
    ['in inodes of 256 bytes and blocks', '-b 1024 -I 256 -O metadata_csum', false],
    ['in blocks only', '-b 4096 -I 128 -O ^metadata_csum', false],
    ['in ea_inodes', '-b 1024 -I 256 -O metadata_csum,ea_inode', true],
    ['in ea_inodes without checksums', '-b 4096 -I 512 -O ^metadata_csum,ea_inode', true],
  ])('%s', async (name, mkfs, large) => {
    const path = join(scratch.path, `${name.replace(/\W+/g, '-')}.img`);
    const shell = `
      set -e
      mkdir -p "$1.mnt"; truncate -s 16M "$1"; mke2fs -q -F -t ext4 ${mkfs} "$1" > "$1.log"; mount -o loop "$1" "$1.mnt"
      python3 -c "$2" "$1.mnt" ${large ? 'large' : ''} || { umount "$1.mnt"; exit 1; }
      umount "$1.mnt"`;
    const expected = JSON.parse(execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', shell, 'bash', path, FILL], {
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
    })) as Record<string, Record<string, string>>;
    const context = testContext();
    const fs = await ext4.open(new MemoryDevice(new Uint8Array(readFileSync(path))), context);
    for (const [file, attributes] of Object.entries(expected)) {
      const node = fs.lookup(fs.root, file) as NodeId;
      const names = fs.xattrs!.list(node) as string[];
      expect(names.toSorted()).toEqual(Object.keys(attributes).toSorted());
      for (const [key, hex] of Object.entries(attributes)) expect(Buffer.from(fs.xattrs!.get(node, key) as Uint8Array).toString('hex'), key).toBe(hex);
    }
    expect(decodeAcl(fs.xattrs!.get(fs.lookup(fs.root, 'f2') as NodeId, 'system.posix_acl_access') as Uint8Array)).toEqual(['user::rw-', 'user:1000:rwx', 'group::r--', 'mask::rwx', 'other::---']);
    expect(Object.keys(expected['f3']!)).toHaveLength(large ? 2 : 0);
    expect(context.notes).toEqual([]);
  });
});

/** An inode of 256 bytes with one attribute "user.a" = "hello" in its body. */
function inBody(change: (view: DataView) => void = () => {}): { context: XattrContext; notes: Note[] } {
  const raw = new Uint8Array(256);
  const view = new DataView(raw.buffer);
  const start = 128 + 32;
  view.setUint32(start, 0xea020000, true);
  raw.set([1, 1, 0, 0], start + 4);
  view.setUint16(start + 6, 80, true);
  view.setUint32(start + 12, 5, true);
  raw[start + 20] = 0x61;
  raw.set(new TextEncoder().encode('hello'), start + 4 + 80);
  change(new DataView(raw.buffer, start));
  const notes: Note[] = [];
  const context: XattrContext = {
    inode: 12, generation: 0, raw, rawAt: 8192, extraSize: 32, aclBlock: 0, blockSize: 1024, block: () => new Uint8Array(1024), place: (block) => block * 1024,
    hasChecksum: false, filesystemSeed: 0, inodeCount: 100, note: (note) => { notes.push(note); },
  };
  return { context, notes };
}

describe('damaged attributes', () => {
  it('are not there when they are sound', () => {
    const { context, notes } = inBody();
    expect([...readXattrs(context).values()].map(({ name, value }) => [name, Buffer.from(value()).toString()])).toEqual([['user.a', 'hello']]);
    expect(readInlineData(context)).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it.each([
    ['a value past the end', (view: DataView) => { view.setUint16(6, 90, true); }, 'overlaps the names or runs over'],
    ['a value over the names', (view: DataView) => { view.setUint16(6, 0, true); }, 'overlaps the names or runs over'],
    ['a name past the end', (view: DataView) => { view.setUint8(4, 200); }, 'names run over'],
    ['a name with a zero byte', (view: DataView) => { view.setUint8(20, 0); }, 'zero byte'],
    ['a value of 4 GiB', (view: DataView) => { view.setUint32(12, 0xffffffff, true); }, 'bytes'],
    ['a value in an inode without the feature', (view: DataView) => { view.setUint32(8, 13, true); }, 'ea_inode'],
  ])('%s', (_name, change, message) => {
    const { context, notes } = inBody(change);
    expect(readXattrs(context).size).toBe(0);
    expect(notes).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringContaining(message), place: { structure: 'extended attributes in inode 12', at: 8192 + 160, length: 96 } })]);
  });

  it('in a block without its magic number are noted with the block', () => {
    const { context, notes } = inBody();
    expect([...readXattrs({ ...context, aclBlock: 77 }).keys()]).toEqual(['user.a']);
    expect(notes[0]).toMatchObject({ place: { structure: 'extended attribute block 77 of inode 12', at: 77 * 1024 } });
  });

  it('in an ea_inode that is not one are errors of the value', () => {
    const { context } = inBody((view) => { view.setUint32(8, 13, true); });
    const holder = { flags: 0x200000, size: 5, generation: 0, hash: 1, parent: 0, read: () => new Uint8Array(5) };
    const value = (change: Partial<typeof holder>) => () => readXattrs({ ...context, eaInode: () => ({ ...holder, ...change }) }).get('user.a')!.value();
    for (const change of [{ flags: 0 }, { size: 6 }, {}]) expect(value(change)).toThrow(expect.objectContaining({ fault: expect.objectContaining({ kind: 'corrupt' }) }));
    // Lustre's form has no hash, but the owner's number.
    expect(value({ parent: 12 })()).toEqual(new Uint8Array(5));
  });
});

const fixture = (name: string) => join(SHARED, 'e2fsprogs', name, 'image.gz');
const noFixtures = existsSync(fixture('f_ea_bad_csum')) ? undefined : `skipped: no ${fixture('f_ea_bad_csum')}`;
if (noFixtures !== undefined) console.warn(noFixtures);

describe.skipIf(noFixtures !== undefined)('damaged images', () => {
  it('notes a wrong checksum of an attribute block', async () => {
    const context = testContext();
    const fs = await ext4.open(new MemoryDevice(new Uint8Array(gunzipSync(readFileSync(fixture('f_ea_bad_csum'))))), context);
    for (const { node } of (await fs.list(fs.root)).entries) expect(fs.xattrs!.list(node)).toEqual([]);
    expect(context.notes.map(({ message }) => message).join('\n')).toMatch(/xtended attribute block \d+ of inode \d+: its checksum is wrong/);
  });
});
