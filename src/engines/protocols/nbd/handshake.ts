import type { ByteChannel } from '../../core/channel.ts';
import { decodeName, encodeName } from '../../core/names.ts';
import { malformed, OptionError } from './errors.ts';
import type { ExportedDevice } from './export.ts';
import type { Inbox } from './inbox.ts';
import { BASE_ALLOCATION, EXPORT_REPLY_ZEROS, ExportReply, Greeting, HANDSHAKE, INFO, INIT_MAGIC, MOST_PAYLOAD, OPT, OPTION_MAGIC, OptionHeader, OPTION_REPLY_MAGIC, OptionReply, REP, TRANSMISSION } from './layout.ts';
import { PayloadReader } from './payload.ts';

/** Bytes of an option at most: an export's name and more queries than there are contexts. */
const MOST_OPTION = 64 * 1024;

/** Options of one client at most. Who asks for more does not mean to open anything. */
const MOST_OPTIONS = 1000;

/** Id of base:allocation, as the answers to NBD_CMD_BLOCK_STATUS carry it. */
export const ALLOCATION_ID = 1;

/** What was agreed on. */
export interface Agreement {
  readonly device: ExportedDevice;
  readonly structured: boolean;
  /** Whether the client may ask which ranges are holes. */
  readonly allocation: boolean;
}

/** What the handshake has come to know. */
interface Talk {
  readonly channel: ByteChannel;
  readonly inbox: Inbox;
  readonly exports: readonly ExportedDevice[];
  /** The client knows fixed newstyle: options are answered. */
  readonly fixed: boolean;
  readonly noZeroes: boolean;
  structured: boolean;
  /** The export whose allocation was asked for. */
  allocationOf: string | undefined;
}

/**
 * Fixed newstyle negotiation.
 * @returns undefined when the client left without opening an export
 * @throws DiskError io for a client that does not keep to it
 */
export async function shakeHands(channel: ByteChannel, inbox: Inbox, exports: readonly ExportedDevice[]): Promise<Agreement | undefined> {
  const greeting = new Uint8Array(Greeting.size);
  Object.assign(Greeting.at(greeting), { init_magic: INIT_MAGIC, option_magic: OPTION_MAGIC, handshake_flags: HANDSHAKE.FIXED_NEWSTYLE | HANDSHAKE.NO_ZEROES });
  await channel.send(greeting);
  const answer = await receive(inbox, 4);
  if (answer === undefined) return undefined;
  const flags = new PayloadReader(answer).u32();
  if ((flags & ~(HANDSHAKE.FIXED_NEWSTYLE | HANDSHAKE.NO_ZEROES)) !== 0) throw malformed(`it sets handshake flags 0x${flags.toString(16)}`);
  const talk: Talk = { channel, inbox, exports, fixed: (flags & HANDSHAKE.FIXED_NEWSTYLE) !== 0, noZeroes: (flags & HANDSHAKE.NO_ZEROES) !== 0, structured: false, allocationOf: undefined };
  for (let count = 0; count < MOST_OPTIONS; count++) {
    const bytes = await receive(inbox, OptionHeader.size);
    if (bytes === undefined) return undefined;
    const { magic, option, length } = OptionHeader.at(bytes);
    if (magic !== OPTION_MAGIC) throw malformed('an option without its magic');
    if (length > MOST_OPTION) throw malformed(`an option of ${length} bytes`);
    const data = await receive(inbox, length);
    if (data === undefined) throw malformed('it ends in the middle of an option');
    if (!talk.fixed && option !== OPT.EXPORT_NAME) throw malformed('options other than the export\'s name, without fixed newstyle');
    if (option === OPT.EXPORT_NAME) return openByName(talk, decodeName(data));
    if (option === OPT.ABORT) {
      await reply(talk, option, REP.ACK);
      return undefined;
    }
    try {
      const chosen = await answerOption(talk, option, new PayloadReader(data));
      await reply(talk, option, REP.ACK);
      if (chosen !== undefined) return agreement(talk, chosen);
    } catch (error) {
      if (!(error instanceof OptionError)) throw error;
      await reply(talk, option, error.type, encodeName(error.message));
    }
  }
  throw malformed(`more than ${MOST_OPTIONS} options`);
}

/** @returns undefined when the client is gone */
async function receive(inbox: Inbox, length: number): Promise<Uint8Array | undefined> {
  while (inbox.length < length) {
    if (inbox.ended) return undefined;
    await inbox.more();
  }
  return inbox.take(length);
}

/** The oldest way in, which knows no errors. */
async function openByName(talk: Talk, name: string): Promise<Agreement> {
  const device = talk.exports.find((each) => each.name === name);
  if (device === undefined) throw malformed(`it opens an export that is not there (${name.slice(0, 100)})`);
  const bytes = new Uint8Array(ExportReply.size + (talk.noZeroes ? 0 : EXPORT_REPLY_ZEROS));
  Object.assign(ExportReply.at(bytes), { size: BigInt(device.size), transmission_flags: flagsOf(device, talk.structured) });
  await talk.channel.send(bytes);
  return agreement(talk, device);
}

