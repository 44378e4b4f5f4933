import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { streamChannel } from '../../../host/channels.ts';
import type { FileSystem } from '../../core/filesystem.ts';
import { conformance } from '../../testing/conformance.ts';
import { type Diod, missingDiod, startDiod } from '../../testing/diod.ts';
import { skip } from '../../testing/oracle/check.ts';
import { askReference } from '../../testing/oracle/truth.ts';
import { type WriteSubject, writerConformance } from '../../testing/writer-conformance.ts';
import { connect9p, type NinepClient, open9pFileSystem } from './index.ts';

const missing = missingDiod();

/** A tree in which everything is that a folder of Linux can hold. */
const FILL = String.raw`
import os, socket, sys
os.umask(0)
os.chdir(sys.argv[1])
def write(name, content=b""):
    with open(name, "wb") as file: file.write(content)
write("empty"); write("small", b"hello"); write("pieces", bytes(i * 7 & 255 for i in range(300001)))
with open("holes", "wb") as file:
    file.truncate(2000000); file.seek(70000); file.write(b"a"); file.seek(1500000); file.write(b"b" * 9000)
os.makedirs("deep/" + "/".join("d%d" % i for i in range(40)))
write("deep/" + "/".join("d%d" % i for i in range(40)) + "/bottom", b"down here")
os.mkdir("many")
for i in range(2000): write("many/entry %d %s" % (i, "-" * (i % 60)), b"%d" % i)
os.mkdir("links"); os.link("small", "links/one"); os.link("small", "links/two"); os.link("pieces", "links/of pieces")
os.symlink("small", "link"); os.symlink("/nowhere/at all/" + "x" * 200, "dangling"); os.symlink(b"\xff\xfe", "odd target")
os.mkfifo("fifo"); os.mknod("char", 0o20644, os.makedev(1, 3)); os.mknod("block", 0o60600, os.makedev(259, 70000))
socket.socket(socket.AF_UNIX).bind("socket")
os.mkdir(b"odd \xff\xfe"); write(b"odd \xff\xfe/\x01\n", b"x"); write("ä" * 127, b"long"); write(" ", b"space")
os.chmod("small", 0o4751); os.chown("small", 70000, 4000000000); os.chmod("many", 0o1777)
for name, value in (("user.tag", b"value"), ("user.long", b"v" * 1000), ("trusted.secret", b"\0\1")): os.setxattr("small", name, value)
os.setxattr("links", "user.of a folder", b"yes")
for root, dirs, files in os.walk(b".", topdown=False):
    for i, name in enumerate(sorted(dirs + files)): os.utime(os.path.join(root, name), ns=(10**18, -5 * 10**9 + 1 if i == 0 else 10**18 + i), follow_symlinks=False)
os.utime(".", ns=(1, 2))
`;

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
    const filled = spawnSync('python3', ['-c', FILL, path], { encoding: 'utf8' });
    if (filled.status !== 0) throw new Error(filled.stderr);
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
