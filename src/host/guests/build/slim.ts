import { isElf } from './elf.ts';

/**
 * Sections of a module that a guest never looks at, and that cost time under emulation: each is loaded, relocated, sorted or registered when the
 * module is inserted. Linux does without any of them (kernel/module/main.c, find_module_sections; arch/x86/kernel/module.c, module_finalize).
 */
const NEVER_USED = new Set([
  // Types, for BPF. The first module that has some makes the kernel read those of all its own (kernel/bpf/btf.c, btf_module_notify).
  '.BTF', '.BTF.base',
  // Tracing.
  '_ftrace_events', '_ftrace_eval_map', '__bpf_raw_tp_map', '__patchable_function_entries',
  // How to walk up the stack exactly: without it the kernel guesses, and says so ("?").
  '.orc_unwind', '.orc_unwind_ip', '.orc_header',
  // Places that mitigations patch, which are off, and where a lock is not needed with one processor, which costs nothing under emulation.
  '.call_sites', '.ibt_endbr_seal', '.smp_locks',
  '.comment',
]);

/** Where each function calls the tracer. For each entry the kernel looks the function up among all names of the module. */
const TRACED = '__mcount_loc';
const TRACER = '__fentry__';

/** call with a relative address, and what the kernel itself puts in its place when nothing is traced (arch/x86/kernel/ftrace.c). */
const CALL = 0xe8;
const NOP = [0x0f, 0x1f, 0x44, 0x00, 0x00];

const ET_REL = 1;
const EM_X86_64 = 62;
const SHT = { null: 0, progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8 } as const;
const R_X86_64 = { none: 0, plt32: 4 } as const;
/** Sections of one module: the largest have some hundred. */
const MOST_SECTIONS = 4096;
/** Largest alignment of a section, in bytes: a page. */
const MOST_ALIGN = 4096;
const HEADER = 64;
const SECTION = 64;
const RELOCATION = 24;
const SYMBOL = 24;

/** A section's header, as far as it matters. */
interface Section {
  readonly name: string;
  readonly type: number;
  readonly at: number;
  readonly size: number;
  readonly link: number;
  /** Of relocations: the section that they change. */
  readonly info: number;
  readonly align: number;
}

/**
 * A module without what no guest looks at: half of its bytes, and most of the time of its insertion. Sections keep their numbers. One that another section
 * refers to stays. Only modules for x86-64 are changed; those of other processors, and what is not built as expected, come back as they are.
 */
export function slimModule(bytes: Uint8Array): Uint8Array {
  const sections = readSections(bytes);
  if (sections === undefined) return bytes;
  const copy = bytes.slice();
  const module = new Relocatable(copy, sections);
  const names = new Set(NEVER_USED);
  if (module.untrace()) names.add(TRACED);
  return pack(copy, sections, module.unneeded(names)) ?? bytes;
}

/** The sections of a module for x86-64; undefined for anything else. */
function readSections(bytes: Uint8Array): Section[] | undefined {
  if (!isElf(bytes) || bytes.length < HEADER || bytes[4] !== 2 || bytes[5] !== 1) return undefined;
  const view = viewOf(bytes);
  const [at, size, count, names] = [Number(view.getBigUint64(0x28, true)), view.getUint16(0x3a, true), view.getUint16(0x3c, true), view.getUint16(0x3e, true)];
  if (view.getUint16(0x10, true) !== ET_REL || view.getUint16(0x12, true) !== EM_X86_64 || size !== SECTION || count > MOST_SECTIONS || names >= count || at + count * SECTION > bytes.length) return undefined;
  const headers = Array.from({ length: count }, (_, i) => {
    const from = at + i * SECTION;
    const long = (field: number): number => Number(view.getBigUint64(from + field, true));
    const int = (field: number): number => view.getUint32(from + field, true);
    return { nameAt: int(0), type: int(4), at: long(0x18), size: long(0x20), link: int(0x28), info: int(0x2c), align: Math.max(1, long(0x30)) };
  });
  if (headers.some((each) => each.align > MOST_ALIGN || (each.type !== SHT.nobits && each.at + each.size > bytes.length))) return undefined;
  const strings = headers[names]!;
  return headers.map(({ nameAt, ...each }) => ({ ...each, name: textAt(bytes, strings, nameAt) }));
}

/** A module's relocations and symbols. */
class Relocatable {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #sections: readonly Section[];
  readonly #symbols: Section | undefined;

