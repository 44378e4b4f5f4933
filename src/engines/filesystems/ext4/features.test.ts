import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isDiskError } from '../../core/errors.ts';
import { missingTools, run, scratchFolder } from '../../testing/tools.ts';
import { Features } from './features.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noTools = missingTools('mke2fs', 'dumpe2fs');

/** Why an image with these feature words is not opened. */
function fault(compat: number, incompat: number, roCompat: number): unknown {
  try {
    new Features(compat, incompat, roCompat).refuse();
    return undefined;
  } catch (error) {
    return isDiskError(error) ? error.fault : error;
  }
}

describe('features', () => {
  it.skipIf(noTools !== undefined)('have the names and the order of dumpe2fs, bit by bit', () => {
    const path = join(scratch.path, 'features.img');
    run('mke2fs', ['-q', '-F', '-t', 'ext2', path, '1M']);
    const image = readFileSync(path);
    for (const word of [0, 1, 2]) {
      for (let bit = 0; bit < 32; bit++) {
        // Bits that move what dumpe2fs reads, or that make it look for checksums.
        if ((word === 1 && [3, 4, 7].includes(bit)) || (word === 2 && bit === 10)) continue;
        const words = [0, 0, 0];
        words[word] = (1 << bit) >>> 0;
        words.forEach((value, i) => image.writeUInt32LE(value, 1024 + 0x5c + i * 4));
        writeFileSync(path, image);
        const told = /^Filesystem features:\s+(.*)$/m.exec(run('dumpe2fs', ['-h', '-f', path]))?.[1]?.trim();
        expect(new Features(words[0]!, words[1]!, words[2]!).names().join(' '), `word ${word} bit ${bit}`).toBe(told);
      }
    }
  });

  it('are refused by name where reading would go wrong, and only there', () => {
    expect(fault(0, 1 << 20, 0)).toEqual({ kind: 'unsupported', feature: 'FEATURE_I20' });
    expect(fault(0, 1 << 31, 0)).toEqual({ kind: 'unsupported', feature: 'FEATURE_I31' });
    expect(fault(0, 0x1, 0)).toEqual({ kind: 'unsupported', feature: 'compression' });
    expect(fault(0, 0x8, 0)).toEqual({ kind: 'unsupported', feature: 'journal_dev' });
    expect(fault(0, 0x1000, 0)).toEqual({ kind: 'unsupported', feature: 'dirdata' });
    expect(fault(0xffffffff, 0x3e7d6 & ~0x1000, 0xffffffff)).toBeUndefined();
  });

  it('tell the generation', () => {
    expect(new Features(0x38, 0x2, 0x3).variant).toBe('ext2');
    expect(new Features(0x3c, 0x6, 0x3).variant).toBe('ext3');
    expect(new Features(0x38, 0x42, 0x3).variant).toBe('ext4');
    expect(new Features(0x3c, 0x2, 0x13).variant).toBe('ext4');
  });
});
