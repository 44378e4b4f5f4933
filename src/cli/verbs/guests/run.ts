import { toDiskError } from '../../../engines/core/errors.ts';
import { displayName } from '../../../engines/core/names.ts';
import { noSuchGuest } from '../../../host/guests/catalogue.ts';
import { installed } from '../../../host/guests/installed.ts';
import { treePath } from '../../../host/guests/tree-source.ts';
import { openSource } from '../../../host/sources/image.ts';
import type { GuestTree } from '../../../shared/contract/guests.ts';
import { EXIT, RefusedError, UsageError } from '../../exit.ts';
import { CliJob } from '../../job.ts';
import { stdout } from '../../streams.ts';
import { ls } from '../ls.ts';

export interface RunGuestOptions {
  readonly tree?: GuestTree;
  readonly path?: string;
  readonly json?: boolean;
}

/** Shows one of a guest's own trees; without one, starts the guest and prints what it says until Ctrl-C. */
export async function runGuest(name: string, image: string | undefined, options: RunGuestOptions): Promise<number> {
  const { tree, path = '/', json = false } = options;
  if (tree !== undefined) {
    if (tree === 'overlay' && image === undefined) throw new UsageError('--tree overlay needs an image that it lies over');
    if (tree !== 'overlay' && image !== undefined) throw new UsageError(`--tree ${tree} takes no image`);
    return ls(treePath(name, tree, image), [path], { long: true, json });
  }
  if (options.path !== undefined) throw new UsageError('--path is a path of --tree');
  return watchGuest(name, image);
}

async function watchGuest(name: string, image: string | undefined): Promise<number> {
  const support = installed();
  const guests = await support.guests();
  const guest = guests.find(({ manifest }) => manifest.name === name);
  if (guest === undefined) throw noSuchGuest(name, guests);
  const why = guest.state === 'missing' ? guest.missing : support.impossible(guest);
  if (why !== undefined) throw new RefusedError(`${guest.manifest.title} can't be started: ${why}`);
  const job = new CliJob({ title: 'Running', json: false });
  return job.run(async ({ signal }) => {
    const interrupted = new Promise<void>((resolve) => { job.onInterrupt(resolve); });
    const source = image === undefined ? undefined : openSource(image);
    try {
      const machine = await support.launch(guest, { disks: source === undefined ? [] : [{ device: source.device, readOnly: true }], filesystems: [], warm: 'never', signal });
      let unread: unknown;
      const watched = new Promise<void>((resolve) => {
        // Lines come from sockets: what is thrown there would reach nobody.
        const print = ({ at, from, text }: (typeof machine.log.lines)[number]): void => {
          if (unread !== undefined) return;
          try {
            stdout.line(`${(at / 1000).toFixed(3).padStart(9)} ${from.padEnd(8)} ${displayName(text)}`);
            stdout.flush();
          } catch (error) {
            unread = error;
            resolve();
          }
        };
        machine.log.lines.forEach(print);
        machine.log.onLine(print);
      });
      const died = await Promise.race([machine.ended, interrupted, watched]);
      const end = died ?? (await machine.stop());
      if (unread !== undefined) throw unread;
      if (end.error !== undefined) throw toDiskError(end.error);
      return EXIT.done;
    } finally {
      source?.device.close();
    }
  });
}
