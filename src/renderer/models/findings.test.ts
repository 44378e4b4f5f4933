import { expect, test } from 'vitest';
import type { FindingRow } from '../../shared/contract/edit.ts';
import { countsOf, shownFindings, tickedIds, withTicks } from './findings.ts';

const finding = (id: string, severity: FindingRow['severity'], repair?: string, repaired = false): FindingRow => ({ id, code: `1/${id}`, severity, message: id, meaning: '', ...(repair === undefined ? {} : { repair }), repaired });
const ALL = [finding('a', 'note', 'do'), finding('b', 'error', 'do'), finding('c', 'warning'), finding('d', 'error', 'do'), finding('e', 'error', 'do', true)];

test('the worst come first, else in the order in which they were found', () => {
  expect(shownFindings(ALL, undefined).map(({ id }) => id)).toEqual(['b', 'd', 'e', 'c', 'a']);
  expect(shownFindings(ALL, 'error').map(({ id }) => id)).toEqual(['b', 'd', 'e']);
  expect(countsOf(ALL)).toEqual({ error: 3, warning: 1, note: 1 });
});

test('all that can be repaired is ticked, until it is unticked', () => {
  expect(tickedIds(ALL, new Set())).toEqual(['a', 'b', 'd']);
  const without = withTicks(new Set(), shownFindings(ALL, 'error'), false);
  expect(tickedIds(ALL, without)).toEqual(['a']);
  expect(without.has('c')).toBe(false);
  expect(tickedIds(ALL, withTicks(without, [ALL[1]!], true))).toEqual(['a', 'b']);
});
