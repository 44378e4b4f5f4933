import { isDiskError, usage } from '../../core/errors.ts';
import type { FileSystem, NodeId, Stat } from '../../core/filesystem.ts';
import type { Name } from '../../core/names.ts';
import type { NewNode, Writer } from '../../core/writer.ts';
import { HttpError } from './messages.ts';
import type { ByteRange } from './ranges.ts';
import { underOwnName } from './replacing.ts';

/** Bytes that are gathered before they are written: pieces of a socket are small. Also the largest file that is made in one operation. */
const GATHERED = 1 << 20;

/** What a PUT needs to know. */
export interface PutContext {
  readonly fs: FileSystem;
  readonly writer: Writer;
  readonly body: AsyncIterable<Uint8Array>;
  /** It must not be there: another who makes it first is not replaced. */
  readonly exclusive: boolean;
  /** Bytes that the client said it would send. */
  readonly length: number | undefined;
  random(into: Uint8Array): void;
  breathe(): Promise<void> | undefined;
  /**
   * Asked once more when all has arrived, just before it takes its place: a lock may have come meanwhile.
   * @returns what is there now, if anything @throws HttpError
   */
  admit(): Promise<Stat | undefined>;
  wrote(count: number): void;
  /** Runs when no other upload takes its place. */
  alone(run: () => Promise<void>): Promise<void>;
}

/**
 * Stores a whole file. It takes its place in one step when all of it has arrived; until then, and when the client goes away, what was there before stays.
 * A file that is replaced hands on mode, owner and attributes; other hard links of it keep the old contents.
 * @param file where its name is
 * @returns the file's node
 */
export async function putFile(context: PutContext, file: { readonly dir: NodeId; readonly name: Name }, before: Stat | undefined, given: NewNode): Promise<NodeId> {
  const { fs, writer } = context;
  const { dir, name } = file;
  const pieces = gather(context.body)[Symbol.asyncIterator]();
  const first = await pieces.next();
  const second = first.done ? first : await pieces.next();
  try {
    if (second.done && before === undefined && writer.put !== undefined) {
      const contents = first.done ? new Uint8Array(0) : first.value;
      checkLength(contents.length, context.length);
      await context.admit();
      try {
        const node = await writer.put(dir, name, given, contents);
        context.wrote(contents.length);
        return node;
      } catch (error) {
        // Somebody was faster: theirs is replaced as if it had been there before.
        if (context.exclusive || !isThere(error)) throw error;
      }
    }
    return await underOwnName(context.random, async (own) => {
      const node = await writer.create(dir, own, given);
      try {
        let at = 0;
        for (let piece = first; !piece.done; piece = piece === first ? second : await pieces.next()) at = await writeAll(context, node, at, piece.value);
        checkLength(at, context.length);
        await context.alone(async () => {
          const now = await context.admit();
          if (now !== undefined) await copyAttributes(fs, writer, now.node, node, OF_CONTENTS);
          await writer.rename(dir, own, dir, name, context.exclusive ? 'keep' : 'replace');
        });
        return node;
      } catch (error) {
        await writer.unlink(dir, own);
        throw error;
      }
    });
  } finally {
    await pieces.return?.(undefined);
  }
}

/**
 * Writes a part of a file where it belongs. What arrived before a failure stays: that is what the client asked for by naming the place.
 * @param file where its name is
 * @returns the file's node
 */
export async function putRange(context: PutContext, file: { readonly dir: NodeId; readonly name: Name }, before: Stat | undefined, given: NewNode, range: ByteRange): Promise<NodeId> {
  if (context.length !== undefined && context.length !== range.length) throw new HttpError(400, 'The body is not as long as the Content-Range says');
  const node = before?.node ?? await context.writer.create(file.dir, file.name, given);
  try {
    await writeRange(context, node, range);
    return node;
  } catch (error) {
    if (before === undefined) await context.writer.unlink(file.dir, file.name);
    throw error;
  }
}

async function writeRange(context: PutContext, node: NodeId, { start, length }: ByteRange): Promise<void> {
  const { writer } = context;
  await writer.hold(node);
  try {
    let at = start;
    for await (const piece of gather(context.body)) {
      if (at + piece.length > start + length) throw new HttpError(400, 'The body is longer than the Content-Range says');
      at = await writeAll(context, node, at, piece);
    }
    checkLength(at - start, length);
  } finally {
    await writer.release(node);
  }
}

/** @throws usage ENOSPC */
export async function writeAll({ writer, breathe, wrote }: Pick<PutContext, 'writer' | 'breathe' | 'wrote'>, node: NodeId, at: number, bytes: Uint8Array): Promise<number> {
  for (let done = 0; done < bytes.length;) {
    const count = await writer.write(node, at + done, bytes.subarray(done));
    if (count === 0) throw usage('ENOSPC', 'The volume is full');
    done += count;
    wrote(count);
    const pause = breathe();
    if (pause) await pause;
  }
  return at + bytes.length;
}

/** All extended attributes of one node to another, but those named in `without`. */
export async function copyAttributes(fs: FileSystem, writer: Writer, from: NodeId, to: NodeId, without: readonly Name[] = []): Promise<void> {
  if (fs.xattrs === undefined) return;
  for (const name of await fs.xattrs.list(from)) {
    if (without.includes(name)) continue;
    const value = await fs.xattrs.get(from, name);
    if (value !== undefined) await writer.setXattr(to, name, value);
  }
}

/** Rights and signatures that a program has for what it holds: Linux takes them away with the first write, too. */
const OF_CONTENTS: readonly Name[] = ['security.capability', 'security.ima', 'security.evm'];

function isThere(error: unknown): boolean {
  return isDiskError(error) && error.fault.kind === 'usage' && error.fault.errno === 'EEXIST';
}

function checkLength(arrived: number, said: number | undefined): void {
  if (said !== undefined && arrived !== said) throw new HttpError(400, `${arrived} bytes arrived of ${said}`);
}

/** The pieces of a body, joined to larger ones: all but the last hold GATHERED bytes. */
async function* gather(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let room = new Uint8Array(GATHERED);
  let filled = 0;
  for await (const piece of body) {
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + GATHERED - filled);
      room.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < GATHERED) continue;
      yield room;
      room = new Uint8Array(GATHERED);
      filled = 0;
    }
  }
  if (filled > 0) yield room.subarray(0, filled);
}
