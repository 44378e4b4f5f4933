import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWalks } from '../../engines/testing/compare.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WalkEntry } from '../../engines/testing/walk.ts';
import { buildClutch, clutch, type Ran } from '../../cli/testing.ts';
import { FileDevice } from '../sources/file.ts';
import { launchGuest } from './launch.ts';
import { builtGuest } from './testing/built.ts';
import { makeSets } from './testing/set-images.ts';

const answer = await builtGuest('linux-6.12');
const reason = 'reason' in answer ? answer.reason : missingTools('mkfs.ext4');

/** Milliseconds: guests boot under emulation, on a machine that does other things, too. */
const LONG = 900_000;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

const entriesOf = (text: string): WalkEntry[] => text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry);

/** An ext4 of so many MiB with some files. */
function madeExt4(name: string, mebibytes: number): string {
  const folder = at(`${name}.d`);
  mkdirSync(join(folder, 'deep/er'), { recursive: true });
  for (let i = 0; i < 40; i++) writeFileSync(join(folder, 'deep', `file ${i}`), `${name} ${i}\n`.repeat(i * 50));
  writeFileSync(join(folder, 'random'), Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 2_654_435_761) >>> 11));
  const image = at(name);
  writeFileSync(image, '');
  run('truncate', ['-s', `${mebibytes}M`, image]);
  run('mkfs.ext4', ['-q', '-F', '-L', name, '-d', folder, image]);
  return image;
}

const walk = (...args: readonly string[]): WalkEntry[] => {
  const { status, out, err } = clutch('walk', '--json', '--hash', ...args);
  expect(status, err).toBe(0);
  return entriesOf(out);
};
const same = (one: WalkEntry[], other: WalkEntry[]): void => {
  expect(compareWalks(one, other).differences).toEqual([]);
  expect(one.length).toBeGreaterThan(40);
};
const also = (images: readonly string[]): string[] => images.flatMap((image) => ['--also', image]);

/** Runs a script of `clutch edit`. */
function edit(script: string, ...args: readonly string[]): Ran {
  writeFileSync(at('script'), script);
  return clutch('edit', ...args, '-f', at('script'));
}

describe.skipIf(reason !== undefined)(`sets of disks, through a guest${reason === undefined ? '' : ` (${reason})`}`, () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;
  const five = [0, 1, 2].map((i) => at(`five-${i}.img`));
  const mirror = [0, 1].map((i) => at(`mirror-${i}.img`));
  const group = [0, 1].map((i) => at(`group-${i}.img`));
  let ext4: string;
  let written: WalkEntry[];

  beforeAll(async () => {
    buildClutch();
    ext4 = madeExt4('inner', 16);
    written = walk(ext4);
    await makeSets(guest, [{ path: ext4 }, ...five.map((path) => ({ path, mebibytes: 24 })), ...mirror.map((path) => ({ path, mebibytes: 24 })), ...group.map((path) => ({ path, mebibytes: 40 }))], `
      exec 2>&1
      mdadm --create /dev/md5 --run --level=5 --raid-devices=3 --homehost=host --name=five --chunk=64 /dev/vdb /dev/vdc /dev/vdd
      mdadm --create /dev/md1 --run --level=1 --metadata=1.0 --raid-devices=2 --homehost=host --name=mirror /dev/vde /dev/vdf
      lvm vgcreate group /dev/vdg /dev/vdh
      lvm lvcreate -Zn -Wn -an -L 32M -n first group
      lvm lvcreate -Zn -Wn -an -l 100%FREE -n 'odd+na.me-1' group
      lvm vgchange -ay
      mdadm --wait /dev/md5 || true
      mdadm --wait /dev/md1 || true
      for volume in md5 md1 mapper/group-first "mapper/group-odd+na.me--1"; do dd if=/dev/vda "of=/dev/$volume" bs=1M; done
      sync
      lvm vgchange -an
      mdadm --stop --scan
    `);
  }, LONG);

  it('RAID5 of three images: walked as it was written, changed as a whole, and there without any one of them', () => {
    const [first, ...more] = five as [string, ...string[]];
    same(walk(first, ...also(more)), written);
    expect(edit('mkdir /new\nwrite /new/file 0 "kept by three"\n', first, ...also(more))).toMatchObject({ status: 0, err: '' });
    expect(clutch('fsck', first, ...also(more)).status).toBe(0);
    // Where the first one was, there is parity.
    const [second, third] = more as [string, string];
    const degraded = walk(second, '--also', third);
    same(degraded.filter(({ path }) => !path.startsWith('/new') && path !== '/'), written.filter(({ path }) => path !== '/'));
    expect(degraded.find(({ path }) => path === '/new/file')).toMatchObject({ size: 13 });
    const refused = edit('rm /new/file\n', second, '--also', third);
    expect(refused.err).toMatch(/1 of its 3 disks is missing: the array is degraded/);
    expect(refused.status).toBe(3);
    const alone = clutch('info', second);
    expect(alone.out).toMatch(/A disk of the set may be missing/);
    expect(alone.status).toBe(3);
  }, LONG);

  // Its superblocks lie at the end: each of its disks begins as the filesystem does.
  it('RAID1: one image of two is read, and changed with the other one alone', () => {
    expect(clutch('cat', mirror[1]!, '/deep/file 7')).toMatchObject({ status: 0, out: 'inner 7\n'.repeat(350) });
    expect(edit('mkdir /new\n', mirror[0]!).err).toMatch(/1 of its 2 disks is missing: the array is degraded/);
    const refused = edit('mkdir /new\n', mirror[0]!, '--with', 'native:ext4');
    expect([refused.status, refused.err]).toEqual([3, expect.stringContaining('It is one of the disks of an array')]);
    expect(edit('mkdir /new\n', ...mirror.slice(0, 1), ...also(mirror.slice(1)))).toMatchObject({ status: 0, err: '' });
    const [one, two] = mirror.map((path) => readFileSync(path).subarray(0, 16 << 20));
    expect(one!.equals(two!)).toBe(true);
  }, LONG);

  it('an LVM group on two images: its volumes are picked by name, and each is changed alone', () => {
    const whole = [group[0]!, '--also', group[1]!];
    same(walk(...whole, '--part', 'odd+na.me-1'), written);
    expect(edit('rm /random\nwrite /file 0 "on the second"\n', ...whole, '--part', 'odd+na.me-1')).toMatchObject({ status: 0, err: '' });
    expect(clutch('fsck', ...whole, '--part', 'odd+na.me-1').status).toBe(0);
    const { out, status } = clutch('info', '--json', ...whole);
    expect(status).toBe(0);
    const rows = out.trimEnd().split('\n').map((line) => JSON.parse(line) as { path: string; label: string; size: number; waiting?: boolean });
    expect(rows.filter(({ path }) => /^0\/1\/0\/\d$/.test(path)).map(({ label, size }) => [label, size])).toEqual([['first', 32 << 20], ['odd+na.me-1', 40 << 20]]);
    // The first volume lies on the first disk alone, the second on both.
    const half = clutch('info', group[0]!);
    expect(half.out).toMatch(/"first".*\n.*ext2\/3\/4/);
    expect(half.out).toMatch(/The volume did not come up/);
  }, LONG);
});

