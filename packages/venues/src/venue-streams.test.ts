/**
 * The account streams of OKX, Bybit, Kraken and Coinbase over real sockets: each story is the same for all of them, so that
 * what differs is a dialect and nothing else. (Binance's are in `account-stream.test.ts`, and every fault of its stream in
 * `test/venues-orders`.)
 */
import { createHmac, createPublicKey, verify } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { id, venueProfiles, type TradeId, type VenueId } from "@baton/core";
import type { AccountEvent, AccountStream, AccountStreamOptions, AccountStreamState } from "./index.ts";
import { takeBaseline } from "./baseline.ts";
import { timedTradeId } from "./dialects/trade-ids.ts";
import { openVenue } from "./open.ts";
import { realClock, TestPermits, until } from "./testing/scripted-venue.ts";
import { streamScripts } from "./testing/stream-scripts.ts";
import { startStreamVenue, type StreamVenue } from "./testing/stream-venue.ts";
import { wireClientOrderId, wireScripts } from "./testing/wire-scripts.ts";
import type { Venue } from "./venue.ts";

const exchanges = ["okx", "bybit", "kraken", "coinbase"] as const;

it("a secret that REST can sign with and the stream cannot: the account is read instead, and nobody dies of it", async () => {
  const { keys, symbol } = wireScripts.coinbase;
  const server = await startStreamVenue("coinbase");
  const venue = await openVenue({
    ...{ id: id<VenueId>("v"), exchange: "coinbase", account: "test", mode: "live", symbols: [symbol] },
    ...{ apiKey: keys.apiKey.replace("organizations/", ""), secret: Buffer.alloc(64, 7).toString("base64") },
    ...{ restUrl: server.rest.url, wsUrl: server.rest.url.replace(/^http/, "ws"), limits: { weight: 100_000 } },
    ...{ validityMs: 5_000, minValidityMs: 50, deadlineMs: 20_000, clock: realClock, permits: new TestPermits() },
  });
  const whys: string[] = [];
  const stream = venue.openAccountStream({
    lastTradeId: () => undefined,
    liveOrders: () => [],
    onEvent: () => undefined,
    onState: (_state, why) => whys.push(why),
  });
  await until("the account is read", () => stream.state() === "reading");
  expect(whys.at(-1)).toMatch(/^the subscription could not be signed: /);
  stream.close();
  await venue.close();
  await server.close();
});

