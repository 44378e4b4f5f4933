import { Button } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import { leaveSearch } from '../../app/finding.ts';
import { closeTab } from '../../app/leaving.ts';
import { folderOf, goTo, placeOf } from '../../app/navigation.ts';
import { type Place, useApp } from '../../app/state.ts';
import { openTab } from '../../app/tabs.ts';
import { layerAt } from '../../models/layers.ts';
import { mountOf } from '../../models/mounts.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { ErrorPanel } from '../../ui/errors.tsx';
import { texts } from '../../texts/index.ts';
import { Browser } from '../browser/Browser.tsx';
import { EditBars } from '../editing/PendingBar.tsx';
import { HexPage } from '../hex/HexPage.tsx';
import { PreviewPane } from '../preview/PreviewPane.tsx';
import { QuickLook } from '../preview/QuickLook.tsx';
import { FilterBar } from '../search/FilterBar.tsx';
import { Found } from '../search/Found.tsx';
import { SearchBar } from '../search/SearchBar.tsx';
import { SpacePage } from '../space/SpacePage.tsx';
import { GuestBar } from '../guests/GuestBar.tsx';
import { MountBars, MountButtons } from '../mounts/MountBar.tsx';
import { LogPage } from '../guests/LogPage.tsx';
import { LayerPage } from './LayerPage.tsx';
import { EnteringPage, OpeningPage } from './OpeningPage.tsx';

/** The same for the same folder. */
function placeKey(place: Place): string {
  return 'crumbs' in place ? `${place.layer} ${place.crumbs.map(({ node }) => node).join('/')}` : place.layer;
}

/** What a tab shows: its image, or how far the opening is, or why it failed. */
export function ImageView({ id }: { id: number }) {
  const tab = useApp(({ tabs }) => tabs.find((each) => each.id === id));
  const preview = useApp((state) => state.settings.preview);
  const quickLook = useApp((state) => state.quickLook);
  if (tab === undefined) return null;
  if (tab.state === 'opening') return <OpeningPage tab={tab} />;
  if (tab.error !== undefined) {
    return (
      <div className="page">
        <ErrorPanel error={tab.error} level={1} title={tab.state === 'lost' ? texts.open.lost(tab.source.name) : texts.open.failed(tab.source.name)} about={tab.source.name}>
          <Button className="button is-primary" onPress={() => void openTab(tab.id)}>{texts.open.again}</Button>
          <Button className="button" onPress={() => closeTab(tab.id)}>{texts.close}</Button>
        </ErrorPanel>
      </div>
    );
  }
  const place = placeOf(tab);
  const layer = tab.info === undefined || place === undefined ? undefined : layerAt(tab.info, place.layer);
  if (tab.info === undefined || place === undefined || layer === undefined) return null;
  return (
    <>
      <header className="image-head">
        <h1 className="summary" title={displayName(tab.info.path).slice(0, 4096)}>{tab.info.summary}</h1>
        {folderOf(tab) !== undefined && layer.notes.length > 0 ? <Button className="link" onPress={() => goTo(tab.id, { kind: 'layer', layer: layer.path })}>{texts.layer.showNotes}</Button> : null}
        <LayerBadges layer={layer} edit={tab.edit} starting={tab.entering?.layer === layer.path ? tab.entering.title : undefined} mount={mountOf(tab.mounted, layer.path)} />
        <MountButtons tab={tab} />
      </header>
      <EditBars tab={tab} />
      <MountBars tab={tab} place={place.layer} />
      {tab.entering?.layer === layer.path ? null : <GuestBar tab={tab} layer={layer} />}
      {place.kind === 'search' || tab.bar === 'search' ? <SearchBar tab={tab} /> : tab.bar === 'filter' ? <FilterBar key={placeKey(place)} tab={tab} /> : null}
      <div className="panes" role="presentation" onKeyDown={(event) => { if (event.key === 'Escape' && (event.target as Element).closest('.grid-body') !== null && (place.kind === 'search' || tab.bar !== undefined)) leaveSearch(tab); }}>
        {place.kind === 'log' ? <LogPage key={place.layer} tab={tab} layer={layer} /> : tab.entering !== undefined && tab.entering.layer === place.layer && place.kind !== 'bytes' ? <EnteringPage tab={tab} entering={tab.entering} /> : place.kind === 'bytes' ? <HexPage key={`${place.layer} ${place.file?.node}`} tab={tab} layer={layer} place={place} /> : place.kind === 'space' ? <SpacePage tab={tab} place={place} /> : folderOf(tab) === undefined ? <LayerPage key={place.layer} tab={tab} layer={layer} /> : place.kind === 'search' ? <Found tab={tab} place={place} /> : <Browser tab={tab} />}
        {quickLook && folderOf(tab) !== undefined ? <QuickLook tab={tab} /> : null}
        {preview && folderOf(tab) !== undefined ? <PreviewPane tab={tab} /> : null}
      </div>
    </>
  );
}