const NO_BTRFS = reason ?? missingTools('mkfs.btrfs');

describe.skipIf(NO_BTRFS !== undefined)(`Btrfs over two images with subvolumes, through a guest${NO_BTRFS === undefined ? '' : ` (${NO_BTRFS})`}`, () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;
  const [one, two] = [at('one.img'), at('two.img')];

  beforeAll(async () => {
    buildClutch();
    for (const path of [one, two]) {
      writeFileSync(path, '');
      run('truncate', ['-s', '128M', path]);
    }
    run('mkfs.btrfs', ['-q', '-d', 'raid1', '-m', 'raid1', one, two]);
    const devices = [one, two].map((path) => new FileDevice(path, { write: true }));
    const machine = await launchGuest(guest, { disks: devices.map((device) => ({ device, readOnly: false })), filesystems: ['btrfs'], tools: ['btrfs-progs'], warm: 'never' });
    (await machine.mount('btrfs', 'rw')).close();
    const lines: string[] = [];
    const { status } = await machine.run('sh', ['-euc', `cd /mnt
      mkdir plain; echo above >plain/file
      for each in first second; do btrfs subvolume create $each; mkdir $each/dir; echo "in $each" >$each/dir/file; done
      btrfs subvolume create second/dir/third; echo "in third" >second/dir/third/file
      btrfs subvolume create bare`], { onLine: (line) => lines.push(line) });
    await machine.stop();
    for (const device of devices) device.close();
    if (status !== 0) throw new Error(lines.join('\n'));
  }, LONG);

  it('shows subvolumes as folders, and changes what is in them', () => {
    const whole = [one, '--also', two];
    const paths = (): string[] => walk(...whole).map(({ path }) => path);
    const before = ['/', '/bare', '/first', '/first/dir', '/first/dir/file', '/plain', '/plain/file', '/second', '/second/dir', '/second/dir/file', '/second/dir/third', '/second/dir/third/file'];
    expect(paths()).toEqual(before);
    expect(edit('write /second/dir/third/made 0 "deep"\nmv /first/dir/file /first/moved\n', ...whole)).toMatchObject({ status: 0, err: '' });
    expect(clutch('cat', one, '/second/dir/third/made', '/second/dir/third/file', '--also', two).out).toBe('deepin third\n');
    expect(clutch('cat', two, '/first/moved', '--also', one).out).toBe('in first\n');
  }, LONG);
});
