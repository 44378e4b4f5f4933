import { Binary, ChevronRight, Fingerprint, FolderOpen, Route } from 'lucide-react';
import { Button } from 'react-aria-components';
import { runCommand } from '../../commands/index.ts';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { showBytes } from '../../app/bytes.ts';
import { goToLayer, placeOfLayer, goTo } from '../../app/navigation.ts';
import { setApp, type Tab } from '../../app/state.ts';
import { reopenAs } from '../../app/tabs.ts';
import { formatExactSize, formatOffset } from '../../models/format.ts';
import { isForGuests } from '../../models/guests.ts';
import { childrenOf, isOpenFilesystem } from '../../models/layers.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { ErrorPanel, Notes } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { notifyError } from '../../ui/toasts.ts';
import { texts } from '../../texts/index.ts';
import { GuestOffer } from '../guests/GuestOffer.tsx';
import { FirstBytes } from './FirstBytes.tsx';
import { Accounts } from './OpeningPage.tsx';
import { TablePage } from './TablePage.tsx';
import { UnlockForm } from './UnlockForm.tsx';

const t = texts.layer;

/** A layer that is not a folder: what it is, how that is known, what is in it, and what is wrong with it. */
export function LayerPage({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const inside = childrenOf(tab.info!, layer.path);
  const showAt = (at: number): void => showBytes(tab.id, layer.path, at);
  const unread = layer.kind === 'unknown' || layer.error !== undefined;
  return (
    <div className="page" role="region" aria-label={layer.title}>
      <header className="page-head">
        <h2><Name display={layer.label || layer.title} /></h2>
        <span className="dim">{layer.label === '' ? t.kinds[layer.kind] : `${layer.title} · ${t.kinds[layer.kind]}`}</span>
      </header>
      {layer.guest !== undefined && layer.filesystem !== undefined ? <p className="guest-line"><LayerBadges layer={layer} brief /><Button className="link" onPress={() => goTo(tab.id, { kind: 'log', layer: layer.path })}>{texts.guestLog.command}</Button></p> : null}
      {layer.error?.fault.kind === 'locked' && tab.host !== undefined ? <UnlockForm tab={tab} layer={layer} /> : layer.error !== undefined ? <ErrorPanel error={layer.error} about={`${tab.source.name}, ${layer.title}`} onPlace={showAt} /> : layer.partOf !== undefined ? <Part tab={tab} layer={layer} /> : layer.kind === 'unknown' ? <Unknown layer={layer} /> : null}
      {isForGuests(layer) ? <GuestOffer tab={tab} layer={layer} /> : tab.refused?.layer === layer.path ? <ErrorPanel error={tab.refused.error} title={texts.guest.failed(tab.refused.title)} about={`${tab.source.name}, ${layer.title}, ${tab.refused.title}`} /> : null}
      {layer.kind === 'table' && layer.error === undefined ? <TablePage tab={tab} table={layer} /> : null}
      <div className="actions">
        {isOpenFilesystem(layer) ? <Button className="button is-primary" onPress={() => goTo(tab.id, placeOfLayer(layer))}><FolderOpen aria-hidden />{t.openFolder}</Button> : null}
        {layer.size > 0 ? <Button className="button" onPress={() => showBytes(tab.id, layer.path)}><Binary aria-hidden />{texts.bytesCommands.show}</Button> : null}
        {layer.size > 0 ? <Button className="button" onPress={() => runCommand('checksums')}><Fingerprint aria-hidden />{texts.commands.checksums}</Button> : null}
        {layer.kind === 'volume' || layer.partOf !== undefined ? null : <Button className="button" onPress={() => setApp({ dialog: { kind: 'open-with', tab: tab.id, layer: layer.path } })}><Route aria-hidden />{unread ? texts.openWith.as : texts.openWith.button}</Button>}
      </div>
      {layer.notes.length === 0 ? null : <Section title={t.notes}><Notes notes={layer.notes} onPlace={showAt} />{layer.notes.some((note) => note.severity !== 'note') && layer.error === undefined ? <p className="dim">{t.notesAdvice}</p> : null}</Section>}
      {layer.kind === 'table' || inside.length === 0 ? null : (
        <Section title={t.inside}>
          <ul className="plain-list">
            {inside.map((child) => (
              <li key={child.path}><Button className="link" aria-label={t.openLayer(child.label || child.title)} onPress={() => goToLayer(tab.id, child)}><Name display={child.label || child.title} /><ChevronRight aria-hidden /></Button></li>
            ))}
          </ul>
        </Section>
      )}
      <Section title={t.details}><Facts layer={layer} /></Section>
      {layer.evidence.length === 0 ? null : <Section title={t.evidence}><ul className="evidence">{layer.evidence.map((line) => <li key={line}>{line}</li>)}</ul></Section>}
      {layer.partOf === undefined ? <><Alternatives tab={tab} layer={layer} guess={layer.kind === 'unknown'} /><Guesses layer={layer} /></> : null}
      {layer.openers.length === 0 || layer.partOf !== undefined ? null : (
        <Section title={t.openers}>
          <ul className="plain-list">
            {layer.openers.map((opener) => <li key={opener.id}><strong>{opener.name}</strong>, {t.access[opener.access]} <span className="dim">{opener.reason}</span></li>)}
          </ul>
        </Section>
      )}
      {unread && layer.size > 0 && tab.host !== undefined ? <Section title={t.firstBytes}><FirstBytes host={tab.host} layer={layer.path} /></Section> : null}
      <Accounts tab={tab} />
    </div>
  );
}

function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return <section className="section"><h2>{title}</h2>{children}</section>;
}

