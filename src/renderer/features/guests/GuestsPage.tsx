import { ArrowLeft, CircleAlert, CircleCheck, CircleDashed, FolderTree, type LucideIcon, MonitorCog, MonitorOff, Plus, RotateCw, Trash2, UserPlus } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, Disclosure, DisclosurePanel, Heading, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import type { BadGuestRow, GuestRow } from '../../../shared/contract/guests.ts';
import { addGuest, leaveGuests, loadGuests, openTree, useGuests } from '../../app/guests.ts';
import { setApp } from '../../app/state.ts';
import { formatMoment, formatSize } from '../../models/format.ts';
import { ownTrees } from '../../models/guests.ts';
import { cut } from '../../models/names.ts';
import { texts } from '../../texts/index.ts';
import { Badge, type Tone } from '../../ui/badges.tsx';
import { ErrorPanel } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { BuildButton } from './GuestOffer.tsx';
import { MatrixPage } from './MatrixPage.tsx';
import { WaysPage } from './WaysPage.tsx';

const t = texts.guestsPage;

/** All guests that this computer knows of, what opens what, and what makes it a folder or a drive. */
export function GuestsPage() {
  const [part, setPart] = useState<'guests' | 'matrix' | 'ways'>('guests');
  const { qemu } = useGuests();
  return (
    <div className="guests-page">
      <header className="guests-head">
        <Button className="button is-small" onPress={leaveGuests}><ArrowLeft aria-hidden />{t.back}</Button>
        <h1 tabIndex={-1} data-resting>{t.title}</h1>
        <ToggleButtonGroup aria-label={t.tabs.label} className="segments" disallowEmptySelection selectedKeys={[part]} onSelectionChange={(keys) => setPart(keys.has('matrix') ? 'matrix' : keys.has('ways') ? 'ways' : 'guests')}>
          <ToggleButton id="guests" className="segment">{t.tabs.guests}</ToggleButton>
          <ToggleButton id="matrix" className="segment">{t.tabs.matrix}</ToggleButton>
          <ToggleButton id="ways" className="segment">{t.tabs.ways}</ToggleButton>
        </ToggleButtonGroup>
        <span className="spacer" />
        {qemu?.found === true ? <span className="dim">{t.qemu(qemu.version)}</span> : null}
      </header>
      {part === 'matrix' ? <MatrixPage /> : part === 'ways' ? <WaysPage /> : <GuestList />}
    </div>
  );
}

function GuestList() {
  const { list, bad, qemu, error } = useGuests();
  const [now] = useState(() => Date.now());
  useEffect(() => { void loadGuests(); }, []);
  return (
    <div className="page guests-list">
      <p className="dim guests-hint">{t.hint}</p>
      {qemu?.found !== false ? null : (
        <section className="offer" aria-label={t.noQemu}>
          <MonitorOff aria-hidden className="offer-icon" strokeWidth={1.25} />
          <div>
            <h2>{t.noQemu}</h2>
            <p className="breaks">{cut(qemu.reason.includes(qemu.advice) ? qemu.reason : `${qemu.reason} ${qemu.advice}`, 1000)}</p>
            <div className="actions"><Button className="button is-small" onPress={() => void loadGuests()}><RotateCw aria-hidden />{texts.guest.again}</Button></div>
          </div>
        </section>
      )}
      {error === undefined ? null : <ErrorPanel error={error} title={t.failed} about={t.title}><Button className="button" onPress={() => void loadGuests()}>{texts.tryAgain}</Button></ErrorPanel>}
      {list === undefined ? (error === undefined ? <p className="late dim" role="status">{t.loading}</p> : null) : list.length === 0 ? (
        <div className="empty"><MonitorCog aria-hidden strokeWidth={1.25} /><p>{t.empty}</p><p>{t.emptyHint}</p></div>
      ) : <ul className="guest-list" aria-label={t.list}>{list.map((guest) => <Guest key={guest.name} guest={guest} now={now} />)}</ul>}
      {bad === undefined || bad.length === 0 ? null : <ul className="guest-list" aria-label={t.badList}>{bad.map((each) => <BadGuest key={each.name} guest={each} />)}</ul>}
      {list === undefined ? null : <div className="actions guests-add"><Button className="button" onPress={() => void addGuest()}><Plus aria-hidden />{t.add}</Button><span className="dim">{t.addHint}</span></div>}
    </div>
  );
}

const STATES: Readonly<Record<keyof typeof t.states, { readonly icon: LucideIcon; readonly tone: Tone }>> = {
  built: { icon: CircleCheck, tone: 'good' }, missing: { icon: CircleDashed, tone: 'plain' }, outdated: { icon: RotateCw, tone: 'warning' }, unusable: { icon: CircleAlert, tone: 'bad' },
};

