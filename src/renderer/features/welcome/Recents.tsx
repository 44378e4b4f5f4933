import { FileSearch, FileWarning, Pin, PinOff, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button, GridList, GridListItem } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import type { RecentRow } from '../../../shared/contract/calls.ts';
import { errorOf, services } from '../../app/services.ts';
import { useApp } from '../../app/state.ts';
import { locateRecent, openSources } from '../../app/tabs.ts';
import { formatMoment, formatSize } from '../../models/format.ts';
import { folderOfPath, splitPath } from '../../models/paths.ts';
import { texts } from '../../texts/index.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { Name } from '../../ui/name.tsx';
import { notifyError } from '../../ui/toasts.ts';

const t = texts.welcome;

/** The images that were open before: a list for the arrow keys, in which Enter opens and Delete forgets. */
export function Recents() {
  const recents = useApp((state) => state.recents);
  const [now] = useState(() => Date.now());
  const rows = recents.toSorted((a, b) => Number(b.pinned) - Number(a.pinned) || b.opened - a.opened);
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = section.current;
    const forget = (event: KeyboardEvent): void => {
      const token = event.key === 'Delete' && event.target instanceof Element ? event.target.closest('[data-key]')?.getAttribute('data-key') : undefined;
      if (typeof token === 'string') void call('recents.remove', { token });
    };
    element?.addEventListener('keydown', forget);
    return () => element?.removeEventListener('keydown', forget);
  }, []);
  const rowOf = (key: unknown): RecentRow | undefined => rows.find((row) => row.token === key);
  return (
    <section ref={section} className="recents" aria-label={t.recents}>
      <header className="section-head">
        <h2>{t.recents}</h2>
        {rows.length === 0 ? null : <Button className="link" onPress={() => void call('recents.remove', {})}>{t.clear}</Button>}
      </header>
      {rows.length === 0 ? <p className="dim">{t.noRecents}</p> : (
        <GridList
          aria-label={t.recents} className="recent-list" items={rows} dependencies={[now]} selectionMode="none"
          onAction={(key) => {
            const row = rowOf(key);
            if (row?.missing === true) void locateRecent(row);
            else if (row !== undefined) openSources([row]);
          }}
        >
          {(row) => <Recent id={row.token} row={row} now={now} />}
        </GridList>
      )}
      {rows.length === 0 ? null : <p className="dim hint">{t.moreRecents}</p>}
    </section>
  );
}

function Recent({ id, row, now }: { id: string; row: RecentRow; now: number }) {
  const { today, text } = formatMoment(row.opened, now);
  const name = displayName(row.name);
  const path = displayName(row.path);
  const { head, tail } = splitPath(folderOfPath(path));
  return (
    <GridListItem id={id} textValue={row.missing ? `${name}, ${t.missing}` : name} className={row.missing ? 'recent is-missing' : 'recent'}>
      <span className="recent-text">
        <span className="recent-name" title={name.slice(0, 1000)}><Name display={name} /></span>
        <span className="recent-path dim" title={path.slice(0, 4096)} dir="ltr"><span className="path-head">{head}</span><span className="path-tail">{tail}</span></span>
      </span>
      {row.missing
        ? <span className="badge tone-warning" title={t.missingHint}><FileWarning aria-hidden />{t.missing}</span>
        : <span className="badge tone-plain" title={row.summary}><span className="recent-summary">{row.summary}</span></span>}
      <span className="recent-size number dim">{row.missing ? '' : formatSize(row.size)}</span>
      <span className="recent-opened number dim">{today ? t.today(text) : text}</span>
      <span className="recent-buttons">
        {row.missing ? <IconButton label={t.locateHint(name)} tip={t.locate} icon={FileSearch} onPress={() => void locateRecent(row)} /> : null}
        <IconButton label={row.pinned ? t.unpin(name) : t.pin(name)} icon={row.pinned ? PinOff : Pin} className={row.pinned ? 'is-pinned' : ''} onPress={() => void call('recents.pin', { token: row.token, pinned: !row.pinned })} />
        <IconButton label={t.remove(name)} icon={X} onPress={() => void call('recents.remove', { token: row.token })} />
      </span>
    </GridListItem>
  );
}

async function call(...args: ['recents.pin', { token: string; pinned: boolean }] | ['recents.remove', { token?: string }]): Promise<void> {
  const { app } = services();
  try {
    if (args[0] === 'recents.pin') await app.call(args[0], args[1]);
    else await app.call(args[0], args[1]);
  } catch (error) {
    notifyError(errorOf(error));
  }
}
