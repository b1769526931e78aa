/**
 * What a venue should never send: text that is no JSON, JSON that is no message, numbers that no double holds, nesting
 * without end, binary where text is agreed, and two frames that break the protocol itself. All from the faults' dice,
 * so that a seed gives the same rubbish again. Also the quiet lie: a message that reads well and tells a wrong quantity.
 */
import type { FaultMode } from "../faults/fault.ts";
import type { Random } from "../flow/random.ts";
import { RESERVED_FRAME, TEXT_FRAME, wireFrame } from "./wire-frames.ts";

/** Something to send. `wire` goes past the WebSocket library, byte for byte. */
export type Parcel =
  { readonly kind: "text"; readonly text: string } | { readonly kind: "binary" | "wire"; readonly bytes: Buffer };

const HARMLESS = ["text", "json", "binary", "nested", "number"] as const;
const NESTING = 20_000;

/** JSON that parses and means nothing that a stream says. */
const STRANGE: readonly string[] = [
  "null",
  "[]",
  "{}",
  '""',
  "0",
  "true",
  '{"stream":null,"data":null}',
  '{"stream":"btcusdt@trade","data":[]}',
  '{"e":"trade","E":"soon","s":7,"t":"first","p":null,"q":{},"T":[],"m":"no"}',
  '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":9,"u":2,"b":[["x","y"],[1,2],[]],"a":"none"}',
  '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":-1,"u":null,"b":{},"a":[[["1","1"]]]}',
  '{"e":["trade"],"__proto__":{"e":"trade"},"constructor":1}',
  '{"result":{"streams":[]},"id":{}}',
];

const HUGE: readonly string[] = [
  '{"e":"trade","E":1,"s":"BTCUSDT","t":1e400,"p":"1","q":"1","T":1,"m":true,"M":true}',
  '{"e":"trade","E":1,"s":"BTCUSDT","t":9007199254740993,"p":"1","q":"1","T":1,"m":true,"M":true}',
  '{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1e999","q":"-1","T":1,"m":true,"M":true}',
  `{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":1e308,"b":[["${"9".repeat(400)}","1"]],"a":[]}`,
  '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":0.5,"u":0.5,"b":[["0","1"],["-5","1"]],"a":[["NaN","1"]]}',
];

/** One piece of rubbish of the kind that was asked for. */
export function garbage(mode: FaultMode | undefined, dice: Random): Parcel {
  switch (mode) {
    case "text":
      return { kind: "text", text: randomText(dice) };
    case "json":
      return { kind: "text", text: oneOf(STRANGE, dice) };
    case "number":
      return { kind: "text", text: oneOf(HUGE, dice) };
    case "nested":
      return { kind: "text", text: `${"[".repeat(NESTING)}${"]".repeat(NESTING)}` };
    case "binary":
      return { kind: "binary", bytes: randomBytes(dice) };
    case "utf8":
      return { kind: "wire", bytes: wireFrame(TEXT_FRAME, Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x80, 0x7d])) };
    case "opcode":
      return { kind: "wire", bytes: wireFrame(RESERVED_FRAME, randomBytes(dice)) };
    default:
      return garbage(oneOf(HARMLESS, dice), dice);
  }
}

/** The same message with one quantity wrong; unchanged when it has none. The ids stay right: no sequence shows it. */
export function corrupted(text: string): string {
  const message = JSON.parse(text) as Record<string, unknown>;
  const body = (message["data"] ?? message["event"] ?? message) as Record<string, unknown>;
  for (const side of ["b", "a", "bids", "asks"]) {
    const row = Array.isArray(body[side]) ? (body[side] as unknown[])[0] : undefined;
    if (!Array.isArray(row)) continue;
    row[1] = wrongAmount(row[1]);
    return JSON.stringify(message);
  }
  for (const field of ["q", "B"]) {
    if (typeof body[field] !== "string") continue;
    body[field] = wrongAmount(body[field]);
    break;
  }
  return JSON.stringify(message);
}

/** Another amount of the same form; nothing becomes something. */
function wrongAmount(amount: unknown): string {
  const text = typeof amount === "string" ? amount : "0";
  if (!/[1-9]/.test(text)) return "1.00000000";
  return text.replace(/[1-9]/, (digit) => `${(Number(digit) % 9) + 1}`);
}

function oneOf<T>(list: readonly T[], dice: Random): T {
  return list[dice.whole(list.length)] as T;
}

function randomBytes(dice: Random): Buffer {
  return Buffer.from(Array.from({ length: 1 + dice.whole(64) }, () => dice.whole(256)));
}

function randomText(dice: Random): string {
  const codes = Array.from({ length: 1 + dice.whole(80) }, () => 32 + dice.whole(95));
  return String.fromCharCode(...codes);
}
