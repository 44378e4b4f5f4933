import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { streamChannel } from '../../../host/channels.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import { conformance } from '../../testing/conformance.ts';
import { type Diod, missingDiod, startDiod } from '../../testing/diod.ts';
import { fillFolder } from '../../testing/full-tree.ts';
import { skip } from '../../testing/oracle/check.ts';
import { askReference } from '../../testing/oracle/truth.ts';
import { type WriteSubject, writerConformance } from '../../testing/writer-conformance.ts';
import { connect9p, type NinepClient, open9pFileSystem } from './index.ts';

const missing = missingDiod();

/** Of the running test. */
const started: { readonly diod: Diod; readonly path: string }[] = [];

const folder = (): string => mkdtempSync(join(tmpdir(), 'clutch-diod-'));

interface Served {
  readonly diod: Diod;
  readonly client: NinepClient;
  readonly fs: FileSystem;
}

async function serve(path: string, write: boolean): Promise<Served> {
  const diod = startDiod(path);
  const client = await connect9p(streamChannel(diod.socket), { aname: path, peer: 'diod', msize: 1 << 20 });
  const fs = await open9pFileSystem(client, { format: 'diod', label: '', uuid: '', details: [], write });
  return { diod, client, fs };
}

if (missing !== undefined) {
  it(`diod: ${missing}`, (context) => skip(context, missing));
} else {
  conformance('9P of diod', async () => {
    const path = folder();
    fillFolder(path, 2000);
    const truth = askReference(path, { oracle: 'folder', digest: '' });
    if ('refused' in truth) throw new Error(truth.refused);
    const { diod, fs } = await serve(path, false);
    return {
      fs, expected: truth.entries,
      async dispose() {
        await diod.stop();
        rmSync(path, { recursive: true });
      },
    };
  });

  writerConformance('9P of diod', async (): Promise<WriteSubject> => {
    const path = folder();
    const { diod, fs } = await serve(path, true);
    started.push({ diod, path });
    return {
      fs: fs as WriteSubject['fs'], cannot: ['exchange', 'empty attributes'],
      async finish() {
        await fs.close();
        const again = await serve(path, false);
        started.push({ diod: again.diod, path });
        return { found: '', again: again.fs };
      },
    };
  });

  describe('diod that is killed', () => {
    it('fails every request that is on its way, at once and clearly', async () => {
      const path = folder();
      const { diod, client, fs } = await serve(path, true);
      started.push({ diod, path });
      const node = await fs.writer!.create(fs.root, 'file', { mode: 0o644 });
      await fs.writer!.write(node, 0, new Uint8Array(1_000_000));
      const into = new Uint8Array(1_000_000);
      const asked = Array.from({ length: 100 }, async (_, i) => (i % 2 === 0 ? fs.read(node, 0, into) : fs.lookup(fs.root, `name ${i}`)));
      diod.process.kill('SIGKILL');
      const answers = await Promise.allSettled([...asked, fs.writer!.sync()]);
      const failed = answers.filter((each) => each.status === 'rejected');
      expect(failed.length).toBeGreaterThan(0);
      for (const { reason } of failed) expect((reason as { fault?: unknown }).fault).toMatchObject({ kind: 'guest', guest: 'diod' });
      await expect.poll(() => client.failure?.kind).toBe('guest');
      await expect(Promise.resolve(fs.stat(fs.root))).rejects.toMatchObject({ fault: { kind: 'guest', guest: 'diod' } });
      await fs.close();
    });

    it('fails what is written afterwards', async () => {
      const path = folder();
      const { diod, fs } = await serve(path, true);
      started.push({ diod, path });
      const node = await fs.writer!.create(fs.root, 'file', { mode: 0o644 });
      await diod.stop();
      await expect((async () => {
        // The first piece may be taken before the end is known.
        for (let i = 0; i < 1000; i++) await fs.writer!.write(node, i * 100_000, new Uint8Array(100_000));
      })()).rejects.toMatchObject({ fault: { kind: 'guest' } });
    });
  });

  afterEach(async () => {
    for (const { diod, path } of started.splice(0)) {
      await diod.stop();
      rmSync(path, { recursive: true, force: true });
    }
  });
}
