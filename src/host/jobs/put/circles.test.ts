import { expect, it } from 'vitest';
import type { JobNote } from '../../../engines/core/job.ts';
import { dir, file, type MemoryNode } from '../../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../../engines/testing/memory-writer.ts';
import { nodeJob } from '../../session.ts';
import { newTally } from '../extract/tally.ts';
import { copy } from './copy.ts';
import { moveWithin } from './move.ts';

/** A folder that is in itself, as a damaged image has one, with a file. */
function circle(name: string): MemoryNode {
  const folder = dir({ [name]: file() });
  (folder.entries as [string, MemoryNode][]).push(['x', folder]);
  return folder;
}

it.each(['copied', 'moved'])('folders that are in themselves come to an end when they are %s into one another', async (how) => {
  const fs = new WritableMemoryFileSystem(dir({ d: circle('there'), t: dir({ d: circle('comes') }) }));
  const t = await fs.lookup(fs.root, 't') as number;
  const entry = { folder: t, node: await fs.lookup(t, 'd') as number, name: 'd' };
  const log: JobNote[] = [];
  const job = nodeJob({ log: (note) => log.push(note) });
  const options = { conflict: 'skip', folders: 'merge' } as const;
  if (how === 'moved') await moveWithin(fs, [entry], { fs, folder: fs.root }, options, job, newTally());
  else await copy({ fs, entries: [entry], move: false }, { fs, folder: fs.root }, options, job, newTally());
  expect(log).toMatchObject([{ level: 'error', error: { fault: { errno: 'ELOOP' } } }]);
  expect(await fs.lookup(await fs.lookup(fs.root, 'd') as number, 'comes')).toBeDefined();
});
