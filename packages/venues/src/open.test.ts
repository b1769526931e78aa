import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { id, type SymbolId } from "@baton/core";
import { takeBaseline, VenueSetupError, VenueUnavailable } from "./index.ts";
import {
  btc,
  connect,
  exchangeInfo,
  inMs,
  json,
  startScriptedVenue,
  terms,
  TestPermits,
  type ScriptedVenue,
} from "./testing/scripted-venue.ts";

let server: ScriptedVenue;
const permits = new TestPermits();
beforeEach(async () => {
  server = await startScriptedVenue();
});
afterEach(() => server.close());

describe("opening a venue", () => {
  it("loads the rules of each symbol as canonical decimals", async () => {
    const venue = await connect(server.url, permits);
    expect(venue.instruments.get(btc)).toEqual({
      symbol: btc,
      base: "BTC",
      quote: "USDT",
      tickSize: "0.01",
      lotSize: "0.00001",
      quantityMin: "0.00001",
      quantityMax: "9000",
      notionalMin: "5",
    });
    await venue.close();
  });

  it("asks for markets only then: no order, cancel or query loads any", async () => {
    const venue = await connect(server.url, permits);
    const order = { clientOrderId: "a", symbol: btc };
    await venue.place({ ...order, terms, expiresAtMonoMs: inMs(20_000) }, permits.permit());
    await venue.cancel(order, permits.permit());
    await venue.query(btc, "a");
    expect(server.received.filter(({ path }) => path.endsWith("exchangeInfo")).length).toBe(1);
    await venue.close();
  });

  it("asks for the time soon again where slow answers have told it badly", async () => {
    let slow = 3;
    server.script["GET /api/v3/time"] = (_request, response) =>
      void setTimeout(() => json(response, 200, { serverTime: Date.now() }), slow-- > 0 ? 600 : 0);
    const venue = await connect(server.url, permits);
    expect(venue.clock()?.errorMs).toBeGreaterThan(250);
    await vi.waitFor(() => expect(venue.clock()?.errorMs).toBeLessThan(100), { timeout: 8_000 });
    await venue.close();
  });

  it("takes the published limits, unless the configuration replaces them", async () => {
    server.script["GET /api/v3/exchangeInfo"] = (_request, response) =>
      json(response, 200, exchangeInfo({ orders: 2 }));
    // The venue's window of ten seconds began a second ago, so that none begins while an order waits.
    const aheadMs = 11_000 - (Date.now() % 10_000);
    server.script["GET /api/v3/time"] = (_request, response) =>
      json(response, 200, { serverTime: Date.now() + aheadMs });
    const place = async (over: object): Promise<string[]> => {
      const venue = await connect(server.url, permits, over);
      const kinds: string[] = [];
      for (let order = 0; order < 3; order += 1) {
        const outcome = await venue.place(
          // Long for an answer on a loaded machine, short for what is left of the window.
          { clientOrderId: `o${order}`, terms, expiresAtMonoMs: inMs(4_000) },
          permits.permit(),
        );
        kinds.push(outcome.kind === "not-sent" ? outcome.reason : outcome.kind);
      }
      await venue.close();
      return kinds;
    };
    expect(await place({ limits: { orders: 10 } })).toEqual(["accepted", "accepted", "accepted"]);
    expect(await place({})).toContain("limiter");
  });

  it("refuses a symbol that the venue does not trade, by name", async () => {
    const wrong = connect(server.url, permits, { symbols: [id<SymbolId>("NO/SUCH")] });
    await expect(wrong).rejects.toThrow(VenueSetupError);
    await expect(connect(server.url, permits, { symbols: [id<SymbolId>("NO/SUCH")] })).rejects.toThrow("NO/SUCH");
  });

  it("refuses to open without a key", async () => {
    await expect(connect(server.url, permits, { apiKey: "" })).rejects.toThrow("needs an API key");
  });

  it("says that the venue is unavailable when nothing answers", async () => {
    const { url } = server;
    await server.close();
    await expect(connect(url, permits)).rejects.toThrow(VenueUnavailable);
    server = await startScriptedVenue();
  });
});

describe("the baseline", () => {
  it("reads again when the account traded between its parts", async () => {
    let reads = 0;
    server.script["GET /api/v3/myTrades"] = (_request, response) => {
      reads += 1;
      const trade = {
        symbol: "BTCUSDT",
        orderId: 9,
        price: "1",
        qty: "1",
        commission: "0",
        commissionAsset: "BTC",
        time: 1,
        isBuyer: true,
        isMaker: true,
      };
      json(response, 200, reads === 1 ? [] : [{ ...trade, id: 77 }]);
    };
    server.script["GET /api/v3/account"] = (_request, response) =>
      json(response, 200, {
        balances: [
          { asset: "BTC", free: "1.50000000", locked: "0.50000000" },
          { asset: "X", free: "0.0", locked: "0.0" },
        ],
      });
    const venue = await connect(server.url, permits);
    expect(await takeBaseline(venue, [btc])).toEqual({
      balances: { BTC: "2" },
      openOrders: [],
      lastTradeIds: { [btc]: "77" },
    });
    expect(reads).toBe(3);
    await venue.close();
  });
});

it("an answer's text is parsed once, by the dialect: with ten thousand open orders it is megabytes", async () => {
  const body = "[  ]";
  server.script["GET /api/v3/openOrders"] = (_request, response) =>
    void response.writeHead(200, { "content-type": "application/json" }).end(body);
  const venue = await connect(server.url, permits);
  const parse = vi.spyOn(JSON, "parse");
  try {
    expect(await venue.openOrders()).toEqual([]);
    expect(parse.mock.calls.filter(([text]) => text === body)).toHaveLength(1);
  } finally {
    parse.mockRestore();
  }
  await venue.close();
});

it("the driver and all it stands on add less than 140 MB to a bare process", async () => {
  const script = `
    const before = process.memoryUsage().rss;
    const { openVenue } = await import(${JSON.stringify(new URL("index.ts", import.meta.url).href)});
    const clock = { mono: () => performance.now(), wall: () => Date.now() };
    const venue = await openVenue({ id: "binance", exchange: "binance", account: "a", mode: "sandbox", apiKey: "k", secret: "s",
      restUrl: ${JSON.stringify(server.url)}, symbols: ["BTC/USDT"], validityMs: 5000, minValidityMs: 50, deadlineMs: 2000, clock,
      permits: { current: () => undefined } });
    console.log(process.memoryUsage().rss - before);
    await venue.close();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  expect(Number(stdout) / 1e6).toBeLessThan(140);
});
