import { Box, ChevronRight, CircleHelp, Disc3, HardDrive, LayoutPanelTop, type LucideIcon, Package, TriangleAlert } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Button, type Key, Tree, TreeItem, TreeItemContent } from 'react-aria-components';
import { goTo, goToLayer, placeOf } from '../../app/navigation.ts';
import { activeTab, setApp, type Tab, useApp } from '../../app/state.ts';
import { formatSize } from '../../models/format.ts';
import { parentPath, type Shown, shownTree } from '../../models/layers.ts';
import { LayerBadges } from '../../ui/badges.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

interface Node {
  readonly id: string;
  readonly tab: Tab;
  readonly shown?: Shown;
  readonly children: readonly Node[];
}

function nodesOf(tab: Tab): Node {
  const node = (shown: Shown): Node => ({ id: `${tab.id}:${shown.layer.path}`, tab, shown, children: shown.children.map(node) });
  const tops = tab.info === undefined ? [] : shownTree(tab.info).map(node);
  // A single filesystem in an image is the image: one line is enough.
  return { id: `${tab.id}:`, tab, children: tops };
}

/** The open images with their layers: where each is, and how it is. */
export function Sidebar() {
  const tabs = useApp((state) => state.tabs);
  const active = useApp(activeTab);
  const nodes = useMemo(() => tabs.map(nodesOf), [tabs]);
  const [closed, setClosed] = useState<ReadonlySet<Key>>(new Set());
  const all = useMemo(() => nodes.flatMap((node) => idsOf(node)), [nodes]);
  const selected = selectedId(nodes, active);
  return (
    <nav className="sidebar" aria-label={texts.sidebar.label}>
      <Tree
        aria-label={texts.sidebar.label} className="tree" items={nodes} dependencies={[nodes]}
        selectionMode="single" selectionBehavior="replace" disallowEmptySelection
        selectedKeys={selected === undefined ? [] : [selected]}
        expandedKeys={all.filter((id) => !closed.has(id))}
        onExpandedChange={(open) => setClosed(new Set(all.filter((id) => !open.has(id))))}
        onSelectionChange={(keys) => {
          const [key] = keys === 'all' ? [] : keys;
          if (key !== undefined && key !== selected) show(String(key), nodes);
        }}
        onAction={(key) => show(String(key), nodes)}
      >
        {(node) => <Item node={node} />}
      </Tree>
    </nav>
  );
}

function Item({ node }: { node: Node }) {
  const { tab, shown } = node;
  const title = shown === undefined ? tab.source.name : titleOf(shown);
  const Icon = shown === undefined ? Disc3 : iconOf(shown);
  return (
    <TreeItem id={node.id} textValue={title} className="tree-item">
      <TreeItemContent>
        {({ hasChildItems }) => (
          <div className="tree-line">
            {hasChildItems ? <Button slot="chevron" className="chevron"><ChevronRight aria-hidden /></Button> : <span className="chevron" />}
            <Icon aria-hidden className="tree-icon" />
            <span className="tree-text">
              <span className="tree-title"><Name display={title} />{shown === undefined ? null : <span className="dim tree-what">{whatOf(shown)}</span>}</span>
              {shown === undefined || !hasBadges(shown) ? null : <LayerBadges layer={shown.content} brief />}
            </span>
            {shown === undefined ? null : <span className="dim number">{formatSize(shown.layer.size)}</span>}
          </div>
        )}
      </TreeItemContent>
      {node.children.map((child) => <Item key={child.id} node={child} />)}
    </TreeItem>
  );
}

function hasBadges({ content }: Shown): boolean {
  return content.error !== undefined || content.filesystem !== undefined || content.kind === 'unknown' || content.notes.some((note) => note.severity !== 'note');
}

function titleOf({ layer, content }: Shown): string {
  if (layer.kind === 'volume') return layer.label || content.label || texts.table.volume(layer.volume?.number);
  return layer.label || layer.title;
}

function whatOf({ layer, content }: Shown): string {
  if (layer.kind === 'volume') return content === layer || content.kind === 'unknown' ? layer.title : content.title;
  return layer.label === '' ? '' : layer.title;
}

function iconOf({ content }: Shown): LucideIcon {
  if (content.error !== undefined) return TriangleAlert;
  return { container: Package, table: LayoutPanelTop, volume: Box, filesystem: HardDrive, unknown: CircleHelp }[content.kind];
}

function idsOf(node: Node): string[] {
  return [node.id, ...node.children.flatMap(idsOf)];
}

function selectedId(nodes: readonly Node[], tab: Tab | undefined): string | undefined {
  if (tab === undefined) return undefined;
  const ids = new Set(nodes.flatMap(idsOf));
  for (let path = placeOf(tab)?.layer; path !== undefined; path = parentPath(path)) {
    if (ids.has(`${tab.id}:${path}`)) return `${tab.id}:${path}`;
  }
  return `${tab.id}:`;
}

function show(id: string, nodes: readonly Node[]): void {
  const find = (list: readonly Node[]): Node | undefined => {
    for (const each of list) {
      const found = each.id === id ? each : find(each.children);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const node = find(nodes);
  if (node === undefined) return;
  setApp({ active: node.tab.id });
  if (node.shown !== undefined) goToLayer(node.tab.id, node.shown.content);
  else if (node.tab.info !== undefined) goTo(node.tab.id, { kind: 'layer', layer: node.tab.info.layers.find((layer) => layer.kind === 'table')?.path ?? '0' });
}
