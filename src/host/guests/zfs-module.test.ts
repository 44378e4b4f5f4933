import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import type { Cursor, NodeId } from '../../engines/core/filesystem.ts';
import { layersOf } from '../../engines/core/layer.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { devicesOf, toolOf } from '../edit/checks.ts';
import { type ImageSession, nodeJob, openImage } from '../session.ts';
import { catalogue } from './catalogue.ts';
import { installed } from './installed.ts';
import type { Guest } from './manifest.ts';
import { builtGuest } from './testing/built.ts';
import { fakeGuests } from './testing/fake-machine.ts';
import { filesOf, put, record } from './testing/prove.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

/** A disk with one uberblock of that version, and the shipped guests. */
async function openers(version: number, built: readonly string[], littleEndian = true): Promise<(readonly [string, string])[]> {
  const bytes = new DataView(new ArrayBuffer(1 << 20));
  bytes.setBigUint64(0x20400, 0xbab10cn, littleEndian);
  bytes.setBigUint64(0x20408, BigInt(version), littleEndian);
  writeFileSync(at('pool'), new Uint8Array(bytes.buffer));
  const guests = catalogue().guests.map((guest): Guest => (built.includes(guest.manifest.name) ? { ...guest, state: 'built', missing: '' } : { ...guest, state: 'missing', missing: `clutch guests build ${guest.manifest.name}` }));
  const session = await openImage(at('pool'), { guests: fakeGuests(...guests), open: false });
  try {
    return session.layers.openers.map(({ id, access, reason }) => [id, access === 'refused' ? reason : access] as const);
  } finally {
    await session.close();
  }
}

describe('the openers of a pool', () => {
  it('with feature flags is the module\'s guest alone; where that is not built, the command that builds it is told', async () => {
    expect(await openers(5000, ['zfs', 'zfs-module'])).toEqual([['guest:zfs-module', 'read-write']]);
    expect(await openers(5000, ['zfs', 'zfs-module'], false)).toEqual([['guest:zfs-module', 'read-write']]);
    expect(await openers(5000, ['zfs'])).toEqual([['guest:zfs-module', 'clutch guests build zfs-module']]);
  });

  it('of an old version are both, the one that writes to it first where it is built', async () => {
    expect(await openers(23, ['zfs', 'zfs-module'])).toEqual([['guest:zfs', 'read-write'], ['guest:zfs-module', 'read-only']]);
    expect(await openers(23, ['zfs'], false)).toEqual([['guest:zfs', 'read-write'], ['guest:zfs-module', 'clutch guests build zfs-module']]);
  });
});

/**
 * Makes pools in the guest itself: vda as a file with all features, vdb on the partition of a disk, vdc encrypted as a whole, vdd and vde as one, vdf to vdh as raidz1. What the first has is
 * printed: mode, owner, time and path of each entry, and digests of files.
 */
