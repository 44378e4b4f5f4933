import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClutch, clutch, objects, workFolder } from './testing.ts';

const folder = workFolder();
beforeAll(buildClutch);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the command line itself', () => {
  it('has a version and a help page for itself and every verb', () => {
    expect(clutch('--version')).toMatchObject({ status: 0, out: expect.stringMatching(/^clutch \d+\.\d+\.\d+\n$/) as string });
    const help = clutch('--help');
    expect(help).toMatchObject({ status: 0, err: '' });
    expect(clutch('help', 'ls').out).toBe(clutch('ls', '--help').out);
    for (const verb of ['info', 'devices', 'ls', 'tree', 'stat', 'cat', 'hexdump', 'walk', 'extract', 'tar', 'untar', 'edit', 'fsck', 'mkfs', 'hash', 'serve', 'serve-nbd', 'serve9p', 'install', 'mount', 'umount', 'matrix']) {
      expect(help.out).toMatch(new RegExp(`^  ${verb} +\\S`, 'm'));
      const page = clutch('help', verb);
      expect(page.status).toBe(0);
      expect(page.out).toMatch(new RegExp(`^Usage: clutch ${verb} \\[options\\]`));
      for (const part of ['Options:', 'Examples:\n  ', 'Exit status:']) expect(page.out).toContain(part);
    }
  });

  it('refuses the verbs of later versions with the reason', () => {
    const { out } = clutch('--help');
    for (const verb of ['convert', 'diff']) {
      expect(out).toContain(verb);
      expect(clutch(verb, 'x.img', '--fix')).toMatchObject({ status: 3, out: '', err: expect.stringMatching(`^clutch: "${verb}" \\(.*\\) is not in this version`) as string });
    }
  });

  it('ends with 2 on mistakes, and says where to read on', () => {
    expect(clutch('ls')).toMatchObject({ status: 2, out: '', err: "clutch: missing required argument 'image'\n  See: clutch ls --help\n" });
    expect(clutch('ls', 'x', '--bogus')).toMatchObject({ status: 2, err: "clutch: unknown option '--bogus'\n  See: clutch ls --help\n" });
    expect(clutch('frobnicate')).toMatchObject({ status: 2, out: '' });
    expect(clutch('extract', 'x')).toMatchObject({ status: 2, err: expect.stringContaining('--directory') as string });
    expect(clutch('extract', 'x', '-C', 'y', '--on-conflict', 'what')).toMatchObject({ status: 2 });
  });

  it('ends with 1 on a file that is not there, is a folder, or may not be read, in JSON too', () => {
    expect(clutch('ls', join(folder, 'none.img'))).toMatchObject({ status: 1, out: '', err: expect.stringContaining(`clutch: There is no ${join(folder, 'none.img')}\n`) as string });
    expect(clutch('ls', folder)).toMatchObject({ status: 1, err: expect.stringContaining('is a folder') as string });
    const { err, status } = clutch('ls', '--json', join(folder, 'none.img'));
    expect(status).toBe(1);
    expect(objects(err)).toEqual([{ error: { kind: 'usage', errno: 'ENOENT', message: `There is no ${join(folder, 'none.img')}`, advice: expect.any(String) as string } }]);
  });

  it('lists the disks of this machine, or says that it cannot', () => {
    const { status, out } = clutch('devices', '--json');
    expect(status).toBe(0);
    for (const device of objects(out)) expect(device).toMatchObject({ path: expect.any(String) as string, size: expect.any(Number) as number, used: expect.any(Array) as string[] });
  });
});
