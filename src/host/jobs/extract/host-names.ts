import { encodeName, isDecodable, type Name } from '../../../engines/core/names.ts';

/** Whose rules a name must follow. */
export type NameRules = 'posix' | 'darwin' | 'win32';

/** A name as a host can hold it. */
export interface HostName {
  readonly name: Name;
  /** Why it differs from the image's; undefined where it does not. */
  readonly reason: string | undefined;
}

/** Longest name: bytes on POSIX systems (NAME_MAX), UTF-16 units on Windows and Apple's filesystems. */
const LONGEST = 255;

// Device names that Windows answers to in any folder, with any extension (learn.microsoft.com: Naming Files, Paths, and Namespaces).
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(?:\.|$)/i;
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[<>:"/\\|?*\u0000-\u001f]/g;

/** Names that POSIX systems take whatever they hold: a third of NAME_MAX in UTF-16 units is never longer than NAME_MAX in bytes. */
// oxlint-disable-next-line no-control-regex
const ORDINARY = /^(?!\.\.?$)[^/\u0000]{1,85}$/;

/**
 * What a name of an image is called on a host: itself wherever it can be. Names that would leave the folder ("..", "a/b"), end early (NUL),
 * reach a device (CON) or a stream (a:b), or be refused, are spelled differently, with the reason. Different names may become the same.
 */
export function hostName(name: Name, rules: NameRules): HostName {
  if (rules === 'posix' && ORDINARY.test(name)) return { name, reason: undefined };
  const reasons: string[] = [];
  let fit = name;
  const change = (changed: Name, reason: string): void => {
    if (changed === fit) return;
    fit = changed;
    reasons.push(reason);
  };
  if (fit === '') change('_', 'an empty name');
  if (fit === '.' || fit === '..') change('_'.repeat(fit.length), 'it means another folder');
  if (rules === 'win32') {
    change(fit.replace(FORBIDDEN, '_'), 'characters that Windows does not allow');
    change(fit.replace(/[. ]+$/, (end) => '_'.repeat(end.length)), 'Windows drops dots and spaces at the end');
    if (RESERVED.test(fit)) change(`_${fit}`, 'Windows keeps the name for a device');
  } else {
    // oxlint-disable-next-line no-control-regex
    change(fit.replace(/[/\u0000]/g, '_'), 'a slash or NUL in the name');
  }
  if (rules !== 'posix' && !isDecodable(fit)) {
    change(fit.replace(/\p{Cs}/gu, (unit) => `%${(unit.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`), 'bytes that are no text');
  }
  change(shorten(fit, rules), `longer than ${LONGEST}`);
  return { name: fit, reason: reasons.length > 0 ? reasons.join('; ') : undefined };
}

/** The rules of the system that this runs on. */
export function localRules(): NameRules {
  return process.platform === 'win32' ? 'win32' : process.platform === 'darwin' ? 'darwin' : 'posix';
}

/** "a (2).txt": a name beside one that is taken, still no longer than allowed. */
export function besideName(name: Name, number: number, rules: NameRules): Name {
  const [stem, extension] = split(name);
  return fitStem(stem, ` (${number})${extension}`, rules);
}

function shorten(name: Name, rules: NameRules): Name {
  if (lengthOf(name, rules) <= LONGEST) return name;
  const [stem, extension] = split(name);
  return fitStem(stem, extension, rules);
}

/** As much of the stem as goes before the end; cut between characters. */
function fitStem(stem: Name, end: string, rules: NameRules): Name {
  if (lengthOf(stem + end, rules) <= LONGEST) return stem + end;
  const room = LONGEST - lengthOf(end, rules);
  let kept = '';
  let used = 0;
  for (const character of stem) {
    used += lengthOf(character, rules);
    if (used > room) break;
    kept += character;
  }
  return kept + end;
}

/** The extension is kept where it is one: short, and not the whole name. */
function split(name: Name): [string, string] {
  const dot = name.lastIndexOf('.');
  return dot > 0 && name.length - dot <= 16 ? [name.slice(0, dot), name.slice(dot)] : [name, ''];
}

function lengthOf(name: Name, rules: NameRules): number {
  return rules === 'posix' ? encodeName(name).length : name.length;
}
