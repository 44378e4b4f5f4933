export { launchGuest, prepareGuest } from './launch.ts';
