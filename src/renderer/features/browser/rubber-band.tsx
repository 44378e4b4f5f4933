import { type CSSProperties, type PointerEvent, type RefObject, useEffect, useRef, useState } from 'react';
import { hasIndex } from '../../models/ranges.ts';
import { banded, cleared, NOTHING_SELECTED, type Selection } from '../../models/selection.ts';
import { indexOf } from './Grid.tsx';
import type { ListScroll } from './list-scroll.ts';

/** Pixels that the pointer moves before a press is a band and no longer a click. */
const SLACK = 4;

interface Options {
  readonly grid: RefObject<HTMLDivElement | null>;
  readonly list: ListScroll;
  readonly count: number;
  readonly selection: Selection;
  readonly select: (selection: Selection) => void;
  readonly click: (index: number, event: PointerEvent) => void;
  /** Pixels. */
  readonly head: number;
  readonly row: number;
}

interface Press {
  readonly x: number;
  /** In the content, so that it stays where it is while the list scrolls. */
  readonly y: number;
  readonly before: Selection;
  readonly flip: boolean;
  /** Where the click belongs that this press is, unless the pointer moves. */
  readonly index: number | undefined;
  readonly pointer: number;
  /** The name was pressed: moving drags the entry, and draws no band. */
  readonly onName: boolean;
  moved: boolean;
}

/**
 * Mouse selection: a press on a name selects (and may become a drag of the entries); a press anywhere else selects on
 * release, or draws a band. A press on something selected waits for the release, so that several can be dragged.
 */
export function useRubberBand({ grid, list, count, selection, select, click, head, row }: Options) {
  const press = useRef<Press>(undefined);
  const [box, setBox] = useState<CSSProperties>();
  const latest = useRef({ x: 0, y: 0 });

  const contentY = (clientY: number): number => {
    const element = grid.current!;
    return clientY - element.getBoundingClientRect().top - head + list.position();
  };

  const draw = (): void => {
    const from = press.current;
    const element = grid.current;
    if (from === undefined || element === null) return;
    const y = Math.min(Math.max(0, contentY(latest.current.y)), Math.max(list.size.content, list.size.viewport));
    const { left } = (element.querySelector('.grid-rows') ?? element).getBoundingClientRect();
    const [top, bottom] = [Math.min(from.y, y), Math.max(from.y, y)];
    setBox({ top: top - list.position(), height: bottom - top, left: Math.min(from.x, latest.current.x) - left, width: Math.abs(latest.current.x - from.x) });
    select(banded(from.before, Math.min(count, Math.floor(top / row)), Math.min(count, Math.ceil(bottom / row)), from.flip));
  };

  // Scrolls on while the band is held beyond an edge.
  const banding = box !== undefined;
  useEffect(() => {
    if (!banding) return undefined;
    const timer = setInterval(() => {
      const element = grid.current;
      if (element === null) return;
      const { top, bottom } = element.getBoundingClientRect();
      const over = latest.current.y < top + head ? latest.current.y - top - head : latest.current.y > bottom ? latest.current.y - bottom : 0;
      if (over !== 0) {
        list.scrollBy(over / 2);
        draw();
      }
    }, 16);
    return () => clearInterval(timer);
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [banding]);

  const end = (): void => {
    press.current = undefined;
    setBox(undefined);
  };

  return {
    box,
    handlers: {
      onPointerDown(event: PointerEvent<HTMLDivElement>): void {
        const target = event.target as Element;
        if (event.button !== 0 || target.closest('.grid-head, button') !== null) return;
        // A press on the scroll bar is not one on the list.
        const element = grid.current!;
        const { left, top } = element.getBoundingClientRect();
        if (event.clientX >= left + element.clientWidth || event.clientY >= top + element.clientHeight) return;
        const index = indexOf(target);
        const onName = target.closest('.entry') !== null;
        const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
        const waits = !onName || (plain && index !== undefined && hasIndex(selection.ranges, index));
        press.current = {
          x: event.clientX, y: contentY(event.clientY), before: plain ? NOTHING_SELECTED : selection, flip: event.ctrlKey || event.metaKey, index: waits ? index : undefined, pointer: event.pointerId, onName, moved: false,
        };
        if (!waits && index !== undefined) click(index, event);
        element.focus({ preventScroll: true });
      },
      onPointerMove(event: PointerEvent<HTMLDivElement>): void {
        const from = press.current;
        if (from === undefined || from.onName) return;
        latest.current = { x: event.clientX, y: event.clientY };
        if (!from.moved) {
          if (Math.hypot(event.clientX - from.x, contentY(event.clientY) - from.y) < SLACK) return;
          from.moved = true;
          grid.current?.setPointerCapture(from.pointer);
        }
        draw();
      },
      onPointerUp(event: PointerEvent<HTMLDivElement>): void {
        const from = press.current;
        if (from === undefined) return;
        end();
        if (from.moved) return;
        if (from.index !== undefined) click(from.index, event);
        else if (!from.onName && indexOf(event.target) === undefined) select(cleared(selection));
      },
      onPointerCancel: end,
    },
  };
}
