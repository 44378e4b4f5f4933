import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildClutch, CLUTCH, clutch, makeDisk, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const at = (...names: string[]): string => join(folder, ...names);
const missing = missingMke2fs();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** As the reference sees it. @returns its exit status */
function e2fsck(image: string, ...options: readonly string[]): number | null {
  return spawnSync('e2fsck', [...options, image], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } }).status;
}

/** Runs it with nobody who reads what it prints. @returns its exit status */
async function unread(...args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [CLUTCH, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.destroy();
  return ((await once(child, 'exit')) as [number | null])[0];
}

/** The start of a tar: a file of a MiB without its end. */
function tarBegin(): Buffer {
  writeFileSync(at('large'), Buffer.alloc(1 << 20, 65));
  return execFileSync('tar', ['-C', folder, '-c', 'large'], { maxBuffer: 1 << 22 }).subarray(0, 512 + (1 << 19));
}

describe.skipIf(missing !== undefined)(`changing an image${missing === undefined ? '' : ` (${missing})`}`, () => {
  beforeAll(() => {
    buildClutch();
    mkdirSync(at('tree'));
    makeTree(at('tree'));
    makeExt4(at('first.img'), at('tree'), 'first', '11111111-0000-0000-0000-000000000001');
    mkdirSync(at('new/sub'), { recursive: true });
    writeFileSync(at('new/sub/file'), 'of the computer\n');
    symlinkSync('file', at('new/sub/link'));
  });
  const image = at('disk.img');
  const script = at('script');
  beforeEach(() => copyFileSync(at('first.img'), image));

  const edit = (lines: readonly string[], ...options: readonly string[]): ReturnType<typeof clutch> => {
    writeFileSync(script, lines.join('\n'));
    return clutch('edit', image, '-f', script, ...options);
  };
  const entries = (): Record<string, Record<string, unknown>> => Object.fromEntries(objects(clutch('walk', '--json', '--hash', image).out).map((entry) => [entry.path as string, entry]));

  it('waits for a script that comes slowly, and stops on Ctrl-C while it waits', async () => {
    expect(spawnSync('sh', ['-c', '(sleep 1; echo mkdir /slow) | "$1" "$2" edit "$3"', 'sh', process.execPath, CLUTCH, image]).status).toBe(0);
    expect(entries()).toHaveProperty(['/slow']);
    const before = readFileSync(image);
    for (const verb of ['edit', 'untar']) {
      for (const signal of ['SIGINT', 'SIGHUP'] as const) {
        const child = spawn(process.execPath, [CLUTCH, verb, image], { stdio: ['pipe', 'ignore', 'ignore'] });
        const exited = once(child, 'exit');
        // Longer than any pipe holds: when that was taken, somebody waits for more.
        await new Promise((resume) => { child.stdin.write(verb === 'edit' ? '# nothing\n'.repeat(200_000) : tarBegin(), resume); });
        child.kill(signal);
        expect(await exited).toEqual([130, null]);
        child.stdin.destroy();
      }
    }
    expect(readFileSync(image).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('says what is wrong with a script or an archive that it is given', () => {
    expect(clutch('edit', image, '-f', at('none'))).toMatchObject({ status: 1, out: '', err: `clutch: There is no ${at('none')} on this computer\n` });
    expect(clutch('edit', image, '-f', folder)).toMatchObject({ status: 1, err: `clutch: ${folder} is a folder\n` });
    const { status, stderr } = spawnSync(process.execPath, [CLUTCH, 'untar', image], { input: 'no tar at all\n'.repeat(100), encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 1, stderr: 'clutch: tar header: its checksum is wrong\n  It is no tar archive, is damaged, or was cut short.\n' });
  });

  it('runs every operation, and e2fsck finds nothing', () => {
    const ran = edit([
      '# a comment', '', 'mkdir -p /a/b/c', 'mkdir -m 0700 /private', `put ${at('new')} /a`, `put ${at('new/sub/file')} "/a/b/other name"`,
      'write /a/text 0 "one\\ntwo\\n"', 'write /a/text 4 TWO', 'truncate /hello 3', 'truncate /a/hole 1M', 'touch /a/text @1600000000.5', 'touch /a/empty 2020-01-02T03:04:05Z',
      'mv /etc/fstab /etc/fs.tab', 'mv /etc/passwd /a', 'ln /a/text /hard', 'symlink ../hello /etc/hello', 'chmod 4711 /a/text', 'chown 1000:1001 /a/text', 'chown :7 /a/b',
      "setxattr /a/text user.note 'some words'", 'setxattr /a/text user.hex 0x00ff', 'setxattr /hello user.gone x', 'rmxattr /hello user.gone',
      'rm "/bad\\xff\\xfename" /link', 'rm -f /none', 'rm -r /.config /etc/ssl', 'mkdir /empty', 'rmdir /empty',
    ]);
    expect(ran).toMatchObject({ status: 0, out: '', err: '' });
    expect(e2fsck(image, '-fn')).toBe(0);
    const found = entries();
    expect(clutch('cat', image, '/a/text', '/a/new/sub/link', '/hello').out).toBe('one\nTWO\nof the computer\nhel');
    expect(found['/a/text']).toMatchObject({ mode: '4711', uid: 1000, gid: 1001, nlink: 2, mtime: '1600000000500000000', xattrs: { 'user.note': Buffer.from('some words').toString('hex'), 'user.hex': '00ff' } });
    expect(found['/a/b/other name']).toMatchObject({ type: 'file', size: 16 });
    expect(found['/a/b']).toMatchObject({ gid: 7, uid: 0 });
    expect(found['/a/hole']).toMatchObject({ size: 1 << 20 });
    expect(found['/a/empty']).toMatchObject({ size: 0, mtime: '1577934245000000000' });
    expect(found['/private']).toMatchObject({ type: 'dir', mode: '0700' });
    expect(found['/etc/hello']).toMatchObject({ type: 'symlink', target: '../hello' });
    expect(found['/hello']).not.toHaveProperty('xattrs');
    for (const path of ['/a/b/c', '/a/new/sub/file', '/etc/fs.tab', '/a/passwd', '/hard']) expect(found).toHaveProperty([path]);
    for (const path of ['/etc/fstab', '/etc/passwd', '/link', '/.config', '/etc/ssl', '/empty']) expect(found).not.toHaveProperty([path]);
    expect(readdirSync(folder).filter((name) => name.includes('clutch-apply'))).toEqual([]);
  });

  it.each<[string, string, number]>([
    ['mkdir /etc', 'line 3: There is a /etc already', 1], ['rm /etc', 'line 3: /etc is a folder', 1], ['rmdir /etc', 'line 3:', 1], ['rm /none', 'line 3: There is no /none', 1],
    ['put /none/at/all /x', 'line 3: There is no /none/at/all on this computer', 1], ['mkdir /none/x', 'line 3:', 1], ['write /etc 0 x', 'line 3: /etc is a dir', 1],
    ['rmxattr /hello user.none', 'line 3:', 1], ['frobnicate /x', 'line 3: there is no operation "frobnicate"', 2], ['mkdir', 'line 3: "mkdir" does not take 0 words', 2],
    ['mkdir -x /a', 'line 3: there is no option "-x"', 2], ['chmod 999 /hello', 'line 3: "999" is no mode', 2], ['chown me /hello', 'line 3: "me" is no owner', 2], ["mkdir 'x", "line 3: a ' is not closed", 2],
    ['truncate /hello 100T', 'line 3:', 1],
  ])('does nothing at all when one of them fails: %s', (line, message, status) => {
    const before = readFileSync(image);
    const ran = edit(['mkdir /one', '# here', line, 'mkdir /two']);
    expect(ran).toMatchObject({ status, out: '' });
    expect(ran.err).toContain(`clutch: ${message}`);
    expect(readFileSync(image).equals(before)).toBe(true);
  });

  it('takes the script from standard input, and the volume that --part picks', () => {
    makeDisk(image, [at('first.img'), at('first.img')]);
    const { status } = spawnSync(process.execPath, [join(import.meta.dirname, '../../bin/clutch'), 'edit', image, '--part', '2'], { input: 'mkdir /second' });
    expect(status).toBe(0);
    expect(clutch('ls', image, '--part', '1').out).not.toContain('second');
    expect(clutch('ls', image, '--part', '2').out).toContain('second');
    expect(edit(['mkdir /x'])).toMatchObject({ status: 2, err: expect.stringContaining('choose one with --part') as string });
  });

  it('writes directly through the journal, line by line', () => {
    const ran = edit(['mkdir /one', 'mkdir /etc', 'mkdir /two'], '--direct');
    expect(ran).toMatchObject({ status: 1, err: expect.stringContaining('The lines before it are done') as string });
    expect(e2fsck(image, '-fn')).toBe(0);
    expect(entries()).toHaveProperty(['/one']);
    expect(entries()).not.toHaveProperty(['/two']);
  });

  it('writes directly to a filesystem without a journal, each commit as a whole', () => {
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext2', image, '8M'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }, stdio: 'ignore' });
    expect(edit(['mkdir /one', `put ${at('new')} /one`], '--direct')).toMatchObject({ status: 0, err: '' });
    expect(e2fsck(image, '-fn')).toBe(0);
    expect(clutch('cat', image, '/one/new/sub/file').out).toBe('of the computer\n');
    expect(readdirSync(folder).filter((name) => name.includes('clutch-apply'))).toEqual([]);
  });

  it('refuses what is packed, with the reason', () => {
    writeFileSync(image, gzipSync(readFileSync(image)));
    expect(edit(['mkdir /x'])).toMatchObject({ status: 3, err: expect.stringContaining("gzip image can't be changed in its place") as string });
  });

  it('checks, and ends as fsck(8) does', async () => {
    expect(clutch('fsck', image)).toMatchObject({ status: 0, out: 'Clean\n' });
    expect(objects(clutch('fsck', '--json', image).out)).toEqual([{ state: 'clean', exit: 0, findings: 0, repaired: 0 }]);
    expect(clutch('fsck', at('none.img'))).toMatchObject({ status: 8, err: expect.stringContaining('There is no') as string });
    expect(clutch('fsck', '--fix', image)).toMatchObject({ status: 2, err: expect.stringContaining('--fix --yes') as string });
    expect(clutch('fsck', '--yes', image)).toMatchObject({ status: 2 });
    expect(await unread('fsck', image)).toBe(0);
    writeFileSync(at('empty.img'), new Uint8Array(100_000));
    expect(clutch('fsck', at('empty.img'))).toMatchObject({ status: 8 });
  });

  it('repairs when it is told to, and only then', async () => {
    // Wrong link counts and sizes, by the reference's own editor.
    execFileSync('debugfs', ['-w', '-f', '-', image], { input: 'set_inode_field /hello links_count 7\nset_inode_field /etc/passwd links_count 1\n', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` }, stdio: ['pipe', 'ignore', 'ignore'] });
    expect(e2fsck(image, '-fn')).toBe(4);
    const before = readFileSync(image);
    const looked = clutch('fsck', image);
    expect(looked).toMatchObject({ status: 4, err: '' });
    expect(looked.out).toMatch(/^Errors:\n[^]*Repair: [^]*clutch fsck --fix repairs them\n$/);
    expect(readFileSync(image).equals(before)).toBe(true);
    // Who reads none of it is told all the same.
    expect(await unread('fsck', image)).toBe(4);
    const lines = objects(clutch('fsck', '--json', image).out);
    expect(lines.at(-1)).toMatchObject({ state: 'errors', exit: 4 });
    expect(lines[0]).toMatchObject({ code: expect.any(String) as string, severity: 'error', message: expect.any(String) as string, repair: expect.any(String) as string, repaired: false });
    expect(clutch('fsck', '--fix', '--yes', image)).toMatchObject({ status: 1, out: expect.stringContaining('Repaired: ') as string });
    expect(e2fsck(image, '-fn')).toBe(0);
    expect(clutch('fsck', image).status).toBe(0);
  });
});
