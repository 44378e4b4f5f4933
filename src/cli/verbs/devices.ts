import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskError, toDiskError } from '../../engines/core/errors.ts';
import { displayName } from '../../engines/core/names.ts';
import { openImage } from '../../host/session.ts';
import { EXIT, RefusedError } from '../exit.ts';
import { stderr, stdout } from '../streams.ts';
import { humanSize, table } from '../text.ts';

/** A disk or a partition, as Linux lists it. */
export interface Device {
  /** "/dev/sda1" */
  readonly path: string;
  readonly kind: 'disk' | 'partition';
  /** Bytes. */
  readonly size: number;
  readonly model: string;
  readonly readOnly: boolean;
  readonly removable: boolean;
  /** For partitions: their disk's path. */
  readonly parent?: string;
}

/** Prints the disks of this machine, with what is on them where they may be read. A disk that can't be read is no failure: the list is the result. */
export async function devices(options: { json?: boolean }, sys = '/sys/class/block', dev = '/dev'): Promise<number> {
  if (process.platform !== 'linux') throw new RefusedError('Disks are listed on Linux only so far; name a disk by its path instead');
  const found = listDevices(sys, dev);
  let forbidden = 0;
  const rows: string[][] = [];
  for (const device of found) {
    const { contents, label, uuid, error } = await look(device.path);
    if (error?.fault.kind === 'usage' && error.fault.errno === 'EACCES') forbidden++;
    if (options.json) {
      stdout.line(JSON.stringify({ ...device, ...(error === undefined ? { contents, label, uuid } : { error: { ...error.fault, message: error.message } }) }));
    } else {
      const marks = [device.readOnly ? 'read-only' : '', device.removable ? 'removable' : ''].filter((mark) => mark !== '').join(', ');
      const indent = device.kind === 'partition' ? '  ' : '';
      rows.push([indent + device.path, humanSize(device.size), displayName(error === undefined ? contents : `? ${error.message}`), displayName(label), displayName([device.model, marks].filter((text) => text !== '').join(', '))]);
    }
  }
  for (const line of table(rows, 'lrlll')) stdout.line(line);
  if (options.json) return EXIT.done;
  if (found.length === 0) stderr.line('clutch: this machine shows no disks (a container has none of its own)');
  if (forbidden > 0) stderr.line(`clutch: ${forbidden} of ${found.length} may not be read by this account; as root: sudo clutch devices`);
  return EXIT.done;
}

/** Disks with media and their partitions, each disk before its own; RAM disks and unused loop devices are left out. */
export function listDevices(sys: string, dev: string): Device[] {
  let names: string[];
  try {
    names = readdirSync(sys);
  } catch {
    return [];
  }
  const found: Device[] = [];
  for (const name of names) {
    if (/^(ram|zram)\d+$/.test(name)) continue;
    // The entries are links into the device tree, where a partition's folder lies in its disk's.
    const folder = realpathSync(join(sys, name));
    const attribute = (path: string) => readText(join(folder, path));
    const size = Number(attribute('size')) * 512;
    if (!(size > 0)) continue;
    const partition = attribute('partition') !== '';
    found.push({
      path: join(dev, name.replaceAll('!', '/')), kind: partition ? 'partition' : 'disk', size,
      model: attribute('device/model') || (attribute('loop/backing_file') && `loop of ${attribute('loop/backing_file')}`) || attribute('dm/name'),
      readOnly: attribute('ro') === '1', removable: attribute(partition ? '../removable' : 'removable') === '1',
      ...(partition ? { parent: join(dev, folder.split('/').at(-2)!.replaceAll('!', '/')) } : {}),
    });
  }
  const order = (device: Device) => [device.parent ?? device.path, device.parent === undefined ? '' : device.path] as const;
  const collator = new Intl.Collator('en', { numeric: true });
  return found.toSorted((a, b) => collator.compare(order(a)[0], order(b)[0]) || collator.compare(order(a)[1], order(b)[1]));
}

async function look(path: string): Promise<{ contents: string; label: string; uuid: string; error?: DiskError }> {
  try {
    const session = await openImage(path);
    try {
      return { contents: session.summary(), label: session.layers.label, uuid: session.layers.uuid };
    } finally {
      await session.close();
    }
  } catch (error) {
    return { contents: '', label: '', uuid: '', error: toDiskError(error) };
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
