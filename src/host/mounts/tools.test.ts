import { existsSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { fillFolder } from '../../engines/testing/full-tree.ts';
import { skip } from '../../engines/testing/oracle/check.ts';
import { ROOT } from '../../engines/testing/recipes/build.ts';
import { missingTools, run, scratchFolder } from '../../engines/testing/tools.ts';
import { fuseAvailable } from './fuse-descriptor.ts';
import { buildProgram, ClutchMount, differences, good, kernelWalk, LIMIT, ran, shell } from './testing/clutch-mount.ts';

/** Bytes of the image. */
const SIZE = 256 << 20;
const EXERCISER = join(ROOT, 'src/host/mounts/testing/exerciser.py');

// Programs end within their own limit; the tests wait for them.
vi.setConfig({ testTimeout: 2 * LIMIT, hookTimeout: LIMIT });

const available = await fuseAvailable();
const reason = !available.ok ? `skipped: ${available.reason}` : missingTools('mke2fs', 'e2fsck', 'python3');
if (!available.ok) console.warn(reason);
/** Devices, owners and trusted attributes are root's, and so is the kernel's own mount. */
const root = process.getuid?.() === 0;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
beforeAll(() => { if (reason === undefined) buildProgram(); });

/** Inserts, changes and removes rows in a few hundred transactions, as two connections; prints what they come to. $1 the database, $2 the journal mode. */
const DATABASE = String.raw`
import os, random, sqlite3, sys
path, mode = sys.argv[1:]
rng = random.Random(mode)
one, two = (sqlite3.connect(path, timeout=250, isolation_level=None) for _ in range(2))
assert one.execute('pragma journal_mode = ' + mode).fetchone()[0] == mode
one.execute('pragma mmap_size = 30000000')
one.execute('create table rows (id integer primary key, text text, bytes blob)')
one.execute('create index by_text on rows (text)')
for i in range(90):
    with (one if i % 3 else two) as db:
        db.execute('begin immediate')
        for _ in range(40): db.execute('insert into rows (text, bytes) values (?, ?)', ('%030d' % rng.randrange(10**9), rng.randbytes(rng.randrange(2000))))
        db.execute('update rows set text = text || ? where id % 97 = ?', (str(i), i % 97))
        db.execute('delete from rows where id % 53 = ?', (i % 53,))
    if i % 5 == 0: two.execute('begin'); two.execute('delete from rows'); two.execute('rollback')
if mode == 'wal': assert os.path.exists(path + '-shm') and one.execute('pragma wal_checkpoint(full)').fetchone()[0] == 0
print(one.execute('select count(*), sum(length(bytes)) from rows').fetchone())
`;

/** Makes a C program of many files, with a Makefile, in the folder $1. */
const PROJECT = String.raw`
import os, sys
os.chdir(sys.argv[1])
os.makedirs('src'); os.makedirs('include/deep')
for i in range(12):
    open(f'include/deep/part{i}.h', 'w').write(f'int part{i}(int);\n')
    open(f'src/part{i}.c', 'w').write(f'#include "deep/part{i}.h"\nstatic const char filler[] = "{"x" * 500}";\nint part{i}(int n) {{ return n + {i} + (int) sizeof filler - 501; }}\n')
open('src/main.c', 'w').write('#include <stdio.h>\n' + ''.join(f'#include "deep/part{i}.h"\n' for i in range(12)) + 'int main(void) { printf("sum %d\\n", ' + ' + '.join(f'part{i}({i})' for i in range(12)) + '); return 0; }\n')
open('Makefile', 'w').write('''OBJECTS := $(patsubst src/%.c,build/%.o,$(wildcard src/*.c))
program: build/libparts.a
\tcc -o $@ build/main.o $<
build/libparts.a: $(OBJECTS)
\tar rcs $@ $^
build/%.o: src/%.c | build
\tcc -Iinclude -c -o $@ $<
build:
\tmkdir $@
.PHONY: clean
clean:
\trm -rf build program
''')
`;

/** Lists the folder $1 again and again until it is gone; no name may come twice in one listing. */
const LISTER = String.raw`
import os, sys
print('lists', flush=True)
times = 0
while True:
    try: names = os.listdir(sys.argv[1])
    except FileNotFoundError: break
    assert len(set(names)) == len(names)
    times += 1
print(times)
`;

/** Makes a tree with everything that a folder holds. */
function fill(path: string, entries: number): void {
  mkdirSync(path);
  fillFolder(path, entries);
  // With blocks of 1 KiB, the attributes of one file have no more room.
  run('python3', ['-c', 'import os, sys; os.chdir(sys.argv[1]); os.setxattr("small", "user.long", b"v" * 500)', path]);
}

describe.skipIf(reason !== undefined).each([1024, 4096])(`programs in a mount for writing of an ext4 with blocks of %i bytes${reason === undefined ? '' : ` (${reason})`}`, (blockSize) => {
  const folder = join(scratch.path, `${blockSize}`);
  const at = (...names: readonly string[]): string => join(folder, ...names);
  /** A path in the mount. */
  const inside = (...names: readonly string[]): string => at('mount', ...names);
  let mount: ClutchMount;

  beforeAll(async () => {
    mkdirSync(at('home'), { recursive: true });
    writeFileSync(at('image'), '');
    truncateSync(at('image'), SIZE);
    run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', `${blockSize}`, '-N', '30000', '-E', `root_owner=${process.getuid?.()}:${process.getgid?.()}`, at('image')]);
    mount = await ClutchMount.start(at('image'), at('mount'), ['--write'], { CLUTCH_RUNTIME: at('run') });
  });
  afterAll(() => mount?.takeDown());

  it('the exerciser, at three files at once', async () => {
    const sizes = [400_000, 3_000_000, 9_000];
    const said = await Promise.all(sizes.map((size, i) => good('python3', [EXERCISER, inside(), '--ops', '600', '--seed', `${blockSize + i}`, '--size', `${size}`, '--keep'])));
    for (const each of said) expect(each).toMatch(/^600 operations: /);
  });

  it('rsync -aHAX in and out', async (context) => {
    const why = root ? missingTools('rsync', 'setfacl') : 'devices and owners are root\'s to make';
    if (why !== undefined) skip(context, why);
    const source = at('source');
    fill(source, 300);
    await shell('cd "$1" && setfacl -m u:1234:rw,g:77:r pieces && setfacl -d -m u:1234:rwx links && setfacl -m u:5:x links', source);
    for (const [from, to] of [[source, inside('copied')], [inside('copied'), at('back')], [source, inside('copied')]]) await good('rsync', ['-aHAXS', '--numeric-ids', `${from}/`, `${to}/`]);
    const reference = await kernelWalk('--folder', source, folder);
    expect(reference.length).toBeGreaterThan(360);
    for (const copy of [inside('copied'), at('back')]) expect(differences(reference, await kernelWalk('--folder', copy, folder)), copy).toEqual([]);
    // Holes came as holes.
    expect(Number(await good('stat', ['-c', '%b', inside('copied', 'holes')]))).toBeLessThan(200);
    expect(await good('rsync', ['-aHAXSni', '--checksum', '--delete', '--numeric-ids', `${source}/`, `${inside('copied')}/`])).toBe('');
  });

  it('git clone, commit, gc and fsck', async (context) => {
    const why = missingTools('git');
    if (why !== undefined) skip(context, why);
    const env = { HOME: at('home'), GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_NAME: 'a', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'a', GIT_COMMITTER_EMAIL: 'a@b' };
    const git = (cwd: string, ...args: readonly string[]): Promise<string> => good('git', args, { cwd, env });
    mkdirSync(at('origin'));
    await git(at('origin'), 'init', '-q', '-b', 'main');
    for (let i = 0; i < 8; i++) {
      await shell('cd "$1" && mkdir -p "f$2" && for i in 1 2 3 4 5 6 7 8 9; do seq $i $(($2 * 999 + 99)) > "f$2/file $i"; done && ln -sf "f$2" last && chmod +x "f$2/file 3"', at('origin'), `${i}`);
      await git(at('origin'), 'add', '-A');
      await git(at('origin'), 'commit', '-q', '-m', `${i}`);
    }
    const clone = inside('clone');
    await git(folder, 'clone', '-q', '--no-local', at('origin'), clone);
    await git(clone, 'fsck', '--full', '--strict');
    expect(await git(clone, 'status', '--porcelain')).toBe('');
    await shell('cd "$1" && echo more >> "f3/file 2" && git mv f4 renamed && rm -r f5', clone);
    await git(clone, 'commit', '-q', '-a', '-m', 'changed');
    await git(clone, 'gc', '-q');
    await git(clone, 'checkout', '-q', 'HEAD~4');
    await git(clone, 'checkout', '-q', 'main');
    expect(await git(clone, 'fsck', '--full', '--strict')).toBe('');
    expect(await git(clone, 'status', '--porcelain')).toBe('');
    expect((await git(clone, 'log', '--format=%s')).split('\n')[0]).toBe('changed');
    await git(at('origin'), 'fetch', '-q', clone, 'main:back');
    expect(await git(at('origin'), 'rev-parse', 'back')).toBe(await git(clone, 'rev-parse', 'HEAD'));
  });

  it('npm ci of packages of this computer', async (context) => {
    const why = missingTools('npm');
    if (why !== undefined) skip(context, why);
    const npm = (cwd: string, ...args: readonly string[]): Promise<string> => good('npm', [...args, '--offline', '--no-audit', '--no-fund', '--no-update-notifier'], { cwd, env: { HOME: at('home'), npm_config_cache: at('home', 'npm') } });
    const app = inside('app');
    await shell('mkdir -p "$1/linked/lib" "$1/packed/lib"', app);
    for (const name of ['linked', 'packed']) {
      writeFileSync(at(`${name}.json`), JSON.stringify({ name, version: '1.0.0', main: 'lib/index.js', bin: { [`${name}-bin`]: 'bin.js' } }));
      await shell('cp "$1" "$2/$3/package.json"; echo "module.exports = \'$3\';" > "$2/$3/lib/index.js"; printf "#!/usr/bin/env node\\nconsole.log(\'bin of $3\')\\n" > "$2/$3/bin.js"', at(`${name}.json`), app, name);
    }
    await npm(join(app, 'packed'), 'pack', '--pack-destination', app);
    writeFileSync(at('app.json'), JSON.stringify({ name: 'app', version: '1.0.0', dependencies: { linked: 'file:linked', packed: 'file:packed-1.0.0.tgz' } }));
    await good('cp', [at('app.json'), join(app, 'package.json')]);
    await npm(app, 'install', '--package-lock-only');
    await npm(app, 'ci');
    expect(await good(process.execPath, ['-e', 'console.log(require("linked"), require("packed"))'], { cwd: app })).toBe('linked packed\n');
    expect(await good(join(app, 'node_modules/.bin/packed-bin'), [])).toBe('bin of packed\n');
    // Once more, over what is there.
    await npm(app, 'ci');
    expect(await good('readlink', [join(app, 'node_modules/linked')])).toBe('../linked\n');
  });

  it.each(['delete', 'wal'])('sqlite with the journal mode %s', async (mode) => {
    const path = inside(`${mode}.db`);
    const there = await good('python3', ['-c', DATABASE, path, mode]);
    // As on a filesystem of the kernel's own.
    expect(there).toBe(await good('python3', ['-c', DATABASE, at(`${mode}.db`), mode]));
    expect(await good('python3', ['-c', 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("pragma integrity_check").fetchall())', path])).toBe('[(\'ok\',)]\n');
  });

  it('a C program is unpacked, built and run', async (context) => {
    const why = missingTools('make', 'cc', 'ar');
    if (why !== undefined) skip(context, why);
    mkdirSync(at('project'));
    await good('python3', ['-c', PROJECT, at('project')]);
    await good('tar', ['-czf', at('project.tgz'), '-C', at('project'), '.']);
    const project = inside('project');
    await shell('mkdir "$2" && tar -xzf "$1" -C "$2"', at('project.tgz'), project);
    await good('make', ['-j2'], { cwd: project });
    expect(await good('./program', [], { cwd: project })).toBe('sum 132\n');
    expect(await good('make', [], { cwd: project })).toMatch(/up to date/);
    await shell('cd "$1" && touch -d "1 hour" src/part3.c && make && make clean && make && ./program', project);
  });

  it('GNU tar and bsdtar unpack and pack the same', async (context) => {
    const why = root ? missingTools('bsdtar', 'setfattr') : 'devices and owners are root\'s to make';
    if (why !== undefined) skip(context, why);
    const source = at('to-pack');
    fill(source, 100);
    // No tar holds a socket; bsdtar spells a space in the name of an attribute "%20", and times before 1970 its own way.
    await shell('cd "$1" && rm socket && setfattr -x "user.of a folder" links && find . ! -newermt 1980-01-01 -exec touch -hd @1000000000.5 {} +', source);
    const reference = await kernelWalk('--folder', source, folder);
    const tars: Record<string, { readonly pack: readonly string[]; readonly unpack: readonly string[] }> = {
      tar: { pack: ['--format=pax', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-S', '-c'], unpack: ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-p', '-x'] },
      bsdtar: { pack: ['--format=pax', '--xattrs', '--numeric-owner', '-c'], unpack: ['--xattrs', '--numeric-owner', '-S', '-p', '-x'] },
    };
    for (const [program, { pack, unpack }] of Object.entries(tars)) {
      await good(program, [...pack, '-f', at(`1.${program}`), '-C', source, '.']);
      await shell('mkdir "$1"', inside(program));
      await good(program, [...unpack, '-f', at(`1.${program}`), '-C', inside(program)]);
      // As the same program leaves it on a filesystem of the kernel's own, whatever it makes of what the tar can't hold.
      mkdirSync(at(program));
      await good(program, [...unpack, '-f', at(`1.${program}`), '-C', at(program)]);
      expect(differences(await kernelWalk('--folder', at(program), folder), await kernelWalk('--folder', inside(program), folder)), program).toEqual([]);
      await good(program, [...pack, '-f', at(`2.${program}`), '-C', inside(program), '.']);
      const again = `${program}-again`;
      mkdirSync(at(again));
      await good(program, [...unpack, '-f', at(`2.${program}`), '-C', at(again)]);
      expect(differences(reference, await kernelWalk('--folder', at(again), folder)), `${program}, packed from the mount`).toEqual([]);
    }
  });

  it('rm -rf of a folder of 5,000 files while another process lists it; find', async () => {
    await shell('mkdir "$1" "$1/many" && cd "$1/many" && seq -f "%05g" 5000 | xargs touch', inside('crowd'));
    expect(await shell('find "$1" -type f | wc -l', inside('crowd'))).toBe('5000\n');
    const listing = good('python3', ['-c', LISTER, inside('crowd', 'many')]);
    await good('rm', ['-rf', inside('crowd', 'many')]);
    expect((await listing).split('\n')[0]).toBe('lists');
    expect(await good('find', [inside('crowd'), '-printf', '%P %y %n\\n'])).toBe(' d 2\n');
  });

  it('unmounted and applied, the image is sound, and the kernel sees the same', async (context) => {
    // The walk leaves out times of the second in which it begins, and later.
    await setTimeout(1100);
    const before = await kernelWalk('--folder', inside(), folder);
    const { status, err } = await mount.end('SIGTERM');
    expect({ status, err }).toEqual({ status: 0, err: expect.stringMatching(/ were applied\n$/) as string });
    expect(readdirSync(folder)).not.toContain('mount');
    const check = await ran('e2fsck', ['-fn', at('image')]);
    expect(check, check.out).toMatchObject({ status: 0 });
    expect(existsSync(at('run'))).toBe(true);
    if (!root) skip(context, 'the kernel\'s own mount is root\'s');
    const after = await kernelWalk('--image', at('image'), folder);
    expect(after.length).toBeGreaterThan(200);
    expect(differences(after, before)).toEqual([]);
  });
});
