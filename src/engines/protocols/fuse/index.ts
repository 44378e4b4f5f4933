export type { FuseChannel } from './channel.ts';
export { type FuseOptions, type FuseServer, serveFuse } from './server.ts';
export type { FuseStatistics } from './session.ts';
export { type WarmUp, warmUpRequests } from './warm-up.ts';
