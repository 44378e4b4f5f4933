import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { scratchFolder } from '../../engines/testing/tools.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { CheckEvent } from '../../shared/contract/edit.ts';
import { createClient } from '../../shared/rpc/client.ts';
import { memoryPair } from '../../shared/rpc/transports/memory.ts';
import type { Client } from '../../shared/rpc/types.ts';
import { type FakeGuests, fakeDisk, fakeGuest, fakeGuests } from '../guests/testing/fake-machine.ts';
import { ImageHost } from './service.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const image = join(scratch.path, 'disk.img');

let guests: FakeGuests;
let host: ImageHost | undefined;
let client: Client<HostContract>;
beforeEach(() => { writeFileSync(image, fakeDisk({ 'a.txt': 'one' })); });
afterEach(async () => { await host?.close(); });

function start(fakes: FakeGuests): void {
  guests = fakes;
  host = new ImageHost(image, { guests });
  const [near, far] = memoryPair();
  host.connect(far);
  client = createClient<HostContract>(near);
}

async function checked(job: number): Promise<{ lines: string[]; end: CheckEvent | undefined }> {
  const lines: string[] = [];
  let end: CheckEvent | undefined;
  for await (const event of client.stream('check.rows', { job })) {
    if (event.event === 'lines') lines.push(...event.lines);
    else end = event;
  }
  return { lines, end };
}

describe("a guest's volume, as the window sees it", () => {
  it('waits with what opens it, is opened, and says which guest serves it', async () => {
    start(fakeGuests(fakeGuest('one'), fakeGuest('two', { state: 'missing', missing: 'Build it' })));
    expect((await client.call('image.info', {})).layers[0]).toMatchObject({ kind: 'filesystem', title: 'XFS', waiting: true, openers: [{ id: 'guest:one', access: 'read-write', seconds: 1 }, { id: 'guest:two', access: 'refused', reason: 'Build it' }] });
    const openers = await client.call('layer.openers', { layer: '0' });
    expect(openers.filter(({ current }) => current)).toEqual([]);
    const [layer] = (await client.call('layer.open', { layer: '0' })).layers;
    expect(layer).toMatchObject({ filesystem: { access: { write: true }, checkable: true }, guest: { name: 'one', start: 'warm', idle: false } });
    expect(layer!.waiting).toBeUndefined();
    expect((await client.call('layer.openers', { layer: '0' }))[0]).toMatchObject({ id: 'guest:one', current: true });
    const view = await client.call('view.open', { layer: '0', node: layer!.filesystem!.root, sort: { key: 'name', descending: false }, hidden: true, page: { size: 10, at: 0 } });
    expect(view.page!.rows.map(({ name }) => name)).toEqual(['a.txt']);
  });

  it('says what would help when nothing here opens it', async () => {
    start(fakeGuests(fakeGuest('one', { state: 'missing', missing: 'Build it' })));
    expect((await client.call('image.info', {})).layers[0]).toMatchObject({ waiting: true });
    await expect(client.call('layer.open', { layer: '0' })).rejects.toMatchObject({ message: 'Nothing here can open XFS', advice: 'Fake one: Build it' });
  });

  it('tells what its guest says, and that it ended', async () => {
    start(fakeGuests());
    await client.call('image.info', {});
    await client.call('layer.open', { layer: '0' });
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of client.stream('guest.log', { layer: '0' }, stop.signal)) {
      seen.push(event.event === 'lines' ? event.lines.map(({ text }) => text).join() : event.event === 'end' ? event.message : event.guest);
      if (event.event === 'lines') guests.machines[0]!.die({ cause: 'panic', message: 'panicked' });
      if (event.event === 'end') break;
    }
    expect(seen).toEqual(['fake', 'booted', 'panicked']);
    await expect.poll(async () => (await client.call('image.info', {})).layers[0]!.guest).toMatchObject({ idle: true, died: 'panicked' });
  });

  it('is checked by its own tool, and repaired as one operation that can be undone', async () => {
    start(fakeGuests());
    await client.call('layer.open', { layer: '0' });
    guests.tool = (_program, args, disk, line) => {
      line(args.includes('-n') ? 'would fix it' : 'fixing it\u001b[31m');
      if (!args.includes('-n')) disk.write!(1 << 19, new Uint8Array([1, 2, 3]));
      return args.includes('-n') ? 1 : 0;
    };
    const { job } = await client.call('check.start', { layer: '0' });
    expect(await checked(job)).toMatchObject({ lines: ['would fix it'], end: { state: 'errors', tool: { name: 'xfs_repair, in Fake fake', status: 1, repairs: true } } });
    await client.call('edit.unlock', {});
    const repair = await client.call('check.repair', { job, findings: [] });
    expect(await checked(repair.job)).toMatchObject({ lines: ['fixing it\\x1b[31m'], end: { state: 'fixed' } });
    for await (const event of client.stream('job.events', { job: repair.job })) if (event.event === 'end') expect(event.state).toBe('done');
    const { operations } = await client.call('edit.review', { from: 0, count: 10 });
    expect(operations).toMatchObject([{ verb: 'repair' }]);
    expect((await client.call('check.report', { job: repair.job })).text).toContain('Checked by xfs_repair, in Fake fake');
    await client.call('edit.undo', {});
    expect((await client.call('edit.review', { from: 0, count: 10 })).total).toBe(0);
  });
});
