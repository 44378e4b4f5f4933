import { usage } from '../../core/errors.ts';
import type { Maybe } from '../../core/filesystem.ts';
import { encodeName } from '../../core/names.ts';
import { FLAG, GetxattrIn, GetxattrOut, INIT_FLAG, SetxattrIn, SetxattrInExt, XATTR } from './layout.ts';
import { answerBytes } from './looking.ts';
import { done, writerOf } from './making.ts';
import { after } from './maybe.ts';
import { CAPABILITY } from './privileges.ts';
import { REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';
import { attributeOf, nodeOf, type Operation, type Session } from './session.ts';

/** Longest value and longest list that the kernel takes, in bytes (XATTR_SIZE_MAX, XATTR_LIST_MAX). */
const MOST = 65_536;
const E2BIG = 7;
const ENOSYS = 38;
const ENODATA = 61;
const SETGID = 0o2000;

const ACCESS_ACL = 'system.posix_acl_access';
const ACLS: ReadonlySet<string> = new Set([ACCESS_ACL, 'system.posix_acl_default']);

export const getxattr: Operation = (session, request) => {
  const { xattrs } = session.fs;
  if (xattrs === undefined) return session.replies.fail(request, ENOSYS);
  const { size } = request.body(GetxattrIn);
  const name = request.name(GetxattrIn.size);
  const node = nodeOf(session, request);
  // To the kernel another error than ENODATA is that of whoever has his permissions checked (fs/fuse/acl.c).
  return after(ACLS.has(name) ? attributeOf(session, node, name) : xattrs.get(node, name), (value) => {
    // Asked for with every new file (security.capability): an error with its stack would take longer than all the rest.
    if (value === undefined) return session.replies.fail(request, ENODATA);
    answerValue(session, request, size, value);
  });
};

export const listxattr: Operation = (session, request) => {
  const { xattrs } = session.fs;
  if (xattrs === undefined) return session.replies.fail(request, ENOSYS);
  const { size } = request.body(GetxattrIn);
  return after(xattrs.list(nodeOf(session, request)), (names) => { answerValue(session, request, size, encodeName(names.map((name) => `${name}\0`).join(''))); });
};

/** With no room the size alone is asked for. */
function answerValue(session: Session, request: Request, size: number, value: Uint8Array): void {
  const { replies } = session;
  if (value.length > MOST) return replies.fail(request, E2BIG);
  if (size === 0) {
    GetxattrOut.over(replies.blank(GetxattrOut.size), REPLY_HEADER).size = value.length;
    replies.sendShort(request, GetxattrOut.size);
    return;
  }
  if (value.length > size) throw usage('ERANGE', `It has ${value.length} bytes, and there is room for ${size}`);
  answerBytes(session, request, value);
}

export const setxattr: Operation = (session, request) => {
  const { fs, agreement } = session;
  if (fs.xattrs === undefined) return session.replies.fail(request, ENOSYS);
  const extended = (agreement.flags & INIT_FLAG.SETXATTR_EXT) !== 0;
  const { size, flags } = request.body(SetxattrIn);
  const behind = extended ? SetxattrInExt.size : SetxattrIn.size;
  const killSetgid = extended && (request.body(SetxattrInExt).setxattr_flags & FLAG.SETXATTR_ACL_KILL_SGID) !== 0;
  if (size > MOST) return session.replies.fail(request, E2BIG);
  if (flags > XATTR.REPLACE) throw usage('EINVAL', `There is no way ${flags} to set an attribute`);
  const name = request.name(behind);
  const value = request.dataBehindName(behind, size);
  const writer = writerOf(session);
  const node = nodeOf(session, request);
  if (name === CAPABILITY) session.privileges++;
  return done(session, request, after(writer.setXattr(node, name, value, flags === XATTR.CREATE ? 'create' : flags === XATTR.REPLACE ? 'replace' : undefined), (): Maybe<void> => {
    if (!killSetgid || name !== ACCESS_ACL) return undefined;
    return after(fs.stat(node), ({ mode }) => ((mode & SETGID) === 0 ? undefined : writer.change(node, { mode: mode & ~SETGID })));
  }));
};

export const removexattr: Operation = (session, request) => {
  if (session.fs.xattrs === undefined) return session.replies.fail(request, ENOSYS);
  const name = request.name();
  const [writer, node] = [writerOf(session), nodeOf(session, request)];
  if (!ACLS.has(name)) return done(session, request, writer.removeXattr(node, name));
  // The kernel's filesystems take an ACL away that is not there (setfacl -b; cp -a, of each folder that it made). The error of a writer would take longer than all the rest.
  return done(session, request, after(session.fs.xattrs.get(node, name), (value) => (value === undefined ? undefined : writer.removeXattr(node, name))));
};
