import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, normalize } from 'node:path';
import { cancelled, corrupt, DiskError, unsupported, usage } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { findProgram } from '../../mounts/programs.ts';
import { loadFactor } from '../load.ts';
import type { GuestSource } from '../manifest.ts';
import { Watchdog } from '../watchdog.ts';
import { type Archive, fetchPackage, type Package } from './archive.ts';
import { compiledBefore, compiledKey, keepCompiled } from './compiled.ts';
import { type DebFile, readDeb } from './deb.ts';
import type { Downloads } from './downloads.ts';

/** Bytes of one file of a source package; characters of a compiler's output that are kept. */
const MOST_FILE = 64 << 20;
const MOST_OUTPUT = 16_384;

/** How many times longer than it takes on an idle machine of 2026 a compilation may take. */
const PATIENCE = 20;

/** Milliseconds between two looks at whether the person cancelled. */
const LOOK_EVERY = 100;

/** Debian's names of the processors that this computer can compile for with its own compiler. */
const NATIVE: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', s390x: 's390x' };

/** What compiling needs of the computer: programs, of which one in each row will do. `strip` comes with `ld`. */
const NEEDED: readonly (readonly string[])[] = [['make'], ['gcc-12', 'gcc'], ['ld'], ['strip']];

/** What shows where a package has its sources. */
const SOURCES = /^(usr\/src\/[^/]+)\/(?:Makefile|configure)$/;

export interface CompiledModules {
  /** File names with bytes: "apfs.ko". */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  /** What it was made from. */
  readonly packages: readonly Package[];
}

/** Compiles what a manifest's `source.compile` names. */
export type CompileModules = (source: GuestSource, kernelVersion: string, archive: Archive, downloads: Downloads, job: JobContext) => Promise<CompiledModules>;

/**
 * Compiles modules for a kernel of Debian's: its headers, the programs of its build (both packages) and the module's source (a -dkms package)
 * are unpacked into a folder of their own, without root, and kbuild runs there (Linux: Documentation/kbuild/modules.rst). The same packages and the same
 * compiler give the same bytes, so they are kept with the downloads and not compiled twice.
 * @throws DiskError unsupported where there is no compiler, and for what is not in the packages; usage ENOSPC; io with the compiler's words; timeout; cancelled
 */
export const compileModules: CompileModules = async (source, kernelVersion, archive, downloads, job) => {
  const { compile } = source;
  if (compile === undefined) return { modules: new Map(), packages: [] };
  const programs = await compilers(source.architecture);
  const packages = packagesFor(compile.package, kernelVersion, archive);
  const key = await compiledKey(compile, packages, programs);
  const kept = await compiledBefore(key, downloads, job);
  if (kept !== undefined) return { modules: kept, packages };
  enoughSpace(compile.space);
  // Make can't do with a space in a path, and the temporary folder has none.
  const root = mkdtempSync(join(tmpdir(), 'clutch-compile-'));
  try {
    let sources = '';
    for (const each of packages) {
      const path = await fetchPackage(each, downloads, job);
      job.report({ done: 0, unit: 'bytes', now: `unpacking ${each.name}` });
      const files = await readDeb(path, each.name, (file, size) => /^usr\/(src|lib)\//.test(file) && size <= MOST_FILE, job);
      await unpack(files, root, job);
      if (each.name === compile.package) sources = [...files.keys()].flatMap((file) => SOURCES.exec(file)?.[1] ?? [])[0] ?? '';
    }
    if (sources === '') throw unsupported(compile.package, `The package ${compile.package} has no sources with a Makefile`);
    const headers = `${root}/usr/src/linux-headers-${kernelVersion}`;
    relocate(join(headers, 'Makefile'), root);
    // Symbols for a debugger are most of the space (ZFS: 510 MB with them), and are stripped in the end.
    const flags = `-g0 -ffile-prefix-map=${root}/=`;
    const run = (program: string, args: readonly string[], cwd: string): Promise<void> =>
      work(program, args, cwd, { path: programs, env: { CC: programs['gcc']!, KERNEL_CC: programs['gcc']!, KCFLAGS: flags }, seconds: compile.seconds, title: compile.modules.map((each) => basename(each)).join(', '), job });
    const folder = join(root, sources);
    if (compile.prepare !== undefined) await run('sh', [compile.prepare], folder);
    const common = `${root}/usr/src/${packages.find(({ name }) => name.endsWith('-common'))?.name ?? ''}`;
    if (compile.configure !== undefined) await run('sh', ['configure', ...compile.configure.map((each) => each.replaceAll('{headers}', headers).replaceAll('{common}', common))], folder);
    const kbuild = compile.configure === undefined ? ['-C', headers, `M=${folder}`, 'modules'] : [];
    await run('make', [`-j${availableParallelism()}`, `CC=${programs['gcc']}`, `KCFLAGS=${flags}`, ...kbuild], folder);
    const modules = new Map<string, Uint8Array>();
    for (const name of compile.modules) {
      const file = `${folder}/${name}.ko`;
      await run('strip', ['--strip-debug', file], root);
      modules.set(`${basename(name)}.ko`, readFileSync(file));
    }
    keepCompiled(key, modules, downloads);
    return { modules, packages };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
};

/** @throws DiskError usage ENOSPC when the temporary folder has not so many bytes free: it may lie in memory */
function enoughSpace(space: number): void {
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize >= space) return;
  throw usage('ENOSPC', `Compiling takes ${Math.ceil(space / 1e6)} MB in ${tmpdir()}, which has ${Math.floor(bavail * bsize / 1e6)} MB free`, 'Make room there, or name another folder for temporary files in TMPDIR.');
}

/** Paths of the programs, the compiler as "gcc". @throws DiskError unsupported */
async function compilers(architecture: string): Promise<Readonly<Record<string, string>>> {
  const advice = `On a computer with Debian for ${architecture}: apt install build-essential`;
  if (process.platform !== 'linux' || NATIVE[process.arch] !== architecture) throw unsupported('compiler', `A module for ${architecture} is compiled on Linux on such a computer, and this is ${process.platform} on ${process.arch}`, advice);
  const found: Record<string, string> = {};
  for (const names of NEEDED) {
    const paths = await Promise.all(names.map((name) => findProgram(name)));
    const path = paths.find((each) => each !== undefined);
    if (path === undefined) throw unsupported('compiler', `Compiling takes ${names.at(-1)}, which is not installed`, advice);
    found[names.at(-1)!] = path;
  }
  return found;
}

/** The module's source, and the kernel's headers with what they depend on for building. @throws DiskError unsupported */
function packagesFor(source: string, kernelVersion: string, archive: Archive): Package[] {
  const get = (name: string): Package => {
    const found = archive.newest(name);
    if (found === undefined) throw unsupported(name, `No package ${name} in ${archive.suites.join(', ')}`);
    return found;
  };
  const headers = get(`linux-headers-${kernelVersion}`);
  return [headers, ...headers.depends.filter((name) => /^linux-(headers|kbuild)-/.test(name)).map(get), get(source)];
}

/** Writes files, then links: nothing is written through one. */
async function unpack(files: ReadonlyMap<string, DebFile>, root: string, job: JobContext): Promise<void> {
  const links: DebFile[] = [];
  for (const file of files.values()) {
    const pause = job.breathe();
    if (pause) await pause;
    const path = join(root, file.path);
    if (file.target !== undefined) links.push(file);
    if (file.bytes === undefined) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.bytes, { flag: 'wx' });
    chmodSync(path, file.mode);
  }
  for (const { path, target = '' } of links) {
    const leads = normalize(target.startsWith('/') ? target.slice(1) : join(dirname(path), target));
    if (leads.startsWith('..')) throw corrupt(path, `its link leads out of the package: ${target}`);
    mkdirSync(dirname(join(root, path)), { recursive: true });
    symlinkSync(target.startsWith('/') ? join(root, leads) : target, join(root, path));
  }
}

