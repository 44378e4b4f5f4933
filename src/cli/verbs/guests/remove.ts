import { removeGuest } from '../../../host/guests/index.ts';
import { EXIT } from '../../exit.ts';
import { stderr } from '../../streams.ts';

/** Removes an added guest, or what was built of one that comes with Clutch. */
export async function remove(name: string): Promise<number> {
  stderr.line(removeGuest(name) === 'guest' ? `clutch: removed ${name}` : `clutch: removed what was built of ${name}; it can be built again`);
  return EXIT.done;
}
