import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { missingTools, run } from '../../engines/testing/tools.ts';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { modulesByType, toolPackages } from './build/build.ts';
import { mirrorsOf } from './build/index.ts';
import { addGuest, catalogue, findGuest, removeGuest } from './catalogue.ts';
import { launchGuest } from './launch.ts';
import { guestPlaces, type GuestPlaces } from './places.ts';
import { readManifest } from './read.ts';
import { guestJsonSchema } from './testing/json-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-test-manifest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const shipped = join(ROOT, 'guests');
const places: GuestPlaces = { shipped, added: join(folder, 'added'), built: join(folder, 'built'), downloads: join(folder, 'downloads') };

/** A guest that a person describes: a kernel of theirs, 9P over the second serial line. */
const OWN = `
title: My system
summary: For tests.
rank: 5
system: other
architecture: i386
machine: {type: pc, cpu: pentium3, memory: 64, warm: false, arguments: ['-device', 'cirrus-vga']}
boot: {kernel: mine.elf, append: root=hd0, deadline: 60, console: serial, ready: 'login:'}
transport: {dialect: 9P2000.u, over: serial, agent: false, msize: 8192}
tables: [MBR]
trees: []
volumes: []
filesystems:
  - {format: ufs, type: ffs, access: read-only, reason: Only read so far., modules: [], readOptions: [ro], device: disk}
`;

let number = 0;
/** A folder with a guest.yml; and its path. */
function described(text: string, name = `own-${++number}`): string {
  const at = join(folder, 'described', name);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'guest.yml'), text);
  writeFileSync(join(at, 'mine.elf'), 'kernel');
  return at;
}

function read(text: string): unknown {
  return readManifest(join(described(text), 'guest.yml'), shipped).manifest;
}

describe('guest.yml', () => {
  it('of every guest that comes with Clutch is right', () => {
    const { guests, bad } = catalogue({ ...places, added: join(folder, 'none') });
    expect(bad).toEqual([]);
    expect(guests.map(({ manifest }) => manifest.name)).toEqual(expect.arrayContaining(['linux-6.12', 'linux-7.2', 'linux-5.10', 'linux-6.12-s390x', 'linux-6.12-arm64']));
    expect(guests[0]!.manifest.name).toBe('linux-6.12');
    for (const { manifest, state, missing } of guests) {
      expect(state).toBe('missing');
      expect(missing).toContain(`clutch guests build ${manifest.name}`);
      for (const { readOptions, format } of manifest.filesystems) for (const options of readOptions) expect(options.split(','), `${manifest.name} ${format}`).toContain('ro');
      for (const [type, modules] of modulesByType(manifest)) expect(new Set(modules).size, type).toBe(modules.length);
      expect([...toolPackages(manifest).values()].every((programs) => programs.length > 0)).toBe(true);
    }
  });

  it('extends another, which it changes field by field', () => {
    const { manifest } = findGuest('linux-6.12-s390x', places);
    expect(manifest).toMatchObject({ architecture: 's390x', machine: { type: 's390-ccw-virtio', warm: false, arguments: [] }, source: { suites: ['trixie', 'trixie-security'], architecture: 's390x' } });
    const types = manifest.filesystems.map(({ type }) => type);
    expect(types).toContain('reiserfs');
    expect(types).not.toContain('jffs2');
    expect(manifest.filesystems.filter(({ type }) => type === 'minix')).toMatchObject([{ access: 'read-only', title: 'Minix, big-endian' }]);
  });

  it('has a published schema that is up to date: node scripts/guest-schema.mjs', () => {
    expect(readFileSync(join(shipped, 'guest.schema.json'), 'utf8')).toBe(guestJsonSchema());
  });

  it('that is wrong is refused with file, line and field', () => {
    expect(read(OWN)).toMatchObject({ title: 'My system', boot: { ready: 'login:' } });
    const refused = (from: string, to: string, told: RegExp): void => {
      expect(OWN).toContain(from);
      expect(() => read(OWN.replace(from, to)), to).toThrow(told);
    };
    refused('rank: 5', 'rank: high', /own-\d+\/guest\.yml, line 4, rank: /);
    refused('memory: 64', 'memory: 1', /line 7, machine\.memory: /);
    refused('device: disk', 'device: tape', /line 14, filesystems\.0\.device: /);
    refused('rank: 5', 'colour: red', /guest\.yml, line \d+, colour: there is no such field/);
    refused('title: My system', 'title: [', /line \d+, YAML: /);
    refused('rank: 5\n', '', /rank: it is missing/);
    refused('reason: Only read so far., ', '', /filesystems\.0\.reason: it must say why/);
    refused('kernel: mine.elf', 'kernel: ../../etc/passwd', /line 8, boot\.kernel: /);
    refused('kernel: mine.elf, ', '', /boot: it has neither a kernel nor a disk/);
    refused('rank: 5', 'rank: 5\nextends: nothing', /extends: there is no guest nothing/);
    expect(() => read('a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: &d [*c, *c, *c, *c]\ne: [*d, *d, *d, *d]')).toThrow(/YAML|no such field/);
    expect(() => read('#'.repeat(2 << 20))).toThrow(/longer than/);
  });

  it('may not reach the computer by arguments for QEMU', () => {
    for (const args of [['-netdev', 'user,id=n'], ['-drive', 'file=/etc/passwd'], ['-chardev', 'pipe,path=/tmp/x,id=c'], ['-device', 'vfio-pci,host=01:00.0'], ['-fsdev', 'local,path=/,id=f'], ['-blockdev', 'driver=file,filename=/x'], ['-nic', 'user'], ['-virtfs', 'local'], ['-object', 'memory-backend-file,id=m,size=1M,mem-path=/x'], ['-bios', '/etc/passwd'], ['-device'], ['-sandbox', 'off']]) {
      expect(() => read(OWN.replace("['-device', 'cirrus-vga']", JSON.stringify(args))), args.join(' ')).toThrow(/line 7, machine\.arguments/);
    }
    expect(() => read(OWN.replace('type: pc', "type: 'pc,firmware=/etc/passwd'"))).toThrow(/machine\.type/);
  });
});

