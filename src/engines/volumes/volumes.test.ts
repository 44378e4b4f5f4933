/** What sfdisk, sgdisk, partx and parted read in a table is what we read. */
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../core/bytes/memory.ts';
import type { OpenedTable, Volume } from '../core/probe.ts';
import { testContext } from '../testing/context.ts';
import { missingTools, run, scratchFolder } from '../testing/tools.ts';
import { gpt } from './gpt/index.ts';
import { mbr } from './mbr/index.ts';

const MIB = 1024 * 1024;

/** A layout and how it is made. `script` is sfdisk's own language. */
interface Recipe {
  readonly name: string;
  readonly size: number;
  readonly make: (image: string) => void;
}

const sfdisk = (script: string) => (image: string): void => { run('sfdisk', ['-q', image], script); };

const MBR: Recipe[] = [
  { name: 'no partitions', size: 4 * MIB, make: sfdisk('label: dos\nlabel-id: 0x11223344\n') },
  { name: 'one partition over all', size: 8 * MIB, make: sfdisk('label: dos\nlabel-id: 0xdeadbeef\n,,L,*\n') },
  { name: 'four primaries of different types', size: 32 * MIB, make: sfdisk('label: dos\n,2M,c,*\n,4M,7\n,8M,83\n,,82\n') },
  { name: 'gaps between primaries', size: 32 * MIB, make: sfdisk('label: dos\nstart=4096,size=2048,type=83\nstart=20480,size=2048,type=8e\nstart=40960,size=4096,type=fd\n') },
  { name: 'three logicals', size: 64 * MIB, make: sfdisk('label: dos\n,4M,83\n,40M,5\n,8M,83\n,8M,82\n,4M,c\n') },
  { name: 'extended of type 0f, last in the table', size: 64 * MIB, make: sfdisk('label: dos\n,4M,7,*\n,4M,27\n,4M,83\n,,f\n,10M,83\n,10M,83\n') },
  { name: 'extended of type 85', size: 64 * MIB, make: (image) => { sfdisk('label: dos\n,40M,5\n,10M,83\n,,a5\n')(image); patch(image, 446 + 4, [0x85]); } },
  { name: 'twenty logicals', size: 128 * MIB, make: sfdisk(`label: dos\n,,5\n${',4M,83\n'.repeat(20)}`) },
  { name: 'an empty extended partition', size: 16 * MIB, make: sfdisk('label: dos\n,4M,83\n,8M,5\n') },
  { name: 'entries not in order of offset', size: 32 * MIB, make: sfdisk('label: dos\nstart=40960,size=4096,type=83\nstart=2048,size=4096,type=6\nstart=20480,size=4096,type=7\n') },
  { name: 'entry 3 alone', size: 16 * MIB, make: (image) => { run('sfdisk', ['-q', image], 'label: dos\n'); run('sfdisk', ['-q', '--no-reread', '-N3', image], '2048,8192,83\n'); } },
  { name: 'parted with logicals', size: 64 * MIB, make: (image) => { run('parted', ['-s', image, 'mklabel msdos', 'mkpart primary ext4 1MiB 10MiB', 'mkpart extended 10MiB 60MiB', 'mkpart logical 12MiB 20MiB', 'mkpart logical 30MiB 50MiB']); } },
];

const GPT: Recipe[] = [
  { name: 'no partitions', size: 4 * MIB, make: sfdisk('label: gpt\n') },
  { name: 'one partition over all', size: 8 * MIB, make: sfdisk('label: gpt\n,,L\n') },
  { name: 'ESP, boot, root and swap with names', size: 64 * MIB, make: sfdisk('label: gpt\nsize=8M,type=U,name="EFI system"\nsize=8M,type=BC13C2FF-59E6-4262-A352-B275FD6F7172,name=boot\nsize=32M,type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709,name="Wurzel äöü 日本 😀"\ntype=S\n') },
  { name: 'attributes', size: 32 * MIB, make: sfdisk('label: gpt\nsize=1M,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7,attrs="RequiredPartition LegacyBIOSBootable GUID:60,62,63"\nsize=1M,type=L,attrs="NoBlockIOProtocol GUID:48,59,63"\n') },
  { name: 'gaps and entries out of order', size: 64 * MIB, make: sfdisk('label: gpt\nstart=65536,size=8192\nstart=2048,size=2048\nstart=32768,size=4096\n') },
  { name: 'four entries in all', size: 16 * MIB, make: sfdisk('label: gpt\ntable-length: 4\n,2M\n,2M\n,2M\n') },
  { name: '128 partitions', size: 160 * MIB, make: sfdisk(`label: gpt\n${',1M\n'.repeat(128)}`) },
  { name: '300 entries', size: 16 * MIB, make: (image) => { run('sgdisk', ['-o', '-S', '300', '-n', '1:0:+1M', '-n', '250:0:+1M', '-n', '300:0:+1M', image]); } },
  { name: 'sgdisk, Windows types', size: 64 * MIB, make: (image) => { run('sgdisk', ['-o', '-n', '1:0:+4M', '-t', '1:0c01', '-n', '2:0:+8M', '-t', '2:0700', '-c', '2:Daten', '-n', '3:0:0', '-t', '3:2700', '-A', '3:set:0', image]); } },
  { name: 'a hybrid MBR', size: 64 * MIB, make: (image) => { run('sgdisk', ['-o', '-n', '1:0:+4M', '-n', '2:0:+8M', '-t', '2:0700', '-h', '2', image]); } },
  { name: 'parted, from the first usable sector', size: 16 * MIB, make: (image) => { run('parted', ['-s', '-a', 'none', image, 'mklabel gpt', 'mkpart one 34s 2047s', 'mkpart two 4096s 9000s']); } },
];

