import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { build, hasTool, missing } from '../../engines/testing/recipes/build.ts';
import { FOREIGN } from '../../engines/testing/recipes/foreign.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { findGuest } from './catalogue.ts';
import { installed } from './installed.ts';
import { NATIVES } from './natives.ts';
import { builtGuest } from './testing/built.ts';
import { expectedOf, prove, record, said } from './testing/prove.ts';

/** The guest that all is tried with, and those that have one filesystem alone; others by CLUTCH_ROWS=linux-7.2 (they must be built). */
const NAMES = process.env['CLUTCH_ROWS'] === undefined ? ['linux-6.12', 'zfs', 'zfs-module', 'apfs'] : [process.env['CLUTCH_ROWS']];
const answers = await Promise.all(NAMES.map(async (name) => [name, await builtGuest(name)] as const));

for (const [NAME, answer] of answers) describe.skipIf('reason' in answer)(`every filesystem that ${NAME} mounts${'reason' in answer ? ` (${answer.reason})` : ''}`, () => {
  const guest = findGuest(NAME);
  const scratch = scratchFolder();
  afterAll(() => scratch.remove());

  const alone = new Set(guest.manifest.filesystems.map(({ format }) => format));
  for (const row of NAME.startsWith('linux-') ? FOREIGN : FOREIGN.filter(({ format }) => alone.has(format))) {
    it(`${row.name}: ${row.why}`, async (context) => {
      const served = guest.manifest.filesystems.find(({ format }) => format === (row.matrix ?? row.format)) ?? guest.manifest.filesystems.find(({ format }) => format === row.format);
      const tools = row.tools.filter((tool) => !hasTool(tool));
      const why = missing(row) || (row.tooNew?.[NAME] ?? '') || (tools.length > 0 ? `${tools.join(', ')} not installed` : served === undefined ? `${NAME} does not mount ${row.format}` : served.access === 'known-bad' ? `${NAME}: ${served.reason}` : '');
      if (why !== '' || served === undefined) {
        console.warn(`skipped: ${row.name}: ${why}`);
        return context.skip(why);
      }
      const folder = join(scratch.path, row.name);
      mkdirSync(folder);
      const shown = await prove(build(row, 'foreign').image, { guests: installed(), opener: `guest:${NAME}`, served, expected: expectedOf(row), scratch: folder, ...(row.judge === undefined ? {} : { judge: row.judge }) });
      expect(shown).toMatchObject({ read: true, written: served.access === 'read-write' });
      for (const what of said(shown, row, NAME)) record(NAME, row.matrix ?? row.format, what);
    }, 600_000);
  }
});

describe('every filesystem that an engine of ours opens', () => {
  const scratch = scratchFolder();
  afterAll(() => scratch.remove());

  for (const served of NATIVES) for (const row of FOREIGN.filter(({ format }) => format === served.format)) {
    it(`${row.name}: ${row.why}`, async (context) => {
      const why = missing(row) || row.tools.filter((tool) => !hasTool(tool)).join(', ');
      if (why !== '') return context.skip(why);
      const folder = join(scratch.path, row.name);
      mkdirSync(folder);
      const shown = await prove(build(row, 'foreign').image, { guests: 'none', opener: served.format, served, expected: expectedOf(row), scratch: folder, ...(row.judge === undefined ? {} : { judge: row.judge }) });
      expect(shown).toMatchObject({ read: true, written: served.access === 'read-write' });
      for (const what of said(shown, row, 'native')) record('native', row.matrix ?? row.format, what);
    }, 600_000);
  }
});
