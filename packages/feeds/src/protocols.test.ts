/** What holds for every venue that is spoken: it is known by its name, its addresses are its own, no bytes break it. */
import { id, monoMs, wallMs } from "@baton/core";
import type { ExchangeId, SymbolId } from "@baton/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { venueProfiles } from "./profiles/profiles.ts";
import type { VenueProtocol } from "./protocol.ts";
import { streamKinds } from "./protocol.ts";
import { protocols } from "./protocols.ts";
import { documentedFrames } from "./testing/corpus.ts";

const clock = { mono: () => monoMs(0), wall: () => wallMs(0) };
const open = (exchange: ExchangeId, wsUrls?: readonly string[]): VenueProtocol =>
  protocols[exchange]({ mode: "live", wsUrls, clock, restWithinMs: 1_000 });
const symbol = id<SymbolId>("BTC/USD");

describe.each(Object.keys(protocols) as ExchangeId[])("the protocol of %s", (exchange) => {
  test("dials the venue's own addresses, or a given one with or without its path", () => {
    const { wsUrls } = venueProfiles[exchange].networks.live;
    for (const [which, { endpoints }] of open(exchange).routes.entries()) {
      for (const [at, url] of wsUrls.entries()) expect(endpoints[at]?.startsWith(url)).toBe(true);
      const at = (wsUrl: string): readonly string[] | undefined => open(exchange, [wsUrl]).routes[which]?.endpoints;
      const [given = ""] = at("ws://127.0.0.1:9000") ?? [];
      expect(given).toMatch(/^ws:\/\/127\.0\.0\.1:9000/);
      expect(at(given)).toEqual([given]);
      expect(at("ws://127.0.0.1:9000/")).toEqual([given]);
    }
  });

  test("has each kind of stream on one of a line's connections, and no address for two of them", () => {
    const { routes } = open(exchange);
    expect(routes.flatMap(({ kinds }) => kinds).toSorted()).toEqual(streamKinds.toSorted());
    expect(new Set(routes.flatMap(({ endpoints }) => endpoints)).size).toBe(
      routes.reduce((sum, { endpoints }) => sum + endpoints.length, 0),
    );
  });

  test("has names for trades and books, and asks for them in JSON", () => {
    const protocol = open(exchange);
    const streams = [protocol.streamName(symbol, "trade"), protocol.streamName(symbol, "depth")];
    expect(new Set(streams).size).toBe(2);
    for (const stream of streams) {
      const text = protocol.requestText({ id: 7, method: "SUBSCRIBE", streams: [stream ?? ""] });
      expect(JSON.parse(text)).toBeTypeOf("object");
      expect(text.toLowerCase()).toContain("btc");
    }
  });

  test("reads whatever bytes without throwing, and a message cut short as none", () => {
    const parser = open(exchange).openParser();
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      fc.constantFrom("null", "[]", "{}", '{"data":[null]}', '{"arg":null,"data":[null]}', '{"topic":"publicTrade.X"}'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parser.parse(Buffer.from(text)).type).toBeTypeOf("string");
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(parser.parse(Buffer.from(bytes)).type).toBeTypeOf("string");
      }),
    );
    // Binance's own fuzz has its documents: what its parser understands depends on what was subscribed.
    if (exchange === "binance") return;
    const documented = documentedFrames(exchange);
    expect(documented.length).toBeGreaterThan(0);
    for (const text of documented) {
      expect(parser.parse(Buffer.from(text)).type, text).not.toBe("bad");
      for (let at = 0; at < text.length; at += 1) {
        expect(parser.parse(Buffer.from(text.slice(0, at))).type).toBe("bad");
      }
    }
  });
});
