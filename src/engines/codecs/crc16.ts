/** CRC-16/ARC's table (reflected polynomial 0xA001), the kernel's lib/crc16. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** Goes on from `crc` over bytes [at, end): the kernel's `crc16()`. ext4's group descriptors (gdt_csum) start from 0xFFFF. */
export function crc16(crc: number, bytes: Uint8Array, at = 0, end = bytes.length): number {
  let c = crc;
  for (let i = at; i < end; i++) c = (c >>> 8) ^ TABLE[(c ^ bytes[i]!) & 0xff]!;
  return c;
}
