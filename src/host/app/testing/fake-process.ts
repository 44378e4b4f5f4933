import type { DiskErrorData } from '../../../engines/core/errors.ts';
import type { FromHost, ToHost } from '../../control.ts';
import type { HostLink } from '../../supervisor.ts';

/** An image's process that does what it is told to, at once. */
export class FakeProcess implements HostLink<never> {
  readonly heard: ToHost[] = [];
  /** Why its mounts can't be unmounted. */
  busy: DiskErrorData | undefined;
  /** What programs had written when they were. */
  pending = 0;
  readonly #told: ((message: FromHost) => void)[] = [];
  readonly #exits: ((reason: string) => void)[] = [];

  tell(message: FromHost): void {
    for (const run of this.#told) run(message);
  }

  send(message: ToHost): void {
    this.heard.push(message);
    queueMicrotask(() => {
      if (message.do === 'open') this.tell({ did: 'open', summary: 'ext4', size: 1 });
      if (message.do === 'grant') this.tell({ did: 'grant', token: message.token });
      if (message.do === 'close') for (const run of this.#exits) run('exit');
      if (message.do === 'unmount') this.#unmount();
    });
  }

  onMessage(run: (message: FromHost) => void): void { this.#told.push(run); }
  onExit(run: (reason: string) => void): void { this.#exits.push(run); }
  kill(): void { for (const run of this.#exits) run('killed'); }

  #unmount(): void {
    if (this.busy === undefined) {
      this.tell({ did: 'change', pending: this.pending, applying: false });
      this.tell({ did: 'mounts', mounts: [] });
    }
    this.tell({ did: 'unmount', ...(this.busy === undefined ? {} : { error: this.busy }) });
  }
}
