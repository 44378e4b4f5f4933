import { ChevronRight, FolderOpen, Pause, Play, RotateCw, X } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button, Disclosure, DisclosurePanel, Heading, ProgressBar, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import { errorOf, services } from '../../app/services.ts';
import { cancel, clearFinished, isRunning, logText, type LogNote, pause, retry, showTransfers, type Transfer, type TransferKind, useTransfers } from '../../app/transfers.ts';
import { formatDuration, formatSize } from '../../models/format.ts';
import { visibleText } from '../../models/visible-text.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { copyText } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { sentences } from '../../texts/sentences.ts';
import { notifyError } from '../../ui/toasts.ts';

const t = texts.transfers;

/** Work that is not paused in its middle: the image would be half of one and half of the other; a mirror does not wait. */
const UNBROKEN: ReadonlySet<TransferKind> = new Set(['apply', 'finish', 'undo', 'repair', 'build']);

/** Long work: what is running, how far it is, and what became of what has run. */
export function TransfersPanel() {
  const { list, open } = useTransfers();
  return open ? <Panel list={list} /> : null;
}

function Panel({ list }: { list: readonly Transfer[] }) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // What pops up in the corner stands above the panel, not over its buttons.
    const { style } = document.documentElement;
    if (panel.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => style.setProperty('--transfers-height', `${entry?.target.clientHeight ?? 0}px`));
    observer.observe(panel.current);
    return () => {
      observer.disconnect();
      style.removeProperty('--transfers-height');
    };
  }, []);
  return (
    <section ref={panel} className="transfers" aria-label={t.label}>
      <header className="section-head">
        <h2>{t.label}</h2>
        <span className="spacer" />
        {list.some((transfer) => !isRunning(transfer)) ? <Button className="link" onPress={clearFinished}>{t.clear}</Button> : null}
        <IconButton label={t.close} icon={X} onPress={() => showTransfers(false)} />
      </header>
      {list.length === 0 ? <p className="dim">{t.empty}</p> : <ul className="transfer-list">{list.toReversed().map((transfer) => <Item key={transfer.id} transfer={transfer} />)}</ul>}
    </section>
  );
}

function Item({ transfer }: { transfer: Transfer }) {
  const { title, kind, target, state, progress, speed, remaining, summary, error, log } = transfer;
  const running = isRunning(transfer);
  const total = progress?.total;
  const share = progress === undefined || total === undefined || total === 0 ? undefined : Math.min(100, (progress.done / total) * 100);
  return (
    <li className={`transfer is-${state}`} aria-label={title}>
      <div className="transfer-line">
        <span className="transfer-title"><Name display={title} /> {target === undefined ? null : <span className="dim" title={displayName(target.path).slice(0, 4096)}><bdi>{t.to(displayName(target.path))}</bdi></span>}</span>
        <span className={`transfer-state tone-${state === 'done' ? 'good' : state === 'failed' ? 'bad' : 'plain'}`}>{state === 'running' ? t.working(kind) : t.states[state]}</span>
        {running ? (
          <>
            {UNBROKEN.has(kind) ? null : <IconButton label={state === 'paused' ? t.resume(title) : t.pause(title)} icon={state === 'paused' ? Play : Pause} isDisabled={state === 'asking'} onPress={() => pause(transfer, state !== 'paused')} />}
            <IconButton label={t.cancel(title)} icon={X} onPress={() => cancel(transfer)} />
          </>
        ) : (
          <>
            {state === 'done' || transfer.failed === undefined ? null : <IconButton label={t.retry(title)} icon={RotateCw} onPress={() => void tryAgain(transfer)} />}
            {target === undefined ? null : <IconButton label={texts.extract.show} icon={FolderOpen} onPress={() => void showFolder(target.token)} />}
          </>
        )}
      </div>
      {running ? (
        <ProgressBar className={share === undefined && state === 'running' ? 'progress is-endless' : 'progress'} aria-label={title} {...(share === undefined ? { isIndeterminate: true } : { value: share })}>
          <div className="progress-track"><div className="progress-fill" style={share === undefined ? {} : { width: `${share}%` }} /></div>
        </ProgressBar>
      ) : null}
      {running && progress !== undefined ? (
        <div className="transfer-facts dim">
          <span className="transfer-now">{progress.now === undefined ? null : <Name display={progress.now} />}</span>
          <span className="number">{t.of(amount(progress.done, progress.unit), total === undefined ? undefined : amount(total, progress.unit))}</span>
          {speed === undefined || state !== 'running' ? null : <span className="number">{t.speed(formatSize(Math.round(speed)))}</span>}
          {remaining === undefined || state !== 'running' ? null : <span className="number">{t.left(formatDuration(remaining))}</span>}
        </div>
      ) : null}
      {summary === undefined ? null : <div className="transfer-facts">{kind === 'build' ? null : <span className="dim">{t.summary(summary)}</span>}{state === 'done' && transfer.failed !== undefined ? <Button className="link" onPress={() => void tryAgain(transfer)}><RotateCw aria-hidden />{t.retryFailed(transfer.failed)}</Button> : null}</div>}
      {error === undefined || error.fault.kind === 'cancelled' ? null : <div className="transfer-facts error-text">{visibleText(sentences(error.message, error.advice))}</div>}
      {log.length === 0 ? null : <Log transfer={transfer} />}
    </li>
  );
}

