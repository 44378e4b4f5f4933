import { describe, expect, test } from 'vitest';
import { folderOfPath, splitPath } from './paths.ts';

describe('long paths', () => {
  test('keep both ends, cut at a separator', () => {
    expect(splitPath('/media/usb/backups of the last years/before the move/old laptop')).toEqual({ head: '/media/usb/backups of the last years', tail: '/before the move/old laptop' });
    expect(splitPath('/home/ada/images')).toEqual({ head: '', tail: '/home/ada/images' });
    const one = splitPath(`/${'x'.repeat(100)}`);
    expect([one.head.length + one.tail.length, one.tail.length]).toEqual([101, 28]);
  });

  test('are never cut in the middle of a character', () => {
    const { head, tail } = splitPath(`/${'🙂'.repeat(40)}a`);
    expect(head.isWellFormed() && tail.isWellFormed()).toBe(true);
  });

  test('lie in a folder', () => {
    expect(['/home/ada/disk.img', '/disk.img', 'C:\\images\\disk.img', 'disk.img'].map(folderOfPath)).toEqual(['/home/ada', '/', 'C:\\images', '']);
  });
});
