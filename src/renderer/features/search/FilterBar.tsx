import { ListFilter } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { closeBar } from '../../app/finding.ts';
import { filterBy } from '../../app/navigation.ts';
import { announce, findTab, type Tab } from '../../app/state.ts';
import { texts } from '../../texts/index.ts';
import { FindBar, focusResults } from './SearchBar.tsx';

const t = texts.filter;

/** Milliseconds after the last letter before the list is narrowed. */
const SETTLE = 120;

/** Narrows the list of the present folder while one types. */
export function FilterBar({ tab }: { tab: Tab }) {
  const [text, setText] = useState(tab.filter ?? '');
  const field = useRef<HTMLInputElement>(null);
  const view = tab.listing?.view;
  const isFresh = useRef(tab.filter === undefined);
  useEffect(() => { if (isFresh.current) field.current?.focus(); }, []);
  useEffect(() => {
    const timer = setTimeout(() => {
      const now = findTab(tab.id);
      if (now?.bar === 'filter') filterBy(now, text === '' ? undefined : text);
    }, SETTLE);
    return () => clearTimeout(timer);
  }, [tab.id, text]);
  const count = view === undefined ? undefined : t.count(view.count, view.count + view.filtered);
  useEffect(() => { if (count !== undefined && tab.filter !== undefined) announce(count); }, [count, tab.filter]);
  return (
    <FindBar
      label={t.label} field={t.field} placeholder={t.placeholder} value={text} onChange={setText} ref_={field} icon={<ListFilter aria-hidden />} leave={t.clear} tab={tab}
      onEnter={() => focusResults(tab.id)} onLeave={() => closeBar(findTab(tab.id) ?? tab)}
    >
      {count === undefined ? null : <span className="find-facts number" data-testid="filter-count">{count}</span>}
    </FindBar>
  );
}
