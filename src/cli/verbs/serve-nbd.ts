import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { DiskError } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { type Layer, layersOf } from '../../engines/core/layer.ts';
import { displayName } from '../../engines/core/names.ts';
import type { NbdStatistics } from '../../engines/protocols/nbd/index.ts';
import { contentOf, openDirect } from '../../host/nbd/content.ts';
import { startDiskServer } from '../../host/nbd/disk-server.ts';
import type { ImageSession } from '../../host/session.ts';
import { EXIT } from '../exit.ts';
import { CliJob } from '../job.ts';
import { keepForSure } from '../mount-keeper.ts';
import { type ImageOptions, selectLayer, withImage } from '../open.ts';
import { type Serving, serveUntil, servingOf, type ServingOptions, tell } from '../serving.ts';

export interface ServeNbdOptions extends ImageOptions, ServingOptions {}

/** Serves a device until it is enough. @returns what was asked of it */
type Serve = (device: BlockDevice, layer: Layer) => Promise<Readonly<NbdStatistics>>;

/** Serves an image, or a volume of it, as a disk to other programs until it is stopped. */
export function serveNbd(image: string, options: ServeNbdOptions): Promise<number> {
  const serving = servingOf(options);
  const job = new CliJob({ title: 'Opening', json: false });
  return job.run(async (context) => {
    const stopped = new Promise<void>((resolve) => job.onInterrupt(resolve));
    const serve: Serve = (device, layer) => serveDisk(device, layer, serving, stopped);
    if (serving.direct) await serveDirectly(image, options, serve, context);
    else {
      return withImage(image, options, async (session) => {
        const layer = contentOf(selectLayer(session, options.part));
        if (!serving.write) {
          await serve(layer.device, layer);
          return EXIT.done;
        }
        job.holdOut();
        await stage(session, layer, serve);
        return keepForSure(session, tell);
      }, context, false);
    }
    return EXIT.done;
  });
}

/** Writes go to the image at once. */
async function serveDirectly(image: string, options: ServeNbdOptions, serve: Serve, job: JobContext): Promise<void> {
  // Our own view of the image is closed before another program writes to it.
  const { device, close, layer } = await withImage(image, options, async (session) => {
    const picked = contentOf(selectLayer(session, options.part));
    return { ...openDirect(session, picked), layer: picked };
  }, job, false);
  try {
    await serve(device, layer);
  } finally {
    close();
  }
}

/** What clients write lies over the image until the end. */
async function stage(session: ImageSession, { path }: Layer, serve: Serve): Promise<void> {
  const { editing } = session;
  await editing.unlock({ repair: true });
  const { state } = editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
  const layer = [...layersOf(session.layers)].find((each) => each.path === path)!;
  // Raw: what is written goes past the filesystem that we have open there.
  await editing.operation({ text: 'Written by other programs', layer: path, raw: true }, () => serve(layer.device, layer));
}

async function serveDisk(device: BlockDevice, layer: Layer, serving: Serving, stopped: Promise<void>): Promise<Readonly<NbdStatistics>> {
  const { stats } = await serveUntil((onClients) => startDiskServer({
    exports: [{ name: '', description: layer.title, device, readOnly: !serving.write }],
    ...(serving.at === undefined ? {} : { at: serving.at }),
    onClients,
    onFailure: ({ message }) => tell(message),
  }), (server) => server.uri(), displayName(layer.title), serving, stopped);
  return stats;
}
