import { plainStructure, type Structure, structureOf } from '../../../core/layout/annotate.ts';
import * as layout from '../journal/layout.ts';
import { commitMeanings, headerMeanings, journalSuperblockMeanings, tagMeanings } from '../journal/meanings.ts';

/**
 * A block of the journal, told by its own header. A copy of a filesystem's block begins with the journal's magic only when it was escaped, so
 * what has the magic is the journal's own.
 * @param logical block of the journal
 * @param version3 the tags of descriptors are of checksum version 3
 */
export function* journalStructures(bytes: Uint8Array, at: number, logical: number, version3: boolean): Iterable<Structure> {
  const { h_magic: magic, h_blocktype: type, h_sequence: sequence } = layout.JournalHeader.at(bytes);
  if (magic !== layout.MAGIC) {
    yield plainStructure(at, bytes.length, `journal block ${logical}`);
    return;
  }
  const made = headOf(bytes, at, logical, type, sequence);
  if (made !== undefined) yield made;
  if (type !== layout.DESCRIPTOR_BLOCK || !version3) return;
  for (let from = layout.JournalHeader.size, i = 0; from + layout.BlockTag3.size <= bytes.length; i++) {
    const { t_flags: flags } = layout.BlockTag3.at(bytes, from);
    const tag = structureOf(layout.BlockTag3, bytes, from, at + from, `tag ${i} of journal block ${logical}`, tagMeanings);
    if (tag !== undefined) yield tag;
    if ((flags & layout.FLAG_LAST_TAG) !== 0) return;
    from += layout.BlockTag3.size + ((flags & layout.FLAG_SAME_UUID) === 0 ? layout.UUID_SIZE : 0);
  }
}

function headOf(bytes: Uint8Array, at: number, logical: number, type: number, sequence: number): Structure | undefined {
  if (type === layout.SUPERBLOCK_V1 || type === layout.SUPERBLOCK_V2) return structureOf(layout.JournalSuperblock, bytes, 0, at, 'journal superblock', journalSuperblockMeanings);
  if (type === layout.COMMIT_BLOCK) return structureOf(layout.CommitHeader, bytes, 0, at, `journal commit block ${logical} of transaction ${sequence}`, commitMeanings);
  if (type === layout.REVOKE_BLOCK) return structureOf(layout.RevokeHeader, bytes, 0, at, `journal revoke block ${logical} of transaction ${sequence}`, headerMeanings as object);
  return structureOf(layout.JournalHeader, bytes, 0, at, `journal ${type === layout.DESCRIPTOR_BLOCK ? 'descriptor' : 'unknown'} block ${logical} of transaction ${sequence}`, headerMeanings);
}
