/** Tags of an ACL entry (include/uapi/linux/posix_acl.h). */
const TAGS = new Map([[0x01, 'user:'], [0x02, 'user'], [0x04, 'group:'], [0x08, 'group'], [0x10, 'mask:'], [0x20, 'other:']]);

/**
 * The text of an ACL, as tars carry it in SCHILY.acl.access and SCHILY.acl.default: "user::rw-,user:1000:r--,group::r--,mask::r--,other::r--".
 * @param blob version 2 of the kernel's attribute (include/uapi/linux/posix_acl_xattr.h), little-endian
 * @returns undefined when it is none
 */
export function aclText(blob: Uint8Array): string | undefined {
  if (blob.length < 4 || (blob.length - 4) % 8 !== 0) return undefined;
  const view = new DataView(blob.buffer, blob.byteOffset, blob.length);
  if (view.getUint32(0, true) !== 2) return undefined;
  const entries: string[] = [];
  for (let at = 4; at < blob.length; at += 8) {
    const tag = TAGS.get(view.getUint16(at, true));
    if (tag === undefined) return undefined;
    const bits = view.getUint16(at + 2, true);
    const who = tag.endsWith(':') ? tag : `${tag}:${view.getUint32(at + 4, true)}`;
    entries.push(`${who}:${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`);
  }
  return entries.join(',');
}
