import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nodeJob } from '../../session.ts';
import type { BuiltGuest, GuestManifest } from '../manifest.ts';
import { buildFromPackages, type BuildTools } from './build.ts';
import { Downloads } from './downloads.ts';
import { makeArchive, makeDeb, type SmallArchive, type SmallMirror, serveMirror } from './testing/archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'clutch-test-build-'));
let archive: SmallArchive;
let mirror: SmallMirror;
let caches = 0;

beforeAll(async () => {
  archive = await makeArchive();
  mirror = await serveMirror(archive.files);
});
afterEach(() => { delete mirror.meddle; });
afterAll(async () => {
  await mirror.close();
  rmSync(folder, { recursive: true, force: true });
});

const MANIFEST: GuestManifest = {
  name: 'small', title: 'Small', summary: 'For tests.', rank: 1, system: 'linux', architecture: 'x86_64',
  machine: { type: 'pc', cpu: 'max', memory: 256, warm: false, arguments: [] },
  boot: { kernel: 'kernel', append: '', deadline: 10, console: 'serial' },
  transport: { dialect: '9P2000.L', over: 'virtio', agent: true, msize: 65536 },
  source: {
    kind: 'debian', suites: ['test'], components: ['main'], architecture: 'test', kernel: ['linux-image-6.12.*-test'],
    base: [{ package: 'busybox', files: ['busybox'] }, { package: 'diod', files: ['diod'] }], modules: ['virtio-blk', 'not_there?'], download: 1000,
  },
  filesystems: [{
    format: 'xfs', type: 'xfs', access: 'read-write', modules: ['xfs', 'virtio_blk'], readOptions: ['ro'], writeOptions: 'rw', device: 'disk',
    helper: { package: 'xfsprogs', program: '/clutch/mount-xfs', files: ['xfs_repair'] },
    check: { package: 'xfsprogs', program: 'xfs_repair', dry: ['-n'], clean: [0], errors: [1], repaired: [] },
  }],
  volumes: [], tables: [], trees: [],
};

function tools(changes: Partial<BuildTools> = {}): BuildTools {
  return {
    mirrors: { main: mirror.url, security: mirror.url }, trust: { keys: [archive.publicKey] }, downloads: new Downloads(join(folder, `cache${caches++}`)),
    scripts: { init: Buffer.from('#!init'), agent: Buffer.from('#!agent'), helper: (name) => Buffer.from(`#!${name}`) }, inputs: 'x', job: nodeJob(), compile: async () => ({ modules: new Map(), packages: [] }), ...changes,
  };
}

function build(name: string, changes: Partial<BuildTools> = {}, manifest = MANIFEST): Promise<BuiltGuest> {
  return buildFromPackages(manifest, join(folder, name), tools(changes));
}

/** A file of the guest that the first test builds. */
function files(name: string): Buffer {
  return readFileSync(join(folder, 'whole', name));
}

/** Paths in a newc cpio with their contents. */
function readCpio(bytes: Buffer): Map<string, { mode: number; data: string; rdev: string }> {
  const all = new Map<string, { mode: number; data: string; rdev: string }>();
  for (let at = 0; at < bytes.length;) {
    const field = (i: number): number => Number.parseInt(bytes.toString('latin1', at + 6 + i * 8, at + 14 + i * 8), 16);
    const [mode, size, name] = [field(1), field(6), field(11)];
    const path = bytes.toString('utf8', at + 110, at + 109 + name);
    const from = at + (110 + name + 3 & ~3);
    if (path === 'TRAILER!!!') break;
    all.set(path, { mode, data: bytes.toString('latin1', from, from + size), rdev: `${field(9)}:${field(10)}` });
    at = from + (size + 3 & ~3);
  }
  return all;
}

