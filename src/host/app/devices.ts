import type { AppContract, SourceToken } from '../../shared/contract/calls.ts';
import type { deviceCalls, DeviceList } from '../../shared/contract/devices.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';
import type { Devices } from '../devices/device.ts';
import { deviceRow, devicesAdvice, LIST_EVERY, listDevices } from '../devices/list.ts';
import { DeviceLooks, type LookLink } from '../devices/looks.ts';
import { Told } from '../service/told.ts';

/** What the calls need of the app. */
export interface DeviceCallsHost {
  /** A token for a path. */
  tokenOf(path: string): SourceToken;
  /** A process that waits for no image. */
  startProcess(): LookLink;
  /** The system's own list, for tests to stand in. */
  readonly list?: () => Promise<Devices>;
  /** Milliseconds between two looks at it. */
  readonly every?: number;
}

/** The app's calls about the disks of this computer. While nobody listens, nothing is looked at. */
export class DeviceCalls {
  readonly #host: DeviceCallsHost;
  readonly #looks: DeviceLooks;
  readonly #told = new Told<DeviceList>();
  #listeners = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #last: { readonly list: DeviceList; readonly text: string } | undefined;
  #now: Devices = { devices: [], advice: '' };

  constructor(host: DeviceCallsHost) {
    this.#host = host;
    this.#looks = new DeviceLooks(() => host.startProcess());
  }

  get service(): Pick<Service<AppContract>, keyof typeof deviceCalls> {
    return { 'devices.changes': (_params, cancel) => this.#changes(cancel) };
  }

  async *#changes(cancel: Cancel): AsyncGenerator<DeviceList> {
    this.#listeners++;
    if (this.#listeners === 1) void this.#follow();
    try {
      yield* this.#told.items(cancel, this.#last?.list);
    } finally {
      this.#listeners--;
      if (this.#listeners === 0) {
        clearTimeout(this.#timer);
        this.#looks.close();
      }
    }
  }

  /** Lists the disks until nobody listens. What is on them comes later, disk by disk. */
  async #follow(): Promise<void> {
    this.#now = await (this.#host.list ?? listDevices)();
    if (this.#listeners === 0) return;
    this.#tell();
    void this.#looks.refresh(this.#now.devices, () => this.#tell());
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#follow(), this.#host.every ?? LIST_EVERY);
    this.#timer.unref();
  }

  /** Only what is another than before. */
  #tell(): void {
    const devices = this.#now.devices.map((device) => deviceRow(device, this.#looks.of(device), this.#host.tokenOf(device.path)));
    const list: DeviceList = { devices, advice: devicesAdvice(this.#now.advice, devices) };
    const text = JSON.stringify(list);
    if (text === this.#last?.text) return;
    this.#last = { list, text };
    this.#told.tell(list);
  }
}
