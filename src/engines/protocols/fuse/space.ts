import { usage } from '../../core/errors.ts';
import type { Maybe, NodeId } from '../../core/filesystem.ts';
import { FALLOC, FallocateIn, LseekIn, LseekOut, SEEK } from './layout.ts';
import { done, writerOf } from './making.ts';
import { after } from './maybe.ts';
import { killPrivileges } from './privileges.ts';
import { REPLY_HEADER } from './replies.ts';
import { nodeOf, type Operation, type Session } from './session.ts';

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
    return after(runsOf(session, node), (runs) => {
      const found = whence === SEEK.DATA ? nextData(runs, offset, size) : nextHole(runs, offset, size);
      const { replies } = session;
      if (found === undefined) return replies.fail(request, ENXIO);
      LseekOut.over(replies.blank(LseekOut.size), REPLY_HEADER).offset = found;
      replies.sendShort(request, LseekOut.size);
    });
  });
};

/** Where a file's data lies, in order; runs that touch are one. */
interface DataRuns {
  readonly node: NodeId;
  /** Order.changes when it was asked for. */
  readonly changes: number;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
}

/** Runs of one file that are kept at most; what lies behind them counts as data, which says nothing wrong (lseek(2)). */
const MOST_RUNS = 1_048_576;

/** Of the file that was asked about last, for a program asks for one run after the other. */
const lastRuns = new WeakMap<Session, DataRuns>();

function runsOf(session: Session, node: NodeId): Maybe<DataRuns> {
  const { changes } = session.order;
  const last = lastRuns.get(session);
  if (last?.node === node && last.changes === changes) return last;
  return after(session.fs.extents!.map(node), (extents) => {
    const [starts, ends]: [number[], number[]] = [[], []];
    for (const { logical, length, unwritten } of extents) {
      // What is allocated and was never written reads as zeros: a hole, as on ext4.
      if (unwritten === true) continue;
      if (ends.at(-1) === logical) ends.pop();
      else starts.push(logical);
      ends.push(logical + length);
      if (starts.length < MOST_RUNS) continue;
      ends[ends.length - 1] = Infinity;
      break;
    }
    const runs = { node, changes, starts, ends };
    lastRuns.set(session, runs);
    return runs;
  });
}

/** The number of the first run that ends behind a place. */
function firstBehind(ends: readonly number[], place: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! > place) high = middle;
    else low = middle + 1;
  }
  return low;
}

function nextData({ starts, ends }: DataRuns, from: number, size: number): number | undefined {
  const start = starts[firstBehind(ends, from)];
  return start === undefined || start >= size ? undefined : Math.max(from, start);
}

function nextHole({ starts, ends }: DataRuns, from: number, size: number): number {
  const run = firstBehind(ends, from);
  return run < starts.length && starts[run]! <= from ? Math.min(ends[run]!, size) : from;
}
