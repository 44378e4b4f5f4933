import { CircleAlert, CircleCheck, Copy, LoaderCircle } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, Disclosure, DisclosurePanel, Heading, ProgressBar } from 'react-aria-components';
import type { OpeningStep } from '../../../shared/contract/rows.ts';
import { type Account, currentAccount, useOpenings } from '../../app/openings.ts';
import type { Entering, Tab } from '../../app/state.ts';
import { closeTab } from '../../app/leaving.ts';
import { visibleText } from '../../models/visible-text.ts';
import { texts } from '../../texts/index.ts';
import { copyText, Notes, placeText } from '../../ui/errors.tsx';

const t = texts.opening;

/** Milliseconds before there is anything to see: most images are open sooner, and what flashes up is read by nobody. */
const SHOWN_AFTER = 150;

/** Steps that are shown at once; the log has them all. */
const SHOWN_STEPS = 8;

/** How far the opening is: what was found so far, what is being done, and for how long. */
export function OpeningPage({ tab }: { tab: Tab }) {
  const account = useOpenings(({ of }) => currentAccount(of.get(tab.id)));
  const now = useClock();
  const passed = now - tab.started;
  if (passed < SHOWN_AFTER) return null;
  const running = account.steps.findLast((step) => step.state === 'running');
  return (
    <div className="page">
      <section className="opening" aria-label={texts.open.opening(tab.source.name)}>
        <h1><bdi>{texts.open.opening(tab.source.name)}</bdi></h1>
        <StepProgress step={running} name={tab.source.name} />
        {account.steps.length === 0 ? <p className="dim">{texts.open.reading}</p> : <Steps steps={account.steps.slice(-SHOWN_STEPS)} passed={passed} />}
        <div className="actions">
          <Button className="button" onPress={() => closeTab(tab.id)}>{texts.cancel}</Button>
          <span className="dim number opening-time">{texts.open.seconds(Math.floor(passed / 1000))}</span>
        </div>
        <Log account={account} about={tab.source.name} />
      </section>
    </div>
  );
}

/** The same for a layer that a guest is started for: the image stays open beside it, and stopping it leaves the image as it was. */
export function EnteringPage({ tab, entering }: { tab: Tab; entering: Entering }) {
  const account = useOpenings(({ of }) => currentAccount(of.get(tab.id)));
  const now = useClock();
  const [stopping, setStopping] = useState(false);
  const passed = now - entering.started;
  const steps = account.end === undefined ? account.steps : [];
  const running = steps.findLast((step) => step.state === 'running');
  const title = texts.guest.entering(tab.source.name, entering.title);
  const stop = (): void => {
    setStopping(true);
    entering.abort.abort();
  };
  return (
    <div className="page">
      <section className="opening" aria-label={title}>
        <h2><bdi>{title}</bdi></h2>
        <StepProgress step={running} name={tab.source.name} />
        {steps.length === 0 ? null : <Steps steps={steps.slice(-SHOWN_STEPS)} passed={passed} />}
        <div className="actions">
          <Button className="button" isDisabled={stopping} onPress={stop}>{stopping ? texts.guest.stopping : texts.cancel}</Button>
          <span className="dim number opening-time">{texts.open.seconds(Math.max(0, Math.floor(passed / 1000)))}</span>
        </div>
        <Log account={{ ...account, steps }} about={tab.source.name} />
      </section>
    </div>
  );
}

/** Milliseconds since 1970, four times a second. */
function useClock(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const first = setTimeout(() => setNow(Date.now()), SHOWN_AFTER);
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => {
      clearTimeout(first);
      clearInterval(timer);
    };
  }, []);
  return now;
}

