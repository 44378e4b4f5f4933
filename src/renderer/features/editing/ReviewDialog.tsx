import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import type { OperationRow } from '../../../shared/contract/edit.ts';
import { type ErrorData, errorOf } from '../../app/services.ts';
import { type Dialog, getApp, setApp, useApp } from '../../app/state.ts';
import { commandOf, runCommand } from '../../commands/index.ts';
import { formatSize, formatTime } from '../../models/format.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';

const t = texts.review;

/** Pixels. */
const ROW = 26;

/** Operations that are asked for at once: the contract's own limit. */
const PAGE = 1000;

/** The pending changes in the order in which they were made, and what applying them writes. */
export function ReviewDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'review' }> }) {
  const host = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab)?.host);
  const name = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab)?.source.name ?? '');
  const edit = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab)?.edit);
  const [rows, setRows] = useState<readonly OperationRow[]>();
  const [error, setError] = useState<ErrorData>();
  const operations = edit?.operations;
  useEffect(() => {
    const abort = new AbortController();
    const read = async (): Promise<void> => {
      const all: OperationRow[] = [];
      for (let total = 1; all.length < total;) {
        const page = await host?.call('edit.review', { from: all.length, count: PAGE }, abort.signal);
        if (abort.signal.aborted || page === undefined) return;
        all.push(...page.operations);
        // One that tells of more than it has would be asked for ever.
        total = page.operations.length === 0 ? all.length : page.total;
        setRows([...all]);
      }
    };
    read().catch((thrown: unknown) => { if (!abort.signal.aborted) setError(errorOf(thrown)); });
    return () => abort.abort();
    // Undone or applied meanwhile, the list is another.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [host, operations]);
  const close = (): void => setApp({ dialog: undefined });
  const run = (id: string): void => {
    if (getApp().dialog === dialog) close();
    runCommand(id);
  };
  const applying = useApp(commandOf('apply').enabled);
  const discarding = useApp(commandOf('discard').enabled);
  return (
    <ModalDialog title={t.title(name)} onClose={close} className="is-review">
      {error === undefined ? null : <ErrorPanel error={error} about={name} />}
      {rows === undefined ? (error === undefined ? <p className="dim" role="status">{t.loading}</p> : null) : operations === 0 ? <p className="dim">{t.none}</p> : <Operations rows={rows} />}
      {edit === undefined ? null : <p className="review-total"><strong className="number">{t.total(edit.operations, edit.bytes)}</strong> <span className="dim">{rows !== undefined && rows.reduce((sum, { bytes }) => sum + bytes, 0) > edit.bytes ? `${t.shared} ` : ''}{t.safe}</span></p>}
      <footer className="dialog-foot">
        <Button className="button" isDisabled={discarding !== true} onPress={() => run('discard')}>{texts.pending.discard}</Button>
        <Button className="button" isDisabled={operations === 0} onPress={() => run('save-as')}>{texts.pending.saveAs}</Button>
        <span className="spacer" />
        <Button className="button" autoFocus onPress={close}>{texts.close}</Button>
        <span title={applying === true ? undefined : applying}><Button className="button is-primary" isDisabled={applying !== true} onPress={() => run('apply')}>{texts.pending.apply}</Button></span>
      </footer>
    </ModalDialog>
  );
}

function Operations({ rows }: { rows: readonly OperationRow[] }) {
  const region = useRef<HTMLDivElement>(null);
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => region.current, estimateSize: () => ROW, overscan: 10, scrollMargin: ROW });
  return (
    <div ref={region} className="row-table" role="table" aria-label={t.list} aria-rowcount={rows.length + 1} tabIndex={0}>
      <div role="row" aria-rowindex={1} className="operation-row row-head">
        <span role="columnheader">{t.what}</span><span role="columnheader">{t.where}</span><span role="columnheader" className="at-end">{t.bytes}</span><span role="columnheader">{t.when}</span>
      </div>
      <div role="rowgroup" style={{ blockSize: virtual.getTotalSize(), position: 'relative' }}>
        {virtual.getVirtualItems().map(({ index, start }) => <Operation key={rows[index]!.id} index={index} top={start - ROW} row={rows[index]!} />)}
      </div>
    </div>
  );
}

function Operation({ row, index, top }: { row: OperationRow; index: number; top: number }) {
  const what = texts.operation(row);
  const where = row.path !== '' ? row.path : row.verb === 'repair' ? t.root : t.nowhere;
  return (
    <div role="row" aria-rowindex={index + 2} className="operation-row" style={{ insetBlockStart: top }}>
      <span role="cell" className="clip" title={what}><bdi>{what}</bdi>{row.partial === true ? <span className="dim"> ({t.partial})</span> : null}</span>
      <span role="cell" className="clip dim" title={where.slice(0, 1000)}><bdi>{where.slice(0, 300)}</bdi></span>
      <span role="cell" className="number at-end">{formatSize(row.bytes)}</span>
      <span role="cell" className="number dim">{formatTime(BigInt(Math.round(row.when)) * 1_000_000n)}</span>
    </div>
  );
}