/** From here on a layer is called by the name of what it looks like. */
const SURE = 80;

function Unknown({ layer }: { layer: LayerRow }) {
  const [best] = layer.guesses;
  const known = best !== undefined && best.confidence >= SURE ? best : undefined;
  const [title, hint] = layer.size === 0 ? [t.noBytesTitle, t.noBytesHint] : layer.format === 'empty' ? [t.emptyTitle, t.emptyHint] : known === undefined ? [t.unknownTitle, t.unknownHint] : [texts.known.title(known.name), texts.known.hint[known.kind]];
  return <section className="unknown"><h2>{title}</h2><p>{hint}</p></section>;
}

/** A disk of a set: nothing is opened from it, but where the set is shown. */
function Part({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const whole = tab.info!.layers.find(({ path }) => path === layer.partOf);
  return (
    <section className="unknown">
      <h2>{t.partTitle(layer.title)}</h2>
      <p>{t.partHint}</p>
      {whole === undefined ? null : <Button className="button" onPress={() => goToLayer(tab.id, whole)}>{t.partShow}</Button>}
    </section>
  );
}

function Alternatives({ tab, layer, guess }: { tab: Tab; layer: LayerRow; guess: boolean }) {
  const others = layer.alternatives.filter((each) => each.format !== layer.format && !layer.format.startsWith(each.format)).toSorted((a, b) => b.confidence - a.confidence);
  if (others.length === 0) return guess && layer.guesses.length === 0 && layer.format !== 'empty' ? <Section title={t.guesses}><p className="dim">{t.noGuesses}</p></Section> : null;
  return (
    <Section title={guess ? t.guesses : t.alternatives}>
      <ul className="guesses">
        {others.map((each) => (
          <li key={each.format}>
            <span className="guess-name"><strong>{each.name}</strong> <span className="dim number">{t.confidence(each.confidence)}</span></span>
            <span className="guess-evidence">{each.evidence.join('; ')}</span>
            <Button className="button" onPress={() => void tryAs(tab, layer, each.format)}>{t.openAs(each.name)}</Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

/** What the bytes look like that no engine is there for: names and signs, the surest first. */
function Guesses({ layer }: { layer: LayerRow }) {
  // What a guest opens it as is told above.
  const guesses = layer.guesses.filter(({ id }) => !isForGuests(layer) || id !== layer.format);
  if (guesses.length === 0) return null;
  return (
    <Section title={texts.known.guesses}>
      <ul className="guesses">
        {guesses.map((each) => (
          <li key={each.id}>
            <span className="guess-name"><strong>{each.name}</strong> <span className="dim number">{t.confidence(each.confidence)}</span></span>
            <span className="guess-evidence">{each.evidence.join('; ')}</span>
            <span className="dim">{each.kind === 'file' || each.kind === 'text' || each.kind === 'random' ? '' : texts.known.noEngine}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

async function tryAs(tab: Tab, layer: LayerRow, format: string): Promise<void> {
  const error = await reopenAs(tab.id, layer.path, format);
  if (error !== undefined) notifyError(error);
}

export function Facts({ layer }: { layer: LayerRow }) {
  const { filesystem, volume } = layer;
  const facts: (readonly [string, string])[] = [[t.size, formatExactSize(layer.size)]];
  if (layer.offset > 0) facts.push([t.offset, `${formatExactSize(layer.offset)}, ${formatOffset(layer.offset)}`]);
  if (layer.label !== '') facts.push([t.label, layer.label]);
  if (layer.uuid !== '') facts.push([t.uuid, layer.uuid]);
  if (volume !== undefined) {
    facts.push([t.type, volume.typeId === '' ? layer.title : `${layer.title} (${volume.typeId})`]);
    if (volume.flags.length > 0) facts.push([t.flags, volume.flags.join(', ')]);
  }
  if (filesystem !== undefined) {
    facts.push([t.state, texts.badge[filesystem.state]], [t.free, t.freeOf(filesystem.free, layer.size)], [t.blockSize, formatExactSize(filesystem.blockSize)]);
    if (filesystem.inodes !== undefined) facts.push([t.inodes, t.inodesOf(filesystem.inodes.free, filesystem.inodes.total)]);
    if (filesystem.features.length > 0) facts.push([t.features, filesystem.features.join(' ')]);
  }
  const known = new Set(facts.map(([label]) => label));
  return (
    <dl className="facts">
      {[...facts, ...layer.details.filter(([label, value]) => !known.has(label) && (value !== layer.uuid || value === ''))].map(([label, value], i) => <div key={`${label}${i}`}><dt>{label}</dt><dd>{value}</dd></div>)}
    </dl>
  );
}
