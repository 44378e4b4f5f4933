import type { DeviceRow } from '../../shared/contract/devices.ts';
import { findBuilt } from '../../host/built.ts';
import { deviceRow, devicesAdvice, listDevices } from '../../host/devices/list.ts';
import { DeviceLooks } from '../../host/devices/looks.ts';
import { forkHost } from '../../host/serve/child.ts';
import { displayName } from '../../engines/core/names.ts';
import { EXIT } from '../exit.ts';
import { stderr, stdout } from '../streams.ts';
import { humanSize, table } from '../text.ts';

/** Prints the disks of this machine, with what is on them where they may be read. A disk that can't be read is no failure: the list is the result. */
export async function devices(options: { json?: boolean }): Promise<number> {
  const { devices: found, advice } = await listDevices();
  const looks = new DeviceLooks(() => forkHost(findBuilt().host));
  await looks.refresh(found);
  const rows = found.map((device) => deviceRow(device, looks.of(device), { token: '', name: '', path: device.path }));
  if (options.json) {
    for (const { source: { path }, ...row } of rows) stdout.line(JSON.stringify({ path, ...row, ...(row.error === undefined ? {} : { error: { ...row.error.fault, message: row.error.message, advice: row.error.advice } }) }));
    return EXIT.done;
  }
  if (rows.length > 0) for (const line of table([['PATH', 'SIZE', 'CONTENTS', 'LABEL', 'IN USE', 'MODEL'], ...rows.map((row) => cells(row).map(displayName))], 'lrllll')) stdout.line(line);
  const more = devicesAdvice(advice, rows);
  if (more !== '') stderr.line(`clutch: ${more}`);
  const closed = rows.find(({ error }) => error?.fault.kind === 'usage' && error.fault.errno === 'EACCES');
  if (closed?.error?.advice !== undefined) stderr.line(`  ${closed.error.advice}`);
  return EXIT.done;
}

/** A line of the table; what is read-only or removable is told with the model. */
function cells({ source, kind, size, contents, label, used, model, readOnly, removable, error }: DeviceRow): string[] {
  const marks = [readOnly ? 'read-only' : '', removable && kind === 'disk' ? 'removable' : ''];
  return [kind === 'partition' ? `  ${source.path}` : source.path, humanSize(size), contents === '' && error !== undefined ? `? ${error.message}` : contents, label, used.join(', '), [model, ...marks].filter((text) => text !== '').join(', ')];
}
