import { gunzipStream } from '../../codecs/gunzip.ts';
import { type GzipHeader, isHeader, parseHeader } from '../../codecs/gzip-header.ts';
import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { corrupt, isDiskError, unsupported } from '../../core/errors.ts';
import type { JobContext } from '../../core/job.ts';
import type { ContainerFormat, GunzipStream, Match, OpenContext, OpenedContainer, ScratchDevice } from '../../core/probe.ts';
import { GzipMember } from './layout.ts';
import { writeSparse } from './sparse.ts';
import { gzipStructures } from './structures.ts';

/** Bytes of input at a time, unless the codec asks for more. Deflate packs up to 1032 to 1, so that one piece becomes at most 17 MiB. */
const PIECE = 16 * 1024;

/** Longest header that is looked at for its name and comment, in bytes. A longer one is still unpacked. */
const HEADER_PIECE = 128 * 1024;

/** Most bytes that an image may unpack to: a few MiB of gzip could otherwise fill any disk. */
const LIMIT = 2 ** 40;

/** A gzip-compressed image (RFC 1952), one or more members. It is unpacked as a whole when it is opened: deflate has no random access. */
export const gzip: ContainerFormat = {
  id: 'gzip',
  kind: 'container',
  name: 'gzip',

  probe(device: BlockDevice): Match | undefined {
    if (device.size < 18) return undefined;
    let bytes: Uint8Array;
    try {
      bytes = readBytes(device, 0, 10);
    } catch {
      return undefined;
    }
    if (!isHeader(bytes)) return undefined;
    const usual = [0, 2, 4].includes(bytes[8]!) && (bytes[9]! <= 13 || bytes[9] === 255);
    return { confidence: usual ? 90 : 60, evidence: ['magic 1F 8B with method deflate and no reserved flags'] };
  },

  async open(device: BlockDevice, context: OpenContext): Promise<OpenedContainer> {
    const header = readHeader(device);
    const scratch = context.scratch(LIMIT);
    try {
      const size = await unpack(device, scratch, context);
      scratch.finish(size);
      const structures = gzipStructures(readBytes(device, 0, Math.min(device.size, HEADER_PIECE)).slice(0, header?.length ?? GzipMember.size));
      return { device: scratch, details: detailsOf(header, device.size, size), structures };
    } catch (error) {
      scratch.close();
      throw error;
    }
  },
};

function readHeader(device: BlockDevice): GzipHeader | undefined {
  const bytes = readBytes(device, 0, Math.min(device.size, HEADER_PIECE));
  if (!isHeader(bytes)) throw corrupt('gzip', 'the magic 1F 8B is not there', 0, 2);
  try {
    return parseHeader(bytes);
  } catch (error) {
    throw corrupt('gzip', (error as Error).message, 0);
  }
}

/** Unpacks all of `device` into `scratch`. @returns bytes that came out */
async function unpack(device: BlockDevice, scratch: ScratchDevice, context: OpenContext): Promise<number> {
  const stream = context.codecs?.gunzip?.() ?? gunzipStream();
  try {
    const out = await unpackWith(stream, device, scratch, context.job);
    if (stream.trailing) {
      const at = device.size - stream.trailing;
      context.note({ severity: 'warning', message: `${stream.trailing} bytes after the end of the compressed data are ignored`, place: { structure: 'gzip', at, length: stream.trailing } });
    }
    return out;
  } finally {
    stream.close?.();
  }
}

async function unpackWith(stream: GunzipStream, device: BlockDevice, scratch: ScratchDevice, job: JobContext): Promise<number> {
  const input = new Uint8Array(Math.min(stream.piece ?? PIECE, device.size));
  let out = 0;
  for (let at = 0; at < device.size;) {
    const piece = input.subarray(0, Math.min(input.length, device.size - at));
    device.read(at, piece);
    for await (const bytes of pushPiece(stream, piece, at, device.size)) {
      if (out + bytes.length > LIMIT) throw unsupported('size', `It unpacks to more than ${LIMIT} bytes`);
      writeSparse(scratch, out, bytes);
      out += bytes.length;
      // Here too: a piece of a gzip bomb goes on for seconds.
      const pause = job.breathe();
      if (pause) await pause;
    }
    at += piece.length;
    job.report({ done: at, total: device.size, unit: 'bytes', now: 'Unpacking' });
    const pause = job.breathe();
    if (pause) await pause;
  }
  return out;
}

/** What comes out of `piece`, with the codec's errors (and only those: what the reader throws does not pass here) as ours. */
async function* pushPiece(stream: GunzipStream, piece: Uint8Array, at: number, size: number): AsyncGenerator<Uint8Array> {
  const last = at + piece.length >= size;
  try {
    yield* stream.push(piece, last);
  } catch (error) {
    if (isDiskError(error)) throw error;
    throw corrupt('gzip', `cannot be unpacked: ${error instanceof Error ? error.message : String(error)}`, last ? size : at, last ? 0 : piece.length);
  }
}

function detailsOf(header: GzipHeader | undefined, packed: number, unpacked: number): [string, string][] {
  const details: [string, string][] = [];
  if (header?.name !== undefined) details.push(['Original name', header.name]);
  if (header?.comment !== undefined) details.push(['Comment', header.comment]);
  if (header?.mtime !== undefined) details.push(['Modified', new Date(header.mtime * 1000).toISOString()]);
  if (header !== undefined) details.push(['Packed on', header.system]);
  details.push(['Packed size', `${packed}`], ['Ratio', `${(unpacked / packed).toFixed(1)} : 1`]);
  return details;
}
