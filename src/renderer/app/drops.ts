import { layerAt } from '../models/layers.ts';
import { texts } from '../texts/index.ts';
import { canEdit, canWrite } from '../models/editing.ts';
import { notify, notifyError } from '../ui/toasts.ts';
import { putSources, unlockImage } from './editing.ts';
import { placeOf } from './navigation.ts';
import { errorOf, services } from './services.ts';
import { activeTab, announce, type DropZone, type FolderPlace, getApp, setApp } from './state.ts';
import { openFiles } from './tabs.ts';

/** What a drop would do, and where. */
interface Drop {
  readonly zone: DropZone;
  /** The folder that it would be copied into. */
  readonly into?: FolderPlace;
}

/**
 * Files dropped on the window are opened; over the list of a folder that can be changed they are copied into it (into the folder
 * under the pointer, where there is one), and over the lower half of one that could be, after unlocking. Over a dialog they are refused. Answers how to stop.
 */
export function watchDrops(): () => void {
  const over = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const refused = document.querySelector('.overlay') !== null;
    event.dataTransfer!.dropEffect = refused ? 'none' : 'copy';
    // Names and kinds are told only when they are dropped; how many they are, before.
    const count = [...event.dataTransfer!.items].filter((item) => item.kind === 'file').length;
    const before = getApp().dragging;
    const { zone, into } = dropAt(event.clientX, event.clientY);
    if (before?.count !== count || before.refused !== refused || before.zone !== zone || before.into?.crumbs.at(-1)?.node !== into?.crumbs.at(-1)?.node) setApp({ dragging: { count, refused, zone, ...(into === undefined ? {} : { into }) } });
  };
  const leave = (event: DragEvent): void => {
    // Only when the pointer leaves the window; between elements it has a related target.
    if (event.relatedTarget === null) setApp({ dragging: undefined });
  };
  const drop = (event: DragEvent): void => {
    const refused = getApp().dragging?.refused ?? document.querySelector('.overlay') !== null;
    setApp({ dragging: undefined });
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (refused) announce(texts.drop.refused);
    else take(event.dataTransfer!, dropAt(event.clientX, event.clientY));
  };
  const listeners = [['dragenter', over], ['dragover', over], ['dragleave', leave], ['drop', drop]] as const;
  for (const [type, run] of listeners) window.addEventListener(type, run);
  return () => {
    for (const [type, run] of listeners) window.removeEventListener(type, run);
  };
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** What a drop at a point of the window does. A browser knows no paths of files: there they can only be opened. */
function dropAt(x: number, y: number): Drop {
  const tab = activeTab(getApp());
  const place = tab === undefined ? undefined : placeOf(tab);
  const list = document.querySelector('.content .panes')?.getBoundingClientRect();
  const inside = list !== undefined && x >= list.left && x < list.right && y >= list.top && y < list.bottom;
  if (!inside || tab?.info === undefined || place?.kind !== 'folder' || getApp().info?.dialogs === 'path') return { zone: 'open' };
  if (canEdit(tab.edit, layerAt(tab.info, place.layer)) === true) return { zone: 'copy', into: folderAt(x, y, place) };
  const locked = tab.edit?.state === 'read-only' && tab.edit.canUnlock.ok && canWrite(tab.edit) !== true;
  return locked && y > (list.top + list.bottom) / 2 ? { zone: 'unlock', into: place } : { zone: 'open' };
}

/** The folder under a point of the list, else the one that is shown. */
export function folderAt(x: number, y: number, place: FolderPlace): FolderPlace {
  const row = document.elementFromPoint(x, y)?.closest<HTMLElement>('.grid-body [data-index]');
  const entry = row === null || row === undefined ? undefined : activeTab(getApp())?.listing?.rows?.get(Number(row.dataset['index']));
  if (entry?.type !== 'dir' || entry.error !== undefined) return place;
  return { ...place, crumbs: [...place.crumbs, { node: entry.node, name: entry.name, display: entry.display }] };
}

function take(transfer: DataTransfer, { zone, into }: Drop): void {
  const files: File[] = [];
  const folders: File[] = [];
  for (const item of transfer.items) {
    const file = item.kind === 'file' ? item.getAsFile() : null;
    if (file === null) continue;
    // Known only now, in the event itself.
    if (item.webkitGetAsEntry()?.isDirectory === true) folders.push(file);
    else files.push(file);
  }
  if (zone !== 'open' && into !== undefined) {
    copyInto([...files, ...folders], into, zone === 'unlock').catch((error: unknown) => notifyError(errorOf(error)));
    return;
  }
  // An image is a file, or a disk.
  if (folders.length > 0) notify({ text: texts.drop.folders(folders.map(({ name }) => name)), tone: 'warning' });
  if (files.length > 0) void openFiles(files);
}

async function copyInto(files: readonly File[], into: FolderPlace, locked: boolean): Promise<void> {
  const { active } = getApp();
  if (active === undefined || files.length === 0) return;
  // Asked at once: later, the system may no longer tell where they lie.
  const sources = await services().sourcesOfFiles(files, 'put');
  if (locked && !(await unlockImage(active))) return;
  await putSources(active, into, sources);
}
