import type { Finding } from '../../../core/check.ts';

/** One class of problem: what a finding of it says. Codes and texts are ours, the classes follow e2fsck's. */
export interface Problem {
  /** "1/inode-bad-mode": stable over releases; the first part is the pass. */
  readonly code: string;
  /**
   * 'error' and 'warning': the filesystem is not clean as long as it is not repaired. 'note': it may stay as it is, and a run that finds nothing
   * else says that the filesystem is clean.
   */
  readonly severity: Finding['severity'];
  /** What is wrong, with {parts} that the pass fills in: "Inode {inode} has mode {mode}". */
  readonly says: string;
  /** What that means for the person's data, in a sentence. */
  readonly meaning: string;
  /** What a repair does; absent where there is nothing to be done by itself: then nobody is asked. */
  readonly repair?: string;
  /**
   * The repair is housekeeping, which leaves the state 'clean' where there is no other one. 'with-changes': but where the superblock changes as
   * well, it counts as a repair.
   */
  readonly housekeeping?: true | 'with-changes';
}

/** What a finding is about: numbers and words for the sentence. */
export type Parts = Readonly<Record<string, number | bigint | string>>;

/** The problems of one pass, by their short names. */
export function catalogue<const T extends Readonly<Record<string, Omit<Problem, 'code'>>>>(pass: string, problems: T): { readonly [K in keyof T]: Problem } {
  return Object.fromEntries(Object.entries(problems).map(([name, problem]) => [name, { code: `${pass}/${name}`, ...problem }])) as { [K in keyof T]: Problem };
}

/** The sentence of a problem with its parts filled in. */
export function sentence(problem: Problem, parts: Parts): string {
  return problem.says.replace(/\{(\w+)\}/g, (all, name: string) => (parts[name] === undefined ? all : String(parts[name])));
}
