/** CRC-32 as zlib, PNG and Kraken mean it (ISO 3309, reflected, polynomial 0xEDB88320), over ASCII text. */

const table: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit += 1) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xed_b8_83_20 : 0);
  return remainder;
});

/** The checksum as an unsigned number. Only codes below 256 are meant: Kraken's text has digits alone. */
export function crc32(text: string): number {
  let sum = 0xff_ff_ff_ff;
  for (let at = 0; at < text.length; at += 1) {
    sum = (sum >>> 8) ^ (table[(sum ^ text.charCodeAt(at)) & 0xff] as number);
  }
  return (sum ^ 0xff_ff_ff_ff) >>> 0;
}
