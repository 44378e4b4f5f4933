import { describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../../core/bytes/memory.ts';
import { FaultyDevice } from '../../../core/bytes/faulty.ts';
import { isDiskError } from '../../../core/errors.ts';
import { random } from '../../../testing/fuzz/random.ts';
import { InPlaceCommitter } from './committers.ts';
import { type Changed, type Committer, Transaction } from './transaction.ts';

const SIZE = 64;
const COUNT = 40;

/** A committer that remembers what it was given. */
class Remembering implements Committer {
  readonly capacity: number;
  readonly most: number;
  readonly mostRevoked: number;
  readonly commits: { changed: readonly Changed[]; revoked: readonly number[] }[] = [];
  constructor(most = Infinity) {
    this.capacity = most;
    this.most = most;
    this.mostRevoked = most;
  }
  commit(changed: readonly Changed[], revoked: readonly number[]): void {
    this.commits.push({ changed: changed.map(({ block, bytes }) => ({ block, bytes: bytes.slice() })), revoked: [...revoked] });
  }
  close(): void {}
}

function begin(committer: Committer = new Remembering()): { transaction: Transaction; device: MemoryDevice } {
  const device = new MemoryDevice(Uint8Array.from({ length: SIZE * COUNT }, (_, i) => Math.floor(i / SIZE)));
  return { transaction: new Transaction(device, SIZE, COUNT, committer), device };
}

/** All that a transaction would write, block by block. */
function stateOf(transaction: Transaction): string {
  return Array.from({ length: COUNT }, (_, block) => `${transaction.changed(block)?.join(',') ?? '-'}`).join('\n');
}

/** Whether it throws because the device failed. */
function failed(run: () => void): boolean {
  try {
    run();
    return false;
  } catch (error) {
    return isDiskError(error) && error.kind === 'io';
  }
}

describe('a transaction', () => {
  it('shows what is changed, and gives it to the device at the commit', () => {
    const { transaction, device } = begin();
    transaction.operation(() => { transaction.edit(3, 'a')[0] = 99; });
    expect(transaction.get(3, 'a')[0]).toBe(99);
    expect(device.view(3 * SIZE, 1)[0]).toBe(3);
    const placed = begin(new InPlaceCommitter(device, SIZE));
    expect(placed.transaction.size).toBe(0);
    const other = new Transaction(device, SIZE, COUNT, new InPlaceCommitter(device, SIZE));
    other.operation(() => { other.edit(3, 'a')[1] = 98; other.fresh(4, 'b')[0] = 5; other.edit(9, 'c')[2] = 7; });
    other.commit();
    expect([...device.view(3 * SIZE, 2)]).toEqual([3, 98]);
    expect([...device.view(4 * SIZE, 2)]).toEqual([5, 0]);
    expect([...device.view(9 * SIZE, 3)]).toEqual([9, 9, 7]);
    expect(other.size).toBe(0);
  });

  it('refuses changes outside of an operation and blocks outside of the filesystem', () => {
    const { transaction } = begin();
    expect(() => transaction.edit(1, 'a')).toThrow('no operation');
    expect(() => transaction.forget(1)).toThrow('no operation');
    for (const block of [-1, COUNT, NaN]) expect(() => transaction.operation(() => transaction.edit(block, 'a'))).toThrow('outside');
    expect(() => { transaction.writeData(SIZE * COUNT - 1, new Uint8Array(2)); }).toThrow('outside');
    transaction.operation(() => { expect(() => { transaction.commit(); }).toThrow('an operation is running'); });
  });

  it('undoes an operation that throws to the byte, over thousands of random ones, nested too', () => {
    const dice = random(4, 1);
    const committer = new Remembering();
    const { transaction } = begin(committer);
    const model = { memory: 0 };
    const step = (): void => {
      const block = dice.below(COUNT);
      const kind = dice.below(10);
      if (kind < 5) transaction.edit(block, 'a')[dice.below(SIZE)] = dice.below(256);
      else if (kind < 7) transaction.fresh(block, 'a').fill(dice.below(256));
      else if (kind < 9) transaction.forget(block);
      else {
        const before = model.memory;
        model.memory++;
        transaction.onUndo(() => { model.memory = before; });
      }
    };
    let undone = 0;
    let inner = 0;
    for (let round = 0; round < 3000; round++) {
      const before = [stateOf(transaction), model.memory] as const;
      const fails = dice.oneIn(2);
      try {
        transaction.operation(() => {
          const view = transaction.edit(0, 'held');
          for (let i = dice.below(6); i > 0; i--) step();
          if (dice.oneIn(2) && transaction.changed(0) === view) {
            view[1] = round & 0xff;
            const inside = [stateOf(transaction), model.memory] as const;
            try {
              transaction.operation(() => {
                for (let i = dice.below(6); i > 0; i--) step();
                throw new Error('inner');
              });
            } catch {
              inner++;
              expect([stateOf(transaction), model.memory]).toEqual(inside);
              // What the outer operation holds is still what counts.
              expect(transaction.changed(0)).toBe(view);
            }
          }
          for (let i = dice.below(6); i > 0; i--) step();
          if (fails) throw new Error('outer');
        });
        expect(fails).toBe(false);
      } catch (error) {
        if (!(error instanceof Error) || error.message !== 'outer') throw error;
        undone++;
        expect([stateOf(transaction), model.memory]).toEqual(before);
      }
      if (dice.oneIn(50)) transaction.commit();
    }
    expect(undone).toBeGreaterThan(1000);
    expect(inner).toBeGreaterThan(500);
    // A block is never revoked and written by the same transaction: recovery would leave the new contents out.
    for (const { changed, revoked } of committer.commits) expect(changed.filter(({ block }) => revoked.includes(block))).toEqual([]);
    expect(committer.commits.some(({ revoked }) => revoked.length > 0)).toBe(true);
  });

  it('revokes what is freed, unless it is used again in the same transaction', () => {
    const committer = new Remembering();
    const { transaction } = begin(committer);
    transaction.operation(() => { transaction.edit(5, 'a')[0] = 1; transaction.forget(5); transaction.forget(6); transaction.fresh(6, 'b')[0] = 2; transaction.forget(7); transaction.edit(7, 'c')[0] = 3; });
    expect(() => transaction.operation(() => { transaction.forget(8); transaction.edit(5, 'a'); throw new Error('no'); })).toThrow('no');
    transaction.commit();
    expect(committer.commits).toHaveLength(1);
    expect(committer.commits[0]!.revoked).toEqual([5]);
    expect(committer.commits[0]!.changed.map(({ block }) => block).toSorted()).toEqual([6, 7]);
  });

  it('runs what an operation ends with, what a commit begins with, and what follows both', () => {
    const { transaction } = begin();
    const said: string[] = [];
    transaction.onChange(() => { said.push('change'); });
    transaction.beforeCommit(() => { said.push('before'); transaction.edit(2, 'sum')[0] = 1; transaction.atEnd('sum', () => { said.push('sealed'); }); });
    transaction.afterCommit(() => { said.push('after'); });
    transaction.operation(() => {
      transaction.atEnd(1, () => { said.push('end 1'); });
      transaction.operation(() => { transaction.atEnd(1, () => { said.push('end 1 again'); }); transaction.edit(1, 'a')[0] = 1; });
    });
    expect(said).toEqual(['end 1 again', 'change']);
    said.length = 0;
    transaction.commit();
    expect(said).toEqual(['before', 'sealed', 'after', 'change']);
    said.length = 0;
    transaction.commit();
    expect(said).toEqual(['after', 'change']);
  });

  it('commits by itself before it grows too large, and refuses an operation that could not be committed', () => {
    const committer = new Remembering(10);
    const { transaction } = begin(committer);
    for (let block = 0; block < 8; block++) transaction.operation(() => { transaction.edit(block, 'a')[0] = 77; });
    expect(committer.commits).toHaveLength(1);
    // One that fits, but not with what is there already, gets a transaction of its own.
    transaction.operation(() => { for (let block = 20; block < 30; block++) transaction.edit(block, 'a')[0] = 79; });
    expect(committer.commits).toHaveLength(2);
    expect(transaction.size).toBe(10);
    transaction.commit();
    const before = stateOf(transaction);
    const large = (): void => transaction.operation(() => { for (let block = 0; block < 20; block++) transaction.edit(block, 'a')[0] = 78; });
    expect(large).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENOSPC' } }));
    expect(stateOf(transaction)).toBe(before);
    expect(() => transaction.operation(() => { for (let block = 0; block < 20; block++) transaction.forget(block); })).toThrow(expect.objectContaining({ fault: { kind: 'usage', errno: 'ENOSPC' } }));
    expect(stateOf(transaction)).toBe(before);
  });

  it('changes nothing more after a commit that failed', () => {
    const device = new FaultyDevice(new MemoryDevice(new Uint8Array(SIZE * COUNT)), { writesBeforeLoss: 1 });
    const transaction = new Transaction(device, SIZE, COUNT, new InPlaceCommitter(device, SIZE));
    transaction.operation(() => { transaction.edit(1, 'a')[0] = 1; transaction.edit(5, 'a')[0] = 1; });
    expect(failed(() => { transaction.commit(); })).toBe(true);
    expect(failed(() => transaction.operation(() => {}))).toBe(true);
    expect(failed(() => { transaction.commit(); })).toBe(true);
    expect(failed(() => { transaction.writeData(0, new Uint8Array(1)); })).toBe(true);
    transaction.close();
  });
});
