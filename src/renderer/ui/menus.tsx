import { type ReactNode, useRef } from 'react';
import { Keyboard, Menu, MenuItem, Popover, Separator, Text } from 'react-aria-components';
import { getApp, useApp } from '../app/state.ts';
import { commandOf, runCommand } from '../commands/index.ts';
import { shownKeys } from '../commands/keys.ts';
import { isMac } from './buttons.tsx';

/** For the `render` of a menu item: told to be off, though React Aria lets it have the focus. */
export function itemElement(off: boolean): (props: React.JSX.IntrinsicElements['div'] | React.JSX.IntrinsicElements['a']) => React.ReactElement {
  // Menus here hold no links.
  return (props) => <div {...(props as React.JSX.IntrinsicElements['div'])} {...(off ? { 'aria-disabled': true, 'data-disabled': true } : {})} />;
}

/**
 * A command as a menu entry. One that can't be run stays where it is and can be reached by the keyboard, so that everybody hears
 * why: React Aria would skip an entry that it knows as disabled, so only its role is told.
 */
export function CommandItem({ id, mac, enabled, on = false, label }: { id: string; mac: boolean; enabled: true | string; on?: boolean; label?: string }) {
  const command = commandOf(id);
  const Icon = command.icon;
  const [keys] = command.keys;
  const text = label ?? command.title?.(getApp()) ?? command.label;
  const off = enabled !== true;
  return (
    <MenuItem
      id={id} textValue={text} className={`menu-item ${on ? 'is-on' : ''}`} shouldCloseOnSelect={!off}
      render={itemElement(off)}
    >
      <Icon aria-hidden />
      <Text slot="label" className="menu-label">{text}</Text>
      {keys === undefined ? null : <Keyboard>{shownKeys(keys, mac)}</Keyboard>}
      {off ? <Text slot="description" className="menu-reason">{enabled}</Text> : null}
    </MenuItem>
  );
}

/** Commands of the list as a menu; null is a line. */
export function CommandMenu({ label, ids, onClose }: { label: string; ids: readonly (string | null)[]; onClose?: () => void }) {
  const state = useApp();
  const mac = isMac(state.info?.platform);
  const run = (id: string): void => {
    // Before it is run: what the command opens must not be closed with the menu.
    if (commandOf(id).enabled(state) === true) onClose?.();
    runCommand(id);
  };
  return (
    <Menu className="menu" aria-label={label} autoFocus="first" onAction={(id) => run(String(id))} {...(onClose === undefined ? {} : { onClose })}>
      {ids.map((id, i) => (id === null
        ? <Separator key={`line-${i}`} className="menu-rule" />
        : <CommandItem key={id} id={id} mac={mac} enabled={commandOf(id).enabled(state)} on={commandOf(id).on?.(state) ?? false} />))}
    </Menu>
  );
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A popover at a point of the window: where the pointer was, or the focused thing is. */
export function PointPopover({ at, label, onClose, children }: { at: Point | undefined; label: string; onClose: () => void; children: ReactNode }) {
  const anchor = useRef<HTMLDivElement>(null);
  return (
    <>
      <div ref={anchor} className="menu-anchor" aria-hidden style={{ left: at?.x ?? 0, top: at?.y ?? 0 }} />
      {/* Only while it is open: React Aria takes what stands in a closed popover inside of Tabs for a part of the tabs. */}
      {at === undefined ? null : (
        <Popover key={`${at.x},${at.y}`} className="popover" aria-label={label} placement="bottom start" offset={0} triggerRef={anchor} isOpen onOpenChange={(open) => { if (!open) onClose(); }}>
          {children}
        </Popover>
      )}
    </>
  );
}

/** Where the menu of an element goes: to the pointer, or under the element when the keyboard asked for it. */
export function pointOf(event: { readonly clientX: number; readonly clientY: number; readonly nativeEvent: Event }, element: Element): Point {
  // Chromium gives an event of the keyboard's no pointer type.
  const byKeyboard = event.nativeEvent instanceof PointerEvent && event.nativeEvent.pointerType === '';
  if (!byKeyboard && (event.clientX !== 0 || event.clientY !== 0)) return { x: event.clientX, y: event.clientY };
  const box = element.getBoundingClientRect();
  return { x: box.left + 12, y: box.bottom };
}