describe.each(exchanges)("the account stream of %s", (exchange) => {
  const { keys, symbol } = wireScripts[exchange];
  const profile = venueProfiles[exchange];
  let server: StreamVenue;
  let venue: Venue;
  let events: AccountEvent[];
  let states: [AccountStreamState, string][];
  let stream: AccountStream;

  beforeAll(async () => {
    server = await startStreamVenue(exchange);
    venue = await openVenue({
      id: id<VenueId>("v"),
      exchange,
      account: "test",
      mode: "live",
      ...keys,
      restUrl: server.rest.url,
      wsUrl: server.rest.url.replace(/^http/, "ws"),
      symbols: [symbol],
      validityMs: 5_000,
      minValidityMs: 50,
      deadlineMs: 20_000,
      clock: realClock,
      permits: new TestPermits(),
      limits: { weight: 100_000 },
    });
  });
  afterAll(async () => {
    await venue.close();
    await server.close();
  });
  beforeEach(() => {
    events = [];
    states = [];
    server.forget();
    server.isRefusing = false;
    server.isPonging = true;
    server.onRead = () => undefined;
  });
  afterEach(() => stream.close());

  const open = (over: Partial<AccountStreamOptions> = {}): void => {
    stream = venue.openAccountStream({
      lastTradeId: () => timedTradeId(Date.now() - 3_600_000, "before"),
      clientOrderIdOf: () => wireClientOrderId,
      liveOrders: () => [],
      onEvent: (event) => events.push(event),
      onState: (state, why) => states.push([state, why]),
      ...over,
    });
  };
  const isReady = (): boolean => stream.state() === "ready";
  const fills = (): number[] =>
    events.flatMap((event) => (event.kind === "fill" ? [Number(event.fill.tradedWallMs)] : []));
  const executed = (): string | undefined =>
    events.flatMap((event) => (event.kind === "order" ? [event.order.executed as string] : [])).at(-1);

  it("is greeted with a signature, reads what came before, and is ready", async () => {
    server.trade(1, { isTold: false });
    open();
    await until("ready", isReady);
    expect(fills()).toHaveLength(1);
    expect(states.map(([state]) => state)).toEqual(["connecting", "subscribing", "recovering", "ready"]);
    expect(isSigned(server.sent.at(-2) ?? "", server.sent.at(-1) ?? "")).toBe(true);
  });

  it("tells a fill with its figures, in full and once, however often it is told", async () => {
    open();
    await until("ready", isReady);
    server.trade(1, { isTold: true });
    server.tellAgain(1);
    server.trade(2, { isTold: true });
    await until("the second fill", () => fills().length === 2 && executed() === "0.002");
    expect(events.find((event) => event.kind === "fill")).toMatchObject({
      fill: {
        symbol,
        clientOrderId: wireClientOrderId,
        venueOrderId: "O-1",
        side: "buy",
        price: "50000",
        quantity: "0.001",
        isMaker: true,
      },
      source: profile.accountEvents.tells === "fills" ? "stream" : "recovery",
    });
    expect(events.findLast((event) => event.kind === "order")).toMatchObject({
      order: { clientOrderId: wireClientOrderId, status: "partially-filled", quantity: "1", price: "50000" },
    });
    server.streams.at(-1)?.terminate();
    await until("ready again", () => states.filter(([state]) => state === "ready").length === 2);
    expect(fills()).toHaveLength(2);
  });

  it("holds back a fill that is told before recovery has read, and tells it once", async () => {
    let isTraded = false;
    server.onRead = () => {
      if (!isTraded && stream.state() === "recovering") {
        isTraded = true;
        server.trade(1, { isTold: true });
      }
    };
    open();
    await until("ready, with the fill", () => isReady() && fills().length === 1);
    expect(isTraded).toBe(true);
    server.trade(2, { isTold: true });
    await until("the second fill", () => fills().length === 2);
    expect(fills()).toHaveLength(2);
  });

  it("after a lost connection has the fill that was made meanwhile", async () => {
    open();
    await until("ready", isReady);
    const before = server.streams.length;
    server.streams.at(-1)?.terminate();
    server.trade(1, { isTold: false });
    await until("ready again", () => isReady() && server.streams.length === before + 1);
    expect(fills()).toHaveLength(1);
  });

  it("reads the account instead while it is refused, says so, and comes back to the stream", async () => {
    server.isRefusing = true;
    open();
    await until("the account is read", () => stream.state() === "reading");
    expect(states.at(-1)?.[1]).toMatch(/the subscription was refused: /);
    server.trade(1, { isTold: false });
    await until("the fill is read", () => fills().length === 1);
    server.isRefusing = false;
    await until("ready", isReady);
    server.trade(2, { isTold: true });
    await until("the second fill", () => fills().length === 2);
    expect(states.filter(([state]) => state === "reading")).toHaveLength(1);
  });

  it("leaves a connection on which nobody answers its ping", async () => {
    const script = streamScripts[exchange];
    const pings = (): number => server.sent.filter((text) => script.pongTo(text) !== undefined).length;
    const pinged = pings();
    open({ pingEveryMs: 1_000 });
    await until("ready", isReady);
    if (exchange !== "coinbase") await until("it pings in the venue's words", () => pings() > pinged);
    const before = server.streams.length;
    server.isPonging = false;
    server.streams.at(-1)?.pause();
    await until("it is replaced", () => server.streams.length > before);
    expect(states.find(([state]) => state === "backing-off")?.[1]).toBe("no answer to a ping");
  });

  it.runIf(exchange === "kraken" || exchange === "coinbase")(
    "reads what a missing number tells of, at once",
    async () => {
      open();
      await until("ready", isReady);
      const before = server.streams.length;
      server.trade(1, { isTold: true });
      await until("the first fill", () => fills().length === 1);
      server.trade(2, { isTold: false });
      server.loseOne();
      server.tellAgain(1);
      await until("the second fill", () => fills().length === 2);
      expect(server.streams).toHaveLength(before);
    },
  );

  it.runIf(exchange === "bybit")("leaves a connection that answers pings but owes a fill", async () => {
    open({ sweepEveryMs: 100 });
    await until("ready", isReady);
    const before = server.streams.length;
    server.trade(1, { isTold: false, agoMs: 10_000 });
    await until("it is replaced", () => isReady() && server.streams.length > before);
    expect(fills()).toHaveLength(1);
    expect(states).toContainEqual(["backing-off", "a fill was found that the stream did not tell"]);
  });

  it("an account that never traded has a baseline all the same", async () => {
    open();
    const { lastTradeIds } = await takeBaseline(venue, [symbol]);
    server.trade(1, { isTold: false });
    expect(await venue.trades(symbol, { fromId: lastTradeIds[symbol] as TradeId })).toHaveLength(1);
  });

  /** Whether the greeting proves that the client has the secret. */
  function isSigned(first: string, second: string): boolean {
    const args = (JSON.parse(first) as { readonly args?: unknown[] }).args ?? [];
    const hmac = (text: string, encoding: "base64" | "hex"): string =>
      createHmac("sha256", keys.secret).update(text).digest(encoding);
    switch (exchange) {
      case "okx": {
        const [login] = args as { timestamp: string; sign: string; passphrase: string }[];
        return (
          login?.sign === hmac(`${login?.timestamp}GET/users/self/verify`, "base64") && login.passphrase === "phrase"
        );
      }
      case "bybit": {
        const [key, expires, signature] = args;
        return key === keys.apiKey && signature === hmac(`GET/realtime${String(expires)}`, "hex");
      }
      case "kraken":
        return (JSON.parse(first) as { params: { token: string } }).params.token === "a-token";
      case "coinbase": {
        const { jwt, channel } = JSON.parse(second) as { jwt: string; channel: string };
        const [head = "", body = "", signature = ""] = jwt.split(".");
        const key = { key: createPublicKey(keys.secret), dsaEncoding: "ieee-p1363" } as const;
        const isGood = verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"));
        return isGood && channel === "user";
      }
    }
  }
});
