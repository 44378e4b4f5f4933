import { useMemo, useState } from 'react';
import { Button } from 'react-aria-components';
import type { ExtentMap } from '../../../shared/contract/rows.ts';
import { formatCount, formatOffset } from '../../models/format.ts';
import { extentRows, extentStripes } from '../../models/properties.ts';
import { texts } from '../../texts/index.ts';
import { Part } from './parts.tsx';

const t = texts.properties;

/** Lines of the table that are shown at first, and more at each press. */
const SHOWN = 200;
const MORE = 1000;

/** Where a file lies: a strip to scale over the device, and a table of its extents with the holes between them. */
export function Extents({ extents, size }: { extents: ExtentMap; size: number }) {
  const { fragments, device, cut } = extents;
  const stripes = useMemo(() => extentStripes(extents), [extents]);
  const rows = useMemo(() => extentRows(extents, size), [extents, size]);
  const [shown, setShown] = useState(SHOWN);
  const summary = t.extentSummary(fragments, extents.runs.length);
  const [start, end] = t.extentEnds(device);
  const kinds = [...new Set(stripes.map(({ kind }) => kind))];
  return (
    <Part title={t.extents}>
      <p>{summary}</p>
      {stripes.length === 0 ? <p className="dim">{t.extentsNone}</p> : (
        <figure className="extents">
          <div className="strip" role="img" aria-label={t.extentStrip(summary, device)}>
            {stripes.map(({ from, to, kind }) => <span key={from} className={`stripe is-${kind}`} style={{ insetInlineStart: `${from * 100}%`, width: `${(to - from) * 100}%` }} />)}
          </div>
          <figcaption className="strip-ends dim number">
            <span>{start}</span>
            {kinds.map((kind) => <span key={kind} className="strip-key"><span className={`stripe is-${kind}`} aria-hidden />{t.extentKinds[kind]}</span>)}
            <span>{end}</span>
          </figcaption>
        </figure>
      )}
      {rows.length === 0 ? null : (
        <table className="extent-table">
          <caption className="visually-hidden">{t.extentTable}</caption>
          <thead><tr><th scope="col">{t.extentColumns.logical}</th><th scope="col">{t.extentColumns.physical}</th><th scope="col">{t.extentColumns.length}</th><th scope="col" className="is-text">{t.extentColumns.kind}</th></tr></thead>
          <tbody>
            {rows.slice(0, shown).map(({ logical, physical, length, kind }) => (
              <tr key={logical}>
                <th scope="row">{formatCount(logical)}</th>
                <td title={physical === undefined ? undefined : formatOffset(physical)}>{physical === undefined ? t.nowhere : formatCount(physical)}</td>
                <td>{formatCount(length)}</td>
                <td className="is-text">{t.extentKinds[kind]}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > shown ? <Button className="button" onPress={() => setShown(shown + MORE)}>{t.moreRows(Math.min(MORE, rows.length - shown))}</Button> : null}
      {cut ? <p className="dim">{t.extentCut(extents.runs.length)}</p> : null}
    </Part>
  );
}
