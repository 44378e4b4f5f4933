import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { MemoryDevice } from '../../core/bytes/memory.ts';
import type { FileSystem, NodeId } from '../../core/filesystem.ts';
import { testContext } from '../../testing/context.ts';
import { journalImage } from '../../testing/ext4-journal.ts';
import { missingTools, scratchFolder } from '../../testing/tools.ts';
import { ext4 } from './index.ts';
import { readJournal } from './journal/replay.ts';

const scratch = scratchFolder();
afterAll(() => { scratch.remove(); });
const noMount = missingTools('mke2fs', 'debugfs', 'mount', 'unshare', 'python3') ?? (process.getuid?.() === 0 ? undefined : 'skipped: mounting needs root');

const PRELUDE = `
import os, sys
top = sys.argv[1]
def commit(path):
    file = os.open(f'{top}/{path}', os.O_RDONLY); os.fsync(file); os.close(file)
def put(path, text, mode='w'):
    with open(f'{top}/{path}', mode) as file: file.write(text)
`;
/** Path, type, mode, size, nlink, and contents of everything, as the kernel shows it after recovery. */
const WALK = `
import os, sys, json, hashlib
top = sys.argv[1]
out = {}
for folder, folders, files in os.walk(top):
    for name in folders + files:
        path = os.path.join(folder, name); st = os.lstat(path)
        what = os.readlink(path) if os.path.islink(path) else hashlib.sha256(open(path, 'rb').read()).hexdigest() if os.path.isfile(path) else None
        out[os.path.relpath(path, top)] = [st.st_ino, st.st_mode & 0o7777, st.st_size if not os.path.isdir(path) else None, what]
print(json.dumps(out))
`;

function make(name: string, mkfs: string, before: string, after: string): { path: string; expected: Record<string, unknown[]> } {
  const path = join(scratch.path, `${name}.img`);
  const shell = `
    set -e
    mkdir -p "$1.mnt"; truncate -s 64M "$1.made"; mke2fs -q -F -t ext4 -O fast_commit ${mkfs} "$1.made" > "$1.log"; mount -o loop "$1.made" "$1.mnt"
    python3 -c "$2" "$1.mnt"; sync -f "$1.mnt"; python3 -c "$3" "$1.mnt"
    cp "$1.made" "$1"; umount "$1.mnt"
    cp "$1" "$1.recovered"; mount -o loop "$1.recovered" "$1.mnt"; python3 -c "$4" "$1.mnt"; umount "$1.mnt"`;
  const out = execFileSync('unshare', ['--mount', '--propagation', 'private', 'bash', '-c', shell, 'bash', path, PRELUDE + before, PRELUDE + after, WALK], {
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { path, expected: JSON.parse(out) as Record<string, unknown[]> };
}

async function walk(fs: FileSystem, dir: NodeId, under: string, out: Record<string, unknown[]>): Promise<Record<string, unknown[]>> {
  for (const { name, node } of (await fs.list(dir)).entries) {
    const path = under + name;
    const stat = await fs.stat(node);
    expect(await fs.lookup(dir, name), path).toBe(node);
    let what: string | null = null;
    if (stat.type === 'symlink') what = await fs.readlink(node);
    if (stat.type === 'file') {
      const bytes = new Uint8Array(stat.size);
      await fs.read(node, 0, bytes);
      what = createHash('sha256').update(bytes).digest('hex');
    }
    out[path] = [node, stat.mode, stat.type === 'dir' ? null : stat.size, what];
    if (stat.type === 'dir') await walk(fs, node, `${path}/`, out);
  }
  return out;
}

const BEFORE = `
os.mkdir(top + '/d'); put('old', 'old' * 10); put('gone', 'bye'); put('big', 'B' * 100000); put('log', 'L' * 4096)
for i in range(300): put(f'd/file{i:04}' + 'n' * 30, str(i))
`;

describe.skipIf(noMount !== undefined)('fast commits, shown as the kernel replays them', () => {
  it.each([
    ['new files and longer ones', '-b 4096 -O metadata_csum', `
put('new', 'n' * 5000); commit('new')
put('old', 'more' * 4000, 'a'); commit('old')
`],
    ['links, renames and removals', '-b 4096 -O metadata_csum', `
os.unlink(top + '/gone'); os.link(top + '/old', top + '/linked'); commit('old')
os.rename(top + '/big', top + '/renamed'); commit('renamed')
`],
    ['entries of an indexed directory', '-b 1024 -O metadata_csum', `
put('d/added', 'a'); commit('d/added')
os.unlink(top + '/d/file0007' + 'n' * 30); put('d/second', 's' * 3000); commit('d/second')
`],
    ['entries without checksums', '-b 1024 -O ^metadata_csum,^64bit -I 128', `
put('d/added', 'a'); commit('d/added')
os.unlink(top + '/d/file0007' + 'n' * 30); put('second', 's' * 3000); commit('second')
`],
    ['many extents, and a shorter file', '-b 1024 -O metadata_csum', `
file = os.open(top + '/log', os.O_RDWR)
for i in range(12): os.pwrite(file, b'x' * 1024, (2 * i + 10) * 1024)
os.fsync(file)
os.truncate(top + '/big', 5000); commit('big')
`],
  ])('%s', async (name, mkfs, after) => {
    const { path, expected } = make(name.replace(/\W+/g, '-'), mkfs, BEFORE, after);
    const image = journalImage(path);
    const records = readJournal(image.journal, () => {}).fastCommits?.records.length ?? 0;
    expect(records, 'records in the image').toBeGreaterThan(0);
    const context = testContext();
    const fs = await ext4.open(new MemoryDevice(new Uint8Array(readFileSync(path))), context);
    expect(await walk(fs, fs.root, '', {})).toEqual(expected);
    expect(context.notes).toEqual([]);
  });
});
