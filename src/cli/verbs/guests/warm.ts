import { usage } from '../../../engines/core/errors.ts';
import { MemoryDevice } from '../../../engines/core/bytes/memory.ts';
import { displayName } from '../../../engines/core/names.ts';
import { findGuest, prepareGuest } from '../../../host/guests/index.ts';
import { EXIT, RefusedError } from '../../exit.ts';
import { CliJob } from '../../job.ts';
import { stderr } from '../../streams.ts';

/** Saves states of a guest, one for each filesystem, so that volumes of it open in less than a second instead of after a boot. */
export async function warmGuest(name: string, formats: readonly string[]): Promise<number> {
  const guest = findGuest(name);
  if (guest.state === 'missing') throw new RefusedError(`${guest.manifest.title} can't be started: ${guest.missing}`);
  const wanted = formats.map((format) => {
    const served = guest.manifest.filesystems.find((each) => each.format === format);
    if (served === undefined) throw usage('EINVAL', `${guest.manifest.title} does not mount "${displayName(format)}"`, `It mounts ${guest.manifest.filesystems.map((each) => each.format).join(', ')}.`);
    return served;
  });
  const job = new CliJob({ title: 'Saving', json: false });
  return job.run(async ({ signal }) => {
    let failed = 0;
    for (const { format, type } of wanted) {
      const failures = await prepareGuest(guest, { disks: [{ device: new MemoryDevice(new Uint8Array(1 << 20)), readOnly: true }], filesystems: [type], signal });
      failed += failures.length;
      stderr.line(failures.length === 0 ? `clutch: ${guest.manifest.title} starts warm with ${format}` : `clutch: ${format}: ${failures.map(displayName).join('; ')}`);
      stderr.flush();
    }
    return failed > 0 ? EXIT.failed : EXIT.done;
  });
}
