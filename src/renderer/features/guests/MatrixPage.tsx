import { Ban, CircleCheck, CircleDashed, Eye, type LucideIcon, Minus, TableProperties } from 'lucide-react';
import { type FocusEvent, type KeyboardEvent, type MouseEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Button, Input, Label, SearchField, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import type { Matrix, MatrixCell, Support } from '../../../shared/contract/guests.ts';
import { direction } from '../../app/appearance.ts';
import { loadMatrix, useGuests } from '../../app/guests.ts';
import { type GridCell, type MatrixFilter, movedCell, shownRows } from '../../models/guests.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel } from '../../ui/errors.tsx';

const t = texts.matrix;

/** Proofs of a cell that are told. */
const TOLD = 4;

/** Rows that PageUp and PageDown go. */
const PAGE = 10;

const ICONS: Readonly<Record<Support, LucideIcon>> = { 'read-write': CircleCheck, 'read-only': Eye, 'known-bad': Ban, unbuilt: CircleDashed, none: Minus };

/** What opens what: filesystems by Clutch's own engines and by each guest, with the reasons and what tests have shown. */
export function MatrixPage() {
  const { matrix, matrixError, list } = useGuests();
  const [query, setQuery] = useState('');
  const [filter, setFilter] = useState<MatrixFilter>('all');
  // What was built since changes it.
  // oxlint-disable-next-line react/exhaustive-effect-dependencies
  useEffect(() => { void loadMatrix(); }, [list]);
  const rows = useMemo(() => (matrix === undefined ? [] : shownRows(matrix, query, filter)), [matrix, query, filter]);
  if (matrixError !== undefined) return <div className="page"><ErrorPanel error={matrixError} title={t.failed} about={t.label}><Button className="button" onPress={() => void loadMatrix()}>{texts.tryAgain}</Button></ErrorPanel></div>;
  if (matrix === undefined) return <p className="late dim" role="status">{t.loading}</p>;
  return (
    <div className="matrix-page">
      <div className="matrix-tools">
        <SearchField className="matrix-find" aria-label={t.filter} value={query} onChange={setQuery}>
          <Label className="visually-hidden">{t.filter}</Label>
          <Input className="input" placeholder={t.filterHint} spellCheck={false} maxLength={100} />
        </SearchField>
        <ToggleButtonGroup aria-label={t.only} className="segments" disallowEmptySelection selectedKeys={[filter]} onSelectionChange={(keys) => setFilter(keys.has('guests') ? 'guests' : keys.has('none') ? 'none' : 'all')}>
          <ToggleButton id="all" className="segment">{t.onlyAll}</ToggleButton>
          <ToggleButton id="guests" className="segment">{t.onlyGuests}</ToggleButton>
          <ToggleButton id="none" className="segment">{t.onlyNone}</ToggleButton>
        </ToggleButtonGroup>
        <span className="spacer" />
        <span className="dim number" role="status">{t.shown(rows.length, matrix.rows.length)}</span>
      </div>
      {rows.length === 0 ? (
        <div className="empty">
          <TableProperties aria-hidden strokeWidth={1.25} />
          <p>{t.none}</p>
          <Button className="button" onPress={() => { setQuery(''); setFilter('all'); }}>{t.clear}</Button>
        </div>
      ) : <Grid matrix={matrix} rows={rows} />}
    </div>
  );
}

/** A grid with one cell in the order of Tab: the arrow keys go on from there. What a cell means is told below while it has the focus, or the pointer. */
function Grid({ matrix: { columns }, rows }: { matrix: Matrix; rows: Matrix['rows'] }) {
  const table = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState<GridCell>({ row: 1, column: 1 });
  const [over, setOver] = useState<GridCell>();
  const current: GridCell = { row: Math.min(at.row, rows.length), column: Math.min(at.column, columns.length) };
  const told = over ?? current;
  const cellAt = (event: { readonly target: EventTarget }): GridCell | undefined => {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-row]') : null;
    return cell === null ? undefined : { row: Number(cell.dataset['row']), column: Number(cell.dataset['column']) };
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = event.altKey || event.metaKey ? undefined : movedCell(current, { key: event.key, ctrl: event.ctrlKey }, { rows: rows.length, columns: columns.length }, PAGE, direction === 'rtl');
    if (to === undefined) return;
    event.preventDefault();
    setOver(undefined);
    setAt(to);
    table.current?.querySelector<HTMLElement>(`[data-row="${to.row}"][data-column="${to.column}"]`)?.focus();
  };
  const onFocus = (event: FocusEvent): void => {
    const cell = cellAt(event);
    if (cell !== undefined && (cell.row !== at.row || cell.column !== at.column)) setAt(cell);
  };
  const onMouseOver = (event: MouseEvent): void => setOver(cellAt(event));
  const place = (row: number, column: number) => ({ 'data-row': row, 'data-column': column, tabIndex: row === current.row && column === current.column ? 0 : -1, ...(row === current.row && column === current.column ? { 'aria-describedby': 'matrix-told' } : {}) });
  const row = rows[told.row - 1];
  const column = columns[told.column - 1];
  return (
    <>
      <div className="matrix-box">
        {/* Its cells have the keys. */}
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions, jsx-a11y/no-noninteractive-element-to-interactive-role */}
        <table ref={table} className="matrix" role="grid" aria-label={t.label} aria-rowcount={rows.length + 1} aria-colcount={columns.length + 1} onKeyDown={onKeyDown} onFocus={onFocus} onMouseOver={onMouseOver} onMouseLeave={() => setOver(undefined)}>
          <thead>
            <tr>
              <th scope="col" className="matrix-corner" {...place(0, 0)}>{t.filesystem}</th>
              {columns.map(({ id, title }, c) => <th key={id} scope="col" {...place(0, c + 1)}><bdi>{cut(title, 60)}</bdi></th>)}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ format, title, cells }, r) => (
              <tr key={`${format} ${title}`}>
                <th scope="row" {...place(r + 1, 0)}><bdi>{cut(title, 60)}</bdi></th>
                {columns.map(({ id }, c) => {
                  const { support } = cells[c] ?? NONE;
                  const Icon = ICONS[support];
                  return <td key={id} className={`is-${support}`} {...place(r + 1, c + 1)}><span><Icon aria-hidden />{t.support[support]}</span></td>;
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <section className="matrix-told" id="matrix-told" aria-label={t.reason}>
        {row === undefined || column === undefined ? <p className="dim">{row === undefined && column !== undefined ? column.missing || t.hint : t.hint}</p> : <Told title={t.of(row.title, column.title)} cell={row.cells[told.column - 1] ?? NONE} />}
      </section>
    </>
  );
}

const NONE: MatrixCell = { support: 'none', reason: '', proofs: [] };

function Told({ title, cell: { support, would, reason, proofs } }: { title: string; cell: MatrixCell }) {
  const says = `${t.support[support]}${would === undefined ? '' : `, ${t.would[would]}`}`;
  return (
    <>
      <p><strong><bdi>{cut(title, 160)}</bdi></strong>: {says}</p>
      <p className="breaks">{reason === '' ? (support === 'none' || proofs.length > 0 ? '' : t.noReason) : <bdi>{cut(reason, 600)}</bdi>}</p>
      {support === 'none' ? null : <p className="dim breaks">{proofs.length === 0 ? t.unproved : proofs.slice(0, TOLD).map(({ date, what }) => t.proof(date, cut(what, 160))).join('; ')}</p>}
    </>
  );
}
