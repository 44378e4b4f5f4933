import { CircleAlert, CircleCheck, Copy, Save, Wrench } from 'lucide-react';
import { useEffect, useMemo, useState } from 'react';
import { Button, ProgressBar, ToggleButton, ToggleButtonGroup } from 'react-aria-components';
import { beginCheck, type Checking, checkKey, leaveCheck, repairTicked, stopCheck, tickFindings, toolVerdict, useChecks } from '../../app/checking.ts';
import { showBytes } from '../../app/bytes.ts';
import { saveFile } from '../../app/editing.ts';
import { errorOf } from '../../app/services.ts';
import { type Dialog, findTab, setApp, useApp } from '../../app/state.ts';
import { countsOf, isRepairable, SEVERITIES, type Severity, shownFindings, tickedIds } from '../../models/findings.ts';
import { formatCount, formatDuration, formatSize } from '../../models/format.ts';
import { layerAt } from '../../models/layers.ts';
import { texts } from '../../texts/index.ts';
import { copyText, ErrorPanel } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { notify, notifyError } from '../../ui/toasts.ts';
import { FindingDetails, FindingList } from './FindingList.tsx';
import { ToolOutput } from './ToolOutput.tsx';

const t = texts.check;

/** A dry run over a filesystem, what it finds, and the repairs that are wanted of it. */
export function CheckDialog({ dialog: { tab, layer } }: { dialog: Extract<Dialog, { kind: 'check' }> }) {
  const checking = useChecks(({ of }) => of.get(checkKey(tab, layer)));
  const name = useApp((state) => {
    const row = state.tabs.find(({ id }) => id === tab);
    const found = row?.info === undefined ? undefined : layerAt(row.info, layer);
    return found?.label || row?.source.name || '';
  });
  useEffect(() => {
    // It is there already when another dialog lay over it, or when its repair went on while it was closed.
    if (!useChecks.getState().of.has(checkKey(tab, layer))) void beginCheck(tab, layer);
  }, [tab, layer]);
  const close = (): void => {
    leaveCheck(tab, layer);
    setApp({ dialog: undefined });
  };
  return (
    <ModalDialog title={t.title(name)} onClose={close} className="is-check">
      {checking === undefined ? <p className="dim" role="status">{t.waiting}</p> : <Body checking={checking} name={name} />}
      <footer className="dialog-foot">
        {checking === undefined ? null : <Actions checking={checking} name={name} />}
        <Button className="button" autoFocus onPress={close}>{texts.close}</Button>
      </footer>
    </ModalDialog>
  );
}

function Body({ checking, name }: { checking: Checking; name: string }) {
  const { findings, phase, end, error } = checking;
  const [severity, setSeverity] = useState<Severity>();
  const [active, setActive] = useState<string>();
  const counts = useMemo(() => countsOf(findings), [findings]);
  const present = SEVERITIES.filter((each) => counts[each] > 0);
  // The filter goes with the last of its findings.
  const only = severity !== undefined && counts[severity] > 0 ? severity : undefined;
  const shown = useMemo(() => shownFindings(findings, only), [findings, only]);
  const chosen = shown.find(({ id }) => id === active) ?? shown[0];
  return (
    <div className="check-body">
      <Verdict checking={checking} />
      {error === undefined ? null : <ErrorPanel error={error} title={t.failed} about={name} />}
      {end?.error === undefined ? null : <ErrorPanel error={end.error} title={t.unchecked} about={name} />}
      {checking.output === undefined ? null : <ToolOutput checking={checking} />}
      {findings.length === 0 ? null : (
        <>
          <div className="check-tools">
            <ToggleButtonGroup aria-label={t.filter} className="segments" disallowEmptySelection selectedKeys={[only ?? 'all']} onSelectionChange={(keys) => setSeverity(SEVERITIES.find((each) => keys.has(each)))}>
              <ToggleButton id="all" className="segment">{t.all(findings.length)}</ToggleButton>
              {present.map((each) => <ToggleButton key={each} id={each} className="segment">{t.some[each](counts[each])}</ToggleButton>)}
            </ToggleButtonGroup>
            <span className="spacer" />
            <Button className="link" isDisabled={phase !== 'ended'} onPress={() => tickFindings(checking, shown, true)}>{t.tickAll}</Button>
            <Button className="link" isDisabled={phase !== 'ended'} onPress={() => tickFindings(checking, shown, false)}>{t.untickAll}</Button>
          </div>
          <FindingList findings={shown} unticked={checking.unticked} chosen={chosen?.id} canTick={phase === 'ended'} onChoose={setActive} onTick={(finding, on) => tickFindings(checking, [finding], on)} />
          {chosen === undefined ? null : <FindingDetails finding={chosen} onPlace={(at) => { setApp({ dialog: undefined }); leaveCheck(checking.tab, checking.layer); showBytes(checking.tab, checking.layer, at); }} />}
          {end?.cut === true ? <p className="dim">{t.cut(findings.length)}</p> : null}
        </>
      )}
    </div>
  );
}

