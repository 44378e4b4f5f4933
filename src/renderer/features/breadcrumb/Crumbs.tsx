import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { Breadcrumb, Breadcrumbs, Button, Menu, MenuItem, MenuTrigger, Popover, Text } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import { folderOf, goTo, placeOf } from '../../app/navigation.ts';
import { type BytesPlace, setApp, type TabFrame } from '../../app/state.ts';
import { collapsedSteps } from '../../models/collapse.ts';
import { contentOf, layerAt, parentPath } from '../../models/layers.ts';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { SiblingMenu } from './SiblingMenu.tsx';

/** One step of the way: the image, a table, a volume, a folder. */
interface Step {
  readonly key: string;
  readonly label: string;
  readonly go: () => void;
  /** For folders below a root: their index among the crumbs. */
  readonly at?: number;
}

/** The widest step, and what stands around its name, in pixels; see .crumb in styles/window.css. */
const WIDEST = 220;
const AROUND = 30;
const MORE = 46;

/** Where we are, as steps that lead back; the middle of a long way is in a menu. */
export function Crumbs({ tab }: { tab: TabFrame }) {
  const place = placeOf(tab);
  const [menu, setMenu] = useState<string>();
  const bar = useRef<HTMLDivElement>(null);
  const width = useWidth(bar);
  const steps = useMemo(() => stepsOf(tab), [tab]);
  const hidden = useMemo(() => collapsedSteps(steps.map(({ label }) => Math.min(WIDEST, textWidth(label)) + AROUND), width - 32, MORE), [steps, width]);
  const folder = folderOf(tab);
  if (place === undefined || tab.info === undefined) return <span className="crumbs" />;
  const shown = [steps[0]!, ...steps.slice(1 + hidden)];
  return (
    <div className="crumbs" ref={bar} onDoubleClick={(event) => { if (event.target === event.currentTarget) setApp({ editingPath: true }); }}>
      <Breadcrumbs aria-label={texts.crumbs.label} className="crumb-list">
        {shown.map((step, i) => {
          const last = step === steps.at(-1);
          const onKeyDown = (event: KeyboardEvent): void => {
            if (event.key !== 'ArrowDown' || step.at === undefined) return;
            event.preventDefault();
            setMenu(step.key);
          };
          return (
            <Breadcrumb key={step.key} className="crumb">
              {i === 1 && hidden > 0 ? <><span className="crumb-line" aria-hidden>›</span><Collapsed steps={steps.slice(1, 1 + hidden)} /></> : null}
              {i === 0 ? null : step.at === undefined || folder === undefined
                ? <span className="crumb-line" aria-hidden>›</span>
                : <SiblingMenu tab={tab} place={folder} at={step.at} open={menu === step.key} onOpenChange={(open) => setMenu(open ? step.key : undefined)} />}
              {last
                ? <span className="crumb-here" aria-current="location"><Name display={step.label} /></span>
                : <span role="presentation" data-crumb={step.at ?? (steps[i + 1]?.at === 1 ? 0 : undefined)} onKeyDown={onKeyDown}><Button className="crumb-link" onPress={step.go}><Name display={step.label} /></Button></span>}
            </Breadcrumb>
          );
        })}
      </Breadcrumbs>
      <button type="button" className="crumb-rest" tabIndex={-1} aria-label={texts.toolbar.editPath} onClick={() => { if (folder !== undefined) setApp({ editingPath: true }); }} />
    </div>
  );
}

