import { describe, expect, it } from 'vitest';
import { random } from '../../testing/fuzz/random.ts';
import { type BlockDevice, readBytes } from './device.ts';
import { MemoryDevice } from './memory.ts';
import { OverlayDevice } from './overlay.ts';
import { MemoryPages, NONE, PAGE, type PageStore, PageTable } from './pages.ts';

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 17) & 0xff);
}

/** A store like a file: without views, and what was dropped is overwritten, so that reading it would show. */
class FilePages implements PageStore {
  readonly #pages = new MemoryPages();
  read(at: number, into: Uint8Array): void { this.#pages.read(at, into); }
  write(at: number, from: Uint8Array): void { this.#pages.write(at, from); }
  drop(at: number): void { this.#pages.write(at, new Uint8Array(PAGE).fill(0xdd)); }
  close(): void { this.#pages.close(); }
}

function same(device: BlockDevice, truth: Uint8Array, what: string): void {
  if (Buffer.compare(readBytes(device, 0, device.size), truth) !== 0) throw new Error(`${what}: the bytes differ`);
}

describe('OverlayDevice against an array', () => {
  for (const [store, make] of [['memory', () => new MemoryPages()], ['a file', () => new FilePages()]] as const) {
    it.each([1, 2, 3, 4, 5, 6])(`in ${store}: writes, steps, undo, redo and discard at random, seed %i`, (seed) => {
      const dice = random(seed, 4);
      const size = dice.pick([10 * PAGE, 37 * PAGE + 100, 300 * PAGE + 4095, 700]);
      const original = pattern(size);
      const below = new MemoryDevice(original.slice());
      const overlay = new OverlayDevice(below, make());
      let truth: Uint8Array = original.slice();
      // States before each step that can be undone, and after each that can be done again.
      let undo: Uint8Array[] = [];
      let redo: Uint8Array[] = [];
      let pending: Uint8Array | undefined;
      for (let step = 0; step < 600; step++) {
        switch (dice.below(13)) {
          case 0:
            overlay.mark();
            pending = truth.slice();
            break;
          case 1:
            if (overlay.undo() !== undo.length > 0) throw new Error(`step ${step}: undo`);
            if (undo.length > 0) {
              pending = undefined;
              redo.push(truth);
              truth = undo.pop()!;
            }
            break;
          case 2:
            if (overlay.redo() !== redo.length > 0) throw new Error(`step ${step}: redo`);
            if (redo.length > 0) {
              undo.push(truth);
              truth = redo.pop()!;
              pending = undefined;
            }
            break;
          case 3:
            if (dice.oneIn(3) && overlay.steps.undo > 0 && redo.length === 0) {
              // Without a mark since, the whole last step goes.
              overlay.rollBack();
              if (pending === undefined) truth = undo.pop()!;
              break;
            }
            if (!dice.oneIn(20)) break;
            overlay.discard();
            [truth, undo, redo, pending] = [original.slice(), [], [], undefined];
            break;
          case 4:
            // With a mark since, the last step is that of what comes.
            if (pending === undefined && undo.length > 1) {
              overlay.join();
              undo.pop();
            }
            break;
          default: {
            const at = dice.below(size);
            const bytes = Uint8Array.from({ length: Math.min(size - at, dice.pick([1, 512, PAGE, 3 * PAGE, 20 * PAGE])) }, () => dice.below(256));
            if (pending !== undefined) undo.push(pending);
            [pending, redo] = [undefined, []];
            overlay.write(at, bytes);
            truth = truth.slice();
            truth.set(bytes, at);
          }
        }
        if (overlay.steps.redo !== redo.length || overlay.steps.undo !== undo.length) throw new Error(`step ${step}: ${JSON.stringify(overlay.steps)}, not ${undo.length} and ${redo.length}`);
        const at = dice.below(size);
        const length = dice.below(Math.min(size - at, dice.pick([100, PAGE, size])) + 1);
        const expected = truth.subarray(at, at + length);
        if (Buffer.compare(readBytes(overlay, at, length), expected) !== 0) throw new Error(`step ${step}: ${length} bytes at ${at} differ`);
        const into = new Uint8Array(length);
        overlay.read(at, into);
        if (Buffer.compare(into, expected) !== 0) throw new Error(`step ${step}: read differs`);
      }
      same(overlay, truth, 'at the end');
      same(below, original, 'below');
      // The changes laid over the original are the whole of it, sorted and apart.
      const laid = original.slice();
      let end = 0;
      let sum = 0;
      for (const { at, bytes } of overlay.changes()) {
        expect(at).toBeGreaterThanOrEqual(end);
        end = at + bytes.length;
        sum += bytes.length;
        laid.set(bytes, at);
      }
      expect(Buffer.compare(laid, truth)).toBe(0);
      expect(sum).toBe(overlay.changedBytes);
      expect([...overlay.changedExtents()].reduce((all, { length }) => all + length, 0)).toBe(sum);
    });
  }
});

describe('OverlayDevice', () => {
  it('gives views, holes and backings of the device below where nothing changed', () => {
    const bytes = pattern(10 * PAGE);
    const below: BlockDevice = Object.assign(new MemoryDevice(bytes), {
      holes: (at: number, length: number) => [{ at, length }],
      backing: (at: number) => ({ fd: 7, at: at + 1000 }),
    });
    const overlay = new OverlayDevice(below);
    overlay.write(3 * PAGE + 10, Uint8Array.of(1, 2, 3));
    expect(overlay.view(0, 100)!.buffer).toBe(bytes.buffer);
    expect([...overlay.view(3 * PAGE + 9, 5)!]).toEqual([bytes[3 * PAGE + 9], 1, 2, 3, bytes[3 * PAGE + 13]]);
    expect(overlay.view(3 * PAGE - 1, 2)).toBeUndefined();
    expect([...overlay.holes(PAGE, 5 * PAGE)]).toEqual([{ at: PAGE, length: 2 * PAGE }, { at: 4 * PAGE, length: 2 * PAGE }]);
    expect(overlay.backing(5, 3 * PAGE - 5)).toEqual({ fd: 7, at: 1005 });
    expect(overlay.backing(3 * PAGE, 10)).toBeUndefined();
    expect(overlay.backing(0, 4 * PAGE)).toBeUndefined();
  });

  it('refuses what lies outside of the device', () => {
    const overlay = new OverlayDevice(new MemoryDevice(new Uint8Array(1000)));
    for (const [at, length] of [[0, 1001], [1000, 1], [-1, 1], [Number.NaN, 1]] as const) {
      expect(() => overlay.read(at, new Uint8Array(length))).toThrow(expect.objectContaining({ name: 'DiskError' }));
      expect(() => overlay.write(at, new Uint8Array(length))).toThrow(expect.objectContaining({ name: 'DiskError' }));
    }
    expect(overlay.changedBytes).toBe(0);
  });

  it('stays as it was where the store has no room', () => {
    const store = new MemoryPages();
    let room = 3;
    const full: PageStore = { read: (at, into) => store.read(at, into), write(at, from) { if (room-- <= 0) throw new Error('full'); store.write(at, from); }, close() {} };
    const truth = pattern(20 * PAGE);
    const overlay = new OverlayDevice(new MemoryDevice(truth.slice()), full);
    overlay.mark();
    overlay.write(10, Uint8Array.of(1));
    overlay.mark();
    overlay.write(PAGE, new Uint8Array(2 * PAGE));
    overlay.write(10, Uint8Array.of(2));
    truth.set([2], 10);
    truth.fill(0, PAGE, 3 * PAGE);
    expect(() => overlay.write(5 * PAGE, new Uint8Array(3 * PAGE))).toThrow('full');
    expect(() => overlay.write(9 * PAGE + 1, new Uint8Array(3))).toThrow('full');
    same(overlay, truth, 'after a store that is full');
    room = 100;
    overlay.write(5 * PAGE, new Uint8Array(4 * PAGE).fill(7));
    truth.fill(7, 5 * PAGE, 9 * PAGE);
    same(overlay, truth, 'with room again');
    expect([overlay.undo(), overlay.undo(), overlay.undo()]).toEqual([true, true, false]);
    same(overlay, pattern(20 * PAGE), 'all undone');
    expect(overlay.changedBytes).toBe(0);
  });

  it('uses the room of what was thrown away again', () => {
    let most = 0;
    const pages = new MemoryPages();
    const store: PageStore = { read: (at, into) => pages.read(at, into), write(at, from) { most = Math.max(most, at + from.length); pages.write(at, from); }, close() {} };
    const overlay = new OverlayDevice(new MemoryDevice(new Uint8Array(100 * PAGE)), store);
    for (let round = 0; round < 20; round++) {
      overlay.write(round * PAGE, new Uint8Array(50 * PAGE).fill(round));
      overlay.discard();
    }
    expect(most).toBe(50 * PAGE);
  });

  it('does not close the device below', () => {
    let closed = false;
    const overlay = new OverlayDevice(Object.assign(new MemoryDevice(new Uint8Array(100)), { close: () => { closed = true; } }));
    overlay.close();
    expect(closed).toBe(false);
  });
});

describe('PageTable', () => {
  it('is a sorted map of pages that takes numbers past 32 bits', () => {
    const table = new PageTable();
    const far = 2 ** 40;
    for (const page of [far, 3, 255, 256, 0]) table.set(page, page % 100);
    table.set(7, NONE);
    table.set(255, NONE);
    expect([...table.entries()]).toEqual([[0, 0], [3, 3], [256, 56], [far, far % 100]]);
    expect([table.count, table.get(255), table.get(far), table.get(far + 1)]).toEqual([4, NONE, far % 100, NONE]);
  });
});
