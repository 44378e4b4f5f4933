import { createRoot } from 'react-dom/client';
import '../styles/index.css';
import { runCommand } from '../commands/index.ts';
import { Boundary } from '../ui/boundary.tsx';
import { notifyError } from '../ui/toasts.ts';
import { App } from './App.tsx';
import { followAppearance } from './appearance.ts';
import { followMenu } from './native-menu.ts';
import { receiveSettings } from './navigation.ts';
import { followProgress } from './progress.ts';
import { errorOf, provideServices, type Services } from './services.ts';
import { followSession, restoreSession } from './session.ts';
import { flushSettings } from './settings.ts';
import { getApp, setApp } from './state.ts';
import { lose, openSources } from './tabs.ts';

/** Shows the window over these services, and follows what the app tells it. */
export function start(services: Services): void {
  provideServices(services);
  window.addEventListener('pagehide', flushSettings);
  followAppearance();
  createRoot(document.getElementById('root')!).render(<Boundary><App /></Boundary>);
  void begin(services);
}

async function begin({ app }: Services): Promise<void> {
  app.onClose((reason) => notifyError({ fault: { kind: 'io' }, message: reason }));
  try {
    const [info, recents, settings] = await Promise.all([app.call('app.info', {}), app.call('recents.list', {}), app.call('settings.get', {})]);
    setApp({ info, recents });
    receiveSettings(settings);
    // With the frame that shows it: what the time to a usable window is measured by.
    requestAnimationFrame(() => performance.mark('clutch:usable'));
    if (info.client === 'electron') {
      followMenu(app);
      followProgress(app);
    }
    // Before the images that this start was given, which become the active ones.
    await restoreSession(app);
    followSession(app);
    for await (const event of app.stream('app.events', {})) {
      switch (event.event) {
        case 'open':
          openSources(event.sources);
          break;
        case 'recents':
          setApp({ recents: event.recents });
          break;
        case 'settings':
          receiveSettings(event.settings);
          break;
        case 'command':
          runCommand(event.command);
          break;
        case 'lost':
          for (const tab of getApp().tabs) lose(tab.id, event.image, event.reason, true);
          break;
      }
    }
  } catch (error) {
    notifyError(errorOf(error));
  }
}
