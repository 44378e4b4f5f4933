import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listDevices } from './verbs/devices.ts';
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
    for (const verb of ['info', 'devices', 'ls', 'tree', 'stat', 'cat', 'hexdump', 'walk', 'extract', 'tar', 'untar', 'edit', 'fsck', 'mkfs', 'hash', 'serve', 'serve-nbd', 'serve9p', 'install', 'matrix']) {
      expect(help.out).toMatch(new RegExp(`^  ${verb} +\\S`, 'm'));
      const page = clutch('help', verb);
      expect(page.status).toBe(0);
      expect(page.out).toMatch(new RegExp(`^Usage: clutch ${verb} \\[options\\]`));
      for (const part of ['Options:', 'Examples:\n  ', 'Exit status:']) expect(page.out).toContain(part);
    }
  });

  it('refuses the verbs of later versions with the reason', () => {
    const { out } = clutch('--help');
    for (const verb of ['mount', 'umount', 'convert', 'diff']) {
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
    expect(status).toBe(process.platform === 'linux' ? 0 : 3);
    for (const device of objects(out)) expect(device).toMatchObject({ path: expect.stringMatching(/^\/dev\//) as string, size: expect.any(Number) as number });
  });
});

describe('listDevices', () => {
  it('puts partitions under their disk and leaves out what has no media', () => {
    const sys = join(folder, 'sys');
    const add = (name: string, files: Record<string, string>) => {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(join(sys, name, file, '..'), { recursive: true });
        writeFileSync(join(sys, name, file), `${text}\n`);
      }
    };
    add('sdb', { size: '2048', removable: '1', ro: '0', 'device/model': 'Stick' });
    add('sda10', { size: '8', partition: '10', ro: '0' });
    add('loop0', { size: '0', ro: '0' });
    add('zram0', { size: '99' });
    add('cciss!c0d0', { size: '16', ro: '1' });
    expect(listDevices(sys, '/dev')).toEqual([
      { path: '/dev/cciss/c0d0', kind: 'disk', size: 8192, model: '', readOnly: true, removable: false },
      { path: '/dev/sdb', kind: 'disk', size: 1048576, model: 'Stick', readOnly: false, removable: true },
      { path: '/dev/sda10', kind: 'partition', size: 4096, model: '', readOnly: false, removable: false, parent: '/dev/sys' },
    ]);
  });
});
