import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools, run } from '../engines/testing/tools.ts';
import { buildClutch, CLUTCH, clutch, IMAGE_SIZE, makeDisk, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const at = (name: string): string => join(folder, name);
const withoutTools = missingMke2fs() ?? missingTools('e2fsck', 'tar');
beforeAll(() => {
  buildClutch();
  mkdirSync(at('tree'));
  makeTree(at('tree'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const clean = (image: string): string => run('e2fsck', ['-fn', image]);
/** What `walk` says of everything but lost+found, without sizes of folders: they depend on who made them. */
const walked = (image: string) => objects(clutch('walk', '--json', '--hash', image).out).filter(({ path }) => path !== '/lost+found').map(({ size, ...rest }) => (rest.type === 'dir' ? rest : { ...rest, size }));
const untar = (input: Buffer, ...args: string[]) => spawnSync(process.execPath, [CLUTCH, 'untar', ...args], { input, encoding: 'utf8' });

describe.skipIf(withoutTools !== undefined)('clutch mkfs', () => {
  it.each(['ext2', 'ext3', 'ext4'])('makes a new image of %s', (type) => {
    const image = at(`new.${type}`);
    const { status, err } = clutch('mkfs', image, '--size', '16M', '-t', type, '--label', 'new one');
    expect([status, err]).toEqual([0, `clutch: made ${image}: ${type} of 16 MiB\n`]);
    expect(clean(image)).toContain('Pass 5');
    expect(clutch('info', '--json', image).out).toContain(`"label":"new one"`);
  });

  it('copies a folder with all its metadata, as mke2fs -d does', () => {
    const ours = at('from.ext4');
    const theirs = at('theirs.ext4');
    expect(clutch('mkfs', ours, '--size', '16M', '--from', at('tree')).status).toBe(0);
    makeExt4(theirs, at('tree'), 'x', '11111111-2222-4333-8444-555555555555');
    expect(clean(ours)).toContain('Pass 5');
    expect(walked(ours)).toEqual(walked(theirs));
  });

  it('never overwrites by accident', () => {
    const image = at('new.ext4');
    const before = readFileSync(image);
    expect(clutch('mkfs', image)).toMatchObject({ status: 2, err: expect.stringContaining('would be overwritten (it holds: ext4)') });
    expect(clutch('mkfs', image, '--size', '32M', '--force').status).toBe(2);
    expect(clutch('mkfs', image, '--force', '-o', 'block-size=3000').status).toBe(1);
    expect(Buffer.compare(readFileSync(image), before)).toBe(0);
    expect(clutch('mkfs', image, '--force', '-t', 'ext2').status).toBe(0);
    expect(clean(image)).toContain('Pass 5');
  });

  it('makes one in a volume, and leaves the others alone', () => {
    makeExt4(at('a'), at('tree'), 'a', '11111111-2222-4333-8444-555555555555');
    makeExt4(at('b'), at('tree'), 'b', '11111111-2222-4333-8444-666666666666');
    makeDisk(at('disk.img'), [at('a'), at('b')]);
    const before = readFileSync(at('disk.img'));
    expect(clutch('mkfs', at('disk.img'), '--part', '2', '--force', '--label', 'fresh').err).toContain('volume 2');
    const after = readFileSync(at('disk.img'));
    const second = (1 << 20) + IMAGE_SIZE;
    expect(Buffer.compare(after.subarray(0, second), before.subarray(0, second))).toBe(0);
    writeFileSync(at('second.img'), after.subarray(second));
    expect(clean(at('second.img'))).toContain('Pass 5');
    expect(run('dumpe2fs', ['-h', at('second.img')])).toContain('fresh');
  });

  it('leaves nothing behind when it fails', () => {
    expect(clutch('mkfs', at('none.img')).status).toBe(2);
    expect(clutch('mkfs', at('none.img'), '--size', '16K').status).toBe(1);
    expect(clutch('mkfs', at('none.img'), '--size', '1M', '-o', 'features=encrypt').status).toBe(3);
    expect(clutch('mkfs', at('none.img'), '--size', '8M', '--from', at('nowhere')).status).toBe(1);
    writeFileSync(at('large'), new Uint8Array(9 << 20).fill(1));
    mkdirSync(at('full'));
    writeFileSync(at('full/large'), new Uint8Array(9 << 20).fill(1));
    expect(clutch('mkfs', at('none.img'), '--size', '8M', '--from', at('full'))).toMatchObject({ status: 1, err: expect.stringContaining('space') });
    expect(readdirSync(folder).filter((name) => name.includes('none') || name.includes('partial') || name.includes('clutch-apply'))).toEqual([]);
    expect(existsSync(at('none.img'))).toBe(false);
  });
});

describe.skipIf(withoutTools !== undefined)('clutch untar', () => {
  it('brings the tree of one image into another', () => {
    makeExt4(at('source.ext4'), at('tree'), 'x', '11111111-2222-4333-8444-555555555555');
    clutch('mkfs', at('copy.ext4'), '--size', '16M');
    const done = untar(clutch('tar', at('source.ext4')).bytes, at('copy.ext4'));
    expect([done.status, done.stderr]).toEqual([0, expect.stringContaining('into')]);
    expect(clean(at('copy.ext4'))).toContain('Pass 5');
    expect(walked(at('copy.ext4'))).toEqual(walked(at('source.ext4')));
  });

  it('unpacks what GNU tar packed, into a folder, direct as well', () => {
    clutch('mkfs', at('direct.ext4'), '--size', '16M');
    const archive = execFileSync('tar', ['-C', at('tree'), '-cf', '-', 'etc']);
    expect(untar(archive, at('direct.ext4'), '/lost+found', '--direct').status).toBe(0);
    expect(clean(at('direct.ext4'))).toContain('Pass 5');
    expect(clutch('cat', at('direct.ext4'), '/lost+found/etc/fstab').out).toBe('/dev/sda1 / ext4 defaults 0 1\n');
  });

  it('changes nothing when the archive is damaged or does not fit', () => {
    clutch('mkfs', at('small.ext4'), '--size', '4M');
    const before = readFileSync(at('small.ext4'));
    makeExt4(at('source.ext4'), at('tree'), 'x', '11111111-2222-4333-8444-555555555555');
    const archive = clutch('tar', at('source.ext4')).bytes;
    expect(archive.length).toBeGreaterThan(10_000);
    expect(untar(archive.subarray(0, archive.length - 4000), at('small.ext4')).status).toBe(1);
    expect(Buffer.compare(readFileSync(at('small.ext4')), before)).toBe(0);
    mkdirSync(at('full'), { recursive: true });
    writeFileSync(at('full/large'), new Uint8Array(9 << 20).fill(1));
    expect(untar(execFileSync('tar', ['-C', at('full'), '-cf', '-', 'large'], { maxBuffer: 1 << 28 }), at('small.ext4')).stderr).toContain('space');
    expect(Buffer.compare(readFileSync(at('small.ext4')), before)).toBe(0);
    expect(untar(archive, at('small.ext4'), '/nowhere').status).toBe(1);
  });
});
