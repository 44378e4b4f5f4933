import { FileWarning, HardDriveDownload, Pin, PinOff, X } from 'lucide-react';
import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { RecentRow } from '../../../shared/contract/calls.ts';
import { errorOf, services } from '../../app/services.ts';
import { useApp } from '../../app/state.ts';
import { openDialog, openSources } from '../../app/tabs.ts';
import { formatMoment, formatSize } from '../../models/format.ts';
import { IconButton, isMac } from '../../ui/buttons.tsx';
import { texts } from '../../texts/index.ts';
import { notifyError } from '../../ui/toasts.ts';
import { shownKeys } from '../../commands/keys.ts';

/** The empty window: a drop zone, the button, and the images that were open before. */
export function Welcome() {
  const recents = useApp((state) => state.recents);
  const [now] = useState(() => Date.now());
  const mac = useApp((state) => isMac(state.info?.platform));
  return (
    <div className="welcome">
      <section className="drop-zone">
        <HardDriveDownload aria-hidden className="drop-icon" strokeWidth={1.25} />
        <h1>{texts.welcome.title}</h1>
        <Button className="button is-primary" onPress={() => void openDialog()}>{texts.commands.open}<kbd>{shownKeys('Mod+O', mac)}</kbd></Button>
        <p className="dim">{texts.welcome.hint}</p>
      </section>
      <section className="recents" aria-label={texts.welcome.recents}>
        <header className="section-head">
          <h2>{texts.welcome.recents}</h2>
          {recents.length === 0 ? null : <Button className="link" onPress={() => void forget(undefined)}>{texts.welcome.clear}</Button>}
        </header>
        {recents.length === 0 ? <p className="dim">{texts.welcome.noRecents}</p> : (
          <ul>{recents.toSorted((a, b) => Number(b.pinned) - Number(a.pinned) || b.opened - a.opened).map((row) => <Recent key={row.token} row={row} now={now} />)}</ul>
        )}
      </section>
    </div>
  );
}

function Recent({ row, now }: { row: RecentRow; now: number }) {
  const { today, text } = formatMoment(row.opened, now);
  const opened = today ? texts.welcome.today(text) : text;
  return (
    <li className={row.missing ? 'recent is-missing' : 'recent'}>
      <Button className="recent-open" isDisabled={row.missing} onPress={() => openSources([row])}>
        <span className="recent-name">{row.name}</span>
        <span className="recent-path dim" title={row.path}><bdi>{row.path}</bdi></span>
        {row.missing
          ? <span className="badge tone-warning" title={texts.welcome.missingHint}><FileWarning aria-hidden />{texts.welcome.missing}</span>
          : <span className="badge tone-plain recent-summary" title={row.summary}>{row.summary}</span>}
        <span className="number dim">{row.missing ? '' : formatSize(row.size)}</span>
        <span className="number dim">{opened}</span>
      </Button>
      <IconButton label={row.pinned ? texts.welcome.unpin(row.name) : texts.welcome.pin(row.name)} icon={row.pinned ? PinOff : Pin} className={row.pinned ? 'is-pinned' : ''} onPress={() => void pin(row)} />
      <IconButton label={texts.welcome.remove(row.name)} icon={X} onPress={() => void forget(row.token)} />
    </li>
  );
}

async function pin(row: RecentRow): Promise<void> {
  try {
    await services().app.call('recents.pin', { token: row.token, pinned: !row.pinned });
  } catch (error) {
    notifyError(errorOf(error));
  }
}

async function forget(token: string | undefined): Promise<void> {
  try {
    await services().app.call('recents.remove', token === undefined ? {} : { token });
  } catch (error) {
    notifyError(errorOf(error));
  }
}
