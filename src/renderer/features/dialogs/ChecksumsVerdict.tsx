import { CircleCheck, CircleHelp, CircleX } from 'lucide-react';
import { useEffect } from 'react';
import type { HashName, HashRow } from '../../../shared/contract/checksums.ts';
import { announce } from '../../app/state.ts';
import type { Comparison, SumIndex, Verdict } from '../../models/sums.ts';
import { texts } from '../../texts/index.ts';

const t = texts.checksums;

const LOOKS = { matches: [CircleCheck, 'good'], differs: [CircleX, 'bad'], unlisted: [CircleHelp, 'plain'], other: [CircleHelp, 'plain'] } as const;

/** A verdict as an icon and a word. */
export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const [Icon, tone] = LOOKS[verdict];
  return <span className={`badge tone-${tone}`}><Icon aria-hidden />{t.verdicts[verdict]}</span>;
}

/** What the list says of all of it, in a sentence or two. @param ended whether no more will come; then it is announced */
export function ChecksumsVerdict({ comparison, index, rows, list, computed, ended }: { comparison: Comparison; index: SumIndex | undefined; rows: readonly HashRow[]; list: string; computed: readonly HashName[]; ended: boolean }) {
  const { matches, differs, unlisted, unread } = comparison;
  const needed = index === undefined || matches + differs > 0 ? [] : [...index.algorithms(rows)].filter((each) => !computed.includes(each));
  const alone = rows.length === 1;
  const verdict: Verdict | undefined = index === undefined ? undefined : differs > 0 ? 'differs' : unlisted > 0 ? 'unlisted' : matches > 0 ? 'matches' : undefined;
  const text = [
    ...(index === undefined ? [] : [
      ...(matches > 0 ? [t.matched(list, matches, rows.length)] : []),
      ...(differs > 0 ? [alone ? t.itDiffers(list) : t.differ(differs)] : []),
      ...(needed.length > 0 ? [t.needs(needed, list)] : unlisted > 0 ? [alone ? t.notListed(list) : t.unlisted(unlisted)] : []),
    ]),
    ...(unread > 0 ? [t.unreadable(unread)] : []),
  ].join(' ');
  useEffect(() => {
    if (ended && text !== '') announce(text);
  }, [ended, text]);
  if (text === '') return null;
  const [Icon, tone] = LOOKS[verdict ?? 'differs'];
  return <p className={`checksums-verdict tone-${tone}`}><Icon aria-hidden /><span>{text}</span></p>;
}
