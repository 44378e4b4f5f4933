import { formatCount } from '../models/format.ts';

/** "1 file", "1,204 files". */
export const plural = (count: number, one: string, many: string): string => `${formatCount(count)} ${count === 1 ? one : many}`;
