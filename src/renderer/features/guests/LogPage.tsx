import { Copy, Save, ScrollText } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Button, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { saveFile } from '../../app/editing.ts';
import { followLog, type GuestLog, useLogFilter } from '../../app/guest-log.ts';
import { errorOf } from '../../app/services.ts';
import type { Tab } from '../../app/state.ts';
import { originsOf, plainText } from '../../models/log.ts';
import { texts } from '../../texts/index.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { copyText, ErrorPanel } from '../../ui/errors.tsx';
import { FollowButton, LogView } from '../../ui/log-view.tsx';
import { Name } from '../../ui/name.tsx';
import { notify, notifyError } from '../../ui/toasts.ts';

const t = texts.guestLog;

const ORIGINS = ['launcher', 'console', 'qmp', 'agent', 'qemu'] as const;

/** Characters that the clipboard takes: the contract's own limit. */
const MAX_COPIED = 1 << 20;

const originName = (from: string): string => t.origins[from as (typeof ORIGINS)[number]] ?? from;

/** What the guest of a volume says and said: its console, the machine's own words, the launcher's. */
export function LogPage({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const { host } = tab;
  const [known, setKnown] = useState<GuestLog>();
  const [attempt, setAttempt] = useState(0);
  const { origin, follow } = useLogFilter();
  const setFollow = (on: boolean): void => useLogFilter.setState({ follow: on });
  // A new attempt follows the same log anew.
  // oxlint-disable-next-line react/exhaustive-effect-dependencies
  useEffect(() => (host === undefined ? undefined : followLog(host, layer.path, setKnown)), [host, layer.path, attempt]);
  const counts = useMemo(() => (known === undefined ? new Map<string, number>() : originsOf(known.log)), [known]);
  const only = origin !== undefined && counts.has(origin) ? origin : undefined;
  const lines = useMemo(() => known?.log.lines.filter(({ from }) => only === undefined || from === only) ?? [], [known, only]);
  const name = layer.label || layer.title;
  const copy = (): void => {
    const text = plainText(lines, originName);
    // The end is what tells why a guest died.
    void copyText(text.length <= MAX_COPIED ? text : text.slice(text.indexOf('\n', text.length - MAX_COPIED) + 1));
  };
  const save = (): void => {
    saveFile(tab.id, t.file(layer.guest?.name ?? name), t.saveTitle, async (target, as, replace) => {
      await host?.call('guest.saveLog', { layer: layer.path, target, name: as, replace });
      notify({ text: t.saved(as), tone: 'done' });
    }).catch((error: unknown) => notifyError(errorOf(error)));
  };
  return (
    <section className="log-page" aria-label={t.title(name)}>
      <header className="log-page-head">
        <h2><Name display={t.title(name)} /></h2>
        <LayerBadges layer={layer} brief />
      </header>
      {known?.error === undefined ? null : <div className="page"><ErrorPanel error={known.error} title={t.failed} about={`${tab.source.name}, ${name}`}><Button className="button" onPress={() => setAttempt(attempt + 1)}>{texts.tryAgain}</Button></ErrorPanel></div>}
      {known === undefined ? <p className="late dim" role="status">{t.loading}</p> : known.log.lines.length === 0 ? (
        known.error === undefined ? <div className="empty"><ScrollText aria-hidden strokeWidth={1.25} /><p>{t.empty}</p></div> : null
      ) : (
        <>
          <div className="log-page-tools">
            <ToggleButtonGroup aria-label={t.filter} className="segments" disallowEmptySelection selectedKeys={[only ?? 'all']} onSelectionChange={(keys) => useLogFilter.setState({ origin: ORIGINS.find((each) => keys.has(each)) })}>
              <ToggleButton id="all" className="segment">{t.all(known.log.lines.length)}</ToggleButton>
              {ORIGINS.filter((each) => counts.has(each)).map((each) => <ToggleButton key={each} id={each} className="segment">{t.some(t.origins[each], counts.get(each)!)}</ToggleButton>)}
            </ToggleButtonGroup>
            <span className="spacer" />
            <FollowButton follow={follow} onFollow={setFollow} />
            <Button className="button is-small" onPress={copy}><Copy aria-hidden />{t.copy}</Button>
            <Button className="button is-small" onPress={save}><Save aria-hidden />{t.save}</Button>
          </div>
          {known.log.dropped > 0 ? <p className="dim log-note">{t.dropped(known.log.dropped)}</p> : null}
          <LogView lines={lines} label={t.region} origin={originName} follow={follow} onFollow={setFollow} />
        </>
      )}
    </section>
  );
}
