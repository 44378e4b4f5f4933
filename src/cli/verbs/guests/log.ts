import { usage } from '../../../engines/core/errors.ts';
import { logNames, readLog } from '../../../host/guests/log-files.ts';
import { EXIT } from '../../exit.ts';
import { stdout } from '../../streams.ts';

/** Prints what a guest said when it ran last: console, QMP, agent, and the times of each step of its boot. */
export async function guestLog(name: string | undefined, options: { readonly list?: boolean }): Promise<number> {
  const names = logNames(name);
  if (options.list) {
    for (const each of names) stdout.line(each.replace(/\.log$/, ''));
    return EXIT.done;
  }
  const [newest] = names;
  if (newest === undefined) {
    // A guest that was removed may have left logs; one that has none is to be there at least.
    if (name !== undefined) (await import('../../../host/guests/index.ts')).findGuest(name);
    throw usage('ENOENT', name === undefined ? 'No guest has run here yet' : `Guest ${name} has not run here yet`);
  }
  stdout.write(readLog(newest));
  return EXIT.done;
}