  constructor(bytes: Uint8Array, sections: readonly Section[]) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    this.#sections = sections;
    this.#symbols = sections.find(({ type }) => type === SHT.symtab);
  }

  /**
   * Takes the calls of the tracer out of all functions, as the kernel does when it inserts a module.
   * @returns whether it did: all of them, or none
   */
  untrace(): boolean {
    const traced = this.#sections.find((each) => each.name === TRACED);
    const tracer = this.#symbolNamed(TRACER);
    if (traced === undefined || tracer === undefined) return false;
    const calls: { readonly relocation: number; readonly at: number }[] = [];
    for (const { section, target } of this.#relocations()) {
      for (const at of relocationsOf(section)) {
        if (this.#view.getUint32(at + 12, true) !== tracer) continue;
        const call = target.at + Number(this.#view.getBigUint64(at, true)) - 1;
        const type = this.#view.getUint32(at + 8, true);
        if (type !== R_X86_64.plt32 || target.type !== SHT.progbits || call < target.at || call + NOP.length > target.at + target.size || this.#bytes[call] !== CALL) return false;
        calls.push({ relocation: at, at: call });
      }
    }
    // Eight bytes are an address: each call is one that the tracer knows.
    if (calls.length !== traced.size / 8) return false;
    for (const { relocation, at } of calls) {
      this.#bytes.set(NOP, at);
      this.#view.setUint32(relocation + 8, R_X86_64.none, true);
    }
    return true;
  }

  /** Numbers of the sections with these names and of their relocations, without those that something else refers to. */
  unneeded(names: ReadonlySet<string>): Set<number> {
    const gone = new Set(this.#sections.flatMap((each, i) => (names.has(each.name) ? [i] : [])));
    for (let before = -1; before !== gone.size;) {
      before = gone.size;
      for (const { section } of this.#relocations()) {
        if (gone.has(section.info)) continue;
        for (const at of relocationsOf(section)) gone.delete(this.#sectionOf(this.#view.getUint32(at + 12, true)));
      }
    }
    this.#sections.forEach((each, i) => { if (each.type === SHT.rela && gone.has(each.info)) gone.add(i); });
    return gone;
  }

  *#relocations(): Generator<{ readonly section: Section; readonly target: Section }> {
    for (const section of this.#sections) {
      const target = this.#sections[section.info];
      if (section.type === SHT.rela && target !== undefined) yield { section, target };
    }
  }

  /** The number of the symbol of that name. A symbol: name[4] info[1] other[1] section[2] value[8] size[8]. */
  #symbolNamed(name: string): number | undefined {
    const symbols = this.#symbols;
    const strings = this.#sections[symbols?.link ?? -1];
    if (symbols === undefined || strings === undefined) return undefined;
    for (let i = 1; (i + 1) * SYMBOL <= symbols.size; i++) {
      if (textAt(this.#bytes, strings, this.#view.getUint32(symbols.at + i * SYMBOL, true)) === name) return i;
    }
    return undefined;
  }

  /** The section that a symbol lies in; 0 for one that lies nowhere. */
  #sectionOf(symbol: number): number {
    const symbols = this.#symbols;
    return symbols !== undefined && (symbol + 1) * SYMBOL <= symbols.size ? this.#view.getUint16(symbols.at + symbol * SYMBOL + 6, true) : 0;
  }
}

/** Offsets of the entries of a section of relocations: offset[8] type[4] symbol[4] addend[8]. */
function* relocationsOf(section: Section): Generator<number> {
  for (let at = section.at; at + RELOCATION <= section.at + section.size; at += RELOCATION) yield at;
}

/** The file without the bytes of some sections, which become sections of no type; undefined where that would make it larger. */
function pack(bytes: Uint8Array, sections: readonly Section[], gone: ReadonlySet<number>): Uint8Array | undefined {
  const kept = sections.map((each, i) => ({ ...each, i })).filter(({ i, type }) => !gone.has(i) && type !== SHT.null).toSorted((a, b) => a.at - b.at || a.i - b.i);
  const headersFrom = Number(viewOf(bytes).getBigUint64(0x28, true));
  const places = new Map<number, number>();
  let end = HEADER;
  for (const { i, align, type, size } of kept) {
    end = Math.ceil(end / align) * align;
    places.set(i, end);
    if (type !== SHT.nobits) end += size;
  }
  end = Math.ceil(end / 8) * 8;
  if (end + sections.length * SECTION > bytes.length) return undefined;
  const out = new Uint8Array(end + sections.length * SECTION);
  const view = viewOf(out);
  out.set(bytes.subarray(0, HEADER));
  view.setBigUint64(0x28, BigInt(end), true);
  for (const [i, at] of places) {
    const { type, at: from, size } = sections[i]!;
    if (type !== SHT.nobits) out.set(bytes.subarray(from, from + size), at);
    out.set(bytes.subarray(headersFrom + i * SECTION, headersFrom + (i + 1) * SECTION), end + i * SECTION);
    view.setBigUint64(end + i * SECTION + 0x18, BigInt(at), true);
  }
  return out;
}

/** A name of a table of them; empty where it has no end. */
function textAt(bytes: Uint8Array, strings: Pick<Section, 'at' | 'size'>, at: number): string {
  const table = bytes.subarray(strings.at + at, strings.at + strings.size);
  const end = table.indexOf(0);
  return end < 0 ? '' : Buffer.from(table.buffer, table.byteOffset, end).toString('latin1');
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
