import { X } from 'lucide-react';
import { type MouseEvent, useEffect, useMemo, useRef, useState } from 'react';
import { type Key, Tree } from 'react-aria-components';
import { useNarrow } from '../../app/narrow.ts';
import { folderOf, goTo, goToLayer, placeOf } from '../../app/navigation.ts';
import { activeFrame, framesOf, getApp, setApp, type TabFrame, useApp } from '../../app/state.ts';
import { volumeMenu } from '../../commands/volume.ts';
import { parentPath } from '../../models/layers.ts';
import { type PlaceNode, placesOf, subvolumeId } from '../../models/places.ts';
import { IconButton } from '../../ui/buttons.tsx';
import { CommandMenu, type Point, pointOf, PointPopover } from '../../ui/menus.tsx';
import { texts } from '../../texts/index.ts';
import { Devices } from '../devices/Devices.tsx';
import { Resizer } from './Resizer.tsx';
import { SidebarItem } from './SidebarItem.tsx';

const t = texts.sidebarTree;

/** A line: an image, or something in it. */
export interface SidebarNode {
  readonly id: string;
  readonly tab: TabFrame;
  readonly place?: PlaceNode;
  readonly children: readonly SidebarNode[];
}

function nodesOf(tab: TabFrame): SidebarNode {
  const node = (place: PlaceNode): SidebarNode => ({ id: `${tab.id}:${place.id}`, tab, place, children: place.children.map(node) });
  return { id: `${tab.id}:`, tab, children: tab.info === undefined ? [] : placesOf(tab.info).map(node) };
}

/** The open images with their volumes and subvolumes. In a narrow window it lies over the content while it is needed. */
export function Sidebar() {
  const narrow = useNarrow();
  const wanted = useApp((state) => state.settings.sidebar);
  const over = useApp((state) => state.sidebarOver);
  const width = useApp((state) => state.settings.sidebarWidth);
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!narrow) setApp({ sidebarOver: false });
    if (!narrow || !over) return undefined;
    // In the next frame: React Aria draws the lines in a second pass.
    const frame = requestAnimationFrame(() => (nav.current?.querySelector<HTMLElement>('[role="row"][data-selected]') ?? nav.current?.querySelector<HTMLElement>('[role="row"]'))?.focus());
    const onKey = (event: KeyboardEvent): void => { if (event.key === 'Escape') setApp({ sidebarOver: false }); };
    window.addEventListener('keydown', onKey, { capture: true });
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener('keydown', onKey, { capture: true });
    };
  }, [narrow, over]);
  if (narrow ? !over : !wanted) return null;
  const style = width > 0 && !narrow ? { width } : {};
  return (
    <>
      {narrow ? <div className="sidebar-veil" role="presentation" onClick={() => setApp({ sidebarOver: false })} /> : null}
      <nav ref={nav} className={`sidebar ${narrow ? 'is-over' : ''}`} aria-label={texts.sidebar.label} style={style}>
        {narrow ? <div className="sidebar-head"><h1>{texts.sidebar.label}</h1><IconButton label={t.close} icon={X} onPress={() => setApp({ sidebarOver: false })} /></div> : null}
        <Places onChosen={() => { if (narrow) setApp({ sidebarOver: false }); }} />
        <Devices onChosen={() => { if (narrow) setApp({ sidebarOver: false }); }} />
      </nav>
      {narrow ? null : <Resizer sidebar={nav} />}
    </>
  );
}

function Places({ onChosen }: { onChosen: () => void }) {
  const tabs = useApp(framesOf);
  const active = useApp(activeFrame);
  const nodes = useMemo(() => tabs.map(nodesOf), [tabs]);
  const [closed, setClosed] = useState<ReadonlySet<Key>>(new Set());
  const [menu, setMenu] = useState<{ readonly at: Point; readonly node: SidebarNode }>();
  const all = useMemo(() => new Map(nodes.flatMap(flat).map((node) => [node.id, node])), [nodes]);
  const selected = selectedId(all, active);
  const show = (key: Key): void => {
    const node = all.get(String(key));
    if (node === undefined) return;
    showNode(node);
    onChosen();
  };
  const onContextMenu = (event: MouseEvent): void => {
    const element = event.target instanceof Element ? event.target.closest('[role="row"]') : null;
    const node = all.get(element?.getAttribute('data-key') ?? '');
    if (element === null || node === undefined) return;
    event.preventDefault();
    // Commands are about what is shown, so it is shown first.
    showNode(node);
    setMenu({ at: pointOf(event, element), node });
  };
  return (
    <div className="tree-box" role="presentation" onContextMenu={onContextMenu}>
      <Tree
        aria-label={texts.sidebar.label} className="tree" items={nodes} dependencies={[nodes]}
        selectionMode="single" selectionBehavior="replace" disallowEmptySelection
        selectedKeys={selected === undefined ? [] : [selected]}
        expandedKeys={[...all.keys()].filter((id) => !closed.has(id))}
        onExpandedChange={(open) => setClosed(new Set([...all.keys()].filter((id) => !open.has(id))))}
        onSelectionChange={(keys) => {
          const [key] = keys === 'all' ? [] : keys;
          if (key !== undefined && key !== selected) show(key);
        }}
        onAction={show}
      >
        {(node) => <SidebarItem node={node} />}
      </Tree>
      <PointPopover at={menu?.at} label={texts.sidebar.label} onClose={() => setMenu(undefined)}>
        <CommandMenu label={texts.sidebar.label} ids={menu?.node.place?.shown === undefined ? ['overview', 'properties', null, 'close-tab'] : [...volumeMenu(getApp()), null, 'overview', 'close-tab']} onClose={() => setMenu(undefined)} />
      </PointPopover>
    </div>
  );
}

function flat(node: SidebarNode): SidebarNode[] {
  return [node, ...node.children.flatMap(flat)];
}

/** The line of the place that is shown: the innermost subvolume, else the layer, else what holds it. */
function selectedId(all: ReadonlyMap<string, SidebarNode>, tab: TabFrame | undefined): string | undefined {
  if (tab === undefined) return undefined;
  const layer = placeOf(tab)?.layer;
  const folder = folderOf(tab);
  const rows = tab.info?.layers.find(({ path }) => path === layer)?.filesystem?.subvolumes;
  if (layer !== undefined && folder !== undefined && rows !== undefined) {
    for (const crumb of folder.crumbs.toReversed()) {
      const row = rows.find(({ root }) => root === crumb.node);
      if (row !== undefined) return `${tab.id}:${subvolumeId(layer, row.id)}`;
    }
  }
  for (let path = layer; path !== undefined; path = parentPath(path)) {
    if (all.has(`${tab.id}:${path}`)) return `${tab.id}:${path}`;
  }
  return `${tab.id}:`;
}

function showNode({ tab, place }: SidebarNode): void {
  setApp({ active: tab.id });
  if (place?.subvolume !== undefined) {
    const { layer, row } = place.subvolume;
    goTo(tab.id, { kind: 'folder', layer: layer.path, crumbs: [{ node: layer.filesystem!.root, name: '', display: '' }, { node: row.root, name: row.path, display: row.display }] });
  } else if (place?.shown !== undefined) goToLayer(tab.id, place.shown.content);
  else if (tab.info !== undefined) goTo(tab.id, { kind: 'layer', layer: tab.info.layers.find((layer) => layer.kind === 'table')?.path ?? '0' });
}
