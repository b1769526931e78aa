/**
 * Paper trading: one exchange plays the live venue, another mirrors it over real sockets. On the live one a maker and a
 * taker act by hand, so that each fill on paper can be foretold.
 */
import { afterEach, describe, expect, test } from "vitest";
import { startExchange, type ExchangeOptions, type RunningExchange } from "../exchange.ts";
import { CollectingSocket, SignedClient, type Answer } from "../testing/signed-client.ts";
import { readInstrument } from "./live-venue.ts";

const patience = { timeout: 40_000, interval: 25 };
const running: RunningExchange[] = [];
const sockets: CollectingSocket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  for (const exchange of running.splice(0).reverse()) await exchange.close();
});

interface Rig {
  readonly live: RunningExchange;
  readonly paper: RunningExchange;
  readonly maker: SignedClient;
  readonly taker: SignedClient;
  readonly trader: SignedClient;
}

/** The live venue with a book made by hand: one coin at each of 60,000 and 60,010 to buy from, and at 59,990 to sell to. */
async function start(options: Partial<ExchangeOptions> = {}, staleAfterMs = 60_000): Promise<Rig> {
  const keys = [
    { key: "maker", secret: "m", account: "maker" },
    { key: "taker", secret: "t", account: "taker" },
  ];
  const live = await startExchange({ keys, flow: { isOff: true }, ...options });
  running.push(live);
  const [maker, taker] = keys.map((one) => new SignedClient(live.url, one)) as [SignedClient, SignedClient];
  if (options.flow === undefined) {
    await quote(maker, "SELL", "60000");
    await quote(maker, "SELL", "60010");
    await quote(maker, "BUY", "59990");
  }
  const paper = await startExchange({
    keys: [{ key: "k", secret: "s", account: "desk" }],
    mirror: { wsUrl: live.url.replace("http", "ws"), restUrl: live.url, symbols: ["BTCUSDT"], staleAfterMs },
  });
  running.push(paper);
  const rig = { live, paper, maker, taker, trader: new SignedClient(paper.url, { key: "k", secret: "s" }) };
  // A snapshot is believed when the stream has continued it: something has to move.
  if (options.flow === undefined) await stir(rig);
  await expect.poll(() => stateOf(rig), patience).toBe("live");
  return rig;
}

function stateOf({ paper }: Rig): string | undefined {
  return paper.mirrors()[0]?.state;
}

function quote(client: SignedClient, side: "BUY" | "SELL", price: string, quantity = "1"): Promise<Answer> {
  return client.place(`${side}-${price}-${Math.random().toString(36).slice(2, 10)}`, { side, price, quantity });
}

