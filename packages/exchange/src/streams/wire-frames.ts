/**
 * WebSocket frames as bytes, for what no library sends: half a frame, a text that is no UTF-8, an opcode that nobody
 * has defined. A server's frames carry no mask (RFC 6455 §5.1), so a header and the payload are all.
 */

export const TEXT_FRAME = 0x1;
/** Reserved by RFC 6455 for further data frames: a client must end the connection. */
export const RESERVED_FRAME = 0x3;

/** One whole, final frame. */
export function wireFrame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const isLong = length > 0xffff;
  const header = Buffer.alloc(length < 126 ? 2 : isLong ? 10 : 4);
  header[0] = 0x80 | opcode;
  if (length < 126) {
    header[1] = length;
  } else if (isLong) {
    header[1] = 127;
    header.writeBigUInt64BE(BigInt(length), 2);
  } else {
    header[1] = 126;
    header.writeUInt16BE(length, 2);
  }
  return Buffer.concat([header, payload]);
}
