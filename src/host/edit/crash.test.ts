import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { build } from 'vite';
import { afterAll, describe, expect, it } from 'vitest';
import { random } from '../../engines/testing/fuzz/random.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WritableFileSystem } from '../jobs/untar.ts';
import { openImage } from '../session.ts';
import { crashApply, type CrashOptions } from './testing/apply-crash.ts';

/** More of them: CLUTCH_CRASH_CUTS=50000 CLUTCH_CRASH_SEED=7 npx vitest run src/host/edit/crash.test.ts */
const CUTS = Number(process.env.CLUTCH_CRASH_CUTS ?? 6000);
const SEED = Number(process.env.CLUTCH_CRASH_SEED ?? 1);

const missing = missingTools('mke2fs', 'e2fsck');
const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** An image with a part of zeros, as most of a new one is, and what it is to become. */
function anyImage(): { readonly before: Uint8Array; readonly after: Uint8Array } {
  const dice = random(SEED, 2);
  const before = Uint8Array.from({ length: 300_300 }, () => dice.below(256));
  before.fill(0, 100_000, 220_000);
  before.fill(0, 270_000);
  const after = before.slice();
  for (let i = 0; i < 40; i++) {
    const at = dice.below(before.length);
    after.fill(dice.below(256), at, at + dice.pick([1, 512, 5000, 20_000]));
  }
  // A long run over zeros with a gap, and one to the very end.
  after.fill(0x5a, 120_000, 160_000);
  after.fill(0, 141_000, 142_000);
  after.fill(0xa5, 275_000);
  return { before, after };
}

describe('the power goes while changes are applied', () => {
  it.each<[string, CrashOptions]>([
    ['any image', {}], ['any image, with changes of zeros that are written once', { fresh: true }], ['any image without holes, with changes of zeros that are written once', { fresh: true, sparse: false }],
  ])('to %s: it has all of them afterwards, or none', async (_, options) => {
    const { before, after } = anyImage();
    const cuts = Math.ceil(CUTS / 4);
    const result = await crashApply(before, after, cuts, SEED, options);
    expect(result.cuts).toBeGreaterThanOrEqual(cuts);
    expect(Math.min(result.old, result.now, result.again, result.killed)).toBeGreaterThan(cuts / 20);
    expect(result.uncommitted).toBeGreaterThan(options.fresh === true ? cuts / 20 : -1);
  }, 60_000 + CUTS * 20);

  it.skipIf(missing !== undefined)(`to an ext4 that was edited: it is sound to e2fsck either way${missing === undefined ? '' : ` (${missing})`}`, async () => {
    const path = join(scratch.path, 'ext4.img');
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '1024', path, '1M']);
    copyFileSync(path, `${path}.old`);
    const session = await openImage(path);
    await session.editing.unlock();
    const { path: layer } = session.select();
    await session.editing.operation({ text: 'Filled it', layer }, async () => {
      const { writer, root } = session.select().filesystem as WritableFileSystem;
      const folder = await writer.mkdir(root, 'folder', { mode: 0o755 });
      for (let i = 0; i < 30; i++) {
        const node = await writer.create(folder, `file ${i}`, { mode: 0o644 });
        await writer.write(node, 0, new Uint8Array(i * 500).fill(i));
      }
      for (let i = 0; i < 30; i += 3) await writer.unlink(folder, `file ${i}`);
    });
    await session.editing.saveAs(`${path}.new`);
    await session.close({ discard: true });
    // Every recovered image is one of these two, byte by byte.
    for (const each of ['old', 'new']) run('e2fsck', ['-fn', `${path}.${each}`]);
    const cuts = Math.ceil(CUTS / 4);
    const result = await crashApply(readFileSync(`${path}.old`), readFileSync(`${path}.new`), cuts, SEED + 1, { fresh: true });
    expect(result.cuts).toBeGreaterThanOrEqual(cuts);
    expect(Math.min(result.old, result.now, result.again, result.killed)).toBeGreaterThan(cuts / 20);
  }, 60_000 + CUTS * 20);
});

describe.skipIf(missing !== undefined)(`a process is killed while it applies changes${missing === undefined ? '' : ` (${missing})`}`, () => {
  it('the next opening finishes them, or finds the image as it was', async () => {
    const program = await bundled();
    const outcomes = new Set<string>();
    // The later it is killed, the further it got: from before the sidecar is whole to after the image is.
    for (let wait = 0; wait < 600 && !outcomes.has('applied'); wait += 60) {
      const folder = join(scratch.path, `killed-${wait}`);
      mkdirSync(folder);
      const path = join(folder, 'disk.img');
      run('mke2fs', ['-q', '-F', '-t', 'ext4', path, '96M']);
      const before = readFileSync(path);
      const said = await killed(program, path, wait);
      const left = readdirSync(folder).length > 1;
      const changed = !readFileSync(path).equals(before);
      const session = await openImage(path);
      const large = await session.select().filesystem.lookup(2, 'large');
      const states = session.recovery.map(({ state }) => state);
      await session.close();
      expect(readdirSync(folder)).toEqual(['disk.img']);
      run('e2fsck', ['-fn', path]);
      if (said.includes('applied\n')) outcomes.add('applied');
      if (left) outcomes.add(`${states.join()}${changed ? ', the image was touched' : ''}`);
      // What was not committed yet was taken back.
      if (large === undefined) expect([states.includes('finished'), readFileSync(path).equals(before)]).toEqual([false, true]);
      else expect(states.includes('finished') || changed).toBe(true);
      expect(states.length).toBe(left ? 1 : 0);
    }
    // Each is met, whatever the speed of the machine, for it is killed at many moments: at least one in the middle.
    expect([...outcomes].filter((outcome) => outcome !== 'applied').length).toBeGreaterThan(0);
  }, 300_000);
});

/** The program as Node runs it: one file. */
async function bundled(): Promise<string> {
  const out = join(scratch.path, 'program');
  await build({
    configFile: false, logLevel: 'error',
    build: { ssr: join(import.meta.dirname, 'testing/interrupted.ts'), outDir: out, emptyOutDir: true, rollupOptions: { output: { entryFileNames: 'interrupted.mjs' } } },
    ssr: { noExternal: true, external: ['koffi'] },
  });
  return join(out, 'interrupted.mjs');
}

/** @returns what it said before it was killed */
async function killed(program: string, path: string, wait: number): Promise<string> {
  const child = spawn(process.execPath, [program, path, String(48 * 1024 * 1024)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, NODE_PATH: join(import.meta.dirname, '../../../node_modules') } });
  let said = '';
  const exited = once(child, 'exit');
  await new Promise<void>((resume) => {
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.includes('applying\n')) resume();
    });
    void exited.then(() => resume());
  });
  await setTimeout(wait);
  child.kill('SIGKILL');
  await exited;
  return said;
}
