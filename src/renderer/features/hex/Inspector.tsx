import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { readings, type Spot } from '../../models/hex-block.ts';
import { formatCount, formatOffset } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';

const t = texts.hex;

/** What the byte under the pointer, else the one with the focus, is: its structure and field, and what it would be as a number. */
export function Inspector({ at, bytes, spot, within, units, selection, isFile, onCopy }: {
  at: number; /** From `at` on. */ bytes: Uint8Array; spot: Spot | undefined; /** The layer that the structure belongs to, where it is another. */ within: string | undefined;
  units: { readonly sector: number; readonly block?: number | undefined };
  selection: { readonly from: number; readonly to: number }; isFile: boolean; onCopy: (form: 'hex' | 'text') => void;
}) {
  const { unsigned, signed, time, text } = readings(bytes);
  const many = selection.to - selection.from;
  return (
    <aside className="hex-inspector" aria-label={t.inspector} tabIndex={0}>
      <section>
        {spot === undefined ? <p className="dim">{isFile ? t.fileNote : t.nothing}</p> : (
          <>
            <h3 className="breaks"><bdi>{spot.structure.name}</bdi></h3>
            <dl className="facts">
              {within === undefined ? null : <Fact label={t.within}><bdi>{within}</bdi></Fact>}
              {spot.structure.type === undefined ? null : <Fact label={t.structure}><span className="mono">{spot.structure.type}</span></Fact>}
              {spot.field === undefined ? spot.structure.meaning === undefined ? null : <Fact label={t.meaning}><bdi>{spot.structure.meaning}</bdi></Fact> : (
                <>
                  <Fact label={t.field}><span className="mono">{spot.field.name}</span></Fact>
                  <Fact label={t.type}><span className="mono">{spot.field.type}</span></Fact>
                  <Fact label={t.value}><span className="mono">{spot.field.value}</span></Fact>
                  {spot.field.meaning === undefined ? null : <Fact label={t.meaning}><bdi>{spot.field.meaning}</bdi></Fact>}
                </>
              )}
              <Fact label={t.at}>{formatOffset(spot.at)}, {formatCount(spot.length)}</Fact>
            </dl>
          </>
        )}
      </section>
      <section>
        <dl className="facts">
          <Fact label={t.offset}>{formatOffset(at)} <span className="dim">({formatCount(at)})</span></Fact>
          {isFile ? null : <Fact label={t.sector}>{formatCount(Math.floor(at / units.sector))} + {at % units.sector}</Fact>}
          {units.block === undefined ? null : <Fact label={t.block}>{formatCount(Math.floor(at / units.block))} + {at % units.block}</Fact>}
          {unsigned.map(({ bits, little, big }) => (
            <Fact key={bits} label={t.bits(bits)}>
              <span title={t.little}>{little ?? t.none}</span>
              {big === undefined || big === little ? null : <span className="dim hex-big" title={t.big}>{big}</span>}
            </Fact>
          ))}
          <Fact label={t.signed}>{signed ?? t.none}</Fact>
          <Fact label={t.time}>{time ?? t.none}</Fact>
          <Fact label={t.asText}><span className="mono">{text}</span></Fact>
        </dl>
      </section>
      <section>
        {many > 1 ? <p className="number hex-selection">{t.selection(formatOffset(selection.from), formatOffset(selection.to - 1), formatCount(many))}</p> : null}
        <div className="actions">
          <Button className="button" onPress={() => onCopy('hex')}>{t.copyHex}</Button>
          <Button className="button" onPress={() => onCopy('text')}>{t.copyText}</Button>
        </div>
      </section>
    </aside>
  );
}

function Fact({ label, children }: { label: string; children: ReactNode }) {
  return <div><dt>{label}</dt><dd>{children}</dd></div>;
}
