import { FolderOpen } from 'lucide-react';
import { useLayoutEffect, useState } from 'react';
import { Button } from 'react-aria-components';
import { showBytes } from '../../app/bytes.ts';
import type { EntryRow, View } from '../../../shared/contract/rows.ts';
import { closeBar } from '../../app/finding.ts';
import { folderOf, goUp, prefer, showPlace } from '../../app/navigation.ts';
import { setApp, type Tab } from '../../app/state.ts';
import { folderEditable } from '../../commands/edit.ts';
import { runCommand } from '../../commands/index.ts';
import type { RowCache } from '../../models/rows.ts';
import { ErrorPanel, Notes } from '../../ui/errors.tsx';
import { texts } from '../../texts/index.ts';
import { formatOf } from '../../app/columns.ts';
import { focusList } from '../../app/focus.ts';
import { useColumns } from './columns.ts';
import { Grid } from './Grid.tsx';
import { GridHeader } from './GridHeader.tsx';

const t = texts.grid;

/** A folder: its entries, or why they can't be shown. */
export function Browser({ tab }: { tab: Tab }) {
  const { listing } = tab;
  const folder = folderOf(tab);
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
      <FolderGrid key={folder.crumbs.map(({ node }) => node).join('/')} tab={tab} view={view} rows={rows} scroll={listing.scroll} label={t.label(name)} />
      {view.count > 0 ? null : (
        <div className="empty" onContextMenu={(event) => { event.preventDefault(); setApp({ menu: { x: event.clientX, y: event.clientY } }); }}>
          <FolderOpen aria-hidden strokeWidth={1.25} />
          <p><bdi>{view.filtered > 0 ? texts.filter.nothing((tab.filter ?? '').slice(0, 60)) : view.hidden > 0 ? t.allHidden(view.hidden) : t.empty}</bdi></p>
          {view.filtered > 0
            ? <Button className="button" onPress={() => closeBar(tab)}>{texts.filter.clear}</Button>
            : view.hidden > 0
            ? <Button className="button" onPress={() => prefer({ hidden: true })}>{t.showHidden}</Button>
            : folderEditable(tab) === true ? <Button className="button" onPress={() => runCommand('new-folder')}>{texts.editCommands.newFolder}</Button>
            : folder.crumbs.length > 1 ? <Button className="button" onPress={() => goUp(tab)}>{t.goUp}</Button> : null}
        </div>
      )}
    </div>
  );
}

/** Pixels that a scroll bar may take of the list. */
const BAR = 16;

/** The list with the columns that were chosen for the format, or those that there is room for. */
function FolderGrid({ tab, label, ...listing }: { tab: Tab; view: View; rows: RowCache<EntryRow>; scroll: number; label: string }) {
  const [{ room, rtl }, setRoom] = useState({ room: 10_000, rtl: false });
  const columns = useColumns(formatOf(tab), room - BAR, rtl);
  useLayoutEffect(() => {
    const list = document.querySelector<HTMLElement>('.grid-body');
    if (list === null) return undefined;
    const measure = (): void => setRoom({ room: list.offsetWidth, rtl: getComputedStyle(list).direction === 'rtl' });
    const observer = new ResizeObserver(measure);
    observer.observe(list);
    measure();
    return () => observer.disconnect();
  }, []);
  return <Grid tab={tab} {...listing} label={label} columns={columns} header={<GridHeader columns={columns} rtl={rtl} onLeave={focusList} />} />;
}
