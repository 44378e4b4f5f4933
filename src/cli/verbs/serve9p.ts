import { DiskError, unsupported } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName } from '../../engines/core/names.ts';
import { startTreeServer, type TreeServer } from '../../host/ninep/tree-server.ts';
import type { FilesystemLayer, ImageSession } from '../../host/session.ts';
import { EXIT } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, openFilesystem, selectFilesystem, withImage } from '../open.ts';
import { type Serving, serveUntil, servingOf, type ServingOptions, tell } from '../serving.ts';
import { humanSize } from '../text.ts';

export interface Serve9pOptions extends ImageOptions, ServingOptions {}

type Serve = (layer: FilesystemLayer) => Promise<unknown>;

/** Serves a volume's files by 9P, until it is stopped. */
export function serve9p(image: string, options: Serve9pOptions): Promise<number> {
  const serving = servingOf(options);
  const job = new CliJob({ title: 'Opening', json: false });
  return job.run((context) => {
    const stopped = new Promise<void>((resolve) => job.onInterrupt(resolve));
    const serve: Serve = (layer) => serveTree(layer, serving, stopped);
    return withImage(image, options, async (session) => {
      const layer = await openFilesystem(session, options.part, context);
      if (serving.write) await stage(session, layer.path, serve, options, context);
      else await serve(layer);
      return EXIT.done;
    }, context);
  });
}

/** What clients write lies over the image until the end, and is applied then; with `direct` it goes to the image at once. */
async function stage(session: ImageSession, path: string, serve: Serve, { part, direct = false }: Serve9pOptions, job: JobContext): Promise<void> {
  const { editing } = session;
  await editing.unlock({ direct, job });
  const { state } = editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
  await editing.operation({ text: 'Written by other programs', layer: path }, async () => {
    const layer = selectFilesystem(session, part);
    if (layer.filesystem.writer === undefined) throw layer.notWritable ?? unsupported(layer.filesystem.info.format, layer.filesystem.info.access.reason);
    await serve(layer);
  });
  if (direct) return;
  const { bytes } = await new CliJob({ title: 'Applying', json: false }).run((context) => editing.apply(context));
  tell(bytes === 0 ? 'nothing was written' : `${humanSize(bytes)} were applied`);
}

function serveTree(layer: FilesystemLayer, serving: Serving, stopped: Promise<void>): Promise<TreeServer> {
  return serveUntil((onClients) => startTreeServer(layer.filesystem, {
    ...(serving.at === undefined ? {} : { at: serving.at }),
    onClients,
    onFailure: ({ message }) => tell(message),
  }), mountLine, displayName(layer.title), serving, stopped);
}

/** The command that mounts it on Linux; the folder is left to whoever runs it. */
function mountLine({ source: { options, device } }: TreeServer): string {
  // One word for a shell, whatever is in a path that somebody chose.
  const word = /^[\w./-]+$/.test(device) ? device : `'${device.replaceAll("'", `'\\''`)}'`;
  return `mount -t 9p -o ${options} ${word} DIR`;
}
