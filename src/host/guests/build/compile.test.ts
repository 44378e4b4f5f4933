import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingTools } from '../../../engines/testing/tools.ts';
import { nodeJob } from '../../session.ts';
import type { GuestSource } from '../manifest.ts';
import { type Archive, readArchive } from './archive.ts';
import { compileModules } from './compile.ts';
import { Downloads } from './downloads.ts';
import { Elf } from './elf.ts';
import { makeArchive, serveMirror, type SmallMirror } from './testing/archive.ts';

/** Debian's name of this computer's architecture: what its compiler makes. */
const HERE = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? 'none';

const folder = mkdtempSync(join(tmpdir(), 'clutch-test-compile-'));
let archive: Archive;
let mirror: SmallMirror;
const downloads = new Downloads(join(folder, 'downloads'));

/** Packages as Debian's are: the headers' makefile names the one for all flavours by its absolute path, and that runs a program of the third by a link. */
const COMMON = `modules:
\tscripts/note
\t$(CC) $(KCFLAGS) -g -c -o $(M)/toy.ko $(M)/toy.c
`;
const PACKAGES = {
  'linux-headers-6.1.0-1-test': {
    files: { 'usr/src/linux-headers-6.1.0-1-test/Makefile': Buffer.from('include /usr/src/linux-headers-6.1.0-1-common/Makefile\n'), 'usr/src/linux-headers-6.1.0-1-test/scripts': { link: '../../lib/linux-kbuild-6.1/scripts' } },
    depends: 'linux-headers-6.1.0-1-common (= 1), linux-kbuild-6.1, linux-compiler-gcc-12-x86',
  },
  'linux-headers-6.1.0-1-common': { files: { 'usr/src/linux-headers-6.1.0-1-common/Makefile': Buffer.from(COMMON) } },
  'linux-kbuild-6.1': { files: { 'usr/lib/linux-kbuild-6.1/scripts/note': Buffer.from('#!/bin/sh\necho noted\n') } },
  'toy-dkms': { files: {
    'usr/src/toy-1/Makefile': Buffer.from('obj-m = toy.o\n'), 'usr/src/toy-1/version.sh': Buffer.from('echo "#define VERSION 7" >version.h\n'),
    'usr/src/toy-1/toy.c': Buffer.from('#include "version.h"\nconst char *where = __FILE__;\nint toy(void) { return VERSION; }\n'),
  } },
  // As those that ask first what the kernel has: a script makes the makefile, and the module lies in a folder.
  'asking-dkms': { files: {
    'usr/src/asking-1/configure': Buffer.from('for each; do echo "\\"${each##*/}\\""; done >module/asked.h; printf "all:\\n\\t\\$(CC) \\$(KCFLAGS) -c -o module/asking.ko module/asking.c\\n" >>Makefile\n'),
    'usr/src/asking-1/module/asking.c': Buffer.from('const char *asked =\n#include "asked.h"\n;\n'),
  } },
  'broken-dkms': { files: { 'usr/src/broken-1/Makefile': Buffer.from('obj-m = toy.o\n'), 'usr/src/broken-1/toy.c': Buffer.from('int toy(void) { return nonsense; }\n') } },
  'endless-dkms': { files: { 'usr/src/endless-1/Makefile': Buffer.from('\n'), 'usr/src/endless-1/wait.sh': Buffer.from('echo waiting; sleep 1000 & wait\n') } },
  'leaving-dkms': { files: { 'usr/src/leaving-1/Makefile': Buffer.from('\n'), 'usr/src/leaving-1/out': { link: '../../../../etc' } } },
};

function source(compile: Partial<NonNullable<GuestSource['compile']>>, architecture = HERE): GuestSource {
  return { kind: 'debian', suites: ['test'], components: ['main'], architecture, kernel: [], base: [], modules: [], download: 1, compile: { package: 'toy-dkms', modules: ['toy'], seconds: 1, space: 1, licence: 'GPL', ...compile } };
}

const compile = (what: GuestSource, job = nodeJob()): ReturnType<typeof compileModules> => compileModules(what, '6.1.0-1-test', archive, downloads, job);
const leftovers = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('clutch-compile-'));

beforeAll(async () => {
  const made = await makeArchive(PACKAGES);
  mirror = await serveMirror(made.files);
  archive = await readArchive(['test'], ['main'], 'test', { mirrors: { main: mirror.url, security: mirror.url }, trust: { keys: [made.publicKey] }, downloads, job: nodeJob() });
});
afterAll(async () => {
  await mirror.close();
  rmSync(folder, { recursive: true, force: true });
});

const why = process.platform === 'linux' && HERE !== 'none' ? missingTools('make', 'gcc', 'ld', 'strip') : `no compiling on ${process.platform} on ${process.arch}`;
if (why !== undefined) console.warn(`skipped: modules that are compiled: ${why}`);

