import { describe, expect, it } from 'vitest';
import { Elf } from './elf.ts';
import { slimModule } from './slim.ts';

/** A section of a small module: bytes or, of relocations, where and to which symbol. */
interface Part {
  readonly name: string;
  readonly bytes?: Uint8Array;
  /** [offset, type, symbol] of the section before. */
  readonly relocations?: readonly (readonly [number, number, number])[];
}

const CALL = [0xe8, 0, 0, 0, 0];
const RETURN = 0xc3;
const text = Buffer.from([...CALL, RETURN, ...CALL, RETURN]);

/** Symbols: 1 the tracer, which lies elsewhere, 2 .BTF, 3 .comment, 4 .text. */
const SYMBOLS = ['__fentry__', '', '', ''];
const FENTRY = 1;

/** Two functions that call the tracer, what the tracer knows of them, and sections that nobody needs. */
const PARTS: readonly Part[] = [
  { name: '.text', bytes: text },
  { name: '.rela.text', relocations: [[1, 4, FENTRY], [7, 4, FENTRY]] },
  { name: '__mcount_loc', bytes: new Uint8Array(16) },
  { name: '.rela__mcount_loc', relocations: [[0, 1, 4], [8, 1, 4]] },
  { name: '.BTF', bytes: Buffer.alloc(1000, 0x42) },
  { name: '.comment', bytes: Buffer.from('compiler') },
  { name: '.modinfo', bytes: Buffer.from('name=small\0') },
];

function makeModule(parts: readonly Part[], machine = 62): Buffer {
  const names = ['', ...parts.map(({ name }) => name), '.symtab', '.strtab'];
  const strings = Buffer.from(`\0${[...names.slice(1), ...SYMBOLS].join('\0')}\0`, 'latin1');
  const numberOf = (name: string): number => names.indexOf(name);
  const symbols = Buffer.alloc((SYMBOLS.length + 1) * 24);
  SYMBOLS.forEach((name, i) => {
    if (name !== '') symbols.writeUInt32LE(strings.indexOf(`\0${name}\0`) + 1, (i + 1) * 24);
    symbols.writeUInt16LE([0, numberOf('.BTF'), numberOf('.comment'), numberOf('.text')][i]!, (i + 1) * 24 + 6);
  });
  const bodies = [new Uint8Array(0), ...parts.map(({ bytes, relocations = [] }) => bytes ?? Buffer.concat(relocations.map(([at, type, symbol]) => {
    const entry = Buffer.alloc(24);
    entry.writeBigUInt64LE(BigInt(at), 0);
    entry.writeUInt32LE(type, 8);
    entry.writeUInt32LE(symbol, 12);
    return entry;
  }))), symbols, strings];
  const head = Buffer.alloc(64);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(head);
  head.writeUInt16LE(1, 0x10);
  head.writeUInt16LE(machine, 0x12);
  head.writeUInt16LE(64, 0x3a);
  head.writeUInt16LE(bodies.length, 0x3c);
  head.writeUInt16LE(bodies.length - 1, 0x3e);
  const headers: Buffer[] = [];
  let at = 64;
  bodies.forEach((body, i) => {
    const header = Buffer.alloc(64);
    if (i > 0) {
      const relocations = parts[i - 1]?.relocations !== undefined;
      header.writeUInt32LE(strings.indexOf(`\0${names[i]}\0`) + 1, 0);
      header.writeUInt32LE(relocations ? 4 : names[i] === '.symtab' ? 2 : names[i] === '.strtab' ? 3 : 1, 4);
      header.writeBigUInt64LE(BigInt(at), 0x18);
      header.writeBigUInt64LE(BigInt(body.length), 0x20);
      header.writeUInt32LE(relocations ? numberOf('.symtab') : names[i] === '.symtab' ? numberOf('.strtab') : 0, 0x28);
      header.writeUInt32LE(relocations ? i - 1 : 0, 0x2c);
      header.writeBigUInt64LE(1n, 0x30);
    }
    headers.push(header);
    at += body.length;
  });
  head.writeBigUInt64LE(BigInt(at), 0x28);
  return Buffer.concat([head, ...bodies, ...headers]);
}

const sectionOf = (module: Uint8Array, name: string): Buffer | undefined => {
  const section = new Elf(module, 'x').section(name);
  return section === undefined ? undefined : Buffer.from(section);
};

describe('a slim module', () => {
  it('has no call of the tracer, and nothing that only tracing and types are for', () => {
    const module = makeModule(PARTS);
    const slim = slimModule(module);
    expect(slim.length).toBeLessThan(module.length - 1000);
    const nop = [0x0f, 0x1f, 0x44, 0x00, 0x00];
    expect([...sectionOf(slim, '.text')!]).toEqual([...nop, RETURN, ...nop, RETURN]);
    // R_X86_64_NONE: nothing is written over them again.
    expect([8, 32].map((at) => sectionOf(slim, '.rela.text')!.readUInt32LE(at))).toEqual([0, 0]);
    for (const name of ['__mcount_loc', '.rela__mcount_loc', '.BTF', '.comment']) expect(sectionOf(slim, name), name).toBeUndefined();
    expect(sectionOf(slim, '.modinfo')).toEqual(Buffer.from('name=small\0'));
    expect(sectionOf(slim, '.symtab')).toEqual(sectionOf(module, '.symtab'));
    // As many sections as before: symbols name them by their numbers.
    expect(Buffer.from(slim).readUInt16LE(0x3c)).toBe(module.readUInt16LE(0x3c));
    expect(Buffer.from(slimModule(slim)).equals(slim)).toBe(true);
  });

  it('keeps what another section refers to', () => {
    const slim = slimModule(makeModule([...PARTS, { name: '.data', bytes: new Uint8Array(8) }, { name: '.rela.data', relocations: [[0, 1, 3]] }]));
    expect(sectionOf(slim, '.comment')).toEqual(Buffer.from('compiler'));
    expect(sectionOf(slim, '.BTF')).toBeUndefined();
  });

  it('keeps all calls of the tracer where one is not as expected', () => {
    const jump = Buffer.from(text);
    jump[6] = 0xe9;
    for (const parts of [
      PARTS.map((part) => (part.name === '.text' ? { ...part, bytes: jump } : part)),
      PARTS.map((part) => (part.name === '.rela.text' ? { ...part, relocations: part.relocations!.slice(1) } : part)),
      PARTS.map((part) => (part.name === '.rela.text' ? { ...part, relocations: [[1, 4, FENTRY], [11, 4, FENTRY]] as const } : part)),
    ]) {
      const module = makeModule(parts);
      const slim = slimModule(module);
      expect(sectionOf(slim, '.text')).toEqual(sectionOf(module, '.text'));
      expect(sectionOf(slim, '.rela.text')).toEqual(sectionOf(module, '.rela.text'));
      expect(sectionOf(slim, '__mcount_loc')).toEqual(Buffer.alloc(16));
    }
  });

  it('is left alone where it is for another processor, or none', () => {
    const other = makeModule(PARTS, 183);
    expect(slimModule(other)).toBe(other);
    expect(slimModule(text)).toBe(text);
  });

  it('survives any damage', () => {
    const module = makeModule(PARTS);
    let longest = 0;
    for (let at = 0; at < module.length; at++) {
      for (const value of [0, 0xff, module[at]! ^ 0x80, module[at]! + 1]) {
        const damaged = Buffer.from(module);
        damaged[at] = value;
        longest = Math.max(longest, slimModule(damaged).length);
      }
    }
    expect(longest).toBeLessThanOrEqual(module.length);
  });
});