/** @returns the export that was opened, where one was. @throws OptionError */
async function answerOption(talk: Talk, option: number, data: PayloadReader): Promise<ExportedDevice | undefined> {
  switch (option) {
    case OPT.LIST:
      data.end();
      for (const { name, description } of talk.exports) {
        const text = encodeName(name);
        await reply(talk, option, REP.SERVER, u32(text.length), text, encodeName(description));
      }
      return undefined;
    case OPT.INFO:
    case OPT.GO: {
      const device = await inform(talk, option, data);
      return option === OPT.GO ? device : undefined;
    }
    case OPT.STRUCTURED_REPLY:
      data.end();
      talk.structured = true;
      return undefined;
    case OPT.LIST_META_CONTEXT:
    case OPT.SET_META_CONTEXT:
      await metaContexts(talk, option, data);
      return undefined;
    default:
      throw new OptionError(REP.ERR_UNSUP, `There is no option ${option} here`);
  }
}

async function inform(talk: Talk, option: number, data: PayloadReader): Promise<ExportedDevice> {
  const name = decodeName(data.bytes(data.u32()));
  const asked = new Set(Array.from({ length: data.u16() }, () => data.u16()));
  data.end();
  const device = find(talk, name);
  const info = new Uint8Array(2 + ExportReply.size);
  Object.assign(ExportReply.at(info, 2), { size: BigInt(device.size), transmission_flags: flagsOf(device, talk.structured) });
  await reply(talk, option, REP.INFO, info);
  if (asked.has(INFO.NAME)) await reply(talk, option, REP.INFO, u16(INFO.NAME), encodeName(device.name));
  if (asked.has(INFO.DESCRIPTION) && device.description !== '') await reply(talk, option, REP.INFO, u16(INFO.DESCRIPTION), encodeName(device.description));
  // The smallest is a byte: our devices have no alignment that must be kept to.
  if (asked.has(INFO.BLOCK_SIZE)) await reply(talk, option, REP.INFO, u16(INFO.BLOCK_SIZE), u32(1), u32(device.preferredBlockSize), u32(MOST_PAYLOAD));
  return device;
}

/** "Metadata querying". Setting them replaces those that were set, also when it fails. */
async function metaContexts(talk: Talk, option: number, data: PayloadReader): Promise<void> {
  const set = option === OPT.SET_META_CONTEXT;
  if (set) talk.allocationOf = undefined;
  if (!talk.structured) throw new OptionError(REP.ERR_INVALID, 'Contexts need structured replies');
  const name = decodeName(data.bytes(data.u32()));
  // Each query takes four bytes at least, so a number that the data can't have ends here.
  const queries = Array.from({ length: data.count(data.u32(), 4) }, () => decodeName(data.bytes(data.u32())));
  data.end();
  find(talk, name);
  const wanted = queries.includes(BASE_ALLOCATION) || !set && (queries.length === 0 || queries.includes('base:'));
  if (!wanted) return;
  if (set) talk.allocationOf = name;
  await reply(talk, option, REP.META_CONTEXT, u32(set ? ALLOCATION_ID : 0), encodeName(BASE_ALLOCATION));
}

function find(talk: Talk, name: string): ExportedDevice {
  const device = talk.exports.find((each) => each.name === name);
  if (device === undefined) throw new OptionError(REP.ERR_UNKNOWN, 'There is no export of this name');
  return device;
}

function agreement({ structured, allocationOf }: Talk, device: ExportedDevice): Agreement {
  return { device, structured, allocation: structured && allocationOf === device.name };
}

function flagsOf({ readOnly }: ExportedDevice, structured: boolean): number {
  const { HAS_FLAGS, READ_ONLY, SEND_FLUSH, SEND_FUA, SEND_TRIM, SEND_WRITE_ZEROES, SEND_DF, CAN_MULTI_CONN, SEND_CACHE } = TRANSMISSION;
  // Several connections see the same: every one of them works on the one device, and nothing is kept in between.
  const both = HAS_FLAGS | CAN_MULTI_CONN | SEND_CACHE | (structured ? SEND_DF : 0);
  return both | (readOnly ? READ_ONLY : SEND_FLUSH | SEND_FUA | SEND_TRIM | SEND_WRITE_ZEROES);
}

async function reply({ channel }: Talk, option: number, type: number, ...parts: readonly Uint8Array[]): Promise<void> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(OptionReply.size + length);
  Object.assign(OptionReply.at(bytes), { magic: OPTION_REPLY_MAGIC, option, reply_type: type, length });
  let at = OptionReply.size;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  await channel.send(bytes);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