/** A guest that is built by compiling what the person's computer runs while it does. */
const COMPILED = `
extends: linux-6.12
source:
  compile: {package: zfs-dkms, configure: [--with-config=kernel, '--with-linux={common}'], modules: [module/zfs], seconds: 1, space: 1, licence: CDDL}
`;

describe('what is compiled', () => {
  it('is configured by words that run nothing of the person\'s', () => {
    expect(read(COMPILED)).toMatchObject({ source: { compile: { configure: ['--with-config=kernel', '--with-linux={common}'] } } });
    for (const word of ['CC=/tmp/x', '--with-linux=/tmp/x', '--with-linux={common}/../x', '--cache-file=../x', '--srcdir=/', '-C', 'x', '--x=$(id)', '--x=a b', '--x={files}']) {
      expect(() => read(COMPILED.replace('--with-config=kernel', JSON.stringify(word))), word).toThrow(/source\.compile\.configure/);
    }
  });
});

/** The first bytes of a qcow2 image (QEMU's docs/interop/qcow2.rst). */
function qcow2(version: number, backing: bigint, features: bigint): Buffer {
  const header = Buffer.alloc(512);
  header.write('QFI\u00fb', 'latin1');
  header.writeUInt32BE(version, 4);
  header.writeBigUInt64BE(backing, 8);
  header.writeBigUInt64BE(features, 72);
  return header;
}

