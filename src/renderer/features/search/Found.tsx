import { SearchX } from 'lucide-react';
import { Button } from 'react-aria-components';
import { searchAgain } from '../../app/finding.ts';
import { prefer } from '../../app/navigation.ts';
import { searchOf, type Search, useSearches } from '../../app/search.ts';
import type { SearchPlace, Tab } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel, Notes } from '../../ui/errors.tsx';
import { Grid } from '../browser/Grid.tsx';
import { FOUND_COLUMNS, FoundHeader, FoundRow } from './FoundRow.tsx';

const t = texts.search;

/** Characters of a query that are repeated in a sentence. */
const SHOWN = 60;

/** What a search found, or why there is nothing to see. */
export function Found({ tab, place }: { tab: Tab; place: SearchPlace }) {
  useSearches();
  const search = searchOf(place.search);
  const { listing } = tab;
  if (search === undefined || listing?.view === undefined || listing.rows !== search.rows) return null;
  const folder = place.start.crumbs.at(-1)?.display || tab.source.name;
  const query = place.query.length > SHOWN ? `${place.query.slice(0, SHOWN)}…` : place.query;
  return (
    <div className="browser">
      {search.error === undefined ? null : (
        <div className="page-part">
          <ErrorPanel error={search.error} title={t.failed} about={`${tab.source.name}: ${folder}`}>
            <Button className="button" onPress={() => searchAgain(tab, place.start)}>{t.again}</Button>
          </ErrorPanel>
        </div>
      )}
      {search.capped ? <p className="capped">{t.capped(search.rows.count)}</p> : null}
      {search.notes.length === 0 ? null : <div className="browser-notes"><Notes notes={search.notes} /></div>}
      {search.rows.count > 0
        ? <Grid key={place.search} tab={tab} view={listing.view} rows={search.rows} scroll={listing.scroll} columns={FOUND_COLUMNS} label={t.results(query, folder)} header={<FoundHeader />} row={FoundRow} />
        : search.error === undefined ? <Nothing tab={tab} place={place} search={search} folder={folder} query={query} /> : null}
    </div>
  );
}

function Nothing({ tab, place, search, folder, query }: { tab: Tab; place: SearchPlace; search: Search; folder: string; query: string }) {
  const { state, progress } = search;
  const [root] = place.start.crumbs;
  return (
    <div className="empty">
      <SearchX aria-hidden strokeWidth={1.25} />
      <p className={state === 'running' ? 'late' : ''}><bdi>{state === 'running' ? t.searching(folder) : state === 'stopped' ? t.stoppedEarly : t.nothing(query, folder)}</bdi></p>
      {state === 'done' ? <p>{t.hint}</p> : null}
      {state === 'running' ? null : (
        <div className="empty-actions">
          {state === 'stopped' ? <Button className="button" onPress={() => searchAgain(tab, place.start)}>{t.again}</Button> : null}
          {progress.hidden > 0 ? <Button className="button" onPress={() => prefer({ hidden: true })}>{t.hidden(progress.hidden)}</Button> : null}
          {place.start.crumbs.length > 1 && root !== undefined ? <Button className="button" onPress={() => searchAgain(tab, { ...place.start, crumbs: [root] })}>{t.everywhere}</Button> : null}
        </div>
      )}
    </div>
  );
}
