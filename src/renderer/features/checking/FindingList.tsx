import { useVirtualizer } from '@tanstack/react-virtual';
import { CircleAlert, Info, type LucideIcon, TriangleAlert } from 'lucide-react';
import { type KeyboardEvent, type MouseEvent, useEffect, useId, useRef } from 'react';
import { Button } from 'react-aria-components';
import type { FindingRow } from '../../../shared/contract/edit.ts';
import { isRepairable, type Severity } from '../../models/findings.ts';
import { isMoveKey, moved } from '../../models/selection.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { placeText } from '../../ui/errors.tsx';

const t = texts.check;

/** Pixels. */
const ROW = 26;

/** Characters of a message that a row holds; the details have more. */
const SHOWN = 240;

const ICONS: Readonly<Record<Severity, LucideIcon>> = { error: CircleAlert, warning: TriangleAlert, note: Info };

interface Props {
  readonly findings: readonly FindingRow[];
  readonly unticked: ReadonlySet<string>;
  readonly chosen: string | undefined;
  readonly canTick: boolean;
  readonly onChoose: (id: string) => void;
  readonly onTick: (finding: FindingRow, on: boolean) => void;
}

/** The findings, of which there may be tens of thousands: those in sight are in the page. Arrows choose, Space ticks. */
export function FindingList({ findings, unticked, chosen, canTick, onChoose, onTick }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({ count: findings.length, getScrollElement: () => list.current, estimateSize: () => ROW, overscan: 10 });
  const at = Math.max(0, findings.findIndex((finding) => finding.id === chosen));
  const ticked = (finding: FindingRow): boolean => isRepairable(finding) && !unticked.has(finding.id);
  const toggle = (finding: FindingRow): void => { if (canTick && isRepairable(finding)) onTick(finding, !ticked(finding)); };
  const chosenByKey = useRef(false);
  useEffect(() => {
    if (!chosenByKey.current) return;
    chosenByKey.current = false;
    virtual.scrollToIndex(at);
  }, [at, virtual]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const finding = findings[at];
    if (isMoveKey(event.key)) {
      const to = findings[moved(at, event.key, findings.length, Math.floor((list.current?.clientHeight ?? ROW) / ROW))];
      if (to === undefined) return;
      chosenByKey.current = true;
      onChoose(to.id);
    } else if (event.key === ' ' && finding !== undefined) toggle(finding);
    else return;
    event.preventDefault();
  };
  const onClick = (event: MouseEvent): void => {
    const target = event.target as Element;
    const finding = findings[Number(target.closest<HTMLElement>('[data-at]')?.dataset['at'] ?? -1)];
    if (finding === undefined) return;
    onChoose(finding.id);
    if (target.closest('.check') !== null) toggle(finding);
  };
  const rowId = (index: number): string => `${id}-${index}`;
  const items = virtual.getVirtualItems();
  // The chosen one stays in the page wherever the list is scrolled to, or aria-activedescendant would point nowhere.
  const shown = items.some(({ index }) => index === at) ? items : [...items, { index: at, start: at * ROW }];
  return (
    <div ref={list} className="row-table finding-list" role="listbox" aria-multiselectable aria-label={t.list} tabIndex={0} aria-activedescendant={findings.length === 0 ? undefined : rowId(at)} onKeyDown={onKeyDown} onClick={onClick}>
      <div role="presentation" style={{ blockSize: virtual.getTotalSize(), position: 'relative' }}>
        {shown.map(({ index, start }) => {
          const finding = findings[index];
          if (finding === undefined) return null;
          const Icon = ICONS[finding.severity];
          return (
            <div
              key={index} id={rowId(index)} role="option" aria-selected={ticked(finding)} aria-disabled={!isRepairable(finding)} aria-posinset={index + 1} aria-setsize={findings.length}
              className={`finding-row is-${finding.severity} ${index === at ? 'is-chosen' : ''}`} style={{ insetBlockStart: start }} data-at={index}
            >
              <span className={`check ${canTick ? '' : 'is-off'}`} data-selected={ticked(finding) || undefined}>
                {isRepairable(finding) ? <span className="check-box" aria-hidden><svg viewBox="0 0 12 12"><path d="M2.5 6.5 5 9l4.5-6" /></svg></span> : null}
              </span>
              <span className={`finding-severity note-${finding.severity}`}><Icon aria-hidden />{t.severity[finding.severity]}</span>
              <span className="clip"><bdi>{cut(finding.message, SHOWN)}</bdi></span>
              {finding.repaired ? <span className="badge tone-good">{t.repaired}</span> : null}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** What a finding means, where it is, and what would be done about it. */
export function FindingDetails({ finding: { message, meaning, place, repair, repaired, code, severity }, onPlace }: { finding: FindingRow; onPlace: (at: number) => void }) {
  const at = place?.at;
  return (
    <section className="finding-details" aria-label={t.details} tabIndex={0}>
      <p className="breaks"><strong><bdi>{cut(message, 2000)}</bdi></strong></p>
      <dl className="facts">
        <dt>{t.meaning}</dt><dd>{cut(meaning, 1000)}</dd>
        {place === undefined ? null : <><dt>{t.where}</dt><dd>{at === undefined ? placeText(place) : <Button className="link" aria-label={texts.hex.showPlace(placeText(place))} onPress={() => onPlace(at)}>{placeText(place)}</Button>}</dd></>}
        <dt>{t.repair}</dt><dd>{repair === undefined ? t.noRepair : `${cut(repair, 1000)}${repaired ? ` (${t.repaired})` : ''}`}</dd>
        <dt>{t.code}</dt><dd className="mono">{code}, {t.severity[severity]}</dd>
      </dl>
    </section>
  );
}
