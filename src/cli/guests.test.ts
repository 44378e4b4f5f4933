import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClutch, clutch, objects, workFolder } from './testing.ts';

const folder = workFolder();
const before = process.env.CLUTCH_GUESTS;
beforeAll(() => {
  buildClutch();
  process.env.CLUTCH_GUESTS = join(folder, 'guests');
});
afterAll(() => {
  if (before === undefined) delete process.env.CLUTCH_GUESTS;
  else process.env.CLUTCH_GUESTS = before;
  rmSync(folder, { recursive: true, force: true });
});

const OWN = `
title: My system
summary: For tests.
rank: 5
system: other
architecture: i386
machine: {type: pc, cpu: pentium3, memory: 64, warm: false, arguments: []}
boot: {kernel: mine.elf, append: '', deadline: 60, console: serial}
transport: {dialect: 9P2000.u, over: serial, agent: false, msize: 8192}
tables: []
trees: []
volumes: []
filesystems: []
`;

describe('clutch guests', () => {
  it('lists the guests with what would make them usable', () => {
    const { status, out } = clutch('guests', 'list');
    expect(status).toBe(0);
    expect(out).toMatch(/^linux-6\.12 +missing +clutch guests build linux-6\.12 \(downloads about \d+ MB\)$/m);
    const rows = objects(clutch('guests', 'list', '--json').out);
    expect(rows[0]).toMatchObject({ name: 'linux-6.12', state: 'missing', origin: 'shipped', architecture: 'x86_64' });
  });

  it('names the verb, and the guests that there are, where one is wrong', () => {
    expect(clutch('guests', 'frobnicate', '-x')).toMatchObject({ status: 2, err: expect.stringContaining('See: clutch guests --help') as string });
    expect(clutch('guests', 'frobnicate')).toMatchObject({ status: 2, out: '', err: "clutch: unknown command 'frobnicate'\n  See: clutch guests --help\n" });
    expect(clutch('guests', 'run', 'linux-6.12', '--tree', 'none')).toMatchObject({ status: 2, err: expect.stringContaining('See: clutch guests run --help') as string });
    for (const verb of ['run', 'test', 'log', 'remove', 'build']) expect(clutch('guests', verb, 'none')).toMatchObject({ status: 1, out: '', err: expect.stringMatching(/^clutch: There is no guest none\n {2}There are: linux-6\.12, /) as string });
  });

  it('says what to do first, also to check, where no guest is built', () => {
    const image = join(folder, 'xfs.img');
    writeFileSync(image, Buffer.concat([Buffer.from('XFSB'), Buffer.alloc(1 << 20)]));
    for (const verb of ['ls', 'mount', 'tar']) expect(clutch(verb, image)).toMatchObject({ status: 3, out: '', err: expect.stringMatching(/^clutch: XFS is opened by a guest, and none is ready\n {2}Linux 6\.12: clutch guests build linux-6\.12 /) as string });
    expect(clutch('fsck', image)).toMatchObject({ status: 8, out: '', err: clutch('ls', image).err });
  });

  it('adds a described one and removes it', () => {
    const own = join(folder, 'my-system');
    mkdirSync(own);
    writeFileSync(join(own, 'guest.yml'), OWN);
    expect(clutch('guests', 'add', own)).toMatchObject({ status: 1, err: expect.stringContaining('has no mine.elf') as string });
    writeFileSync(join(own, 'mine.elf'), '');
    expect(clutch('guests', 'add', own)).toMatchObject({ status: 0, err: expect.stringMatching(/^clutch: added my-system/) as string });
    expect(clutch('guests', 'list').out).toMatch(/^my-system +built, added/m);
    expect(clutch('guests', 'remove', 'my-system')).toMatchObject({ status: 0, err: 'clutch: removed my-system\n' });
    expect(clutch('guests', 'remove', 'my-system')).toMatchObject({ status: 1 });
    writeFileSync(join(own, 'guest.yml'), OWN.replace('rank: 5', 'rank: x'));
    expect(clutch('guests', 'add', own)).toMatchObject({ status: 1, err: expect.stringMatching(/guest\.yml, line 4, rank: /) as string });
  });

  it('tells why one can\'t be built, and what to do', () => {
    expect(clutch('guests', 'build', 'nothing')).toMatchObject({ status: 1, err: expect.stringContaining('There is no guest nothing') as string });
    expect(clutch('guests', 'build', 'linux-6.12', '--offline')).toMatchObject({ status: 1, err: expect.stringContaining('not in the cache') as string });
    expect(clutch('guests', 'build', 'linux-6.12', '--mirror', 'http://127.0.0.1:1/debian')).toMatchObject({ status: 1, err: expect.stringContaining('--mirror URL') as string });
    expect(clutch('guests', 'build', 'linux-6.12', '--mirror', 'debian')).toMatchObject({ status: 1, err: expect.stringContaining('is not the address of a mirror') as string });
  });
});
