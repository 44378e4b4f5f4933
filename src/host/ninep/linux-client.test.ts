import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { dir, file, type MemoryNode, symlink } from '../../engines/testing/memory-filesystem.ts';
import { WritableMemoryFileSystem } from '../../engines/testing/memory-writer.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { scratchFolder } from '../../engines/testing/tools.ts';
import { clientParts, mountLine, startMachine } from './testing/linux-client.ts';
import { startTreeServer } from './tree-server.ts';

/**
 * Our 9P server under Linux's own client: a machine of the guest's kernel mounts it with `mount -t 9p`, and its shell reads and writes there. What it saw is
 * said on its console, and what it wrote is looked at in the tree.
 */

/** Milliseconds: an emulated machine on a busy computer. */
const BOOTED_WITHIN = 600_000;

/** What the shell does in the mount: a line each, which must succeed. */
const STEPS = [
  '[ "$(ls | sort | tr "\\n" " ")" = "empty fifo folder hole large link many twice " ]',
  '[ "$(ls many | wc -l)" = 900 ]',
  '[ "$(cat many/"entry 7 -------")" = 7 ]',
  '[ "$(readlink link)" = folder/inner ]',
  '[ "$(wc -c <folder/inner/deep)" = 70000 ]',
  '[ "$(stat -c "%a %u %g %h %s" twice)" = "640 11 12 2 9" ]',
  '[ "$(md5sum <large)" = "$LARGE  -" ]',
  '[ "$(tr -d "\\000" <hole)" = begin ] && [ "$(wc -c <hole)" = 100000 ]',
  '[ -p fifo ] && ! cat none 2>/dev/null && ! mkdir folder 2>/dev/null && ! rmdir folder 2>/dev/null',
  'mkdir made && echo some text >made/file && echo more >>made/file',
  '[ "$(cat made/file)" = "some text\nmore" ] || [ "$(wc -c <made/file)" = 15 ]',
  'dd if=/dev/zero bs=64k count=20 2>/dev/null | tr "\\000" x >made/long && [ "$(tr -d x <made/long | wc -c)" = 0 ] && [ "$(wc -c <made/long)" = 1310720 ]',
  'dd if=/dev/zero of=made/long bs=1 count=3 seek=100000 conv=notrunc 2>/dev/null && [ "$(tr -d x <made/long | wc -c)" = 3 ]',
  'truncate -s 200000 made/long && [ "$(wc -c <made/long)" = 200000 ]',
  'ln made/file made/second && [ "$(stat -c %h made/file)" = 2 ] && ln -s ../twice made/link && [ "$(wc -c <made/link)" = 9 ]',
  'chmod 4751 made/file && chown 70001:3 made/file && touch -d "2001-02-03 04:05:06" made/second',
  'mknod made/device c 8 1 && mkfifo made/fifo && mv folder made/moved && [ "$(wc -c <made/moved/inner/deep)" = 70000 ] && [ ! -e folder ]',
  'exec 7<made/moved/inner/deep && rm made/moved/inner/deep && [ "$(wc -c <&7)" = 70000 ] && exec 7<&-',
  'i=0; while [ $i -lt 300 ]; do echo $i >made/n$i; i=$((i + 1)); done; [ "$(ls made | grep -c "^n")" = 300 ] && rm made/n1* && [ "$(ls made | grep -c "^n")" = 189 ]',
  'sync && df . >/dev/null',
];

const scratch = scratchFolder();
const parts = await clientParts();

/** What the machine does. @param port of our server */
function work(port: number): string {
  return `LARGE=${createHash('md5').update(LARGE).digest('hex')}
${mountLine('msize=131072', port)} && cd /mnt && echo 'step mount is done'
${STEPS.map((step, n) => `if ${'{'} ${step}; }; then echo 'step ${n} is done'; else echo 'step ${n} failed'; fi`).join('\n')}
cd / && umount /mnt && echo 'step umount is done'`;
}

const LARGE = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);

function tree(): MemoryNode {
  const twice = file('two names', { mode: 0o640, uid: 11, gid: 12 });
  return dir([
    ['folder', dir([['inner', dir([['deep', file('x'.repeat(70_000))]])], ['twice', twice]], { mode: 0o750 })], ['twice', twice], ['empty', file('')],
    ['large', file(LARGE)], ['link', symlink('folder/inner')], 
    ['hole', file('begin', { size: 100_000, runs: [[0, 5]] })], ['fifo', { type: 'fifo' }], ['many', dir(Array.from({ length: 900 }, (_, i): [string, MemoryNode] => [`entry ${i} ${'-'.repeat(i % 200)}`, file(`${i}`)]))],
  ], { mode: 0o755 });
}

describe(`Linux's own client of 9P${typeof parts === 'string' ? ` (${parts})` : ''}`, () => {
  afterAll(() => scratch.remove());

  it('reads and writes what is served', { timeout: BOOTED_WITHIN }, async (context) => {
    if (typeof parts === 'string') return skip(context, parts);
    const fs = new WritableMemoryFileSystem(tree());
    const server = await startTreeServer(fs, { at: { port: 0 } });
    const machine = await startMachine(parts, scratch.path, work(server.port));
    try {
      let said = '';
      for (const stream of [machine.stdout!, machine.stderr!]) stream.on('data', (bytes: Buffer) => { said += String(bytes); });
      await once(machine, 'close');
      const done = [...said.matchAll(/step (\w+) is done/g)].map(([, step]) => step);
      expect(done, said).toEqual(['mount', ...STEPS.map((_, n) => String(n)), 'umount']);
    } finally {
      machine.kill('SIGKILL');
      await server.close();
    }
    // What the kernel asked for is what the tree has.
    const made = (await fs.lookup(fs.root, 'made'))!;
    const written = (await fs.lookup(made, 'file'))!;
    // The kernel takes setuid away with the owner.
    expect(await fs.stat(written)).toMatchObject({ mode: 0o751, uid: 70_001, gid: 3, nlink: 2, size: 15, mtime: 981_173_106_000_000_000n });
    const bytes = new Uint8Array(15);
    await fs.read(written, 0, bytes);
    expect(Buffer.from(bytes).toString()).toBe('some text\nmore\n');
    expect(await fs.stat((await fs.lookup(made, 'device'))!)).toMatchObject({ type: 'char', device: { major: 8, minor: 1 } });
    expect(await fs.lookup((await fs.lookup(made, 'moved'))!, 'inner')).toBeDefined();
  });
});
