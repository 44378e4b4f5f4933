import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import type { JobNote } from '../../../engines/core/job.ts';
import { missingTools, run, scratchFolder } from '../../../engines/testing/tools.ts';
import { libc } from '../../native/libc.ts';
import { nodeJob, openImage } from '../../session.ts';
import { extract } from './extract.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

// A thread that makes the first file of its first batch whole, half of the second, and dies: of memory, say.
const dying = join(scratch.path, 'dying.cjs');
writeFileSync(dying, `
const { writeFileSync } = require('node:fs');
require('node:worker_threads').parentPort.once('message', ({ folder, names }) => {
  const [first, second] = names.split('/');
  writeFileSync('/proc/self/fd/' + folder.fd + '/' + first, 'contents of ' + first);
  if (second) writeFileSync('/proc/self/fd/' + folder.fd + '/' + second, 'cont');
  process.exit(1);
});
`);
vi.mock('../../built.ts', () => ({ findBuilt: () => ({ writer: dying }) }));

const why = missingTools('mke2fs') ?? (libc() === undefined ? 'needs system calls' : undefined);

it.skipIf(why !== undefined)(`loses nothing and leaves no half file when the second thread dies${why ? ` (${why})` : ''}`, async () => {
  const source = join(scratch.path, 'source');
  const expected = new Map<string, string>();
  for (let d = 0; d < 12; d++) {
    mkdirSync(join(source, `d${d}`), { recursive: true });
    for (let f = 0; f < 40; f++) {
      expected.set(join(`d${d}`, `f${d}-${f}`), `contents of f${d}-${f}`);
      writeFileSync(join(source, `d${d}`, `f${d}-${f}`), `contents of f${d}-${f}`);
    }
  }
  const image = join(scratch.path, 'image.ext4');
  writeFileSync(image, '');
  run('truncate', ['-s', '16M', image]);
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '2048', '-d', source, image]);
  const folder = join(scratch.path, 'out');
  const notes: JobNote[] = [];
  const session = await openImage(image);
  const { filesystem: fs } = session.select();
  const summary = await extract({ fs, entries: [{ node: fs.root, name: '' }] }, folder, {}, nodeJob({ log: (note) => { notes.push(note); } }));
  await session.close();
  const there = new Map(readdirSync(folder).filter((name) => name !== 'lost+found').flatMap((d) => readdirSync(join(folder, d)).map((f) => [join(d, f), readFileSync(join(folder, d, f), 'utf8')] as const)));
  expect(Object.fromEntries(there)).toEqual(Object.fromEntries(expected));
  expect({ summary, notes }).toMatchObject({ summary: { files: 480, problems: 0, skipped: 0 }, notes: [] });
});