const MAKE = String.raw`
set -e
mkdir -p /run/files /run/made
bindfs --block-devices-as-files /dev /run/files 5>/dev/null >/dev/null
make() { zpool create -o cachefile=none -R "$@"; }

make /run/made -O mountpoint=/tank tank /run/files/vda
zfs create -o compression=zstd -o xattr=sa tank/zstd
zfs create -o compression=lz4 tank/zstd/lz4
zfs create -o compression=off tank/plain
zfs create -o mountpoint=legacy tank/by-hand
echo passphrase | zfs create -o encryption=on -o keyformat=passphrase tank/secret
cd /run/made/tank
echo secret >secret/SECRET.TXT
echo one >one.txt
chmod 4751 one.txt
ln -s one.txt link
mkdir -p 'zstd/name with  spaces'
seq 1 100000 >zstd/many.txt
zfs snapshot tank/zstd@before
echo changed >zstd/many.txt
seq 1 50000 >zstd/lz4/fifty.txt
seq 1 20000 | sed 's/$/ of the plain dataset/' >plain/plain.txt
chown 1000:1001 zstd/lz4/fifty.txt
touch -d '2001-02-03 04:05:06' zstd/lz4/fifty.txt
mkdir /run/hand
mount -i -t zfs tank/by-hand /run/hand
echo hand >/run/hand/hand.txt
cd /
zfs unmount tank/secret
zpool get -H -o value all tank | grep -cx -e active -e enabled | sed 's/^/features /'
cd /run/made
find tank ! -path tank/zstd/many.txt -exec stat -c 'entry %a %u %g %Y %n' {} +
find tank -type f -exec sha256sum {} + | sed 's/^/file /'
cd /
umount /run/hand
zpool export tank

make /run/disk -O mountpoint=/ disk /dev/vdb1
echo disk >/run/disk/DISK.TXT
zfs create disk/home
echo home >/run/disk/home/HOME.TXT
zpool export disk

make /run/two -O mountpoint=/ two /run/files/vdd /run/files/vde
seq 1 300000 >/run/two/long.txt
zpool export two

make /run/three -O mountpoint=/ three raidz1 /run/files/vdf /run/files/vdg /run/files/vdh
seq 1 300000 >/run/three/long.txt
zpool export three

echo passphrase | make /run/locked -O mountpoint=/locked -O encryption=on -O keyformat=passphrase locked /run/files/vdc
zpool export locked
`;

const SIZE = 128 << 20;

/** Milliseconds: each step of editing imports and exports the pool under emulation, on a machine that does other things, too. */
const LONG = 1_200_000;

const answer = await builtGuest('zfs-module');
const why = 'reason' in answer ? answer.reason : missingTools('sgdisk');
if (why !== undefined) console.warn(`skipped: pools with feature flags: ${why}`);

