import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openImage, resolvePath } from '../session.ts';

const sample = fileURLToPath(new URL('../../../assets/sample/sample.img.gz', import.meta.url));

describe('the sample image', () => {
  it('is small, and shows volumes, files, links, attributes and owners', async () => {
    expect(existsSync(sample)).toBe(true);
    expect(readFileSync(sample).length).toBeLessThan(100_000);
    const session = await openImage(sample);
    try {
      expect(session.summary()).toBe('gzip › GPT › 2 × ext4 (clean)');
      expect(session.filesystems().map(({ label }) => label)).toEqual(['holiday', 'system']);
      const { filesystem: holiday } = session.select('holiday');
      const letter = await resolvePath(holiday, '/letters/latest');
      expect(letter.stat.size).toBe(123);
      const readme = await resolvePath(holiday, '/readme.txt');
      expect(await holiday.xattrs!.list(readme.node)).toContain('user.origin');
      const { filesystem: system } = session.select('system');
      expect((await resolvePath(system, '/home/ada/todo.md')).stat).toMatchObject({ uid: 1000, gid: 1000 });
      expect((await resolvePath(system, '/usr/bin/hello')).stat.mode & 0o777).toBe(0o755);
      expect(session.layers.children[0]!.notes).toEqual([]);
    } finally {
      await session.close();
    }
  });
});
