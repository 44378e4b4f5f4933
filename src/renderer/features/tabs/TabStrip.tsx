import { ChevronDown, ChevronLeft, ChevronRight, HardDrive, House, MonitorCog, Plug, Plus, TriangleAlert, X } from 'lucide-react';
import { type DragEvent, type MouseEvent, useEffect, useRef, useState } from 'react';
import { Button, Menu, MenuItem, MenuTrigger, Popover, Tab, TabList, Text } from 'react-aria-components';
import { displayName } from '../../../engines/core/names.ts';
import { direction } from '../../app/appearance.ts';
import { framesOf, setApp, type TabFrame, useApp } from '../../app/state.ts';
import { closeTab } from '../../app/leaving.ts';
import { moveTab } from '../../app/tabs.ts';
import { TAB_MENU } from '../../commands/tabs.ts';
import { commandOf } from '../../commands/index.ts';
import { CommandButton, IconButton } from '../../ui/buttons.tsx';
import { CommandMenu, type Point, pointOf, PointPopover } from '../../ui/menus.tsx';
import { Name } from '../../ui/name.tsx';
import { texts } from '../../texts/index.ts';
import { AppMenu } from './AppMenu.tsx';

const t = texts.tabs;

/** The key of the start page's tab, which is there while it is shown. */
export const START = 'start';

/** Its own kind, so that a tab dragged in the strip is not taken for a file. */
const DRAGGED = 'application/x-clutch-tab';

/** What says to screen readers that a tab's image is mounted: a tab's own name stays what it is. */
const MOUNTED = 'tab-mounted';

const isMounted = ({ mounted }: TabFrame): boolean => (mounted?.length ?? 0) > 0;

/** One tab an image, and the menu of everything. */
export function TabStrip() {
  const tabs = useApp(framesOf);
  const active = useApp((state) => state.active);
  const guests = useApp((state) => state.start === 'guests');
  const [menu, setMenu] = useState<Point>();
  const { strip, overflows, scroll } = useOverflow(active, tabs.length);
  const onContextMenu = (event: MouseEvent): void => {
    const tab = tabOf(event);
    if (tab === undefined) return;
    event.preventDefault();
    // The commands act on the active tab, so it becomes that.
    setApp({ active: tab.id });
    setMenu(pointOf(event, tab.element));
  };
  if (tabs.length === 0) {
    return (
      <header className="tab-strip">
        <span className="app-name">{texts.app.name}</span>
        <CommandButton command={commandOf('open')} />
        <span className="spacer" />
        <AppMenu />
      </header>
    );
  }
  return (
    <header className="tab-strip">
      {overflows ? <IconButton label={t.earlier} icon={ChevronLeft} excludeFromTabOrder onPress={() => scroll(-1)} /> : null}
      {/* The mouse's way; the keyboard has commands, and opens the menu with Shift+F10. */}
      <div
        ref={strip} className="tab-scroll" role="presentation" onContextMenu={onContextMenu}
        onMouseDown={(event) => { if (event.button === 1 && tabOf(event) !== undefined) event.preventDefault(); }}
        onAuxClick={(event) => {
          const tab = event.button === 1 ? tabOf(event) : undefined;
          if (tab !== undefined) closeTab(tab.id);
        }}
      >
        <TabList aria-label={t.label} className="tab-list">
          {tabs.map((tab, i) => <Tab key={tab.id} id={tab.id} className="tab" aria-label={tab.source.name} {...(isMounted(tab) ? { 'aria-describedby': MOUNTED } : {})} data-tab={tab.id}><TabFace tab={tab} at={i} /></Tab>)}
          {active === undefined ? <Tab key={START} id={START} className="tab"><span className="tab-face">{guests ? <MonitorCog aria-hidden /> : <House aria-hidden />}<span className="tab-name">{guests ? texts.guestsPage.title : t.welcome}</span></span></Tab> : null}
        </TabList>
      </div>
      {overflows ? <IconButton label={t.later} icon={ChevronRight} excludeFromTabOrder onPress={() => scroll(1)} /> : null}
      <CommandButton command={commandOf('new-tab')} icon={Plus} />
      {overflows ? <AllTabs tabs={tabs} active={active} /> : null}
      <span id={MOUNTED} hidden>{texts.mount.mark}</span>
      <span className="spacer" />
      <AppMenu />
      <PointPopover at={menu} label={t.label} onClose={() => setMenu(undefined)}><CommandMenu label={t.label} ids={TAB_MENU} onClose={() => setMenu(undefined)} /></PointPopover>
    </header>
  );
}

