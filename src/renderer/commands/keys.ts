/** Keys are written "Mod+Shift+E"; Mod is Cmd on macOS and Ctrl elsewhere. */

export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

export function matchesKeys(event: KeyPress, keys: string, mac: boolean): boolean {
  const parts = keys.split('+');
  const key = parts.pop()!;
  const mod = parts.includes('Mod');
  const ctrl = parts.includes('Ctrl') || (mod && !mac);
  const meta = mod && mac;
  return (
    event.key.toLowerCase() === key.toLowerCase() &&
    event.ctrlKey === ctrl &&
    event.metaKey === meta &&
    event.altKey === parts.includes('Alt') &&
    event.shiftKey === parts.includes('Shift')
  );
}

const NAMES: Readonly<Record<string, string>> = { ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', ' ': 'Space' };

/** As menus spell them: "Ctrl+E", "⌘E". */
export function shownKeys(keys: string, mac: boolean): string {
  const parts = keys.split('+').map((part) => {
    if (part === 'Mod') return mac ? '⌘' : 'Ctrl';
    if (mac && part === 'Alt') return '⌥';
    if (mac && part === 'Shift') return '⇧';
    return NAMES[part] ?? part;
  });
  return parts.join(mac ? '' : '+');
}

/** As `aria-keyshortcuts` wants them. */
export function ariaKeys(keys: string, mac: boolean): string {
  return keys.replace('Mod', mac ? 'Meta' : 'Control').replace('Ctrl', 'Control').replace('+ ', '+Space');
}
