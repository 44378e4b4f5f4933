/** CRC-32 with the most significant bit first (polynomial 0x04C11DB7): the kernel's crc32_be, of JBD2's transaction checksums. */

const TABLE = /* @__PURE__ */ Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

/** Goes on from `crc` over `bytes`, with no inversion before or after. @returns an unsigned 32-bit number */
export function crc32be(crc: number, bytes: Uint8Array): number {
  let c = crc | 0;
  for (let i = 0; i < bytes.length; i++) c = (c << 8) ^ TABLE[(c >>> 24) ^ bytes[i]!]!;
  return c >>> 0;
}