/** The steps that did not fit, the nearest last. */
function Collapsed({ steps }: { steps: readonly Step[] }) {
  const label = texts.places.hiddenCrumbs;
  return (
    <MenuTrigger>
      <Button className="crumb-link" aria-label={label}>…</Button>
      <Popover className="popover" placement="bottom start" aria-label={label}>
        <Menu className="menu" aria-label={label} onAction={(key) => steps.find((step) => step.key === key)?.go()}>
          {steps.map((step) => <MenuItem key={step.key} id={step.key} textValue={step.label} className="menu-item"><Text slot="label"><Name display={step.label} /></Text></MenuItem>)}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function stepsOf(tab: TabFrame): Step[] {
  const place = placeOf(tab);
  if (place === undefined || tab.info === undefined) return [];
  const folder = folderOf(tab);
  return [
    ...stepsAbove(tab, place.layer),
    ...(place.kind !== 'space' ? [] : place.crumbs.slice(1).map((crumb, i): Step => ({ key: `space ${i + 1}`, label: crumb.display, go: () => goTo(tab.id, { ...place, crumbs: place.crumbs.slice(0, i + 2) }) }))),
    ...(folder?.crumbs ?? []).slice(1).map((crumb, i): Step => ({ key: `crumb ${i + 1}`, label: crumb.display, at: i + 1, go: () => goTo(tab.id, { kind: 'folder', layer: place.layer, crumbs: folder!.crumbs.slice(0, i + 2) }) })),
    ...(place.kind === 'space' ? [{ key: 'space', label: texts.crumbs.space, go: () => {} }] : []),
    ...(place.kind === 'bytes' ? stepsToBytes(tab, place) : []),
    ...(place.kind === 'log' ? [{ key: 'log', label: texts.guestLog.command, go: () => {} }] : []),
    ...(place.kind === 'search' ? [{ key: 'search', label: texts.search.crumb(place.query.slice(0, 60)), go: () => {} }] : []),
  ];
}

/** The image, its tables and volumes, down to the root of the filesystem: each a step. Containers are left out, they lead nowhere. */
function stepsAbove(tab: TabFrame, layerPath: string): Step[] {
  const info = tab.info!;
  const steps: Step[] = [];
  for (let path: string | undefined = layerPath; path !== undefined; path = parentPath(path)) {
    const layer = layerAt(info, path);
    if (layer === undefined) continue;
    const here = path;
    if (layer.kind === 'volume') {
      const content = contentOf(info, layer);
      const label = layer.label || content?.label || texts.table.volume(layer.volume?.number);
      steps.unshift({ key: here, label, go: () => goTo(tab.id, content?.filesystem === undefined ? { kind: 'layer', layer: here } : { kind: 'folder', layer: content.path, crumbs: [{ node: content.filesystem.root, name: '', display: '' }] }) });
    } else if (layer.kind === 'table' && parentPath(here) !== undefined) {
      steps.unshift({ key: here, label: layer.title, go: () => goTo(tab.id, { kind: 'layer', layer: here }) });
    }
  }
  const top = info.layers.find((layer) => layer.kind === 'table') ?? info.layers[0];
  const root = info.layers.find((layer) => layer.path === layerPath);
  const single = root?.filesystem !== undefined && steps.length === 0;
  const first = {
    key: 'image', label: displayName(info.name),
    go: () => goTo(tab.id, single ? { kind: 'folder', layer: layerPath, crumbs: [{ node: root.filesystem!.root, name: '', display: '' }] } : { kind: 'layer', layer: top?.path ?? '0' }),
  };
  // The image's own step leads to its first table; that table needs no step beside it.
  return [first, ...steps.filter((step) => step.key !== top?.path)];
}

function useWidth(element: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(Number.POSITIVE_INFINITY);
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? Number.POSITIVE_INFINITY));
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

let measure: CanvasRenderingContext2D | undefined;

/** Pixels of a text in the window's font. A path is measured before it is drawn, so that it does not jump. */
function textWidth(text: string): number {
  if (measure === undefined) {
    measure = document.createElement('canvas').getContext('2d') ?? undefined;
    if (measure !== undefined) measure.font = getComputedStyle(document.body).font;
  }
  // Longer ones are cut anyway.
  return measure?.measureText(text.slice(0, 200)).width ?? text.length * 8;
}

/** The bytes of a layer, or of a file with the folders that lead to it. */
function stepsToBytes(tab: TabFrame, { file }: BytesPlace): Step[] {
  const folders = (file?.folder.crumbs ?? []).slice(1).map((crumb, i): Step => ({ key: `crumb ${i + 1}`, label: crumb.display, go: () => goTo(tab.id, { ...file!.folder, crumbs: file!.folder.crumbs.slice(0, i + 2) }) }));
  return [...folders, { key: 'bytes', label: texts.crumbs.bytes(file?.display), go: () => {} }];
}
