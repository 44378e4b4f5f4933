import { existsSync } from 'node:fs';
import { win32 } from 'node:path';
import { type RunProgram, runProgram } from './programs.ts';

/** A WinFsp that is on this computer. */
export interface WinfspPlace {
  /** Its folder. */
  readonly folder: string;
  /** The library for this machine's processes. */
  readonly library: string;
  /** "2.1.25156"; undefined where the installer left no word of it. */
  readonly version?: string;
}

/** Where its installer, a 32-bit one, leaves word of it, and where 32-bit programs' keys would be on a 32-bit Windows. */
const KEYS = ['HKLM\\SOFTWARE\\WOW6432Node\\WinFsp', 'HKLM\\SOFTWARE\\WinFsp'];
const VERSION_KEY = 'HKCR\\Installer\\Dependencies\\WinFsp';

/** Its libraries by what Node calls the machine's kind. */
const LIBRARIES: Readonly<Record<string, string>> = { x64: 'winfsp-x64.dll', arm64: 'winfsp-a64.dll', ia32: 'winfsp-x86.dll' };

export interface LookForWinfsp {
  readonly run?: RunProgram;
  readonly exists?: (path: string) => boolean;
  readonly env?: NodeJS.ProcessEnv;
  readonly arch?: string;
}

/** Looks for WinFsp in the registry, then in the folder where it is put unless told otherwise. @returns undefined where it is not */
export async function findWinfsp({ run = runProgram, exists = existsSync, env = process.env, arch = process.arch }: LookForWinfsp = {}): Promise<WinfspPlace | undefined> {
  const name = LIBRARIES[arch];
  if (name === undefined) return undefined;
  const reg = win32.join(env.SystemRoot ?? 'C:\\Windows', 'System32', 'reg.exe');
  const value = async (key: string, of: string): Promise<string | undefined> => {
    const { status, out } = await run(reg, ['query', key, '/v', of]);
    return status === 0 ? registryValue(out, of) : undefined;
  };
  const folders: string[] = [];
  for (const key of KEYS) folders.push(await value(key, 'InstallDir') ?? '');
  folders.push(...[env['ProgramFiles(x86)'], env.ProgramFiles].map((base) => (base === undefined ? '' : win32.join(base, 'WinFsp'))));
  for (const folder of folders) {
    const library = win32.join(folder, 'bin', name);
    if (folder === '' || !exists(library)) continue;
    const version = await value(VERSION_KEY, 'Version');
    return { folder, library, ...(version === undefined ? {} : { version }) };
  }
  return undefined;
}

/** The text of a REG_SZ value in what reg.exe prints: name, type and value in columns. */
export function registryValue(printed: string, name: string): string | undefined {
  for (const line of printed.split(/\r?\n/)) {
    const [, found, value] = /^\s+(\S+)\s+REG_(?:EXPAND_)?SZ\s+(.*?)\s*$/.exec(line) ?? [];
    if (found?.toLowerCase() === name.toLowerCase() && value !== undefined && value !== '') return value;
  }
  return undefined;
}
