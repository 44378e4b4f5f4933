import { describe, expect, it } from 'vitest';
import { dir, file, MemoryFileSystem } from '../../testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../testing/memory-writer.ts';
import { serveFuse, warmUpRequests } from './index.ts';
import { InHeader, OP, OutHeader, ReadIn } from './layout.ts';
import { TestKernel, TestTree } from './testing/kernel.ts';
import { later } from './testing/later.ts';

const tree = () => dir({ first: dir({ small: file('x'), large: file(new Uint8Array(300_000)) }), last: file('yz') });

describe('requests that nobody made', () => {
  it('are answered as a kernel\'s, and read in all of the largest file', () => {
    const fs = new MemoryFileSystem(tree());
    const { init, others } = warmUpRequests(fs)!;
    const kernel = new TestKernel();
    serveFuse(kernel, new TestTree(fs));
    for (const message of [init, ...others]) kernel.raw(message);
    expect(kernel.strays.map((answer) => OutHeader.at(answer).error)).toEqual([init, ...others].map(() => 0));
    const offsets = others.filter((message) => InHeader.at(message).opcode === OP.READ).map((message) => ReadIn.at(message, InHeader.size).offset);
    expect(Math.max(...offsets)).toBeGreaterThan(250_000);
    expect(new Set(others.map((message) => InHeader.at(message).opcode))).toEqual(new Set([OP.LOOKUP, OP.GETATTR, OP.READ]));
  });

  it('are none for a tree that is written, that answers later, or has no file', async () => {
    expect(warmUpRequests(new WritableMemoryFileSystem(tree()))).toBeUndefined();
    expect(warmUpRequests(later(new MemoryFileSystem(tree())))).toBeUndefined();
    expect(warmUpRequests(new MemoryFileSystem(dir({ empty: dir() })))).toBeUndefined();
    const broken = { list: () => Promise.reject(new Error('gone')) };
    expect(warmUpRequests(Object.assign(new MemoryFileSystem(tree()), broken))).toBeUndefined();
    // A rejection that nobody heard would end the process in its next turn.
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  });
});
