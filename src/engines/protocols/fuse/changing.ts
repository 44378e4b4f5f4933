import { usage } from '../../core/errors.ts';
import type { Maybe, NodeId } from '../../core/filesystem.ts';
import type { Changes } from '../../core/writer.ts';
import { NANO } from '../shared/linux.ts';
import { getTime } from './attributes.ts';
import { FATTR, InHeader, SetattrIn } from './layout.ts';
import { writerOf } from './making.ts';
import { after } from './maybe.ts';
import { killPrivileges, ownerChanges } from './privileges.ts';
import type { Request } from './request.ts';
import { answerAttributes, nodeOf, type Operation, type Session } from './session.ts';

const SETID = 0o6000;

/** Changes what is asked for and nothing else; the size first, which is the only thing of it that can find no space. */
export const setattr: Operation = (session, request) => {
  const { fs } = session;
  const { valid, size, fh } = request.body(SetattrIn);
  const writer = writerOf(session);
  const node = nodeOf(session, request);
  if ((valid & FATTR.FH) !== 0) session.handles.get(fh, node);
  const changes = changesOf(request, valid);
  if (((changes.mode ?? 0) & SETID) !== 0) session.privileges++;
  return after((valid & FATTR.SIZE) === 0 ? undefined : resize(session, node, size, (valid & FATTR.KILL_SUIDGID) !== 0), () => after(
    Object.keys(changes).length === 0 ? undefined : after(ownerChanges(session, node, changes), (all) => writer.change(node, all)),
    () => after(fs.stat(node), (stat) => { answerAttributes(session, request, stat); }),
  ));
};

function resize(session: Session, node: NodeId, size: number, setId: boolean): Maybe<void> {
  if (!Number.isSafeInteger(size)) throw usage('EFBIG', `${size} is beyond every file`);
  return session.order.run(node, () => after(writerOf(session).truncate(node, size), () => killPrivileges(session, node, setId)));
}

function changesOf({ view }: Request, valid: number): Changes {
  const asked = (bit: number): boolean => (valid & bit) !== 0;
  const { mode, uid, gid, atimensec, mtimensec, ctimensec } = SetattrIn.over(view, InHeader.size);
  const time = (name: 'atime' | 'mtime' | 'ctime', nanoseconds: number): bigint => {
    if (nanoseconds >= NANO) throw usage('EINVAL', `${nanoseconds} nanoseconds are no part of a second`);
    return getTime(view, InHeader.size + SetattrIn.fields[name].offset, nanoseconds);
  };
  const changes: { -readonly [Key in keyof Changes]: Changes[Key] } = {};
  if (asked(FATTR.MODE)) changes.mode = mode & 0o7777;
  if (asked(FATTR.UID)) changes.uid = uid;
  if (asked(FATTR.GID)) changes.gid = gid;
  if (asked(FATTR.ATIME_NOW)) changes.atime = now();
  else if (asked(FATTR.ATIME)) changes.atime = time('atime', atimensec);
  if (asked(FATTR.MTIME_NOW)) changes.mtime = now();
  else if (asked(FATTR.MTIME)) changes.mtime = time('mtime', mtimensec);
  if (asked(FATTR.CTIME)) changes.ctime = time('ctime', ctimensec);
  return changes;
}

function now(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
