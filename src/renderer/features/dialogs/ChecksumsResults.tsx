import { useVirtualizer } from '@tanstack/react-virtual';
import { CircleAlert, Copy } from 'lucide-react';
import { useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import { HASHES, type HashRow } from '../../../shared/contract/checksums.ts';
import { formatSums } from '../../../shared/sums.ts';
import type { Comparison, SumRow } from '../../models/sums.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { copyText } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { notify } from '../../ui/toasts.ts';
import { texts } from '../../texts/index.ts';
import { VerdictBadge } from './ChecksumsVerdict.tsx';
import { Check } from '../../ui/check.tsx';

const t = texts.checksums;

/** Pixels. */
const ROW = 26;

/** Characters that the clipboard takes: the contract's own limit. */
const MAX_COPIED = 1 << 20;

/** The digests: of one file whole, of many a table of the rows in sight. */
export function ChecksumsResults({ comparison, rows }: { comparison: Comparison; rows: readonly HashRow[] }) {
  const [only, setOnly] = useState(false);
  const copyAll = (): void => {
    const text = HASHES.map((algorithm) => formatSums(rows, algorithm)).join('');
    if (text.length > MAX_COPIED) notify({ text: t.tooLong, tone: 'warning' });
    else void copyText(text);
  };
  if (rows.length === 1) return <One comparison={comparison} onCopyAll={copyAll} />;
  const shown = only ? comparison.rows.filter(({ verdict }) => verdict !== 'matches') : comparison.rows;
  return (
    <section className="checksums-results">
      <div className="section-head">
        <h3>{t.results}</h3>
        <span className="spacer" />
        <Check label={t.onlyMismatches} isSelected={only} onChange={setOnly} />
        <Button className="button is-small" onPress={copyAll}><Copy aria-hidden />{t.copyAll}</Button>
      </div>
      {shown.length === 0 ? <p className="dim">{t.allMatch}</p> : <Table rows={shown} />}
    </section>
  );
}

function One({ comparison, onCopyAll }: { comparison: Comparison; onCopyAll: () => void }) {
  const [first] = comparison.rows;
  if (first?.row.error !== undefined) return <p className="error-text" role="alert">{first.row.error.message}</p>;
  return (
    <section className="checksums-results">
      <dl className="sums">
        {comparison.rows.map(({ algorithm, digest, verdict }) => (
          <div key={algorithm}>
            <dt>{t.names[algorithm!]}</dt>
            <dd>
              <code className="mono breaks">{digest}</code>
              {verdict === undefined ? null : <VerdictBadge verdict={verdict} />}
              <IconButton label={t.copy(t.names[algorithm!])} icon={Copy} onPress={() => void copyText(digest!)} />
            </dd>
          </div>
        ))}
      </dl>
      <div className="actions"><Button className="button" onPress={onCopyAll}><Copy aria-hidden />{t.copyAll}</Button></div>
    </section>
  );
}

function Table({ rows }: { rows: readonly SumRow[] }) {
  const region = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => region.current, estimateSize: () => ROW, overscan: 10, scrollMargin: ROW });
  return (
    <div ref={region} className="sum-table" role="table" aria-label={t.results} aria-rowcount={rows.length + 1} tabIndex={0}>
      <div role="row" aria-rowindex={1} className="sum-row sum-head">
        <span role="columnheader">{t.file}</span><span role="columnheader">{t.algorithm}</span><span role="columnheader">{t.digest}</span><span role="columnheader">{t.verdict}</span><span role="columnheader"><span className="visually-hidden">{texts.copied}</span></span>
      </div>
      <div role="rowgroup" style={{ blockSize: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map(({ index, start }) => <Row key={index} index={index} top={start - ROW} sum={rows[index]!} />)}
      </div>
    </div>
  );
}

function Row({ sum: { row, algorithm, digest, verdict }, index, top }: { sum: SumRow; index: number; top: number }) {
  return (
    <div role="row" aria-rowindex={index + 2} className="sum-row" style={{ insetBlockStart: top }}>
      <span role="cell" className="clip" title={row.display.slice(0, 1000)}><Name display={row.display} /></span>
      <span role="cell" className="dim">{algorithm === undefined ? '' : t.names[algorithm]}</span>
      <span role="cell" className="clip mono" title={digest ?? row.error?.message}>{digest ?? ''}</span>
      <span role="cell">{row.error !== undefined ? <span className="badge tone-bad"><CircleAlert aria-hidden />{t.unread}</span> : verdict === undefined ? null : <VerdictBadge verdict={verdict} />}</span>
      <span role="cell">{algorithm === undefined ? null : <IconButton label={t.copy(row.display.slice(0, 80))} icon={Copy} onPress={() => void copyText(formatSums([row], algorithm))} />}</span>
    </div>
  );
}
