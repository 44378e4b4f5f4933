import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareNames } from '../engines/core/names.ts';
import { buildClutch, CLUTCH, clutch, IMAGE_SIZE, makeDisk, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const image = join(folder, 'a.ext4');
const disk = join(folder, 'disk.img');
const missing = missingMke2fs();
const sha256 = (bytes: string | Uint8Array) => createHash('sha256').update(bytes).digest('hex');

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  mkdirSync(join(folder, 'tree'));
  makeTree(join(folder, 'tree'));
  makeExt4(image, join(folder, 'tree'), 'first', '11111111-2222-3333-4444-555555555555');
  makeDisk(disk, [image]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing)('walk', () => {
  it('--json prints exactly the golden format', () => {
    const { out, status } = clutch('walk', '--json', '--hash', image, '/etc');
    const owner = `"uid":${process.getuid!()},"gid":${process.getgid!()}`;
    const passwd = sha256('root:x:0:0::/root:/bin/sh\n');
    const lines = [
      `{"path":"/etc","type":"dir","mode":"0755",${owner},"size":1024,"nlink":3,"mtime":"1700000000000000000"}`,
      `{"path":"/etc/fstab","type":"file","mode":"0644",${owner},"size":30,"nlink":1,"mtime":"1700000000000000000","sha256":"${sha256('/dev/sda1 / ext4 defaults 0 1\n')}"}`,
      `{"path":"/etc/hard","type":"file","mode":"0644",${owner},"size":26,"nlink":2,"mtime":"1700000000000000000","sha256":"${passwd}"}`,
      `{"path":"/etc/passwd","type":"file","mode":"0644",${owner},"size":26,"nlink":2,"mtime":"1700000000000000000","sha256":"${passwd}"}`,
      `{"path":"/etc/ssl","type":"dir","mode":"0755",${owner},"size":1024,"nlink":2,"mtime":"1700000000000000000"}`,
    ];
    expect(out.trimEnd().split('\n')).toEqual(lines);
    expect(status).toBe(0);
  });

  it('begins with the root, goes in byte order of paths, and loses no byte of a name', () => {
    const paths = objects(clutch('walk', '--json', image).out).map((entry) => entry.path as string);
    expect(paths[0]).toBe('/');
    expect(paths).toEqual(paths.toSorted(compareNames));
    expect(paths).toContain('/bad\udcff\udcfename');
    expect(paths).toContain('/new\nline');
    expect(paths).toContain('/.config');
  });

  it('writes a byte that is no UTF-8 as an escape, so that the output is valid text', () => {
    expect(clutch('walk', '--json', image).out).toContain('{"path":"/bad\\udcff\\udcfename",');
  });

  it('without --json prints lines for people, that no name can break', () => {
    const { out } = clutch('walk', image);
    expect(out).toMatch(/^drwxr-xr-x 5 0 0 +1024 2023-11-14 22:13:20\.000000000 \/$/m);
    expect(out).toMatch(/ \/new\\x0aline$/m);
    expect(out).toMatch(/ \/link -> etc\/passwd$/m);
  });
});

describe.skipIf(missing)('hash', () => {
  it('is of the image, of a volume, of files, of all files below a directory', () => {
    expect(clutch('hash', disk).out).toBe(`${sha256(readFileSync(disk))}  ${disk}\n`);
    expect(clutch('hash', disk, '--part', '1').out).toBe(`${sha256(readFileSync(disk).subarray(1 << 20, (1 << 20) + IMAGE_SIZE))}  ${disk} (1)\n`);
    expect(clutch('hash', disk, '/hello', '/etc').out.split('\n')).toEqual([
      `${sha256('hello\n')}  /hello`, `${sha256('/dev/sda1 / ext4 defaults 0 1\n')}  /etc/fstab`,
      `${sha256('root:x:0:0::/root:/bin/sh\n')}  /etc/hard`, `${sha256('root:x:0:0::/root:/bin/sh\n')}  /etc/passwd`, '',
    ]);
  });

  it('knows other algorithms, and JSON', () => {
    expect(objects(clutch('hash', '--json', '-a', 'crc32c', image, '/hello').out)).toEqual([{ path: '/hello', algorithm: 'crc32c', hash: expect.stringMatching(/^[0-9a-f]{8}$/) as string }]);
    expect(clutch('hash', '-a', 'md5', image, '/hello').out).toBe('b1946ac92492d2347c6235b4d2611184  /hello\n');
    expect(clutch('hash', '-a', 'rot13', image)).toMatchObject({ status: 2 });
  });

  it('goes on after what has no contents, and fails', () => {
    expect(clutch('hash', image, '/nope', '/hello')).toMatchObject({ status: 1, err: 'clutch: /nope: There is no nope in /\n', out: `${sha256('hello\n')}  /hello\n` });
  });
});

describe.skipIf(missing)('tar', () => {
  it('streams what tar(1) can list and read', () => {
    const { bytes, status } = clutch('tar', image);
    expect(status).toBe(0);
    const list = spawnSync('tar', ['-tf', '-', '--quoting-style=escape'], { input: bytes, encoding: 'utf8' });
    const names = list.stdout.split('\n');
    for (const name of ['./', 'etc/fstab', 'etc/hard', 'bad\\377\\376name', 'new\\nline', 'sparse']) expect(names).toContain(name);
    expect(spawnSync('tar', ['-xOf', '-', 'hello'], { input: bytes, encoding: 'utf8' }).stdout).toBe('hello\n');
  });

  it('packs what is named, under its last name', () => {
    const { bytes } = clutch('tar', image, '/etc/ssl', '/hello');
    expect(spawnSync('tar', ['-tf', '-'], { input: bytes, encoding: 'utf8' }).stdout).toBe('ssl/\nhello\n');
  });
});

describe.skipIf(missing)('serve', () => {
  it('prints an address that works once, answers there, and ends on Ctrl-C', async () => {
    const child = spawn(process.execPath, [CLUTCH, 'serve', image], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, XDG_CONFIG_HOME: folder } });
    const [text] = await once(child.stdout, 'data') as [Buffer];
    const url = String(text).trim();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]+$/);
    const first = await fetch(url, { redirect: 'manual' });
    expect(first.status).toBe(303);
    expect((await fetch(url, { redirect: 'manual' })).status).toBe(403);
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('refuses an image that is not there, and a port that is none', () => {
    expect(clutch('serve', join(folder, 'none.img'))).toMatchObject({ status: 1, out: '' });
    expect(clutch('serve', '--port', '70000')).toMatchObject({ status: 2, out: '' });
  });
});

describe.skipIf(missing ?? (existsSync('/dev/full') ? undefined : 'no /dev/full here'))('a disk that is full where the output goes', () => {
  it.each([['ls', image], ['cat', image, '/etc/passwd', '/etc/fstab'], ['tar', image], ['--help']])('ends %s with 1, and says it once', (...args) => {
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(CLUTCH, args, { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
      expect(stderr).toBe("clutch: The output can't be written: ENOSPC: no space left on device\n");
      expect(status).toBe(1);
      // Where not even that can be said, the status tells it.
      expect(spawnSync(CLUTCH, args, { stdio: ['ignore', full, full] }).status).toBe(1);
    } finally {
      closeSync(full);
    }
  });
});
