import { DiskError } from '../../engines/core/errors.ts';
import type { FileSystem } from '../../engines/core/filesystem.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { displayName } from '../../engines/core/names.ts';
import { LiveTree } from '../../host/mounts/live-tree.ts';
import { startTreeServer, type TreeServer } from '../../host/ninep/tree-server.ts';
import type { ImageSession } from '../../host/session.ts';
import { EXIT, errorText } from '../exit.ts';
import { CliJob } from '../job.ts';
import { keepForSure } from '../mount-keeper.ts';
import { type ImageOptions, openFilesystem, withImage } from '../open.ts';
import { type Serving, serveUntil, servingOf, type ServingOptions, tell } from '../serving.ts';

export interface Serve9pOptions extends ImageOptions, ServingOptions {}

/** Serves a volume's files by 9P, until it is stopped. */
export function serve9p(image: string, options: Serve9pOptions): Promise<number> {
  const serving = servingOf(options);
  const job = new CliJob({ title: 'Opening', json: false });
  return job.run((context) => {
    const stopped = new Promise<void>((resolve) => job.onInterrupt(resolve));
    return withImage(image, options, async (session) => {
      const layer = await openFilesystem(session, options.part, context);
      if (!serving.write) {
        await serveTree(layer.filesystem, layer.title, serving, stopped);
        return EXIT.done;
      }
      job.holdOut();
      const lost = await serveForWriting(session, layer.path, layer.title, serving, stopped, context);
      const exit = await keepForSure(session, tell);
      return lost ? EXIT.failed : exit;
    }, context);
  });
}

/** What clients write lies over the image until the end; with `direct` it goes to the image at once. @returns whether some of it was lost */
async function serveForWriting(session: ImageSession, path: string, title: string, serving: Serving, stopped: Promise<void>, job: JobContext): Promise<boolean> {
  const { editing } = session;
  await editing.unlock({ direct: serving.direct, job });
  const { state } = editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
  let lost = false;
  const tree = new LiveTree(session, path, {
    write: true,
    onLost(error) {
      lost = true;
      tell(`what programs wrote last could not be kept, and was taken back: ${errorText(error).replace(/^clutch: /, '')}`);
    },
  });
  try {
    await serveTree(tree.fs, title, serving, stopped);
  } finally {
    await tree.close();
  }
  return lost;
}

function serveTree(fs: FileSystem, title: string, serving: Serving, stopped: Promise<void>): Promise<TreeServer> {
  return serveUntil((onClients) => startTreeServer(fs, {
    ...(serving.at === undefined ? {} : { at: serving.at }),
    onClients,
    onFailure: ({ message }) => tell(message),
  }), mountLine, displayName(title), serving, stopped);
}

/** The command that mounts it on Linux; the folder is left to whoever runs it. */
function mountLine({ source: { options, device } }: TreeServer): string {
  // One word for a shell, whatever is in a path that somebody chose.
  const word = /^[\w./-]+$/.test(device) ? device : `'${device.replaceAll("'", `'\\''`)}'`;
  return `mount -t 9p -o ${options} ${word} DIR`;
}
