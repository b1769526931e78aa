/** Kraken's messages as its documents show them, and what is none of them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { microsecondsOf } from "../frame-fields.ts";
import { parseKrakenFrame } from "./frames.ts";

const trade = (fields: string): string => `{"channel":"trade","type":"update","data":[{${fields}}]}`;
const whole =
  '"symbol":"BTC/USD","side":"sell","price":45283.50,"qty":0.00000001,"ord_type":"limit","trade_id":7,"timestamp":"2026-08-02T09:30:01.123456Z"';

describe("a message of Kraken", () => {
  test("with trades tells each with its digits", () => {
    const stream = "trade:BTC/USD";
    const told = { id: 7, price: "45283.5", quantity: "0.00000001", taker: "sell", tradedWallMs: 1_785_663_001_123 };
    const one = { type: "trade", stream, trade: told };
    const two = { type: "trade", stream, trade: { ...told, id: 8 } };
    const data = `{${whole}},{${whole.replace(":7", ":8")}}`;
    expect(parseKrakenFrame(`{"channel":"trade","type":"update","data":[${data}]}`)).toEqual({
      type: "several",
      frames: [one, two],
    });
  });

  test.each([
    ["without an id", whole.replace('"trade_id":7', '"trade_id":-7')],
    ["with an amount that is a text of another kind", whole.replace("45283.50", "1e5")],
    ["of nothing", whole.replace("0.00000001", "0")],
    ["of no time", whole.replace("2026-08-02T", "")],
    ["of no side", whole.replace("sell", "none")],
  ])("with a trade %s is bad as a whole", (_, fields) => {
    expect(parseKrakenFrame(trade(fields)).type).toBe("bad");
  });

  test("that answers names the stream it answers for", () => {
    const result = '"result":{"channel":"book","depth":10,"snapshot":true,"symbol":"BTC/USD"}';
    expect(parseKrakenFrame(`{"method":"subscribe",${result},"success":true,"req_id":3}`)).toEqual({
      type: "acknowledged",
      id: 3,
      streams: ["book:BTC/USD"],
    });
    const unknown =
      '{"error":"Currency pair not supported X/Y","method":"subscribe","req_id":4,"success":false,"symbol":"X/Y"}';
    expect(parseKrakenFrame(unknown)).toEqual({ type: "refused", id: 4, why: "Currency pair not supported X/Y" });
    expect(parseKrakenFrame('{"method":"pong","req_id":9,"time_in":"a","time_out":"b"}')).toEqual({ type: "beat" });
  });

  test("that only says that it lives, or what we did not ask for, is nothing to us", () => {
    for (const text of [
      '{"channel":"heartbeat"}',
      '{"channel":"status","type":"update","data":[{"system":"online"}]}',
      '{"channel":"ohlc","type":"update","data":[]}',
    ]) {
      expect(parseKrakenFrame(text)).toEqual({ type: "ignored" });
    }
  });

  test("of whatever bytes never throws", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom("null", "[]", "{}", '{"channel":"book","data":[null]}'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseKrakenFrame(text).type).toBeTypeOf("string");
      }),
    );
    const cut = trade(whole);
    for (let at = 0; at < cut.length; at += 1) expect(parseKrakenFrame(cut.slice(0, at)).type).toBe("bad");
    expect(parseKrakenFrame('{"channel":"trade","data":[null]}').type).toBe("bad");
    expect(parseKrakenFrame('{"method":"subscribe","req_id":1,"success":true,"result":null}').type).toBe("bad");
  });

  test("has its time to the microsecond", () => {
    expect(microsecondsOf("2026-08-02T09:30:01.123456Z")).toBe(1_785_663_001_123_456);
    expect(microsecondsOf("2026-08-02T09:30:01Z")).toBe(1_785_663_001_000_000);
    expect(microsecondsOf("2026-08-02 09:30:01")).toBeUndefined();
    expect(microsecondsOf("2026-99-02T09:30:01Z")).toBeUndefined();
  });
});
