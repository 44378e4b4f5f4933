import { columnResizingFeature, columnSizingFeature, createColumnHelper, rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useMemo } from 'react';
import type { EntryRow, SortKey } from '../../../shared/contract/rows.ts';
import type { Settings } from '../../../shared/contract/settings.ts';
import { sortBy } from '../../commands/view.ts';
import { prefer } from '../../app/navigation.ts';
import { getApp, useApp } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';

const t = texts.grid;
const features = tableFeatures({ columnSizingFeature, columnResizingFeature, rowSortingFeature });
const helper = createColumnHelper<typeof features, EntryRow>();

/** Widths in pixels. The name takes what is left until its width is chosen. */
const definitions = helper.columns([
  helper.accessor('display', { id: 'name', header: t.name, size: 220, minSize: 120, maxSize: 2000 }),
  helper.accessor('size', { id: 'size', header: t.size, size: 88, minSize: 56, maxSize: 400 }),
  helper.accessor('mtime', { id: 'mtime', header: t.mtime, size: 148, minSize: 64, maxSize: 400 }),
  helper.accessor('type', { id: 'type', header: t.type, size: 112, minSize: 56, maxSize: 400 }),
  helper.accessor('mode', { id: 'mode', header: t.mode, size: 100, minSize: 56, maxSize: 400 }),
  helper.accessor('uid', { id: 'owner', header: t.owner, size: 88, minSize: 48, maxSize: 400 }),
]);

/** The rows come sorted from the host; the table keeps the columns' state only. */
const noRows: EntryRow[] = [];

export interface Columns {
  readonly format: string;
  readonly headers: readonly ColumnHeader[];
  /** For grid-template-columns. */
  readonly template: string;
  /** The width that all columns take at least, for min-width. */
  readonly least: string;
  /** Somebody chose widths: then every column stays, however narrow the list is. */
  readonly sized: boolean;
}

interface ColumnHeader {
  readonly id: SortKey;
  readonly title: string;
  readonly width: number;
  readonly order: 'ascending' | 'descending' | undefined;
  readonly resizing: boolean;
  readonly least: number;
  readonly onResize: (event: unknown) => void;
}

const NO_WIDTHS = {};

function widthsOf(settings: Settings, format: string): Readonly<Record<string, number>> {
  return settings.columns[format]?.widths ?? NO_WIDTHS;
}

function keepWidths(format: string, widths: Record<string, number>): void {
  const { columns } = getApp().settings;
  prefer({ columns: { ...columns, [format]: { ...columns[format], widths } } });
}

/** The columns of a format's lists with their widths and order, kept in the settings. */
export function useColumns(format: string): Columns {
  const sort = useApp((state) => state.settings.sort);
  const widths = useApp((state) => widthsOf(state.settings, format));
  const sorting = useMemo(() => [{ id: sort.key, desc: sort.descending }], [sort]);
  const table = useTable({
    features, columns: definitions, data: noRows, manualSorting: true, enableSortingRemoval: false, columnResizeMode: 'onChange',
    state: { sorting, columnSizing: widths },
    onColumnSizingChange: (update) => keepWidths(format, typeof update === 'function' ? update(widthsOf(getApp().settings, format)) : update),
  });
  const headers = (table.getHeaderGroups()[0]?.headers ?? []).map((header): ColumnHeader => ({
    id: header.column.id as SortKey,
    title: String(header.column.columnDef.header),
    width: header.getSize(),
    order: sort.key === header.column.id ? (sort.descending ? 'descending' : 'ascending') : undefined,
    resizing: header.column.getIsResizing(),
    least: header.column.columnDef.minSize ?? 0,
    onResize: header.getResizeHandler() as (event: unknown) => void,
  }));
  const sized = Object.keys(widths).length > 0;
  // The last two are left out of a narrow list: grid.css sets their widths to nothing.
  const widthOf = ({ id, width }: ColumnHeader): string => (id === 'mode' || id === 'owner' ? `var(--${id}-width, ${width}px)` : `${width}px`);
  const template = headers.map((header) => (header.id === 'name' && widths['name'] === undefined ? `minmax(${header.width}px, 1fr)` : widthOf(header))).join(' ');
  return { format, headers, template, least: `calc(${headers.map(widthOf).join(' + ')})`, sized };
}

/** Pixels that an arrow key changes a width by. */
const STEP = 8;

export function GridHeader({ columns }: { columns: Columns }) {
  return (
    <div role="rowgroup" className="grid-head">
      <div role="row" aria-rowindex={1} className="grid-row">
        {columns.headers.map(({ id, title, width, order, resizing, least, onResize }, i) => (
          <div key={id} role="columnheader" aria-colindex={i + 1} aria-sort={order ?? 'none'} className={`head-cell is-${id}`}>
            <button type="button" tabIndex={-1} className="head-button" onClick={() => sortBy(id)}>
              <span>{title}</span>
              {order === undefined ? null : order === 'ascending' ? <ArrowUp aria-hidden /> : <ArrowDown aria-hidden />}
            </button>
            <div
              role="slider" aria-orientation="horizontal" aria-label={t.resize(title)} aria-valuenow={width} aria-valuemin={least} aria-valuemax={2000} tabIndex={-1}
              className={resizing ? 'resizer is-resizing' : 'resizer'}
              onMouseDown={onResize} onTouchStart={onResize}
              onDoubleClick={() => { const { [id]: _, ...rest } = widthsOf(getApp().settings, columns.format); keepWidths(columns.format, rest); }}
              onKeyDown={(event) => {
                const by = event.key === 'ArrowLeft' ? -STEP : event.key === 'ArrowRight' ? STEP : 0;
                if (by !== 0) keepWidths(columns.format, { ...widthsOf(getApp().settings, columns.format), [id]: Math.max(least, width + by) });
              }}
            />
          </div>
        ))}
      </div>
    </div>
  );
}
