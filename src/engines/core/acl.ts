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
