import type { FromHost, GrantUse, MountPlace, ToHost } from './control.ts';
import { DiskError, ioError } from '../engines/core/errors.ts';

/** Milliseconds that a process has to close its image; then it is killed. */
const CLOSE_WITHIN = 2000;

/** Milliseconds that one has which writes changes into its image: killed, it would be left to the next opening to finish them. */
const APPLY_WITHIN = 60_000;

/** V8's heap of an image's process, in MiB. */
const HEAP_LIMIT = 1024;

/** How an image's process is run. */
export const HOST_ARGUMENTS: readonly string[] = [`--max-old-space-size=${HEAP_LIMIT}`];

/** A process as its platform gives it: Electron's utilityProcess (`P` is its MessagePort) or a child of Node's. */
export interface HostLink<P> {
  send(message: ToHost, ports?: P[]): void;
  onMessage(run: (message: FromHost) => void): void;
  /** Runs once, however it ended. */
  onExit(run: (reason: string) => void): void;
  kill(): void;
}

/** What a client's relayed channel gets to hear. */
export interface Channel {
  onText(text: string): void;
  onClose(): void;
}

/** An image's process: started here, ended here, and nowhere else. */
export class SupervisedHost<P> {
  /** What the image is, as soon as it is open. @throws the DiskError that stopped it */
  readonly opened: Promise<{ readonly summary: string; readonly size: number }>;
  /** Resolves when the process is gone; with a reason when it was not asked to go. */
  readonly ended: Promise<string | undefined>;
  /** Absolute path of the image. */
  readonly path: string;
  readonly #link: HostLink<P>;
  readonly #channels = new Map<number, Channel>();
  /** Who waits for a grant to be known, by token. */
  readonly #grants = new Map<string, (() => void)[]>();
  #lastChannel = 0;
  #pending = 0;
  #applying = false;
  #mounts: readonly MountPlace[] = [];
  /** Who waits for the end of all mounts. */
  #unmounting: ((message: Extract<FromHost, { did: 'unmount' }>) => void)[] = [];
  #state: 'runs' | 'closes' | 'gone' = 'runs';

  constructor(link: HostLink<P>, path: string) {
    this.#link = link;
    this.path = path;
    let reason: string | undefined;
    this.opened = new Promise((resolve, reject) => {
      link.onMessage((message) => {
        if (message.did === 'open') resolve({ summary: message.summary, size: message.size });
        else if (message.did === 'fail') reject(DiskError.from(message.error));
        else if (message.did === 'giveUp') ({ reason } = message);
        else if (message.did === 'change') ({ pending: this.#pending, applying: this.#applying } = message);
        else if (message.did === 'mounts') ({ mounts: this.#mounts } = message);
        else if (message.did === 'unmount') for (const told of this.#unmounting.splice(0)) told(message);
        else if (message.did === 'grant') for (const known of this.#grants.get(message.token) ?? []) known();
        else if (message.did !== 'look') this.#relay(message);
      });
      link.onExit((how) => reject(ioError(`The image's process ended: ${reason ?? how}`)));
    });
    this.opened.catch(() => {});
    this.ended = new Promise((resolve) => {
      link.onExit((how) => {
        const asked = this.#state === 'closes';
        this.#state = 'gone';
        for (const channel of this.#channels.values()) channel.onClose();
        this.#channels.clear();
        resolve(asked ? undefined : reason ?? how);
      });
    });
    link.send({ do: 'open', path });
  }

  /** Operations that were neither applied nor discarded. */
  get pending(): number {
    return this.#state === 'runs' ? this.#pending : 0;
  }

  /** Where its volumes are mounted; none when the process is gone, though what it left may be in the system's list for a moment. */
  get mounts(): readonly MountPlace[] {
    return this.#state === 'runs' ? this.#mounts : [];
  }

  /** Ends all mounts. @throws DiskError busy, saying who uses what */
  async unmount(): Promise<void> {
    if (this.#state !== 'runs' || this.#mounts.length === 0) return;
    const answered = new Promise<Extract<FromHost, { did: 'unmount' }>>((resolve) => { this.#unmounting.push(resolve); });
    this.#link.send({ do: 'unmount' });
    const answer = await Promise.race([answered, this.ended]);
    if (typeof answer === 'object' && answer.error !== undefined) throw DiskError.from(answer.error);
  }

  /** Hands a client's port over. */
  connect(port: P): void {
    if (this.#state === 'runs') this.#link.send({ do: 'connect' }, [port]);
  }

  /** Opens a channel of texts. */
  openChannel(channel: Channel): { send(text: string): void; close(): void } {
    const id = ++this.#lastChannel;
    this.#channels.set(id, channel);
    if (this.#state === 'runs') this.#link.send({ do: 'join', channel: id });
    return {
      send: (text) => {
        if (this.#channels.has(id) && this.#state === 'runs') this.#link.send({ do: 'frame', channel: id, text });
      },
      close: () => {
        if (this.#channels.delete(id) && this.#state === 'runs') this.#link.send({ do: 'hangup', channel: id });
      },
    };
  }

  /** Lets clients of this image use a path. Resolves when the image's process knows it. @throws DiskError io when it is gone */
  async grant(token: string, path: string, use: GrantUse = 'folder'): Promise<void> {
    const known = new Promise<void>((resolve) => { this.#grants.set(token, [...(this.#grants.get(token) ?? []), resolve]); });
    if (this.#state === 'runs') this.#link.send({ do: 'grant', token, path, use });
    const ended = await Promise.race([known, this.ended.then(() => true)]);
    this.#grants.delete(token);
    if (ended) throw ioError('The image was closed');
  }

  /** Resolves when the process is gone, and its pending changes with it. */
  async close(): Promise<void> {
    if (this.#state === 'runs') {
      this.#state = 'closes';
      this.#link.send({ do: 'close', discard: true });
      const timer = setTimeout(() => this.#link.kill(), this.#applying ? APPLY_WITHIN : CLOSE_WITHIN);
      void this.ended.then(() => clearTimeout(timer));
    }
    await this.ended;
  }

  #relay(message: FromHost & { readonly channel: number }): void {
    const channel = this.#channels.get(message.channel);
    if (message.did === 'frame') channel?.onText(message.text);
    else if (message.did === 'hangup') {
      this.#channels.delete(message.channel);
      channel?.onClose();
    }
  }
}
