import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { buildClutch, clutch, type Ran } from '../../cli/testing.ts';
import { builtGuest } from './testing/built.ts';
import { makeSets } from './testing/set-images.ts';

const answer = await builtGuest('linux-6.12');
const NO_GUEST = 'reason' in answer ? answer.reason : undefined;

/** Milliseconds: guests boot under emulation, on a machine that does other things, too. */
const LONG = 900_000;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

/** An empty image of so many MiB. */
function empty(name: string, mebibytes: number): string {
  writeFileSync(at(name), '');
  run('truncate', ['-s', `${mebibytes}M`, at(name)]);
  return at(name);
}

/** Runs a script of `clutch edit`. */
function edit(script: string, ...args: readonly string[]): Ran {
  writeFileSync(at('script'), script);
  return clutch('edit', ...args, '-f', at('script'));
}

const NO_MD = NO_GUEST ?? missingTools('mkfs.ext4');

describe.skipIf(NO_MD !== undefined)(`RAID6 of four disks, through a guest${NO_MD === undefined ? '' : ` (${NO_MD})`}`, () => {
  const disks = [0, 1, 2, 3].map((i) => at(`six-${i}.img`));

  beforeAll(async () => {
    buildClutch();
    const folder = join(scratch.path, 'six.d');
    run('mkdir', [folder]);
    writeFileSync(join(folder, 'file'), 'kept by two disks of four\n'.repeat(20_000));
    const ext4 = empty('ext4', 12);
    run('mkfs.ext4', ['-q', '-d', folder, ext4]);
    // Of zeros the parity is zeros: the disks are in sync as they are made.
    await makeSets((answer as Exclude<typeof answer, { reason: string }>).guest, [{ path: ext4 }, ...disks.map((path) => ({ path, mebibytes: 16 }))], `
      exec 2>&1
      mdadm --create /dev/md6 --run --assume-clean --level=6 --raid-devices=4 --homehost=host --name=six --chunk=64 /dev/vdb /dev/vdc /dev/vdd /dev/vde
      dd if=/dev/vda of=/dev/md6 bs=1M
      sync
      mdadm --stop --scan`);
  }, LONG);

  it('is read without two of them, and not changed; without three there is nothing to read', () => {
    const [, second, , fourth] = disks as [string, string, string, string];
    expect(clutch('cat', second, '--also', fourth, '/file')).toMatchObject({ status: 0, out: 'kept by two disks of four\n'.repeat(20_000) });
    const refused = edit('rm /file\n', second, '--also', fourth);
    expect([refused.status, refused.err]).toEqual([3, expect.stringMatching(/2 of its 4 disks are missing: the array is degraded/)]);
    const alone = clutch('info', fourth);
    expect([alone.status, alone.out]).toEqual([3, expect.stringMatching(/A disk of the set may be missing/)]);
  }, LONG);
});

const NO_BTRFS = NO_GUEST ?? missingTools('mkfs.btrfs', 'btrfs');

describe.skipIf(NO_BTRFS !== undefined)(`Btrfs of two devices, through a guest${NO_BTRFS === undefined ? '' : ` (${NO_BTRFS})`}`, () => {
  const [one, two] = [at('one.img'), at('two.img')];
  const DEGRADED = /1 of its 2 devices is missing: the filesystem is degraded/;

  beforeAll(() => {
    buildClutch();
    for (const name of ['one.img', 'two.img']) empty(name, 128);
    run('mkfs.btrfs', ['-q', '-d', 'raid1', '-m', 'raid1', one, two]);
    const { status, err } = edit('write /file 0 "on both"\n', one, '--also', two);
    if (status !== 0) throw new Error(err);
  }, LONG);

  it.each([['the first', one], ['the second', two]])('is read by %s alone, with a word about the other one, and neither changed nor repaired', (_, image) => {
    const read = clutch('cat', image, '/file');
    expect(read).toMatchObject({ status: 0, out: 'on both', err: expect.stringMatching(DEGRADED) as string });
    const refused = edit('rm /file\n', image);
    expect([refused.status, refused.err]).toEqual([3, expect.stringMatching(DEGRADED)]);
    const repair = clutch('fsck', '--fix', '--yes', image);
    expect([repair.status, repair.err]).toEqual([8, expect.stringMatching(DEGRADED)]);
  }, LONG);

  it('is checked on both', () => {
    const { status, out } = clutch('fsck', one, '--also', two);
    expect([status, out]).toEqual([0, expect.not.stringMatching(/missing/)]);
  }, LONG);
});

const NO_LOGS = missingTools('mkfs.xfs', 'mkfs.jfs', 'mkfs.reiserfs');

describe.skipIf(NO_LOGS !== undefined)(`filesystems whose log is on another device${NO_LOGS === undefined ? '' : ` (${NO_LOGS})`}`, () => {
  beforeAll(buildClutch, LONG);

  it('are refused before a guest is started, by everything that would: the reason names the log', () => {
    const xfs = empty('xfs.img', 320);
    run('mkfs.xfs', ['-q', '-l', `logdev=${empty('xfs-log.img', 64)}`, xfs]);
    const reiserfs = empty('reiserfs.img', 40);
    run('mkfs.reiserfs', ['-q', '-ff', '-j', empty('reiserfs-log.img', 40), reiserfs]);
    for (const image of [xfs, reiserfs]) {
      const why = /Its log lies on another device \(an external log\), without which it is not opened/;
      expect(clutch('info', image).out).toMatch(why);
      expect(clutch('ls', image)).toMatchObject({ status: 3, err: expect.stringMatching(why) as string });
      expect(clutch('ls', image, '--with', 'guest:linux-6.12')).toMatchObject({ status: 3, err: expect.stringMatching(why) as string });
      expect(clutch('fsck', image)).toMatchObject({ status: 8, err: expect.stringMatching(why) as string });
    }
  }, LONG);

  it.skipIf(NO_GUEST !== undefined)('are read where the kernel does without it, and not changed', () => {
    const log = empty('jfs-log.img', 16);
    const jfs = empty('jfs.img', 16);
    run('mkfs.jfs', ['-q', '-J', 'journal_dev', log]);
    run('mkfs.jfs', ['-q', '-J', `device=${log}`, jfs]);
    const refused = edit('mkdir /new\n', jfs);
    expect([refused.status, refused.err]).toEqual([3, expect.stringMatching(/Its log lies on another device \(an external log\), without which it is only read/)]);
  }, LONG);
});