function StepProgress({ step, name }: { step: OpeningStep | undefined; name: string }) {
  const known = step?.total !== undefined && step.total > 0 && step.done !== undefined;
  const label = step === undefined ? texts.open.opening(name) : visibleText(step.text).slice(0, 300);
  return (
    <ProgressBar aria-label={label} isIndeterminate={!known} className={known ? 'progress' : 'progress is-endless'} {...(known ? { value: (step.done! / step.total!) * 100, valueLabel: t.progress(step.done!, step.total!) } : {})}>
      {({ percentage }) => (
        <>
          <div className="progress-track"><div className="progress-fill" style={known ? { inlineSize: `${percentage ?? 0}%` } : {}} /></div>
          {known ? <span className="dim number progress-text">{t.progress(step.done!, step.total!)}</span> : null}
        </>
      )}
    </ProgressBar>
  );
}

const ICONS = { running: LoaderCircle, done: CircleCheck, failed: CircleAlert } as const;

/** @param passed milliseconds since the opening began, for what still runs */
function Steps({ steps, passed, whole = false }: { steps: readonly OpeningStep[]; passed: number; whole?: boolean }) {
  return (
    <ol className="steps" aria-label={t.steps}>
      {steps.map((step) => {
        const Icon = ICONS[step.state];
        return (
          <li key={step.id} className={`step is-${step.state}`}>
            <Icon aria-label={t.step[step.state]} role="img" />
            <span className="step-text">
              <span>{visibleText(step.text)}</span>
              {whole ? step.evidence.map((line) => <span key={line} className="dim step-evidence">{visibleText(line)}</span>) : null}
            </span>
            <span className="dim step-layer mono">{whole ? step.layer : ''}</span>
            <span className="dim number step-time">{t.took(Math.max(0, Math.round((step.ended ?? passed) - step.started)))}</span>
          </li>
        );
      })}
    </ol>
  );
}

/** All steps and notes, folded away. */
function Log({ account, about }: { account: Account; about: string }) {
  return (
    <Disclosure className="log">
      <Heading className="log-head" level={2}><Button slot="trigger" className="link">{t.showLog}</Button></Heading>
      <DisclosurePanel className="log-panel"><LogBody account={account} about={about} /></DisclosurePanel>
    </Disclosure>
  );
}

function LogBody({ account, about }: { account: Account; about: string }) {
  const last = account.end?.passed ?? account.steps.at(-1)?.started ?? 0;
  return (
    <div className="opening-log">
      {account.steps.length === 0 ? <p className="dim">{t.noSteps}</p> : <Steps steps={account.steps} passed={last} whole />}
      {account.notes.length === 0 ? null : <Notes notes={account.notes} />}
      <Button className="button" onPress={() => void copyText(logText(account, about))}><Copy aria-hidden />{t.copyLog}</Button>
    </div>
  );
}

/** How the image that is open came to be so: on the page of each of its layers. */
export function Accounts({ tab }: { tab: Tab }) {
  const accounts = useOpenings(({ of }) => of.get(tab.id));
  if (accounts === undefined || accounts.every(({ steps }) => steps.length === 0)) return null;
  return (
    <Disclosure className="log section">
      <Heading className="log-head" level={2}><Button slot="trigger" className="link">{t.account}</Button></Heading>
      <DisclosurePanel className="log-panel">
        {accounts.map((account, i) => (
          <div key={i}>
            {accounts.length > 1 ? <h3>{t.again(i)}</h3> : null}
            <LogBody account={account} about={tab.source.name} />
          </div>
        ))}
      </DisclosurePanel>
    </Disclosure>
  );
}

/** The log as text, for a report. */
export function logText({ steps, notes, end }: Account, about: string): string {
  const took = (step: OpeningStep): string => (step.ended === undefined ? '' : ` (${t.took(step.ended - step.started)})`);
  return [
    about,
    ...steps.flatMap((step) => [`${step.layer}\t${t.step[step.state]}\t${step.text}${took(step)}`, ...step.evidence.map((line) => `\t\t${line}`)]),
    ...notes.map((note) => `${note.severity}: ${note.message}${note.place === undefined ? '' : ` (${placeText(note.place)})`}`),
    ...(end?.error === undefined ? [] : [end.error.message]),
  ].join('\n');
}
