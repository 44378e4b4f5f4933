import { useEffect, useRef } from 'react';
import { Menu, Popover, Separator } from 'react-aria-components';
import { commandOf, ENTRY_MENU, runCommand } from '../../commands/index.ts';
import { activeTab, getApp, setApp, useApp } from '../../app/state.ts';
import { countOf } from '../../models/ranges.ts';
import { isMac } from '../../ui/buttons.tsx';
import { CommandItem } from '../../ui/menus.tsx';
import { texts } from '../../texts/index.ts';

/** The menu of the selected entries, at the pointer or under the focused row. */
export function ContextMenu() {
  const state = useApp();
  const anchor = useRef<HTMLDivElement>(null);
  const { menu } = state;
  const tab = activeTab(state);
  const mac = isMac(state.info?.platform);
  useEffect(() => {
    // What it was opened at lies elsewhere now, or nowhere.
    const close = (): void => { if (getApp().menu !== undefined) setApp({ menu: undefined }); };
    window.addEventListener('resize', close);
    return () => window.removeEventListener('resize', close);
  }, []);
  const nothing = tab === undefined || countOf(tab.selection.ranges) === 0;
  return (
    <>
      <div ref={anchor} className="menu-anchor" aria-hidden style={{ left: menu?.x ?? 0, top: menu?.y ?? 0 }} />
      <Popover
        key={menu === undefined ? '' : `${menu.x},${menu.y}`} className="popover" aria-label={texts.groups.entry} placement="bottom start" offset={0} triggerRef={anchor}
        isOpen={menu !== undefined} onOpenChange={(open) => { if (!open) setApp({ menu: undefined }); }}
      >
        <Menu
          className="menu" aria-label={texts.groups.entry} autoFocus="first" onClose={() => setApp({ menu: undefined })}
          onAction={(id) => {
            setApp({ menu: undefined });
            runCommand(String(id));
          }}
        >
          {ENTRY_MENU.filter((id) => id !== 'show-in-folder' || tab?.listing?.search !== undefined).map((id, i) => (id === null
            ? <Separator key={`line-${i}`} className="menu-rule" />
            : <CommandItem key={id} id={id} mac={mac} enabled={commandOf(id).enabled(state)} {...(id === 'extract' && nothing ? { label: texts.commands.extractAll } : {})} />))}
        </Menu>
      </Popover>
    </>
  );
}
