import { createHash, type Hash } from 'node:crypto';
import * as zlib from 'node:zlib';
import { crc32 } from '../../engines/codecs/crc32.ts';
import { crc32c } from '../../engines/codecs/crc32c.ts';
import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { corrupt, usage } from '../../engines/core/errors.ts';
import type { FileSystem, Maybe, NodeId } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';

export const HASH_ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512', 'crc32', 'crc32c'] as const;
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** Bytes a read: short enough that a cancel gets through soon. */
const PIECE = 1024 * 1024;

/** zlib's own where Node has it (from 20.15), at several GB/s. */
const crc: (bytes: Uint8Array, seed: number) => number = zlib.crc32 ?? crc32;

/** Bytes from 0 to `size`. */
export interface HashSource {
  readonly size: number;
  /** Fills `into` from byte `at`; returns fewer bytes than asked only where they end. */
  read(at: number, into: Uint8Array): Maybe<number>;
}

/** A layer's bytes: the whole image, a volume. */
export function deviceSource(device: BlockDevice): HashSource {
  return {
    size: device.size,
    read(at, into) {
      device.read(at, into);
      return into.length;
    },
  };
}

/** A file's contents. @throws usage EISDIR, EINVAL for what has none */
export async function fileSource(fs: FileSystem, node: NodeId): Promise<HashSource> {
  const { type, size } = await fs.stat(node);
  if (type !== 'file') throw usage(type === 'dir' ? 'EISDIR' : 'EINVAL', `A ${type} has no contents to hash`);
  return { size, read: (at, into) => fs.read(node, at, into) };
}

/**
 * The digests of a source in one pass, in lower-case hexadecimal.
 * @param report whether the job is told the bytes done
 * @throws DiskError io, corrupt, cancelled
 */
export async function hash<A extends HashAlgorithm>(source: HashSource, algorithms: readonly A[], job: JobContext, report = true): Promise<Record<A, string>> {
  const running = algorithms.map((algorithm): [A, Running] => [algorithm, start(algorithm)]);
  const buffer = new Uint8Array(Math.min(PIECE, source.size));
  for (let at = 0; at < source.size;) {
    const part = buffer.subarray(0, Math.min(buffer.length, source.size - at));
    const got = source.read(at, part);
    const count = got instanceof Promise ? await got : got;
    if (count < part.length) throw corrupt('contents', `they end at byte ${at + count}, before their size of ${source.size} bytes`);
    for (const [, each] of running) each.update(part);
    at += count;
    const pause = job.breathe();
    if (pause) {
      if (report) job.report({ done: at, total: source.size, unit: 'bytes' });
      await pause;
    }
  }
  if (report) job.report({ done: source.size, total: source.size, unit: 'bytes' });
  return Object.fromEntries(running.map(([algorithm, each]) => [algorithm, each.digest()])) as Record<A, string>;
}

interface Running {
  update(bytes: Uint8Array): void;
  digest(): string;
}

function start(algorithm: HashAlgorithm): Running {
  if (algorithm === 'crc32') {
    let sum = 0;
    return { update: (bytes) => { sum = crc(bytes, sum); }, digest: () => sum.toString(16).padStart(8, '0') };
  }
  if (algorithm !== 'crc32c') {
    const digest: Hash = createHash(algorithm);
    return { update: (bytes) => { digest.update(bytes); }, digest: () => digest.digest('hex') };
  }
  // The engines' crc32c is the bare register, as ext4 stores it; the usual checksum begins with and is turned over at the end.
  let register = 0xffffffff;
  return { update: (bytes) => { register = crc32c(register, bytes); }, digest: () => ((register ^ 0xffffffff) >>> 0).toString(16).padStart(8, '0') };
}
