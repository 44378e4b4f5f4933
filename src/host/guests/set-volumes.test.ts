import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { buildClutch, clutch, type Ran } from '../../cli/testing.ts';
import { builtGuest } from './testing/built.ts';
import { makeSets } from './testing/set-images.ts';

const answer = await builtGuest('linux-6.12');
const reason = 'reason' in answer ? answer.reason : missingTools('mkfs.xfs', 'xfs_repair', 'mkfs.jfs', 'fsck.jfs', 'mkfs.ext4');

/** Milliseconds: guests boot under emulation, on a machine that does other things, too. */
const LONG = 900_000;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

/** Bytes of LVM's extents, and where they begin on a disk (lvm.conf(5): default_data_alignment). */
const EXTENT = 4 << 20;
const FIRST = 1 << 20;

function made(name: string, mebibytes: number, ...command: readonly [string, ...string[]]): string {
  writeFileSync(at(name), '');
  run('truncate', ['-s', `${mebibytes}M`, at(name)]);
  run(command[0], [...command.slice(1), at(name)]);
  return at(name);
}

/** Runs a script of `clutch edit`. */
function edit(script: string, ...args: readonly string[]): Ran {
  writeFileSync(at('script'), script);
  return clutch('edit', ...args, '-f', at('script'));
}

