import type { Layer } from '../../engines/core/layer.ts';
import type { FieldNote, Landmark, Structure } from '../../engines/core/layout/annotate.ts';
import { displayName } from '../../engines/core/names.ts';
import type { FieldRow, PlaceRow, StructureRow } from '../../shared/contract/bytes.ts';

/** Structures of one answer: a crafted directory block has thousands of entries. */
const MOST_STRUCTURES = 4096;
/** Fields of one answer. */
const MOST_FIELDS = 32_768;
/** Places of one answer. */
const MOST_PLACES = 512;
/** Characters of a name, a value or a meaning. */
const LONGEST = 300;

/** What lies in [at, at + length) of a layer: its own structures, and those of the layers inside it whose bytes it holds one to one. */
export function structureRows(layer: Layer, at: number, length: number): StructureRow[] {
  const rows: StructureRow[] = [];
  let fields = 0;
  for (const { inner, shift } of layersWithin(layer, at, length)) {
    for (const structure of inner.structures?.within(at - shift, length) ?? []) {
      const row = structureRow(structure, inner.path, shift);
      fields += row.fields.length;
      if (rows.length >= MOST_STRUCTURES || fields > MOST_FIELDS) return rows;
      rows.push(row);
    }
  }
  return rows;
}

/** Where to go in a layer: volumes, and what the engines think worth it. Nothing outside the layer. */
export function placeRows(layer: Layer): PlaceRow[] {
  const rows: PlaceRow[] = [];
  const add = (landmark: Landmark, path: string, shift: number): void => {
    const at = landmark.at + shift;
    if (Number.isSafeInteger(at) && at >= 0 && at < layer.device.size) rows.push({ at, length: landmark.length, name: shown(landmark.name), layer: path });
  };
  for (const { inner, shift } of layersWithin(layer, 0, layer.device.size)) {
    if (inner.kind === 'volume' && inner !== layer) add({ at: 0, length: inner.size, name: inner.label || inner.title }, inner.path, shift);
    for (const landmark of inner.structures?.landmarks() ?? []) {
      // Each layer reads its descriptors for them, and a crafted table has thousands of layers.
      if (rows.length >= MOST_PLACES) return rows;
      add(landmark, inner.path, shift);
    }
  }
  return rows;
}

/** A layer and those inside it that touch its bytes, with where each begins in it. A container's inside are other bytes. */
function* layersWithin(layer: Layer, at: number, length: number, shift = 0): Iterable<{ readonly inner: Layer; readonly shift: number }> {
  yield { inner: layer, shift };
  if (layer.kind === 'container') return;
  for (const child of layer.children) {
    // A volume's content begins where the volume does.
    const begin = layer.kind === 'table' ? shift + child.offset : shift;
    if (begin < at + length && begin + child.device.size > at) yield* layersWithin(child, at, length, begin);
  }
}

function structureRow(structure: Structure, layer: string, shift: number): StructureRow {
  const { at, length, name, type, meaning } = structure;
  return {
    at: at + shift, length, name: shown(name), layer, fields: structure.fields().map((field) => fieldRow(field, shift)),
    ...(type === undefined ? {} : { type }), ...(meaning === undefined ? {} : { meaning: shown(meaning) }),
  };
}

function fieldRow({ at, length, name, type, value, meaning }: FieldNote, shift: number): FieldRow {
  return { at: at + shift, length, name, type, value: shown(value), ...(meaning === undefined ? {} : { meaning: shown(meaning) }) };
}

function shown(text: string): string {
  const display = displayName(text);
  return display.length > LONGEST ? `${display.slice(0, LONGEST)}…` : display;
}
