import type { Key } from 'openpgp';
import { corrupt, DiskError, unsupported } from '../../../engines/core/errors.ts';

/** Entries that a Release may have: Debian's have about 2,000. */
const MOST_FILES = 100_000;

/** A mirror's clock and ours may differ by this much. Milliseconds. */
const CLOCK_SKEW = 24 * 3600_000;

/** A file that a Release names. */
export interface ReleaseFile {
  /** Bytes. */
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
}

/** What a Release says of a suite (Debian's RepositoryFormat). */
export interface Release {
  readonly suite: string;
  readonly codename: string;
  /** Milliseconds since 1970. */
  readonly date: number;
  readonly validUntil?: number;
  readonly byHash: boolean;
  /** By path below the suite's folder: "main/binary-amd64/Packages.xz". */
  readonly files: ReadonlyMap<string, ReleaseFile>;
}

/** How a Release is checked. */
export interface Trust {
  /** Armored OpenPGP public keys. A signature by one of them is enough, as for apt. */
  readonly keys: readonly string[];
  /** Milliseconds since 1970. */
  readonly now?: number;
  /** Suites that are kept without being signed anew, or a person's own wish: Valid-Until is not looked at. */
  readonly allowExpired?: boolean;
}

/**
 * Checks the signature of a clearsigned Release (InRelease).
 * @returns the signed text: nothing outside it is ever read
 * @throws DiskError corrupt without a good signature by one of the keys
 */
export async function verifyInRelease(bytes: Uint8Array, what: string, trust: Trust): Promise<string> {
  const { readCleartextMessage, verify } = await import('openpgp');
  return verified(what, trust, async (verificationKeys, date) => {
    const message = await readCleartextMessage({ cleartextMessage: new TextDecoder().decode(bytes) });
    const { signatures } = await verify({ message, verificationKeys, date });
    return { text: message.getText(), signatures };
  });
}

/** The same for a Release with its signature in a file of its own (Release.gpg). */
export async function verifyDetached(bytes: Uint8Array, signature: Uint8Array, what: string, trust: Trust): Promise<string> {
  const { createMessage, readSignature, verify } = await import('openpgp');
  return verified(what, trust, async (verificationKeys, date) => {
    const text = new TextDecoder();
    const armored = text.decode(signature);
    const read = armored.includes('-----BEGIN PGP') ? await readSignature({ armoredSignature: armored }) : await readSignature({ binarySignature: new Uint8Array(signature) });
    const { signatures } = await verify({ message: await createMessage({ binary: new Uint8Array(bytes) }), signature: read, verificationKeys, date });
    return { text: text.decode(bytes), signatures };
  });
}

interface Verified {
  readonly text: string;
  readonly signatures: readonly { readonly verified: Promise<unknown> }[];
}

async function verified(what: string, trust: Trust, check: (keys: Key[], date: Date) => Promise<Verified>): Promise<string> {
  const { readKeys } = await import('openpgp');
  const keys = (await Promise.all(trust.keys.map((armoredKeys) => readKeys({ armoredKeys })))).flat();
  let result: Verified;
  try {
    result = await check(keys, new Date(trust.now ?? Date.now()));
  } catch (error) {
    throw corrupt(what, `its signature can't be read (${error instanceof Error ? error.message : String(error)})`);
  }
  const answers = await Promise.allSettled(result.signatures.map((signature) => signature.verified));
  if (answers.some((answer) => answer.status === 'fulfilled' && answer.value === true)) return result.text;
  const reasons = answers.flatMap((answer) => (answer.status === 'rejected' ? [String((answer.reason as Error).message)] : []));
  throw new DiskError(corrupt(what, '').fault, `${what} has no good signature by a key of Debian's archive${reasons.length === 0 ? '' : ` (${[...new Set(reasons)].join('; ')})`}`,
    'The mirror may have been tampered with, or it serves another archive. Choose another mirror: --mirror URL, or CLUTCH_DEBIAN_MIRROR.');
}

/**
 * Reads a Release whose signature was checked.
 * @throws DiskError corrupt for another suite than the one asked for, or one that is no longer valid
 */
export function parseRelease(text: string, asked: string, what: string, trust: Trust): Release {
  const fields = new Map<string, string>();
  const files = new Map<string, ReleaseFile>();
  let section = '';
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith(' ')) {
      if (section !== 'SHA256') continue;
      const [, sha256, size, path] = /^ ([0-9a-f]{64}) +(\d{1,15}) (\S+)\s*$/.exec(line) ?? [];
      if (sha256 === undefined || size === undefined || path === undefined) throw corrupt(what, `it has a line that names no file: "${line.slice(0, 80)}"`);
      files.set(path, { sha256, size: Number(size) });
      if (files.size > MOST_FILES) throw corrupt(what, `it names more than ${MOST_FILES} files`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    section = line.slice(0, colon);
    fields.set(section, line.slice(colon + 1).trim());
  }
  const suite = fields.get('Suite') ?? '';
  const codename = fields.get('Codename') ?? '';
  // Without this, a mirror could answer with another, older suite: as well signed.
  if (asked !== suite && asked !== codename) throw corrupt(what, `it is for ${codename || suite || 'no suite'}, not for ${asked}`);
  const now = trust.now ?? Date.now();
  const date = Date.parse(fields.get('Date') ?? '');
  if (Number.isNaN(date)) throw corrupt(what, 'it has no date');
  if (date > now + CLOCK_SKEW) throw new DiskError(corrupt(what, '').fault, `${what} is of ${new Date(date).toISOString()}, which is yet to come`, 'Is the clock of this computer right?');
  const until = fields.get('Valid-Until');
  const validUntil = until === undefined ? undefined : Date.parse(until);
  if (validUntil !== undefined && !(validUntil > now) && trust.allowExpired !== true) {
    throw new DiskError(corrupt(what, '').fault, `${what} was valid until ${until}: the mirror is behind, or somebody keeps what is newer from you`,
      'Choose another mirror (--mirror URL, or CLUTCH_DEBIAN_MIRROR), or say --allow-expired if this one is an archive of old suites.');
  }
  return { suite, codename, date, ...(validUntil === undefined ? {} : { validUntil }), byHash: fields.get('Acquire-By-Hash') === 'yes', files };
}

/** The file of a Release. @throws DiskError unsupported when the suite has none of that name */
export function releaseFile(release: Release, path: string): ReleaseFile {
  const file = release.files.get(path);
  if (file === undefined) throw unsupported(path, `${release.codename} has no ${path}`);
  return file;
}