describe.skipIf(why !== undefined)('a module that is compiled here', () => {
  it('comes of the headers, the build programs and the source, the same to the byte each time', async () => {
    const first = await compile(source({ prepare: 'version.sh' }));
    const bytes = first.modules.get('toy.ko')!;
    expect(new Elf(bytes, 'toy.ko').section('.debug_info')).toBeUndefined();
    expect(Buffer.from(bytes).includes('clutch-compile-')).toBe(false);
    expect(first.packages.map(({ name }) => name)).toEqual(['linux-headers-6.1.0-1-test', 'linux-headers-6.1.0-1-common', 'linux-kbuild-6.1', 'toy-dkms']);
    const second = await compileModules(source({ prepare: 'version.sh' }), '6.1.0-1-test', archive, new Downloads(join(folder, 'elsewhere')), nodeJob());
    expect(Buffer.from(second.modules.get('toy.ko')!).equals(bytes)).toBe(true);
  });

  it('is kept with the downloads, and compiled anew where that was damaged', async () => {
    const kept = new Downloads(join(folder, 'kept'));
    const now: string[] = [];
    const again = (): ReturnType<typeof compileModules> => compileModules(source({ prepare: 'version.sh' }), '6.1.0-1-test', archive, kept, nodeJob({ report: (progress) => { now.push(progress.now ?? ''); } }));
    const compiled = (): boolean => now.splice(0).some((text) => text.startsWith('compiling'));
    const first = await again();
    expect(compiled()).toBe(true);
    expect(await again()).toEqual({ modules: new Map([...first.modules].map(([name, bytes]) => [name, Buffer.from(bytes)])), packages: first.packages });
    expect(compiled()).toBe(false);
    const path = readdirSync(kept.folder).map((name) => join(kept.folder, name)).find((each) => readFileSync(each).equals(first.modules.get('toy.ko')!))!;
    writeFileSync(path, 'damaged');
    expect(Buffer.from((await again()).modules.get('toy.ko')!).equals(first.modules.get('toy.ko')!)).toBe(true);
    expect(compiled()).toBe(true);
  });

  it('may be configured first, and lie in a folder of its package', async () => {
    const { modules } = await compile(source({ package: 'asking-dkms', configure: ['--with={headers}', '--and={common}'], modules: ['module/asking'] }));
    expect(Buffer.from(modules.get('asking.ko')!).includes('linux-headers-6.1.0-1-testlinux-headers-6.1.0-1-common\0')).toBe(true);
  });

  it('is not begun where there is no room for it', async () => {
    const before = leftovers().length;
    await expect(compile(source({ space: Number.MAX_SAFE_INTEGER, prepare: 'other.sh' }))).rejects.toMatchObject({ fault: { errno: 'ENOSPC' }, advice: expect.stringContaining('TMPDIR') as string });
    expect(leftovers().length).toBe(before);
  });

  it('that does not compile is told with the compiler\'s words', async () => {
    await expect(compile(source({ package: 'broken-dkms' }))).rejects.toMatchObject({ kind: 'io', message: expect.stringContaining('nonsense') as string });
  });

  it('is given up with all of its processes when the person cancels', async () => {
    const abort = new AbortController();
    const before = new Set(leftovers());
    const running = compile(source({ package: 'endless-dkms', prepare: 'wait.sh', seconds: 3600 }), nodeJob({ signal: abort.signal, report: ({ now = '' }) => { if (now.endsWith('waiting')) abort.abort(); } }));
    // It ends though a process in the background still has the output open: that was killed, too.
    await expect(running).rejects.toMatchObject({ kind: 'cancelled' });
    expect(leftovers().filter((name) => !before.has(name))).toEqual([]);
  });

  it('is refused where its package has a link that leads out', async () => {
    await expect(compile(source({ package: 'leaving-dkms' }))).rejects.toMatchObject({ kind: 'corrupt' });
    expect(existsSync(join(tmpdir(), 'etc'))).toBe(false);
  });

  it('needs its packages', async () => {
    await expect(compile(source({ package: 'no-dkms' }))).rejects.toMatchObject({ kind: 'unsupported', message: 'No package no-dkms in test' });
  });
});

describe('a module for another processor', () => {
  it('is refused before anything is fetched', async () => {
    const asked = mirror.asked.length;
    await expect(compile(source({}, 'm68k'))).rejects.toMatchObject({ kind: 'unsupported', advice: 'On a computer with Debian for m68k: apt install build-essential' });
    expect(mirror.asked.length).toBe(asked);
  });

  it('is none where a manifest names none', async () => {
    const { compile: _, ...none } = source({});
    expect(await compile(none)).toEqual({ modules: new Map(), packages: [] });
  });
});