describe('a guest of a small archive', () => {
  it('has kernel, base, and an initramfs for each filesystem and tool', async () => {
    const built = await build('whole');
    expect(built).toMatchObject({ kernel: 'kernel', kernelVersion: '6.12.1-test', initramfs: 'base.cpio', filesystems: { xfs: 'fs-xfs.cpio' }, tools: { xfsprogs: 'tool-xfsprogs.cpio' }, inputs: 'x' });
    expect(JSON.parse(files('guest.json').toString())).toEqual(built);
    expect(built.packages.map(({ name }) => name)).toEqual(['busybox', 'diod', 'libc6', 'libgcc-s1', 'libtalk1', 'linux-image-6.12.1-test', 'xfsprogs']);
    expect(files('kernel').subarray(0, 4)).toEqual(Buffer.from('\x7fELF', 'latin1'));

    const base = readCpio(files('base.cpio'));
    expect(files('base.cpio').length % 4).toBe(0);
    expect([...base.keys()]).toEqual([...base.keys()].toSorted());
    expect(base.get('init')).toMatchObject({ mode: 0o100755, data: '#!init' });
    expect(base.get('clutch/agent')).toMatchObject({ data: '#!agent' });
    expect(base.get('dev/console')).toMatchObject({ mode: 0o020600, rdev: '5:1' });
    expect(base.get('bin')).toMatchObject({ mode: 0o120777, data: 'usr/bin' });
    expect(base.get('usr/bin/mount')).toMatchObject({ mode: 0o120777, data: '/usr/bin/busybox' });
    expect(base.get('clutch/modules/base')?.data).toBe('/clutch/ko/virtio_blk.ko\n');
    for (const path of ['usr/sbin/diod', 'usr/lib/libc.so.6', 'usr/lib64/ld.so', 'usr/lib/libtalk.so.1', 'usr/lib/libtalk.so.1.2', 'usr/lib/libgcc_s.so.1']) expect([...base.keys()]).toContain(path);

    // What comes before comes first, softly or not; what is built in and what the base has is not there.
    const xfs = readCpio(files('fs-xfs.cpio'));
    expect(xfs.get('clutch/modules/xfs')?.data).toBe('/clutch/ko/crc32c_generic.ko\n/clutch/ko/libcrc.ko\n/clutch/ko/xfs.ko\n');
    expect([...xfs.keys()].filter((path) => path.endsWith('.ko'))).toEqual(['clutch/ko/crc32c_generic.ko', 'clutch/ko/libcrc.ko', 'clutch/ko/xfs.ko']);
    expect([...readCpio(files('tool-xfsprogs.cpio')).keys()].filter((path) => path.includes('.') || path.includes('xfs'))).toEqual(['clutch/mount-xfs', 'usr/sbin/xfs_repair']);
  });

  it('is the same to the byte when it is built again', async () => {
    const one = await build('one');
    const two = await build('two');
    expect(two.digest).toBe(one.digest);
    for (const name of readdirSync(join(folder, 'one')).filter((each) => each !== 'guest.json')) expect(readFileSync(join(folder, 'two', name)).equals(readFileSync(join(folder, 'one', name))), name).toBe(true);
  });

  it('is built without a network from a full cache, and says what is missing from another', async () => {
    const { downloads } = tools();
    await build('online', { downloads });
    const before = mirror.asked.length;
    const offline = new Downloads(downloads.folder, true);
    const notes: string[] = [];
    await build('offline', { downloads: offline, job: nodeJob({ log: ({ message }) => notes.push(message) }) });
    expect(mirror.asked.length).toBe(before);
    expect(notes.join()).toContain('what was fetched before is used');
    await expect(build('none', { downloads: new Downloads(join(folder, 'empty'), true) })).rejects.toMatchObject({ kind: 'io' });
  });

  it('leaves what was there when it fails, and nothing half made', async () => {
    await build('kept');
    const missing = { ...MANIFEST, filesystems: [{ ...MANIFEST.filesystems[0]!, modules: ['unknown'] }] };
    await expect(build('kept', {}, missing)).rejects.toMatchObject({ kind: 'unsupported', message: 'This kernel has no module unknown' });
    expect(readdirSync(join(folder, 'kept'))).toContain('guest.json');
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('stops when it is cancelled', async () => {
    const signal = { aborted: false };
    mirror.meddle = (path) => {
      if (!path.startsWith('pool/linux')) return false;
      signal.aborted = true; // And never an answer.
      return true;
    };
    await expect(build('cancelled', { job: nodeJob({ signal }) })).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

/** Builds with other files on the mirror, and puts the right ones back. */
async function refused(others: Record<string, Uint8Array | undefined>, changes: Partial<BuildTools> = {}): Promise<unknown> {
  const before = new Map(archive.files);
  for (const [path, bytes] of Object.entries(others)) {
    if (bytes === undefined) archive.files.delete(path);
    else archive.files.set(path, bytes);
  }
  try {
    return await build('refused', changes).then(() => 'built', (error: unknown) => error);
  } finally {
    for (const [path, bytes] of before) archive.files.set(path, bytes);
  }
}

/** A date as a Release has it, so many days from now. */
function day(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toUTCString();
}

describe('the chain of trust', () => {
  const release = 'dists/test/InRelease';
  const index = 'dists/test/main/binary-test/Packages.gz';
  const deb = 'pool/diod_1_test.deb';

  it('takes nothing that an unknown key signed', async () => {
    const other = await makeArchive();
    expect(await refused({}, { trust: { keys: [other.publicKey] } })).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('no good signature') as string });
  });

  it('takes no changed Release', async () => {
    const text = Buffer.from(archive.files.get(release)!).toString();
    expect(await refused({ [release]: Buffer.from(text.replace('Origin: Test', 'Origin: Best')) })).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('signature') as string });
    expect(await refused({ [release]: Buffer.from('Codename: test\nSHA256:\n') })).toMatchObject({ kind: 'corrupt' });
    // Text before the signed part is none of the Release.
    expect(await refused({ [release]: Buffer.from(`Codename: evil\n\n${text}`) })).not.toMatchObject({ message: expect.stringContaining('evil') as string });
  });

  it('takes no other Packages and no other package than the signed ones', async () => {
    const packages = Buffer.from(archive.files.get(index)!);
    packages[packages.length - 9]! ^= 1;
    expect(await refused({ [index]: packages })).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('digest') as string });
    const other = Buffer.from(archive.files.get(deb)!);
    other[200]! ^= 1;
    expect(await refused({ [deb]: other })).toMatchObject({ kind: 'corrupt', message: expect.stringMatching(/diod 1: its digest/) as string });
    expect(await refused({ [deb]: makeDeb({}) })).toMatchObject({ kind: 'corrupt', message: expect.stringContaining('should have') as string, advice: expect.stringContaining('being updated') as string });
    expect(await refused({ [deb]: undefined })).toMatchObject({ message: expect.stringContaining('has not its file') as string });
  });

  it('takes no Release of another suite, of tomorrow, or of the past', async () => {
    const sealed = async (fields: Record<string, string>, changes: Partial<BuildTools> = {}): Promise<unknown> => {
      await archive.seal(fields);
      try {
        return await refused({}, changes);
      } finally {
        await archive.seal();
      }
    };
    expect(await sealed({ Suite: 'oldstable', Codename: 'old' })).toMatchObject({ message: expect.stringContaining('it is for old, not for test') as string });
    expect(await sealed({ Date: day(5) })).toMatchObject({ message: expect.stringContaining('yet to come') as string });
    expect(await sealed({ 'Valid-Until': day(-1) })).toMatchObject({ message: expect.stringContaining('was valid until') as string, advice: expect.stringContaining('--allow-expired') as string });
    expect(await sealed({ 'Valid-Until': day(-1) }, { trust: { keys: [archive.publicKey], allowExpired: true } })).toBe('built');
    expect(await sealed({ 'Valid-Until': day(1) })).toBe('built');
  });

  it.each(['InRelease', 'Release with a signature of its own'])('goes back to no older %s than it took before: a suite that says no Valid-Until is signed for ever', async (which) => {
    const { downloads } = tools();
    const notes: string[] = [];
    const built = (name: string, trust = { keys: [archive.publicKey] }): Promise<BuiltGuest> => build(name, { downloads, trust, job: nodeJob({ log: ({ message }) => notes.push(message) }) });
    const kept = (): string[] => readdirSync(downloads.folder).filter((name) => name.endsWith('.signed')).map((name) => readFileSync(join(downloads.folder, name), 'latin1')).toSorted();
    const seal = async (date: string): Promise<void> => {
      await archive.seal({ Date: date }, which === 'InRelease' ? 'clear' : 'detached');
    };
    try {
      await seal(day(-1));
      await built('today');
      const newest = kept();
      // Twice: what was refused leaves nothing behind by which the next one would be taken.
      for (let i = 0; i < 2; i++) {
        await seal(day(-30));
        await built('replayed');
        expect(notes.filter((note) => note.includes('older than the one')).length).toBe(i + 1);
        expect(kept()).toEqual(newest);
      }
      await seal(day(-0.5));
      await built('newer');
      expect(notes.length).toBe(2);
      expect(kept()).not.toEqual(newest);
      // Nor by hiding the one and showing the other.
      await archive.seal({ Date: day(-30) }, which === 'InRelease' ? 'detached' : 'clear');
      await built('changed');
      expect(notes.length).toBe(3);
    } finally {
      await archive.seal();
    }
  });
});