describe('a disk that a guest brings', () => {
  const text = OWN.replace('kernel: mine.elf, append: root=hd0', 'disk: system.qcow2, append: ""');

  it.each([
    ['has a backing file', qcow2(2, 0x200n, 0n)], ['has its data in another file', qcow2(3, 0n, 4n)], ['is none', Buffer.alloc(512)], ['is cut', Buffer.from('QFI')],
  ])('is refused when it %s', (_how, bytes) => {
    const own = described(text);
    writeFileSync(join(own, 'system.qcow2'), bytes);
    expect(() => addGuest(own, places)).toThrow(/system\.qcow2 (names another file|is no qcow2)/);
  });

  it('is taken when it is whole, and looked at again before each start', async () => {
    const own = described(text, 'whole');
    writeFileSync(join(own, 'system.qcow2'), qcow2(3, 0n, 1n));
    const guest = addGuest(own, places);
    writeFileSync(join(guest.files, 'system.qcow2'), qcow2(3, 0x200n, 0n));
    const start = launchGuest(guest, { disks: [], filesystems: [], program: { command: process.execPath, args: ['-e', ''] }, cache: join(folder, 'cache') });
    await expect(start).rejects.toThrow(/names another file/);
    removeGuest('whole', places);
  });

  const tools = missingTools('qemu-img');

  it.skipIf(tools !== undefined)('is refused when qemu-img made it of another', () => {
    const own = described(text);
    run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', '/etc/passwd', '-F', 'raw', join(own, 'system.qcow2')]);
    expect(() => addGuest(own, places)).toThrow(/names another file/);
    run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${join(own, 'data')}`, join(own, 'system.qcow2'), '1M']);
    expect(() => addGuest(own, places)).toThrow(/names another file/);
    rmSync(join(own, 'system.qcow2'));
    run('qemu-img', ['create', '-q', '-f', 'qcow2', join(own, 'system.qcow2'), '1M']);
    removeGuest(addGuest(own, places).manifest.name, places);
  });
});

describe('the catalogue', () => {
  it('takes a described guest with its files, once, and gives it back', () => {
    const own = described(OWN, 'mine');
    const { manifest, origin, state, files } = addGuest(own, places);
    expect([manifest.name, origin, state]).toEqual(['mine', 'added', 'built']);
    expect(readFileSync(join(files, 'mine.elf'), 'utf8')).toBe('kernel');
    expect(() => addGuest(own, places)).toThrow(/There is a guest mine already/);
    rmSync(join(files, 'mine.elf'));
    expect(findGuest('mine', places)).toMatchObject({ state: 'missing', missing: expect.stringContaining('mine.elf must lie in') as string });
    expect(removeGuest('mine', places)).toBe('guest');
    expect(() => findGuest('mine', places)).toThrow(/There is no guest mine/);
    expect(() => removeGuest('mine', places)).toThrow(/There is no guest mine/);
    expect(() => removeGuest('../described', places)).toThrow(/There is no guest/);
    expect(removeGuest('linux-6.12', places)).toBe('files');
  });

  it('refuses one without its files, with links, or with the name of another', () => {
    const bare = described(OWN, 'bare');
    rmSync(join(bare, 'mine.elf'));
    expect(() => addGuest(bare, places)).toThrow(/has no mine\.elf/);
    symlinkSync('/etc/passwd', join(bare, 'mine.elf'));
    expect(() => addGuest(bare, places)).toThrow(/is no plain file/);
    expect(() => addGuest(described(OWN, 'linux-6.12'), places)).toThrow(/already/);
    expect(() => addGuest(join(folder, 'nowhere'), places)).toThrow(/can't be read/);
  });

  it('shows the others when one is broken', () => {
    mkdirSync(join(places.added, 'broken'), { recursive: true });
    writeFileSync(join(places.added, 'broken/guest.yml'), 'rank: high');
    const { guests, bad } = catalogue(places);
    expect(guests.length).toBeGreaterThan(3);
    expect(bad).toMatchObject([{ name: 'broken', error: { kind: 'usage' } }]);
    expect(() => findGuest('broken', places)).toThrow(/line 1, rank/);
    rmSync(join(places.added, 'broken'), { recursive: true });
  });

  it('calls what was built of another description outdated', () => {
    const files = join(places.built, 'linux-6.12');
    mkdirSync(files, { recursive: true });
    for (const name of ['kernel', 'base.cpio']) writeFileSync(join(files, name), '');
    const write = (inputs: string, kernel = 'kernel'): void => writeFileSync(join(files, 'guest.json'), JSON.stringify({ kernel, initramfs: 'base.cpio', filesystems: {}, tools: {}, inputs }));
    write('another');
    expect(findGuest('linux-6.12', places)).toMatchObject({ state: 'outdated', missing: 'clutch guests build linux-6.12' });
    write('another', 'gone');
    expect(findGuest('linux-6.12', places).state).toBe('missing');
    cpSync(join(files, 'kernel'), join(files, 'guest.json'));
    expect(findGuest('linux-6.12', places).state).toBe('missing');
  });
});

describe('where things are', () => {
  it('is chosen by the environment', () => {
    expect(guestPlaces({ CLUTCH_GUESTS: '/g' })).toEqual({ shipped, added: '/g/added', built: '/g/built', downloads: '/g/downloads' });
    expect(guestPlaces({ CLUTCH_GUESTS: '', CLUTCH_DATA: '/d' })).toMatchObject({ added: '/d/guests/added', built: '/d/guests/built' });
    expect(mirrorsOf({}, { CLUTCH_DEBIAN_MIRROR: 'http://m/debian' }, '')).toEqual({ main: 'http://m/debian', security: 'http://deb.debian.org/debian-security' });
    expect(mirrorsOf({}, {}, 'http://s/debian').main).toBe('http://s/debian');
    expect(mirrorsOf({ mirror: 'http://o/debian' }, { CLUTCH_DEBIAN_MIRROR: 'http://m/debian' }, 'http://s/debian').main).toBe('http://o/debian');
    expect(() => mirrorsOf({ mirror: 'somewhere' }, {}, '')).toThrow(/is not the address of a mirror/);
  });
});
