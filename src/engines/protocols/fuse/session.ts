import { isDiskError, usage } from '../../core/errors.ts';
import type { FileSystem, Maybe, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import { putAttr } from './attributes.ts';
import type { Handles } from './handles.ts';
import type { Agreement } from './init.ts';
import { ATTR_OUT_ATTR, AttrOut, ENTRY_ATTR, EntryOut, putU64 } from './layout.ts';
import type { Nodes } from './nodes.ts';
import type { Notices } from './notices.ts';
import type { Order } from './order.ts';
import { type Replies, REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';
import type { ToldNames } from './told-names.ts';

/** What was done since the mount. */
export interface FuseStatistics {
  requests: number;
  bytesRead: number;
  bytesWritten: number;
  /** Files and directories that are open now, as far as the kernel tells: files of a tree that is only read are not opened. */
  open: number;
}

/**
 * How long the kernel may keep names, attributes and that a name is not there, in seconds. Long, for it changes the tree itself, and what others
 * change is told by notices (invalidation.ts). A day bounds what a lost notice could do.
 */
export const LONG = 86_400;

/** What every operation works with. */
export interface Session {
  readonly fs: FileSystem;
  readonly nodes: Nodes;
  readonly handles: Handles;
  readonly replies: Replies;
  readonly statistics: FuseStatistics;
  readonly agreement: Agreement;
  readonly notices: Notices;
  readonly order: Order;
  /** There where the kernel can be told of changed names by each name alone. */
  readonly names: ToldNames | undefined;
  /** Names may be spelled in several ways: the kernel would not know that a change of one is a change of the others, and may keep none. */
  readonly folding: boolean;
  /** st_blksize, in bytes. */
  blockSize: number;
  /** Counts whenever a file may have been given privileges (privileges.ts). */
  privileges: number;
}

/** Seconds that the kernel may keep a name, there or not there. */
export function entrySeconds({ folding, names }: Session, folder: NodeId, name: Name): number {
  if (folding) return 0;
  return names === undefined || names.add(folder, name) ? LONG : 0;
}

/** What answers an operation: at once, or when its promise resolves. It may throw, or reject. */
export type Operation = (session: Session, request: Request) => void | Promise<void>;

/** Writes a fuse_entry_out for a node that the kernel is told of. @param seconds that its name may be kept */
export function putEntry(session: Session, view: DataView, at: number, stat: Stat, seconds: number): void {
  const { nodes } = session;
  putU64(view, at, nodes.idOf(stat.node));
  const entry = EntryOut.over(view, at);
  entry.generation = nodes.generationOf(stat.node);
  entry.entry_valid = seconds;
  entry.attr_valid = LONG;
  entry.entry_valid_nsec = 0;
  entry.attr_valid_nsec = 0;
  putAttr(view, at + ENTRY_ATTR, stat, session.blockSize);
}

/** Answers with a node that a name leads to. @param more bytes behind it, which are written already. @returns whether the kernel took it */
export function answerEntry(session: Session, request: Request, folder: NodeId, name: Name, stat: Stat, more = 0): boolean {
  const { replies, nodes } = session;
  putEntry(session, replies.short.view, REPLY_HEADER, stat, entrySeconds(session, folder, name));
  nodes.told(stat.node);
  const taken = replies.sendShort(request, EntryOut.size + more);
  // It was interrupted, and knows nothing of the node.
  if (!taken) nodes.forget(stat.node, 1);
  return taken;
}

/** Answers that there is nothing of the name, which may be remembered. */
export function answerNothing(session: Session, request: Request, folder: NodeId, name: Name): void {
  const { replies } = session;
  const entry = EntryOut.over(replies.blank(EntryOut.size), REPLY_HEADER);
  entry.entry_valid = entrySeconds(session, folder, name);
  replies.sendShort(request, EntryOut.size);
}

export function answerAttributes(session: Session, request: Request, stat: Stat): void {
  const { replies } = session;
  const { view } = replies.short;
  const answer = AttrOut.over(view, REPLY_HEADER);
  answer.attr_valid = LONG;
  // With the four bytes behind it.
  putU64(view, REPLY_HEADER + AttrOut.fields.attr_valid_nsec.offset, 0);
  putAttr(view, REPLY_HEADER + ATTR_OUT_ATTR, stat, session.blockSize);
  replies.sendShort(request, AttrOut.size);
}

/** The node that a request is about. @throws usage ESTALE */
export function nodeOf({ nodes }: Session, request: Request): NodeId {
  return nodes.nodeOf(request.nodeid);
}

/**
 * The Stat of a node that the kernel asks for by its number, which was sound when it was told. One that is none any more was removed by somebody else meanwhile, or is
 * damaged by now: with ESTALE, the kernel looks its name up again (fs/namei.c, LOOKUP_REVAL) and hears which.
 * @throws usage ESTALE
 */
export function statTold({ fs }: Session, node: NodeId): Maybe<Stat> {
  try {
    const stat = fs.stat(node);
    return stat instanceof Promise ? stat.catch(stale) : stat;
  } catch (error) {
    return stale(error);
  }
}

/** An attribute that we look for ourselves; of a tree that has attributes of its kind on no node, none. */
export function attributeOf({ fs }: Session, node: NodeId, name: Name): Maybe<Uint8Array | undefined> {
  try {
    const value = fs.xattrs?.get(node, name);
    return value instanceof Promise ? value.catch(unlessNone) : value;
  } catch (error) {
    return unlessNone(error);
  }
}

function unlessNone(error: unknown): undefined {
  if (!isDiskError(error) || !(error.kind === 'unsupported' || (error.fault.kind === 'usage' && error.fault.errno === 'ENOTSUP'))) throw error;
  return undefined;
}

function stale(error: unknown): never {
  throw isDiskError(error) && error.kind === 'corrupt' ? usage('ESTALE', error.message) : error;
}
