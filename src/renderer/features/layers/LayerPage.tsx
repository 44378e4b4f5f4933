import { ChevronRight, FolderOpen } from 'lucide-react';
import { Button } from 'react-aria-components';
import type { LayerRow } from '../../../shared/contract/rows.ts';
import { goToLayer, placeOfLayer, goTo } from '../../app/navigation.ts';
import type { Tab } from '../../app/state.ts';
import { reopenAs } from '../../app/tabs.ts';
import { formatExactSize, formatOffset } from '../../models/format.ts';
import { childrenOf, isOpenFilesystem } from '../../models/layers.ts';
import { ErrorPanel, Notes } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { FirstBytes } from './FirstBytes.tsx';
import { TablePage } from './TablePage.tsx';

const t = texts.layer;

/** A layer that is not a folder: what it is, how that is known, what is in it, and what is wrong with it. */
export function LayerPage({ tab, layer }: { tab: Tab; layer: LayerRow }) {
  const inside = childrenOf(tab.info!, layer.path);
  const unread = layer.kind === 'unknown' || layer.error !== undefined;
  return (
    <div className="page" role="region" aria-label={layer.title}>
      <header className="page-head">
        <h2><Name display={layer.label || layer.title} /></h2>
        <span className="dim">{layer.label === '' ? t.kinds[layer.kind] : `${layer.title} · ${t.kinds[layer.kind]}`}</span>
      </header>
      {layer.error !== undefined ? <ErrorPanel error={layer.error} about={`${tab.source.name}, ${layer.title}`} /> : layer.kind === 'unknown' ? <Unknown layer={layer} /> : null}
      {layer.kind === 'table' && layer.error === undefined ? <TablePage tab={tab} table={layer} /> : null}
      {isOpenFilesystem(layer) ? <div className="actions"><Button className="button is-primary" onPress={() => goTo(tab.id, placeOfLayer(layer))}><FolderOpen aria-hidden />{t.openFolder}</Button></div> : null}
      {layer.notes.length === 0 ? null : <Section title={t.notes}><Notes notes={layer.notes} />{layer.notes.some((note) => note.severity !== 'note') && layer.error === undefined ? <p className="dim">{t.notesAdvice}</p> : null}</Section>}
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
      <Alternatives tab={tab} layer={layer} guess={layer.kind === 'unknown'} />
      {layer.openers.length === 0 ? null : (
        <Section title={t.openers}>
          <ul className="plain-list">
            {layer.openers.map((opener) => <li key={opener.id}><strong>{opener.name}</strong>, {t.access[opener.access]} <span className="dim">{opener.reason}</span></li>)}
          </ul>
        </Section>
      )}
      {unread && layer.size > 0 && tab.host !== undefined ? <Section title={t.firstBytes}><FirstBytes host={tab.host} layer={layer.path} /></Section> : null}
    </div>
  );
}

export function Section({ title, children }: { title: string; children: React.ReactNode }) {
  return <section className="section"><h2>{title}</h2>{children}</section>;
}

function Unknown({ layer }: { layer: LayerRow }) {
  const [title, hint] = layer.format === 'empty' ? [t.emptyTitle, t.emptyHint] : [t.unknownTitle, t.unknownHint];
  return <section className="unknown"><h2>{title}</h2><p>{hint}</p></section>;
}

function Alternatives({ tab, layer, guess }: { tab: Tab; layer: LayerRow; guess: boolean }) {
  const others = layer.alternatives.filter((each) => each.format !== layer.format && !layer.format.startsWith(each.format)).toSorted((a, b) => b.confidence - a.confidence);
  if (others.length === 0) return guess && layer.format !== 'empty' ? <Section title={t.guesses}><p className="dim">{t.noGuesses}</p></Section> : null;
  return (
    <Section title={guess ? t.guesses : t.alternatives}>
      <ul className="guesses">
        {others.map((each) => (
          <li key={each.format}>
            <span className="guess-name"><strong>{each.name}</strong> <span className="dim number">{t.confidence(each.confidence)}</span></span>
            <span className="guess-evidence">{each.evidence.join('; ')}</span>
            <Button className="button" onPress={() => void reopenAs(tab.id, layer.path, each.format)}>{t.openAs(each.name)}</Button>
          </li>
        ))}
      </ul>
    </Section>
  );
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
