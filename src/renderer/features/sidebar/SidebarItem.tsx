import { Box, Camera, ChevronRight, CircleHelp, Disc3, FolderTree, HardDrive, LayoutPanelTop, Lock, type LucideIcon, MonitorCog, Package, TriangleAlert } from 'lucide-react';
import { createElement } from 'react';
import { Button, TreeItem, TreeItemContent } from 'react-aria-components';
import { formatSize } from '../../models/format.ts';
import type { Shown } from '../../models/layers.ts';
import { mountOf } from '../../models/mounts.ts';
import { Badge, LayerBadges } from '../../ui/badges.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import type { SidebarNode } from './Sidebar.tsx';

const t = texts.sidebarTree;

/** One line of the sidebar, and those below it. */
export function SidebarItem({ node }: { node: SidebarNode }) {
  const { tab, place } = node;
  const shown = place?.shown;
  const subvolume = place?.subvolume?.row;
  const title = subvolume?.display ?? (shown === undefined ? tab.source.name : titleOf(shown));
  return (
    <TreeItem id={node.id} textValue={title.slice(0, 300)} className="tree-item">
      <TreeItemContent>
        {({ hasChildItems }) => (
          <div className="tree-line">
            {hasChildItems ? <Button slot="chevron" className="chevron"><ChevronRight aria-hidden /></Button> : <span className="chevron" />}
            {createElement(iconOf(node), { 'aria-hidden': true, className: 'tree-icon' })}
            <span className="tree-text">
              <span className="tree-title">
                <Name display={title} />
                {shown === undefined ? null : <span className="dim tree-what">{whatOf(shown)}</span>}
                {subvolume === undefined ? null : <span className="dim tree-what">{subvolume.snapshot ? t.snapshot : t.subvolume}</span>}
              </span>
              {shown === undefined || !hasBadges(shown) ? null : <LayerBadges layer={shown.content} brief mount={mountOf(tab.mounted, shown.content.path)} />}
              {subvolume?.readOnly ? <span className="badges"><Badge icon={Lock} text={t.readOnly} /></span> : null}
            </span>
            {shown === undefined ? null : <span className="dim number">{formatSize(shown.layer.size)}</span>}
          </div>
        )}
      </TreeItemContent>
      {node.children.map((child) => <SidebarItem key={child.id} node={child} />)}
    </TreeItem>
  );
}

function hasBadges({ content }: Shown): boolean {
  return content.error !== undefined || content.filesystem !== undefined || content.waiting === true || content.kind === 'unknown' || content.notes.some((note) => note.severity !== 'note');
}

function titleOf({ layer, content }: Shown): string {
  if (layer.kind === 'volume') return layer.label || content.label || texts.table.volume(layer.volume?.number);
  return layer.label || layer.title;
}

function whatOf({ layer, content }: Shown): string {
  if (layer.kind === 'volume') return content === layer || content.kind === 'unknown' ? layer.title : content.title;
  return layer.label === '' ? '' : layer.title;
}

function iconOf({ place }: SidebarNode): LucideIcon {
  if (place?.subvolume !== undefined) return place.subvolume.row.snapshot ? Camera : FolderTree;
  if (place?.shown === undefined) return Disc3;
  const { content } = place.shown;
  if (content.error !== undefined) return TriangleAlert;
  if (content.waiting === true || content.guest !== undefined) return MonitorCog;
  return { container: Package, table: LayoutPanelTop, volume: Box, filesystem: HardDrive, unknown: CircleHelp }[content.kind];
}
