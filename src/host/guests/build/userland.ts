import { corrupt, isDiskError, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { type Archive, fetchPackage, type Package } from './archive.ts';
import type { CpioEntry } from './cpio.ts';
import { type DebFile, mergedPath, readDeb } from './deb.ts';
import type { Downloads } from './downloads.ts';
import { Elf, isElf } from './elf.ts';

/** Packages that may be looked into for one library; links in a row; files that programs may bring along. */
const MOST_LOOKED = 64;
const MOST_LINKS = 16;
const MOST_TOGETHER = 2_000;

/** Bytes of one file of a program's package. */
const MOST_FILE = 128 << 20;

/** Loaded by pthread_cancel and C++ at run time: no file names it as needed that needs it. */
const ALWAYS = 'libgcc_s.so.1';

/** Where programs lie in the merged layout, best first. */
const PROGRAM_FOLDERS = ['usr/sbin', 'usr/bin', 'usr/lib'];

/** Programs of packages, with the libraries that they need. */
export class Userland {
  readonly #archive: Archive;
  readonly #downloads: Downloads;
  readonly #job: JobContext;
  readonly #packages = new Map<string, Map<string, DebFile>>();
  /** All packages that were looked into. */
  readonly used = new Map<string, Package>();

  constructor(archive: Archive, downloads: Downloads, job: JobContext) {
    this.#archive = archive;
    this.#downloads = downloads;
    this.#job = job;
  }

  /**
   * Programs of a package, and all libraries that they need (by DT_NEEDED, from the packages that theirs depends on).
   * @param files names ("xfs_repair") or paths ("usr/lib/…")
   * @throws DiskError unsupported for a program, package or library that is not there
   */
  async programs(name: string, files: readonly string[], suite?: string): Promise<Map<string, CpioEntry>> {
    const entries = new Map<string, CpioEntry>();
    const owner = this.#package(name, suite);
    const contents = await this.#contents(owner);
    for (const file of files) {
      const path = file.includes('/') ? mergedPath(file) : PROGRAM_FOLDERS.map((folder) => `${folder}/${file}`).find((each) => contents.has(each));
      if (path === undefined || !contents.has(path)) throw unsupported(file, `The package ${name} ${owner.version} has no ${file}`);
      await this.#add(path, owner, { root: owner, suite }, entries);
    }
    return entries;
  }

  /** A file of a package. @throws DiskError unsupported */
  async file(name: string, path: string, suite?: string): Promise<Uint8Array> {
    const bytes = (await this.#contents(this.#package(name, suite))).get(path)?.bytes;
    if (bytes === undefined) throw unsupported(path, `The package ${name} has no ${path}`);
    return bytes;
  }

  #package(name: string, suite: string | undefined): Package {
    const found = this.#archive.newest(name, suite) ?? this.#archive.newest(name);
    if (found === undefined) throw unsupported(name, `No package ${name} in ${this.#archive.suites.join(', ')}`);
    return found;
  }

  async #contents(owner: Package): Promise<Map<string, DebFile>> {
    const known = this.#packages.get(owner.name);
    if (known !== undefined) return known;
    const [path, found] = await this.#fetch(owner);
    const files = await readDeb(path, found.name, (file, size) => /^(usr\/(s?bin|lib|lib64|lib32)|etc)\//.test(file) && size <= MOST_FILE, this.#job);
    this.#packages.set(owner.name, files);
    this.used.set(owner.name, found);
    return files;
  }

  /** The package's file, or that of an older version where a kept mirror has lost it: as well signed. */
  async #fetch(owner: Package): Promise<[path: string, found: Package]> {
    let failure: unknown;
    for (const each of [owner, ...this.#archive.versions(owner.name).filter(({ version }) => version !== owner.version)]) {
      try {
        return [await fetchPackage(each, this.#downloads, this.#job), each];
      } catch (error) {
        if (!isDiskError(error) || error.fault.kind !== 'usage') throw error;
        failure ??= error;
      }
    }
    throw failure;
  }

  /** A file, what its links lead to, and what it needs. */
  async #add(path: string, owner: Package, from: From, entries: Map<string, CpioEntry>): Promise<void> {
    let at = path;
    const contents = await this.#contents(owner);
    for (let links = 0; ; links++) {
      if (entries.has(at)) return;
      if (entries.size > MOST_TOGETHER) throw corrupt(owner.name, `its programs bring more than ${MOST_TOGETHER} files along`);
      const file = contents.get(at);
      if (file === undefined) throw unsupported(at, `The package ${owner.name} has no ${at}`);
      if (file.target === undefined) {
        if (file.bytes === undefined) throw unsupported(at, `${at} of ${owner.name} is greater than is taken`);
        entries.set(at, { type: 'file', mode: file.mode, bytes: file.bytes });
        if (isElf(file.bytes)) await this.#needs(new Elf(file.bytes, at), owner, from, entries);
        return;
      }
      if (links === MOST_LINKS) throw corrupt(owner.name, `${path} is a link of too many links`);
      entries.set(at, { type: 'symlink', target: file.target });
      at = resolveLink(at, file.target);
    }
  }

  async #needs(elf: Elf, owner: Package, from: From, entries: Map<string, CpioEntry>): Promise<void> {
    const needed = elf.needed();
    if (needed.length === 0) return;
    const interpreter = elf.interpreter();
    if (interpreter !== undefined) await this.#library(interpreter, owner, from, entries);
    for (const name of needed) await this.#library(name, owner, from, entries);
  }

  /** @param name "libc.so.6", or the path of a loader: "/lib64/ld-linux-x86-64.so.2" */
  async #library(name: string, owner: Package, from: From, entries: Map<string, CpioEntry>): Promise<void> {
    const base = name.slice(name.lastIndexOf('/') + 1);
    if ([...entries.keys()].some((path) => path.endsWith(`/${base}`))) return;
    const wanted = name.startsWith('/') ? mergedPath(name) : undefined;
    for await (const candidate of this.#candidates(base, owner, from)) {
      const contents = await this.#contents(candidate).catch((error: unknown) => {
        // Kept mirrors have lost packages; it may not be the one that is needed.
        if (isDiskError(error) && error.fault.kind === 'usage') return undefined;
        throw error;
      });
      if (contents === undefined) continue;
      const path = wanted !== undefined && contents.has(wanted) ? wanted : [...contents.keys()].find((each) => each.startsWith('usr/lib') && each.endsWith(`/${base}`) && !/\/(glibc-hwcaps|debug)\//.test(each));
      if (path === undefined) continue;
      await this.#add(path, candidate, from, entries);
      return base.startsWith('libc.so') ? this.#library(ALWAYS, candidate, from, entries) : undefined;
    }
    throw unsupported(base, `No package that ${owner.name} depends on has ${base}`);
  }

  /**
   * Packages that may have a library: the one itself, then what it depends on, those first whose names are alike; then what the program's package
   * depends on (a library's own package does not always say all that it needs); then what those depend on.
   */
  async *#candidates(library: string, owner: Package, { root, suite }: From): AsyncGenerator<Package> {
    const seen = new Set([owner.name]);
    yield owner;
    const stem = library.replace(/\.so.*$/, '').replaceAll('_', '-').toLowerCase();
    const likeness = (name: string): number => (name.startsWith(stem) ? 0 : name.startsWith('libc6') ? 1 : name.startsWith('lib') ? 2 : 3);
    let level = [owner.depends, root.depends];
    for (let looked = 0; level.length > 0;) {
      const next: (readonly string[])[] = [];
      for (const depends of level) {
        for (const name of depends.toSorted((a, b) => likeness(a) - likeness(b))) {
          if (seen.has(name)) continue;
          seen.add(name);
          const found = this.#archive.newest(name, suite) ?? this.#archive.newest(name);
          if (found === undefined) continue;
          next.push(found.depends);
          if (++looked > MOST_LOOKED) return;
          yield found;
        }
      }
      level = next;
    }
  }
}

/** On whose behalf a library is looked for. */
interface From {
  /** The program's package. */
  readonly root: Package;
  readonly suite: string | undefined;
}

/** Where a link in the merged layout leads. @throws DiskError corrupt when it leads out */
function resolveLink(at: string, target: string): string {
  const parts = target.startsWith('/') ? [] : at.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw corrupt(at, `its link leads out of the package: ${target}`);
  }
  return mergedPath(parts.join('/')) ?? '';
}
