import { DiskError } from '../../core/errors.ts';

/** An archive that breaks the rules of its format. No check of the filesystem tells more: the archive came from elsewhere. */
export function badArchive(structure: string, message: string): DiskError {
  return new DiskError({ kind: 'corrupt', place: { structure } }, `${structure}: ${message}`, 'It is no tar archive, is damaged, or was cut short.');
}
