import { struct, u16be, u32be, u64be } from '../../core/layout/struct.ts';

/**
 * The messages and numbers of the NBD protocol, by the names of its specification
 * (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). All numbers are big-endian.
 */

/** "NBDMAGIC": the first eight bytes of every server. */
export const INIT_MAGIC = 0x4e42444d41474943n;
/** "IHAVEOPT": newstyle, and the magic of each option. */
export const OPTION_MAGIC = 0x49484156454f5054n;
export const OPTION_REPLY_MAGIC = 0x0003e889045565a9n;
export const REQUEST_MAGIC = 0x25609513;
export const SIMPLE_REPLY_MAGIC = 0x67446698;
export const STRUCTURED_REPLY_MAGIC = 0x668e33ef;

/** What the server says first ("Newstyle negotiation"). */
export const Greeting = struct('nbd_greeting', 18, { init_magic: u64be(0), option_magic: u64be(8), handshake_flags: u16be(16) });

/** An option of the client; `length` bytes of data follow. */
export const OptionHeader = struct('nbd_option', 16, { magic: u64be(0), option: u32be(8), length: u32be(12) });

/** An answer to an option; `length` bytes of data follow. */
export const OptionReply = struct('nbd_option_reply', 20, { magic: u64be(0), option: u32be(8), reply_type: u32be(12), length: u32be(16) });

/** The answer to NBD_OPT_EXPORT_NAME, and of 124 zeros after it unless the client does without. */
export const ExportReply = struct('nbd_export_name_reply', 10, { size: u64be(0), transmission_flags: u16be(8) });
export const EXPORT_REPLY_ZEROS = 124;

/** "Request message"; `length` bytes of data follow a write. */
export const Request = struct('nbd_request', 28, { magic: u32be(0), flags: u16be(4), type: u16be(6), cookie: u64be(8), offset: u64be(16), length: u32be(24) });

/** "Simple reply message"; the bytes follow that were read. */
export const SimpleReply = struct('nbd_simple_reply', 16, { magic: u32be(0), error: u32be(4), cookie: u64be(8) });

/** "Structured reply chunk message"; `length` bytes of payload follow. */
export const StructuredReply = struct('nbd_structured_reply', 20, { magic: u32be(0), flags: u16be(4), type: u16be(6), cookie: u64be(8), length: u32be(16) });

/** NBD_FLAG_*: of the handshake, of the server and of the client. */
export const HANDSHAKE = { FIXED_NEWSTYLE: 1, NO_ZEROES: 2 } as const;

/** NBD_OPT_* */
export const OPT = { EXPORT_NAME: 1, ABORT: 2, LIST: 3, INFO: 6, GO: 7, STRUCTURED_REPLY: 8, LIST_META_CONTEXT: 9, SET_META_CONTEXT: 10 } as const;

/** NBD_REP_* */
export const REP = {
  ACK: 1, SERVER: 2, INFO: 3, META_CONTEXT: 4,
  ERR_UNSUP: 0x8000_0001, ERR_INVALID: 0x8000_0003, ERR_UNKNOWN: 0x8000_0006,
} as const;

/** NBD_INFO_* */
export const INFO = { EXPORT: 0, NAME: 1, DESCRIPTION: 2, BLOCK_SIZE: 3 } as const;

/** NBD_FLAG_*: of an export ("Transmission flags"). */
export const TRANSMISSION = {
  HAS_FLAGS: 1 << 0, READ_ONLY: 1 << 1, SEND_FLUSH: 1 << 2, SEND_FUA: 1 << 3, SEND_TRIM: 1 << 5, SEND_WRITE_ZEROES: 1 << 6, SEND_DF: 1 << 7,
  CAN_MULTI_CONN: 1 << 8, SEND_CACHE: 1 << 10,
} as const;

/** NBD_CMD_* */
export const CMD = { READ: 0, WRITE: 1, DISC: 2, FLUSH: 3, TRIM: 4, CACHE: 5, WRITE_ZEROES: 6, BLOCK_STATUS: 7 } as const;

/** NBD_CMD_FLAG_* */
export const CMD_FLAG = { FUA: 1 << 0, NO_HOLE: 1 << 1, DF: 1 << 2, REQ_ONE: 1 << 3 } as const;

/** NBD_REPLY_FLAG_* and NBD_REPLY_TYPE_* */
export const REPLY_FLAG = { DONE: 1 } as const;
export const REPLY_TYPE = { NONE: 0, OFFSET_DATA: 1, OFFSET_HOLE: 2, BLOCK_STATUS: 5, ERROR: 0x8001 } as const;

/** NBD_STATE_*: of an extent in base:allocation. */
export const STATE = { HOLE: 1, ZERO: 2 } as const;

/** NBD_E* ("Error values"): those that this server answers with. */
export const ERROR = { EPERM: 1, EIO: 5, EINVAL: 22, ENOSPC: 28, ESHUTDOWN: 108 } as const;

/** The one metadata context that there is. */
export const BASE_ALLOCATION = 'base:allocation';

/** Bytes of a string at most ("Protocol phases": strings). */
export const MOST_STRING = 4096;

/** Bytes of one read or write at most ("Size constraints": every server takes as many). */
export const MOST_PAYLOAD = 32 * 1024 * 1024;