const LEVELS = ['error', 'warning', 'info'] as const;

function Log({ transfer }: { transfer: Transfer }) {
  const { log, dropped, title } = transfer;
  const [level, setLevel] = useState<LogNote['level']>();
  const present = LEVELS.map((each) => [each, log.filter((note) => note.level === each).length] as const).filter(([, count]) => count > 0);
  const shown = present.length > 1 ? level : undefined;
  return (
    <Disclosure className="log">
      <Heading className="log-head"><Button slot="trigger" className="link"><ChevronRight aria-hidden />{t.log(log.length + dropped)}</Button></Heading>
      <DisclosurePanel className="log-panel">
        <div className="log-tools">
          {present.length < 2 ? null : (
            <ToggleButtonGroup aria-label={t.filter} className="segments" disallowEmptySelection selectedKeys={[shown ?? 'all']} onSelectionChange={(keys) => setLevel(LEVELS.find((each) => keys.has(each)))}>
              <ToggleButton id="all" className="segment">{t.all(log.length)}</ToggleButton>
              {present.map(([each, count]) => <ToggleButton key={each} id={each} className="segment">{t.some[each](count)}</ToggleButton>)}
            </ToggleButtonGroup>
          )}
          <Button className="link" onPress={() => void copyText(logText(transfer, shown))}>{texts.copyDetails}</Button>
        </div>
        <div className="log-lines" role="region" aria-label={t.logOf(title.slice(0, 60))} tabIndex={0}>
          <ul>
            {log.map((note, i) => (shown !== undefined && note.level !== shown ? null : (
              <li key={i} className={`note-${note.level}`}><span className="log-level">{t.levels[note.level]}</span>{note.path === undefined ? null : <span className="log-path" title={note.path.slice(0, 400)}><Name display={note.path} /></span>}<span className="log-message">{note.message}</span></li>
            )))}
            {dropped > 0 ? <li className="dim">{t.dropped(dropped)}</li> : null}
          </ul>
        </div>
      </DisclosurePanel>
    </Disclosure>
  );
}

async function tryAgain(transfer: Transfer): Promise<void> {
  try {
    await retry(transfer);
  } catch (error) {
    notifyError(errorOf(error));
  }
}

function amount(value: number, unit: 'bytes' | 'entries' | 'blocks'): string {
  return unit === 'bytes' ? formatSize(value) : t.entries(value);
}

async function showFolder(token: string): Promise<void> {
  try {
    await services().app.call('folder.show', { token });
  } catch (error) {
    notifyError(errorOf(error));
  }
}
