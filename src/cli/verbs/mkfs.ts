import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { displayName } from '../../engines/core/names.ts';
import { putTree } from '../../host/jobs/put/tree.ts';
import { makeFilesystem, makeImage, type NewFilesystem } from '../../host/make.ts';
import { EXIT, UsageError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { selectLayer, withImage } from '../open.ts';
import { stderr } from '../streams.ts';
import { counted, humanSize } from '../text.ts';
import { parseBytes } from './hexdump.ts';

export interface MkfsOptions {
  readonly type: string;
  readonly size?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly option: readonly string[];
  readonly from?: string;
  readonly part?: string;
  readonly force?: boolean;
}

/** Makes a filesystem: in a new image file, or over what an image holds. */
export function mkfs(image: string, options: MkfsOptions): Promise<number> {
  const path = resolve(image);
  const what: NewFilesystem = {
    variant: options.type, options: readOptions(options.option),
    ...(options.label === undefined ? {} : { label: options.label }), ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
  };
  const job = new CliJob({ title: options.from === undefined ? 'Making' : 'Copying', json: false });
  return existsSync(path) ? job.run(() => over(path, what, options, job)) : job.run(() => anew(path, what, options, job));
}

async function anew(path: string, what: NewFilesystem, options: MkfsOptions, job: CliJob): Promise<number> {
  if (options.size === undefined) throw new UsageError(`There is no ${path}; give the size of a new image with --size (64M, 2G)`);
  if (options.part !== undefined) throw new UsageError('--part picks a volume of an image that is there');
  const { from } = options;
  let told = '';
  await makeImage(path, parseBytes(options.size), what, job.context, from === undefined ? undefined : async (fs) => {
    const { files, directories, bytes, problems } = await putTree(fs, fs.root, resolve(from), job.context);
    told = `, with ${counted(files, 'file')} and ${counted(directories, 'folder')} (${humanSize(bytes)})${problems > 0 ? `; ${problems} not wholly kept` : ''}`;
  });
  stderr.line(`clutch: made ${displayName(path)}: ${what.variant} of ${humanSize(parseBytes(options.size))}${told}`);
  return job.errors > 0 ? EXIT.failed : EXIT.done;
}

/** All or nothing: it is made in an overlay that is applied when it is whole. */
async function over(path: string, what: NewFilesystem, options: MkfsOptions, job: CliJob): Promise<number> {
  if (options.size !== undefined) throw new UsageError(`${path} is there already: it keeps its size`);
  if (options.from !== undefined) throw new UsageError('--from fills a new image only');
  return withImage(path, options.part === undefined ? {} : { part: options.part }, async (session) => {
    const { path: at, title, volume } = selectLayer(session, options.part);
    const name = volume === undefined ? displayName(session.name) : `volume ${volume.number ?? at} of ${displayName(session.name)} (${volume.type})`;
    if (!options.force) throw new UsageError(`${name} would be overwritten (it holds: ${title}); say --force if that is wanted`);
    await session.editing.unlock({ repair: true, job: job.context });
    await session.editing.operation({ text: `Made a new ${what.variant}`, layer: at, raw: true }, () => makeFilesystem(selectLayer(session, options.part).device, what));
    await session.editing.apply(job.context);
    stderr.line(`clutch: made ${what.variant} over ${name}`);
    return EXIT.done;
  }, job.context, false);
}

function readOptions(given: readonly string[]): Record<string, string> {
  return Object.fromEntries(given.map((each) => {
    const [, name, value] = /^([a-z-]+)=(.*)$/.exec(each) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`-o takes NAME=VALUE, not "${each}"`);
    return [name, value];
  }));
}
