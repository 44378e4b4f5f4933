import type { HashName, HashRow, SumLine } from '../../shared/contract/checksums.ts';
import { sumPath } from '../../shared/sums.ts';

/** What a list says of a digest: the same, another, nothing, or something of another algorithm only. */
export type Verdict = 'matches' | 'differs' | 'unlisted' | 'other';

/** A list of checksums, ready to be asked about many files. */
export class SumIndex {
  readonly #paths = new Map<string, SumLine[]>();
  readonly #names = new Map<string, SumLine[]>();
  /** Digests without a name. */
  readonly #bare: SumLine[] = [];
  readonly size: number;

  constructor(lines: readonly SumLine[]) {
    this.size = lines.length;
    for (const line of lines) {
      const path = sumPath(line.name);
      if (path === '') this.#bare.push(line);
      else {
        add(this.#paths, path, line);
        add(this.#names, nameOf(path), line);
      }
    }
  }

  /** Algorithms of what the list says of these files, or of all that it says when it names none of them. */
  algorithms(rows: readonly Pick<HashRow, 'path'>[]): Set<HashName> {
    return new Set(rows.flatMap((row) => this.#about(row.path, rows.length === 1)).map(({ algorithm }) => algorithm));
  }

  /**
   * @param alone whether it is the only file: a digest without a name is about it, and so is one of its name in another folder
   */
  verdict(path: string, algorithm: HashName, digest: string, alone: boolean): Verdict {
    const about = this.#about(path, alone);
    const same = about.filter((line) => line.algorithm === algorithm);
    if (same.length === 0) return about.length === 0 ? 'unlisted' : 'other';
    return same.some((line) => line.digest === digest) ? 'matches' : 'differs';
  }

  #about(path: string, alone: boolean): readonly SumLine[] {
    const exact = this.#paths.get(path);
    if (exact !== undefined || !alone) return exact ?? [];
    const named = this.#names.get(nameOf(path)) ?? [];
    return named.length > 0 ? named : this.#bare;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function add(map: Map<string, SumLine[]>, key: string, line: SumLine): void {
  const lines = map.get(key);
  if (lines === undefined) map.set(key, [line]);
  else lines.push(line);
}

/** One digest of one file, as the table shows it. */
export interface SumRow {
  readonly row: HashRow;
  readonly algorithm: HashName | undefined;
  readonly digest: string | undefined;
  readonly verdict: Verdict | undefined;
}

/** What of all was found: rows of a file in the order of the algorithms, and how many files came out how. */
export interface Comparison {
  readonly rows: readonly SumRow[];
  readonly matches: number;
  readonly differs: number;
  readonly unlisted: number;
  readonly unread: number;
}

export function compareSums(rows: readonly HashRow[], index: SumIndex | undefined): Comparison {
  const alone = rows.length === 1;
  const found: SumRow[] = [];
  const count = { matches: 0, differs: 0, unlisted: 0, unread: 0 };
  for (const row of rows) {
    if (row.error !== undefined) {
      found.push({ row, algorithm: undefined, digest: undefined, verdict: undefined });
      count.unread++;
      continue;
    }
    let worst: Verdict | undefined;
    for (const [algorithm, digest] of Object.entries(row.digests) as [HashName, string][]) {
      const verdict = index?.verdict(row.path, algorithm, digest, alone);
      found.push({ row, algorithm, digest, verdict });
      if (verdict === 'differs' || worst === undefined || (verdict === 'matches' && worst !== 'differs')) worst = verdict;
    }
    if (worst === 'matches' || worst === 'differs') count[worst]++;
    else if (worst !== undefined) count.unlisted++;
  }
  return { rows: found, ...count };
}
