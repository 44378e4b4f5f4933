import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { usage } from '../../engines/core/errors.ts';
import { openSource } from '../../host/sources/image.ts';
import { EXIT, UsageError } from '../exit.ts';
import { type ImageOptions, selectLayer, withFilesystem, withImage } from '../open.ts';
import { findTyped } from '../paths.ts';
import { stdout } from '../streams.ts';
import { chunksOf } from './cat.ts';

export interface HexdumpOptions extends ImageOptions {
  readonly skip?: string;
  readonly length?: string;
  /** Prints repeated lines too. */
  readonly verbose?: boolean;
}

const LINE = 16;

/** Bytes of a file, of a volume (`--part` without a path) or of the image, in hexdump's canonical form. */
export async function hexdump(image: string, path: string | undefined, options: HexdumpOptions): Promise<number> {
  const skip = options.skip === undefined ? 0 : parseBytes(options.skip);
  const length = options.length === undefined ? Infinity : parseBytes(options.length);
  const dump = new Dump(skip, options.verbose === true);
  if (path !== undefined) {
    await withFilesystem(image, options, async ({ filesystem }) => {
      const { node, stat } = await findTyped(filesystem, path);
      if (stat.type !== 'file') throw usage(stat.type === 'dir' ? 'EISDIR' : 'EINVAL', `${path} is a ${stat.type}, not a file`);
      for await (const chunk of chunksOf(filesystem, node, skip, length)) dump.add(chunk);
    });
  } else if (options.part !== undefined) {
    await withImage(image, options, async (session) => dumpDevice(selectLayer(session, options.part).device, skip, length, dump), undefined, false);
  } else {
    // The file's own bytes: nothing in it needs to be understood, or unpacked.
    const { device } = openSource(image);
    try {
      dumpDevice(device, skip, length, dump);
    } finally {
      device.close();
    }
  }
  dump.end();
  return EXIT.done;
}

/** "512", "0x200", "4K" (1024 each), "1M", "2G". @throws UsageError */
export function parseBytes(text: string): number {
  const match = /^(0x[0-9a-f]+|\d+)([kmgt]?)(?:ib)?$/i.exec(text);
  const value = match ? Number(match[1]) * 1024 ** ' kmgt'.indexOf(match[2]!.toLowerCase() || ' ') : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new UsageError(`"${text}" is no number of bytes; write 512, 0x200, 4K, 1M or 2G`);
  return value;
}

function dumpDevice(device: BlockDevice, skip: number, length: number, dump: Dump): void {
  const end = Math.min(device.size, skip + length);
  const buffer = new Uint8Array(64 * 1024);
  for (let at = skip; at < end; at += buffer.length) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, end - at));
    device.read(at, chunk);
    dump.add(chunk);
  }
}

/** Lines of 16 bytes; equal ones in a row are printed as one "*". */
class Dump {
  readonly #verbose: boolean;
  #at: number;
  readonly #line = new Uint8Array(LINE);
  #filled = 0;
  #previous: Uint8Array | undefined;
  #starred = false;

  constructor(at: number, verbose: boolean) {
    this.#at = at;
    this.#verbose = verbose;
  }

  add(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length;) {
      const count = Math.min(LINE - this.#filled, chunk.length - i);
      this.#line.set(chunk.subarray(i, i + count), this.#filled);
      this.#filled += count;
      i += count;
      if (this.#filled === LINE) this.#put();
    }
  }

  end(): void {
    if (this.#filled > 0) this.#put();
    if (this.#previous) stdout.line(offsetText(this.#at));
  }

  #put(): void {
    const line = this.#line.slice(0, this.#filled);
    const repeated = !this.#verbose && this.#filled === LINE && this.#previous?.every((byte, i) => byte === line[i]) === true;
    if (!repeated) stdout.line(lineText(this.#at, line));
    else if (!this.#starred) stdout.line('*');
    this.#starred = repeated;
    this.#previous = line;
    this.#at += line.length;
    this.#filled = 0;
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function lineText(at: number, bytes: Uint8Array): string {
  let hex = '';
  let text = '';
  for (let i = 0; i < LINE; i++) {
    const byte = bytes[i];
    hex += `${i === 8 ? ' ' : ''} ${byte === undefined ? '  ' : HEX[byte]}`;
    if (byte !== undefined) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return `${offsetText(at)} ${hex}  |${text}|`;
}

function offsetText(at: number): string {
  return at.toString(16).padStart(8, '0');
}
