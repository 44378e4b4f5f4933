import { type DiskError, usage } from '../../engines/core/errors.ts';
import type { NodeId } from '../../engines/core/filesystem.ts';
import type { TreeChanged } from '../../engines/core/served.ts';
import type { HostContract } from '../../shared/contract/calls.ts';
import type { MountRow, mountCalls } from '../../shared/contract/mounts.ts';
import type { Cancel, Params, Service } from '../../shared/rpc/types.ts';
import type { MountPlace } from '../control.ts';
import { SessionMounts } from '../mounts/mounts.ts';
import { mountProviders, type ProviderEntry, providerRows } from '../mounts/providers.ts';
import type { ImageSession } from '../session.ts';
import { Told } from './told.ts';

/** What the mounts need of the image's host. */
export interface MountedImage {
  session(): Promise<ImageSession>;
  /** @throws DiskError usage EACCES for a word that was not granted */
  folder(token: string): string;
  /** @throws DiskError busy while layers are opened another way */
  checkSettled(): void;
  /** Programs have changed a layer. */
  written(layer: string, folders: readonly NodeId[], nodes: readonly NodeId[]): void;
  /** The ways to mount, where not all that Clutch has. */
  readonly providers?: readonly ProviderEntry[];
}

/** The calls of an image's host about its mounts. */
export class Mounts {
  readonly #image: MountedImage;
  readonly #rows = new Told<readonly MountRow[]>(joinRows);
  readonly #placesTold: ((places: readonly MountPlace[]) => void)[] = [];
  #mounts: SessionMounts | undefined;
  /** Whose mounts they are: an image that is opened once more has none. */
  #session: ImageSession | undefined;
  #places = '';

  constructor(image: MountedImage) {
    this.#image = image;
  }

  get service(): Pick<Service<HostContract>, keyof typeof mountCalls> {
    return {
      'mount.providers': () => providerRows(this.#image.providers ?? mountProviders),
      'mount.start': (params) => this.#start(params),
      'mount.users': async ({ mount }) => [...(await this.#known().users(mount))],
      'mount.stop': ({ mount, lazy }) => this.#known().stop(mount, lazy === true),
      'mount.changes': (_params, cancel) => this.#changes(cancel),
    };
  }

  /** Tells where mounts are whenever that changes. */
  onPlaces(tell: (places: readonly MountPlace[]) => void): void {
    this.#placesTold.push(tell);
  }

  /** See SessionMounts: what refuses while something is mounted. @throws DiskError busy */
  checkFree(layer: string): void {
    this.#mounts?.checkFree(layer);
  }

  /** @throws DiskError busy */
  checkNoWriter(): void {
    this.#mounts?.checkNoWriter();
  }

  /** @throws DiskError busy */
  checkNothingOpen(): void {
    this.#mounts?.checkNothingOpen();
  }

  /** What programs have written is an operation that has ended. */
  async settle(): Promise<void> {
    await this.#mounts?.settle();
  }

  /** Clients have changed a layer. */
  changed(layer: string, change: TreeChanged): void {
    this.#mounts?.changed(layer, change);
  }

  /** Ends all of them. @throws DiskError busy, saying who uses what, unless it is lazy */
  async close(lazy: boolean): Promise<void> {
    await this.#mounts?.close({ lazy });
  }

  async #start({ layer, options, target }: Params<HostContract['mount.start']>): Promise<MountRow> {
    const session = await this.#image.session();
    const at = target === undefined ? undefined : this.#image.folder(target);
    this.#image.checkSettled();
    if (this.#session !== session) this.#mounts = undefined;
    this.#session = session;
    this.#mounts ??= new SessionMounts({
      session, onChange: () => this.#tell(), onWritten: (...written) => this.#image.written(...written),
      ...(this.#image.providers === undefined ? {} : { providers: this.#image.providers }),
    });
    return this.#mounts.start({ layer, options, ...(at === undefined ? {} : { at }) });
  }

  /** @throws DiskError usage EBADF */
  #known(): SessionMounts {
    if (this.#mounts === undefined) throw notMounted();
    return this.#mounts;
  }

  #tell(): void {
    const { rows, places } = this.#mounts!;
    this.#rows.tell(rows);
    const now = JSON.stringify(places);
    if (now === this.#places) return;
    this.#places = now;
    for (const tell of this.#placesTold) tell(places);
  }

  async *#changes(cancel: Cancel): AsyncGenerator<MountRow[]> {
    for await (const rows of this.#rows.items(cancel, this.#mounts?.rows ?? [])) {
      yield [...rows];
      const left = rows.filter(({ ended }) => ended === undefined);
      if (left.length < rows.length) yield left;
    }
  }
}

/** What one has not heard yet of how mounts ended is not left out for what came after it. */
function joinRows(waiting: readonly MountRow[], rows: readonly MountRow[]): readonly MountRow[] {
  return [...waiting.filter(({ mount, ended }) => ended !== undefined && !rows.some((row) => row.mount === mount)), ...rows];
}

function notMounted(): DiskError {
  return usage('EBADF', 'It is not mounted');
}
