import { corrupt } from '../../core/errors.ts';

/**
 * POSIX ACLs. On disk (ext4_acl_header, version 1) entries without an id take four bytes; the kernel hands ACLs out in its
 * own form (posix_acl_xattr_header, version 2), in which every entry takes eight.
 */

const DISK_VERSION = 1;
const XATTR_VERSION = 2;
const HEADER = 4;
const SHORT = 4;
const FULL = 8;
const NO_ID = 0xffffffff;

/** e_tag: who an entry is for (include/uapi/linux/posix_acl.h). */
const TAGS: ReadonlyMap<number, { readonly who: string; readonly id: boolean }> = new Map([
  [0x01, { who: 'user', id: false }],
  [0x02, { who: 'user', id: true }],
  [0x04, { who: 'group', id: false }],
  [0x08, { who: 'group', id: true }],
  [0x10, { who: 'mask', id: false }],
  [0x20, { who: 'other', id: false }],
]);

/**
 * The ACL as getxattr(2) gives it.
 * @param at byte offset on the device, for the error
 * @throws DiskError corrupt
 */
export function aclFromDisk(value: Uint8Array, inode: number, at?: number): Uint8Array {
  const wrong = (message: string) => corrupt(`ACL of inode ${inode}`, message, at, value.length);
  if (value.length < HEADER) throw wrong(`${value.length} bytes are too short`);
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const version = view.getUint32(0, true);
  if (version !== DISK_VERSION) throw wrong(`version ${version} is not known`);
  const blob = new Uint8Array(HEADER + Math.floor((value.length - HEADER) / SHORT) * FULL);
  const out = new DataView(blob.buffer);
  out.setUint32(0, XATTR_VERSION, true);
  let length = HEADER;
  for (let from = HEADER; from < value.length;) {
    if (from + SHORT > value.length) throw wrong('it ends inside an entry');
    const tag = view.getUint16(from, true);
    const known = TAGS.get(tag);
    if (known === undefined) throw wrong(`tag ${tag} is not known`);
    if (known.id && from + FULL > value.length) throw wrong('it ends inside an entry');
    out.setUint16(length, tag, true);
    out.setUint16(length + 2, view.getUint16(from + 2, true), true);
    out.setUint32(length + 4, known.id ? view.getUint32(from + 4, true) : NO_ID, true);
    from += known.id ? FULL : SHORT;
    length += FULL;
  }
  return blob.subarray(0, length);
}

/** Entries of a version 2 blob for people, in getfacl's spelling with numbers for names: "user::rw-", "user:1000:r--", "mask::rwx". undefined when it is no such blob. */
export function decodeAcl(blob: Uint8Array): string[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length < HEADER || (blob.length - HEADER) % FULL !== 0 || view.getUint32(0, true) !== XATTR_VERSION) return undefined;
  const entries: string[] = [];
  for (let at = HEADER; at < blob.length; at += FULL) {
    const known = TAGS.get(view.getUint16(at, true));
    if (known === undefined) return undefined;
    const permissions = view.getUint16(at + 2, true);
    const spelled = [...'rwx'].map((letter, i) => ((permissions & (4 >> i)) !== 0 ? letter : '-')).join('');
    entries.push(`${known.who}:${known.id ? view.getUint32(at + 4, true) : ''}:${spelled}`);
  }
  return entries;
}
