import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildClutch, CLOCK, CLUTCH, clutch, makeExt4, makeTree, missingMke2fs, objects, workFolder } from './testing.ts';

const folder = workFolder();
const image = join(folder, 'a.ext4');
const missing = missingMke2fs();
let count = 0;
const fresh = () => join(folder, `out${count++}`);

beforeAll(() => {
  buildClutch();
  if (missing !== undefined) return;
  mkdirSync(join(folder, 'tree'));
  makeTree(join(folder, 'tree'));
  makeExt4(image, join(folder, 'tree'), 'first', '11111111-2222-3333-4444-555555555555');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(missing)('extract', () => {
  it('copies everything, as it was', () => {
    const out = fresh();
    const { status, err } = clutch('extract', image, '-C', out);
    expect({ status, err }).toEqual({ status: 0, err: expect.stringMatching(/^clutch: \d+ files and \d+ folders \(.*\) in [\d.]+ s to the new folder .*\n$/) as string });
    expect(readFileSync(join(out, 'etc/fstab'), 'utf8')).toBe('/dev/sda1 / ext4 defaults 0 1\n');
    expect(statSync(join(out, 'etc/hard')).ino).toBe(statSync(join(out, 'etc/passwd')).ino);
    expect(readlinkSync(join(out, 'outside'))).toBe('../../../../etc/hostname');
    expect(statSync(join(out, 'hello')).mtimeMs).toBe(CLOCK * 1000);
    expect(statSync(join(out, 'sparse'))).toMatchObject({ size: 1 << 20 });
    expect(statSync(join(out, 'sparse')).blocks).toBeLessThan(100);
    const names = readdirSync(Buffer.from(out), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    expect(names).toContain('bad\xff\xfename');
    expect(names).toContain('new\nline');
  });

  it('copies what is named, under its last name', () => {
    const out = fresh();
    expect(clutch('extract', '-q', image, '/etc', '/hello', '-C', out)).toMatchObject({ status: 0, err: '' });
    expect(readdirSync(out).toSorted()).toEqual(['etc', 'hello']);
    expect(readdirSync(join(out, 'etc')).toSorted()).toEqual(['fstab', 'hard', 'passwd', 'ssl']);
  });

  it('prints its summary as JSON', () => {
    const [summary] = objects(clutch('extract', '--json', image, '/etc', '-C', fresh()).out);
    expect(summary).toMatchObject({ files: 3, directories: 2, skipped: 0, problems: 0 });
  });

  it('touches nothing that is there already, reports it, and fails', () => {
    const out = fresh();
    mkdirSync(out);
    writeFileSync(join(out, 'hello'), 'mine');
    const { status, err } = clutch('extract', image, '/hello', '-C', out);
    expect(status).toBe(1);
    expect(err).toMatch(/^clutch: warning: .*hello: exists already and was skipped \(see --on-conflict\)\n/);
    expect(readFileSync(join(out, 'hello'), 'utf8')).toBe('mine');
  });

  it('does with conflicts what it is told', () => {
    const out = fresh();
    mkdirSync(out);
    const put = () => { writeFileSync(join(out, 'hello'), 'mine'); };
    put();
    expect(clutch('extract', image, '/hello', '-C', out, '--on-conflict', 'skip').status).toBe(0);
    expect(readFileSync(join(out, 'hello'), 'utf8')).toBe('mine');
    expect(clutch('extract', image, '/hello', '-C', out, '--on-conflict', 'newer').status).toBe(0);
    expect(readFileSync(join(out, 'hello'), 'utf8')).toBe('mine');
    expect(clutch('extract', image, '/hello', '-C', out, '--on-conflict', 'keep-both').status).toBe(0);
    expect(readdirSync(out)).toHaveLength(2);
    expect(clutch('extract', image, '/hello', '-C', out, '--on-conflict', 'replace').status).toBe(0);
    expect(readFileSync(join(out, 'hello'), 'utf8')).toBe('hello\n');
  });

  it('fails before it makes anything where a path is not there', () => {
    const out = fresh();
    expect(clutch('extract', image, '/hello', '/nope', '-C', out)).toMatchObject({ status: 1, err: 'clutch: There is no nope in /\n' });
    expect(existsSync(out)).toBe(false);
  });

  it('stops on Ctrl-C with 130 and leaves no half-written file', async () => {
    const big = join(folder, 'big.ext4');
    const tree = join(folder, 'big');
    mkdirSync(tree);
    for (let i = 0; i < 3000; i++) writeFileSync(join(tree, `file${i}`), `${i}`.repeat(50));
    rmSync(big, { force: true });
    spawnSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-N', '4096', '-d', tree, big, '64M'], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` } });
    const out = fresh();
    const child = spawn(process.execPath, [CLUTCH, 'extract', big, '-C', out], { stdio: 'ignore' });
    while (!existsSync(out) || readdirSync(out).length < 20) await new Promise((resume) => setTimeout(resume, 1));
    child.kill('SIGINT');
    const [status] = await once(child, 'exit') as [number];
    expect(status).toBe(130);
    const names = readdirSync(out).filter((name) => name !== 'lost+found');
    expect(names.length).toBeLessThan(3000);
    for (const name of names) expect(lstatSync(join(out, name)).size).toBe(lstatSync(join(tree, name)).size);
  });
});

describe.skipIf(missing)('pipes', () => {
  it('end quietly when nobody reads any more', () => {
    for (const verb of ['ls -R', 'tree', 'hexdump', 'walk --json', 'tar']) {
      const done = spawnSync('bash', ['-c', `"$1" "$2" ${verb} "$3" | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`, 'bash', process.execPath, CLUTCH, image], { encoding: 'utf8' });
      expect({ verb, out: done.stdout, err: done.stderr }).toEqual({ verb, out: '0\n', err: '' });
    }
  });

  it('carry everything, however slowly they are read', () => {
    const whole = clutch('hexdump', '-v', image).bytes;
    const done = spawnSync('bash', ['-c', '"$1" "$2" hexdump -v "$3" | (sleep 0.3; cat)', 'bash', process.execPath, CLUTCH, image], { maxBuffer: 1 << 28 });
    expect(done.stdout.equals(whole)).toBe(true);
  });
});
