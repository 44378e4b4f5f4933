import { displayName, isDecodable } from '../engines/core/names.ts';
import { HASHES, type HashName, type HashRow, type SumLine } from './contract/checksums.ts';

/**
 * Lists of checksums as sha256sum(1) and its like write them (GNU coreutils manual, "cksum output modes"): "DIGEST  NAME", with a backslash
 * before the line where the name holds one, a newline or a carriage return; and the tagged form "SHA256 (NAME) = DIGEST".
 */

/** Lines of a list that are read, and characters of it. */
const MAX_LINES = 250_000;
const MAX_TEXT = 64 * 1024 * 1024;

/** Hexadecimal digits of each. */
export const HASH_DIGITS: Readonly<Record<HashName, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128, crc32: 8 };

const BY_TAG: Readonly<Record<string, HashName>> = { MD5: 'md5', SHA1: 'sha1', 'SHA-1': 'sha1', SHA256: 'sha256', 'SHA-256': 'sha256', SHA512: 'sha512', 'SHA-512': 'sha512', CRC32: 'crc32', 'CRC-32': 'crc32' };

/** What a list says; lines that are none (comments, signatures around the list) are left out. Digests alone count too. */
export function parseSums(text: string): SumLine[] {
  const lines: SumLine[] = [];
  for (const line of text.slice(0, MAX_TEXT).split('\n')) {
    const found = parseLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    if (found === undefined) continue;
    lines.push(found);
    if (lines.length === MAX_LINES) break;
  }
  return lines;
}

function parseLine(line: string): SumLine | undefined {
  const escaped = line.startsWith('\\');
  const body = escaped ? line.slice(1) : line;
  const plain = /^\s*([0-9A-Fa-f]+)(?:\s*$| [ *](.+)$|[ \t]+(.+)$)/.exec(body);
  if (plain !== null) {
    const algorithm = HASHES.find((each) => HASH_DIGITS[each] === plain[1]!.length);
    const name = plain[2] ?? plain[3] ?? '';
    // Eight digits beside a name are a checksum; alone they are any number.
    return algorithm === undefined ? undefined : { name: escaped ? unescaped(name) : name, algorithm, digest: plain[1]!.toLowerCase() };
  }
  const tagged = /^([A-Z]+-?\d+) ?\((.*)\) ?= ?([0-9A-Fa-f]+)\s*$/.exec(body);
  if (tagged === null) return undefined;
  const algorithm = BY_TAG[tagged[1]!];
  if (algorithm === undefined || tagged[3]!.length !== HASH_DIGITS[algorithm]) return undefined;
  return { name: escaped ? unescaped(tagged[2]!) : tagged[2]!, algorithm, digest: tagged[3]!.toLowerCase() };
}

function unescaped(name: string): string {
  return name.replace(/\\([\\nr])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\'));
}

/** A list of all that has a digest of the algorithm; ends with a newline. */
export function formatSums(rows: readonly Pick<HashRow, 'path' | 'digests'>[], algorithm: HashName): string {
  let text = '';
  for (const { path, digests } of rows) {
    const digest = digests[algorithm];
    if (digest === undefined) continue;
    const name = carried(path);
    const shown = name.replace(/[\\\n\r]/g, (c) => (c === '\\' ? '\\\\' : c === '\n' ? '\\n' : '\\r'));
    text += `${shown === name ? '' : '\\'}${digest}  ${shown}\n`;
  }
  return text;
}

/** A name as text: one of undecodable bytes, or with what a terminal would act on when it is pasted, is spelled as it is shown. */
function carried(name: string): string {
  // oxlint-disable-next-line no-control-regex
  return isDecodable(name) && !/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f]/.test(name) ? name : displayName(name);
}

/** "./docs//a" and "docs/a" are one; a star before a name (binary mode) was taken off already. */
export function sumPath(name: string): string {
  return name.split('/').filter((part) => part !== '' && part !== '.').join('/');
}
