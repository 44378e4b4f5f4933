import { usage } from '../../core/errors.ts';
import type { FileExtent, Maybe } from '../../core/filesystem.ts';
import { FALLOC, FallocateIn, LseekIn, LseekOut, SEEK } from './layout.ts';
import { done, writerOf } from './making.ts';
import { after } from './maybe.ts';
import { killPrivileges } from './privileges.ts';
import { REPLY_HEADER } from './replies.ts';
import { nodeOf, type Operation } from './session.ts';

const ENXIO = 6;
const ENOSYS = 38;

/** Space is reserved or given back; everything else that fallocate(2) has is not supported, and programs do without it. */
export const fallocate: Operation = (session, request) => {
  const { fs } = session;
  const { fh, offset, length, mode } = request.body(FallocateIn);
  const writer = writerOf(session);
  const node = nodeOf(session, request);
  const handle = session.handles.get(fh, node);
  if (writer.allocate === undefined) return session.replies.fail(request, ENOSYS);
  if (!Number.isSafeInteger(offset + length)) throw usage('EFBIG', `${offset} is beyond every file`);
  const allocate = (how: 'reserve' | 'punch'): Maybe<void> => after(killPrivileges(session, node, false, handle), () => writer.allocate!(node, offset, length, how));
  return done(session, request, session.order.run(node, () => {
    if (mode === 0) return allocate('reserve');
    if (mode === (FALLOC.KEEP_SIZE | FALLOC.PUNCH_HOLE)) return allocate('punch');
    if (mode !== FALLOC.KEEP_SIZE) throw usage('ENOTSUP', `There is no fallocate with the mode ${mode}`);
    return after(fs.stat(node), ({ size }) => {
      // A writer's reservation makes the file longer.
      if (offset + length > size) throw usage('ENOTSUP', 'Space is not reserved behind the end of a file');
      return allocate('reserve');
    });
  }));
};

/** SEEK_DATA and SEEK_HOLE, by the file's extents; the kernel does all others itself. */
export const lseek: Operation = (session, request) => {
  const { fs } = session;
  const { fh, offset, whence } = request.body(LseekIn);
  const node = nodeOf(session, request);
  // The whole file is data then, and is not asked for again.
  if (fs.extents === undefined) return session.replies.fail(request, ENOSYS);
  if (fs.writer !== undefined) session.handles.get(fh, node);
  if (whence !== SEEK.DATA && whence !== SEEK.HOLE) throw usage('EINVAL', `${whence} is no way to seek`);
  return after(fs.stat(node), ({ size }) => {
    if (offset >= size) return session.replies.fail(request, ENXIO);
    return after(fs.extents!.map(node), (extents) => {
      const found = whence === SEEK.DATA ? nextData(extents, offset, size) : nextHole(extents, offset, size);
      const { replies } = session;
      if (found === undefined) return replies.fail(request, ENXIO);
      LseekOut.over(replies.blank(LseekOut.size), REPLY_HEADER).offset = found;
      replies.sendShort(request, LseekOut.size);
    });
  });
};

/** What is allocated and was never written reads as zeros: a hole, as on ext4. */
function nextData(extents: Iterable<FileExtent>, from: number, size: number): number | undefined {
  for (const { logical, length, unwritten } of extents) {
    if (unwritten !== true && logical + length > from && logical < size) return Math.max(from, logical);
  }
  return undefined;
}

function nextHole(extents: Iterable<FileExtent>, from: number, size: number): number {
  let end = from;
  for (const { logical, length, unwritten } of extents) {
    if (unwritten === true || logical + length <= end) continue;
    if (logical > end) break;
    end = logical + length;
  }
  return Math.min(end, size);
}

