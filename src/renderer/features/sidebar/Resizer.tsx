import { type KeyboardEvent, type PointerEvent, type RefObject, useEffect, useState } from 'react';
import { direction } from '../../app/appearance.ts';
import { prefer } from '../../app/navigation.ts';
import { useApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';

/** Pixels. */
const LEAST = 160;
const MOST = 480;
const STEP = 16;

/** The edge of the sidebar: dragged, or moved with the arrow keys; Enter and a double click give it its own width back. */
export function Resizer({ sidebar }: { sidebar: RefObject<HTMLElement | null> }) {
  const chosen = useApp((state) => state.settings.sidebarWidth);
  const [width, setWidth] = useState(chosen);
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    const element = sidebar.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setWidth(element.offsetWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [sidebar]);
  const choose = (to: number): void => prefer({ sidebarWidth: Math.round(Math.min(MOST, Math.max(LEAST, to))) });
  const onPointerMove = (event: PointerEvent): void => {
    const box = sidebar.current?.getBoundingClientRect();
    if (dragging && box !== undefined) choose(direction === 'rtl' ? box.right - event.clientX : event.clientX - box.left);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const forward = direction === 'rtl' ? 'ArrowLeft' : 'ArrowRight';
    if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') choose(width + (event.key === forward ? STEP : -STEP));
    else if (event.key === 'Home') choose(LEAST);
    else if (event.key === 'End') choose(MOST);
    else if (event.key === 'Enter') prefer({ sidebarWidth: 0 });
    else return;
    event.preventDefault();
  };
  return (
    <div
      className={`sidebar-edge ${dragging ? 'is-dragging' : ''}`} role="separator" aria-orientation="vertical" aria-label={texts.sidebarTree.resize} tabIndex={0}
      aria-valuenow={Math.min(MOST, Math.max(LEAST, Math.round(width)))} aria-valuemin={LEAST} aria-valuemax={MOST}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); setDragging(true); }}
      onPointerMove={onPointerMove} onPointerUp={() => setDragging(false)} onPointerCancel={() => setDragging(false)} onDoubleClick={() => prefer({ sidebarWidth: 0 })} onKeyDown={onKeyDown}
    />
  );
}
