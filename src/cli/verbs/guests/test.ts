import { toDiskError } from '../../../engines/core/errors.ts';
import { displayName } from '../../../engines/core/names.ts';
import { noSuchGuest } from '../../../host/guests/catalogue.ts';
import { missingOf } from '../../../host/guests/format.ts';
import { installed } from '../../../host/guests/installed.ts';
import type { Guest } from '../../../host/guests/manifest.ts';
import type { GuestSupport } from '../../../host/guests/support.ts';
import { EXIT, RefusedError } from '../../exit.ts';
import { CliJob } from '../../job.ts';
import { stdout } from '../../streams.ts';

/** What a test writes into a guest's memory and reads back. */
const TEXT = new TextEncoder().encode('Clutch was here\n');

interface Outcome {
  readonly guest: string;
  readonly ok: boolean;
  readonly message: string;
  /** Milliseconds until the guest answered, and of all of it. */
  readonly started?: number;
  readonly seconds?: number;
  readonly start?: string;
  readonly accelerator?: string;
}

/** Starts guests without any image, writes a file into their memory, reads it back, and stops them. */
export async function testGuests(names: readonly string[], options: { readonly json?: boolean; readonly cold?: boolean }): Promise<number> {
  const support = installed();
  const all = await support.guests();
  for (const name of names) if (!all.some(({ manifest }) => manifest.name === name)) throw noSuchGuest(name, all);
  const wanted = names.length > 0 ? all.filter(({ manifest }) => names.includes(manifest.name)) : all.filter((guest) => missingOf(guest, support) === '');
  if (wanted.length === 0) throw new RefusedError('No guest is built; clutch guests build makes them');
  const job = new CliJob({ title: 'Testing', json: options.json === true });
  return job.run(async (context) => {
    let failed = 0;
    for (const guest of wanted) {
      const outcome = await test(guest, support, options.cold === true, context.signal);
      if (!outcome.ok) failed++;
      stdout.line(options.json ? JSON.stringify(outcome) : `${outcome.ok ? 'ok    ' : 'FAILED'}  ${outcome.guest}: ${displayName(outcome.message)}`);
      stdout.flush();
    }
    return failed > 0 ? EXIT.failed : EXIT.done;
  });
}

async function test(guest: Guest, support: GuestSupport, cold: boolean, signal: { readonly aborted: boolean }): Promise<Outcome> {
  const { name } = guest.manifest;
  const missing = missingOf(guest, support);
  if (missing !== '') return { guest: name, ok: false, message: missing };
  const began = performance.now();
  try {
    const machine = await support.launch(guest, { disks: [], filesystems: [], signal, ...(cold ? { warm: 'never' } : {}) });
    try {
      const started = Math.round(performance.now() - began);
      const tree = guest.manifest.trees.includes('tmpfs') ? 'tmpfs' : undefined;
      if (tree !== undefined) {
        const fs = await support.connect(await machine.serve(tree), { guest, machine, write: true });
        const node = await fs.writer!.create(fs.root, 'test', { mode: 0o600 });
        await fs.writer!.write(node, 0, TEXT);
        await fs.writer!.sync();
        const back = new Uint8Array(TEXT.length);
        const got = await fs.read(node, 0, back);
        await fs.close();
        if (got !== TEXT.length || !back.every((byte, i) => byte === TEXT[i])) return { guest: name, ok: false, message: 'what was written was not read back' };
      }
      const { error } = await machine.stop();
      if (error !== undefined) return { guest: name, ok: false, message: error.message };
      return { guest: name, ok: true, message: `${machine.start} start in ${(started / 1000).toFixed(1)} s (${machine.accelerator})${tree === undefined ? '' : ', a file written and read back'}, stopped cleanly`, started, seconds: Math.round((performance.now() - began) / 100) / 10, start: machine.start, accelerator: machine.accelerator };
    } finally {
      await machine.kill();
    }
  } catch (error) {
    const known = toDiskError(error);
    if (known.kind === 'cancelled') throw known;
    return { guest: name, ok: false, message: known.message };
  }
}