function TabFace({ tab, at }: { tab: TabFrame; at: number }) {
  const [over, setOver] = useState(false);
  const isTab = (event: DragEvent): boolean => event.dataTransfer.types.includes(DRAGGED);
  return (
    <span
      className={`tab-face ${over ? 'is-over' : ''}`} draggable
      onDragStart={(event) => { event.dataTransfer.setData(DRAGGED, String(tab.id)); event.dataTransfer.effectAllowed = 'move'; }}
      onDragOver={(event) => { if (isTab(event)) { event.preventDefault(); setOver(true); } }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        if (!isTab(event)) return;
        event.preventDefault();
        moveTab(Number(event.dataTransfer.getData(DRAGGED)), at);
      }}
    >
      {tab.state === 'failed' || tab.state === 'lost' ? <TriangleAlert aria-hidden /> : <HardDrive aria-hidden />}
      <span className="tab-name" title={displayName(tab.source.path).slice(0, 4096)}><Name display={tab.source.name} /></span>
      {isMounted(tab) ? <span className="tab-mount" title={texts.mount.mark} aria-hidden><Plug aria-hidden /></span> : null}
      <TabClose name={tab.source.name} id={tab.id} />
    </span>
  );
}

/** For the mouse; the keyboard has Ctrl+W. A tab's content may hold no control of its own, so it is hidden from assistive technology. */
function TabClose({ name, id }: { name: string; id: number }) {
  return (
    <span
      className="tab-close" title={t.close(name)} aria-hidden data-testid={`close-tab-${id}`}
      onPointerDown={(event) => event.stopPropagation()}
      onMouseDown={(event) => event.stopPropagation()}
      onClick={(event) => {
        event.stopPropagation();
        closeTab(id);
      }}
    >
      <X aria-hidden />
    </span>
  );
}

/** The tabs by name, for when they don't fit. */
function AllTabs({ tabs, active }: { tabs: readonly TabFrame[]; active: number | undefined }) {
  return (
    <MenuTrigger>
      <Button className="icon-button" aria-label={t.all}><ChevronDown aria-hidden /></Button>
      <Popover className="popover all-tabs" placement="bottom end" aria-label={t.all}>
        <Menu className="menu" aria-label={t.all} selectionMode="single" selectedKeys={active === undefined ? [] : [active]} onAction={(id) => setApp({ active: Number(id) })}>
          {tabs.map((tab) => (
            <MenuItem key={tab.id} id={tab.id} textValue={tab.source.name} className={`menu-item ${tab.id === active ? 'is-on' : ''}`}>
              {tab.state === 'failed' || tab.state === 'lost' ? <TriangleAlert aria-hidden /> : <HardDrive aria-hidden />}
              <Text slot="label" className="menu-label"><Name display={tab.source.name} /></Text>
              <Text slot="description" className="menu-reason"><bdi>{displayName(tab.source.path).slice(0, 4096)}</bdi></Text>
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function tabOf(event: MouseEvent): { id: number; element: Element } | undefined {
  const element = event.target instanceof Element ? event.target.closest('[data-tab]') : null;
  return element === null ? undefined : { id: Number(element.getAttribute('data-tab')), element };
}

/** Whether the tabs fit, with the active one kept in sight. */
function useOverflow(active: number | undefined, count: number) {
  const strip = useRef<HTMLDivElement>(null);
  const [overflows, setOverflows] = useState(false);
  const isEmpty = count === 0;
  useEffect(() => {
    const element = strip.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setOverflows(element.scrollWidth > element.clientWidth + 1));
    observer.observe(element);
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
    // The strip is there only while there are tabs.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [isEmpty]);
  useEffect(() => {
    // In the next frame: React Aria draws the tabs in a second pass.
    const frame = requestAnimationFrame(() => strip.current?.querySelector('[data-selected]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }));
    return () => cancelAnimationFrame(frame);
    // For each of these the strip may have moved.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [active, count, overflows]);
  const scroll = (step: 1 | -1): void => strip.current?.scrollBy({ left: step * (direction === 'rtl' ? -1 : 1) * strip.current.clientWidth * 0.7, behavior: 'smooth' });
  return { strip, overflows, scroll };
}
