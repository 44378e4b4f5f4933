import { describe, expect, it } from 'vitest';
import { decodeMessage, encodeMessage, fromBase64, toBase64 } from './json.ts';
import { textTransport } from './websocket.ts';

describe('messages as text', () => {
  it('encodes bytes as Node does', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 73 + length) & 255);
      expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      expect([...fromBase64(toBase64(bytes))]).toEqual([...bytes]);
    }
    const large = new Uint8Array(1 << 20).fill(0xa5);
    expect(toBase64(large)).toBe(Buffer.from(large).toString('base64'));
  });

  it('is pure ASCII where names hold lone surrogates, so that no encoding on the way can change them', () => {
    const text = encodeMessage({ name: 'a\udcff\udc80' });
    expect(Buffer.from(text, 'utf8').toString('utf8')).toBe(text);
    expect(decodeMessage(text)).toEqual({ name: 'a\udcff\udc80' });
  });

  it.each([
    ['{"$":"x"}'], ['{"$":"n","v":"1e9"}'], ['{"$":"n","v":5}'], [`{"$":"n","v":"${'9'.repeat(1000)}"}`], ['{"$":"b","v":"A"}'], ['{"$":"b","v":"A=AA"}'], ['{"$":"b","v":"ä==="}'], ['{'], [''],
  ])('refuses %s', (text) => {
    expect(() => decodeMessage(text)).toThrow(SyntaxError);
  });

  it('gives up a channel whose text is unreadable: broken, deep or no text at all', () => {
    for (const text of ['{', '['.repeat(1_000_000), new Uint8Array(3)]) {
      let receive: ((text: unknown) => void) | undefined;
      let closed = 0;
      const reasons: string[] = [];
      const transport = textTransport({ send() {}, close: () => { closed++; }, onText: (run) => { receive = run; }, onClose() {} });
      transport.onClose((reason) => reasons.push(reason));
      transport.onMessage(() => { throw new Error('unreachable'); });
      receive!(text);
      expect(closed).toBe(1);
      expect(reasons).toHaveLength(1);
    }
  });
});