const missing = missingTools('fdisk', 'sfdisk', 'sgdisk', 'parted', 'partx');
const folder = scratchFolder();
afterAll(() => folder.remove());

describe.skipIf(missing !== undefined)('partition tables equal what the tools read', () => {
  it.each(MBR)('MBR: $name', async (recipe) => { expect(await compare('dos', recipe)).toBe('compared'); });
  it.each(GPT)('GPT: $name', async (recipe) => { expect(await compare('gpt', recipe)).toBe('compared'); });

  it.each(['g', 'o'])('sectors of 4096 bytes, made and listed by fdisk (%s)', async (label) => {
    const image = blank(`4096-${label}`, 64 * MIB);
    const script = label === 'g' ? 'g\nn\n1\n\n+8M\nn\n2\n\n+16M\nw\n' : 'o\nn\np\n1\n\n+8M\nn\ne\n2\n\n+32M\nn\nl\n\n+4M\nn\nl\n\n+6M\nw\n';
    run('fdisk', ['-b', '4096', image], script);
    const device = new MemoryDevice(readFileSync(image));
    const table = await (label === 'g' ? gpt : mbr).open(device, testContext());
    expect(table.sectorSize).toBe(4096);
    const listed = run('fdisk', ['-b', '4096', '-l', '-o', 'Device,Start,Sectors', image]).split('\n').filter((line) => line.startsWith(image));
    expect(listed.length).toBe(label === 'g' ? 2 : 4);
    expect(partitionsOf(table).map((volume) => [`${image}${volume.number}`, volume.offset / 4096, volume.size / 4096].join(' '))).toEqual(listed.map((line) => line.split(/ +/).join(' ')));
  });
});

async function compare(label: 'dos' | 'gpt', recipe: Recipe): Promise<'compared'> {
  const image = blank(`${label}-${recipe.name.replaceAll(/\W+/g, '-')}`, recipe.size);
  recipe.make(image);
  const device = new MemoryDevice(readFileSync(image));
  const context = testContext();
  const format = label === 'gpt' ? gpt : mbr;
  const table = await format.open(device, context);
  expect(table.sectorSize).toBe(512);

  const { partitiontable: told } = JSON.parse(run('sfdisk', ['--json', image])) as { partitiontable: SfdiskTable };
  expect(told.label).toBe(label);
  expect(label === 'gpt' ? table.uuid : `0x${table.uuid}`).toBe(told.id.toLowerCase());
  const ours = partitionsOf(table).map((volume) => ({
    node: `${image}${volume.number}`, start: volume.offset / 512, size: volume.size / 512,
    type: label === 'gpt' ? volume.typeId.toUpperCase() : Number(volume.typeId).toString(16),
    ...(label === 'gpt' ? { uuid: volume.uuid.toUpperCase(), name: volume.label } : { bootable: volume.flags.includes('active') }),
  }));
  const theirs = (told.partitions ?? []).map(({ node, start, size, type, uuid, name, bootable }) => ({
    node, start, size, type, ...(label === 'gpt' ? { uuid, name: name ?? '' } : { bootable: bootable ?? false }),
  }));
  expect(ours).toEqual(theirs);

  // The UUID that udev knows a partition by.
  const lines = run('partx', ['--raw', '--noheadings', '--output', 'NR,START,SECTORS,UUID', image]).trim();
  expect(partitionsOf(table).map((volume) => `${volume.number} ${volume.offset / 512} ${volume.size / 512} ${volume.uuid}`)).toEqual(lines === '' ? [] : lines.split('\n'));
  checkFree(image, table, recipe);
  // A sound table has nothing to say, but that it is a hybrid.
  expect(context.notes.filter((note) => !note.message.startsWith('Hybrid MBR'))).toEqual([]);
  expect(format.probe(device, false)!.confidence).toBeGreaterThanOrEqual(table.volumes.some((volume) => volume.kind === 'partition') || label === 'gpt' ? 85 : 20);
  return 'compared';
}

interface SfdiskTable {
  readonly label: string;
  readonly id: string;
  readonly partitions?: readonly { node: string; start: number; size: number; type: string; uuid?: string; name?: string; bootable?: boolean }[];
}

function partitionsOf(table: OpenedTable): Volume[] {
  return table.volumes.filter((volume) => volume.kind === 'partition' || volume.kind === 'extended').toSorted((a, b) => a.number! - b.number!);
}

function patch(image: string, at: number, bytes: readonly number[]): void {
  const file = openSync(image, 'r+');
  writeSync(file, Uint8Array.from(bytes), 0, bytes.length, at);
  closeSync(file);
}

function blank(name: string, size: number): string {
  const image = join(folder.path, `${name}.img`);
  writeFileSync(image, '');
  truncateSync(image, size);
  return image;
}

/** Everything that parted calls free is free with us, and together all volumes cover the device without a gap. */
function checkFree(image: string, table: OpenedTable, recipe: Recipe): void {
  let end = 0;
  for (const volume of table.volumes) {
    if (volume.kind === 'extended') continue;
    expect(volume.offset).toBe(end);
    end = volume.offset + volume.size;
  }
  expect(end).toBe(recipe.size);
  const free = table.volumes.filter((volume) => volume.kind === 'free');
  // parted rounds inside extended partitions, where each logical has a boot record before it: what counts is that we show free space in the same places.
  const missed = run('parted', ['-sm', image, 'unit B', 'print free']).split('\n').map((line) => line.replaceAll('B', '').split(':')).filter((columns) => columns[4] === 'free;')
    .filter(([, start, , size]) => !free.some((volume) => volume.offset < Number(start) + Number(size) && Number(start) < volume.offset + volume.size));
  expect(missed).toEqual([]);
}
