import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import { build, hasTool, missing } from '../../engines/testing/recipes/build.ts';
import { FOREIGN } from '../../engines/testing/recipes/foreign.ts';
import type { GuestTree } from '../../shared/contract/guests.ts';
import { type ImageSession, openImage } from '../session.ts';
import { installed } from './installed.ts';
import { builtGuest } from './testing/built.ts';
import { compare, expectedOf, filesOf, record } from './testing/prove.ts';
import { treePath } from './tree-source.ts';

/** The guest that all is tried with; another one by CLUTCH_ROWS=linux-7.2 (it must be built). */
const NAME = process.env['CLUTCH_ROWS'] ?? 'linux-6.12';
const answer = await builtGuest(NAME);
const why = 'reason' in answer ? answer.reason : NAME.startsWith('linux-') ? '' : `${NAME} has no trees`;

async function opened<T>(tree: GuestTree, image: string | undefined, run: (session: ImageSession, fs: FileSystem) => Promise<T>): Promise<T> {
  const session = await openImage(treePath(NAME, tree, image), { guests: installed() });
  try {
    return await run(session, session.select().filesystem);
  } finally {
    await session.close();
  }
}

const names = async (fs: FileSystem) => (await fs.list(fs.root)).entries.map(({ name }) => name);

async function text(fs: FileSystem, name: string): Promise<string> {
  const into = new Uint8Array(4096);
  return new TextDecoder().decode(into.subarray(0, await fs.read((await fs.lookup(fs.root, name))!, 0, into)));
}

describe.skipIf(why !== '')(`the trees of ${NAME} itself${why === '' ? '' : ` (${why})`}`, () => {
  it('devfs: the devices are there, and are devices', async () => {
    await opened('devfs', undefined, async (_, fs) => {
      expect(await names(fs)).toEqual(expect.arrayContaining(['console', 'null', 'zero']));
      expect(await fs.stat((await fs.lookup(fs.root, 'null'))!)).toMatchObject({ type: 'char', device: { major: 1, minor: 3 } });
    });
    record(NAME, 'devfs', 'its devices are listed with their numbers');
  }, 600_000);

  it('procfs: the kernel says who it is', async () => {
    await opened('procfs', undefined, async (_, fs) => {
      expect(await names(fs)).toEqual(expect.arrayContaining(['1', 'cpuinfo', 'version']));
      expect(await text(fs, 'version')).toMatch(/^Linux version /);
    });
    record(NAME, 'procfs', 'its processes are listed, and what the kernel writes there is read');
  }, 600_000);

  it('tmpfs: an empty volume that can only be looked at', async () => {
    await opened('tmpfs', undefined, async (_, fs) => {
      expect(await names(fs)).toEqual([]);
      expect(fs.info.access.write).toBe(false);
    });
    record(NAME, 'tmpfs', 'a fresh one is empty');
  }, 600_000);

  it('overlay: what lies in an image shows through it', async (context) => {
    const row = FOREIGN.find(({ name }) => name === 'ext2')!;
    const lacking = missing(row) || row.tools.filter((tool) => !hasTool(tool)).join(', ');
    if (lacking !== '') return context.skip(lacking);
    await opened('overlay', build(row, 'foreign').image, async (session, fs) => {
      compare(await filesOf(session), expectedOf(row));
      expect(fs.info).toMatchObject({ format: 'overlay', access: { write: false } });
    });
    record(NAME, 'overlay', 'over an image of mke2fs, it shows what its maker put in');
  }, 600_000);
});
