import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../engines/core/bytes/memory.ts';
import { GuestFileSystem } from './guest-filesystem.ts';
import { GuestMount } from './mount.ts';
import { GuestNodes } from './nodes.ts';
import { fakeDisk, fakeGuest, fakeGuests } from './testing/fake-machine.ts';

async function opened(idle: number, write: boolean) {
  const guests = fakeGuests();
  const guest = fakeGuest();
  const device = new MemoryDevice(fakeDisk({ a: 'one', 'dir/b': 'two', ...Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`many/${i}`, String(i)])) }));
  const access = { durability: 'staged', now: () => 0n, random: () => {} } as const;
  const mount = new GuestMount({ support: guests, guest, idle, started: () => {}, died: () => {} }, { served: guest.manifest.filesystems[0]!, devices: [device], ...(write ? { write: access } : {}) });
  const first = await mount.open({}, false);
  const fs = new GuestFileSystem(mount, first, new GuestNodes(), { format: 'xfs', label: '', uuid: '', access: { write, reason: '' }, details: [] });
  return { guests, mount, fs };
}

async function list(fs: GuestFileSystem, dir = fs.root): Promise<[string, number][]> {
  const all: [string, number][] = [];
  let cursor;
  do {
    const batch = await fs.list(dir, cursor);
    all.push(...batch.entries.map(({ name, node }): [string, number] => [name, node]));
    cursor = batch.next;
  } while (cursor !== undefined);
  return all;
}

describe('a mount in a guest', () => {
  it('stops without use, and comes back with the same node numbers', async () => {
    const { guests, fs } = await opened(1, false);
    const before = await list(fs);
    await expect.poll(() => guests.machines[0]!.isDead).toBe(true);
    expect(guests.machines[0]!.asked.at(-1)).toBe('stop');
    const dir = before.find(([name]) => name === 'dir')![1];
    expect(await list(fs, dir)).toMatchObject([['b', expect.any(Number)]]);
    expect(await list(fs)).toEqual(before);
    expect(guests.machines.length).toBeGreaterThan(1);
    await fs.close();
  });

  it('goes on with a listing that a stop came between', async () => {
    const { guests, fs, mount } = await opened(60_000, false);
    const many = (await list(fs)).find(([name]) => name === 'many')![1];
    const first = await fs.list(many);
    guests.machines[0]!.die({ cause: 'crashed', message: 'crashed' });
    await new Promise((resolve) => { setImmediate(resolve); });
    const names = new Set(first.entries.map(({ name }) => name));
    for (let cursor = first.next; cursor !== undefined;) {
      const batch = await fs.list(many, cursor);
      for (const { name } of batch.entries) names.add(name);
      cursor = batch.next;
    }
    expect(names.size).toBe(30);
    await mount.close();
    await expect(fs.stat(fs.root)).rejects.toMatchObject({ fault: { kind: 'guest' } });
  });

  it('is mounted for writing by the first write alone, and unmounted when it settles', async () => {
    const { guests, fs } = await opened(60_000, true);
    await list(fs);
    const node = await fs.writer!.create(fs.root, 'new', { mode: 0o644 });
    await fs.writer!.write(node, 0, new Uint8Array(3));
    await fs.writer!.rename(fs.root, 'new', fs.root, 'renamed', 'keep');
    await fs.writer!.sync();
    expect(guests.machines[0]!.asked).toEqual(['mount xfs ro,norecovery', 'unmount', 'mount xfs rw', 'sync', 'unmount']);
    expect((await fs.stat(node)).size).toBe(3);
    expect(await fs.lookup(fs.root, 'renamed')).toBe(node);
    await fs.writer!.unlink(fs.root, 'renamed');
    await expect(fs.stat(node)).rejects.toMatchObject({ fault: { kind: 'usage' } });
    await fs.close();
  });

  it('keeps what is held, and stays mounted as long', async () => {
    const { guests, fs } = await opened(1, true);
    const node = await fs.writer!.create(fs.root, 'new', { mode: 0o644 });
    await fs.writer!.hold(node);
    await fs.writer!.unlink(fs.root, 'new');
    await fs.writer!.sync();
    expect(guests.machines[0]!.asked.at(-1)).toBe('sync');
    expect(await fs.writer!.write(node, 0, new Uint8Array(5))).toBe(5);
    await fs.writer!.release(node);
    await fs.writer!.sync();
    expect(guests.machines[0]!.asked.at(-1)).toBe('unmount');
    await fs.close();
  });

  it('is mounted for writing first after a machine that wrote has died: its journal is replayed before anything is read', async () => {
    const { guests, fs } = await opened(60_000, true);
    const node = await fs.writer!.create(fs.root, 'new', { mode: 0o644 });
    await fs.writer!.hold(node);
    await fs.writer!.sync();
    guests.machines[0]!.die({ cause: 'crashed', message: 'crashed' });
    await new Promise((resolve) => { setImmediate(resolve); });
    await list(fs);
    expect(guests.machines[1]!.asked).toEqual(['mount xfs rw']);
    await expect(fs.writer!.unlink(fs.root, 'a')).rejects.toMatchObject({ fault: { kind: 'guest' } });
    await fs.close();
  });
});
