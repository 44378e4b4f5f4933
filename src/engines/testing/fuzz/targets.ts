import { crc32 } from '../../codecs/crc32.ts';
import type { Fields, StructType } from '../../core/layout/struct.ts';
import { GptEntry, GptHeader, SIGNATURE } from '../../volumes/gpt/layout.ts';
import { PartitionEntry } from '../../volumes/mbr/layout.ts';
import { sealGptHeader } from '../tables.ts';

/** A structure in a seed image whose fields are worth changing. */
export interface Target {
  /** The structure's kind: kinds are picked evenly, however many there are of each. */
  readonly kind: string;
  /** Byte offset in the image. */
  readonly at: number;
  readonly fields: readonly TargetField[];
  readonly seal?: Seal;
}

/** How the checksum over a structure is made right again. */
export interface Seal {
  /** The bytes that it writes, as [offset, length], so that they can be put back. */
  readonly writes: readonly (readonly [number, number])[];
  apply(image: Uint8Array): void;
}

/** In bytes, from the structure's start. */
export interface TargetField {
  readonly offset: number;
  readonly size: number;
  readonly bigEndian: boolean;
}

/** The fields of a declared structure that end within this many bytes. */
export function fieldsOf(structure: StructType<Fields>, within = structure.size): TargetField[] {
  return Object.values(structure.fields).filter((field) => field.offset + field.size <= within)
    .map((field) => ({ offset: field.offset, size: field.size, bigEndian: field.type.endsWith('be') }));
}

/** Every structure that is known in an image: partition tables here, filesystems by their own finders. */
export function tableTargets(image: Uint8Array): Target[] {
  const targets: Target[] = [];
  if (image[510] !== 0x55 || image[511] !== 0xaa) return targets;
  const boot = (at: number): void => {
    for (let i = 0; i < 4; i++) targets.push({ kind: 'mbr entry', at: at + 446 + i * 16, fields: fieldsOf(PartitionEntry) });
  };
  boot(0);
  // Extended boot records of the seeds lie on whole sectors and end in the signature.
  for (let at = 512; at + 512 <= image.length && targets.length < 400; at += 512) {
    if (image[at + 510] === 0x55 && image[at + 511] === 0xaa) boot(at);
    if (SIGNATURE.every((byte, i) => image[at + i] === byte)) targets.push(...gptTargets(image, at));
  }
  return targets;
}

function gptTargets(image: Uint8Array, at: number): Target[] {
  const header = GptHeader.at(image, at);
  const array = Number(header.partition_entry_lba) * (at === 4096 || (image.length - at) === 4096 ? 4096 : 512);
  const length = header.number_of_partition_entries * header.size_of_partition_entry;
  const sealHeader: Seal = { writes: [[at, GptHeader.size]], apply: (bytes) => sealGptHeader(bytes, at) };
  const sealArray: Seal = {
    writes: [[at, GptHeader.size]],
    apply(bytes) {
      GptHeader.at(bytes, at).partition_entry_array_crc32 = crc32(bytes.subarray(array, array + length));
      sealGptHeader(bytes, at);
    },
  };
  const targets: Target[] = [{ kind: 'gpt header', at, fields: fieldsOf(GptHeader), seal: sealHeader }];
  for (let i = 0; i < 8; i++) targets.push({ kind: 'gpt entry', at: array + i * header.size_of_partition_entry, fields: fieldsOf(GptEntry), seal: sealArray });
  return targets;
}
