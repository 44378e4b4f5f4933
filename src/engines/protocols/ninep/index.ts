/** 9P2000.L and 9P2000.u over any ByteChannel: the client that guests' volumes are read and written by. See README.md. */
export { type AbortLike, connect9p, type ConnectOptions, type NinepClient, type Timeout } from './client.ts';
export { type About, open9pFileSystem } from './filesystem.ts';
export type { Dialect } from './messages.ts';
export { serve9p, type ServeOptions } from './server.ts';
