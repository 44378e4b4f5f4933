import { createReadStream } from 'node:fs';
import { corrupt, DiskError, isDiskError, unsupported } from '../../../engines/core/errors.ts';
import type { JobContext } from '../../../engines/core/job.ts';
import { type Compression, decompress } from './decompress.ts';
import type { Downloads } from './downloads.ts';
import { MissingError, parseMirror } from './mirror.ts';
import { parseRelease, type Release, releaseFile, type Trust, verifyDetached, verifyInRelease } from './release.ts';
import { compareVersions } from './version.ts';

/** Bytes of a Release, of an unpacked index, of a package: several times what Debian has today. */
const MOST_RELEASE = 8 << 20;
const MOST_INDEX = 512 << 20;
const MOST_PACKAGE = 1 << 30;

/** Characters of one package's entry. */
const MOST_STANZA = 1 << 20;

/** Debian's own, and its archive of security updates. */
export const DEBIAN_MIRROR = 'http://deb.debian.org/debian';
export const DEBIAN_SECURITY_MIRROR = 'http://deb.debian.org/debian-security';

/** Where packages come from. */
export interface Mirrors {
  /** The address above "dists" and "pool". */
  readonly main: string;
  /** The same for suites whose names end in "-security". */
  readonly security: string;
}

/** A package as an index has it. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly suite: string;
  readonly url: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  /** Names in Depends and Pre-Depends, alternatives one after another, versions left out. */
  readonly depends: readonly string[];
}

/** The packages of some suites for one architecture, proved from the archive's keys down to each entry. */
export class Archive {
  readonly #packages = new Map<string, Package[]>();
  /** Suites that could be read. */
  readonly suites: string[] = [];

  /** What a name stands for: the newest version, of one suite or of all. */
  newest(name: string, suite?: string): Package | undefined {
    return this.versions(name, suite)[0];
  }

  /** All that there is of a name, the newest first. */
  versions(name: string, suite?: string): Package[] {
    const all = (this.#packages.get(name) ?? []).filter((each) => suite === undefined || each.suite === suite || each.suite === `${suite}-security`);
    return all.toSorted((a, b) => compareVersions(b.version, a.version));
  }

  /**
   * The newest package whose name matches a pattern in which "*" stands for anything but "-".
   * @throws DiskError unsupported when there is none
   */
  match(pattern: string, suite?: string): Package {
    const regular = new RegExp(`^${pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')).join('[^-]*')}$`);
    let best: Package | undefined;
    for (const name of this.#packages.keys()) {
      if (!regular.test(name)) continue;
      const found = this.newest(name, suite);
      if (found !== undefined && (best === undefined || compareVersions(found.version, best.version) > 0)) best = found;
    }
    if (best === undefined) throw unsupported(pattern, `No package ${pattern} in ${this.suites.join(', ')}`);
    return best;
  }

  add(entry: Package): void {
    const all = this.#packages.get(entry.name);
    if (all === undefined) this.#packages.set(entry.name, [entry]);
    else all.push(entry);
  }
}

/**
 * Reads suites of a mirror for one architecture. The chain: keys, Release, Packages.xz, an entry's digest. A suite of security
 * updates that can't be had or proved is left out with a note (what is older is signed as well); all else must be there.
 * @throws DiskError corrupt where the chain breaks; io, timeout, usage ENOENT, cancelled
 */
export async function readArchive(suites: readonly string[], components: readonly string[], architecture: string, how: { mirrors: Mirrors; trust: Trust; archived?: readonly string[]; downloads: Downloads; job: JobContext }): Promise<Archive> {
  const archive = new Archive();
  for (const suite of suites) {
    const security = suite.endsWith('-security');
    const mirror = parseMirror(security ? how.mirrors.security : how.mirrors.main).href.replace(/\/$/, '');
    const trust = how.archived?.includes(suite) ? { ...how.trust, allowExpired: true } : how.trust;
    try {
      const base = `${mirror}/dists/${suite}`;
      const release = await readRelease(base, suite, trust, how.downloads, how.job);
      for (const component of components) {
        const name = `${component}/binary-${architecture}/Packages`;
        const packed = release.files.has(`${name}.xz`) ? 'xz' : 'gz';
        const { sha256, size } = releaseFile(release, `${name}.${packed}`);
        const whole = release.files.get(name)?.size ?? MOST_INDEX;
        const named = `${base}/${name}.${packed}`;
        const hashed = `${base}/${component}/binary-${architecture}/by-hash/SHA256/${sha256}`;
        const path = await how.downloads.file({ urls: release.byHash ? [hashed, named] : [named], size, sha256, title: `the index of ${suite}` }, how.job);
        await readPackages(createReadStream(path, { highWaterMark: 1 << 18 }), packed === 'xz' ? 'xz' : 'gzip', `Packages of ${suite}`, Math.min(whole, MOST_INDEX), how.job, (entry) => archive.add({ ...entry, suite, url: `${mirror}/${entry.url}` }));
      }
      archive.suites.push(suite);
    } catch (error) {
      if (!security || (isDiskError(error) && error.kind === 'cancelled')) throw error;
      how.job.log({ level: 'warning', message: `${suite} can't be used, so packages are without its security updates: ${error instanceof Error ? error.message : String(error)}` });
    }
  }
  return archive;
}

/** One that is older than another of the same suite that was taken before. */
class OlderError extends DiskError {}

/**
 * The suite's Release. A signed one stays signed, and stable suites say no Valid-Until: so none is taken that is older than the last one, as apt does it, for
 * somebody in between could keep what is mended since from the person for ever.
 */
async function readRelease(base: string, suite: string, trust: Trust, downloads: Downloads, job: JobContext): Promise<Release> {
  const what = `The Release of ${suite}`;
  const clear = async (bytes: Uint8Array): Promise<Release> => parseRelease(await verifyInRelease(bytes, what, trust), suite, what, trust);
  const detached = async (bytes: Uint8Array, signature: Uint8Array): Promise<Release> => parseRelease(await verifyDetached(bytes, signature, what, trust), suite, what, trust);
  const urls = { clear: `${base}/InRelease`, detached: `${base}/Release`, signature: `${base}/Release.gpg` };
  const [text, body, signed] = [urls.clear, urls.detached, urls.signature].map((url) => downloads.kept(url));
  // What is damaged or expired by now says nothing.
  const kept = await Promise.allSettled([text && clear(text), body && signed && detached(body, signed)]);
  const before = kept.flatMap((each) => (each.status === 'fulfilled' && each.value !== undefined ? [each.value] : [])).toSorted((x, y) => y.date - x.date)[0];
  const noOlder = (release: Release): Release => {
    if (before === undefined || release.date >= before.date) return release;
    throw new OlderError(corrupt(what, '').fault, `${what} is of ${new Date(release.date).toISOString()}, older than the one of ${new Date(before.date).toISOString()} that was taken before: the mirror is behind, or somebody keeps what is newer from you`);
  };
  try {
    return await downloads.fresh(urls.clear, MOST_RELEASE, async (bytes, cached) => (cached ? clear(bytes) : noOlder(await clear(bytes))), job).catch((error: unknown) => {
      if (!(error instanceof MissingError)) throw error;
      // The signature is kept when what it signs was taken.
      return downloads.fresh(urls.signature, MOST_RELEASE, (signature) => downloads.fresh(urls.detached, MOST_RELEASE, async (bytes, cached) => (cached ? detached(bytes, signature) : noOlder(await detached(bytes, signature))), job), job);
    });
  } catch (error) {
    if (!(error instanceof OlderError)) throw error;
    job.log({ level: 'warning', message: `${error.message}; what was fetched before is used` });
    return before!;
  }
}

/**
 * Reads an index of packages.
 * @param most bytes of it when it is unpacked
 * @throws DiskError corrupt
 */
export async function readPackages(chunks: AsyncIterable<Uint8Array>, compression: Compression, what: string, most: number, job: JobContext, onPackage: (entry: Omit<Package, 'suite'>) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of decompress(chunks, compression, what, most, job)) {
    rest += decoder.decode(chunk, { stream: true });
    let at = 0;
    for (;;) {
      const end = rest.indexOf('\n\n', at);
      if (end < 0) break;
      const entry = parsePackage(rest.slice(at, end), what);
      if (entry !== undefined) onPackage(entry);
      at = end + 2;
    }
    rest = rest.slice(at);
    if (rest.length > MOST_STANZA) throw corrupt(what, 'it has an entry without an end');
  }
  const entry = rest.trim() === '' ? undefined : parsePackage(rest, what);
  if (entry !== undefined) onPackage(entry);
}

