import { openImage } from '../../session.ts';
import type { WritableFileSystem } from '../../jobs/untar.ts';

/**
 * A process that applies changes to an image and is killed meanwhile: `node interrupted.ts IMAGE BYTES`. It fills a file with that many bytes,
 * says "applying" and applies; "applied" when that is done.
 */
const [path, bytes] = process.argv.slice(2);
const session = await openImage(path!);
await session.editing.unlock();
await session.editing.operation({ text: 'Wrote a file', layer: session.select().path }, async () => {
  const { writer, root } = session.select().filesystem as WritableFileSystem;
  const node = await writer.create(root, 'large', { mode: 0o644 });
  const piece = new Uint8Array(1024 * 1024).fill(0x5a);
  for (let at = 0; at < Number(bytes); at += piece.length) await writer.write(node, at, piece);
});
process.stdout.write('applying\n');
await session.editing.apply();
process.stdout.write('applied\n');
await session.close();
