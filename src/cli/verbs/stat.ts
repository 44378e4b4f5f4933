import type { FileSystem, Stat } from '../../engines/core/filesystem.ts';
import { decodeName, displayName, isDecodable, type Name } from '../../engines/core/names.ts';
import { pathOf } from '../../host/paths.ts';
import { entryJson, xattrsOf } from '../entry.ts';
import { EXIT } from '../exit.ts';
import { reportError } from '../job.ts';
import { type ImageOptions, withFilesystem } from '../open.ts';
import { OutputEnded } from '../output.ts';
import { findTyped } from '../paths.ts';
import { stdout } from '../streams.ts';
import { humanSize, modeText, octal, table, timeText } from '../text.ts';

export interface StatOptions extends ImageOptions {
  readonly dereference?: boolean;
}

/** Everything about entries. */
export function stat(image: string, paths: readonly string[], options: StatOptions): Promise<number> {
  return withFilesystem(image, options, async ({ filesystem }) => {
    let status: number = EXIT.done;
    for (const [i, typed] of paths.entries()) {
      try {
        const found = await findTyped(filesystem, typed, { followLast: options.dereference === true });
        const path = pathOf(found.steps);
        if (options.json) await printJson(filesystem, path, found.stat);
        else {
          if (i > 0) stdout.line();
          await printPage(filesystem, path, found.stat);
        }
      } catch (error) {
        if (error instanceof OutputEnded) throw error;
        reportError(error, typed, options.json === true);
        status = EXIT.failed;
      }
    }
    return status;
  });
}

async function printJson(fs: FileSystem, path: Name, found: Stat): Promise<void> {
  const xattrs = await xattrsOf(fs, found);
  const hex = Object.fromEntries(xattrs.map(([name, value]) => [name, Buffer.from(value).toString('hex')]));
  stdout.line(JSON.stringify({ ...(await entryJson(fs, path, found)), ...(xattrs.length > 0 ? { xattrs: hex } : {}) }));
}

async function printPage(fs: FileSystem, path: Name, found: Stat): Promise<void> {
  const rows: string[][] = [
    ['Path', displayName(path)],
    ['Type', found.type],
    ...(found.type === 'symlink' ? [['Target', displayName(await fs.readlink(found.node))]] : []),
    ...(found.device ? [['Device', `${found.device.major}, ${found.device.minor}`]] : []),
    ['Size', found.size < 1024 ? `${found.size} bytes` : `${found.size} bytes (${humanSize(found.size)})`],
    ['Allocated', `${found.allocated} bytes`],
    ['Mode', `${octal(found.mode)} ${modeText(found.type, found.mode)}`],
    ['Owner', `${found.uid}:${found.gid}`],
    ['Links', String(found.nlink)],
    ['Inode', String(found.node)],
    ['Modified', `${timeText(found.mtime, true)} UTC`],
    ['Accessed', `${timeText(found.atime, true)} UTC`],
    ['Changed', `${timeText(found.ctime, true)} UTC`],
    ...(found.btime === undefined ? [] : [['Created', `${timeText(found.btime, true)} UTC`]]),
    ...(found.flags.length > 0 ? [['Flags', found.flags.join(', ')]] : []),
    ...(await xattrsOf(fs, found)).map(([name, value]) => ['Attribute', `${displayName(name)} = ${valueText(value)}`]),
  ];
  for (const line of table(rows.map(([label, value]) => [`${label}:`, value!]), 'll')) stdout.line(line);
}

/** Quoted where it is readable text, else in hexadecimal, as getfattr(1) shows values. */
export function valueText(value: Uint8Array): string {
  const text = decodeName(value);
  return isDecodable(text) && displayName(text) === text ? JSON.stringify(text) : `0x${Buffer.from(value).toString('hex')}`;
}
