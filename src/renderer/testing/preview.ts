import type { Preview, TextEncoding, TextPart } from '../../shared/contract/preview.ts';
import { childrenOf, type FakeNode, file, folder } from './tree.ts';

/** Characters of a text that come at once: few, so that tests reach the next part. */
const PART = 4000;

/** What a fake file shows. */
export function fakePreview(node: FakeNode, encoding: TextEncoding | undefined): Preview {
  const { row, text, bytes, mime, preview } = node;
  if (row.type === 'dir') {
    const children = childrenOf(node);
    return { kind: 'folder', count: children.length, more: false, names: children.slice(0, 50).map((each) => ({ display: each.row.display, type: each.row.type })) };
  }
  if (row.type === 'char' || row.type === 'block') return { kind: 'device', type: row.type, major: 8, minor: 1 };
  if (row.type === 'fifo') return { kind: 'none', reason: 'pipe' };
  if (row.type === 'socket') return { kind: 'none', reason: 'socket' };
  if (preview !== undefined) return preview;
  if (text !== undefined || encoding !== undefined) return { kind: 'text', encoding: encoding ?? 'utf-8', mark: false, part: fakeText(node, 0), size: row.size };
  if (mime !== undefined) return { kind: 'picture', mime, width: 8, height: 8, bytes: bytes! };
  if (bytes !== undefined) return { kind: 'binary', bytes, size: row.size };
  return row.size === 0 ? { kind: 'none', reason: 'empty' } : { kind: 'binary', bytes: Uint8Array.from({ length: 256 }, (_, i) => i), size: row.size };
}

export function fakeText({ text = 'no text by itself' }: FakeNode, at: number): TextPart {
  const part = text.slice(at, at + PART);
  return at + PART < text.length ? { text: part, next: at + PART } : { text: part };
}

/** One of each that a quick look has a face for. */
export function samples(): FakeNode {
  const lines = Array.from({ length: 600 }, (_, i) => `Zeile ${i + 1}: schöne Grüße`).join('\n');
  return folder('samples', [
    folder('photos', [file('one.jpg', 1000), file('two.jpg', 2000), folder('old')]),
    file('backup.zip', 48_211, {}, { preview: {
      kind: 'archive', format: 'zip', total: 4, more: false,
      rows: [{ display: 'docs/', type: 'dir', size: 0 }, { display: 'docs/readme.md', type: 'file', size: 4211 }, { display: '../../etc/passwd', type: 'file', size: 99 }, { display: 'invoice\\u{202e}gpj.exe', type: 'file', size: 66_049 }],
    } }),
    file('bomb.png', 512, {}, { preview: { kind: 'no-picture', mime: 'image/png', reason: 'pixels', width: 60_000, height: 60_000, limit: 100_000_000 } }),
    file('controls.log', 80, {}, { text: 'normal\n\u001b[31mred\u001b[0m and \u202ereversed\u202c\ttab\u0000end\n' }),
    file('disk.img', 1 << 30, {}, { preview: { kind: 'binary', bytes: new Uint8Array(512), size: 1 << 30, image: 'ext4' } }),
    file('long.txt', lines.length, {}, { text: lines }),
    file('one line.json', 60_000, {}, { text: '{"a":1},'.repeat(500) }),
    file('torn.tar', 9000, {}, { preview: { kind: 'archive', format: 'tar', more: true, rows: [{ display: 'first', type: 'file', size: 12 }, { display: 'link', type: 'symlink', size: 0, target: 'first' }], error: { fault: { kind: 'corrupt', place: { structure: 'tar header' } }, message: 'tar header: its checksum is wrong', advice: 'What was found before the damage is listed.' } } }),
  ]);
}
