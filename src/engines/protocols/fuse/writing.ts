import { isDiskError, usage } from '../../core/errors.ts';
import type { Maybe, NodeId } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { Writer } from '../../core/writer.ts';
import { CreateIn, EntryOut, FLAG, FOPEN, FsyncIn, O, OpenIn, OpenOut, WriteIn, WriteOut } from './layout.ts';
import { done, newNode, writerOf } from './making.ts';
import { after } from './maybe.ts';
import { checkedNew, killPrivileges } from './privileges.ts';
import { addHandle, answerOpen, closeHandle } from './reading.ts';
import { REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';
import { answerEntry, nodeOf, type Operation, type Session } from './session.ts';

const ENOSYS = 38;

/**
 * Opens a file. What the kernel has of its contents stays: others' changes are told by notices. Of a tree that is only read no file is opened at all: the
 * kernel hears it once and reads by the node from then on, two requests less a file (it has known that since 7.23, FUSE_NO_OPEN_SUPPORT).
 */
export const open: Operation = (session, request) => {
  const { writer } = session.fs;
  if (writer === undefined) return session.replies.fail(request, ENOSYS);
  const { flags, open_flags } = request.body(OpenIn);
  const node = nodeOf(session, request);
  return after(openNode(session, writer, node, (flags & O.TRUNC) !== 0, (open_flags & FLAG.OPEN_KILL_SUIDGID) !== 0), () => answerOpen(session, request, node, FOPEN.KEEP_CACHE));
};

/** Holds a node, and empties it where that was asked for. */
function openNode(session: Session, writer: Writer, node: NodeId, truncate: boolean, setId: boolean): Maybe<void> {
  return after(writer.hold(node), () => {
    if (!truncate) return undefined;
    return letGoOnFailure(writer, node, () => session.order.run(node, () => after(writer.truncate(node, 0), () => killPrivileges(session, node, setId))));
  });
}

/** @returns what `work` does; when that fails, the node is not held any more */
function letGoOnFailure(writer: Writer, node: NodeId, work: () => Maybe<void>): Maybe<void> {
  const letGo = (error: unknown): Maybe<void> => after(writer.release(node), () => { throw error; });
  try {
    const result = work();
    return result instanceof Promise ? result.catch(letGo) : undefined;
  } catch (error) {
    return letGo(error);
  }
}

/** Makes a file and opens it, in one go. */
export const create: Operation = (session, request) => {
  const { flags, mode, umask, open_flags } = request.body(CreateIn);
  const writer = writerOf(session);
  const [folder, name] = [nodeOf(session, request), request.name(CreateIn.size)];
  const { privileges } = session;
  let isNew = false;
  const answer = (node: NodeId): void | Promise<void> => answerCreated(session, request, folder, name, node, isNew ? privileges : undefined);
  const made = (node: NodeId): Maybe<NodeId> => {
    isNew = true;
    session.nodes.made(node);
    return after(writer.hold(node), () => node);
  };
  const exists = (error: unknown): Maybe<NodeId> => {
    // Somebody else was first: without O_EXCL it is opened as it is.
    if ((flags & O.EXCL) !== 0 || !isDiskError(error) || error.fault.kind !== 'usage' || error.fault.errno !== 'EEXIST') throw error;
    return after(session.fs.lookup(folder, name), (node) => {
      if (node === undefined) throw error;
      return after(session.fs.stat(node), ({ type }) => {
        if (type !== 'file') throw error;
        return after(openNode(session, writer, node, (flags & O.TRUNC) !== 0, (open_flags & FLAG.OPEN_KILL_SUIDGID) !== 0), () => node);
      });
    });
  };
  return after(newNode(session, request, folder, mode, umask, 'file'), (fresh) => {
    let node: Maybe<NodeId>;
    try {
      node = writer.create(folder, name, fresh);
    } catch (error) {
      return after(exists(error), answer);
    }
    return after(node instanceof Promise ? node.then(made, exists) : made(node), answer);
  });
};

/** Answers with a node that is held, and its handle. @param privileges Session.privileges before the node was made; undefined for one that was there */
function answerCreated(session: Session, request: Request, folder: NodeId, name: Name, node: NodeId, privileges: number | undefined): void | Promise<void> {
  const fh = addHandle(session, node);
  const { short: { view } } = session.replies;
  const answer = (): void | Promise<void> => after(session.fs.stat(node), (stat) => {
    if (privileges !== undefined) checkedNew(session.handles.get(fh, node), stat, privileges);
    const opened = OpenOut.over(view, REPLY_HEADER + EntryOut.size);
    opened.fh = fh;
    opened.open_flags = FOPEN.KEEP_CACHE;
    view.setUint32(REPLY_HEADER + EntryOut.size + OpenOut.size - 4, 0, true);
    if (!answerEntry(session, request, folder, name, stat, OpenOut.size)) return closeHandle(session, fh, node);
  });
  const close = (error: unknown): void | Promise<void> => after(closeHandle(session, fh, node), () => { throw error; });
  try {
    const result = answer();
    return result instanceof Promise ? result.catch(close) : undefined;
  } catch (error) {
    return close(error);
  }
}

export const write: Operation = (session, request) => {
  const { fh, offset, size, write_flags } = request.body(WriteIn);
  const writer = writerOf(session);
  const node = nodeOf(session, request);
  const handle = session.handles.get(fh, node);
  const data = request.data(WriteIn.size, size);
  if (!Number.isSafeInteger(offset + size)) throw usage('EFBIG', `${offset} is beyond every file`);
  return session.order.run(node, () => after(killPrivileges(session, node, (write_flags & FLAG.WRITE_KILL_SUIDGID) !== 0, handle), () => after(writer.write(node, offset, data), (count) => {
    session.statistics.bytesWritten += count;
    const { replies } = session;
    WriteOut.over(replies.blank(WriteOut.size), REPLY_HEADER).size = count;
    replies.sendShort(request, WriteOut.size);
  })));
};

/** Of a file or a directory: all that was changed is durable when it is answered. */
export const fsync: Operation = (session, request) => {
  const { fh } = request.body(FsyncIn);
  if (session.fs.writer === undefined) return session.replies.done(request);
  session.handles.get(fh, nodeOf(session, request));
  return done(session, request, session.fs.writer.sync());
};

export const syncfs: Operation = (session, request) => done(session, request, session.fs.writer?.sync());
