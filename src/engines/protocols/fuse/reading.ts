import { usage } from '../../core/errors.ts';
import type { NodeId } from '../../core/filesystem.ts';
import { Listing } from '../shared/listing.ts';
import { FOPEN, OpenIn, OpenOut, ReadIn, ReleaseIn } from './layout.ts';
import { after } from './maybe.ts';
import { REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';
import { nodeOf, type Operation, type Session, statTold } from './session.ts';

/** Longest READ that is answered: no kernel asks for so much (256 pages, of 64 KiB at most). */
export const MOST_READ = 16 << 20;

/** Reads of an open file; of a tree that is only read, of any file. */
export const read: Operation = (session, request) => {
  const { fs, replies, statistics } = session;
  const asked = request.body(ReadIn);
  const node = nodeOf(session, request);
  if (fs.writer !== undefined) session.handles.get(asked.fh, node);
  const { offset, size } = asked;
  if (size > MOST_READ || !Number.isSafeInteger(offset + size)) throw usage('EINVAL', `${size} bytes at ${offset} are not read at once`);
  const buffer = replies.take(size);
  const send = (count: number): void => {
    statistics.bytesRead += count;
    replies.sendLong(request, buffer, count);
    replies.give(buffer);
  };
  const count = fs.read(node, offset, buffer.bytes.subarray(REPLY_HEADER, REPLY_HEADER + size));
  return count instanceof Promise ? count.then(send) : send(count);
};

/**
 * Opens a directory. Its listing may be kept by the kernel from one time to the next: what we change there the kernel knows, and what others change is told by
 * notices, which drop it.
 */
export const opendir: Operation = (session, request) => {
  const { fs } = session;
  request.body(OpenIn);
  const node = nodeOf(session, request);
  return after(statTold(session, node), ({ type }) => {
    if (type !== 'dir') throw usage('ENOTDIR', `Node ${node} is no directory`);
    return after(fs.writer?.hold(node), () => answerOpen(session, request, node, FOPEN.KEEP_CACHE | FOPEN.CACHE_DIR, new Listing(fs, node)));
  });
};

/** Answers with a handle of a node that is held. */
export function answerOpen(session: Session, request: Request, node: NodeId, flags: number, listing?: Listing): void | Promise<void> {
  const { replies } = session;
  const fh = addHandle(session, node, listing);
  const answer = OpenOut.over(replies.blank(OpenOut.size), REPLY_HEADER);
  answer.fh = fh;
  answer.open_flags = flags;
  if (!replies.sendShort(request, OpenOut.size)) return closeHandle(session, fh, node);
}

/** A handle of a node that is held. @throws busy, with the node let go */
export function addHandle(session: Session, node: NodeId, listing?: Listing): number {
  try {
    const fh = session.handles.add(listing === undefined ? { node } : { node, listing });
    session.statistics.open = session.handles.count;
    return fh;
  } catch (error) {
    const letGo = session.fs.writer?.release(node);
    // Of two errors the first is told.
    if (letGo instanceof Promise) letGo.catch(() => {});
    throw error;
  }
}

/** Lets go of a handle and its node. @throws usage EBADF */
export function closeHandle(session: Session, fh: number, node: NodeId): void | Promise<void> {
  session.handles.remove(fh, node);
  session.statistics.open = session.handles.count;
  return session.fs.writer?.release(node);
}

/** Of a file or a directory. The kernel does not look at the answer. */
export const release: Operation = (session, request) => {
  const { fh } = request.body(ReleaseIn);
  return after(closeHandle(session, fh, nodeOf(session, request)), () => { session.replies.done(request); });
};

