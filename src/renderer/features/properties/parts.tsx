import { Button } from 'react-aria-components';
import type { Group } from '../../models/properties.ts';
import { texts } from '../../texts/index.ts';
import { contentsOf } from './entry-pages.ts';
import type { Counter } from './measuring.ts';

const t = texts.properties;

/** Characters of one value that are put into the page; *Copy as text* has them all. */
const LONGEST = 1000;
const LONGEST_LABEL = 120;

export function cut(text: string, most = LONGEST): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** A heading with what stands below it. */
export function Part({ title, children }: { title: string; children: React.ReactNode }) {
  return <section className="section"><h3>{cut(title, LONGEST_LABEL)}</h3>{children}</section>;
}

/** Facts, and lines, under their heading. */
export function FactGroup({ group: { title, facts, lines } }: { group: Group }) {
  return (
    <Part title={title}>
      {facts.length === 0 ? null : (
        <dl className="facts is-fitting">
          {facts.map(([label, value], i) => <div key={i}><dt><bdi>{cut(label, LONGEST_LABEL)}</bdi></dt><dd className="is-lines"><bdi>{cut(value)}</bdi></dd></div>)}
        </dl>
      )}
      {lines === undefined || lines.length === 0 ? null : <ul className="plain-list">{lines.map((line, i) => <li key={i} className="breaks"><bdi>{cut(line)}</bdi></li>)}</ul>}
    </Part>
  );
}

/** What is counted of entries and all below them, while it is counted. */
export function Contents({ counter }: { counter: Counter }) {
  const { state, progress, error } = counter;
  const group = progress === undefined ? { title: t.contents, facts: [] } : contentsOf({ ...progress, done: true });
  return (
    <>
      <FactGroup group={group} />
      {state === 'done' ? null : (
        <p className="counter">
          <span className="dim">{state === 'running' ? t.measuring : state === 'stopped' ? t.stopped : error?.message}</span>
          {state === 'running' ? <Button className="button" onPress={counter.stop}>{t.stop}</Button> : <Button className="button" onPress={counter.again}>{t.again}</Button>}
        </p>
      )}
    </>
  );
}