describe.skipIf(why !== undefined)('a pool with today\'s features', () => {
  const opener = { guests: installed(), open: false };
  const said: string[] = [];
  const made = (kind: string): string[] => said.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));

  beforeAll(async () => {
    run('truncate', ['-s', String(SIZE), at('disk.img')]);
    run('sgdisk', ['--new=1:2048:0', '--typecode=1:BF01', at('disk.img')]);
    const images = ['tank.img', 'disk.img', 'locked.img', 'one.img', 'two.img', 'raid-0.img', 'raid-1.img', 'raid-2.img'].map((name) => ({ name, bytes: name === 'disk.img' ? new Uint8Array(readFileSync(at(name))) : new Uint8Array(SIZE) }));
    const { guest } = answer as { guest: Guest };
    const machine = await opener.guests.launch(guest, { disks: images.map(({ bytes }) => ({ device: new MemoryDevice(bytes), readOnly: false })), filesystems: ['zfs'], tools: ['zfsutils-linux'] });
    try {
      const { status } = await machine.run('sh', ['-c', MAKE], { onLine: (line) => said.push(line) });
      if (status !== 0) throw new Error(`The pools could not be made:\n${said.join('\n')}`);
      await machine.stop();
    } finally {
      await machine.kill();
    }
    for (const { name, bytes } of images) writeFileSync(at(name), bytes);
  }, LONG);

  async function opened<T>(name: string, path: string, use: (session: ImageSession) => Promise<T>): Promise<T> {
    const session = await openImage(at(name), opener);
    try {
      expect(session.layer(path).openers[0]?.id).toBe('guest:zfs-module');
      await session.reopen(path, { format: 'guest:zfs-module' });
      return await use(session);
    } finally {
      await session.close({ discard: true });
    }
  }

  it('is shown as it was made: each dataset at its place, with its compression; encrypted ones are told', async () => {
    expect(Number(made('features')[0])).toBeGreaterThan(25);
    await opened('tank.img', '0', async (session) => {
      const entries = await entriesOf(session);
      expect(entries.filter((line) => !line.includes('/tank/by-hand') && !line.endsWith('/tank/zstd/many.txt')).toSorted()).toEqual(made('entry').map((line) => line.replace(/^(\d+ \d+ \d+ \d+) /, '$1 /')).toSorted());
      const files = await filesOf(session);
      expect(Object.keys(files)).toContain('/tank/by-hand/hand.txt');
      expect(Object.entries(files).filter(([path]) => path !== '/tank/by-hand/hand.txt').map(([path, { sha256 }]) => `${sha256}  ${path.slice(1)}`).toSorted()).toEqual(made('file').toSorted());
      expect(session.layers.notes.map(({ message }) => message)).toEqual(['Encrypted datasets are not shown, as guests are given no keys: tank/secret']);
      // Snapshots are not listed, as ZFS itself does not list them, and are there by their name.
      const { filesystem } = session.select();
      let node = filesystem.root;
      for (const name of ['tank', 'zstd', '.zfs', 'snapshot', 'before', 'many.txt']) node = (await filesystem.lookup(node, name))!;
      expect((await filesystem.stat(node)).size).toBe(588_895);
    });
    record('zfs-module', 'openzfs', 'a pool that the guest makes, with all features, compressed by zstd and lz4, is read: names, modes, owners, times and contents');
  }, LONG);

  it('is written to, and a scrub finds nothing after that', async () => {
    await opened('tank.img', '0', async (session) => {
      await session.editing.unlock();
      await session.editing.operation({ text: 'Put new.txt', layer: '0' }, () => put(session.select().filesystem, '/tank/zstd/lz4/new.txt', 'new\n'.repeat(50_000)));
      await session.editing.operation({ text: 'Put hand.txt', layer: '0' }, () => put(session.select().filesystem, '/tank/by-hand/new/again.txt', 'again\n'));
      await session.editing.apply();
    });
    await opened('tank.img', '0', async (session) => {
      const files = await filesOf(session);
      expect(files['/tank/zstd/lz4/new.txt']).toMatchObject({ size: 200_000 });
      expect(files['/tank/by-hand/new/again.txt']).toMatchObject({ size: 6 });
      const { state, words } = await scrubbed(session);
      expect(words).toMatch(/state: ONLINE[^]*with 0 errors[^]*No known data errors/);
      expect(state).toBe('clean');
    });
    record('zfs-module', 'openzfs', 'a pool that the guest makes is written to, and read back by another boot; a scrub finds nothing');
  }, LONG);

  it('on the partition of a disk is found there, and is written to', async () => {
    await opened('disk.img', '0/1/0', async (session) => {
      expect(Object.keys(await filesOf(session)).toSorted()).toEqual(['/DISK.TXT', '/home/HOME.TXT']);
      await session.editing.unlock();
      await session.editing.operation({ text: 'Put NEW.TXT', layer: '0/1/0' }, () => put(session.select().filesystem, '/home/NEW.TXT', 'new\n'));
      await session.editing.apply();
    });
    await opened('disk.img', '0/1/0', async (session) => {
      expect((await filesOf(session))['/home/NEW.TXT']).toMatchObject({ size: 4 });
      expect(await scrubbed(session, '0/1/0')).toMatchObject({ state: 'clean' });
    });
  }, LONG);

  it('on two images is opened when both are there, and is written to', async () => {
    const alone = await openImage(at('one.img'), opener);
    try {
      await expect(alone.reopen('0', { format: 'guest:zfs-module' })).rejects.toMatchObject({ kind: 'guest' });
    } finally {
      await alone.close();
    }
    const both = async (use: (session: ImageSession, path: string) => Promise<void>): Promise<void> => {
      const session = await openImage(at('one.img'), { ...opener, also: [at('two.img')] });
      try {
        const layer = [...layersOf(session.layers)].find(({ format }) => format === 'openzfs')!;
        expect(layer).toMatchObject({ label: 'two', kind: 'filesystem' });
        await session.reopen(layer.path, { format: 'guest:zfs-module' });
        await use(session, layer.path);
      } finally {
        await session.close({ discard: true });
      }
    };
    await both(async (session, layer) => {
      expect((await filesOf(session))['/long.txt']).toMatchObject({ size: 1_988_895 });
      await session.editing.unlock();
      await session.editing.operation({ text: 'Put new.txt', layer }, () => put(session.select().filesystem, '/new.txt', 'new\n'.repeat(100_000)));
      await session.editing.apply();
    });
    await both(async (session) => {
      expect((await filesOf(session))['/new.txt']).toMatchObject({ size: 400_000 });
    });
  }, LONG);

  it('raidz1 of three images is read without one of them, with a word about it, and checked; without two it is refused', async () => {
    const alone = await openImage(at('raid-1.img'), opener);
    try {
      await expect(alone.reopen('0', { format: 'guest:zfs-module' })).rejects.toMatchObject({ kind: 'guest' });
    } finally {
      await alone.close();
    }
    for (const [also, health] of [[['raid-0.img', 'raid-2.img'], 'ONLINE'], [['raid-2.img'], 'DEGRADED']] as const) {
      const session = await openImage(at('raid-1.img'), { ...opener, also: also.map(at) });
      try {
        const { path } = [...layersOf(session.layers)].find(({ format, partOf }) => format === 'openzfs' && partOf === undefined)!;
        await session.reopen(path, { format: 'guest:zfs-module' });
        expect((await filesOf(session))['/long.txt']).toMatchObject({ size: 1_988_895 });
        expect(session.layer(path).notes.map(({ message }) => message)).toEqual(health === 'ONLINE' ? [] : ['The pool is DEGRADED: devices of it are missing or damaged']);
        const { words } = await scrubbed(session, path);
        expect(words).toMatch(new RegExp(`state: ${health}[^]*with 0 errors[^]*No known data errors`));
      } finally {
        await session.close({ discard: true });
      }
    }
  }, LONG);

  it('that is encrypted as a whole is refused with the reason', async () => {
    const session = await openImage(at('locked.img'), opener);
    try {
      await expect(session.reopen('0', { format: 'guest:zfs-module' })).rejects.toThrow('All of it is encrypted, and guests are given no keys: locked');
    } finally {
      await session.close();
    }
  }, LONG);

  it('with a damaged block is checked with the name of the file that has it', async () => {
    const bytes = new Uint8Array(readFileSync(at('tank.img')));
    const place = Buffer.from(bytes.buffer).indexOf('12345 of the plain dataset');
    expect(place).toBeGreaterThan(0);
    bytes[place] = 0;
    writeFileSync(at('damaged.img'), bytes);
    const session = await openImage(at('damaged.img'), opener);
    try {
      const { state, words } = await scrubbed(session);
      expect(words).toContain('plain.txt');
      expect(state).toBe('errors');
    } finally {
      await session.close();
    }
  }, LONG);
});

