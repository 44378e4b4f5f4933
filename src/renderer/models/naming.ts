import type { NameRules } from '../../engines/core/writer.ts';
import { displayName, encodeName } from '../../engines/core/names.ts';

/** Why a name can't be given. */
export type NamingProblem =
  | { readonly kind: 'empty' }
  | { readonly kind: 'dots' }
  | { readonly kind: 'forbidden'; readonly character: string }
  | { readonly kind: 'too-long'; readonly over: number }
  /** `other`: what stands there, by another spelling where the filesystem takes both for one. */
  | { readonly kind: 'taken'; readonly other: string };

/** What the name of an entry looks like in a field. Characters that can't be shown, or would act there, are spelled as everywhere else. */
export function draftOf(name: string): string {
  return displayName(name);
}

const ESCAPE = /\\x([0-9a-f]{2})|\\u\{([0-9a-f]{1,6})\}/g;

/**
 * The name that a draft stands for. A spelled character becomes again what it was, but only where the name that was edited holds it:
 * in any other name a backslash is a backslash.
 */
export function nameOfDraft(draft: string, edited = ''): string {
  const spelled = new Map<string, string>();
  for (const character of edited) {
    const shown = displayName(character);
    if (shown !== character) spelled.set(shown, character);
  }
  return spelled.size === 0 ? draft : draft.replace(ESCAPE, (escape) => spelled.get(escape) ?? escape);
}

/** How long a name is, in the unit of the rules. */
export function nameLength(name: string, { unit }: Pick<NameRules, 'unit'>): number {
  return unit === 'bytes' ? encodeName(name).length : name.length;
}

/** Characters of a draft that are selected at first: all but the extension. Folders have none. */
export function stemLength(draft: string, folder: boolean): number {
  const dot = folder ? -1 : draft.lastIndexOf('.');
  return dot > 0 ? dot : draft.length;
}

/** What stands against a name, the first that applies; undefined when it can be given. @param taken names of the folder, as far as they are known */
export function problemOf(name: string, rules: NameRules, taken: Iterable<string>): NamingProblem | undefined {
  if (name === '') return { kind: 'empty' };
  if (name === '.' || name === '..') return { kind: 'dots' };
  const bad = [...name].find((character) => character === '/' || character === '\0' || rules.forbidden.includes(character));
  if (bad !== undefined) return { kind: 'forbidden', character: bad };
  const length = nameLength(name, rules);
  if (length > rules.longest) return { kind: 'too-long', over: length - rules.longest };
  const same = rules.caseSensitive ? (other: string) => other === name : (other: string) => folded(other) === folded(name);
  for (const other of taken) if (same(other)) return { kind: 'taken', other };
  return undefined;
}

const folded = (name: string): string => name.normalize('NFC').toLowerCase();

/** The first of "New folder", "New folder 2", … that is not taken. @param spell the name of the nth */
export function freeName(spell: (n: number) => string, taken: ReadonlySet<string>): string {
  // More tries than names are taken: one of them is free.
  for (let n = 1; n <= taken.size; n++) if (!taken.has(spell(n))) return spell(n);
  return spell(taken.size + 1);
}