/** Quotes far from the market until the mirror is live, for as long as one that has just lost its line may take to dial. */
async function stir(rig: Rig): Promise<void> {
  for (let round = 0; round < 600 && stateOf(rig) !== "live"; round += 1) {
    await quote(rig.maker, "BUY", `${30_000 + round}`, "0.01");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function bookOf(exchange: RunningExchange): Promise<Record<string, unknown>> {
  return (await (await fetch(`${exchange.url}/api/v3/depth?symbol=BTCUSDT&limit=20`)).json()) as Record<
    string,
    unknown
  >;
}

/** Resolves when the mirror shows the live book of now. */
async function settled({ live, paper }: Rig): Promise<void> {
  await expect
    .poll(async () => (await bookOf(paper))["lastUpdateId"], patience)
    .toBe((await bookOf(live))["lastUpdateId"]);
}

async function fillsOf(trader: SignedClient): Promise<readonly string[]> {
  const trades = JSON.parse((await trader.send("GET", "/api/v3/myTrades", { symbol: "BTCUSDT" })).body) as {
    readonly qty: string;
    readonly price: string;
    readonly isMaker: boolean;
  }[];
  return trades.map(({ qty, price, isMaker }) => `${Number(qty)} @ ${Number(price)} ${isMaker ? "maker" : "taker"}`);
}

describe("the mirrored market", () => {
  test("is the live one at the same update id, over REST and on the streams", async () => {
    const rig = await start({ flow: { rate: 4 }, seed: 11 });
    const stream = await CollectingSocket.open(`${rig.paper.url}/ws/btcusdt@depth@100ms`);
    sockets.push(stream);
    const seen: { readonly paper: unknown; readonly live: unknown }[] = [];
    await expect
      .poll(async () => {
        const [paper, live] = [await bookOf(rig.paper), await bookOf(rig.live)];
        if (paper["lastUpdateId"] === live["lastUpdateId"]) seen.push({ paper, live });
        return seen.length;
      }, patience)
      .toBeGreaterThan(4);
    for (const { paper, live } of seen) expect(paper).toEqual(live);
    await stream.until(() => stream.messages.length > 3);
    const [, ...firsts] = stream.messages.map((one) => Number(one["U"]));
    const lasts = stream.messages.slice(0, -1).map((one) => Number(one["u"]));
    expect(firsts).toEqual(lasts.map((last) => last + 1));
  });

  test("tells the live trades under their own ids, and no paper trade", async () => {
    const rig = await start();
    const stream = await CollectingSocket.open(`${rig.paper.url}/ws/btcusdt@trade`);
    sockets.push(stream);
    await rig.trader.place("p", { price: "60000", quantity: "0.5" });
    expect(await fillsOf(rig.trader)).toEqual(["0.5 @ 60000 taker"]);
    await quote(rig.taker, "BUY", "60000", "0.25");
    await stream.heard((one) => one["q"] === "0.25000000");
    expect(stream.messages).toHaveLength(1);
    expect(stream.messages[0]).toMatchObject({ t: 1, p: "60000.00000000", m: false });
  });

  test("is traded by the live venue's filters, and each answer says that the money is paper", async () => {
    const { trader, live } = await start();
    const answer = await trader.place("fine", { price: "50000.001" });
    expect(JSON.parse(answer.body)).toMatchObject({ code: -1013, msg: "Filter failure: PRICE_FILTER" });
    expect(answer.headers["baton-exchange-money"]).toBe("paper");
    expect((await fetch(`${live.url}/api/v3/ping`)).headers.get("baton-exchange-money")).toBe("simulated");
  });
});

describe("a paper order that takes", () => {
  test("fills against the live depth, best first, and what it took is not there a second time until it is quoted anew", async () => {
    const rig = await start();
    const buy = (quantity: string): Promise<Answer> =>
      rig.trader.place(`b${quantity}`, { price: "60100", quantity, timeInForce: "IOC" });
    await buy("1.5");
    await buy("1");
    expect(await fillsOf(rig.trader)).toEqual(["1 @ 60000 taker", "0.5 @ 60010 taker", "0.5 @ 60010 taker"]);
    await settled(rig);
    expect(await bookOf(rig.paper)).toEqual(await bookOf(rig.live));
    await quote(rig.maker, "SELL", "60000", "0.2");
    await settled(rig);
    await buy("5");
    expect((await fillsOf(rig.trader)).slice(3)).toEqual(["1.2 @ 60000 taker"]);
  });

  test("is judged by the live depth: FOK whole or not at all, post-only refused, market by its worth", async () => {
    const rig = await start();
    const fok = await rig.trader.place("fok", { price: "60100", quantity: "3", timeInForce: "FOK" });
    expect(JSON.parse(fok.body)).toMatchObject({ status: "EXPIRED", executedQty: "0.00000000" });
    const postOnly = { symbol: "BTCUSDT", side: "BUY", type: "LIMIT_MAKER", quantity: "1", price: "60000" };
    expect(JSON.parse((await rig.trader.send("POST", "/api/v3/order", postOnly)).body)).toMatchObject({ code: -2010 });
    const worth = { symbol: "BTCUSDT", side: "BUY", type: "MARKET", quoteOrderQty: "90005" };
    const market = await rig.trader.send("POST", "/api/v3/order", worth);
    expect(JSON.parse(market.body)).toMatchObject({ status: "FILLED", executedQty: "1.50000000" });
  });
});

describe("a paper order that rests", () => {
  test("stands behind the live queue: trades at its price fill it only beyond what was quoted before it", async () => {
    const rig = await start();
    await rig.trader.place("rest", { price: "59990", quantity: "0.5" });
    const sell = async (quantity: string): Promise<void> => {
      await quote(rig.taker, "SELL", "59990", quantity);
      await settled(rig);
    };
    await sell("0.6");
    await sell("0.4");
    expect(await fillsOf(rig.trader)).toEqual([]);
    await quote(rig.maker, "BUY", "59990", "1");
    await sell("0.3");
    expect(await fillsOf(rig.trader)).toEqual(["0.3 @ 59990 maker"]);
    await sell("0.7");
    expect(await fillsOf(rig.trader)).toEqual(["0.3 @ 59990 maker", "0.2 @ 59990 maker"]);
  });

  test("is filled by a trade through its price, by no more than was traded, and tells its account", async () => {
    const rig = await start();
    await quote(rig.maker, "BUY", "59980", "1");
    await settled(rig);
    await rig.trader.place("rest", { price: "59985", quantity: "2" });
    const account = await CollectingSocket.open(`${rig.paper.url}/ws-api/v3`);
    sockets.push(account);
    account.say({ id: 1, method: "userDataStream.subscribe.signature", params: rig.trader.signedParameters() });
    await account.heard((one) => one["id"] === 1);
    await quote(rig.taker, "SELL", "59980", "1.75");
    const report = await account.heard((one) => (one["event"] as { x?: string } | undefined)?.x === "TRADE");
    expect(report["event"]).toMatchObject({
      c: "rest",
      l: "0.75000000",
      L: "59985.00000000",
      m: true,
      X: "PARTIALLY_FILLED",
    });
  });

  test("trades with a live quote that comes to stand at or beyond its price, at its own", async () => {
    const rig = await start();
    await rig.trader.place("rest", { price: "59995", quantity: "2" });
    await quote(rig.maker, "SELL", "59993", "0.7");
    await expect.poll(() => fillsOf(rig.trader), patience).toEqual(["0.7 @ 59995 maker"]);
    await settled(rig);
    expect(await bookOf(rig.paper)).toEqual(await bookOf(rig.live));
  });
});

describe("a mirror that does not know", () => {
  test("fills nothing and takes nothing while its line is cut, cancels all the same, says so, and comes back", async () => {
    const rig = await start();
    await rig.trader.place("low", { price: "59900", quantity: "1" });
    await rig.trader.place("away", { price: "59800", quantity: "1" });
    rig.live.arm({ fault: "upgrade-refused" });
    rig.live.arm({ fault: "stream-drop" });
    await expect.poll(() => stateOf(rig), patience).toBe("stale");
    // The live market goes through the order's price while nobody looks.
    await quote(rig.maker, "BUY", "59850", "1");
    await quote(rig.taker, "SELL", "59850", "3");
    const refused = await rig.trader.place("new", { price: "60000" });
    expect(JSON.parse(refused.body)).toMatchObject({ code: -2010, msg: "Market is closed." });
    const cancelled = { symbol: "BTCUSDT", origClientOrderId: "away" };
    expect((await rig.trader.send("DELETE", "/api/v3/order", cancelled)).status).toBe(200);
    expect((await fetch(`${rig.paper.url}/api/v3/depth?symbol=BTCUSDT`)).status).toBe(503);
    const info = (await (await fetch(`${rig.paper.url}/api/v3/exchangeInfo`)).json()) as {
      symbols: { status: string }[];
    };
    expect(info.symbols[0]?.status).toBe("BREAK");
    const told = (await (await fetch(`${rig.paper.url}/__mirror`)).json()) as { state: string; why: string }[];
    expect(told).toMatchObject([
      { symbol: "BTCUSDT", state: "stale", why: expect.stringContaining("(1006)") as string },
    ]);
    expect(await fillsOf(rig.trader)).toEqual([]);
    const changes = (): string[] =>
      rig.paper
        .audit()
        .map((one) => one.type)
        .filter((type) => type.startsWith("mirror"));
    expect(changes()).toEqual(["mirror-live", "mirror-stale"]);
    rig.live.clearFaults();
    await stir(rig);
    await expect.poll(() => stateOf(rig), patience).toBe("live");
    // What is left of the live order stands at 59,850 now, beyond the paper order's price: that one trades.
    await expect.poll(() => fillsOf(rig.trader), patience).toEqual(["1 @ 59900 maker"]);
    expect(changes()).toEqual(["mirror-live", "mirror-stale", "mirror-live"]);
  });

  test("stops at a hole in the stream and joins it anew", async () => {
    const rig = await start({ flow: { rate: 40 }, seed: 3 });
    rig.live.arm({ fault: "stream-gap", match: { stream: "depth@100ms" }, count: 2 });
    const stale = (): string | undefined =>
      rig.paper.audit().flatMap((one) => (one.type === "mirror-stale" ? [one.cause ?? ""] : []))[0];
    await expect.poll(stale, patience).toMatch(/^updates \d+ to \d+ are missing$/);
    await expect.poll(() => stateOf(rig), patience).toBe("live");
  });

  test("does not believe a book that has fallen silent on a connection that looks well", async () => {
    const rig = await start({ flow: { rate: 40 }, seed: 4 }, 1_000);
    rig.live.arm({ fault: "stream-stall", match: { stream: "depth@100ms" } });
    await expect.poll(() => stateOf(rig), patience).toBe("stale");
    expect(rig.paper.mirrors()[0]?.why).toMatch(/^nothing was heard for \d+ ms$/);
    rig.live.clearFaults();
    await expect.poll(() => stateOf(rig), patience).toBe("live");
  });

  test("does not start when the live venue does not trade the symbol, or cannot be asked", async () => {
    const { live } = await start();
    const mirror = { wsUrl: live.url.replace("http", "ws"), restUrl: live.url, symbols: ["NONEUSDT"] };
    await expect(startExchange({ keys: [], mirror })).rejects.toThrow("Invalid symbol");
    const away = { ...mirror, restUrl: "http://127.0.0.1:1" };
    await expect(startExchange({ keys: [], mirror: away })).rejects.toThrow("http://127.0.0.1:1 does not answer");
    await expect(startExchange({ keys: [], mirror, personality: "usdm" })).rejects.toThrow("only spot");
  });
});

test("an instrument whose amounts are finer than the core's is refused", () => {
  const filters = [
    { filterType: "PRICE_FILTER", minPrice: "0.00000001", maxPrice: "1", tickSize: "0.00000001" },
    { filterType: "LOT_SIZE", minQty: "0.1", maxQty: "100", stepSize: "0.10000000" },
  ];
  const entry = { symbol: "XYBTC", baseAsset: "XY", quoteAsset: "BTC", filters };
  expect(() => readInstrument(entry, 1n)).toThrow("XYBTC cannot be mirrored");
});
