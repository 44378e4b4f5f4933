import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClutch, clutch, makeDisk, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const image = join(folder, 'a.ext4');
const disk = join(folder, 'disk.img');
const UUID_A = '11111111-2222-3333-4444-555555555555';
const UUID_B = 'aaaaaaaa-2222-3333-4444-555555555555';
const missing = missingMke2fs();

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  const tree = join(folder, 'tree');
  const small = join(folder, 'small');
  mkdirSync(tree);
  mkdirSync(small);
  makeTree(tree);
  writeFileSync(join(small, 'second'), 'the second volume\n');
  makeExt4(image, tree, 'first', UUID_A);
  makeExt4(join(folder, 'b.ext4'), small, 'second', UUID_B);
  makeDisk(disk, [image, join(folder, 'b.ext4')]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing)('ls', () => {
  it('lists the root in byte order, without hidden entries, and spells what would confuse', () => {
    const { status, out, err } = clutch('ls', image);
    expect(err).toBe('');
    expect(out.split('\n')).toEqual([
      'absolute', 'bad\\xff\\xfename', 'bidi\\u{202e}txt.exe', 'esc\\x1b[31mred', 'etc', 'größe', 'hello', 'link', 'lost+found', 'new\\x0aline', 'outside', 'sparse', 'zeros', '',
    ]);
    expect(status).toBe(0);
  });

  it('-la shows what ls -la shows', () => {
    const { out } = clutch('ls', '-la', image);
    const owner = `${process.getuid!()} ${process.getgid!()}`;
    const lines = out.split('\n').map((line) => line.replace(/ +/g, ' '));
    expect(lines[0]).toBe(`drwxr-xr-x 2 ${owner} 1024 2023-11-14 22:13:20 .config`);
    expect(lines).toContain(`lrwxrwxrwx 1 ${owner} 10 2023-11-14 22:13:20 absolute -> /etc/fstab`);
    expect(lines).toContain(`drwxr-xr-x 3 ${owner} 1024 2023-11-14 22:13:20 etc`);
    expect(lines).toContain(`-rw-r--r-- 1 ${owner} 1048576 2023-11-14 22:13:20 sparse`);
  });

  it('-R heads each directory, and a path of its own lists only that', () => {
    expect(clutch('ls', '-R', image, '/etc').out).toBe('/etc:\nfstab\nhard\npasswd\nssl\n\n/etc/ssl:\n');
    expect(clutch('ls', image, '/etc/fstab').out).toBe('/etc/fstab\n');
    expect(clutch('ls', '-d', image, '/etc').out).toBe('/etc\n');
  });

  it('-0 gives names as their exact bytes', () => {
    const { bytes } = clutch('ls', '-0', image);
    const names = bytes.toString('latin1').split('\0');
    expect(names).toContain('bad\xff\xfename');
    expect(names).toContain('new\nline');
  });

  it('--json keeps names without loss', () => {
    const entries = objects(clutch('ls', '--json', image).out);
    expect(entries.map((entry) => entry.path)).toContain('/bad\udcff\udcfename');
    expect(entries.find((entry) => entry.path === '/link')).toMatchObject({ type: 'symlink', mode: '0777', target: 'etc/passwd', mtime: '1700000000000000000' });
  });

  it('names each path that is not there, lists the others, and fails', () => {
    const { status, out, err } = clutch('ls', image, '/nope', '/etc/ssl/..', '/etc/fstab/x');
    expect(status).toBe(1);
    expect(err).toBe('clutch: /nope: There is no nope in /\nclutch: /etc/fstab/x: /etc/fstab is not a directory\n');
    expect(out).toContain('/etc:\nfstab\n');
  });
});

describe.skipIf(missing)('tree', () => {
  it('draws what is below a directory', () => {
    expect(clutch('tree', image, '/etc').out).toBe('/etc\n├── fstab\n├── hard\n├── passwd\n└── ssl\n\n1 directory, 3 files\n');
  });

  it('draws links with their targets, and stops at a level', () => {
    const { out } = clutch('tree', '-L', '1', image);
    expect(out).toContain('├── link -> etc/passwd\n');
    expect(out).toContain('├── etc\n├── größe\n');
    expect(out).toMatch(/\n2 directories, 11 files\n$/);
  });

  it('refuses a level that is none', () => {
    expect(clutch('tree', '-L', 'x', image)).toMatchObject({ status: 2, out: '' });
  });
});

