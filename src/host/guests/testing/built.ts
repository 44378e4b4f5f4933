import { missingOf } from '../format.ts';
import { installed } from '../installed.ts';

/** Why tests through a real guest can't run here; undefined when they can. Printed once, so that a skip is never silent. */
export async function missingGuest(name: string): Promise<string | undefined> {
  const support = installed();
  const guest = (await support.guests()).find(({ manifest }) => manifest.name === name);
  const why = guest === undefined ? `there is no guest ${name}` : missingOf(guest, support);
  if (why === '') return undefined;
  const reason = `skipped: ${name}: ${why}`;
  console.warn(reason);
  return reason;
}
