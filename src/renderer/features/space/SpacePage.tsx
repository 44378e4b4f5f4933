import { ChevronRight, FolderOpen } from 'lucide-react';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { Button, Disclosure, DisclosurePanel, Heading, ProgressBar } from 'react-aria-components';
import type { SpaceSnapshot } from '../../../shared/contract/rows.ts';
import { goTo } from '../../app/navigation.ts';
import { chooseSpace, enterSpace, followSpace, useSpace } from '../../app/space.ts';
import type { SpacePlace, Tab } from '../../app/state.ts';
import { runCommand } from '../../commands/index.ts';
import { cut } from '../../models/names.ts';
import { ErrorPanel } from '../../ui/errors.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { SpaceList } from './SpaceList.tsx';
import { SpaceMap } from './SpaceMap.tsx';

const t = texts.space;

/** What takes the space below a folder: a map to scale beside a list of the same, both alive while it is measured. */
export function SpacePage({ tab, place }: { tab: Tab; place: SpacePlace }) {
  const [attempt, setAttempt] = useState(0);
  // A new attempt follows the same place anew.
  // oxlint-disable-next-line react/exhaustive-effect-dependencies
  useEffect(() => followSpace(tab.id, place), [tab.id, place, attempt]);
  const view = useSpace((views) => views[tab.id]);
  const top = view?.items?.top;
  const { display } = place.crumbs.at(-1)!;
  const name = display === '' ? tab.source.name : display;
  if (view === undefined || view.place !== place) return <div className="space-page" />;
  const { snapshot, error, chosen, hues } = view;
  if (error !== undefined) {
    return (
      <div className="page">
        <ErrorPanel error={error} title={t.failed} about={`${tab.source.name}: ${name}`}>
          <Button className="button" onPress={() => setAttempt(attempt + 1)}>{texts.tryAgain}</Button>
        </ErrorPanel>
      </div>
    );
  }
  const toList = (): void => goTo(tab.id, { ...place, kind: 'folder' });
  const choose = (key: string | undefined): void => chooseSpace(tab.id, key);
  const enter = (key: string): void => enterSpace(tab, key);
  const onKeyDown = (event: KeyboardEvent): void => {
    const isProperties = event.key === 'Enter' && event.altKey;
    if (event.key !== 'Backspace' && !isProperties) return;
    event.preventDefault();
    event.stopPropagation();
    runCommand(isProperties ? 'properties' : 'up');
  };
  // The tree goes to a line by its first letters, too, and then does not choose it.
  const onKeyUp = ({ key, ctrlKey, altKey, metaKey, target }: KeyboardEvent): void => {
    const line = [...key].length === 1 && key !== ' ' && !ctrlKey && !altKey && !metaKey ? (target as Element).closest('.space-list [role="row"]')?.getAttribute('data-key') : undefined;
    if (typeof line === 'string' && line !== chosen) choose(line);
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys of the tree in it
    <section className="space-page" aria-label={t.label} onKeyDownCapture={onKeyDown} onKeyUp={onKeyUp}>
      <header className="space-head">
        <h2 className="space-title" title={cut(name, 200)}><Name display={t.title(name)} /></h2>
        {snapshot === undefined ? null : <span className="dim number">{t.facts(snapshot.tree.size, snapshot.tree.files, snapshot.directories)}</span>}
        <span className="spacer" />
        <Button className="button" onPress={toList}>{t.toList}</Button>
      </header>
      {snapshot?.done === true ? <div className="space-progress" /> : <ProgressBar isIndeterminate aria-label={t.measuring} className="progress is-endless space-progress"><div className="progress-track"><div className="progress-fill" /></div></ProgressBar>}
      {snapshot === undefined || snapshot.unreadable === 0 ? null : <Problems snapshot={snapshot} />}
      {top === undefined ? <p className="late dim" role="status">{t.measuring}</p> : top.children.length === 0 && snapshot?.done === true ? (
        <div className="empty">
          <FolderOpen aria-hidden strokeWidth={1.25} />
          <p>{t.empty}</p>
          {place.crumbs.length > 1 ? <Button className="button" onPress={() => runCommand('up')}>{t.up}</Button> : null}
        </div>
      ) : (
        <div className="space-body">
          <SpaceMap top={top} name={name} chosen={chosen} choose={choose} enter={enter} hues={hues} />
          <SpaceList key={top.key} top={top} name={name} chosen={chosen} choose={choose} enter={enter} hues={hues} />
        </div>
      )}
    </section>
  );
}

/** What could not be read, and so is missing in the sums. */
function Problems({ snapshot: { unreadable, problems } }: { snapshot: SpaceSnapshot }) {
  return (
    <Disclosure className="log space-problems">
      <Heading level={3} className="log-head"><Button slot="trigger" className="link"><ChevronRight aria-hidden />{t.unreadable(unreadable)}</Button></Heading>
      <DisclosurePanel className="log-panel">
        <div className="log-lines" role="region" aria-label={t.unreadable(unreadable)} tabIndex={0}>
          <ul>
            {problems.map(({ path, message }, i) => <li key={i}><span className="log-path" title={cut(path, 400)}><Name display={path} /></span><span className="log-message">{message}</span></li>)}
            {unreadable > problems.length ? <li className="dim">{t.more(unreadable - problems.length)}</li> : null}
          </ul>
        </div>
      </DisclosurePanel>
    </Disclosure>
  );
}
