import { Lock } from 'lucide-react';
import { Button } from 'react-aria-components';
import { useChanges } from '../../app/changes.ts';
import { folderOf, placeOf, prefer } from '../../app/navigation.ts';
import { activeTab, loadedRows, type Tab, useApp } from '../../app/state.ts';
import { isRunning, showTransfers, useTransfers } from '../../app/transfers.ts';
import { formatSize } from '../../models/format.ts';
import { isPartition, layerAt } from '../../models/layers.ts';
import { countOf } from '../../models/ranges.ts';
import { onlyRead } from '../../models/editing.ts';
import { texts } from '../../texts/index.ts';

const t = texts.status;

/** What is here, what is selected, how much is free, and what is still running. */
export function StatusBar() {
  const tab = useApp(activeTab);
  const running = useTransfers((state) => state.list.filter((transfer) => isRunning(transfer) && transfer.visible).length);
  const place = tab === undefined ? undefined : placeOf(tab);
  const layer = tab?.info === undefined || place === undefined ? undefined : layerAt(tab.info, place.layer);
  const view = tab?.listing?.view;
  const locked = layer?.filesystem === undefined ? undefined : onlyRead(tab?.edit, layer.filesystem);
  return (
    <footer className="status" aria-label={t.label}>
      {tab?.state !== 'open' ? null : folderOf(tab) !== undefined && view !== undefined ? (
        <>
          <span data-testid="status-count">{t.items(view.count)}</span>
          {view.hidden > 0 ? <Button className="link" onPress={() => prefer({ hidden: true })}>{t.hidden(view.hidden)}</Button> : null}
          {view.filtered > 0 ? <span>{t.filtered(view.filtered)}</span> : null}
          <Selected tab={tab} />
        </>
      ) : layer?.kind === 'table' ? <span>{t.volumes(tab.info!.layers.filter((each) => isPartition(each) && each.path.startsWith(`${layer.path}/`)).length)}</span> : null}
      <span className="spacer" />
      {running > 0 ? <Button className="link" onPress={() => showTransfers(true)}>{texts.transfers.running(running)}</Button> : null}
      {locked === undefined ? null : <span className="status-lock" title={locked}><Lock aria-hidden />{t.readOnly}</span>}
      {layer?.filesystem === undefined || layer.size === 0 ? null : <span data-testid="status-free">{t.free(layer.filesystem.free, layer.size)}</span>}
    </footer>
  );
}

function Selected({ tab }: { tab: Tab }) {
  useChanges(tab.listing?.rows);
  const count = countOf(tab.selection.ranges);
  if (count === 0) return null;
  // The size is shown where every selected row is known; asking for 100,000 rows to add them up is not worth it.
  const size = loadedRows(tab, undefined, 10_000)?.reduce((sum, row) => sum + (row.type === 'file' ? row.size : 0), 0);
  return <span data-testid="status-selection">{t.selected(count)}{size === undefined || size === 0 ? '' : `, ${formatSize(size)}`}</span>;
}
