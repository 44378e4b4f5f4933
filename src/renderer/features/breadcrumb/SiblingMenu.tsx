import { ChevronRight } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover, Text } from 'react-aria-components';
import { type Folders, foldersIn, MAX_FOLDERS } from '../../app/folders.ts';
import { goTo } from '../../app/navigation.ts';
import { errorOf } from '../../app/services.ts';
import type { FolderPlace, TabFrame } from '../../app/state.ts';
import { formatCount } from '../../models/format.ts';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

const t = texts.places;

/**
 * What stands between two steps of a path: a menu of the folders beside the second.
 * @param at the second step's index among the crumbs of `place`
 */
export function SiblingMenu({ tab, place, at, open, onOpenChange }: { tab: TabFrame; place: FolderPlace; at: number; open: boolean; onOpenChange: (open: boolean) => void }) {
  const label = t.siblings(place.crumbs[at]!.display);
  return (
    <MenuTrigger isOpen={open} onOpenChange={onOpenChange}>
      <Button className="crumb-step" aria-label={label}><ChevronRight aria-hidden /></Button>
      <Popover className="popover sibling-menu" placement="bottom start" aria-label={label}>
        {open ? <Siblings tab={tab} place={place} at={at} label={label} /> : null}
      </Popover>
    </MenuTrigger>
  );
}

function Siblings({ tab, place, at, label }: { tab: TabFrame; place: FolderPlace; at: number; label: string }) {
  const [found, setFound] = useState<Folders | string>();
  const parents = place.crumbs.slice(0, at);
  const here = place.crumbs[at]!;
  const node = parents.at(-1)!.node;
  const { host } = tab;
  const { layer } = place;
  useEffect(() => {
    let left = false;
    foldersIn(host, layer, node).then(
      (folders) => { if (!left) setFound(folders); },
      (error: unknown) => { if (!left) setFound(`${t.failed}: ${errorOf(error).message}`); },
    );
    return () => { left = true; };
  }, [host, layer, node]);
  if (found === undefined || typeof found === 'string') return <p className="menu-note dim" role="status">{found ?? t.loading}</p>;
  if (found.rows.length === 0) return <p className="menu-note dim">{t.none}</p>;
  return (
    <>
      <Menu
        className="menu" aria-label={label} autoFocus="first" selectionMode="single" selectedKeys={[here.node]}
        onAction={(key) => {
          const row = found.rows.find((each) => each.node === key);
          if (row !== undefined) goTo(tab.id, { kind: 'folder', layer: place.layer, crumbs: [...parents, { node: row.targetNode ?? row.node, name: row.name, display: row.display }] });
        }}
      >
        {found.rows.map((row) => <MenuItem key={row.node} id={row.node} textValue={row.display} className={`menu-item ${row.node === here.node ? 'is-here' : ''}`}><Text slot="label"><Name display={row.display} /></Text></MenuItem>)}
      </Menu>
      {found.more ? <p className="menu-note dim">{t.more(formatCount(MAX_FOLDERS))}</p> : null}
    </>
  );
}
