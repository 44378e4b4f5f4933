import type { EntryType } from '../../engines/core/filesystem.ts';
import type { DiskErrorData } from '../../engines/core/errors.ts';

/** Encodings that a text can be read in, by the labels of the WHATWG Encoding Standard, and UTF-32, which it does not have. */
export const TEXT_ENCODINGS = [
  'utf-8', 'utf-16le', 'utf-16be', 'utf-32le', 'utf-32be',
  'windows-1252', 'windows-1250', 'iso-8859-2', 'windows-1257', 'windows-1254',
  'windows-1251', 'koi8-r', 'ibm866', 'iso-8859-5', 'windows-1253', 'iso-8859-7', 'windows-1255', 'windows-1256',
  'shift_jis', 'euc-jp', 'gb18030', 'big5', 'euc-kr',
] as const;
export type TextEncoding = (typeof TEXT_ENCODINGS)[number];

/** A part of a text: whole characters from byte `at` on. */
export interface TextPart {
  /** As it is: whoever shows it makes control characters visible. */
  readonly text: string;
  /** Byte at which the rest begins; absent at the end. */
  readonly next?: number;
}

/** A member of an archive, as the archive tells it. Nothing of it is believed, and nothing unpacked for it. */
export interface ArchiveRow {
  /** Path in the archive, escaped for showing. */
  readonly display: string;
  readonly type: EntryType;
  /** Bytes when unpacked. */
  readonly size: number;
  /** A link's target, escaped for showing. */
  readonly target?: string;
}

/** What a quick look and the preview pane show. What a file is, its bytes say, never its name. */
export type Preview =
  | { readonly kind: 'text'; readonly encoding: TextEncoding; /** Whether a byte order mark says so. */ readonly mark: boolean; readonly part: TextPart; /** Bytes. */ readonly size: number }
  | { readonly kind: 'picture'; readonly mime: string; readonly width: number; readonly height: number; readonly bytes: Uint8Array }
  /** A picture that is not decoded: its file or what comes out of it is too large, or its header makes no sense. */
  | { readonly kind: 'no-picture'; readonly mime: string; readonly reason: 'bytes' | 'pixels' | 'damaged'; readonly width?: number; readonly height?: number; /** The most that is shown: bytes, or pixels. */ readonly limit?: number }
  | {
    readonly kind: 'archive'; readonly format: 'zip' | 'tar' | 'tar.gz' | 'gzip'; readonly rows: readonly ArchiveRow[];
    /** Members in all, where the archive says how many. */
    readonly total?: number;
    /** Whether there are, or may be, more than `rows`. */
    readonly more: boolean;
    readonly error?: DiskErrorData;
  }
  | { readonly kind: 'binary'; readonly bytes: Uint8Array; /** Bytes in all. */ readonly size: number; /** A format of disk images that the bytes are ("ext4", "GPT"). */ readonly image?: string }
  | { readonly kind: 'folder'; readonly count: number; /** Whether it was not counted to its end. */ readonly more: boolean; readonly names: readonly { readonly display: string; readonly type: EntryType | undefined }[] }
  | { readonly kind: 'device'; readonly type: 'char' | 'block'; readonly major: number; readonly minor: number }
  | { readonly kind: 'none'; readonly reason: 'empty' | 'link' | 'pipe' | 'socket' };
