export type { NbdExport } from './export.ts';
export { checkExports } from './export.ts';
export { type NbdConnection, type NbdOptions, serveNbd } from './server.ts';
export { type NbdStatistics, newStatistics } from './statistics.ts';