describe.skipIf(missing)('stat', () => {
  it('shows everything about an entry', () => {
    const { out, status } = clutch('stat', image, '/etc/passwd');
    expect(status).toBe(0);
    expect(out).toMatch(/^Path: {7}\/etc\/passwd\nType: {7}file\nSize: {7}26 bytes\nAllocated: {2}1024 bytes\nMode: {7}0644 -rw-r--r--\nOwner: {6}\d+:\d+\nLinks: {6}2\nInode: {6}\d+\nModified: {3}2023-11-14 22:13:20\.000000000 UTC\n/);
  });

  it('shows a link itself, or with -L what it leads to', () => {
    expect(objects(clutch('stat', '--json', image, '/absolute').out)[0]).toMatchObject({ path: '/absolute', type: 'symlink', target: '/etc/fstab' });
    expect(objects(clutch('stat', '--json', '-L', image, '/absolute').out)[0]).toMatchObject({ path: '/etc/fstab', type: 'file', size: 30 });
  });
});

describe.skipIf(missing)('cat', () => {
  it('prints files, by names as they are shown too', () => {
    expect(clutch('cat', image, '/hello', '/link', '/absolute').out).toBe('hello\nroot:x:0:0::/root:/bin/sh\n/dev/sda1 / ext4 defaults 0 1\n');
    expect(clutch('cat', image, '/bad\\xff\\xfename', '/esc\\x1b[31mred', '/new\nline', '/bidi\\u{202e}txt.exe').out).toBe('bad bytes\nescape\nline break\noverride\n');
    expect(clutch('cat', image, 'sparse').bytes.equals(Buffer.concat([Buffer.from('begin'), Buffer.alloc((1 << 20) - 5)]))).toBe(true);
  });

  it('follows links inside the image only', () => {
    expect(clutch('cat', image, '/outside')).toMatchObject({ status: 1, out: '', err: 'clutch: /outside: There is no hostname in /etc\n' });
  });

  it('names what has no bytes', () => {
    expect(clutch('cat', image, '/etc')).toMatchObject({ status: 1, err: 'clutch: /etc: is a directory\n  List it with: clutch ls\n' });
  });
});

describe.skipIf(missing)('hexdump', () => {
  it('folds repeated lines of a file', () => {
    const all = '78 78 78 78 78 78 78 78  78 78 78 78 78 78 78 78  |xxxxxxxxxxxxxxxx|';
    const none = '00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|';
    expect(clutch('hexdump', image, '/zeros').out).toBe(`00000000  ${none}\n*\n00001000  ${all}\n*\n00001020  78 78 78 78 78 78 78 78                           |xxxxxxxx|\n00001028\n`);
    expect(clutch('hexdump', '-v', '-s', '4096', '-n', '32', image, '/zeros').out).toBe(`00001000  ${all}\n00001010  ${all}\n00001020\n`);
  });

  it('shows the bytes of the image, or of one of its volumes', () => {
    expect(clutch('hexdump', '-s', '510', '-n', '2', disk).out).toBe(`000001fe  55 aa${' '.repeat(45)}|U.|\n00000200\n`);
    expect(clutch('hexdump', '-s', '0x438', '-n', '2', disk, '--part', '2').out).toBe(`00000438  53 ef${' '.repeat(45)}|S.|\n0000043a\n`);
  });

  it('refuses a number that is none', () => {
    expect(clutch('hexdump', '-s', '-3', image)).toMatchObject({ status: 2 });
  });
});