/** How far it is, or what came of it. */
function Verdict({ checking: { phase, progress, findings, end, stopped, error, pending } }: { checking: Checking }) {
  if (phase !== 'ended') {
    const { done, total, unit, now } = progress?.progress ?? { done: 0, unit: 'blocks' as const };
    const share = total === undefined || total === 0 ? undefined : Math.min(100, (done / total) * 100);
    const amount = (value: number): string => (unit === 'bytes' ? formatSize(value) : formatCount(value));
    return (
      <div className="check-running">
        <p>{phase === 'repairing' ? t.repairing : progress === undefined ? t.waiting : t.running}</p>
        <ProgressBar className={share === undefined ? 'progress is-endless' : 'progress'} aria-label={phase === 'repairing' ? t.repairing : t.running} {...(share === undefined ? { isIndeterminate: true } : { value: share })}>
          <div className="progress-track"><div className="progress-fill" style={share === undefined ? {} : { width: `${share}%` }} /></div>
        </ProgressBar>
        <p className="check-facts dim">
          <span className="clip"><bdi>{now ?? ''}</bdi></span>
          {progress === undefined ? null : <span className="number">{t.progress(amount(done), total === undefined ? undefined : amount(total))}</span>}
          {progress?.remaining === undefined ? null : <span className="number">{texts.transfers.left(formatDuration(progress.remaining))}</span>}
          <span className="number">{t.found(findings.length)}</span>
        </p>
      </div>
    );
  }
  if (stopped) return <p className="check-verdict"><CircleAlert aria-hidden /><span>{t.stopped}</span></p>;
  if (error !== undefined || end === undefined || end.state === 'unchecked') return null;
  if (end.tool !== undefined) return <ToolVerdict end={end} tool={end.tool} pending={pending} />;
  if (end.state === 'clean') {
    return (
      <div className="check-verdict is-clean" role="status">
        <CircleCheck aria-hidden />
        <div><strong>{t.clean}</strong><p className="dim">{t.cleanHint}{pending ? ` ${t.cleanPending}` : ''}</p></div>
      </div>
    );
  }
  if (end.repaired > 0) {
    return (
      <div className="check-verdict is-clean" role="status">
        {end.state === 'fixed' ? <CircleCheck aria-hidden /> : <Wrench aria-hidden />}
        <div><strong>{end.state === 'fixed' ? t.fixed : t.left(end.findings - end.repaired)}</strong><p className="dim">{t.repairs(end.repaired)}</p></div>
      </div>
    );
  }
  return null;
}

/** What the filesystem's own tool came to. */
function ToolVerdict({ end, tool, pending }: { end: NonNullable<Checking['end']>; tool: NonNullable<NonNullable<Checking['end']>['tool']>; pending: boolean }) {
  const k = texts.toolCheck;
  const repaired = end.state === 'fixed' || end.repaired > 0;
  const good = end.state === 'clean' || end.state === 'fixed';
  const hint = end.state === 'clean' ? `${k.cleanHint}${pending ? ` ${t.cleanPending}` : ''}` : repaired ? k.fixedHint : tool.repairs ? k.errorsHint : k.errorsOnly;
  return (
    <div className={`check-verdict ${good ? 'is-clean' : 'is-bad'}`} role="status">
      {good ? <CircleCheck aria-hidden /> : repaired ? <Wrench aria-hidden /> : <CircleAlert aria-hidden />}
      <div><strong>{toolVerdict(end)}</strong><p className="dim">{hint}</p><p className="dim number">{k.by(tool.name)}, {k.status(tool.status)}</p></div>
    </div>
  );
}

function Actions({ checking, name }: { checking: Checking; name: string }) {
  const { tab, layer, host, job, phase, findings, unticked, end } = checking;
  const editing = useApp((state) => state.tabs.find(({ id }) => id === tab)?.edit?.state === 'editing');
  const repairable = useMemo(() => findings.filter(isRepairable).length, [findings]);
  const ticked = useMemo(() => tickedIds(findings, unticked).length, [findings, unticked]);
  if (phase !== 'ended') return <><span className="spacer" /><Button className="button" onPress={() => stopCheck(checking)}>{t.stop}</Button></>;
  const report = async (): Promise<void> => {
    if (job !== undefined) await copyText((await host.call('check.report', { job })).text);
  };
  const save = async (): Promise<void> => {
    if (job === undefined) return;
    await saveFile(tab, t.report(name), t.saveTitle, async (target, as, replace) => {
      await host.call('check.save', { job, target, name: as, replace });
      notify({ text: t.saved(as), tone: 'done' });
    });
  };
  const attempt = (what: Promise<void>): void => { what.catch((error: unknown) => notifyError(errorOf(error))); };
  return (
    <>
      {end === undefined ? null : (
        <>
          <Button className="button" onPress={() => attempt(save())}><Save aria-hidden />{t.save}</Button>
          <Button className="button" onPress={() => attempt(report())}><Copy aria-hidden />{t.copy}</Button>
        </>
      )}
      <Button className="button" onPress={() => void beginCheck(tab, layer)}>{t.again}</Button>
      <span className="spacer" />
      {end?.tool?.repairs === true && end.state === 'errors' ? <span title={t.repairHint}><Button className="button is-primary" isDisabled={findTab(tab)?.host === undefined} onPress={() => void repairTicked(checking)}><Wrench aria-hidden />{editing ? texts.toolCheck.repair : texts.toolCheck.unlockRepair}</Button></span> : null}
      {end === undefined || findings.length === 0 ? null : (
        <>
          <span className="dim check-ticked">{repairable === 0 ? (end.repaired > 0 ? '' : t.noneRepairable) : t.repairable(repairable, ticked)}</span>
          {repairable === 0 ? null : <span title={t.repairHint}><Button className="button is-primary" isDisabled={ticked === 0 || findTab(tab)?.host === undefined} onPress={() => void repairTicked(checking)}><Wrench aria-hidden />{editing ? t.go(ticked) : t.unlockFirst(ticked)}</Button></span>}
        </>
      )}
    </>
  );
}
