import { describe, expect, it } from 'vitest';
import { endOf, parseAssembly } from './assembly.ts';

const disks = (count: number): string[] => Array.from({ length: count }, (_, i) => [`block vd${'abcdefgh'[i]} size=49152`, `block vd${'abcdefgh'[i]} serial=disk${i}`]).flat();

const many = (count: number, line: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => line(i));

/** An array as sysfs and mdadm tell of it. */
function array(name: string, members: readonly string[], more: readonly string[] = []): string[] {
  return [`block ${name} size=94208`, ...members.map((each) => `block ${name} slave=${each}`), `md ${name} level=raid5`, `md ${name} raid_disks=3`, `md ${name} degraded=0`, `md ${name} resync_start=none`, ...more.map((each) => `md ${name} ${each}`), `md ${name} MD_NAME=host:data of it`, `md ${name} MD_UUID=1:2:3:4`];
}

describe('what a guest tells of its sets', () => {
  it('is an array with its disks, for writing when it is whole and in sync', () => {
    expect(parseAssembly([...disks(4), ...array('md127', ['vda', 'vdb', 'vdd'])])).toEqual({
      said: [], arrays: true,
      volumes: [{ id: '1:2:3:4', block: 'md127', kind: 'md', name: 'data of it', title: 'RAID5 of 3 disks', uuid: '1:2:3:4', size: 94_208 * 512, disks: new Set([0, 1, 3]) }],
    });
  });

  it.each([
    [['degraded=1'], /^1 of its 3 disks is missing: the array is degraded$/],
    [['degraded=2'], /^2 of its 3 disks are missing/],
    [['resync_start=0'], /not in sync/],
  ])('is for reading where the array is not: %s', (more, reason) => {
    const lines = [...disks(3), ...array('md0', ['vda', 'vdb']).filter((line) => !more.some((each) => line.startsWith(`md md0 ${each.split('=')[0]}=`))), ...more.map((each) => `md md0 ${each}`)];
    expect(parseAssembly(lines).volumes[0]).toMatchObject({ readOnly: expect.stringMatching(reason) as string });
  });

  it('is an array that did not start, without a device', () => {
    const lines = ['said mdadm: Not enough devices', ...disks(1), ...array('md0', ['vda']).map((line) => line.replace('size=94208', 'size=0'))];
    expect(parseAssembly(lines)).toMatchObject({ said: ['mdadm: Not enough devices'], volumes: [{ block: '', missing: expect.stringContaining('too many of its disks') as string }] });
  });

  it('are the partitions of an array that has some', () => {
    const { volumes } = parseAssembly([...disks(3), ...array('md0', ['vda', 'vdb', 'vdc']), 'block md0 partition=md0p1 2048', 'block md0 partition=md0p2 4096']);
    expect(volumes.map(({ id, block, name, size }) => [id, block, name, size])).toEqual([['1:2:3:4 p1', 'md0p1', 'data of itp1', 1 << 20], ['1:2:3:4 p2', 'md0p2', 'data of itp2', 2 << 20]]);
  });

  it('are logical volumes, joined by their groups, also on an array', () => {
    const lines = [
      ...disks(5), ...array('md0', ['vda', 'vdb', 'vdc'], []), 'block md0 holder=dm-0',
      'block dm-0 size=65536', 'block dm-0 slave=md0', 'block dm-0 uuid=LVM-GROUPONEabcd', 'block dm-1 size=2048', 'block dm-1 slave=vde', 'block dm-1 uuid=LVM-GROUPTWOef',
      'pv /dev/md0|GROUP-ONE', 'pv /dev/vdd|GROUP-ONE', 'pv /dev/vde|GROUP-TWO', 'pv [unknown]|GROUP-TWO',
      'lv GROUP-ONE|one|root|ab-cd|33554432|linear|public|0', 'lv GROUP-ONE|one|thin|x-y|1048576|thin,sparse|public|0', 'lv GROUP-ONE|one|pool|p-q|1048576|thin,pool|private|0',
      'lv GROUP-TWO|two|cut|e-f|1048576|linear|public|1', 'said   Refusing activation of partial LV two/gone.', 'lv GROUP-TWO|two|gone|g-h|1048576|linear|public|1',
    ];
    const { volumes, arrays } = parseAssembly(lines);
    expect(arrays).toBe(true);
    expect(volumes.map(({ name, block, disks: on }) => [name, block, [...on].toSorted()])).toEqual([['root', 'dm-0', [0, 1, 2, 3]], ['thin', '', [0, 1, 2, 3]], ['cut', 'dm-1', [4]], ['gone', '', [4]]]);
    expect(volumes[0]!.readOnly).toBeUndefined();
    expect(volumes.slice(1).map(({ readOnly }) => readOnly)).toEqual([expect.stringContaining('thin'), expect.stringContaining('1 of the disks of its group two is missing'), expect.stringContaining('is missing')]);
    expect(volumes[3]!.missing).toContain('Refusing activation of partial LV two/gone');
  });

  it('may be anything', () => {
    expect(parseAssembly(['', 'block', 'block x', 'block x size=-1', 'block x slave=x', 'md x level=', 'lv |||', 'lv a|b|c|d|NaN', 'pv', 'peek x', 'block y slave=z', 'block z slave=y', '\0'])).toMatchObject({ volumes: [{ size: 0 }] });
    expect(parseAssembly(Array.from({ length: 1000 }, (_, i) => `lv g|g|v${i}|u${i}|512|linear|public|0`)).volumes.length).toBe(256);
  });

  it('may be as much as a guest likes, and takes no longer for it', () => {
    // Devices on devices without end, as many disks, volumes and groups as there are lines, and words about each.
    for (const lines of [
      many(50_000, (i) => `block b${i} slave=b${i + 1}`), many(50_000, (i) => `block b${i} serial=disk${i % 9999}`), many(50_000, (i) => `block b0 slave=b${i}`), many(50_000, (i) => `pv /dev/b${i}|g${i % 20_000}`),
      [...many(25_000, (i) => `block b${i} size=1`), ...many(25_000, (i) => `lv G|g|n${i}|u${i}|512|linear|public|0`), ...many(25_000, (i) => `said n${i}`)],
      [...many(25_000, (i) => `block b${i} slave=b${i + 1}`), ...many(25_000, (i) => `md b${i} level=raid1`)],
    ]) {
      const { volumes, said } = parseAssembly(lines);
      expect(volumes.length).toBeLessThanOrEqual(256);
      expect(said.length).toBeLessThanOrEqual(4096);
    }
  });

  it('is read at the front and at the end', () => {
    expect([0, 512, 64 * 1024, 128 * 1024, 128 * 1024 + 512, 1 << 20].map(endOf)).toEqual([0, 0, 0, 0, 64 * 1024, (1 << 20) - 128 * 1024]);
  });
});
