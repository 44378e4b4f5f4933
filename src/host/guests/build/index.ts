import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import envPaths from 'env-paths';
import * as v from 'valibot';
import type { JobContext } from '../../../engines/core/job.ts';
import { settingsSchema } from '../../../shared/contract/settings.ts';
import { readJson } from '../../app/json-file.ts';
import { describe, findGuest } from '../catalogue.ts';
import type { Guest } from '../manifest.ts';
import { type GuestPlaces, guestPlaces } from '../places.ts';
import { DEBIAN_MIRROR, DEBIAN_SECURITY_MIRROR, type Mirrors } from './archive.ts';
import { buildFromPackages } from './build.ts';
import { compileModules } from './compile.ts';
import { Downloads } from './downloads.ts';
import { parseMirror } from './mirror.ts';

export interface BuildOptions {
  readonly job: JobContext;
  /** Address of a Debian mirror, above "dists" and "pool". Absent: CLUTCH_DEBIAN_MIRROR, the setting "debianMirror", or Debian's own. */
  readonly mirror?: string;
  /** The same for security updates. Absent: CLUTCH_DEBIAN_SECURITY_MIRROR, or Debian's own. */
  readonly security?: string;
  /** Only what was fetched before. */
  readonly offline?: boolean;
  /** Accept what its archive calls no longer valid: mirrors that keep old suites. Signatures are checked all the same. */
  readonly allowExpired?: boolean;
  readonly places?: GuestPlaces;
}

/**
 * Builds a guest from a distribution's packages, without root. Everything is proved by the archive's keys, which come with Clutch.
 * @param name as in the catalogue: "linux-6.12"
 * @returns the guest, now built
 * @throws DiskError usage ENOENT (no such guest); corrupt (what came is not what was signed); unsupported; io and timeout (the mirror); cancelled
 */
export async function buildGuest(name: string, options: BuildOptions): Promise<Guest> {
  const places = options.places ?? guestPlaces();
  const { folder, origin, files } = findGuest(name, places);
  const { guest: { manifest }, inputs } = describe(folder, origin, places);
  const keys = join(places.shipped, 'keys');
  const script = (file: string): Uint8Array => readFileSync(join(places.shipped, 'linux', file));
  await buildFromPackages(manifest, files, {
    mirrors: mirrorsOf(options),
    trust: { keys: readdirSync(keys).filter((file) => file.endsWith('.asc')).toSorted().map((file) => readFileSync(join(keys, file), 'utf8')), allowExpired: options.allowExpired ?? false },
    downloads: new Downloads(places.downloads, options.offline ?? false),
    scripts: { init: script('init'), agent: script('agent'), helper: script },
    compile: compileModules,
    inputs, job: options.job,
  });
  return describe(folder, origin, places).guest;
}

/** The mirrors that count. @throws DiskError usage EINVAL for an address that is none */
export function mirrorsOf({ mirror, security }: Pick<BuildOptions, 'mirror' | 'security'>, env: NodeJS.ProcessEnv = process.env, setting = settingOf()): Mirrors {
  const main = mirror || env.CLUTCH_DEBIAN_MIRROR || setting || DEBIAN_MIRROR;
  const updates = security || env.CLUTCH_DEBIAN_SECURITY_MIRROR || DEBIAN_SECURITY_MIRROR;
  parseMirror(main);
  parseMirror(updates);
  return { main, security: updates };
}

/** What the person's settings say; empty where they say nothing. */
function settingOf(): string {
  const settings = v.safeParse(settingsSchema, readJson(join(envPaths('clutch', { suffix: '' }).config, 'settings.json')));
  return settings.success ? settings.output.debianMirror : '';
}
