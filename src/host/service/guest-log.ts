import { displayName } from '../../engines/core/names.ts';
import type { GuestLogEvent, GuestLogRow } from '../../shared/contract/guests.ts';
import type { GuestTold } from '../guests/layers.ts';

/** Characters of one line that clients get: a guest prints what it likes. */
const MOST_TEXT = 2000;

/** What a layer's guest told, as clients get it: lines that come together go together. */
export function* logEvents(told: readonly GuestTold[]): Iterable<GuestLogEvent> {
  let lines: GuestLogRow[] = [];
  for (const each of told) {
    if (each.event === 'line') {
      const { at, from, text } = each.line;
      lines.push({ at, from, text: displayName(text.slice(0, MOST_TEXT)) });
      continue;
    }
    if (lines.length > 0) yield { event: 'lines', lines };
    lines = [];
    yield each.event === 'end' ? { ...each, message: displayName(each.message) } : each;
  }
  if (lines.length > 0) yield { event: 'lines', lines };
}
