/** What unmodified ccxt and ccxt.pro make of a venue that lies: the lies are a venue's, so a stranger's client knows them. */
import { startExchange } from "@baton/exchange";
import type { RunningExchange } from "@baton/exchange";
import { ChecksumError, MarketClosed, NetworkError, type binance } from "ccxt";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unmodifiedCcxt } from "./unmodified-ccxt.ts";

const symbol = "BTC/USDT";
let exchange: RunningExchange;
let client: binance;

beforeEach(async () => {
  exchange = await startExchange({ seed: 3, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 60 } });
  client = await unmodifiedCcxt(exchange, { apiKey: "k", secret: "s" });
  await client.loadMarkets();
});
afterEach(async () => {
  await client.close();
  await exchange.close();
});

/**
 * Watches until it fails, as it does by a fault. What was on its way before the fault is still told, and of an end that comes
 * with the last of it in one piece ccxt tells nobody: then it is armed once more.
 */
async function watchTradesUnder(arm: () => void): Promise<void> {
  for (let round = 0; ; round += 1) {
    if (round % 20 === 0) arm();
    await client.watchTrades(symbol);
  }
}

async function tradesComeAgain(): Promise<void> {
  exchange.clearFaults();
  const trades = await vi.waitFor(() => client.watchTrades(symbol), { timeout: 60_000, interval: 10 });
  expect(trades.length).toBeGreaterThan(0);
}

test("maintenance: what it answers is known to ccxt by its code, and over when it is over", async () => {
  exchange.arm({ fault: "maintenance", delayMs: 0 });
  // ccxt files −1016 under what the caller did wrong: its class alone says nothing of a venue that is away.
  await expect(client.fetchTime()).rejects.toThrow(/-1016/);
  await expect(client.createOrder(symbol, "limit", "buy", 0.01, 50_000)).rejects.toThrow(/-1016/);
  exchange.clearFaults();
  await expect(client.createOrder(symbol, "limit", "buy", 0.01, 50_000)).resolves.toMatchObject({ status: "open" });
});

test("a halted market is closed in ccxt's words too", async () => {
  exchange.arm({ fault: "maintenance", mode: "halt", match: { symbol: "BTCUSDT" } });
  await expect(client.createOrder(symbol, "limit", "buy", 0.01, 50_000)).rejects.toBeInstanceOf(MarketClosed);
  await client.loadMarkets(true);
  expect([client.market(symbol).active, client.market("ETH/USDT").active]).toEqual([false, true]);
});

test("a gap in the differences breaks ccxt.pro's book, and the next call takes it up again", async () => {
  await client.watchOrderBook(symbol);
  let broken: unknown;
  // ccxt tells of a gap only to who waits at that instant; one that it tells to nobody is followed by another.
  for (let round = 0; round < 300 && broken === undefined; round += 1) {
    if (round % 6 === 0) exchange.arm({ fault: "stream-gap", count: 1, match: { stream: "depth@100ms" } });
    broken = await client.watchOrderBook(symbol).then(
      () => undefined,
      (error: unknown) => error,
    );
  }
  expect(broken).toBeInstanceOf(ChecksumError);
  exchange.clearFaults();
  // One that was armed already may have been told of to nobody yet.
  const book = await vi.waitFor(() => client.watchOrderBook(symbol), { timeout: 60_000, interval: 10 });
  expect(Number(book.bids[0]?.[0])).toBeLessThan(Number(book.asks[0]?.[0]));
});

test.each(["utf8", "opcode"] as const)(
  "a frame that breaks the protocol (%s) costs ccxt.pro its connection",
  async (mode) => {
    await client.watchTrades(symbol);
    const arm = (): void => void exchange.arm({ fault: "stream-garbage", mode, count: 1, match: { stream: "trade" } });
    await expect(watchTradesUnder(arm)).rejects.toBeInstanceOf(NetworkError);
    await tradesComeAgain();
  },
);

test("serverShutdown says nothing to ccxt.pro: it notices when the connection ends, and comes back", async () => {
  await client.watchTrades(symbol);
  const arm = (): void => void exchange.arm({ fault: "server-shutdown", delayMs: 100 });
  await expect(watchTradesUnder(arm)).rejects.toThrow("closing code 1001");
  await tradesComeAgain();
});
