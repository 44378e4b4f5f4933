import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareWalks } from '../../engines/testing/compare.ts';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import type { WalkEntry } from '../../engines/testing/walk.ts';
import { buildClutch, CLUTCH, clutch, type Ran } from '../../cli/testing.ts';
import { type ImageSession, openImage } from '../session.ts';
import { missingGuest } from './testing/built.ts';

const NO_GUEST = await missingGuest('linux-6.12');
const NO_XFS = NO_GUEST ?? missingTools('mkfs.xfs', 'xfs_repair', 'xfs_db');
const NO_REISER = NO_GUEST ?? missingTools('mkfs.reiserfs', 'reiserfsck');

/** Milliseconds: a guest boots under emulation, on a machine that does other things, too. */
const LONG = 300_000;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const at = (name: string): string => join(scratch.path, name);

/** Why nothing can be mounted here; undefined when it can. */
const NO_MOUNT = process.getuid?.() !== 0 ? 'a mount needs root' : /\bxfs$/m.test(readFileSync('/proc/filesystems', 'utf8')) ? undefined : 'this kernel has no XFS';
if (NO_MOUNT !== undefined) console.warn(`skipped: ${NO_MOUNT}`);

/** Runs a shell over a mounted image, in a mount namespace of its own. */
function mounted(image: string, options: string, script: string): string {
  return execFileSync('unshare', ['-m', '--propagation', 'private', 'bash', '-euc', `mkdir -p "$2"; mount -o "loop,$3" "$1" "$2"; trap 'umount "$2"' EXIT; cd "$2"; ${script}; cd /`, 'bash', image, at('mnt'), options], { encoding: 'utf8', maxBuffer: 1 << 28, env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
}

function entriesOf(text: string): WalkEntry[] {
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as WalkEntry);
}

/** Runs a script of `clutch edit`. */
function edit(script: string, image: string): Ran {
  writeFileSync(at('script'), script);
  return clutch('edit', image, '-f', at('script'));
}

const sound = (image: string): void => { run('xfs_repair', ['-n', image]); };

describe.skipIf(NO_XFS !== undefined)('XFS, through a guest', () => {
  const image = at('xfs.img');
  beforeAll(() => {
    buildClutch();
    run('truncate', ['-s', '320M', image]);
    run('mkfs.xfs', ['-q', '-L', 'CLUTCH', image]);
  }, LONG);

  it.skipIf(NO_MOUNT !== undefined)('is walked as the kernel walks it', () => {
    mounted(image, 'rw', `
      mkdir -p deep/er many; printf hello >hello; ln hello deep/again; ln -s ../hello deep/link; truncate -s 5M holes; printf end | dd of=holes bs=1 seek=3000000 conv=notrunc status=none
      setfattr -n user.tag -v value hello; chmod 4755 hello; chown 1000:1001 deep; mkfifo pipe; touch -d @1500000000.123456789 deep/er
      for i in $(seq 300); do echo $i >many/file-$i; done; touch "$(printf 'name with \\xff and space')"`);
    const reference = entriesOf(mounted(image, 'ro,norecovery', `python3 "${join(ROOT, 'src/engines/testing/oracle/kernel-walk.py')}" --folder .`));
    const { status, out, err } = clutch('walk', '--json', '--hash', image);
    const { differences } = compareWalks(reference, entriesOf(out));
    expect(differences, err).toEqual([]);
    expect(status).toBe(0);
    expect(reference.length).toBeGreaterThan(300);
  }, LONG);

  it('is told by its name, with what opens it, and listed by every verb', () => {
    const { status, out } = clutch('info', '-v', image);
    expect(status).toBe(0);
    expect(out).toMatch(/^XFS \(clean\) {2}"CLUTCH"/m);
    expect(out).toMatch(/opens with guest:linux-6\.12: read-write/);
  }, LONG);

  it('is changed all at once, and is sound afterwards', () => {
    const { status, err } = edit('mkdir /made\nwrite /made/file 0 "written by a guest"\nsetxattr /made/file user.a b\nsymlink file /made/link\n', image);
    expect(err).toBe('');
    expect(status).toBe(0);
    sound(image);
    if (NO_MOUNT === undefined) expect(mounted(image, 'ro,norecovery', 'cat made/link; getfattr --only-values -n user.a made/file')).toBe('written by a guestb');
    const failing = edit('write /made/other 0 x\nrmdir /made\n', image);
    expect(failing.status).toBe(1);
    expect(clutch('ls', image, '/made').out).toBe('file\nlink\n');
  }, LONG);

  it('is checked and repaired by xfs_repair, whose words are printed as they are', () => {
    const damaged = at('damaged.img');
    copyFileSync(image, damaged);
    run('xfs_db', ['-x', '-c', 'sb 0', '-c', 'addr rootino', '-c', 'write core.nlinkv2 99', damaged]);
    const before = readFileSync(damaged);
    const found = clutch('fsck', damaged);
    expect(found.out).toMatch(/^Phase 1 - find and verify superblock/m);
    expect(found.out).toMatch(/xfs_repair \d+\.\d+\.\d+, in Linux 6\.12 \(status 1\): errors/);
    expect(found.status).toBe(4);
    expect(readFileSync(damaged).equals(before)).toBe(true);
    const repaired = clutch('fsck', '--fix', '--yes', '--json', damaged);
    expect(JSON.parse(repaired.out.trimEnd().split('\n').at(-1)!)).toMatchObject({ state: 'fixed', exit: 1, tool: { status: 4 } });
    expect(repaired.status).toBe(1);
    sound(damaged);
    expect(clutch('fsck', damaged).status).toBe(0);
    // Nobody reads on: the tool is stopped, and nothing is called clean.
    const { status, stderr } = spawnSync('bash', ['-c', '"$@" | true; exit ${PIPESTATUS[0]}', 'bash', process.execPath, CLUTCH, 'fsck', damaged], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 8, stderr: '' });
  }, LONG);

  it('is as before or as applied when the guest is killed while it writes', async () => {
    const copy = at('killed.img');
    copyFileSync(image, copy);
    const session = await openImage(copy);
    try {
      expect(session.layers.error).toBeUndefined();
      await session.editing.unlock();
      const kept: string[] = [];
      for (const after of [0, 120, 400]) {
        const name = `round-${after}`;
        const killer = setTimeout(() => process.kill(session.guestLayers.at('0').machine!.pid, 'SIGKILL'), after);
        try {
          await session.editing.operation({ text: name, layer: '0' }, () => fill(session, name));
          kept.push(name);
        } catch (error) {
          expect(error).toMatchObject({ fault: { kind: 'guest' } });
        } finally {
          clearTimeout(killer);
        }
        // Where the machine died between two uses, the next one hears of it, once.
        const names = await namesIn(session).catch((error: unknown) => {
          expect(error).toMatchObject({ fault: { kind: 'guest' } });
          return namesIn(session);
        });
        expect(names.filter((each) => each.startsWith('round-'))).toEqual(kept);
      }
      sound(copy);
      expect(readFileSync(copy).equals(readFileSync(image))).toBe(true);
      await session.editing.operation({ text: 'last', layer: '0' }, () => fill(session, 'round-last'));
      await session.editing.apply();
      sound(copy);
      expect((await namesIn(session)).filter((each) => each.startsWith('round-'))).toEqual([...kept, 'round-last'].toSorted());
    } finally {
      const pids = session.guestLayers.at('0').machine?.pid;
      await session.close({ discard: true });
      if (pids !== undefined) expect(existsSync(`/proc/${pids}`)).toBe(false);
    }
  }, LONG);
});

