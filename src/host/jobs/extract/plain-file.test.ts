import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isDiskError } from '../../../engines/core/errors.ts';
import type { JobNote } from '../../../engines/core/job.ts';
import { missingTools, run, scratchFolder } from '../../../engines/testing/tools.ts';
import { nodeJob, openImage } from '../../session.ts';
import { extract } from './extract.ts';
import { newTally } from './tally.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const why = missingTools('mke2fs');

const FOLDERS = 20;
const FILES = 60;

/** Enough small files for the second thread, with modes that a umask takes bits from, and times of their own. */
function makeTree(folder: string): void {
  for (let d = 0; d < FOLDERS; d++) {
    mkdirSync(join(folder, `d${d}`, 'inside'), { recursive: true });
    for (let f = 0; f < FILES; f++) {
      const path = join(folder, `d${d}`, f % 2 === 0 ? `f${f}` : `inside/f${f}`);
      writeFileSync(path, Buffer.alloc((f * 977) % 9000, `${d} ${f} `));
      chmodSync(path, [0o644, 0o666, 0o777, 0o400][f % 4]!);
      utimesSync(path, 1_600_000_000 + f, 1_500_000_000 + d);
    }
    utimesSync(join(folder, `d${d}`, 'inside'), 1_400_000_000, 1_400_000_000 + d);
    utimesSync(join(folder, `d${d}`), 1_300_000_000, 1_300_000_000 + d);
  }
}

/** Every entry below, with what an extraction keeps. */
function listing(folder: string, below = ''): string[] {
  return readdirSync(join(folder, below)).filter((name) => name !== 'lost+found').toSorted().flatMap((name) => {
    const path = join(below, name);
    const stat = lstatSync(join(folder, path), { bigint: true });
    const line = `${path} ${stat.mode.toString(8)} ${stat.mtimeNs}`;
    return stat.isDirectory() ? [line, ...listing(folder, path)] : [`${line} ${stat.size} ${readFileSync(join(folder, path)).toString('hex', 0, 20)}`];
  });
}

/** Extracts all of an image's only filesystem. */
async function extracted(path: string, folder: string, job = nodeJob(), tally = newTally()) {
  const session = await openImage(path);
  try {
    const { filesystem: fs } = session.select();
    return await extract({ fs, entries: [{ node: fs.root, name: '' }] }, folder, {}, job, undefined, tally);
  } finally {
    await session.close();
  }
}

describe.skipIf(why !== undefined)(`plain files${why ? ` (${why})` : ''}`, () => {
  const source = join(scratch.path, 'source');
  const image = join(scratch.path, 'image.ext4');

  beforeAll(() => {
    mkdirSync(source);
    makeTree(source);
    writeFileSync(image, '');
    run('truncate', ['-s', '48M', image]);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '4096', '-d', source, image]);
  });

  it('come out as they went in, files and the folders around them', async () => {
    const folder = join(scratch.path, 'out');
    const summary = await extracted(image, folder);
    expect(summary).toMatchObject({ files: FOLDERS * FILES, problems: 0, skipped: 0 });
    expect(listing(folder)).toEqual(listing(source));
  });

  it('are whole or not there after a cancel, in folders that have their times', async () => {
    const folder = join(scratch.path, 'cancelled');
    const signal = { aborted: false };
    const tally = newTally();
    const job = nodeJob({ signal, report: () => { signal.aborted = tally.files > 300; } });
    await expect(extracted(image, folder, job, tally)).rejects.toSatisfy((error) => isDiskError(error) && error.kind === 'cancelled');
    const all = new Set(listing(source));
    const there = listing(folder);
    expect(there.length).toBeGreaterThan(300);
    expect(there.filter((line) => !all.has(line))).toEqual([]);
  });

  it('go the long way where an image has a name twice', async () => {
    const twins = join(scratch.path, 'twins');
    mkdirSync(join(twins, 'd'), { recursive: true });
    for (const name of ['twin-a', 'twin-b']) writeFileSync(join(twins, 'd', name), `I was ${name.toUpperCase()}`);
    const twice = join(scratch.path, 'twice.ext2');
    writeFileSync(twice, '');
    run('truncate', ['-s', '4M', twice]);
    // Without checksums, so that one name can be written over with the other.
    run('mke2fs', ['-q', '-F', '-t', 'ext2', '-d', twins, twice]);
    const bytes = readFileSync(twice);
    bytes.write('twin-a', bytes.indexOf('twin-b'));
    writeFileSync(twice, bytes);
    const folder = join(scratch.path, 'twice');
    const session = await openImage(twice);
    const { filesystem: fs } = session.select();
    const notes: JobNote[] = [];
    await extract({ fs, entries: [{ node: fs.root, name: '' }] }, folder, {}, nodeJob({ log: (note) => { notes.push(note); } }));
    await session.close();
    const contents = readdirSync(join(folder, 'd')).map((name) => `${name}: ${readFileSync(join(folder, 'd', name), 'utf8')}`).toSorted();
    expect(contents).toEqual(['twin-a: I was TWIN-A', 'twin-a (2): I was TWIN-B'].toSorted());
    expect(notes.map((note) => note.message)).toEqual(['extracted as "twin-a (2)": the image has the name more than once, or in another case']);
  });
});