describe('downloads', () => {
  const path = 'pool/linux-image-6.12.1-test_1_test.deb';
  const wanted = 'linux-image-6.12.1-test';

  it('go on from where a connection broke', async () => {
    const bytes = Buffer.from(archive.files.get(path)!);
    let broken = 0;
    mirror.meddle = (at, _request, response) => {
      if (at !== path || broken > 0) return false;
      broken++;
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
      return true;
    };
    const from = mirror.asked.length;
    await build('resumed');
    expect(mirror.asked.slice(from).filter((line) => line.startsWith(path))).toEqual([`${path}@0`, `${path}@${bytes.length >> 1}`]);
  });

  it('begin anew where what was fetched before does not fit', async () => {
    const { downloads } = tools();
    await build('first', { downloads });
    const digest = readdirSync(downloads.folder).find((name) => readFileSync(join(downloads.folder, name)).equals(Buffer.from(archive.files.get(path)!)))!;
    rmSync(join(downloads.folder, digest));
    writeFileSync(join(downloads.folder, `${digest}.part`), 'something else');
    await build('second', { downloads });
    expect(readFileSync(join(downloads.folder, digest)).equals(Buffer.from(archive.files.get(path)!))).toBe(true);
  });

  it('notice a file of the cache that was damaged', async () => {
    const { downloads } = tools();
    await build('sound', { downloads });
    const name = readdirSync(downloads.folder).find((each) => readFileSync(join(downloads.folder, each)).equals(Buffer.from(archive.files.get(path)!)))!;
    writeFileSync(join(downloads.folder, name), Buffer.alloc(archive.files.get(path)!.length));
    await build('sound', { downloads });
    expect(readFileSync(join(downloads.folder, name)).equals(Buffer.from(archive.files.get(path)!))).toBe(true);
  });

  it('tell how far they are, and keep no more than they should', async () => {
    const { downloads } = tools();
    const seen = new Set<string>();
    await build('told', { downloads, job: nodeJob({ report: ({ now = '' }) => seen.add(now) }) });
    expect([...seen].join()).toContain(`${wanted} 1`);
    downloads.prune(100, Date.now());
    expect(readdirSync(downloads.folder).reduce((sum, name) => sum + readFileSync(join(downloads.folder, name)).length, 0)).toBeLessThanOrEqual(100);
  });

  it('tell of a mirror that is not there', async () => {
    await expect(build('gone', { mirrors: { main: 'http://127.0.0.1:1', security: 'http://127.0.0.1:1' } })).rejects.toMatchObject({ kind: 'io', advice: expect.stringContaining('CLUTCH_DEBIAN_MIRROR') as string });
    await expect(build('gone', { mirrors: { main: 'ftp://x', security: 'x' } })).rejects.toMatchObject({ kind: 'usage' });
  });
});
