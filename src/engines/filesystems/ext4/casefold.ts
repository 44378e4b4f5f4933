import { decodeName, encodeName, isDecodable, type Name } from '../../core/names.ts';

/**
 * The folding of casefolded directories: the kernel's utf8 "NFDICF" of Unicode 12.1 (fs/unicode) — full case folding (C + F of
 * CaseFolding.txt), canonical decomposition, Default_Ignorable_Code_Points left out.
 *
 * JavaScript has no case folding, but lower(upper(lower(c))) of single code points equals it, apart from dotless i and Cherokee
 * (checked against all of CaseFolding.txt). The platform's Unicode is newer than the kernel's, so a few young letters may fold
 * here and not there: lookups therefore never trust a hash that finds nothing, they go on to a linear scan.
 */

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu;

/** The folded name, or undefined when it is not UTF-8 (the kernel then takes its bytes as they are). */
export function foldName(name: Name): string | undefined {
  if (!isDecodable(name)) return undefined;
  if (isAscii(name)) return name.toLowerCase();
  let folded = '';
  for (const character of name.replace(IGNORABLE, '')) folded += foldCharacter(character);
  return folded.normalize('NFD').replace(IGNORABLE, '');
}

/** The bytes that a casefolded directory hashes for this name. */
export function foldedBytes(bytes: Uint8Array): Uint8Array {
  const folded = foldName(decodeName(bytes));
  return folded === undefined ? bytes : encodeName(folded);
}

/** Whether two names are one in a casefolded directory. `folded` is `foldName(name)`, computed once by the caller. */
export function sameFolded(name: Name, folded: string | undefined, other: Name): boolean {
  if (name === other) return true;
  return folded !== undefined && foldName(other) === folded;
}

function foldCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // Dotless i has no folding; its capital is the plain I.
  if (code === 0x131) return character;
  // Cherokee alone folds to its capitals (Unicode 8 added the small letters later).
  if (code >= 0x13a0 && code <= 0x13f5) return character;
  if (code >= 0x13f8 && code <= 0x13fd) return String.fromCodePoint(code - 8);
  if (code >= 0xab70 && code <= 0xabbf) return String.fromCodePoint(code - 0xab70 + 0x13a0);
  return character.toLowerCase().toUpperCase().toLowerCase().normalize('NFD');
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return false;
  }
  return true;
}
