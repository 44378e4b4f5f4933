import { useRef } from 'react';
import { Menu, Popover, Separator } from 'react-aria-components';
import { useApp } from '../../app/state.ts';
import { commandOf, runCommand } from '../../commands/index.ts';
import { VOLUME_MENU } from '../../commands/volume.ts';
import { texts } from '../../texts/index.ts';
import { isMac } from '../../ui/buttons.tsx';
import { CommandItem } from '../../ui/menus.tsx';

/** The menu of the selected volume, at the pointer or at its row. */
export function VolumeMenu({ at, onClose }: { at: { readonly x: number; readonly y: number }; onClose: () => void }) {
  const state = useApp();
  const anchor = useRef<HTMLDivElement>(null);
  const mac = isMac(state.info?.platform);
  return (
    <>
      <div ref={anchor} className="menu-anchor" aria-hidden style={{ left: at.x, top: at.y }} />
      <Popover className="popover" aria-label={texts.map.menu} placement="bottom start" offset={0} triggerRef={anchor} isOpen onOpenChange={(open) => { if (!open) onClose(); }}>
        <Menu
          className="menu" aria-label={texts.map.menu} autoFocus="first" onClose={onClose}
          onAction={(id) => {
            onClose();
            runCommand(String(id));
          }}
        >
          {VOLUME_MENU.map((id, i) => (id === null ? <Separator key={`line-${i}`} className="menu-rule" /> : <CommandItem key={id} id={id} mac={mac} enabled={commandOf(id).enabled(state)} />))}
        </Menu>
      </Popover>
    </>
  );
}
