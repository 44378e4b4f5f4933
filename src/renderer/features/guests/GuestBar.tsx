import { MonitorX } from 'lucide-react';
import { Button } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { goalOf, goTo, placeOf, showPlace } from '../../app/navigation.ts';
import type { Tab } from '../../app/state.ts';
import { openByGuest } from '../../app/tabs.ts';
import { cut } from '../../models/names.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';

const t = texts.guest;

/** Above what is shown of a volume whose guest ended by itself: what happened, and what can be done. */
export function GuestBar({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const { guest } = layer;
  if (guest?.died === undefined) return null;
  const title = t.died(guest.title);
  return (
    <section className="edit-banner" role="alert" aria-label={title}>
      <MonitorX aria-hidden />
      <div>
        <h2>{title}</h2>
        <p><bdi>{cut(visibleText(guest.died), 1000)}</bdi></p>
        <p>{t.diedWhat}</p>
        <div className="actions">
          <Button className="button is-small" onPress={() => startAgain(tab, layer)}>{t.startAgain}</Button>
          {placeOf(tab)?.kind === 'log' ? null : <Button className="button is-small" onPress={() => goTo(tab.id, { kind: 'log', layer: layer.path })}>{t.showLog}</Button>}
        </div>
      </div>
    </section>
  );
}

/** With the steps of its start, and to where one was. While changes are pending the layer stays open as it is: its guest comes back with the next thing that needs it. */
function startAgain(tab: Tab, layer: LayerRow): void {
  const place = placeOf(tab);
  if (tab.edit?.state !== 'editing' && layer.guest !== undefined) void openByGuest(tab.id, layer.path, { id: `guest:${layer.guest.name}`, name: layer.guest.title }, place?.kind === 'folder' ? goalOf(tab) : undefined);
  else if (place?.kind === 'folder' || place?.kind === 'search') showPlace(tab.id);
  else if (layer.filesystem !== undefined) goTo(tab.id, { kind: 'folder', layer: layer.path, crumbs: [{ node: layer.filesystem.root, name: '', display: '' }] });
}
