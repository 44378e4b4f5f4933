import { ChevronRight, File, Folder, TriangleAlert } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button, type Key, Tree, TreeItem, TreeItemContent } from 'react-aria-components';
import { isFocusFree } from '../../app/focus.ts';
import { formatSize } from '../../models/format.ts';
import { cut } from '../../models/names.ts';
import { pathTo, shareOf, type SpaceItem } from '../../models/treemap.ts';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.space;

/** Entries of one folder that are listed; the rest is among the smaller ones. */
const LISTED = 100;

const NONE: ReadonlySet<Key> = new Set();

/** A line: an item, or what is smaller beside its neighbours. */
interface Line {
  readonly id: string;
  readonly item: SpaceItem | undefined;
  readonly smaller: { readonly count: number; readonly size: number };
  readonly lines: readonly Line[];
}

function linesOf(folder: SpaceItem, expanded: ReadonlySet<Key>): Line[] {
  const { smaller = { count: 0, size: 0 } } = folder.node;
  const listed = folder.children.slice(0, LISTED);
  const lines = listed.map((item): Line => ({
    id: item.key, item, smaller,
    // Of a closed folder one line is enough to say that it can be opened.
    lines: item.children.length === 0 ? [] : expanded.has(item.key) ? linesOf(item, expanded) : [{ id: `${item.key}/…`, item: undefined, smaller, lines: [] }],
  }));
  const rest = folder.children.slice(LISTED);
  const count = smaller.count + rest.length;
  if (count > 0) lines.push({ id: `${folder.key}/smaller`, item: undefined, smaller: { count, size: rest.reduce((sum, { node }) => sum + node.size, smaller.size) }, lines: [] });
  return lines;
}

/** The same as the map, as a tree for keys and ears, linked with it. */
export function SpaceList({ top, name, chosen, choose, enter, hues }: {
  top: SpaceItem; name: string; chosen: string | undefined; choose: (key: string | undefined) => void; enter: (key: string) => void; hues: ReadonlyMap<string, number>;
}) {
  const tree = useRef<HTMLDivElement>(null);
  const [opened, setOpened] = useState<ReadonlySet<Key>>(new Set());
  const [{ beside, keys: closedThen }, setClosed] = useState<{ readonly beside: string | undefined; readonly keys: ReadonlySet<Key> }>({ beside: undefined, keys: NONE });
  // What leads to the chosen item is open, unless it was closed since that was chosen.
  const closed = beside === chosen ? closedThen : NONE;
  const leading = useMemo(() => ancestorsOf(chosen), [chosen]);
  const expanded = useMemo(() => new Set([...opened, ...leading].filter((key) => !closed.has(key))), [opened, leading, closed]);
  const lines = useMemo(() => linesOf(top, expanded), [top, expanded]);
  useEffect(() => {
    // A line itself: the tree hands the focus on to its first line only when it knows its lines already.
    const frame = requestAnimationFrame(() => {
      const rows = tree.current;
      if (isFocusFree() || document.activeElement === rows) (rows?.querySelector<HTMLElement>('[aria-selected="true"]') ?? rows?.querySelector<HTMLElement>('[role="row"]'))?.focus();
    });
    return () => cancelAnimationFrame(frame);
  }, []);
  useEffect(() => {
    if (chosen !== undefined) tree.current?.querySelector(`[data-key="${CSS.escape(chosen)}"]`)?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <Tree
      ref={tree} aria-label={t.list(cut(name, 60))} className="tree space-list" items={lines} dependencies={[lines, top, hues]}
      selectionMode="single" selectionBehavior="replace"
      selectedKeys={chosen === undefined ? [] : [chosen]}
      expandedKeys={expanded}
      onExpandedChange={(keys) => {
        setClosed({ beside: chosen, keys: new Set([...closed, ...expanded].filter((key) => !keys.has(key))) });
        setOpened(new Set([...opened, ...keys].filter((key) => keys.has(key))));
      }}
      onSelectionChange={(keys) => choose(keys === 'all' ? undefined : [...keys].map(String)[0])}
      onAction={(key) => enter(String(key))}
    >
      {(line) => <ListLine line={line} whole={top.node.size} hues={hues} />}
    </Tree>
  );
}

function ListLine({ line, whole, hues }: { line: Line; whole: number; hues: ReadonlyMap<string, number> }) {
  const { item } = line;
  const { size } = item?.node ?? line.smaller;
  const share = shareOf(size, whole);
  const title = item === undefined ? t.smaller(line.smaller.count) : item.node.display;
  const Icon = item === undefined ? undefined : item.node.type === 'dir' ? Folder : File;
  const hue = item === undefined ? undefined : hues.get(pathTo(item)[0]!.key);
  return (
    <TreeItem id={line.id} textValue={`${cut(title, 200)}, ${formatSize(size)}, ${t.percent(share)}`} className="tree-item" isDisabled={item === undefined}>
      <TreeItemContent>
        {({ hasChildItems }) => (
          <div className="tree-line space-line">
            {hasChildItems ? <Button slot="chevron" className="chevron"><ChevronRight aria-hidden /></Button> : <span className="chevron" />}
            {Icon === undefined ? <span className="space-icon" /> : <Icon aria-hidden className="tree-icon space-icon" />}
            <span className="space-name">{item === undefined ? <span className="dim">{title}</span> : <Name display={item.node.display} />}</span>
            {item?.node.unreadable === true ? <TriangleAlert role="img" aria-label={t.partly} className="space-torn" /> : null}
            <span className="space-bar" aria-hidden><span className={`space-part tone-${hue ?? 'none'}`} style={{ width: `${share * 100}%` }} /></span>
            <span className="number dim space-share">{t.percent(share)}</span>
            <span className="number space-size">{formatSize(size)}</span>
          </div>
        )}
      </TreeItemContent>
      {line.lines.map((each) => <ListLine key={each.id} line={each} whole={whole} hues={hues} />)}
    </TreeItem>
  );
}

/** The keys of the folders around an item, without the topmost, which is the page. */
function ancestorsOf(key: string | undefined): string[] {
  const parts = key?.split('/') ?? [];
  return parts.slice(2).map((_, i) => parts.slice(0, i + 2).join('/'));
}
