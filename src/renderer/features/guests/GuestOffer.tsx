import { ExternalLink, Hammer, MonitorCog, MonitorOff, MonitorPlay, RotateCw, X } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { Button, ProgressBar } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { buildGuest, buildOf, loadGuests, showGuests, useGuests } from '../../app/guests.ts';
import { setApp, type Tab } from '../../app/state.ts';
import { openByGuest } from '../../app/tabs.ts';
import { cancel, type Transfer, useTransfers } from '../../app/transfers.ts';
import { bestGuest, guestOf, toBuild } from '../../models/guests.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { ErrorPanel } from '../../ui/errors.tsx';

const t = texts.guest;

/** How a volume that no engine of ours opens is opened: by the best guest, or what has to be done first. Under an error of an engine, too. */
export function GuestOffer({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const { list, qemu } = useGuests();
  const openers = useOpeners(tab, layer);
  useEffect(() => { void loadGuests(); }, []);
  const row = { ...layer, openers };
  const best = bestGuest(row);
  const refused = tab.refused?.layer === layer.path ? tab.refused : undefined;
  const failed = layer.error !== undefined;
  const title = failed && best !== undefined ? t.failedOffer(best.name) : t.offer(layer.title);
  const [building] = list === undefined ? [] : toBuild(row, list);
  return (
    <>
      {refused === undefined ? null : <ErrorPanel error={refused.error} title={t.failed(refused.title)} about={`${tab.source.name}, ${layer.title}, ${refused.title}`} />}
      {best !== undefined ? (
        <Offer icon={<MonitorPlay aria-hidden className="offer-icon" strokeWidth={1.25} />} title={title} what={failed ? t.offerOther : t.offerWhat}>
          <Button className={failed ? 'button' : 'button is-primary'} onPress={() => void openByGuest(tab.id, layer.path, best)}><MonitorCog aria-hidden />{t.open(best.name)}</Button>
          <span className="dim">{t.cost(best.name, best.seconds)}, {t.access[best.access === 'read-write' ? 'read-write' : 'read-only']}</span>
        </Offer>
      ) : failed && building === undefined ? null : qemu?.found === false ? (
        <Offer icon={<MonitorOff aria-hidden className="offer-icon" strokeWidth={1.25} />} title={title} what={`${t.noQemu}. ${cut(qemu.advice || qemu.reason, 600)}`}>
          <Button className="button" onPress={() => void loadGuests()}><RotateCw aria-hidden />{t.again}</Button>
          <Button className="button" onPress={showGuests}>{t.manage}</Button>
        </Offer>
      ) : building !== undefined ? (
        <Offer icon={<MonitorCog aria-hidden className="offer-icon" strokeWidth={1.25} />} title={title} what={t.notBuilt(building.title)}>
          <BuildButton guest={building} primary={!failed} />
          <Button className="button" onPress={showGuests}>{t.manage}</Button>
        </Offer>
      ) : list === undefined ? null : (
        <Offer icon={<MonitorOff aria-hidden className="offer-icon" strokeWidth={1.25} />} title={title} what={`${t.none}. ${why(openers)}`}>
          <Button className="button" onPress={() => setApp({ dialog: { kind: 'open-with', tab: tab.id, layer: layer.path } })}>{t.others}</Button>
          <Button className="button" onPress={showGuests}><ExternalLink aria-hidden />{t.manage}</Button>
        </Offer>
      )}
    </>
  );
}

/** Why the first of the guests does not open it. */
function why(openers: LayerRow['openers']): string {
  const opener = openers.find((each) => guestOf(each) !== undefined);
  return opener === undefined ? t.noneWhat : t.noneWhy(opener.name, cut(opener.reason, 400));
}

function Offer({ icon, title, what, children }: { icon: ReactNode; title: string; what: string; children: ReactNode }) {
  return (
    <section className="offer" aria-label={title}>
      {icon}
      <div>
        <h2><bdi>{title}</bdi></h2>
        <p className="breaks">{what}</p>
        <div className="actions">{children}</div>
      </div>
    </section>
  );
}

/** A layer's openers as they are now: a guest that was built since the image was opened is one of them. */
function useOpeners({ host }: Tab, { path, openers }: LayerRow): LayerRow['openers'] {
  const [fresh, setFresh] = useState<{ readonly of: LayerRow['openers']; readonly openers: LayerRow['openers'] }>();
  const list = useGuests((guests) => guests.list);
  useEffect(() => {
    const abort = new AbortController();
    host?.call('layer.openers', { layer: path }, abort.signal).then(
      (rows) => {
        const guests = rows.filter((opener) => guestOf(opener) !== undefined).map(({ id, name, access, reason, seconds }) => ({ id, name, access: access === 'untried' ? 'refused' as const : access, reason, ...(seconds === undefined ? {} : { seconds }) }));
        if (!abort.signal.aborted) setFresh({ of: openers, openers: guests });
      },
      () => {
        // What the layer itself says of them is shown.
      },
    );
    return () => abort.abort();
    // What was built since is an opener now.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [host, path, openers, list]);
  return fresh?.of === openers ? fresh.openers : openers;
}

/** Builds a guest, with what that downloads; while it is built, how far it is. */
export function BuildButton({ guest, primary = false, again = false }: { guest: { readonly name: string; readonly title: string; readonly download?: number }; primary?: boolean; again?: boolean }) {
  const { building } = useGuests();
  const transfer = useTransfers(({ list }) => buildOf(list, building, guest.name));
  if (transfer !== undefined) return <Building transfer={transfer} title={guest.title} />;
  const p = texts.guestsPage;
  return (
    <>
      <Button className={`button ${primary ? 'is-primary' : ''}`} {...(primary ? {} : { 'aria-label': again ? p.rebuildLabel(guest.title) : p.buildLabel(guest.title) })} onPress={() => void buildGuest(guest)}><Hammer aria-hidden />{primary ? t.build(guest.title) : again ? p.rebuild : p.build}</Button>
      {again ? null : <span className="dim">{t.buildCost(guest.download)}</span>}
    </>
  );
}

function Building({ transfer, title }: { transfer: Transfer; title: string }) {
  const { progress } = transfer;
  const total = progress?.total;
  const share = total === undefined || total === 0 ? undefined : Math.min(100, Math.round((progress!.done / total) * 100));
  const p = texts.guestsPage;
  return (
    <span className="building">
      <ProgressBar className={share === undefined ? 'progress is-endless' : 'progress'} aria-label={texts.guest.building(title)} {...(share === undefined ? { isIndeterminate: true } : { value: share })}>
        <div className="progress-track"><div className="progress-fill" style={share === undefined ? {} : { width: `${share}%` }} /></div>
      </ProgressBar>
      <span className="dim number">{p.running(share)}</span>
      <Button className="button is-small" aria-label={p.cancelLabel(title)} onPress={() => cancel(transfer)}><X aria-hidden />{p.cancelBuild}</Button>
    </span>
  );
}
