import { useEffect } from 'react';
import { I18nProvider, TabPanel, Tabs } from 'react-aria-components';
import { Dialogs } from '../features/dialogs/Dialogs.tsx';
import { DragGhost } from '../features/editing/DragGhost.tsx';
import { DropOverlay } from '../features/welcome/DropOverlay.tsx';
import { ColumnsMenu } from '../features/browser/ColumnsMenu.tsx';
import { ContextMenu } from '../features/browser/ContextMenu.tsx';
import { GuestsPage } from '../features/guests/GuestsPage.tsx';
import { ImageView } from '../features/layers/ImageView.tsx';
import { Sidebar } from '../features/sidebar/Sidebar.tsx';
import { StatusBar } from '../features/browser/StatusBar.tsx';
import { START, TabStrip } from '../features/tabs/TabStrip.tsx';
import { Toolbar } from '../features/breadcrumb/Toolbar.tsx';
import { TransfersPanel } from '../features/transfers/TransfersPanel.tsx';
import { Welcome } from '../features/welcome/Welcome.tsx';
import { commandOfKeys, runCommand } from '../commands/index.ts';
import { isMac } from '../ui/buttons.tsx';
import { Boundary } from '../ui/boundary.tsx';
import { texts } from '../texts/index.ts';
import { Toasts } from '../ui/toast-region.tsx';
import { locale } from './appearance.ts';
import { useRestingFocus } from './focus.ts';
import { watchLeaving } from './leaving.ts';
import { useTitle } from './progress.ts';
import { activeFrame, activeTab, getApp, setApp, useApp } from './state.ts';
import { openTab } from './tabs.ts';
import { watchDrops } from './drops.ts';

/** The window. */
export function App() {
  const tab = useApp(activeFrame);
  const view = useApp((state) => activeTab(state)?.listing?.view);
  const empty = useApp((state) => state.tabs.length === 0);
  const over = useApp((state) => state.sidebarOver);
  useRestingFocus(tab?.id, tab?.state, tab?.history?.present.place, useApp((state) => state.dialog === undefined && !state.quickLook), view);
  useEffect(watchDrops, []);
  useEffect(watchLeaving, []);
  useEffect(watchKeys, []);
  useTitle(tab);
  useEffect(() => {
    if (tab?.state === 'asleep') void openTab(tab.id);
  }, [tab?.id, tab?.state]);
  return (
    <I18nProvider locale={locale}>
      {empty ? (
        <>
          <TabStrip />
          <main className="main"><Start /></main>
        </>
      ) : (
        // React Aria renders all that stands in Tabs a second time, unseen, to find the tabs, and only panels are left out: so everything is in the panel.
        <Tabs className="window" selectedKey={tab?.id ?? START} onSelectionChange={(key) => setApp({ active: key === START ? undefined : Number(key) })}>
          <TabStrip />
          <main className="main">
            {tab === undefined ? <TabPanel key={START} id={START} className="tab-panel"><Start /></TabPanel> : (
              <TabPanel key={tab.id} id={tab.id} className="tab-panel">
                <nav aria-label={texts.toolbar.label}><Toolbar tab={tab} /></nav>
                <div className="body">
                  <Sidebar />
                  <div className="content" inert={over} tabIndex={-1} data-resting><Boundary key={tab.id}><ImageView id={tab.id} /></Boundary></div>
                </div>
              </TabPanel>
            )}
          </main>
        </Tabs>
      )}
      <TransfersPanel />
      <StatusBar />
      <Dialogs />
      <ContextMenu />
      <ColumnsMenu />
      <DropOverlay />
      <DragGhost />
      <Toasts />
      <Announcer />
    </I18nProvider>
  );
}

/** What is shown while no image is. */
function Start() {
  return useApp((state) => state.start) === 'guests' ? <GuestsPage /> : <Welcome />;
}

/** What screen readers are told. */
function Announcer() {
  const announcement = useApp((state) => state.announcement);
  return <div className="visually-hidden" role="status" aria-live="polite" data-testid="announcer">{announcement}</div>;
}

/** Keys that work anywhere in the window, and the mouse's back and forward buttons. */
function watchKeys(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || document.querySelector('.overlay, .menu') !== null) return;
    const target = event.target instanceof Element ? event.target : undefined;
    const writing = target?.closest('input, textarea, [contenteditable]') !== null && target !== undefined;
    const inList = target?.closest('.grid-body') !== null && target !== undefined;
    // In a text field the field's own keys win; in a preview, Ctrl+A and Ctrl+C select and copy its text.
    const command = commandOfKeys(event, inList, isMac(getApp().info?.platform));
    if (command === undefined || (command.listOnly && !inList)) return;
    if (!command.anywhere && (writing || (target?.closest('.preview') !== null && target !== undefined && event.key.toLowerCase() === 'a'))) return;
    event.preventDefault();
    runCommand(command.id);
  };
  // Lists, tables and trees of volumes take Enter for opening whatever is held with it, and tell nobody further out.
  const onAltEnter = (event: KeyboardEvent): void => {
    if (!event.altKey || event.key !== 'Enter') return;
    onKey(event);
    if (event.defaultPrevented) event.stopPropagation();
  };
  const onMouse = (event: MouseEvent): void => {
    if (event.button !== 3 && event.button !== 4) return;
    event.preventDefault();
    if (event.type === 'mouseup' && document.querySelector('.overlay') === null) runCommand(event.button === 3 ? 'back' : 'forward');
  };
  window.addEventListener('keydown', onAltEnter, true);
  window.addEventListener('keydown', onKey);
  window.addEventListener('mousedown', onMouse);
  window.addEventListener('mouseup', onMouse);
  return () => {
    window.removeEventListener('keydown', onAltEnter, true);
    window.removeEventListener('keydown', onKey);
    window.removeEventListener('mousedown', onMouse);
    window.removeEventListener('mouseup', onMouse);
  };
}
