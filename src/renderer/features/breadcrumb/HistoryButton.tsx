import { useState } from 'react';
import { Menu, MenuItem, MenuTrigger, Popover, Text } from 'react-aria-components';
import { goSteps } from '../../app/navigation.ts';
import type { Place, TabFrame } from '../../app/state.ts';
import { commandOf } from '../../commands/index.ts';
import { layerAt } from '../../models/layers.ts';
import { CommandButton } from '../../ui/buttons.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';

/** Places that the menu lists. */
const MAX_LISTED = 20;

/** Back or forward; held down, or by the other mouse button, a menu of all the places there. */
export function HistoryButton({ tab, to }: { tab: TabFrame; to: 'back' | 'forward' }) {
  const [open, setOpen] = useState(false);
  const places = (to === 'back' ? tab.history?.past.toReversed() : tab.history?.future)?.slice(0, MAX_LISTED) ?? [];
  const label = texts.history[to];
  const button = <CommandButton command={commandOf(to)} />;
  if (places.length === 0) return button;
  return (
    <MenuTrigger trigger="longPress" isOpen={open} onOpenChange={setOpen}>
      <span className="with-menu" role="presentation" onContextMenu={(event) => { event.preventDefault(); setOpen(true); }}>{button}</span>
      <Popover className="popover history-menu" placement="bottom start" aria-label={label}>
        <Menu className="menu" aria-label={label} onAction={(key) => goSteps(tab.id, (to === 'back' ? 1 : -1) * (Number(key) + 1))}>
          {places.map(({ place }, i) => {
            const name = nameOf(tab, place);
            return <MenuItem key={i} id={i} textValue={name} className="menu-item"><Text slot="label"><Name display={name} /></Text></MenuItem>;
          })}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function nameOf(tab: TabFrame, place: Place): string {
  if ('crumbs' in place) return place.crumbs.at(-1)?.display || tab.source.name;
  const layer = tab.info === undefined ? undefined : layerAt(tab.info, place.layer);
  return layer?.label || layer?.title || tab.source.name;
}
