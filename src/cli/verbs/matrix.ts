import { registry } from '../../engines/index.ts';
import { missingOf } from '../../host/guests/format.ts';
import { installed } from '../../host/guests/installed.ts';
import { cellText, makeMatrix, matrixMarkdown, mountTable, shippedMatrix, unserved } from '../../host/guests/matrix.ts';
import { NATIVES } from '../../host/guests/natives.ts';
import { PROOFS } from '../../host/guests/proofs.ts';
import { mountProviders } from '../../host/mounts/providers.ts';
import { EXIT, UsageError } from '../exit.ts';
import { stdout } from '../streams.ts';
import { table } from '../text.ts';

/** Shows which filesystem opens with what, and how well. */
export async function matrix(options: { readonly json?: boolean; readonly markdown?: boolean }): Promise<number> {
  if (options.json && options.markdown) throw new UsageError('--json and --markdown are two ways to print it');
  const support = installed();
  const guests = await support.guests();
  if (options.markdown) {
    stdout.write(matrixMarkdown(shippedMatrix(registry, NATIVES, guests, PROOFS), mountProviders));
    return EXIT.done;
  }
  const { columns, rows } = makeMatrix(registry, NATIVES, guests, (guest) => missingOf(guest, support), PROOFS);
  if (options.json) {
    for (const { format, title, cells } of rows) stdout.line(JSON.stringify({ format, title, openers: Object.fromEntries(cells.map((cell, i) => [columns[i]!.id, cell])) }));
    return EXIT.done;
  }
  for (const line of table([['', ...columns.map(({ id }) => id.replace(/^guest:/, ''))], ...rows.map(({ title, cells }) => [title, ...cells.map((cell) => (cell.support === 'unbuilt' ? `(${cellText(cell)})` : cellText(cell)))])], 'l'.repeat(columns.length + 1))) stdout.line(line);
  stdout.line();
  stdout.line('rw: read and written; ro: read only; bad: known to be no good; (…): once it is built; ✓: shown by a test');
  if (unserved(rows).length > 0) stdout.line(`Nothing here opens ${unserved(rows).join(', ')}.`);
  for (const { id, missing } of columns) if (missing !== '') stdout.line(`${id}: ${missing}`);
  stdout.line();
  stdout.line('What makes a volume a folder or a drive:');
  for (const line of table(mountTable(mountProviders), 'llll')) stdout.line(line);
  return EXIT.done;
}
