import type { GuestRow, GuestTree, Matrix, MatrixCell } from '../../shared/contract/guests.ts';
import type { LayerRow } from '../../shared/contract/rows.ts';

type Opener = LayerRow['openers'][number];

const PREFIX = 'guest:';

/** The guest's name of an opener: "linux-6.12" of "guest:linux-6.12". Undefined for Clutch's own. */
export function guestOf(opener: Pick<Opener, 'id'>): string | undefined {
  return opener.id.startsWith(PREFIX) ? opener.id.slice(PREFIX.length) : undefined;
}

/** The best guest that opens a layer which is not open: the host ranks them. */
export function bestGuest(layer: LayerRow): Opener | undefined {
  return layer.openers.find((opener) => guestOf(opener) !== undefined && opener.access !== 'refused');
}

/** How the guest of a layer is. */
export function guestState({ idle, died }: NonNullable<LayerRow['guest']>): 'running' | 'idle' | 'died' {
  return died !== undefined ? 'died' : idle ? 'idle' : 'running';
}


/** A layer that is not open and that guests are there for, be it that an engine of ours failed at it. */
export function isForGuests(layer: LayerRow): boolean {
  return layer.filesystem === undefined && layer.partOf === undefined && layer.error?.fault.kind !== 'locked' && (layer.waiting === true || layer.openers.some((opener) => guestOf(opener) !== undefined));
}

/** Guests that are not built and would open a layer if they were, the best first. */
export function toBuild(layer: LayerRow, guests: readonly GuestRow[]): GuestRow[] {
  return layer.openers.flatMap((opener) => {
    const guest = opener.access === 'refused' ? guests.find(({ name }) => name === guestOf(opener)) : undefined;
    return guest?.buildable === true && guest.state === 'missing' ? [guest] : [];
  });
}

/** What a guest can show on its own. An overlay lies over an image, so it is offered with a volume alone. */
export function ownTrees({ state, trees }: GuestRow): readonly GuestTree[] {
  return state === 'missing' ? [] : trees.filter((tree) => tree !== 'overlay');
}

/** Rows of the matrix: all, those that guests alone open, or those that nothing opens yet. */
export type MatrixFilter = 'all' | 'guests' | 'none';

const opens = ({ support }: MatrixCell): boolean => support === 'read-write' || support === 'read-only';

/** The rows whose title or format has the words of `query` in it. */
export function shownRows({ columns, rows }: Matrix, query: string, filter: MatrixFilter): Matrix['rows'] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const native = columns.findIndex(({ id }) => id === 'native');
  return rows.filter(({ format, title, cells }) => {
    const text = `${format} ${title}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    const byNative = native >= 0 && cells[native] !== undefined && opens(cells[native]);
    if (filter === 'guests') return !byNative && cells.some(({ support }) => support !== 'none' && support !== 'known-bad');
    return filter === 'all' || !cells.some(opens);
  });
}

/** A cell of a grid with a row and a column of heads: 0 is the head. */
export interface GridCell {
  readonly row: number;
  readonly column: number;
}

/** Where a key leads in a grid; undefined for other keys. @param page rows that are in sight @param rtl columns run from right to left */
export function movedCell({ row, column }: GridCell, { key, ctrl }: { readonly key: string; readonly ctrl: boolean }, { rows, columns }: { readonly rows: number; readonly columns: number }, page: number, rtl: boolean): GridCell | undefined {
  const to = (r: number, c: number): GridCell => ({ row: Math.max(0, Math.min(rows, r)), column: Math.max(0, Math.min(columns, c)) });
  switch (key) {
    case 'ArrowUp': return to(row - 1, column);
    case 'ArrowDown': return to(row + 1, column);
    case 'ArrowLeft': return to(row, column + (rtl ? 1 : -1));
    case 'ArrowRight': return to(row, column + (rtl ? -1 : 1));
    case 'PageUp': return to(row - page, column);
    case 'PageDown': return to(row + page, column);
    case 'Home': return ctrl ? to(0, 0) : to(row, 0);
    case 'End': return ctrl ? to(rows, columns) : to(row, columns);
    default: return undefined;
  }
}
