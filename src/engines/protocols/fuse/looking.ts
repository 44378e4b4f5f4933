import { usage } from '../../core/errors.ts';
import { encodeName } from '../../core/names.ts';
import { putStatx } from './attributes.ts';
import { BatchForgetIn, ForgetIn, ForgetOne, GetattrIn, putU64, STATX_OUT_STAT, StatfsOut, StatxIn, StatxOut } from './layout.ts';
import { after } from './maybe.ts';
import { REPLY_HEADER } from './replies.ts';
import type { Request } from './request.ts';
import { answerAttributes, answerEntry, answerNothing, LONG, nodeOf, type Operation, type Session, statTold } from './session.ts';

/** Longest name where the tree does not say, in bytes (NAME_MAX). */
const LONGEST_NAME = 255;

export const lookup: Operation = (session, request) => {
  const { fs } = session;
  const name = request.name();
  checkLength(session, name);
  const folder = nodeOf(session, request);
  return after(fs.lookup(folder, name), (node) => {
    if (node === undefined) return answerNothing(session, request, folder, name);
    return after(fs.stat(node), (stat) => { answerEntry(session, request, folder, name, stat); });
  });
};

/** The kernel does not wait for an answer to it. */
export function forget(session: Session, request: Request): void {
  forgetNode(session, request.nodeid, request.body(ForgetIn).nlookup);
}

export function batchForget(session: Session, request: Request): void {
  const { count } = request.body(BatchForgetIn);
  const list = request.data(BatchForgetIn.size, count * ForgetOne.size);
  for (let i = 0; i < count; i++) {
    const one = ForgetOne.at(list, i * ForgetOne.size);
    forgetNode(session, one.nodeid, one.nlookup);
  }
}

function forgetNode({ nodes, names }: Session, id: number, times: number): void {
  const node = nodes.nodeOf(id);
  nodes.forget(node, times);
  if (!nodes.knows(node)) names?.take(node);
}

/** Of a node, or of an open file: both are found by the node, which is held while it is open. */
export const getattr: Operation = (session, request) => {
  request.body(GetattrIn);
  return after(statTold(session, nodeOf(session, request)), (stat) => { answerAttributes(session, request, stat); });
};

export const statx: Operation = (session, request) => {
  request.body(StatxIn);
  return after(statTold(session, nodeOf(session, request)), (stat) => {
    const { replies } = session;
    const view = replies.blank(StatxOut.size);
    putU64(view, REPLY_HEADER, LONG);
    putStatx(view, REPLY_HEADER + STATX_OUT_STAT, stat, session.blockSize);
    replies.sendShort(request, StatxOut.size);
  });
};

export const readlink: Operation = (session, request) => after(session.fs.readlink(nodeOf(session, request)), (target) => {
  answerBytes(session, request, encodeName(target));
});

export const statfs: Operation = ({ fs, replies }, request) => {
  const { size, free, blockSize, inodes } = fs.info;
  const answer = StatfsOut.over(replies.blank(StatfsOut.size), REPLY_HEADER);
  answer.blocks = Math.floor(size / blockSize);
  answer.bfree = answer.bavail = Math.floor(free / blockSize);
  answer.files = inodes?.total ?? 0;
  answer.ffree = inodes?.free ?? 0;
  answer.bsize = answer.frsize = blockSize;
  answer.namelen = fs.writer?.names.longest ?? LONGEST_NAME;
  replies.sendShort(request, StatfsOut.size);
};

/** Answers with bytes of any length. */
export function answerBytes({ replies }: Session, request: Request, bytes: Uint8Array): void {
  const buffer = replies.take(bytes.length);
  buffer.bytes.set(bytes, REPLY_HEADER);
  replies.sendLong(request, buffer, bytes.length);
  replies.give(buffer);
}

/** The kernel lets names of 1,024 bytes through. @throws usage ENAMETOOLONG, which an engine's lookup does not tell */
function checkLength({ fs }: Session, name: string): void {
  const rules = fs.writer?.names;
  if (name.length * 3 <= LONGEST_NAME || rules?.unit === 'UTF-16 units') return;
  const longest = rules?.longest ?? LONGEST_NAME;
  if (encodeName(name).length > longest) throw usage('ENAMETOOLONG', `The name has more than ${longest} bytes`);
}
