import { FCOMMENT, FEXTRA, FHCRC, FNAME } from '../../codecs/gzip-header.ts';
import { type Landmark, plainStructure, type Structure, type Structures, structureOf } from '../../core/layout/annotate.ts';
import { decodeName } from '../../core/names.ts';
import { GzipExtra, GzipMember } from './layout.ts';
import { memberMeanings } from './meanings.ts';

/** The header of the first member, from the bytes that it was read from. Where later members begin is only known by unpacking. */
export function gzipStructures(bytes: Uint8Array): Structures {
  const all = [...headerStructures(bytes)];
  return {
    within: (at, length) => all.filter((each) => each.at < at + length && each.at + each.length > at),
    landmarks: (): Landmark[] => all.slice(0, 1).map(({ at, length, name }) => ({ at, length, name })),
  };
}

/** Stops at the first part that is not wholly there. */
function* headerStructures(bytes: Uint8Array): Iterable<Structure> {
  const head = structureOf(GzipMember, bytes, 0, 0, 'gzip header', memberMeanings);
  if (head === undefined) return;
  yield head;
  const { FLG: flags } = GzipMember.at(bytes);
  let at = GzipMember.size;
  if (flags & FEXTRA) {
    const extra = structureOf(GzipExtra, bytes, at, at, 'gzip extra field');
    if (extra === undefined) return;
    const { XLEN: length } = GzipExtra.at(bytes, at);
    yield { ...extra, length: extra.length + length };
    at += extra.length + length;
  }
  for (const [flag, name] of [[FNAME, 'original name'], [FCOMMENT, 'comment']] as const) {
    if (!(flags & flag)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) return;
    yield plainStructure(at, end + 1 - at, name, `"${decodeName(bytes, at, end)}"`);
    at = end + 1;
  }
  if (flags & FHCRC && at + 2 <= bytes.length) yield plainStructure(at, 2, 'checksum of the gzip header');
}
