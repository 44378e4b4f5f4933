import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { missingGuest } from './testing/built.ts';

const missing = await missingGuest('linux-6.12');

/** Milliseconds: guests boot under emulation, on a machine that does other things, too. */
const LONG = 900_000;

/** Runs a driver as npm does; it says all that went wrong. */
async function drive(name: string, ...args: string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'scripts', `${name}.mjs`), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => { said += text.toString(); });
  const [code] = await once(child, 'close') as [number | null];
  return { code, said };
}

describe.skipIf(missing !== undefined)(`what is hostile to a guest harms nobody else${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('damaged images are opened or refused with a reason, and nothing stays behind', async () => {
    const { code, said } = await drive('guests-fuzz', '--count', '6', '--seed', '1');
    expect(code, said).toBe(0);
    expect(said).toMatch(/^guests-fuzz: 6 images: .* 0 failures$/m);
  }, LONG);

  it('an image is whole when QEMU or its user is killed', async () => {
    const { code, said } = await drive('guests-kill', '--count', '4', '--seed', '1');
    // 2: none of the filesystems' own tools is here.
    expect([0, 2], said).toContain(code);
    if (code === 0) expect(said).toMatch(/^guests-kill: 4 kills, 0 failures$/m);
  }, LONG);
});
