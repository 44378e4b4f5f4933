import { useEffect, useState } from 'react';
import { Button, ProgressBar } from 'react-aria-components';
import { folderOf, goTo, placeOf } from '../../app/navigation.ts';
import { type Tab, useApp } from '../../app/state.ts';
import { closeTab, openTab } from '../../app/tabs.ts';
import { layerAt } from '../../models/layers.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { ErrorPanel } from '../../ui/errors.tsx';
import { texts } from '../../texts/index.ts';
import { Browser } from '../browser/Browser.tsx';
import { PreviewPane } from '../preview/PreviewPane.tsx';
import { LayerPage } from './LayerPage.tsx';

/** What a tab shows: its image, or how far the opening is, or why it failed. */
export function ImageView({ tab }: { tab: Tab }) {
  const preview = useApp((state) => state.settings.preview);
  if (tab.state === 'opening') return <Opening tab={tab} />;
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
        <h1 className="summary" title={tab.info.path}>{tab.info.summary}</h1>
        {folderOf(tab) !== undefined && layer.notes.length > 0 ? <Button className="link" onPress={() => goTo(tab.id, { kind: 'layer', layer: layer.path })}>{texts.layer.showNotes}</Button> : null}
        <LayerBadges layer={layer} />
      </header>
      <div className="panes">
        {folderOf(tab) === undefined ? <LayerPage key={place.layer} tab={tab} layer={layer} /> : <Browser tab={tab} />}
        {preview && folderOf(tab) !== undefined ? <PreviewPane tab={tab} /> : null}
      </div>
    </>
  );
}

/** Milliseconds before there is anything to see: most images are open sooner. */
const SHOWN_AFTER = 300;

function Opening({ tab }: { tab: Tab }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  const passed = now - tab.started;
  if (passed < SHOWN_AFTER) return null;
  return (
    <div className="page">
      <section className="opening">
        <h1>{texts.open.opening(tab.source.name)}</h1>
        <ProgressBar isIndeterminate aria-label={texts.open.opening(tab.source.name)} className="progress is-endless"><div className="progress-track"><div className="progress-fill" /></div></ProgressBar>
        <p className="dim">{texts.open.reading} <span className="number">{texts.open.seconds(Math.floor(passed / 1000))}</span></p>
        <Button className="button" onPress={() => closeTab(tab.id)}>{texts.cancel}</Button>
      </section>
    </div>
  );
}
