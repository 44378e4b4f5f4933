import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { toDiskError } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import type { SourceToken } from '../../shared/contract/calls.ts';
import type { DeviceRow } from '../../shared/contract/devices.ts';
import type { Device, Devices } from './device.ts';
import { linuxDevices } from './linux.ts';
import type { Looked } from './look.ts';
import { macDevices, type Run } from './mac.ts';
import { windowsDevices } from './windows.ts';

/** Milliseconds that a system's own program has to list its disks. */
const LIST_WITHIN = 30_000;

const run: Run = async (program, args) => (await promisify(execFile)(program, args, { timeout: LIST_WITHIN, maxBuffer: 16 * 1024 * 1024, windowsHide: true })).stdout;

/** The disks of this computer. Never fails: why there is no list stands in `advice`. */
export async function listDevices(platform: NodeJS.Platform = process.platform): Promise<Devices> {
  try {
    const devices = await (platform === 'linux' ? linuxDevices() : platform === 'darwin' ? macDevices(run) : platform === 'win32' ? windowsDevices(run) : undefined);
    if (devices === undefined) return { devices: [], advice: `Clutch does not know how ${platform} lists its disks; name a disk by its path instead.` };
    return { devices, advice: devices.length > 0 ? '' : 'This computer shows no disks; a container has none of its own.' };
  } catch (error) {
    return { devices: [], advice: `The disks could not be listed: ${displayName(toDiskError(error).message).slice(0, 300)}` };
  }
}

/** Milliseconds between two looks at the list: on Linux it is read from the kernel's memory, elsewhere a program is started for it. */
export const LIST_EVERY = process.platform === 'linux' ? 2000 : 15_000;

/** A device as clients see it. What was read from it counts more than what the system knows. @param looked absent before it was looked at */
export function deviceRow({ path: _path, state: _state, used, model, parent, ...device }: Device, looked: Looked | undefined, source: SourceToken): DeviceRow {
  return {
    ...device, source: { ...source, name: shown(source.name), path: shown(source.path) }, model: shown(model), ...(parent === undefined ? {} : { parent: shown(parent) }), used: used.map(shown),
    contents: shown(looked?.contents || device.contents), label: shown(looked?.label || device.label), uuid: shown(looked?.uuid || device.uuid),
    ...(looked?.error === undefined ? {} : { error: { ...looked.error, message: shown(looked.error.message) } }),
  };
}

function shown(text: string): string {
  return displayName(text).slice(0, 1000);
}

/** What would show more: a sentence, or an empty text. */
export function devicesAdvice(advice: string, rows: readonly Pick<DeviceRow, 'error'>[]): string {
  const closed = rows.filter(({ error }) => error?.fault.kind === 'usage' && error.fault.errno === 'EACCES').length;
  return advice || (closed === 0 ? '' : `${closed} of ${rows.length} may not be read by this account.`);
}
