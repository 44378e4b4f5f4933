import { FolderOpen } from 'lucide-react';
import { Button } from 'react-aria-components';
import { showBytes } from '../../app/bytes.ts';
import { closeBar } from '../../app/finding.ts';
import { folderOf, goUp, prefer, showPlace } from '../../app/navigation.ts';
import type { Tab } from '../../app/state.ts';
import { ErrorPanel, Notes } from '../../ui/errors.tsx';
import { texts } from '../../texts/index.ts';
import { GridHeader, useColumns } from './columns.tsx';
import { Grid } from './Grid.tsx';

const t = texts.grid;

/** A folder: its entries, or why they can't be shown. */
export function Browser({ tab }: { tab: Tab }) {
  const { listing } = tab;
  const folder = folderOf(tab);
  const columns = useColumns(tab.info?.layers.find(({ path }) => path === folder?.layer)?.format ?? '');
  if (folder === undefined || listing === undefined) return null;
  const { view, rows, error } = listing;
  const name = folder.crumbs.at(-1)?.display || tab.source.name;
  if (error !== undefined) {
    return (
      <div className="page">
        <ErrorPanel error={error} title={t.failed} about={`${tab.source.name}: ${name}`} onPlace={(at) => showBytes(tab.id, folder.layer, at)}>
          <Button className="button" onPress={() => showPlace(tab.id)}>{texts.tryAgain}</Button>
        </ErrorPanel>
      </div>
    );
  }
  if (view === undefined || rows === undefined) return <div className="browser"><p className="late dim" role="status">{t.loading}</p></div>;
  return (
    <div className="browser">
      {view.notes.length === 0 ? null : <div className="browser-notes"><Notes notes={view.notes} onPlace={(at) => showBytes(tab.id, folder.layer, at)} /></div>}
      <Grid key={view.view} tab={tab} view={view} rows={rows} scroll={listing.scroll} columns={columns} label={t.label(name)} header={<GridHeader columns={columns} />} />
      {view.count > 0 ? null : (
        <div className="empty">
          <FolderOpen aria-hidden strokeWidth={1.25} />
          <p><bdi>{view.filtered > 0 ? texts.filter.nothing((tab.filter ?? '').slice(0, 60)) : view.hidden > 0 ? t.allHidden(view.hidden) : t.empty}</bdi></p>
          {view.filtered > 0
            ? <Button className="button" onPress={() => closeBar(tab)}>{texts.filter.clear}</Button>
            : view.hidden > 0
            ? <Button className="button" onPress={() => prefer({ hidden: true })}>{t.showHidden}</Button>
            : folder.crumbs.length > 1 ? <Button className="button" onPress={() => goUp(tab)}>{t.goUp}</Button> : null}
        </div>
      )}
    </div>
  );
}
