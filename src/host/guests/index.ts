export { buildGuest, type BuildOptions } from './build/index.ts';
export { addGuest, catalogue, type BadGuest, type Catalogue, findGuest, noSuchGuest, readBuilt, removeGuest } from './catalogue.ts';
export { launchGuest, prepareGuest } from './launch.ts';
export { type GuestPlaces, guestPlaces } from './places.ts';
export type { BuiltGuest, Guest, GuestManifest } from './manifest.ts';
