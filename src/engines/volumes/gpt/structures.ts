import { type BlockDevice, readBytes } from '../../core/bytes/device.ts';
import { isDiskError } from '../../core/errors.ts';
import { type Landmark, plainStructure, type Structure, type Structures, structureOf } from '../../core/layout/annotate.ts';
import type { TableCopy } from './header.ts';
import { readProtectiveMbr } from './hybrid.ts';
import { GptEntry, GptHeader, ProtectiveEntry } from './layout.ts';
import type { Located } from './locate.ts';
import { entryMeanings, headerMeanings, protectiveMeanings } from './meanings.ts';

const PROTECTIVE_ENTRIES_AT = 446;

/** The protective MBR, and both copies of a table with their entries. */
export class GptStructures implements Structures {
  readonly #device: BlockDevice;
  readonly #found: Located;

  constructor(device: BlockDevice, found: Located) {
    this.#device = device;
    this.#found = found;
  }

  *within(at: number, length: number): Iterable<Structure> {
    const end = at + length;
    if (at < 512 && readProtectiveMbr(this.#device).kind !== 'missing') yield* this.#protective();
    for (const [copy, name] of this.#copies()) {
      if (copy.at < end && copy.at + copy.sectorSize > at) yield* this.#header(copy, name);
      if (copy.entries !== undefined && copy.entriesAt! < end && copy.entriesAt! + copy.entries.length > at) yield* entries(copy, copy.entries, name, at, end);
    }
  }

  *landmarks(): Iterable<Landmark> {
    if (readProtectiveMbr(this.#device).kind !== 'missing') yield { at: 0, length: 512, name: 'protective MBR' };
    for (const [copy, name] of this.#copies()) {
      yield { at: copy.at, length: GptHeader.size, name: headerName(name) };
      if (copy.entries !== undefined) yield { at: copy.entriesAt!, length: copy.entries.length, name: `${name}GPT entries` };
    }
  }

  *#copies(): Iterable<readonly [TableCopy, string]> {
    if (this.#found.primary !== undefined) yield [this.#found.primary, ''];
    if (this.#found.backup !== undefined) yield [this.#found.backup, 'backup '];
  }

  *#header(copy: TableCopy, name: string): Iterable<Structure> {
    const sector = this.#read(copy.at, copy.sectorSize);
    const header = sector && structureOf(GptHeader, sector, 0, copy.at, headerName(name), headerMeanings(copy, sector));
    if (header !== undefined) yield header;
  }

  *#protective(): Iterable<Structure> {
    const sector = this.#read(0, 512);
    if (sector === undefined) return;
    yield plainStructure(0, 512, 'protective MBR');
    for (let i = 0; i < 4; i++) {
      const from = PROTECTIVE_ENTRIES_AT + i * ProtectiveEntry.size;
      const entry = structureOf(ProtectiveEntry, sector, from, from, `protective MBR entry ${i + 1}`, protectiveMeanings);
      if (entry !== undefined) yield entry;
    }
  }

  #read(at: number, length: number): Uint8Array | undefined {
    try {
      return readBytes(this.#device, at, length);
    } catch (error) {
      if (!isDiskError(error)) throw error;
      return undefined;
    }
  }
}

function headerName(name: string): string {
  return `${name}GPT header`;
}

/** Those that touch [at, end): the array's length was checked when it was read. */
function* entries(copy: TableCopy, array: Uint8Array, name: string, at: number, end: number): Iterable<Structure> {
  const size = copy.header.size_of_partition_entry;
  const start = copy.entriesAt!;
  const first = Math.max(0, Math.floor((at - start) / size));
  const meanings = entryMeanings(copy.sectorSize);
  for (let i = first; i * size + size <= array.length && start + i * size < end; i++) {
    const entry = structureOf(GptEntry, array, i * size, start + i * size, `${name}GPT entry ${i + 1}`, meanings);
    if (entry !== undefined) yield { ...entry, length: size };
  }
}
