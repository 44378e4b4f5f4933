import { Downloads } from '../../host/guests/build/downloads.ts';
import { guestPlaces } from '../../host/guests/places.ts';
import { install as installDriver } from '../../host/install/index.ts';
import { EXIT, RefusedError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { stdout } from '../streams.ts';

export interface InstallOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Gets what mounts need: WinFsp on Windows. Elsewhere it is said what is missing, and nothing is done. */
export async function install({ force = false, json = false }: InstallOptions): Promise<number> {
  const { what, state, version, advice } = await new CliJob({ title: 'Installing', json })
    .run((job) => installDriver(force, { downloads: new Downloads(guestPlaces().downloads), job }));
  if (json) stdout.line(JSON.stringify({ what, state, version, advice }));
  else if (state === 'missing') throw new RefusedError(`${what} is not on this computer\n  ${advice}`);
  else {
    stdout.line(`${what}${version === undefined ? '' : ` ${version}`} ${state === 'installed' ? 'was installed' : 'is there: nothing to do'}`);
    if (advice !== undefined) stdout.line(advice);
  }
  return state === 'missing' ? EXIT.refused : EXIT.done;
}
