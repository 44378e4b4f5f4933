import { type RefObject, useLayoutEffect, useRef, useState } from 'react';
import { createPortal } from 'react-dom';
import { type Spot, spotText } from '../../models/hex-block.ts';

/** Pixels between a byte and its tip, and between the tip and the window's edge. */
const GAP = 5;

/** What the byte under the pointer is. A thousand bytes are too many triggers for a tooltip each: this one goes where the pointer is. */
export function HexTip({ at, spot, within }: { at: number; spot: Spot; within: RefObject<HTMLElement | null> }) {
  const tip = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: -1000 });
  useLayoutEffect(() => {
    const cell = within.current?.querySelector(`.hex-byte[data-at="${at}"]`)?.getBoundingClientRect();
    const box = tip.current?.getBoundingClientRect();
    if (cell === undefined || box === undefined) return;
    const below = cell.bottom + GAP;
    setPlace({
      left: Math.max(GAP, Math.min(cell.left, window.innerWidth - box.width - GAP)),
      top: below + box.height > window.innerHeight ? cell.top - box.height - GAP : below,
    });
    // Another text has another width.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [at, spot, within]);
  // In the main part and not here: inside of a size container, some browsers count fixed places from the container.
  return createPortal(<div ref={tip} role="tooltip" className="tip hex-tip" style={place}><bdi>{spotText(spot)}</bdi></div>, document.querySelector('main') ?? document.body);
}
