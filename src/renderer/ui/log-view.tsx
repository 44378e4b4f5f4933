import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDownToLine } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { ToggleButton } from 'react-aria-components';
import { type LogLine, shownLine } from '../models/log.ts';
import { texts } from '../texts/index.ts';

const t = texts.guestLog;

/** Pixels. */
const ROW = 18;

/** Pixels from the end that still count as the end. */
const NEAR = ROW;

interface Props {
  readonly lines: readonly LogLine[];
  readonly label: string;
  /** What a line's origin is called. */
  readonly origin?: (from: string) => string;
  /** The newest line stays in sight. */
  readonly follow: boolean;
  /** Scrolled away from the end, or to it. */
  readonly onFollow: (follow: boolean) => void;
}

/** What a program said, line by line, of which there may be tens of thousands: those in sight are in the page. Nothing in them acts. */
export function LogView({ lines, label, origin, follow, onFollow }: Props) {
  const region = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({ count: lines.length, getScrollElement: () => region.current, estimateSize: () => ROW, overscan: 20 });
  const count = lines.length;
  useEffect(() => {
    const element = region.current;
    if (follow && count > 0 && element !== null) element.scrollTop = element.scrollHeight;
    // At their greatest number, new lines take the place of old ones.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [follow, count, lines]);
  // What is as wide as the widest line that was seen keeps its place while one scrolls.
  const [width, setWidth] = useState(0);
  const onScroll = (): void => {
    const element = region.current;
    if (element === null) return;
    if (element.scrollWidth > element.clientWidth && element.scrollWidth > width) setWidth(element.scrollWidth);
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= NEAR;
    if (atEnd !== follow) onFollow(atEnd);
  };
  return (
    <div ref={region} className="log-view" role="region" aria-label={label} tabIndex={0} onScroll={onScroll}>
      <div role="presentation" className="log-sheet" style={{ blockSize: virtual.getTotalSize(), minInlineSize: width }}>
        {virtual.getVirtualItems().map(({ index, start }) => <Line key={index} line={lines[index]!} top={start} origin={origin} />)}
      </div>
    </div>
  );
}

function Line({ line: { text, from, at }, top, origin }: { line: LogLine; top: number; origin: ((from: string) => string) | undefined }) {
  const { segments, left } = useMemo(() => shownLine(text), [text]);
  return (
    <div className="log-line" style={{ insetBlockStart: top }}>
      {at === undefined ? null : <span className="log-at dim">{t.at(at)}</span>}
      {from === undefined || origin === undefined ? null : <span className={`log-from is-${from}`}>{origin(from)}</span>}
      <bdi className="log-text">
        {segments.map((segment, i) => (segment.mark ? <span key={i} className="text-mark">{segment.text}</span> : segment.text))}
        {left > 0 ? <span className="dim"> {t.longer(left)}</span> : null}
      </bdi>
    </div>
  );
}

/** Whether the newest line stays in sight. */
export function FollowButton({ follow, onFollow }: { follow: boolean; onFollow: (follow: boolean) => void }) {
  return <ToggleButton className="icon-button has-text is-small" isSelected={follow} onChange={onFollow}><ArrowDownToLine aria-hidden /><span>{t.follow}</span></ToggleButton>;
}
