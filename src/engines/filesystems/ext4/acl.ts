import { ACL_TAGS, ACL_XATTR, type AclEntry } from '../../core/acl.ts';
import { corrupt } from '../../core/errors.ts';

/**
 * POSIX ACLs. On disk (ext4_acl_header, version 1) entries without an id take four bytes; the kernel hands ACLs out in its
 * own form (posix_acl_xattr_header, version 2), in which every entry takes eight.
 */

const DISK_VERSION = 1;
const HEADER = 4;
const SHORT = 4;
const FULL = 8;

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
  out.setUint32(0, ACL_XATTR.version, true);
  let length = HEADER;
  for (let from = HEADER; from < value.length;) {
    if (from + SHORT > value.length) throw wrong('it ends inside an entry');
    const tag = view.getUint16(from, true);
    const known = ACL_TAGS.get(tag);
    if (known === undefined) throw wrong(`tag ${tag} is not known`);
    if (known.id && from + FULL > value.length) throw wrong('it ends inside an entry');
    out.setUint16(length, tag, true);
    out.setUint16(length + 2, view.getUint16(from + 2, true), true);
    out.setUint32(length + 4, known.id ? view.getUint32(from + 4, true) : ACL_XATTR.noId, true);
    from += known.id ? FULL : SHORT;
    length += FULL;
  }
  return blob.subarray(0, length);
}

/** The ACL as it stands on the disk (ext4_acl_to_disk): entries without an id are short. */
export function aclToDisk(entries: readonly AclEntry[]): Uint8Array {
  const value = new Uint8Array(HEADER + entries.length * FULL);
  const view = new DataView(value.buffer);
  view.setUint32(0, DISK_VERSION, true);
  let at = HEADER;
  for (const { tag, permissions, id } of entries) {
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    const named = ACL_TAGS.get(tag)!.id;
    if (named) view.setUint32(at + SHORT, id, true);
    at += named ? FULL : SHORT;
  }
  return value.subarray(0, at);
}
