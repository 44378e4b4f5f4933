import { memo } from 'react';
import type { HexBlock } from '../../models/hex-block.ts';
import { spotAt, spotText } from '../../models/hex-block.ts';
import { formatOffset } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The id of a byte's cell, for aria-activedescendant. */
export const byteId = (at: number): string => `byte-${at}`;

/** A row of the dump: its offset, its bytes as hex, and as text. Ranges are [from, to) and lie in the row; from = to is none. */
export const HexRow = memo(function HexRow({ at, columns, size, digits, index, block, active, selectedFrom, selectedTo, litFrom, litTo, offset }: {
  at: number; columns: number; size: number; digits: number; /** Counted from 1; undefined where ARIA has no number so large. */ index: number | undefined; block: HexBlock | undefined;
  active: number | undefined; selectedFrom: number; selectedTo: number; litFrom: number; litTo: number; /** Pixels from the top. */ offset: number;
}) {
  const cells: React.ReactNode[] = [];
  const letters: React.ReactNode[] = [];
  for (let i = 0; i < columns && at + i < size; i++) {
    const place = at + i;
    const byte = block?.bytes[place - block.at];
    const spot = spotAt(block, place);
    const state = `${place >= selectedFrom && place < selectedTo ? ' is-selected' : ''}${place >= litFrom && place < litTo ? ' is-lit' : ''}${place === active ? ' is-active' : ''}`;
    const number = block?.map[place - block.at] ?? -1;
    const tone = spot?.field === undefined ? '' : ` tone-${number % 2}${place === spot.at + spot.length - 1 || i === columns - 1 ? ' is-end' : ''}`;
    const isActive = place === active;
    cells.push(
      <span
        key={i} id={isActive ? byteId(place) : undefined} role="gridcell" aria-colindex={i + 2} data-at={place} className={`hex-byte${tone}${state}`}
        {...(place >= selectedFrom && place < selectedTo ? { 'aria-selected': true } : {})}
        {...(isActive ? { 'aria-label': texts.hex.byte(formatOffset(place), byte === undefined ? '' : HEX[byte]!, spot && spotText(spot)) } : {})}
      >
        {byte === undefined ? '··' : HEX[byte]}
      </span>,
    );
    letters.push(<span key={i} data-at={place} className={`hex-letter${state}`}>{byte === undefined ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.'}</span>);
  }
  return (
    <div role="row" className="hex-row" {...(index === undefined ? {} : { 'aria-rowindex': index })} style={{ transform: `translateY(${offset}px)` }}>
      <span role="rowheader" aria-colindex={1} className="hex-offset">{at.toString(16).padStart(digits, '0')}</span>
      <span role="presentation" className="hex-bytes">{cells}</span>
      <span aria-hidden className="hex-letters">{letters}</span>
    </div>
  );
});