describe.skipIf(missing)('info', () => {
  it('draws the layers', () => {
    const { out, status } = clutch('info', disk);
    expect(status).toBe(0);
    expect(out).toContain('disk.img  9 MiB\n');
    expect(out).toMatch(/├─ 1: {2}.*4 MiB {2}at 1048576\n│ {2}└─ ext4 \(clean\) {2}"first" {2}4 MiB {2}.* free {2}11111111-/);
  });

  it('prints one object a layer', () => {
    const layers = objects(clutch('info', '--json', disk).out);
    expect(layers[0]).toMatchObject({ path: '0', kind: 'table', format: 'mbr', offset: 0, size: 9 << 20 });
    const found = layers.filter((layer) => layer.kind === 'filesystem');
    expect(found).toMatchObject([
      { path: '0/1/0', format: 'ext4', label: 'first', uuid: UUID_A, size: 4 << 20, state: 'clean', notes: [] },
      { path: '0/2/0', format: 'ext4', label: 'second', uuid: UUID_B, size: 4 << 20, state: 'clean', notes: [] },
    ]);
    for (const layer of found) {
      expect(layer.features).toContain('extent');
      expect(layer.free).toBeGreaterThan(0);
      expect(layer.openers[0]).toMatchObject({ id: 'native:ext4', access: 'read-write' });
    }
  });

  it('tells evidence and features when asked', () => {
    expect(clutch('info', '-v', image).out).toMatch(/seen: magic 0xEF53 at 0x438\n[^]*features: has_journal /);
  });

  it('says that it knows nothing, and why nothing opens', () => {
    const unknown = join(folder, 'unknown.img');
    writeFileSync(unknown, 'not an image at all'.repeat(1000));
    expect(clutch('info', unknown)).toMatchObject({ status: 3, err: '' });
    expect(clutch('ls', unknown)).toMatchObject({ status: 3, out: '', err: 'clutch: The image holds no filesystem that is known here (Unknown)\n' });
  });
});

describe.skipIf(missing)('--part and --with', () => {
  it('pick a volume by number, label and UUID', () => {
    for (const sel of ['2', 'second', UUID_B, UUID_B.toUpperCase()]) {
      expect(clutch('ls', '--part', sel, disk)).toMatchObject({ status: 0, out: 'lost+found\nsecond\n' });
    }
  });

  it('list the choices when there are several and none is picked', () => {
    for (const verb of [['ls', disk], ['walk', disk], ['cat', disk, '/second'], ['extract', disk, '-C', join(folder, 'never')]]) {
      const { status, out, err } = clutch(...verb);
      expect({ status, out }).toEqual({ status: 2, out: '' });
      expect(err).toContain('choose one with --part:\n');
      expect(err).toMatch(/^ {2}1 {2}ext4 {2}first/m);
      expect(err).toMatch(/^ {2}2 {2}ext4 {2}second/m);
    }
  });

  it('refuse a volume that is not there, and one that fits none', () => {
    expect(clutch('ls', disk, '--part', '7')).toMatchObject({ status: 2, out: '' });
  });

  it('open a layer as another format, or say that it is none', () => {
    expect(clutch('ls', image, '--with', 'native:ext4')).toMatchObject({ status: 0 });
    expect(clutch('ls', image, '--with', 'native:gzip')).toMatchObject({ status: 3, out: '', err: expect.stringContaining('do not look like gzip') as string });
    expect(clutch('ls', image, '--with', 'guest:linux')).toMatchObject({ status: 3, out: '' });
  });
});

describe.skipIf(missing)('without a verb', () => {
  it('prints what is in the image where there is no display', () => {
    const { status, out } = clutch(image);
    expect(status).toBe(0);
    expect(out).toMatch(/^a\.ext4 {2}4 MiB\next4 \(clean\) {2}"first"[^]*\n\nlrwxrwxrwx 1 /);
  });

  it('points at the volumes where there are several', () => {
    expect(clutch('--tty', disk)).toMatchObject({ status: 0, err: 'clutch: to list one of them: clutch ls IMAGE --part N\n' });
  });

  it('refuses where there is neither an image nor a display', () => {
    expect(clutch()).toMatchObject({ status: 3, out: '' });
  });
});

describe.skipIf(missing)('damage', () => {
  it('is told with its place, as JSON too', () => {
    const broken = join(folder, 'cut.ext4');
    makeExt4(broken, join(folder, 'small'), 'cut', UUID_A);
    truncateSync(broken, 1 << 19);
    const { status, err } = clutch('ls', '--json', broken);
    expect([0, 1]).toContain(status);
    for (const line of objects(err)) expect(line.error ?? line.note).toMatchObject({ message: expect.any(String) as string });
  });
});
