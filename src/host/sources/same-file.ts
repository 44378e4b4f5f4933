import { type BigIntStats, statSync } from 'node:fs';

/** What tells a file from every other one of this computer, whatever it is called. */
export function fileId({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** Those of the files at these paths; what is not there has none. */
export function fileIds(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.flatMap((path) => {
    const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? [] : [fileId(stats)];
  }));
}
