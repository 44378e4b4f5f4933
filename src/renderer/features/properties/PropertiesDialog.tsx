import { Copy, HardDrive } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useState } from 'react';
import { Button, Meter, Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import type { EntryDetails, ImageInfo, LayerRow } from '../../../shared/contract/rows.ts';
import { type ErrorData, errorOf } from '../../app/services.ts';
import { type Dialog, type PropertiesOf, setApp, type Tab as OpenTab, useApp } from '../../app/state.ts';
import { sheetText } from '../../models/properties.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { EntryIcon } from '../../ui/entry-icon.tsx';
import { copyText, ErrorPanel, Notes } from '../../ui/errors.tsx';
import { ModalDialog } from '../../ui/modal.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { Attributes } from './Attributes.tsx';
import { type Editable, editableOf } from './editing.ts';
import { entriesPages, entryPages, type Page } from './entry-pages.ts';
import { Extents } from './Extents.tsx';
import { layerPages, type Subject, subjectName, subjectOf } from './layer-pages.ts';
import { type Counter, useMeasuring } from './measuring.ts';
import { Contents, FactGroup } from './parts.tsx';
import { Permissions } from './Permissions.tsx';
import { ManyForm, TimesForm } from './PermissionsForm.tsx';

const t = texts.properties;

/** Characters of a name in the window's title. */
const LONGEST_TITLE = 60;

const close = (): void => setApp({ dialog: undefined });

/** Everything about an entry, about what is selected, or about a volume and the image that it is in. */
export function PropertiesDialog({ dialog }: { dialog: Extract<Dialog, { kind: 'properties' }> }) {
  const tab = useApp((state) => state.tabs.find(({ id }) => id === dialog.tab));
  const { of } = dialog;
  if (tab?.info === undefined) return null;
  switch (of.kind) {
    case 'entry': return <EntryProperties key={`${of.layer} ${of.entry.node}`} tab={tab} of={of} />;
    case 'entries': return <EntriesProperties tab={tab} of={of} />;
    case 'layer': {
      const subject = subjectOf(tab.info, of.layer);
      return subject === undefined ? null : <LayerProperties tab={tab} info={tab.info} subject={subject} />;
    }
  }
}

/** The window itself: its sides as tabs, at one size whatever they hold. */
function Frame({ title, head, pages, renderPanel, children, foot }: { title: string; head: ReactNode; pages?: readonly Page[]; renderPanel?: (page: Page) => ReactNode; children?: ReactNode; foot?: ReactNode }) {
  return (
    <ModalDialog title={title} onClose={close} className="is-properties">
      <div className="properties-head">{head}</div>
      {pages === undefined || renderPanel === undefined ? <div className="dialog-body page-panel">{children}</div> : pages.length === 1 ? <div className="page-panel" role="region" aria-label={t.pages[pages[0]!.id]} tabIndex={0}>{renderPanel(pages[0]!)}</div> : (
        <Tabs className="properties-tabs">
          <TabList aria-label={title} className="page-tabs">{pages.map(({ id }) => <Tab key={id} id={id} className="page-tab">{t.pages[id]}</Tab>)}</TabList>
          {pages.map((page) => <TabPanel key={page.id} id={page.id} className="page-panel">{renderPanel(page)}</TabPanel>)}
        </Tabs>
      )}
      <footer className="dialog-foot">
        {foot}
        <span className="spacer" />
        {pages === undefined ? null : <Button className="button" onPress={() => void copyText(sheetText({ title, groups: pages.flatMap(({ groups }) => groups).filter(({ facts, lines }) => facts.length > 0 || (lines ?? []).length > 0) }, t.cut))}><Copy aria-hidden />{t.copy}</Button>}
        <Button className="button is-primary" onPress={close}>{texts.close}</Button>
      </footer>
    </ModalDialog>
  );
}

const factsOf = (page: Page): ReactNode => page.groups.map((group, i) => <FactGroup key={i} group={group} />);

function VolumeButton({ tab, layer }: { tab: OpenTab; layer: string }) {
  return <Button className="button" onPress={() => setApp({ dialog: { kind: 'properties', tab: tab.id, of: { kind: 'layer', layer } } })}><HardDrive aria-hidden />{t.volume}</Button>;
}

function EntryProperties({ tab, of: { layer, entry, path } }: { tab: OpenTab; of: Extract<PropertiesOf, { kind: 'entry' }> }) {
  const { host } = tab;
  const [details, setDetails] = useState<EntryDetails>();
  const [error, setError] = useState<ErrorData>();
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    host?.call('entry.details', { layer, node: entry.node, name: entry.name }, abort.signal).then((got) => { if (!abort.signal.aborted) setDetails(got); }, (thrown: unknown) => { if (!abort.signal.aborted) setError(errorOf(thrown)); });
    return () => abort.abort();
    // Changed, they are asked for anew.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [host, layer, entry, asked]);
  const below = useMemo(() => (details?.type === 'dir' ? [entry] : undefined), [details, entry]);
  const counter = useMeasuring(host, layer, below);
  const title = t.title((entry.display || path).slice(0, LONGEST_TITLE));
  const head = <>{details === undefined ? null : <EntryIcon row={details} />}<Name display={entry.display || path} /></>;
  const foot = <VolumeButton tab={tab} layer={layer} />;
  if (details === undefined) {
    return <Frame title={title} head={head} foot={foot}>{error === undefined ? <p className="dim" role="status">{t.loading}</p> : <ErrorPanel error={error} about={path} />}</Frame>;
  }
  const editable = details.error === undefined ? editableOf(tab, layer, [entry], entry.display || path, () => setAsked((before) => before + 1)) : undefined;
  const pages = [...entryPages(details, path, counter?.progress), ...(editable === undefined ? [] : [{ id: 'times', groups: [] } as const])];
  return <Frame title={title} head={head} foot={foot} pages={pages} renderPanel={(page) => <EntryPanel page={page} details={details} path={path} counter={counter} editable={editable} />} />;
}

function EntryPanel({ page, details, path, counter, editable }: { page: Page; details: EntryDetails; path: string; counter: Counter | undefined; editable: Editable | undefined }) {
  switch (page.id) {
    case 'general': return (
      <>
        {details.error === undefined ? null : <ErrorPanel error={details.error} title={t.damaged} about={path} />}
        <FactGroup group={page.groups[0]!} />
        {counter === undefined ? null : <Contents counter={counter} />}
        <FactGroup group={page.groups[1]!} />
      </>
    );
    case 'permissions': return <Permissions details={details} editable={editable} />;
    case 'attributes': return <Attributes xattrs={details.xattrs} editable={editable} />;
    case 'times': return editable === undefined ? null : <TimesForm key={`${details.mtime} ${details.atime} ${details.btime}`} details={details} editable={editable} />;
    case 'extents': return <Extents extents={details.extents!} size={details.size} />;
    default: return factsOf(page);
  }
}

function EntriesProperties({ tab, of: { layer, rows, count, path } }: { tab: OpenTab; of: Extract<PropertiesOf, { kind: 'entries' }> }) {
  const counter = useMeasuring(tab.host, layer, rows);
  const pages = useMemo(() => entriesPages(rows, count, path, counter?.progress), [rows, count, path, counter?.progress]);
  const title = t.titleMany(count);
  const editable = rows.length === count ? editableOf(tab, layer, rows, texts.extract.items(count), () => {}) : undefined;
  return (
    <Frame
      title={title} head={<span>{pages[0]!.groups[0]!.facts[1]![1]}</span>} foot={<VolumeButton tab={tab} layer={layer} />} pages={pages}
      renderPanel={(page) => <><FactGroup group={page.groups[0]!} />{counter === undefined ? null : <Contents counter={counter} />}<FactGroup group={page.groups.at(-1)!} />{editable === undefined ? null : <ManyForm editable={editable} />}</>}
    />
  );
}

function LayerProperties({ tab, info, subject }: { tab: OpenTab; info: ImageInfo; subject: Subject }) {
  const { content } = subject;
  const name = content.path === '0' ? displayName(info.name) : subjectName(subject);
  const pages = useMemo(() => layerPages(info, subject), [info, subject]);
  return (
    <Frame
      title={t.title(name.slice(0, LONGEST_TITLE))} head={<><Name display={name} /><LayerBadges layer={content} edit={tab.edit} /></>} pages={pages}
      renderPanel={(page) => (page.id === 'general' ? <LayerGeneral page={page} layer={content} about={tab.source.name} /> : factsOf(page))}
    />
  );
}

function LayerGeneral({ page, layer, about }: { page: Page; layer: LayerRow; about: string }) {
  return (
    <>
      {layer.error === undefined ? null : <ErrorPanel error={layer.error} about={about} />}
      {layer.filesystem === undefined ? null : <Usage free={layer.filesystem.free} size={layer.size} />}
      {page.groups.map((group, i) => (group.title === t.notes ? null : <FactGroup key={i} group={group} />))}
      {layer.notes.length === 0 ? null : <section className="section"><h3>{t.notes}</h3><Notes notes={layer.notes} /></section>}
    </>
  );
}

/** How full a volume is, as a bar with words. */
function Usage({ free, size }: { free: number; size: number }) {
  const used = Math.max(0, size - free);
  return (
    <Meter value={used} maxValue={Math.max(1, size)} valueLabel={t.usage(used, free, size)} aria-label={t.space} className="usage">
      {({ percentage, valueText }) => <><div className="usage-track"><div className="usage-fill" style={{ inlineSize: `${percentage}%` }} /></div><span className="number">{valueText}</span></>}
    </Meter>
  );
}
