import { afterEach, beforeEach, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { CollectingSocket } from "../testing/signed-client.ts";

let exchange: RunningExchange;
const sockets: CollectingSocket[] = [];
beforeEach(async () => {
  exchange = await startExchange({ seed: 5, keys: [], flow: { rate: 40 }, auditsPrices: true });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

test("the audit has every best price that a stream tells, under the same update, before it is told", async () => {
  const socket = await CollectingSocket.open(`${exchange.url}/ws/btcusdt@bookTicker`);
  sockets.push(socket);
  const unknown: string[] = [];
  let compared = 0;
  socket.socket.on("message", (data: Buffer) => {
    const told = JSON.parse(data.toString("utf8")) as { readonly u: number; readonly b: string; readonly a: string };
    const ofMarket = exchange.audit().filter((one) => one.type === "price" && one.symbol === "BTCUSDT");
    // The first are told of a book that nothing has changed yet.
    const known = ofMarket.findLast((one) => one.type === "price" && one.updateId <= told.u);
    if (known?.type !== "price") return;
    compared += 1;
    if (Number(known.bid) !== Number(told.b) || Number(known.ask) !== Number(told.a))
      unknown.push(JSON.stringify(told));
  });
  await socket.until(() => compared >= 100, 30_000);
  expect(unknown).toEqual([]);
});

test("each record of a price differs from the one before it, and its update is a later one", async () => {
  const ofMarket = (): readonly string[] =>
    exchange
      .audit()
      .flatMap((one) => (one.type === "price" && one.symbol === "ETHUSDT" ? [`${one.bid} ${one.ask}`] : []));
  const socket = await CollectingSocket.open(`${exchange.url}/ws/ethusdt@depth@100ms`);
  sockets.push(socket);
  await socket.until(() => ofMarket().length >= 20, 30_000);
  const told = ofMarket();
  expect(told.filter((text, at) => text === told[at - 1])).toEqual([]);
  const updates = exchange
    .audit()
    .flatMap((one) => (one.type === "price" && one.symbol === "ETHUSDT" ? [one.updateId] : []));
  expect(updates).toEqual(updates.toSorted((a, b) => a - b));
  expect(new Set(updates).size).toBe(updates.length);
});

test("without being asked for, no price is in the audit", async () => {
  const plain = await startExchange({ seed: 5, keys: [], flow: { rate: 40 } });
  try {
    const socket = await CollectingSocket.open(`${plain.url}/ws/btcusdt@bookTicker`);
    sockets.push(socket);
    await socket.until(() => socket.messages.length >= 20, 30_000);
    expect(plain.audit().filter(({ type }) => type === "price")).toEqual([]);
  } finally {
    await plain.close();
  }
});
