import type { NameRules } from '../../../engines/core/writer.ts';
import { folderOf } from '../../app/navigation.ts';
import type { FolderPlace, Tab } from '../../app/state.ts';
import { layerAt } from '../../models/layers.ts';
import { nameLength, type NamingProblem, problemOf } from '../../models/naming.ts';
import { displayName } from '../../../engines/core/names.ts';
import { texts } from '../../texts/index.ts';

const t = texts.naming;

/** What is known of a filesystem whose names nobody tells: a name that is too long is told by the host then. */
const ANY: NameRules = { longest: Infinity, unit: 'bytes', forbidden: '', caseSensitive: true };

/** What names a folder of a tab takes, and which it has as far as they are loaded; the host knows all. */
export interface Naming {
  readonly rules: NameRules;
  readonly taken: ReadonlySet<string>;
}

export function namingOf(tab: Tab | undefined, folder: FolderPlace | undefined): Naming {
  const here = folderOf(tab)?.crumbs.at(-1)?.node === folder?.crumbs.at(-1)?.node && tab?.listing?.search === undefined;
  const rows = here ? tab?.listing?.rows?.loaded() : undefined;
  const rules = tab?.info === undefined || folder === undefined ? undefined : layerAt(tab.info, folder.layer)?.filesystem?.names;
  return { rules: rules ?? ANY, taken: new Set(Array.from(rows ?? [], ({ name }) => name)) };
}

/** What stands against a name, as a sentence; undefined when nothing that is known does. `edited`: the name that it has now. */
export function wrongWith(name: string, { rules, taken }: Naming, edited?: string): string | undefined {
  if (name === edited) return undefined;
  const others = edited === undefined ? taken : new Set([...taken].filter((other) => other !== edited));
  const problem = problemOf(name, rules, others);
  return problem === undefined ? undefined : sentence(problem, rules);
}

function sentence(problem: NamingProblem, { unit }: NameRules): string {
  switch (problem.kind) {
    case 'empty': return t.problems.empty;
    case 'dots': return t.problems.dots;
    case 'forbidden': return t.problems.forbidden(problem.character);
    case 'too-long': return t.problems.tooLong(problem.over, unit);
    case 'taken': return t.problems.taken(displayName(problem.other));
  }
}

/** The rules in a sentence, and how long the name is. */
export function rulesText(name: string, { rules }: Naming): string {
  if (!Number.isFinite(rules.longest)) return '';
  const { longest, unit, forbidden, caseSensitive } = rules;
  const length = nameLength(name, rules);
  // The count is worth a glance only where the end is near.
  return length * 2 > longest ? t.length(length, longest, unit) : t.rules(longest, unit, forbidden, caseSensitive);
}