function parsePackage(stanza: string, what: string): Omit<Package, 'suite'> | undefined {
  const field = (name: string): string | undefined => {
    const at = stanza.startsWith(`${name}: `) ? 0 : stanza.indexOf(`\n${name}: `) + 1;
    if (at === 0 && !stanza.startsWith(`${name}: `)) return undefined;
    const end = stanza.indexOf('\n', at);
    return stanza.slice(at + name.length + 2, end < 0 ? undefined : end);
  };
  const name = field('Package');
  const version = field('Version');
  const url = field('Filename');
  const sha256 = field('SHA256');
  const size = Number(field('Size'));
  if (name === undefined || version === undefined || url === undefined || sha256 === undefined) return undefined;
  if (!/^[a-z0-9][a-z0-9+.-]*$/.test(name) || !/^[0-9a-f]{64}$/.test(sha256) || !(size > 0) || url.startsWith('/') || url.split('/').includes('..')) {
    throw corrupt(what, `the entry of "${name.slice(0, 80)}" is none`);
  }
  const depends = `${field('Pre-Depends') ?? ''},${field('Depends') ?? ''}`.split(/[,|]/).map((each) => each.trim().split(/[\s:(]/)[0]!).filter((each) => each !== '');
  return { name, version, url, size, sha256, depends };
}

/** A package's file. As `Downloads.file`. */
export async function fetchPackage(entry: Package, downloads: Downloads, job: JobContext): Promise<string> {
  if (entry.size > MOST_PACKAGE) throw unsupported('size', `${entry.name} ${entry.version} is greater than ${MOST_PACKAGE} bytes`);
  try {
    return await downloads.file({ urls: [entry.url], size: entry.size, sha256: entry.sha256, title: `${entry.name} ${entry.version}` }, job);
  } catch (error) {
    if (isDiskError(error) && error instanceof MissingError) throw new DiskError(error.fault, `The mirror's index has ${entry.name} ${entry.version}, but the mirror has not its file`, error.advice);
    throw error;
  }
}
