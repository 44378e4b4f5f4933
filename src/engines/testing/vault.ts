import { readBytes } from '../core/bytes/device.ts';
import { SliceDevice } from '../core/bytes/slice.ts';
import { DiskError } from '../core/errors.ts';
import type { ContainerFormat, RegistryEntry } from '../core/probe.ts';

/** A locked container that exists in tests alone: its password lies in it, in the clear. */

const MAGIC = [...'VAULT!'].map((char) => char.charCodeAt(0));
const HEADER = 512;

/** Wraps bytes in a vault. */
export function vaultOf(inner: Uint8Array, password: string): Uint8Array {
  const bytes = new Uint8Array(HEADER + inner.length);
  const key = new TextEncoder().encode(password);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = key.length;
  bytes.set(key, MAGIC.length + 1);
  bytes.set(inner, HEADER);
  return bytes;
}

const vault: ContainerFormat = {
  id: 'vault', kind: 'container', name: 'Vault',
  probe: (device) => (device.size > HEADER && MAGIC.every((byte, i) => readBytes(device, 0, MAGIC.length)[i] === byte) ? { confidence: 90, evidence: ['“VAULT!” at 0x0'] } : undefined),
  async open(device, { job }) {
    const [length = 0] = readBytes(device, MAGIC.length, 1);
    const password = new TextDecoder().decode(readBytes(device, MAGIC.length + 1, length));
    for (let attempt = 1; ; attempt++) {
      const answer = await job.ask({ kind: 'password', what: 'vault', attempt });
      if ('stop' in answer) throw new DiskError({ kind: 'locked', what: 'vault' }, 'vault is locked');
      if (answer.password === password) return { device: new SliceDevice(device, HEADER, device.size - HEADER), details: [] };
    }
  },
};

export const vaultEntry: RegistryEntry = { id: 'vault', kind: 'container', name: 'Vault', magics: [{ at: 0, bytes: MAGIC }], load: async () => vault };