/** The makefile of a kernel's headers names those of all its flavours by an absolute path. */
function relocate(makefile: string, root: string): void {
  writeFileSync(makefile, readFileSync(makefile, 'utf8').replaceAll('/usr/src/', `${root}/usr/src/`));
}

interface Work {
  /** Programs by name. */
  readonly path: Readonly<Record<string, string>>;
  /** Variables besides those that every program gets. */
  readonly env: Readonly<Record<string, string>>;
  readonly seconds: number;
  readonly title: string;
  readonly job: JobContext;
}

/** Runs a program in a group of processes of its own, which ends with us. @throws DiskError io, timeout, cancelled */
function work(program: string, args: readonly string[], cwd: string, { path, env: own, seconds, title, job }: Work): Promise<void> {
  return new Promise((resolve, reject) => {
    const watchdog = new Watchdog(() => {});
    const ms = seconds * 1000 * PATIENCE * loadFactor();
    // Nothing of the person's own settings: the same packages are to give the same bytes.
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', HOME: cwd, SOURCE_DATE_EPOCH: '0', KBUILD_BUILD_TIMESTAMP: '1970-01-01', KBUILD_BUILD_USER: 'clutch', KBUILD_BUILD_HOST: 'clutch', ...own };
    const child = spawn(path[program] ?? program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = (said + chunk.toString('latin1')).slice(-MOST_OUTPUT);
      const line = said.trimEnd().split('\n').at(-1)?.trim().split('/').at(-1) ?? '';
      job.report({ done: 0, unit: 'bytes', now: `compiling ${title}: ${line}` });
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    let end: DiskError | undefined;
    const stop = (error: DiskError): void => {
      end ??= error;
      killGroup(child);
    };
    if (child.pid !== undefined) watchdog.watch(-child.pid);
    const late = setTimeout(() => stop(new DiskError({ kind: 'timeout', ms }, `${program} did not end within ${Math.round(ms / 1000)} s`)), ms);
    const look = setInterval(() => { if (job.signal.aborted) stop(cancelled()); }, LOOK_EVERY);
    const done = (error: DiskError | undefined): void => {
      clearTimeout(late);
      clearInterval(look);
      watchdog.release();
      if (error === undefined) resolve();
      else reject(error);
    };
    child.on('error', (error) => done(new DiskError({ kind: 'io' }, `${program} could not be started (${error.message})`)));
    child.on('close', (status) => done(end ?? (status === 0 ? undefined : new DiskError({ kind: 'io' }, `${title} could not be compiled: ${program} ended with status ${status}\n${said.trim().split('\n').slice(-20).join('\n')}`))));
  });
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
