import { displayName } from '../../../engines/core/names.ts';
import { addGuest } from '../../../host/guests/index.ts';
import { EXIT } from '../../exit.ts';
import { stderr } from '../../streams.ts';

/** Takes a described guest into the catalogue. */
export async function add(directory: string): Promise<number> {
  const { manifest, folder, missing } = addGuest(directory);
  stderr.line(`clutch: added ${manifest.name} (${displayName(manifest.title)}) as ${displayName(folder)}${missing === '' ? '' : `\n  next: ${displayName(missing)}`}`);
  return EXIT.done;
}
