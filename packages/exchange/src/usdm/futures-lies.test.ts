/** The futures venue lies with the same faults, and the audit tells of them in the same form. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunningExchange } from "../exchange.ts";
import type { FaultRequest } from "../faults/fault.ts";
import { FuturesRig } from "../testing/futures-rig.ts";
import type { Answer, CollectingSocket, Message, SignedClient } from "../testing/signed-client.ts";

let rig: FuturesRig;
let exchange: RunningExchange;
let client: SignedClient;
const patience = { timeout: 40_000, interval: 20 };

beforeEach(async () => {
  rig = await FuturesRig.start({ flow: { rate: 100 } });
  ({ exchange, client } = rig);
});
afterEach(() => rig.close());

const order = { symbol: "BTCUSDT", side: "BUY", type: "LIMIT", timeInForce: "GTC", quantity: "0.01", price: "50000" };
const place = (id: string): Promise<Answer> =>
  client.send("POST", "/fapi/v1/order", { ...order, newClientOrderId: id });
const query = (id: string): Promise<Answer> =>
  client.send("GET", "/fapi/v1/order", { symbol: "BTCUSDT", origClientOrderId: id });

const open = (path: string): Promise<CollectingSocket> => rig.open(path);

test.each<[FaultRequest, number | "cut", number]>([
  [{ fault: "ack-lost" }, "cut", 200],
  [{ fault: "drop-before-accept" }, "cut", 400],
  [{ fault: "error-1007" }, 504, 200],
  [{ fault: "error-1000" }, 500, 200],
  [{ fault: "error-1008" }, 503, 400],
  [{ fault: "429" }, 429, 400],
])("an order under $fault, and what a query finds after it", async (fault, sees, found) => {
  exchange.arm({ ...fault, count: 1 });
  const seen = await place("doubted").then(
    (answer) => answer.status,
    () => "cut",
  );
  expect(seen).toBe(sees);
  expect((await query("doubted")).status).toBe(found);
  expect(exchange.audit().filter((one) => one.type === "fault")).toMatchObject([{ call: "order.place" }]);
});

test("a heartbeat of the dead man's switch can be lost like any call, and then it fires", async () => {
  await place("guarded");
  const beat = { symbol: "BTCUSDT", countdownTime: 250 };
  await client.send("POST", "/fapi/v1/countdownCancelAll", beat);
  exchange.arm({ fault: "drop-before-accept", match: { call: "countdownCancelAll" } });
  await expect(client.send("POST", "/fapi/v1/countdownCancelAll", beat)).rejects.toThrow("socket hang up");
  await expect.poll(() => exchange.audit().some((one) => one.type === "dms-fire"), patience).toBe(true);
  expect(JSON.parse((await query("guarded")).body)).toMatchObject({ status: "CANCELED" });
});

test("a lost difference shows by `pu` alone, and an account event that is lost shows nowhere", async () => {
  const book = await open("/public/ws/btcusdt@depth@100ms");
  await book.until(() => book.messages.length > 2);
  exchange.arm({ fault: "stream-gap", count: 1, match: { stream: "depth@100ms" } });
  const isBroken = (): boolean =>
    book.messages.some((one, at) => at > 0 && one["pu"] !== (book.messages[at - 1] as Message)["u"]);
  await book.until(isBroken);
  expect(isBroken()).toBe(true);

  const { listenKey } = JSON.parse((await client.sendRaw("POST", "/fapi/v1/listenKey")).body) as Message;
  const account = await open(`/private/ws?listenKey=${String(listenKey)}`);
  exchange.arm({ fault: "user-event-loss", count: 1 });
  await place("unheard");
  await place("heard");
  await account.heard((one) => ((one["o"] ?? {}) as Message)["c"] === "heard");
  expect(JSON.stringify(account.messages)).not.toContain("unheard");
});

test("a halted contract takes no order, and exchangeInfo no longer says that it trades", async () => {
  exchange.arm({ fault: "maintenance", mode: "halt", match: { symbol: "BTCUSDT" } });
  expect(await place("during")).toMatchObject({ status: 400, body: expect.stringContaining("-4108") as string });
  const info = JSON.parse((await client.sendRaw("GET", "/fapi/v1/exchangeInfo")).body) as { symbols: Message[] };
  expect(info.symbols.map((one) => one["status"])).toEqual(["PENDING_TRADING", "TRADING", "TRADING"]);
});

test("a lagging venue answers with the order as it was", async () => {
  await place("young");
  exchange.arm({ fault: "query-lag", delayMs: 60_000 });
  expect((await query("young")).status).toBe(400);
  exchange.clearFaults();
  expect((await query("young")).status).toBe(200);
});
