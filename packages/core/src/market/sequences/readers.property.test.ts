/** Whatever comes over a wire: a reader answers, never throws, and lets no level through that a book could not hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { areLevels } from "../book.ts";
import {
  readBinanceFuturesDifference,
  readBinanceFuturesSnapshot,
  readBinanceSpotDifference,
  readBinanceSpotSnapshot,
  readBybitBook,
  readCoinbaseMessage,
  readKrakenBook,
  readOkxBook,
  readOkxSnapshot,
  type BookFrame,
  type ReadFrame,
} from "./index.ts";

const readers: Readonly<Record<string, (text: string) => BookFrame<unknown> | ReadFrame<unknown>>> = {
  "Binance spot": (text) => readBinanceSpotDifference(parsed(text)),
  "Binance spot snapshot": (text) => readBinanceSpotSnapshot(parsed(text), 100),
  "Binance futures": (text) => readBinanceFuturesDifference(parsed(text)),
  "Binance futures snapshot": (text) => readBinanceFuturesSnapshot(parsed(text), 100),
  OKX: (text) => readOkxBook(parsed(text)),
  "OKX snapshot": (text) => readOkxSnapshot(parsed(text), 100),
  Bybit: (text) => readBybitBook(parsed(text)),
  Coinbase: (text) => readCoinbaseMessage(parsed(text), "BTC-USD"),
  Kraken: readKrakenBook,
};

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A well-made message of each venue. */
const messages: readonly string[] = [
  '{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":157,"u":160,"pu":149,"b":[["0.0024","10"]],"a":[["0.0026","100"]]}',
  '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}',
  '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":0,"prevSeqId":12,"seqId":15}]}',
  '{"code":"0","data":[{"asks":[["8476.98","415","0","13"]],"bids":[],"ts":"1597026383085","seqId":15}]}',
  '{"topic":"orderbook.50.BTCUSDT","type":"delta","ts":1,"data":{"s":"BTCUSDT","b":[["16493.50","0.006"]],"a":[],"u":18,"seq":79}}',
  '{"channel":"l2_data","timestamp":"","sequence_num":3,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"1.5","new_quantity":"2"}]}]}',
  '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":1.50,"qty":2.00}],"asks":[],"checksum":7}]}',
];

/** Those with a piece cut out, doubled, or replaced by something odd; and anything at all. */
const texts = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...messages),
      fc.nat(),
      fc.nat(12),
      fc.oneof(
        fc.constantFrom("", "[", "}", "null", "1e400", "-1", '"', ",0", "9".repeat(40), "0.1", "{}"),
        fc.string({ maxLength: 4 }),
      ),
    )
    .map(([text, at, length, put]) => {
      const from = at % text.length;
      return text.slice(0, from) + put + text.slice(from + length);
    }),
  fc.json(),
  fc.string(),
  fc.constant(`${"[".repeat(5_000)}${"]".repeat(5_000)}`),
);

test.each(Object.entries(readers))("%s", (_name, read) => {
  let frames = 0;
  const look = (text: string): void => {
    const answer = read(text);
    if (typeof answer === "string") return;
    frames += 1;
    const { bids, asks } = "frame" in answer ? answer.frame : answer;
    expect(areLevels(bids) && areLevels(asks)).toBe(true);
  };
  for (const text of messages) look(text);
  expect(frames).toBeGreaterThan(0);
  fc.assert(fc.property(texts, look), { numRuns: 1_500 });
});
