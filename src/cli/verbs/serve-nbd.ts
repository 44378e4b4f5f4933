import type { BlockDevice } from '../../engines/core/bytes/device.ts';
import { DiskError } from '../../engines/core/errors.ts';
import type { JobContext } from '../../engines/core/job.ts';
import { type Layer, layersOf } from '../../engines/core/layers.ts';
import { displayName } from '../../engines/core/names.ts';
import type { NbdStatistics } from '../../engines/protocols/nbd/index.ts';
import { contentOf, openDirect } from '../../host/nbd/content.ts';
import { type DiskServerOptions, startDiskServer } from '../../host/nbd/disk-server.ts';
import type { ImageSession } from '../../host/session.ts';
import { EXIT, UsageError } from '../exit.ts';
import { CliJob } from '../job.ts';
import { type ImageOptions, selectLayer, withImage } from '../open.ts';
import { stderr, stdout } from '../streams.ts';
import { humanSize } from '../text.ts';

export interface ServeNbdOptions extends ImageOptions {
  readonly write?: boolean;
  readonly direct?: boolean;
  readonly socket?: string;
  readonly port?: string;
  readonly once?: boolean;
}

/** Serves a device until it is enough. @returns what was asked of it */
type Serve = (device: BlockDevice, layer: Layer) => Promise<Readonly<NbdStatistics>>;

/** Serves an image, or a volume of it, as a disk to other programs until it is stopped. */
export function serveNbd(image: string, options: ServeNbdOptions): Promise<number> {
  const { write = false, direct = false, once = false, part } = options;
  if (direct && !write) throw new UsageError('--direct is a way of writing: say --write --direct');
  const at = placeOf(options);
  const job = new CliJob({ title: 'Opening', json: false });
  return job.run(async (context) => {
    const stopped = new Promise<void>((resolve) => job.onInterrupt(resolve));
    const serve: Serve = (device, layer) => serveUntil(device, layer, write, { at, once, stopped });
    if (direct) await serveDirectly(image, options, serve, context);
    else {
      await withImage(image, options, async (session) => {
        const layer = contentOf(selectLayer(session, part));
        if (write) await stage(session, layer, serve);
        else await serve(layer.device, layer);
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

/** What clients write lies over the image until the end, and is applied then. */
async function stage(session: ImageSession, { path }: Layer, serve: Serve): Promise<void> {
  const { editing } = session;
  await editing.unlock({ repair: true });
  const { state } = editing;
  if (state.state === 'editing' && state.cannotApply !== undefined) throw DiskError.from(state.cannotApply);
  const layer = [...layersOf(session.layers)].find((each) => each.path === path)!;
  // Raw: what is written goes past the filesystem that we have open there.
  const { bytesWritten } = await editing.operation({ text: 'Written by other programs', layer: path, raw: true }, () => serve(layer.device, layer));
  if (bytesWritten === 0) {
    tell('nothing was written');
    return;
  }
  const { bytes } = await new CliJob({ title: 'Applying', json: false }).run((context) => editing.apply(context));
  tell(`${humanSize(bytes)} were applied`);
}

interface Until {
  readonly at: DiskServerOptions['at'];
  /** Ends when all clients are gone that had opened it. */
  readonly once: boolean;
  readonly stopped: Promise<void>;
}

async function serveUntil(device: BlockDevice, layer: Layer, write: boolean, { at, once, stopped }: Until): Promise<Readonly<NbdStatistics>> {
  let leave: (() => void) | undefined;
  const left = new Promise<void>((resolve) => { leave = resolve; });
  const server = await startDiskServer({
    exports: [{ name: '', description: layer.title, device, readOnly: !write }],
    ...(at === undefined ? {} : { at }),
    onClients: (open) => { if (once && open === 0) leave?.(); },
    onFailure: ({ message }) => tell(message),
  });
  try {
    stdout.line(server.uri());
    stdout.flush();
    tell(`${displayName(layer.title)} is served ${write ? 'for reading and writing' : 'for reading'}; Ctrl-C ends it`);
    await Promise.race([stopped, left]);
    if (server.clients > 0) tell('a program that uses the disk was cut off');
  } finally {
    await server.close();
  }
  return server.stats;
}

/** @throws UsageError */
function placeOf({ socket, port }: ServeNbdOptions): DiskServerOptions['at'] {
  if (socket !== undefined && port !== undefined) throw new UsageError('It listens at a socket or at a port, not at both');
  if (socket !== undefined) return { socket };
  if (port === undefined) return undefined;
  const number = Number(port);
  if (!/^\d+$/.test(port) || number > 65535) throw new UsageError(`--port takes a number up to 65535, not "${port}"`);
  return { port: number };
}

function tell(text: string): void {
  stderr.line(`clutch: ${text}`);
  stderr.flush();
}
