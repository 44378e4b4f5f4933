import { useEffect, useMemo } from 'react';
import type { StructureRow } from '../../../shared/contract/bytes.ts';
import { useChanges } from '../../app/changes.ts';
import type { HostClient } from '../../app/services.ts';
import { type HexBlock, hexBlock } from '../../models/hex-block.ts';
import { RowCache } from '../../models/rows.ts';

/** Bytes a line of the cache, whatever the view shows a row. */
export const LINE = 16;

/** What is shown: a layer, or a file in it. */
export interface BytesSource {
  readonly host: HostClient;
  readonly layer: string;
  readonly node: number | undefined;
  /** Bytes. */
  readonly size: number;
}

/** Lines of bytes with what they are, fetched as they come into view; what scrolled away first is cancelled. Each line knows the block that it came with. */
export type HexLines = RowCache<HexBlock>;

export function useBytes({ host, layer, node, size }: BytesSource): HexLines {
  const lines = useMemo(() => new RowCache<HexBlock>(Math.ceil(size / LINE), (from, count, signal) => fetchLines({ host, layer, node, size }, from, count, signal)), [host, layer, node, size]);
  useEffect(() => () => lines.close(), [lines]);
  useChanges(lines);
  return lines;
}

async function fetchLines({ host, layer, node, size }: BytesSource, from: number, count: number, signal: AbortSignal): Promise<HexBlock[]> {
  const at = from * LINE;
  const length = Math.min(count * LINE, size - at);
  const [read, structures] = await Promise.all([
    host.call('bytes.read', { layer, at, length, ...(node === undefined ? {} : { node }) }, signal),
    // Bytes are worth seeing without their meanings, too.
    node === undefined ? host.call('bytes.structures', { layer, at, length }, signal).catch((): StructureRow[] => []) : [],
  ]);
  const block = hexBlock(at, read.bytes, structures);
  return Array.from({ length: count }, () => block);
}

/** The block that holds a byte, once it was read. */
export function blockAt(lines: HexLines, at: number): HexBlock | undefined {
  const block = lines.get(Math.floor(at / LINE));
  return block !== undefined && at - block.at < block.bytes.length ? block : undefined;
}

/** Bytes [from, to) as far as they are there: the first missing one ends them. */
export function bytesBetween(lines: HexLines, from: number, to: number): Uint8Array {
  const bytes: number[] = [];
  for (let at = from; at < to; at++) {
    const block = blockAt(lines, at);
    if (block === undefined) break;
    bytes.push(block.bytes[at - block.at]!);
  }
  return Uint8Array.from(bytes);
}
