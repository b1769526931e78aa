/**
 * Mode paper, as the engine's venue room has it: one exchange plays the live venue, another mirrors it, and a paper order
 * of Baton's fills from the live venue's book. A server that does not say that its money is invented gets no order.
 */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { decimal, id, type PlaceOutcome, type VenueId } from "@baton/core";
import { startExchange, type RunningExchange } from "@baton/exchange";
import { openVenue, VenueSetupError, type Venue, type VenueOptions } from "@baton/venues";
import { btc, clock, inMs, TestPermits } from "../venues-orders/rig.ts";

const patience = { timeout: 60_000, interval: 25 };
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const permits = new TestPermits();
const venueId = id<VenueId>("paper");

async function start(): Promise<{ readonly live: RunningExchange; readonly paper: RunningExchange }> {
  const live = await startExchange({ keys: [], seed: 9, flow: { rate: 40 } });
  closing.push(() => live.close());
  const paper = await startExchange({
    keys: [{ key: "node-a", secret: "secret-a", account: "desk" }],
    mirror: { wsUrl: live.url.replace("http", "ws"), restUrl: live.url, symbols: ["BTCUSDT"] },
  });
  closing.push(() => paper.close());
  await expect.poll(() => paper.mirrors()[0]?.state, patience).toBe("live");
  return { live, paper };
}

async function open(url: string, over: Partial<VenueOptions> = {}): Promise<Venue> {
  const venue = await openVenue({
    id: venueId,
    exchange: "binance",
    account: "desk",
    mode: "paper",
    apiKey: "node-a",
    secret: "secret-a",
    restUrl: url,
    wsUrl: url.replace("http", "ws"),
    symbols: [btc],
    validityMs: 5_000,
    minValidityMs: 50,
    deadlineMs: 20_000,
    clock,
    permits,
    ...over,
  });
  closing.push(() => venue.close());
  return venue;
}

/** Bought once the mirror is live: one whose process was held up refuses orders until it has heard of its market again. */
async function buy(paper: RunningExchange, venue: Venue, clientOrderId: string): Promise<PlaceOutcome> {
  let outcome: PlaceOutcome = await send(venue, clientOrderId);
  for (const end = performance.now() + patience.timeout; outcome.kind === "rejected";) {
    if (performance.now() > end) break;
    await expect.poll(() => paper.mirrors()[0]?.state, patience).toBe("live");
    outcome = await send(venue, clientOrderId);
  }
  return outcome;
}

function send(venue: Venue, clientOrderId: string): Promise<PlaceOutcome> {
  const terms = {
    venue: venueId,
    symbol: btc,
    side: "buy",
    type: "market",
    quantity: decimal("0.01"),
    timeInForce: "IOC",
  } as const;
  return venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(10_000) }, permits.permit());
}

/** A server before the exchange that leaves the word about its money out while `isSilent`. */
async function startProxy(to: string, state: { isSilent: boolean }): Promise<string> {
  const server: Server = createServer((asked, answer) => {
    const onward = request(to + (asked.url ?? ""), { method: asked.method, headers: asked.headers }, (got) => {
      const { "baton-exchange-money": money, ...headers } = got.headers;
      answer.writeHead(got.statusCode ?? 502, state.isSilent ? headers : { ...headers, "baton-exchange-money": money });
      got.pipe(answer);
    });
    onward.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a paper order fills from the live venue's book, which has not seen it", async () => {
  const { live, paper } = await start();
  const venue = await open(paper.url);
  const ids = "0123456789abcdef0123456789abcdef";
  expect(await buy(paper, venue, ids)).toMatchObject({ kind: "accepted" });
  const trades = await venue.trades(btc, {});
  expect(trades.length).toBeGreaterThan(0);
  const fill = paper.audit().find((one) => one.type === "fill");
  expect(fill).toMatchObject({ clientOrderId: ids, isMaker: false });
  expect(live.audit().filter((one) => ["recv", "accept", "fill"].includes(one.type))).toEqual([]);
});

test("a server that does not say that its money is invented is not traded with", async () => {
  const { paper } = await start();
  const url = await startProxy(paper.url, { isSilent: true });
  await expect(open(url)).rejects.toThrow(VenueSetupError);
  await expect(open(url)).rejects.toThrow("may be real: no order is sent");
  await expect(open(url, { mode: "sandbox" })).resolves.toBeDefined();
});

test("one that stops saying so gets no order from then on", async () => {
  const { paper } = await start();
  const state = { isSilent: false };
  const venue = await open(await startProxy(paper.url, state));
  expect(await buy(paper, venue, "a".repeat(32))).toMatchObject({ kind: "accepted" });
  state.isSilent = true;
  await venue.balances();
  const received = (): number => paper.audit().filter((one) => one.type === "recv").length;
  const before = received();
  expect(await buy(paper, venue, "b".repeat(32))).toMatchObject({ kind: "not-sent" });
  expect(received()).toBe(before);
});

test("paper without addresses of its own is no configuration", async () => {
  const { restUrl: _rest, ...options } = {
    id: venueId,
    exchange: "binance",
    account: "desk",
    mode: "paper",
    apiKey: "k",
    secret: "s",
    restUrl: "",
    wsUrl: "ws://127.0.0.1:1",
    symbols: [btc],
    validityMs: 5_000,
    minValidityMs: 50,
    deadlineMs: 1_000,
    clock,
    permits,
  } as const;
  await expect(openVenue(options)).rejects.toThrow("needs restUrl and wsUrl");
});