/** A folder with files, slowly enough to be killed amid it. */
async function fill(session: ImageSession, name: string): Promise<void> {
  const { filesystem } = session.select();
  const writer = filesystem.writer!;
  const folder = await writer.mkdir(filesystem.root, name, { mode: 0o755 });
  for (let i = 0; i < 40; i++) {
    const file = await writer.create(folder, `file-${i}`, { mode: 0o644 });
    await writer.write(file, 0, new Uint8Array(20_000).fill(i));
  }
}

async function namesIn(session: ImageSession): Promise<string[]> {
  const { filesystem } = session.select();
  const names: string[] = [];
  let cursor;
  do {
    const batch = await filesystem.list(filesystem.root, cursor);
    names.push(...batch.entries.map(({ name }) => name));
    cursor = batch.next;
  } while (cursor !== undefined);
  return names.toSorted();
}

describe.skipIf(NO_REISER !== undefined)('ReiserFS, through a guest', () => {
  const image = at('reiserfs.img');
  beforeAll(() => {
    buildClutch();
    run('truncate', ['-s', '40M', image]);
    run('mkfs.reiserfs', ['-q', '-ff', '-l', 'OLD', image]);
  }, LONG);

  it('is found clean as it was made, though reiserfsck notes in it when it looked', () => {
    const before = readFileSync(image);
    const { status, out } = clutch('fsck', image);
    expect(out).toContain('No corruptions found');
    // Neither its wheel nor its tabs are printed as escapes.
    expect(out).not.toContain('\\x');
    expect(out).toMatch(/^reiserfsck .*, in Linux 6\.12 \(status 0\): clean$/m);
    expect(status).toBe(0);
    expect(readFileSync(image).equals(before)).toBe(true);
  }, LONG);

  it('is changed, read back, and found sound by its own checker', () => {
    const edited = edit('mkdir -p /a/b\nwrite /a/b/file 0 "kept"\nln /a/b/file /hard\n', image);
    expect(edited).toMatchObject({ status: 0, err: '' });
    expect(clutch('cat', image, '/hard').out).toBe('kept');
    expect(spawnSync('reiserfsck', ['--check', '--yes', image], { env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } }).status).toBe(0);
    expect(clutch('ls', image, '/a')).toMatchObject({ status: 0, out: 'b\n' });
  }, LONG);
});
