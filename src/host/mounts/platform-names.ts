import type { Name } from '../../engines/core/names.ts';

/**
 * Names of files as a platform takes them. An image may hold names that the system which it is mounted on can't say; they are shown in a spelling that leads
 * back to them.
 */
export interface PlatformNames {
  /** A name of the image, as programs see it. */
  toShown(name: Name): Name;
  /** What a program calls a file, as it stands in the image. */
  toReal(shown: Name): Name;
  /** Further spellings under which the image may have what a program calls so, to be looked for when there is none of that name. */
  others(real: Name): readonly Name[];
  /** What names that the platform takes for one have in common; undefined where it takes none for another's. */
  readonly fold?: (name: Name) => string;
}

/** Where a character that Windows does not take is put: U+F000 and its code, as SMB's clients, Cygwin and WSL do it. */
const MOVED = 0xf000;
/** Before a character of the image that would be taken for a moved one. */
const MARK = '\uf0fe';

/** Characters that no name may have in Windows ("/" and NUL no name has anywhere): "Naming Files, Paths, and Namespaces" in the Win32 documentation. */
// oxlint-disable-next-line no-control-regex -- they are what it is about
const FORBIDDEN = /[\u0001-\u001f"*:<>?\\|]/g;
const OURS = /[\uf000-\uf07f\uf0fe]/g;

/** Devices, with whatever extension (also of the superscript digits of Latin-1). */
const DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?= *(?:\.|$))/i;

const moved = (character: string): string => String.fromCharCode(MOVED + character.charCodeAt(0));

/** Windows: what it can't say is moved, each character for itself. Case makes no difference, and is kept. */
const windows: PlatformNames = {
  toShown(name) {
    let shown = name.replaceAll(OURS, (character) => `${MARK}${character}`).replaceAll(FORBIDDEN, moved);
    // It takes dots and spaces from the end of a name.
    if (shown.endsWith('.') || shown.endsWith(' ')) shown = shown.slice(0, -1) + moved(shown.at(-1)!);
    if (DEVICE.test(shown)) shown = moved(shown) + shown.slice(1);
    return shown;
  },
  toReal(shown) {
    let real = '';
    for (let i = 0; i < shown.length; i++) {
      const code = shown.charCodeAt(i);
      if (shown[i] === MARK && i + 1 < shown.length) real += shown[++i]!;
      else if (code >= MOVED && code <= MOVED + 0x7f) real += String.fromCharCode(code - MOVED);
      else real += shown[i]!;
    }
    return real;
  },
  others: () => [],
  fold: (name) => name.toUpperCase(),
};

/** macOS: programs ask for names composed or decomposed, and mean the same. */
const mac: PlatformNames = {
  toShown: (name) => name,
  toReal: (shown) => shown,
  others: (real) => [...new Set([real.normalize('NFC'), real.normalize('NFD')])].filter((each) => each !== real),
};

/** Linux and its like take every name. */
const plain: PlatformNames = { toShown: (name) => name, toReal: (shown) => shown, others: () => [] };

export function platformNames(platform: NodeJS.Platform): PlatformNames {
  if (platform === 'win32') return windows;
  return platform === 'darwin' ? mac : plain;
}