/** The verdict of a scrub, and its words. */
async function scrubbed(session: ImageSession, path = '0'): Promise<{ readonly state: string; readonly words: string }> {
  const layer = session.layer(path);
  const tool = (await toolOf(layer, await session.openers()))!;
  const lines: string[] = [];
  const { state } = await tool.run(devicesOf(session.layers, layer), { repair: false, line: (line) => lines.push(line) }, nodeJob());
  return { state, words: lines.join('\n') };
}

/** All entries below the root: mode, owner, group, time in seconds, path. */
async function entriesOf(session: ImageSession): Promise<string[]> {
  const { filesystem: fs } = session.select();
  const lines: string[] = [];
  const walk = async (dir: NodeId, path: string): Promise<void> => {
    let cursor: Cursor | undefined;
    do {
      const batch = await fs.list(dir, cursor);
      for (const { name, node } of batch.entries) {
        const { type, mode, uid, gid, mtime } = await fs.stat(node);
        lines.push(`${mode.toString(8)} ${uid} ${gid} ${mtime / 1_000_000_000n} ${path}/${name}`);
        if (type === 'dir') await walk(node, `${path}/${name}`);
      }
      cursor = batch.next;
    } while (cursor !== undefined);
  };
  await walk(fs.root, '');
  return lines;
}
