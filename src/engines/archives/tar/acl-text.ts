import { ACL_TAGS, ACL_XATTR } from '../../core/acl.ts';

/** The version 2 blob of an ACL, or why there is none. */
export type AclText = { readonly blob: Uint8Array } | { readonly reason: string };

/**
 * An ACL as tar files have it (star's SCHILY.acl records): entries "user::rwx", "user:NAME:r--:1000", "group:100:r-x" with commas or newlines
 * between. Names count by the number after them, where there is one: they belong to the system that the archive was made on.
 */
export function encodeAcl(text: string): AclText {
  const entries: { readonly tag: number; readonly permissions: number; readonly id: number }[] = [];
  for (const line of text.split(/[,\n]/)) {
    const spelled = line.replace(/#.*/, '').trim();
    if (spelled === '') continue;
    const [who, name = '', permissions = '', number] = spelled.split(':');
    // "other:r--" and "mask:rwx" are written without the empty name, too.
    const short = /^[rwx-]{3}$/.test(name) && permissions === '';
    const spelledPermissions = short ? name : permissions;
    if (!/^[r-][w-][x-]$/.test(spelledPermissions)) return { reason: `"${spelled.slice(0, 80)}" is no entry` };
    const named = !short && name !== '';
    const id = named ? Number(number ?? name) : ACL_XATTR.noId;
    if (named && !Number.isInteger(id)) return { reason: `"${name.slice(0, 80)}" is a name without its number` };
    const tag = [...ACL_TAGS].find(([, known]) => (known.who === who || known.who[0] === who) && known.id === named)?.[0];
    if (tag === undefined) return { reason: `"${spelled.slice(0, 80)}" is no entry` };
    entries.push({ tag, permissions: [...spelledPermissions].reduce((bits, letter, i) => (letter === '-' ? bits : bits | (4 >> i)), 0), id });
  }
  // The kernel wants them in this order (posix_acl_valid).
  entries.sort((a, b) => a.tag - b.tag || a.id - b.id);
  const blob = new Uint8Array(ACL_XATTR.header + entries.length * ACL_XATTR.entry);
  const view = new DataView(blob.buffer);
  view.setUint32(0, ACL_XATTR.version, true);
  for (const [i, { tag, permissions, id }] of entries.entries()) {
    const at = ACL_XATTR.header + i * ACL_XATTR.entry;
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, permissions, true);
    view.setUint32(at + 4, id, true);
  }
  return { blob };
}
