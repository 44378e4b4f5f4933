import { Ban, HardDriveDownload } from 'lucide-react';
import { folderOf } from '../../app/navigation.ts';
import { activeTab, type AppState, useApp } from '../../app/state.ts';
import { layerAt } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';
import { shownName } from '../../models/names.ts';

const t = texts.drop;

/** Over everything while files are dragged over the window: says what a drop will do. */
export function DropOverlay() {
  const dragging = useApp((state) => state.dragging);
  const volume = useApp(volumeBelow);
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
  return (
    <div className="drop-overlay" role="status">
      <HardDriveDownload aria-hidden strokeWidth={1.25} />
      <strong>{t.title(dragging.count)}</strong>
      <span><bdi>{browser ? t.browser : volume === undefined ? t.hint(dragging.count) : t.overVolume(volume)}</bdi></span>
    </div>
  );
}

/** The volume whose folder is shown: what is dropped on it could be meant for it. */
function volumeBelow(state: AppState): string | undefined {
  const tab = activeTab(state);
  const folder = folderOf(tab);
  const layer = tab?.info === undefined || folder === undefined ? undefined : layerAt(tab.info, folder.layer);
  return layer === undefined ? undefined : shownName(layer.label || layer.title).text;
}
