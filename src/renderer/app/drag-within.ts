import type { EntryRow } from '../../shared/contract/rows.ts';
import { canEdit } from '../models/editing.ts';
import { layerAt } from '../models/layers.ts';
import { notifyError } from '../ui/toasts.ts';
import { isInside } from './clipboard.ts';
import { folderAt } from './drops.ts';
import { copyEntries, placedOf, titleOf } from './editing.ts';
import { folderOf } from './navigation.ts';
import { errorOf } from './services.ts';
import { findTab, type FolderPlace, getApp, setApp, type Tab } from './state.ts';

/** Whether the folder that a tab shows can be changed, so that entries can be dragged about in it. */
export function isDragWithin(tab: Tab): boolean {
  const folder = folderOf(tab);
  return tab.info !== undefined && folder !== undefined && canEdit(tab.edit, layerAt(tab.info, folder.layer)) === true;
}

/**
 * Drags entries of a list within the window: into a folder of the list, or one above by its crumb. Ctrl copies, Escape leaves.
 * The system's own drag would need them on this computer first; it begins when the pointer leaves the window.
 * @param rows fetched already, or on their way
 * @param leave takes over when the pointer leaves the window
 */
export function dragWithin(tab: Tab, rows: Promise<readonly EntryRow[]>, count: number, start: { readonly clientX: number; readonly clientY: number; readonly ctrlKey: boolean }, leave: (() => void) | undefined): void {
  let { clientX: x, clientY: y } = start;
  let copy = start.ctrlKey;
  let known: readonly EntryRow[] | undefined;
  rows.then((got) => { known = got; }, () => end());

  const target = (): FolderPlace | undefined => {
    const now = findTab(tab.id);
    const place = now === undefined ? undefined : folderOf(now);
    if (now === undefined || place === undefined) return undefined;
    const at = document.elementFromPoint(x, y);
    if (at === null) return undefined;
    const crumb = at.closest<HTMLElement>('[data-crumb]')?.dataset['crumb'];
    if (crumb !== undefined) return { ...place, crumbs: place.crumbs.slice(0, Number(crumb) + 1) };
    return at.closest('.grid-body') !== null && now.listing?.search === undefined ? folderAt(x, y, place) : undefined;
  };
  /** Where they can go: not into themselves, and without a copy not to where they are. */
  const fit = (to: FolderPlace | undefined): FolderPlace | undefined => {
    if (to === undefined || known === undefined) return undefined;
    const now = findTab(tab.id);
    const entries = now === undefined ? [] : placedOf(now, known);
    const node = to.crumbs.at(-1)!.node;
    return entries.length === 0 || isInside(entries, to.layer, to) || (!copy && entries.every(({ folder }) => folder === node)) ? undefined : to;
  };
  const show = (): void => {
    const to = fit(target())?.crumbs.at(-1);
    setApp({ dragWithin: { tab: tab.id, count, x, y, copy, ...(to === undefined ? {} : { to: { node: to.node, display: to.display || '/' } }) } });
  };
  const move = (event: PointerEvent): void => {
    ({ clientX: x, clientY: y } = event);
    copy = event.ctrlKey || event.metaKey;
    show();
  };
  const drop = (): void => {
    const to = fit(target());
    const now = findTab(tab.id);
    end();
    if (to === undefined || known === undefined || now === undefined) return;
    copyEntries(tab.id, { layer: to.layer, entries: placedOf(now, known), title: titleOf(known) }, to, !copy).catch((error: unknown) => notifyError(errorOf(error)));
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      end();
    } else if (event.key === 'Control' || event.key === 'Meta') {
      copy = event.type === 'keydown';
      show();
    }
  };
  const out = (event: PointerEvent): void => {
    // Out of the window: only then it has nothing that it goes to.
    if (event.relatedTarget !== null || leave === undefined) return;
    end();
    leave();
  };
  const listeners = [['pointermove', move], ['pointerup', drop], ['pointercancel', end], ['keydown', key], ['keyup', key], ['pointerout', out]] as const;
  function end(): void {
    for (const [type, run] of listeners) window.removeEventListener(type, run as EventListener, true);
    if (getApp().dragWithin !== undefined) setApp({ dragWithin: undefined });
  }
  for (const [type, run] of listeners) window.addEventListener(type, run as EventListener, true);
  show();
}
