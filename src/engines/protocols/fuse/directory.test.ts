import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DiskError } from '../../core/errors.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import { random } from '../../testing/fuzz/random.ts';
import { dir, file, MemoryFileSystem, type MemoryNode } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { freshImage, openBytes, TestAccess } from '../../testing/model/images.ts';
import { matrix } from '../../testing/model/matrix.ts';
import { missingTools } from '../../testing/tools.ts';
import { Listing } from '../shared/listing.ts';
import { ENTRY_ATTR, EntryOut, OP, OpenIn, ReadIn, ROOT_ID } from './layout.ts';
import { fill, FuseClient, statOf } from './testing/client.ts';
import { mounted, named } from './testing/kernel.ts';
import { later } from './testing/later.ts';

const missing = missingTools('mke2fs');

/** An ext4 tree that lies in memory. */
async function ext4(): Promise<FileSystem> {
  const folder = mkdtempSync(joinPath(tmpdir(), 'clutch-fuse-'));
  try {
    return await openBytes(freshImage(matrix.find(({ name }) => name === 'ext4-4k')!, joinPath(folder, 'image')), new TestAccess(1, 'staged'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function named3(i: number): string {
  return `file ${i} ${'-'.repeat(i % 40)}`;
}

/** Everything from an offset on. */
async function rest(client: FuseClient, folder: number, fh: number, from: number, size: number, plus: boolean): Promise<{ readonly name: string; readonly off: number }[]> {
  const all: { name: string; off: number }[] = [];
  for (let offset = from; ;) {
    const listed = await client.readdir(folder, fh, offset, size, plus);
    if (listed.length === 0) return all;
    all.push(...listed);
    offset = listed.at(-1)!.off;
  }
}

describe.skipIf(missing !== undefined)('listings of ext4', () => {
  it('neither skip nor repeat while what they show is removed and other names are made', async () => {
    for (const slow of [false, true]) {
      const fs = await ext4();
      const writer = fs.writer!;
      const folder = await writer.mkdir(fs.root, 'd', { mode: 0o755 });
      const count = slow ? 300 : 1500;
      for (let i = 0; i < count; i++) await writer.create(folder, named3(i), { mode: 0o644 });
      const { kernel } = await mounted(slow ? later(fs) : fs);
      const client = new FuseClient(kernel, { write: true, info: fs.info });
      const node = (await client.lookup(ROOT_ID, 'd'))!;
      const fh = await client.open(node, true);
      const seen: string[] = [];
      for (let offset = 0, turn = 0; ; turn++) {
        const listed = await client.readdir(node, fh, offset, 1024, turn % 2 === 0);
        if (listed.length === 0) break;
        offset = listed.at(-1)!.off;
        for (const { name } of listed) {
          if (name === '.' || name === '..' || name.startsWith('new')) continue;
          seen.push(name);
          await client.writer!.unlink(node, name);
        }
        await client.writer!.create(node, `new ${turn}`, { mode: 0o644 });
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.length).toBe(count);
      // From the beginning again: what is there now.
      expect((await rest(client, node, fh, 0, 4096, false)).every(({ name }) => name.startsWith('new') || name.startsWith('.'))).toBe(true);
      await fs.close();
    }
  });

  it('give a number that was used again another generation', async () => {
    const fs = await ext4();
    const { kernel } = await mounted(fs);
    const client = new FuseClient(kernel, { write: true, info: fs.info });
    const entry = async (): Promise<{ readonly nodeid: number; readonly generation: number; readonly size: number }> => {
      const answer = await kernel.call(OP.LOOKUP, ROOT_ID, named('f'));
      const { nodeid, generation } = EntryOut.at(answer);
      return { nodeid, generation, size: statOf(answer, ENTRY_ATTR, nodeid).size };
    };
    await client.writer!.create(ROOT_ID, 'f', { mode: 0o644 });
    const first = await entry();
    await client.writer!.unlink(ROOT_ID, 'f');
    await client.writer!.create(ROOT_ID, 'f', { mode: 0o644 });
    const second = await entry();
    expect(second.nodeid).toBe(first.nodeid);
    expect(second.generation).not.toBe(first.generation);
    // Forgotten as often as it was told, under both: the third is the only one.
    client.forget(first.nodeid, 4);
    await client.writer!.unlink(ROOT_ID, 'f');
    await client.writer!.create(ROOT_ID, 'f', { mode: 0o644 });
    const third = await entry();
    expect(third.generation).toBe(0);
    // The number of nothing is that of a node which is not there any more, not of a damaged one.
    fs.writer!.unlink(fs.root, 'f');
    for (const [opcode, body] of [[OP.GETATTR, new Uint8Array(16)], [OP.STATX, new Uint8Array(24)], [OP.OPENDIR, new Uint8Array(8)]] as const) expect(await kernel.errno(opcode, third.nodeid, body)).toBe(116);
    await fs.close();
  });
});

describe('listings', () => {
  const tree = dir(Array.from({ length: 200 }, (_, i): [string, MemoryNode] => [named3(i), file('x'.repeat(i))]));

  it('go on from every offset that they told, in any order, with any room', async () => {
    const { kernel } = await mounted(new MemoryFileSystem(tree));
    const client = new FuseClient(kernel, { write: false, info: new MemoryFileSystem(tree).info });
    const fh = await client.open(ROOT_ID, true);
    const all = await rest(client, ROOT_ID, fh, 0, 4096, false);
    expect(all.map(({ name }) => name)).toEqual(['.', '..', ...Array.from({ length: 200 }, (_, i) => named3(i))]);
    const numbers = random(1, 0);
    for (let round = 0; round < 60; round++) {
      const at = numbers.below(all.length);
      const size = 300 + numbers.below(3000);
      expect(await rest(client, ROOT_ID, fh, all[at]!.off, size, round % 2 === 0)).toEqual(all.slice(at + 1).map((each) => expect.objectContaining({ name: each.name, off: each.off })));
    }
    // Where not even one entry finds room there is none.
    expect(await client.readdir(ROOT_ID, fh, 0, 16, false)).toEqual([]);
    for (const offset of [203, 10_000, 2 ** 50]) expect(await client.readdir(ROOT_ID, fh, offset, 4096, false)).toEqual([]);
    expect(await kernel.errno(OP.READDIR, ROOT_ID, fill(ReadIn, { fh: 99, size: 4096 }))).toBe(9);
    expect(await kernel.errno(OP.OPENDIR, (await client.lookup(ROOT_ID, named3(1)))!, fill(OpenIn, {}))).toBe(20);
  });

  it('name entries whose attributes can\'t be told without them, and tell an error after what came before it', async () => {
    const broken = file('', { fault: new DiskError({ kind: 'io' }, 'the inode can\'t be read') });
    for (const slow of [false, true]) {
      const fs = new MemoryFileSystem(dir([['a', file('')], ['broken', broken], ...Array.from({ length: 20 }, (_, i): [string, MemoryNode] => [`z${i}`, file(String(i))])]));
      const { list } = fs;
      fs.list = (node, cursor) => {
        if (Number(cursor ?? 0) > 7) throw new DiskError({ kind: 'io' }, 'the folder can\'t be read');
        return list.call(fs, node, cursor);
      };
      const { kernel } = await mounted(slow ? later(fs) : fs);
      const client = new FuseClient(kernel, { write: false, info: fs.info });
      const fh = await client.open(ROOT_ID, true);
      const listed = await client.readdir(ROOT_ID, fh, 0, 65_536, true);
      expect(listed.map(({ name, nodeid }) => [name, nodeid !== 0])).toEqual([['.', false], ['..', false], ['a', true], ['broken', false], ...Array.from({ length: 12 }, (_, i) => [`z${i}`, true])]);
      expect(await kernel.errno(OP.READDIRPLUS, ROOT_ID, fill(ReadIn, { fh, offset: listed.at(-1)!.off, size: 4096 }))).toBe(5);
      // No buffer is anybody's twice.
      const nodes = listed.slice(4).map(({ nodeid }) => nodeid);
      const contents = await Promise.all(nodes.map((node) => kernel.call(OP.READ, node, fill(ReadIn, { size: 100 }))));
      expect(contents.map((bytes) => new TextDecoder().decode(bytes))).toEqual(nodes.map((_, i) => String(i)));
    }
  });

  it('of many entries keep the last ones, and read the others again', async () => {
    const count = 70_000;
    const nodes = Array.from({ length: count }, (_, i) => ({ name: `${i}`, node: i + 2, type: 'file' as const }));
    let lists = 0;
    const fs = new WritableMemoryFileSystem();
    fs.list = (_node, cursor) => {
      lists++;
      const from = Number(cursor ?? 0);
      return from + 1000 < count ? { entries: nodes.slice(from, from + 1000), next: from + 1000 } : { entries: nodes.slice(from) };
    };
    const listing = new Listing(fs, 1);
    const at = async (number: number): Promise<string | undefined> => {
      const batch = await listing.batch(number);
      return batch?.entries[number - batch.first]?.name;
    };
    expect([await at(count - 1), await at(count)]).toEqual([`${count - 1}`, undefined]);
    expect(lists).toBe(70);
    expect([await at(69_000), await at(10_000)]).toEqual(['69000', '10000']);
    expect(lists).toBe(70);
    expect([await at(0), await at(3999), await at(0)]).toEqual(['0', '3999', '0']);
    expect(lists).toBe(73);
    listing.rewind();
    expect(await at(5)).toBe('5');
    expect(lists).toBe(74);
    fs.list = () => ({ entries: [], next: 5 });
    expect(() => listing.batch(2000)).toThrow('goes on where it was');
  });
});
