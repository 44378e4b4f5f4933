/** POSIX ACLs as the Linux kernel hands them out: posix_acl_xattr_header, version 2 (include/uapi/linux/posix_acl_xattr.h). */
export const ACL_XATTR = { version: 2, header: 4, entry: 8, noId: 0xffffffff } as const;

/** e_tag: who an entry is for (include/uapi/linux/posix_acl.h). */
export const ACL_TAGS: ReadonlyMap<number, { readonly who: string; readonly id: boolean }> = new Map([
  [0x01, { who: 'user', id: false }],
  [0x02, { who: 'user', id: true }],
  [0x04, { who: 'group', id: false }],
  [0x08, { who: 'group', id: true }],
  [0x10, { who: 'mask', id: false }],
  [0x20, { who: 'other', id: false }],
]);

/** Entries of a version 2 blob for people, in getfacl's spelling with numbers for names: "user::rw-", "user:1000:r--", "mask::rwx". undefined when it is no such blob. */
export function decodeAcl(blob: Uint8Array): string[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length < ACL_XATTR.header || (blob.length - ACL_XATTR.header) % ACL_XATTR.entry !== 0 || view.getUint32(0, true) !== ACL_XATTR.version) return undefined;
  const entries: string[] = [];
  for (let at = ACL_XATTR.header; at < blob.length; at += ACL_XATTR.entry) {
    const known = ACL_TAGS.get(view.getUint16(at, true));
    if (known === undefined) return undefined;
    const permissions = view.getUint16(at + 2, true);
    const spelled = [...'rwx'].map((letter, i) => ((permissions & (4 >> i)) !== 0 ? letter : '-')).join('');
    entries.push(`${known.who}:${known.id ? view.getUint32(at + 4, true) : ''}:${spelled}`);
  }
  return entries;
}

/** One entry of an ACL. `id` counts for the tags of named users and groups alone. */
export interface AclEntry {
  readonly tag: number;
  readonly permissions: number;
  readonly id: number;
}

const TAG = { userObject: 0x01, user: 0x02, groupObject: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const;

/** The entries of a version 2 blob, in their order; undefined when the kernel would not take it (posix_acl_from_xattr, posix_acl_valid). */
export function parseAcl(blob: Uint8Array): AclEntry[] | undefined {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length < ACL_XATTR.header || (blob.length - ACL_XATTR.header) % ACL_XATTR.entry !== 0 || view.getUint32(0, true) !== ACL_XATTR.version) return undefined;
  const entries: AclEntry[] = [];
  for (let at = ACL_XATTR.header; at < blob.length; at += ACL_XATTR.entry) {
    const tag = view.getUint16(at, true);
    const permissions = view.getUint16(at + 2, true);
    if (!ACL_TAGS.has(tag) || permissions > 7 || tag < (entries.at(-1)?.tag ?? 0)) return undefined;
    entries.push({ tag, permissions, id: view.getUint32(at + 4, true) });
  }
  const count = (tag: number): number => entries.filter((entry) => entry.tag === tag).length;
  const named = count(TAG.user) + count(TAG.group) > 0;
  const whole = count(TAG.userObject) === 1 && count(TAG.groupObject) === 1 && count(TAG.other) === 1;
  return entries.length === 0 || (whole && count(TAG.mask) <= 1 && (!named || count(TAG.mask) === 1)) ? entries : undefined;
}

/** The version 2 blob of these entries. */
export function formatAcl(entries: readonly AclEntry[]): Uint8Array {
  const blob = new Uint8Array(ACL_XATTR.header + entries.length * ACL_XATTR.entry);
  const view = new DataView(blob.buffer);
  view.setUint32(0, ACL_XATTR.version, true);
  entries.forEach(({ tag, permissions, id }, i) => {
    const at = ACL_XATTR.header + i * ACL_XATTR.entry;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, ACL_TAGS.get(tag)!.id ? id : ACL_XATTR.noId, true);
  });
  return blob;
}

/** Whether the ACL says no more than nine permission bits can (posix_acl_equiv_mode). */
export function isPlainAcl(entries: readonly AclEntry[]): boolean {
  return entries.every(({ tag }) => tag === TAG.userObject || tag === TAG.groupObject || tag === TAG.other);
}

/** The nine permission bits that go with an access ACL: where it has a mask, the mask stands for the group. */
export function modeOfAcl(entries: readonly AclEntry[]): number {
  const of = (tag: number): number | undefined => entries.find((entry) => entry.tag === tag)?.permissions;
  return ((of(TAG.userObject) ?? 0) << 6) | ((of(TAG.mask) ?? of(TAG.groupObject) ?? 0) << 3) | (of(TAG.other) ?? 0);
}

/** The access ACL after a chmod (posix_acl_chmod). */
export function aclWithMode(entries: readonly AclEntry[], mode: number): AclEntry[] {
  const group = entries.some(({ tag }) => tag === TAG.mask) ? TAG.mask : TAG.groupObject;
  const shift = new Map<number, number>([[TAG.userObject, 6], [group, 3], [TAG.other, 0]]);
  return entries.map((entry) => {
    const bits = shift.get(entry.tag);
    return bits === undefined ? entry : { ...entry, permissions: (mode >>> bits) & 7 };
  });
}