function Guest({ guest, now }: { guest: GuestRow; now: number }) {
  const { name, title, summary, architecture, origin, buildable, missing, built, bytes, kernel, filesystems } = guest;
  // What the person brought can't be built: it is there, or a part of it is missing.
  const state = guest.state === 'missing' && !buildable ? 'unusable' : guest.state;
  const { icon, tone } = STATES[state];
  const facts = [built === undefined ? '' : t.builtOn(formatMoment(built, now).text, bytes === undefined ? undefined : formatSize(bytes)), kernel === undefined ? '' : t.kernel(cut(kernel, 60))].filter((part) => part !== '');
  const trees = ownTrees(guest);
  const heading = `guest-${name}`;
  return (
    <li className="guest" aria-labelledby={heading}>
      <div className="guest-text">
        <div className="guest-title">
          <h2 id={heading}><Name display={cut(title, 120)} /></h2>
          <span className="badges">
            <Badge icon={icon} text={t.states[state]} tone={tone} />
            <Badge icon={MonitorCog} text={architecture} />
            {origin === 'added' ? <Badge icon={UserPlus} text={t.added} /> : null}
          </span>
        </div>
        <p className="breaks"><bdi>{cut(summary, 400)}</bdi></p>
        {facts.length === 0 ? null : <p className="dim guest-facts">{facts.join(' · ')}</p>}
        {missing === '' || (state === 'missing' && buildable) ? null : <p className="dim breaks"><bdi>{cut(missing, 600)}</bdi></p>}
        {filesystems.length === 0 ? <p className="dim">{t.mountsNothing}</p> : <Mounts guest={guest} />}
        {trees.length === 0 ? null : (
          <p className="guest-trees">
            <span className="dim">{t.trees}</span>
            {trees.map((tree) => <span key={tree} title={texts.guest.treeWhat[tree]}><Button className="link" aria-label={t.openTree(texts.guest.tree[tree], title)} onPress={() => void openTree(name, tree)}><FolderTree aria-hidden />{texts.guest.tree[tree]}</Button></span>)}
          </p>
        )}
      </div>
      <div className="guest-actions">
        {buildable ? <BuildButton guest={guest} again={guest.state !== 'missing'} /> : null}
        {guest.state === 'missing' && origin === 'shipped' ? null : <Button className="button" aria-label={t.removeLabel(title)} onPress={() => setApp({ dialog: { kind: 'remove-guest', guest } })}><Trash2 aria-hidden />{t.remove}</Button>}
      </div>
    </li>
  );
}

/** A guest whose description is wrong, and what is wrong with it. */
function BadGuest({ guest: { name, reason, removable } }: { guest: BadGuestRow }) {
  const heading = `guest-bad-${name}`;
  return (
    <li className="guest" aria-labelledby={heading}>
      <div className="guest-text">
        <div className="guest-title">
          <h2 id={heading}><Name display={cut(name, 120)} /></h2>
          <span className="badges"><Badge icon={CircleAlert} text={t.bad} tone="bad" /></span>
        </div>
        <p className="breaks"><bdi>{cut(reason, 1000)}</bdi></p>
      </div>
      {removable ? (
        <div className="guest-actions">
          <Button className="button" aria-label={t.removeLabel(name)} onPress={() => setApp({ dialog: { kind: 'remove-guest', guest: { name, title: name, origin: 'added' } } })}><Trash2 aria-hidden />{t.remove}</Button>
        </div>
      ) : null}
    </li>
  );
}

const ACCESS = ['read-write', 'read-only', 'known-bad'] as const;

/** What it mounts, by how well. */
function Mounts({ guest: { filesystems } }: { guest: GuestRow }) {
  return (
    <Disclosure className="log">
      <Heading level={3} className="log-head"><Button slot="trigger" className="link">{t.mounts(filesystems.length)}</Button></Heading>
      <DisclosurePanel className="log-panel">
        <dl className="facts guest-mounts">
          {ACCESS.map((access) => {
            const of = filesystems.filter((each) => each.access === access);
            return of.length === 0 ? null : (
              <div key={access}>
                <dt>{texts.matrix.support[access]}</dt>
                <dd>{of.map(({ title, reason }, i) => <span key={i} title={cut(reason, 400)}>{i > 0 ? ', ' : ''}<bdi>{cut(title, 80)}</bdi></span>)}</dd>
              </div>
            );
          })}
        </dl>
      </DisclosurePanel>
    </Disclosure>
  );
}
