/** Everything in a tar file is in blocks of this many bytes. */
export const BLOCK = 512;

/** What fits a ustar header (POSIX.1-2017, pax, "ustar Interchange Format"). The rest goes into pax records. */
export interface UstarFields {
  readonly path: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the data that follows. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly typeflag: string;
  readonly link?: Uint8Array;
  readonly device?: { readonly major: number; readonly minor: number };
}

/** Largest numbers of the octal fields: 7 and 11 digits. */
export const MAX_ID = 0o7777777;
export const MAX_SIZE = 0o77777777777;

/** Bytes of the link field, of the name field, and of the prefix before it. */
export const LINK_LENGTH = 100;
const NAME_LENGTH = 100;
const PREFIX_LENGTH = 155;

/** One header block. Numbers that do not fit are written as 0, paths are cut: a pax record says them right. */
export function ustarHeader(fields: UstarFields): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const split = splitPath(fields.path);
  block.set(split ? fields.path.subarray(split.nameAt) : fields.path.subarray(0, NAME_LENGTH), 0);
  if (split) block.set(fields.path.subarray(0, split.prefixLength), 345);
  putOctal(block, 100, 8, fields.mode);
  putOctal(block, 108, 8, fields.uid);
  putOctal(block, 116, 8, fields.gid);
  putOctal(block, 124, 12, fields.size);
  putOctal(block, 136, 12, fields.mtime);
  putText(block, 156, fields.typeflag);
  if (fields.link) block.set(fields.link.subarray(0, LINK_LENGTH), 157);
  putText(block, 257, 'ustar\u000000');
  if (fields.device) {
    putOctal(block, 329, 8, fields.device.major);
    putOctal(block, 337, 8, fields.device.minor);
  }
  putText(block, 148, '        ');
  let sum = 0;
  for (const byte of block) sum += byte;
  // Six digits, NUL, space: the odd one out among the fields.
  putText(block, 148, `${sum.toString(8).padStart(6, '0')}\u0000 `);
  return block;
}

/** Whether a path fits the name field, with or without the prefix. */
export function fitsPath(path: Uint8Array): boolean {
  return splitPath(path) !== undefined;
}

/** Bytes that follow `size` bytes of data up to the next block. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function splitPath(path: Uint8Array): { readonly prefixLength: number; readonly nameAt: number } | undefined {
  if (path.length <= NAME_LENGTH) return { prefixLength: 0, nameAt: 0 };
  // The slash between the two is in neither. A directory's own slash at the end is no place to split.
  for (let slash = Math.min(PREFIX_LENGTH, path.length - 2); slash > 0; slash--) {
    if (path.length - slash - 1 > NAME_LENGTH) return undefined;
    if (path[slash] === 0x2f) return { prefixLength: slash, nameAt: slash + 1 };
  }
  return undefined;
}

function putOctal(block: Uint8Array, at: number, width: number, value: number): void {
  const fits = Number.isSafeInteger(value) && value >= 0 && value < 8 ** (width - 1);
  putText(block, at, (fits ? value : 0).toString(8).padStart(width - 1, '0'));
}

function putText(block: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) block[at + i] = text.charCodeAt(i);
}
