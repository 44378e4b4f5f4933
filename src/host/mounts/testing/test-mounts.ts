import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import type { FileSystem } from '../../../engines/core/filesystem.ts';
import { freshImage, fsck, openBytes, TestAccess } from '../../../engines/testing/model/images.ts';
import { matrix } from '../../../engines/testing/model/matrix.ts';
import { scratchFolder } from '../../../engines/testing/tools.ts';
import type { WriteSubject } from '../../../engines/testing/writer-conformance.ts';
import type { Mount, MountProvider } from '../provider.ts';
import { MountedFolder } from './mounted-folder.ts';

/** What one test file mounts by a provider: whatever a test left is taken down after it, what a suite has after all of them. */
export class TestMounts {
  readonly #provider: MountProvider;
  readonly #scratch = scratchFolder();
  readonly #mounts = new Set<Mount>();
  readonly #kept = new Set<Mount>();

  /** Called where the file's own hooks may be: it adds to them. */
  constructor(provider: MountProvider) {
    this.#provider = provider;
    afterEach(async () => { await this.#takeDown((mount) => !this.#kept.has(mount)); });
    afterAll(async () => {
      await this.#takeDown(() => true);
      this.#scratch.remove();
    });
  }

  /** On an empty folder of its own. */
  async mount(fs: FileSystem, title: string): Promise<Mount> {
    const mount = await this.#provider.mount({ tree: { fs, onChange: () => () => {} }, title, at: mkdtempSync(join(this.#scratch.path, 'at-')) });
    this.#mounts.add(mount);
    void mount.ended.then(() => this.#mounts.delete(mount) && this.#kept.delete(mount));
    return mount;
  }

  /** Of a suite: it stays for its next rule. */
  async keep(fs: FileSystem, title: string): Promise<Mount> {
    const mount = await this.mount(fs, title);
    this.#kept.add(mount);
    return mount;
  }

  /** A new ext4 for one rule of the writers' suite, which e2fsck judges at its end. */
  async ext4(more: Pick<WriteSubject, 'cannot'> = {}): Promise<WriteSubject> {
    const folder = mkdtempSync(join(this.#scratch.path, 'image-'));
    const image = join(folder, 'image');
    const bytes = freshImage(matrix.find(({ name }) => name === 'ext4-4k')!, image);
    const fs = await openBytes(bytes, new TestAccess(1, 'staged'));
    const mount = await this.mount(fs, 'ext4');
    const seen = await MountedFolder.open(mount.at);
    return {
      fs: seen, ...more,
      async finish() {
        await seen.close();
        await mount.unmount();
        const { how } = await mount.ended;
        await fs.close();
        writeFileSync(image, bytes);
        const found = how === 'unmounted' ? fsck(image) : `the mount ended otherwise: ${how}`;
        rmSync(folder, { recursive: true });
        return { found, again: await openBytes(bytes) };
      },
    };
  }

  async #takeDown(left: (mount: Mount) => boolean): Promise<void> {
    await Promise.all([...this.#mounts].filter(left).map((mount) => mount.unmount({ lazy: true })));
  }
}
