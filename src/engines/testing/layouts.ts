import type { Fields, StructType } from '../core/layout/struct.ts';

/**
 * What is wrong with a declaration: fields that overlap (but for the pairs in `shared`, which the format itself overlays), fields that reach
 * out of the structure, and a getter that does not give back what the setter wrote. Empty when all is well.
 * @param shared groups of fields that may overlap one another: [['i_blocks_hi', 'i_osd2']]
 */
export function layoutProblems(structure: StructType<Fields>, shared: readonly (readonly string[])[] = []): string[] {
  const problems: string[] = [];
  const fields = Object.entries(structure.fields).map(([name, field]) => ({ name, field, end: field.offset + field.size })).toSorted((a, b) => a.field.offset - b.field.offset);
  fields.forEach((one, i) => {
    if (one.field.offset < 0 || one.end > structure.size) problems.push(`${one.name} reaches out of the ${structure.size} bytes of ${structure.name}`);
    for (const other of fields.slice(i + 1)) {
      if (other.field.offset >= one.end) break;
      if (!shared.some((group) => group.includes(one.name) && group.includes(other.name))) problems.push(`${one.name} and ${other.name} overlap`);
    }
    if (!survivesRoundTrip(structure, one.name)) problems.push(`${one.name} does not read back what was written`);
  });
  return problems;
}

/** Bytes of a structure that no field names, as [from, to): padding that should be on purpose. */
export function layoutGaps(structure: StructType<Fields>): [number, number][] {
  const gaps: [number, number][] = [];
  let end = 0;
  for (const field of Object.values(structure.fields).toSorted((a, b) => a.offset - b.offset)) {
    if (field.offset > end) gaps.push([end, field.offset]);
    end = Math.max(end, field.offset + field.size);
  }
  if (end < structure.size) gaps.push([end, structure.size]);
  return gaps;
}

/** Reads a field from a pattern, writes it into zeros: exactly the field's own bytes must come back, at an odd place of a larger buffer. */
function survivesRoundTrip(structure: StructType<Fields>, name: string): boolean {
  const at = 3;
  const pattern = Uint8Array.from({ length: structure.size + 8 }, (_, i) => (i * 37 + 11) & 0xff);
  const target = new Uint8Array(pattern.length);
  const field = structure.fields[name]!;
  const value: unknown = structure.at(pattern, at)[name];
  (structure.at(target, at) as Record<string, unknown>)[name] = value;
  return target.every((byte, i) => byte === (i >= at + field.offset && i < at + field.offset + field.size ? pattern[i] : 0));
}
