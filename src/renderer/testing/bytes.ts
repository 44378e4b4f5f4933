import { ioError } from '../../engines/core/errors.ts';
import { inHex, structureOf } from '../../engines/core/layout/annotate.ts';
import { bytes, struct, u16, u32 } from '../../engines/core/layout/struct.ts';
import type { FindBytesEvent, PlaceRow, StructureRow } from '../../shared/contract/bytes.ts';

/** Raw bytes as tests see them: a pattern that never ends, with a superblock at 1024 whose second word is hostile text. */

const SUPERBLOCK_AT = 1024;
/** An override, a control character and a name that is far too long: escaped, as the host does it. */
const HOSTILE = `\\u{202e}gpj.exe\\x07${'very-long-label-'.repeat(30)}`;

/** A damaged sector in images of this size. */
const UNREADABLE = { of: 64 << 20, from: 0x200_0000, to: 0x200_0200 };

const SuperBlock = struct('ext4_super_block', 1024, {
  s_inodes_count: u32(0), s_blocks_count_lo: u32(4), s_first_data_block: u32(0x14), s_log_block_size: u32(0x18), s_magic: u16(0x38), s_state: u16(0x3a), s_volume_name: bytes(0x78, 16),
});

const block = new Uint8Array(SuperBlock.size);
Object.assign(SuperBlock.at(block), { s_inodes_count: 8192, s_blocks_count_lo: 32_768, s_log_block_size: 2, s_magic: 0xef53, s_state: 1, s_volume_name: new TextEncoder().encode('root') });

/** The byte at `at` of any layer. */
export function fakeByte(at: number): number {
  if (at < 64) return 'CLUTCH test image, nothing in it is known.\0'.charCodeAt(at % 43);
  if (at >= SUPERBLOCK_AT && at < SUPERBLOCK_AT + block.length) return block[at - SUPERBLOCK_AT]!;
  return (at * 13) % 256;
}

/** What `bytes.read` answers of something of `size` bytes. */
export function fakeBytes(at: number, length: number, size: number): { bytes: Uint8Array; size: number } {
  if (size === UNREADABLE.of && at < UNREADABLE.to && at + length > UNREADABLE.from) throw ioError('The disk does not give back these sectors', { structure: 'device', at: UNREADABLE.from });
  return { bytes: Uint8Array.from({ length: Math.max(0, Math.min(length, size - at)) }, (_, i) => fakeByte(at + i)), size };
}

export function fakeStructures(layer: string, at: number, length: number): StructureRow[] {
  const superblock = structureOf(SuperBlock, block, 0, SUPERBLOCK_AT, 'superblock', {
    s_log_block_size: (value) => String(1024 << value), s_magic: (value) => inHex(value, 'ext2, ext3 or ext4'), s_state: () => 'clean', s_volume_name: () => HOSTILE,
  })!;
  const rows: StructureRow[] = [
    { at: 0, length: 1024, name: 'boot block', layer, fields: [] },
    { ...superblock, layer, fields: superblock.fields() },
    { at: 8192, length: 4096, name: `directory entry "${HOSTILE}"`, layer, fields: [] },
  ];
  return rows.filter((row) => row.at < at + length && row.at + row.length > at);
}

export function fakePlaces(layer: string): PlaceRow[] {
  return [
    { at: SUPERBLOCK_AT, length: 1024, name: 'superblock', layer }, { at: 4096, length: 64, name: 'group descriptors', layer }, { at: 8192, length: 4096, name: 'root directory', layer },
  ];
}

export async function* fakeFind(size: number, request: { pattern: Uint8Array; from: number; direction: 'forward' | 'backward' }): AsyncGenerator<FindBytesEvent> {
  const { pattern, from, direction } = request;
  const end = Math.min(size - pattern.length, 1 << 20);
  const step = direction === 'forward' ? 1 : -1;
  yield { event: 'progress', at: from };
  for (let at = Math.min(from, end); at >= 0 && at <= end; at += step) {
    if (pattern.every((byte, i) => fakeByte(at + i) === byte)) {
      yield { event: 'end', at };
      return;
    }
  }
  yield { event: 'end' };
}
