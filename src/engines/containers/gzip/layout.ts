import { struct, u16, u32, u8 } from '../../core/layout/struct.ts';

/** The fixed part of a member's header (RFC 1952 section 2.3), little-endian. Extra field, name, comment and a checksum follow as FLG says. */
export const GzipMember = struct('gzip member', 10, { ID1: u8(0), ID2: u8(1), CM: u8(2), FLG: u8(3), MTIME: u32(4), XFL: u8(8), OS: u8(9) });

/** XLEN, before the extra field. */
export const GzipExtra = struct('gzip extra field', 2, { XLEN: u16(0) });
