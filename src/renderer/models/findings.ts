import type { FindingRow } from '../../shared/contract/edit.ts';

export type Severity = FindingRow['severity'];

/** The worst first. */
export const SEVERITIES: readonly Severity[] = ['error', 'warning', 'note'];

/** How many findings there are of each severity. */
export function countsOf(findings: readonly FindingRow[]): Readonly<Record<Severity, number>> {
  const counts = { error: 0, warning: 0, note: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}

/** The findings of one severity, or all; the worst first, else in the order in which they were found. */
export function shownFindings(findings: readonly FindingRow[], severity: Severity | undefined): readonly FindingRow[] {
  if (severity !== undefined) return findings.filter((finding) => finding.severity === severity);
  return SEVERITIES.flatMap((each) => findings.filter((finding) => finding.severity === each));
}

/** Whether something can still be done about a finding, so that it can be ticked. */
export function isRepairable(finding: FindingRow): boolean {
  return finding.repair !== undefined && !finding.repaired;
}

/** The findings to repair: all that can be, but for what was unticked. */
export function tickedIds(findings: readonly FindingRow[], unticked: ReadonlySet<string>): string[] {
  return findings.filter((finding) => isRepairable(finding) && !unticked.has(finding.id)).map(({ id }) => id);
}

/** Ticks or unticks findings. */
export function withTicks(unticked: ReadonlySet<string>, findings: readonly FindingRow[], on: boolean): ReadonlySet<string> {
  const next = new Set(unticked);
  for (const finding of findings) {
    if (!isRepairable(finding)) continue;
    if (on) next.delete(finding.id);
    else next.add(finding.id);
  }
  return next;
}
