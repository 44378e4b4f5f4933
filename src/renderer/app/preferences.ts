import type { SortKey } from '../../shared/contract/rows.ts';

/** What the window remembers between starts. Nothing of it leaves the machine. */
export interface Preferences {
  readonly sort: { readonly key: SortKey; readonly descending: boolean };
  readonly hidden: boolean;
  readonly sidebar: boolean;
  readonly preview: boolean;
  /** Pixels a column. */
  readonly columns: Readonly<Record<string, number>>;
}

const KEY = 'clutch.preferences';

const DEFAULTS: Preferences = { sort: { key: 'name', descending: false }, hidden: false, sidebar: true, preview: false, columns: {} };

export function loadPreferences(): Preferences {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>) };
  } catch {
    // No storage, or not what we wrote: the defaults do.
    return DEFAULTS;
  }
}

export function savePreferences(preferences: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Nothing depends on it.
  }
}
