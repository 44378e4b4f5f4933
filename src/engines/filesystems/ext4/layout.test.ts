import { describe, expect, it } from 'vitest';
import { layoutGaps, layoutProblems } from '../../testing/layouts.ts';
import * as directories from './directory-layout.ts';
import * as layout from './layout.ts';

const structures = [...Object.values(layout), ...Object.values(directories)].filter((each) => typeof each === 'object' && 'fields' in each);

describe('on-disk structures of ext4', () => {
  it.each(structures.map((each) => [each.name, each] as const))('%s has no overlaps and reads back what is written', (_, structure) => {
    expect(layoutProblems(structure)).toEqual([]);
  });

  it('name every byte that the kernel names', () => {
    // s_encryption_level is followed by s_reserved_pad, s_orphan_file_inum by s_reserved.
    expect(layoutGaps(layout.Ext4SuperBlock)).toEqual([[0x177, 0x178], [0x284, 0x3fc]]);
    expect(layoutGaps(layout.Ext4GroupDesc)).toEqual([]);
    // l_i_reserved.
    expect(layoutGaps(layout.Ext4InodeExtra)).toEqual([[0x7e, 0x80]]);
    expect(layoutGaps(layout.Ext4Extent)).toEqual([]);
    // ei_unused.
    expect(layoutGaps(layout.Ext4ExtentIdx)).toEqual([[10, 12]]);
  });
});
