import type { DiskErrorData } from '../../engines/core/errors.ts';

/** The checksums that are made, the usual one first in what is proposed. */
export const HASHES = ['md5', 'sha1', 'sha256', 'sha512', 'crc32'] as const;
export type HashName = (typeof HASHES)[number];

/** Bytes as digits: lower-case hexadecimal. */
export type Digests = Partial<Record<HashName, string>>;

/** The checksums of one thing. */
export interface HashRow {
  /** Path below the folder that was asked about, as the image means it; the file's own name for an image or a volume. */
  readonly path: string;
  /** Escaped for showing. */
  readonly display: string;
  /** Bytes. */
  readonly size: number;
  readonly digests: Digests;
  /** It could not be read, or not to its end: there are no digests. */
  readonly error?: DiskErrorData;
}

/** What a list of checksums says of one file. */
export interface SumLine {
  /** As the list has it; "" for a digest alone. */
  readonly name: string;
  readonly algorithm: HashName;
  /** Lower-case hexadecimal. */
  readonly digest: string;
}

/** A list of checksums that lies beside what is hashed. */
export interface SumList {
  /** Name of its file, escaped for showing. */
  readonly display: string;
  readonly lines: readonly SumLine[];
}
