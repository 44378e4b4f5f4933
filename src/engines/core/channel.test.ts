import { describe, expect, it } from 'vitest';
import { channelPair } from './channel.ts';

const BIG = Uint8Array.from({ length: 500_000 }, (_, i) => i * 31);

describe('a pair of channels in memory', () => {
  it('brings all bytes in their order, also those that arrive before somebody listens', async () => {
    const [here, there] = channelPair();
    let held = 0;
    const sending = (async () => {
      for (let at = 0, length = 1; at < BIG.length; at += length, length = (length * 3) % 10_007 || 1) {
        const piece = BIG.slice(at, at + length);
        const pause = here.send(piece);
        // The array is the sender's again.
        if (!pause) piece.fill(0);
        else {
          held++;
          await pause;
        }
      }
    })();
    await Promise.resolve();
    const pieces: Uint8Array[] = [];
    there.onBytes((bytes) => { pieces.push(bytes); });
    const ended = new Promise((resolve) => { there.onEnd(resolve); });
    await sending;
    here.close();
    expect(await ended).toBeUndefined();
    expect(Buffer.compare(Buffer.concat(pieces), BIG)).toBe(0);
    expect(held).toBeGreaterThan(0);
  });

  it('goes on no faster than its receiver', async () => {
    const [here, there] = channelPair();
    let [running, most, count] = [0, 0, 0];
    there.onBytes(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => { setTimeout(resolve, 0); });
      running--;
      count++;
    });
    for (let i = 0; i < 100; i++) await here.send(Uint8Array.of(i));
    await expect.poll(() => count).toBe(100);
    expect(most).toBe(1);
  });

  it('tells its end to both sides, once, and drops what is sent after it', async () => {
    const [here, there] = channelPair();
    let ends = 0;
    let after = 0;
    here.onBytes(() => { after++; });
    there.onBytes(() => { after++; });
    here.onEnd(() => { ends++; });
    there.onEnd(() => { ends++; });
    there.close();
    there.close();
    await expect.poll(() => ends).toBe(2);
    here.close();
    await here.send(Uint8Array.of(1));
    await there.send(Uint8Array.of(1));
    let late = false;
    here.onEnd(() => { late = true; });
    expect([ends, late, after]).toEqual([2, true, 0]);
  });
});
