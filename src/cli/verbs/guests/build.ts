import { toDiskError } from '../../../engines/core/errors.ts';
import { buildGuest, catalogue, findGuest, readBuilt } from '../../../host/guests/index.ts';
import { EXIT, errorText, exitStatus } from '../../exit.ts';
import { CliJob } from '../../job.ts';
import { stderr } from '../../streams.ts';
import { counted } from '../../text.ts';

export interface BuildGuestsOptions {
  readonly mirror?: string;
  readonly security?: string;
  readonly offline?: boolean;
  readonly allowExpired?: boolean;
}

/** Builds guests, one after another. One that fails does not keep the others from being built. */
export async function buildGuests(names: readonly string[], options: BuildGuestsOptions): Promise<number> {
  const wanted = names.length > 0 ? names.map((name) => findGuest(name)) : catalogue().guests.filter(({ state, manifest: { source } }) => state !== 'built' && source !== undefined && source.compile === undefined);
  if (wanted.length === 0) stderr.line('clutch: all guests that can be built are built');
  let status: number = EXIT.done;
  const job = new CliJob({ title: 'Building', json: false });
  await job.run(async (context) => {
    for (const { manifest: { name, title } } of wanted) {
      const started = performance.now();
      try {
        const guest = await buildGuest(name, { ...options, job: context });
        const { kernelVersion = '', packages = [] } = readBuilt(guest.files) ?? {};
        stderr.line(`clutch: built ${title} (${kernelVersion}, from ${counted(packages.length, 'package')}) in ${((performance.now() - started) / 1000).toFixed(0)} s`);
      } catch (error) {
        if (toDiskError(error).kind === 'cancelled') throw error;
        stderr.line(errorText(error, name));
        status = Math.max(status, exitStatus(error));
      }
    }
  });
  return status;
}
