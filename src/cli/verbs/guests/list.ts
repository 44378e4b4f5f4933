import { displayName } from '../../../engines/core/names.ts';
import { catalogue, type Guest, readBuilt } from '../../../host/guests/index.ts';
import { EXIT, errorText } from '../../exit.ts';
import { stderr, stdout } from '../../streams.ts';
import { table } from '../../text.ts';

/** Prints the guests of this computer. One whose description is wrong is told on standard error, and makes the exit status 1. */
export async function listGuests(options: { json?: boolean }): Promise<number> {
  const { guests, bad } = catalogue();
  if (options.json) for (const guest of guests) stdout.line(JSON.stringify(guestJson(guest)));
  else for (const line of table(guests.map(rowOf), 'llll')) stdout.line(line);
  for (const { error } of bad) stderr.line(errorText(error));
  return bad.length > 0 ? EXIT.failed : EXIT.done;
}

function rowOf({ manifest, state, missing, origin, files }: Guest): string[] {
  const kernel = state === 'missing' ? '' : readBuilt(files)?.kernelVersion ?? '';
  return [manifest.name, `${state}${origin === 'added' ? ', added' : ''}`, displayName(kernel), displayName(missing === '' ? manifest.summary : missing)];
}

/** A guest as `--json` has it. */
export function guestJson({ manifest, state, missing, origin, files, folder }: Guest): Record<string, unknown> {
  const built = manifest.source === undefined ? undefined : readBuilt(files);
  return {
    name: manifest.name, title: manifest.title, summary: manifest.summary, architecture: manifest.architecture, state, missing, origin, folder, files,
    ...(built === undefined ? {} : { kernel: built.kernelVersion, built: built.built, digest: built.digest }),
    filesystems: manifest.filesystems.map(({ format, title, type, access, reason }) => ({ format, title: title ?? type, type, access, ...(reason === undefined ? {} : { reason }) })),
    tables: manifest.tables, trees: manifest.trees,
  };
}
