import { describe, expect, it } from 'vitest';
import { channelPair } from '../../engines/core/channel.ts';
import type { DiskError } from '../../engines/core/errors.ts';
import { FilePort, newMark, StreamPort } from './ports.ts';

function nothing(): void {}

const never = new Promise<DiskError | undefined>(() => {});

/** A port of streams, the guest at its other end, and what one program comes to. */
function program(): { readonly guest: ReturnType<typeof channelPair>[1]; readonly mark: string; readonly port: StreamPort; readonly said: () => string; readonly end: Promise<number | undefined> } {
  const [ours, guest] = channelPair();
  const port = new StreamPort(ours, 'test', { ended: never, onUse() {} });
  const mark = newMark();
  let said = '';
  const end = new Promise<number | undefined>((resolve) => {
    port.open(mark, (bytes) => { said += Buffer.from(bytes).toString('latin1'); }, resolve);
  });
  return { guest, mark, port, said: () => said, end };
}

describe('a program\'s output', () => {
  it.each([1, 2, 7, 1000])('ends at its mark, in pieces of %i bytes', async (piece) => {
    const { guest, mark, said, end } = program();
    const all = Buffer.from(`lines\n${mark.slice(0, 20)}\nmore\n${mark} 12\nnothing of it`);
    for (let at = 0; at < all.length; at += piece) await guest.send(all.subarray(at, at + piece));
    expect(await end).toBe(12);
    expect(said()).toBe(`lines\n${mark.slice(0, 20)}\nmore\n`);
  });

  it.each(['no number', '', '-1', '256', '1e2', '0x1', '99999999'])('has no status where the guest says "%s"', async (status) => {
    const { guest, mark, end } = program();
    await guest.send(Buffer.from(`${mark} ${status}\n`));
    expect(await end).toBeUndefined();
  });

  it('is over with a mark that a guest goes on behind without an end', async () => {
    const { guest, mark, end, port } = program();
    await guest.send(Buffer.from(`${mark} `));
    for (let i = 0; i < 4; i++) await guest.send(Buffer.from('1234'));
    expect(await end).toBeUndefined();
    expect(port.busy).toBe(false);
  });
});

describe('the port of files', () => {
  it('is clean when the mark came, whatever came before', async () => {
    const [ours, guest] = channelPair();
    const port = new FilePort(ours, { ended: never, onUse() {} });
    let hung = 0;
    await port.settle(async (mark) => {
      for (const piece of ['x'.repeat(100), mark.slice(0, 5), mark, '\n']) await guest.send(Buffer.from(piece));
    }, { within: 60_000, onHang: () => { hung++; } });
    expect(hung).toBe(0);
  });

  it('is given up where no mark comes', async () => {
    const [ours, guest] = channelPair();
    let end: (error: DiskError | undefined) => void = nothing;
    const port = new FilePort(ours, { ended: new Promise((resolve) => { end = resolve; }), onUse() {} });
    let hung = 0;
    await port.settle(async () => { await guest.send(Buffer.from('something else\n')); }, { within: 20, onHang: () => { hung++; end(undefined); } });
    expect(hung).toBe(1);
  });
});
