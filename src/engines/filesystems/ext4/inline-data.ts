import type { Inode } from './inode.ts';
import { readInlineData, type XattrContext } from './xattr.ts';

/** The parts of an inode with the inline_data flag (documentation "Inline Data"): i_block, then the value of the attribute system.data. @throws DiskError corrupt */
export function inlineParts(inode: Inode, xattrs: XattrContext): Uint8Array[] {
  const more = readInlineData(xattrs);
  return more === undefined || more.length === 0 ? [inode.block] : [inode.block, more];
}

/** Fills `into` from byte `at` of an inline file. What the size promises past the data reads as zeros, as in the kernel. */
export function readInline(inode: Inode, xattrs: XattrContext, at: number, into: Uint8Array): void {
  into.fill(0);
  let start = 0;
  for (const part of inlineParts(inode, xattrs)) {
    const from = Math.max(at, start);
    const to = Math.min(at + into.length, start + part.length);
    if (from < to) into.set(part.subarray(from - start, to - start), from - at);
    start += part.length;
  }
}
