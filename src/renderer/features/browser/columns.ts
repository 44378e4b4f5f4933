import { columnOrderingFeature, columnResizingFeature, columnSizingFeature, columnVisibilityFeature, createColumnHelper, rowSortingFeature, tableFeatures, useTable } from '@tanstack/react-table';
import { useMemo } from 'react';
import type { EntryRow, SortKey } from '../../../shared/contract/rows.ts';
import { chooseWidths, columnSettings } from '../../app/columns.ts';
import { useApp } from '../../app/state.ts';
import { COLUMNS, type ColumnId, columnOf, columnsIn, widthOf } from '../../models/columns.ts';
import { texts } from '../../texts/index.ts';

const features = tableFeatures({ columnOrderingFeature, columnVisibilityFeature, columnSizingFeature, columnResizingFeature, rowSortingFeature });
const helper = createColumnHelper<typeof features, EntryRow>();
const definitions = helper.columns(COLUMNS.map(({ id, width, least, most }) => helper.display({ id, header: texts.grid.columns[id], size: width, minSize: least, maxSize: most })));

/** The rows come sorted from the host; the table keeps the columns' state only. */
const noRows: EntryRow[] = [];

export interface Columns {
  readonly format: string;
  readonly headers: readonly ColumnHeader[];
  readonly ids: readonly ColumnId[];
  /** For grid-template-columns. */
  readonly template: string;
  /** The width that all columns take at least, for min-width. */
  readonly least: string;
}

export interface ColumnHeader {
  readonly id: ColumnId;
  readonly title: string;
  readonly sort: SortKey;
  readonly width: number;
  readonly order: 'ascending' | 'descending' | undefined;
  readonly resizing: boolean;
  readonly onResize: (event: unknown) => void;
}

/** The columns of a format's lists in a list `room` pixels wide, kept in the settings. */
export function useColumns(format: string, room: number, rtl: boolean): Columns {
  const sort = useApp((state) => state.settings.sort);
  const settings = useApp((state) => state.settings.columns[format]);
  const state = useMemo(() => {
    const ids = columnsIn(room, settings);
    return {
      ids,
      columnOrder: [...ids],
      columnVisibility: Object.fromEntries(COLUMNS.map(({ id }) => [id, ids.includes(id)])),
      columnSizing: Object.fromEntries(COLUMNS.map(({ id }) => [id, widthOf(id, settings)])),
    };
  }, [room, settings]);
  const { ids, ...controlled } = state;
  const sorting = useMemo(() => [{ id: sort.key, desc: sort.descending }], [sort]);
  const table = useTable({
    features, columns: definitions, data: noRows, manualSorting: true, enableSortingRemoval: false, columnResizeMode: 'onChange', columnResizeDirection: rtl ? 'rtl' : 'ltr',
    state: { sorting, ...controlled },
    onColumnSizingChange: (update) => {
      const all = typeof update === 'function' ? update(controlled.columnSizing) : update;
      // Only what was changed is chosen; the rest goes on as it is by itself.
      const changed = Object.entries(all).filter(([id, width]) => width !== controlled.columnSizing[id]);
      if (changed.length > 0) chooseWidths(format, { ...columnSettings(format)?.widths, ...Object.fromEntries(changed) });
    },
  });
  const headers = (table.getHeaderGroups()[0]?.headers ?? []).map((header): ColumnHeader => {
    const id = header.column.id as ColumnId;
    const by = columnOf(id).sort;
    return {
      id, title: texts.grid.columns[id], sort: by, width: header.getSize(),
      order: sort.key === by ? (sort.descending ? 'descending' : 'ascending') : undefined,
      resizing: header.column.getIsResizing(),
      onResize: header.getResizeHandler() as (event: unknown) => void,
    };
  });
  const grows = settings?.widths['name'] === undefined;
  const template = headers.map(({ id, width }) => (id === 'name' && grows ? `minmax(${width}px, 1fr)` : `${width}px`)).join(' ');
  return { format, headers, ids, template, least: `${headers.reduce((sum, { width }) => sum + width, 0)}px` };
}
