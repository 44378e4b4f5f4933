import { OctagonX, Search as SearchIcon, X } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button, Input, ProgressBar, TextField } from 'react-aria-components';
import { leaveSearch, searchFor } from '../../app/finding.ts';
import { focusList } from '../../app/focus.ts';
import { folderOf, placeOf } from '../../app/navigation.ts';
import { type Search, stopSearch, useSearches } from '../../app/search.ts';
import { announce, findTab, selectIn, type Tab } from '../../app/state.ts';
import { only } from '../../models/selection.ts';
import { texts } from '../../texts/index.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { Name } from '../../ui/name.tsx';

const t = texts.search;

/** Milliseconds after the last letter before a search begins by itself. */
const SETTLE = 250;

/** Milliseconds between two counts that screen readers are told while a search goes on. */
const SPOKEN_EVERY = 4000;

/** Where a search below the present folder is typed, how far it is and how it ended. */
export function SearchBar({ tab }: { tab: Tab }) {
  const place = placeOf(tab);
  const shown = place?.kind === 'search' ? place : undefined;
  const search = useSearches((state) => state.list.find(({ id }) => id === shown?.search));
  const [query, setQuery] = useState(shown?.query ?? '');
  const field = useRef<HTMLInputElement>(null);
  const folder = folderOf(tab)?.crumbs.at(-1)?.display || tab.source.name;
  // Back and forward may lead to another search.
  useEffect(() => { if (shown !== undefined) setQuery(shown.query); }, [shown]);
  useEffect(() => {
    if (tab.bar === 'search') field.current?.focus();
    // When the bar is opened; who comes back to results is in the list.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => searchFor(tab.id, query), SETTLE);
    return () => clearTimeout(timer);
  }, [tab.id, query]);
  useSpoken(search, folder);
  return (
    <FindBar
      label={t.label} field={t.field(folder)} placeholder={t.placeholder} value={query} onChange={setQuery} ref_={field} icon={<SearchIcon aria-hidden />} leave={t.leave} tab={tab}
      onEnter={() => {
        if (search !== undefined && search.query === query) focusResults(tab.id);
        else searchFor(tab.id, query);
      }}
      onLeave={() => leaveSearch(findTab(tab.id) ?? tab)}
    >
      {search === undefined ? null : <Progress search={search} />}
    </FindBar>
  );
}

function Progress({ search: { id, state, progress } }: { search: Search }) {
  const { found, searched, directories, damaged, now } = progress;
  const running = state === 'running';
  return (
    <>
      <span className="find-facts" data-testid="search-facts">
        <strong>{running ? t.running(found) : state === 'stopped' ? t.stopped(found) : t.found(found)}</strong>
        <span className="dim">{t.looked(searched, directories)}</span>
        {damaged === 0 ? null : <span className="dim">{t.damaged(damaged)}</span>}
        {running && now !== undefined ? <Name display={now} className="find-now dim" /> : null}
      </span>
      {running ? (
        <>
          <ProgressBar isIndeterminate aria-label={t.label} className="progress is-endless find-progress"><div className="progress-track"><div className="progress-fill" /></div></ProgressBar>
          <Button className="button is-small" onPress={() => stopSearch(id)}><OctagonX aria-hidden />{t.stop}</Button>
        </>
      ) : null}
    </>
  );
}

/** A field above the list, in one line with what it did. Escape leaves it, Enter and the arrow down go on in the list. */
export function FindBar({ label, field, placeholder, value, onChange, ref_, icon, leave, tab, onEnter, onLeave, children }: {
  label: string; field: string; placeholder: string; value: string; onChange: (value: string) => void; ref_: React.RefObject<HTMLInputElement | null>; icon: ReactNode; leave: string; tab: Tab;
  onEnter: () => void; onLeave: () => void; children: ReactNode;
}) {
  return (
    <search className="find-bar" aria-label={label}>
      <TextField
        className="find-field" aria-label={field} value={value} onChange={onChange} maxLength={1024}
        onKeyDown={(event) => {
          const run = event.key === 'Escape' ? onLeave : event.key === 'Enter' ? onEnter : event.key === 'ArrowDown' ? () => focusResults(tab.id) : undefined;
          if (run === undefined) {
            event.continuePropagation();
            return;
          }
          event.preventDefault();
          run();
        }}
      >
        {icon}
        <Input ref={ref_} className="find-input" placeholder={placeholder} spellCheck={false} autoComplete="off" />
      </TextField>
      {children}
      <IconButton label={leave} icon={X} onPress={onLeave} />
    </search>
  );
}

/** The list, on its first row unless it was on another. */
export function focusResults(id: number): void {
  const tab = findTab(id);
  const count = tab?.listing?.view?.count ?? 0;
  if (tab === undefined || count === 0) return;
  if (tab.selection.focus < 0) selectIn(id, only(0));
  focusList();
}

/** Tells screen readers that a search began, how it goes on now and then, and how it ended. */
function useSpoken(search: Search | undefined, folder: string): void {
  const id = search?.id;
  const state = search?.state;
  const rows = search?.rows;
  useEffect(() => {
    if (id === undefined || rows === undefined) return undefined;
    if (state === 'done') announce(t.announce.done(rows.count));
    if (state === 'stopped') announce(t.announce.stopped);
    if (state === 'failed') announce(t.failed);
    if (state !== 'running') return undefined;
    announce(t.announce.begun(folder));
    let said = 0;
    const timer = setInterval(() => {
      if (rows.count === said) return;
      said = rows.count;
      announce(t.announce.soFar(said));
    }, SPOKEN_EVERY);
    return () => clearInterval(timer);
  }, [id, state, rows, folder]);
}