describe.skipIf(reason !== undefined)(`filesystems on logical volumes, through a guest${reason === undefined ? '' : ` (${reason})`}`, () => {
  const { guest } = answer as Exclude<typeof answer, { reason: string }>;
  const disks = [0, 1].map((i) => at(`disk-${i}.img`));
  const whole = [disks[0]!, '--also', disks[1]!];
  /** Where the bytes of each volume lie, in their order. */
  const pieces: { readonly volume: string; readonly disk: string; readonly at: number; readonly length: number }[] = [];

  /** Copies a volume from the disks to a file, or a file to where the volume lies: by LVM's own words, with no kernel between. */
  function copy(name: string, file: string, to: 'file' | 'disks'): void {
    let place = 0;
    for (const piece of pieces.filter(({ volume }) => volume === name)) {
      const [on, off] = [piece.at, place].map((bytes) => String(bytes >> 20)) as [string, string];
      const way = to === 'file' ? [`if=${piece.disk}`, `of=${file}`, `skip=${on}`, `seek=${off}`] : [`if=${file}`, `of=${piece.disk}`, `skip=${off}`, `seek=${on}`];
      run('dd', [...way, 'bs=1M', `count=${piece.length >> 20}`, 'conv=notrunc,sparse', 'status=none']);
      place += piece.length;
    }
    expect(place).toBeGreaterThan(0);
  }

  /** The volume as it is on the disks, for a tool that knows nothing of LVM. */
  function copied(name: string): string {
    writeFileSync(at('volume'), '');
    copy(name, at('volume'), 'file');
    run('truncate', ['-s', String(pieces.filter((each) => each.volume === name).reduce((sum, { length }) => sum + length, 0)), at('volume')]);
    return at('volume');
  }

  beforeAll(async () => {
    buildClutch();
    const ext4 = made('ext4', 12, 'mkfs.ext4', '-q');
    const said = await makeSets(guest, [...disks.map((path, i) => ({ path, mebibytes: [240, 200][i]! })), { path: ext4 }], `
      exec 2>&1
      config="$config global{thin_check_executable=\\"\\"}"
      lvm vgcreate group /dev/vda /dev/vdb
      lvm lvcreate -Zn -Wn -an -L 304M -n xfs group
      lvm lvcreate -Zn -Wn -an -L 16M -n jfs group
      lvm lvcreate -Zn -Wn -L 24M --thinpool pool group
      lvm lvcreate -Wn -V 40M --thin -n thin group/pool
      lvm lvcreate -Zn -Wn -L 12M -n origin group
      for volume in thin origin; do dd if=/dev/vdc "of=/dev/mapper/group-$volume" bs=1M; done
      lvm lvcreate -s -L 8M -n kept group/origin
      lvm lvs --noheadings --separator '|' --segments -o lv_name,seg_pe_ranges
      lvm pvs --noheadings --units b --nosuffix -o pe_start,vg_extent_size
      sync
      lvm vgchange -an`);
    if (!new RegExp(`^ *${FIRST} +${EXTENT}$`, 'm').test(said)) throw new Error(`Extents lie elsewhere:\n${said}`);
    for (const [, name = '', disk = '', first = '', last = ''] of said.matchAll(/^ *(\w+)\|\/dev\/vd([ab]):(\d+)-(\d+)$/gm)) pieces.push({ volume: name, disk: disks['ab'.indexOf(disk)]!, at: FIRST + Number(first) * EXTENT, length: (Number(last) - Number(first) + 1) * EXTENT });
    copy('xfs', made('xfs', 304, 'mkfs.xfs', '-q', '-L', 'ON LVM'), 'disks');
    copy('jfs', made('jfs', 16, 'mkfs.jfs', '-q', '-L', 'JFS'), 'disks');
  }, LONG);

  it.each([['xfs', ['xfs_repair', '-n']], ['jfs', ['fsck.jfs', '-n', '-f']]] as const)('%s is shown, changed and applied, and its own checker finds nothing on what lies on the disks', (name, [judge, ...options]) => {
    // The one lies on both disks.
    expect(pieces.filter((each) => each.volume === name).length).toBe(name === 'xfs' ? 2 : 1);
    const before = disks.map((path) => { copyFileSync(path, `${path}.before`); return `${path}.before`; });
    expect(edit('mkdir /deep\nmkdir /deep/er\nwrite /deep/er/file 0 "on a logical volume"\n', ...whole, '--part', name)).toMatchObject({ status: 0, err: '' });
    run(judge, [...options, copied(name)]);
    expect(clutch('cat', disks[1]!, '--also', disks[0]!, '--part', name, '/deep/er/file')).toMatchObject({ status: 0, out: 'on a logical volume' });
    expect(clutch('fsck', ...whole, '--part', name).status).toBe(0);
    // Its own bytes alone are other ones than before, and none of LVM's.
    for (const [i, path] of disks.entries()) {
      for (const each of pieces.filter((piece) => piece.disk === path && piece.volume === name)) run('dd', [`if=${path}`, `of=${before[i]!}`, 'bs=1M', `skip=${each.at >> 20}`, `seek=${each.at >> 20}`, `count=${each.length >> 20}`, 'conv=notrunc', 'status=none']);
      run('cmp', [path, before[i]!]);
    }
  }, LONG);

  it('a thin one, and those that have a snapshot or are one, are read, and why they are not changed is said', () => {
    const { out } = clutch('info', '--json', ...whole);
    const rows = out.trimEnd().split('\n').map((line) => JSON.parse(line) as { path: string; label: string; openers: { id: string; access: string; reason: string }[] });
    const thin = /"thin,sparse" keep books that other volumes share/;
    for (const [name, why] of [['thin', thin], ['origin', /It has snapshots, or is one/], ['kept', /It has snapshots, or is one/]] as const) {
      const { path } = rows.find(({ label }) => label === name)!;
      // What is told before anybody opens it, here as in the window.
      expect(rows.find((row) => row.path === `${path}/0`)!.openers[0]).toMatchObject({ id: 'guest:linux-6.12', access: 'read-only', reason: expect.stringMatching(why) as string });
    }
    expect(clutch('ls', ...whole, '--part', 'thin')).toMatchObject({ status: 0, out: expect.stringContaining('lost+found') as string });
    const refused = edit('mkdir /new\n', ...whole, '--part', 'thin');
    expect([refused.status, refused.err]).toEqual([3, expect.stringMatching(thin)]);
  }, LONG);
});
