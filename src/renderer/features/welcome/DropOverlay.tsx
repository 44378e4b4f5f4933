import { Ban, FolderInput, HardDriveDownload, LockOpen } from 'lucide-react';
import { folderOf } from '../../app/navigation.ts';
import { activeTab, type AppState, type FolderPlace, useApp } from '../../app/state.ts';
import { layerAt } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';
import { shownName } from '../../models/names.ts';

const t = texts.drop;

const into = texts.dropInto;

/** Over everything while files are dragged over the window: says what a drop will do. */
export function DropOverlay() {
  const dragging = useApp((state) => state.dragging);
  const volume = useApp(volumeBelow);
  const editing = useApp((state) => { const edit = activeTab(state)?.edit; return edit?.state === 'read-only' && !edit.canUnlock.ok ? undefined : edit?.state; });
  const browser = useApp((state) => state.info?.dialogs === 'path');
  if (dragging === undefined) return null;
  if (dragging.refused) {
    return (
      <div className="drop-overlay is-refused" role="status">
        <Ban aria-hidden strokeWidth={1.25} />
        <strong>{t.refusedTitle}</strong>
        <span>{t.refused}</span>
      </div>
    );
  }
  if (dragging.zone === 'copy') {
    return (
      <div className="drop-overlay is-copy" role="status">
        <FolderInput aria-hidden strokeWidth={1.25} />
        <strong><bdi>{into.copy(nameOf(dragging.into, volume))}</bdi></strong>
        <span>{into.copyHint}</span>
      </div>
    );
  }
  if (dragging.zone === 'unlock') {
    return (
      <div className="drop-overlay is-copy" role="status">
        <LockOpen aria-hidden strokeWidth={1.25} />
        <strong><bdi>{into.unlock(nameOf(dragging.into, volume))}</bdi></strong>
        <span>{into.unlockHint}</span>
      </div>
    );
  }
  return (
    <div className="drop-overlay" role="status">
      <HardDriveDownload aria-hidden strokeWidth={1.25} />
      <strong>{t.title(dragging.count)}</strong>
      <span><bdi>{browser ? t.browser : volume === undefined ? t.hint(dragging.count) : editing === 'editing' ? t.overEditable(volume) : editing === 'read-only' ? t.overLocked(volume) : t.overVolume(volume)}</bdi></span>
    </div>
  );
}

function nameOf(folder: FolderPlace | undefined, volume: string | undefined): string {
  return shownName(folder?.crumbs.at(-1)?.display || volume || '/').text;
}

/** The volume whose folder is shown: what is dropped on it could be meant for it. */
function volumeBelow(state: AppState): string | undefined {
  const tab = activeTab(state);
  const folder = folderOf(tab);
  const layer = tab?.info === undefined || folder === undefined ? undefined : layerAt(tab.info, folder.layer);
  return layer === undefined ? undefined : shownName(layer.label || layer.title).text;
}
