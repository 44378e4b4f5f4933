import { accessSync, constants, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { GuestManifest } from './manifest.ts';
import { programKey, type MachineProgram } from './qemu.ts';

/** Verdicts that are kept: one a guest and QEMU. */
const MOST_VERDICTS = 64;

const FILE = 'accelerators.json';

/** Node's names of the processors that each guest runs on directly. */
const HOSTS: Readonly<Record<GuestManifest['architecture'], readonly string[]>> = {
  x86_64: ['x64'], i386: ['x64'], aarch64: ['arm64'], arm: [], s390x: ['s390x'], m68k: [], ppc: [],
};

/** What this system has to run a guest of its own architecture directly; undefined when it has nothing. It may open and still not work. */
export function candidate(architecture: GuestManifest['architecture']): string | undefined {
  if (!HOSTS[architecture].includes(arch())) return undefined;
  switch (platform()) {
    case 'linux':
      try {
        accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
        return 'kvm';
      } catch {
        return undefined;
      }
    case 'darwin': return 'hvf';
    case 'win32': return 'whpx';
    default: return undefined;
  }
}

/** What was found out about accelerators on this machine, by booting. Kept in the cache; nothing in it is trusted further than a boot under a deadline. */
export class Verdicts {
  readonly #path: string;
  readonly #key: string;

  /** @param guest digest of what is booted */
  constructor(cache: string, program: MachineProgram, guest: string) {
    this.#path = join(cache, FILE);
    this.#key = createHash('sha256').update([programKey(program), guest, platform(), release(), cpus()[0]?.model ?? ''].join('\n')).digest('hex').slice(0, 32);
  }

  /** Undefined: nobody tried. */
  get(accelerator: string): boolean | undefined {
    return this.#read().get(`${accelerator} ${this.#key}`);
  }

  set(accelerator: string, works: boolean): void {
    const all = this.#read();
    const key = `${accelerator} ${this.#key}`;
    all.delete(key);
    all.set(key, works);
    const temporary = `${this.#path}.${randomUUID()}`;
    writeFileSync(temporary, JSON.stringify(Object.fromEntries([...all].slice(-MOST_VERDICTS))));
    renameSync(temporary, this.#path);
  }

  #read(): Map<string, boolean> {
    try {
      const found: unknown = JSON.parse(readFileSync(this.#path, 'utf8'));
      return new Map(Object.entries(found as Record<string, unknown>).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean'));
    } catch {
      return new Map();
    }
  }
}
