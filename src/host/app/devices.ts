import type { AppContract } from '../../shared/contract/calls.ts';
import type { deviceCalls, DeviceList } from '../../shared/contract/devices.ts';
import type { Cancel, Service } from '../../shared/rpc/types.ts';
import { Told } from '../service/told.ts';

/** The app's calls about the disks of this computer. */
export class DeviceCalls {
  readonly #list = new Told<DeviceList>();

  get service(): Pick<Service<AppContract>, keyof typeof deviceCalls> {
    return { 'devices.changes': (_params, cancel) => this.#changes(cancel) };
  }

  async *#changes(cancel: Cancel): AsyncGenerator<DeviceList> {
    yield* this.#list.items(cancel, { devices: [], advice: '' });
  }
}
