import { DEFLATE, FCOMMENT, FEXTRA, FHCRC, FNAME, SYSTEMS } from '../../codecs/gzip-header.ts';
import { asExpected, bitNames, inHex, isoTime, type Meanings } from '../../core/layout/annotate.ts';
import type { GzipMember } from './layout.ts';

const FLAGS = [[1, 'text'], [FHCRC, 'header checksum'], [FEXTRA, 'extra field'], [FNAME, 'name'], [FCOMMENT, 'comment']] as const;

/** What the fields of a gzip header mean. */
export const memberMeanings: Meanings<typeof GzipMember.fields> = {
  ID1: (value) => asExpected(value, 0x1f, 'gzip'),
  ID2: (value) => asExpected(value, 0x8b, 'gzip'),
  CM: (value) => (value === DEFLATE ? 'deflate' : undefined),
  FLG: (value) => inHex(value, bitNames(value, FLAGS)),
  MTIME: (value) => isoTime(value) ?? 'not known',
  XFL: (value) => (value === 2 ? 'smallest' : value === 4 ? 'fastest' : undefined),
  OS: (value) => (value === 255 ? 'unknown' : SYSTEMS[value]),
};
