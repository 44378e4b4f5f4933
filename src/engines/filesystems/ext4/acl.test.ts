import { describe, expect, it } from 'vitest';
import { decodeAcl } from '../../core/acl.ts';
import { aclFromDisk } from './acl.ts';

const DISK = Uint8Array.of(
  1, 0, 0, 0, // version
  1, 0, 6, 0, // user::rw-
  2, 0, 7, 0, 0xe8, 3, 0, 0, // user:1000:rwx
  4, 0, 4, 0, // group::r--
  8, 0, 5, 0, 0xff, 0xff, 0xff, 0x7f, // group:2147483647:r-x
  0x10, 0, 7, 0, // mask::rwx
  0x20, 0, 0, 0, // other::---
);

describe('ACLs', () => {
  it('become the kernel\'s version 2, and readable', () => {
    const blob = aclFromDisk(DISK, 12);
    expect(Buffer.from(blob).toString('hex')).toBe(['02000000', '01000600ffffffff', '02000700e8030000', '04000400ffffffff', '08000500ffffff7f', '10000700ffffffff', '20000000ffffffff'].join(''));
    expect(decodeAcl(blob)).toEqual(['user::rw-', 'user:1000:rwx', 'group::r--', 'group:2147483647:r-x', 'mask::rwx', 'other::---']);
  });

  it('that are damaged are refused with their place', () => {
    for (const bad of [DISK.subarray(0, 3), DISK.subarray(0, 6), DISK.subarray(0, 12), Uint8Array.of(2, ...DISK.subarray(1)), Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0)]) {
      expect(() => aclFromDisk(bad, 12, 4711)).toThrow(expect.objectContaining({ fault: { kind: 'corrupt', place: { structure: 'ACL of inode 12', at: 4711, length: bad.length } } }));
    }
    expect(decodeAcl(DISK)).toBeUndefined();
    expect(decodeAcl(new Uint8Array(2))).toBeUndefined();
  });
});
