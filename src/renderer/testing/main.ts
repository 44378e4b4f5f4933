import { start } from '../app/start.tsx';
import { fakeServices } from './fake.ts';

/** The window over the fake: for tests of the page alone, without a host. `?dialogs=native`, `?client=electron` and `?recents=0` change what the app says of itself. */
const options = new URLSearchParams(location.search);
start(fakeServices({ client: options.get('client') === 'electron' ? 'electron' : 'browser', dialogs: options.get('dialogs') === 'native' ? 'native' : 'path', recents: options.get('recents') === 'long' ? 'long' : options.get('recents') !== '0', slow: Number(options.get('slow') ?? 0), guests: options.get('guests') ?? '', devices: options.get('devices') ?? '', mounts: options.get('mounts') ?? '' }));
