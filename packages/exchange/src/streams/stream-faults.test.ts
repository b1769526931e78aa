/** Each lie of the streams, armed through the control paths and seen by a bare WebSocket; and what the audit says of it. */
import { get, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { AuditFault } from "@baton/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import type { FaultRequest } from "../faults/fault.ts";
import { CollectingSocket, SignedClient, type Message } from "../testing/signed-client.ts";

let exchange: RunningExchange;
let client: SignedClient;
const sockets: CollectingSocket[] = [];

beforeEach(async () => {
  exchange = await startExchange({ seed: 5, keys: [{ key: "k", secret: "s", account: "desk" }], flow: { rate: 100 } });
  client = new SignedClient(exchange.url, { key: "k", secret: "s" });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close();
  await exchange.close();
});

async function open(path: string, headers: Record<string, string> = {}): Promise<CollectingSocket> {
  const socket = await CollectingSocket.open(exchange.url + path, headers);
  sockets.push(socket);
  return socket;
}

async function openAccount(): Promise<CollectingSocket> {
  const socket = await open("/ws-api/v3");
  socket.say({ id: 1, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
  await socket.heard((one) => one["id"] === 1);
  return socket;
}

/** Arms as a test or a drill in another process does. */
async function arm(fault: FaultRequest): Promise<number> {
  const answer = await fetch(`${exchange.url}/__faults`, { method: "POST", body: JSON.stringify(fault) });
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { id: number }).id;
}

type Struck = AuditFault & { readonly ids?: number[]; readonly connection?: number };

function struck(fault: string): readonly Struck[] {
  return exchange.audit().filter((one) => one.type === "fault" && one.fault === fault) as readonly Struck[];
}

function tradeIds(socket: CollectingSocket): number[] {
  return socket.messages.filter((one) => one["e"] === "trade").map((one) => Number(one["t"]));
}

function event(message: Message): Message {
  return (message["event"] ?? {}) as Message;
}

async function depth(): Promise<{ lastUpdateId: number; bids: [string, string][]; asks: [string, string][] }> {
  const answer = await fetch(`${exchange.url}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
  return (await answer.json()) as Awaited<ReturnType<typeof depth>>;
}

async function isPonged(socket: CollectingSocket, withinMs: number): Promise<boolean> {
  const pong = new Promise<boolean>((resolve) => socket.socket.once("pong", () => resolve(true)));
  const silence = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), withinMs));
  socket.socket.ping();
  return Promise.race([pong, silence]);
}

describe("silence", () => {
  test("a stall leaves the pongs: nothing is told, and the connection looks well", async () => {
    const socket = await open("/ws/btcusdt@trade/btcusdt@depth@100ms");
    await socket.until(() => tradeIds(socket).length > 3);
    await arm({ fault: "stream-stall" });
    await expect.poll(() => struck("stream-stall").length).toBe(1);
    // What was sent before the stall is here when the pong is.
    expect(await isPonged(socket, 2_000)).toBe(true);
    const before = socket.frames.length;
    expect(await isPonged(socket, 2_000)).toBe(true);
    socket.say({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    await socket.heard((one) => one["id"] === 1);
    expect(socket.frames.length).toBe(before + 1);
    expect(struck("stream-stall").map((one) => one.connection)).toEqual([1]);
  });

  test("a mute connection answers nothing at all, stays open, and comes back with a hole", async () => {
    const socket = await open("/ws/btcusdt@trade", { "X-MBX-APIKEY": "muted" });
    const other = await open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 3);
    const id = await arm({ fault: "stream-mute", match: { apiKey: "muted" } });
    expect(await isPonged(socket, 300)).toBe(false);
    const before = socket.frames.length;
    const heard = tradeIds(other).length;
    await other.until(() => tradeIds(other).length > heard + 3);
    expect(socket.frames.length).toBe(before);
    expect(socket.closedWith).toBeUndefined();
    exchange.clearFaults(id);
    await socket.until(() => socket.frames.length > before);
    const ids = tradeIds(socket);
    expect((ids.at(-1) ?? 0) - (ids[0] ?? 0) + 1).toBeGreaterThan(ids.length);
    expect(struck("stream-mute")).toHaveLength(1);
  });

  test("one kind of stream falls silent while the other of the same symbol goes on", async () => {
    const socket = await open("/ws/btcusdt@trade/btcusdt@depth@100ms");
    const count = (kind: string): number => socket.messages.filter((one) => one["e"] === kind).length;
    await socket.until(() => count("trade") > 3 && count("depthUpdate") > 2);
    await arm({ fault: "stream-stall", match: { stream: "depth@100ms" } });
    expect(await isPonged(socket, 2_000)).toBe(true);
    const [trades, depths] = [count("trade"), count("depthUpdate")];
    await socket.until(() => count("trade") > trades + 10);
    expect(count("depthUpdate")).toBe(depths);
  });
});

describe("messages that are lost, doubled, late or old", () => {
  test("the audit names the trade ids that a gap has swallowed", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 3);
    await arm({ fault: "stream-gap", count: 4, match: { stream: "trade" } });
    await expect.poll(() => struck("stream-gap").length, { timeout: 8_000 }).toBe(4);
    const lost = struck("stream-gap").flatMap((one) => one.ids ?? []);
    await socket.until(() => (tradeIds(socket).at(-1) ?? 0) > Math.max(...lost) + 3);
    const ids = new Set(tradeIds(socket));
    const first = tradeIds(socket)[0] ?? 0;
    const missing = Array.from({ length: Math.max(...lost) - first }, (_, at) => first + at + 1).filter(
      (one) => !ids.has(one),
    );
    expect(missing).toEqual(lost);
  });

  test("a duplicate may come much later than its first copy", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-duplicate", count: 1, delayMs: 300 });
    await socket.until(() => {
      const ids = tradeIds(socket);
      return new Set(ids).size < ids.length;
    });
    const ids = tradeIds(socket);
    const twice = ids.find((one, at) => ids.indexOf(one) < at) ?? 0;
    expect(ids.lastIndexOf(twice) - ids.indexOf(twice)).toBeGreaterThan(1);
    expect(struck("stream-duplicate")[0]?.ids).toEqual([twice]);
  });

  test("a reordered difference comes after the ones that follow it", async () => {
    const socket = await open("/ws/btcusdt@depth@100ms");
    await socket.until(() => socket.messages.length > 2);
    await arm({ fault: "stream-reorder", count: 1, span: 2 });
    await expect.poll(() => struck("stream-reorder").length, { timeout: 4_000 }).toBe(1);
    const late = struck("stream-reorder")[0]?.ids ?? [];
    const at = (): number => socket.messages.findIndex((one) => one["U"] === late[0]);
    await socket.until(() => at() > 0);
    const before = socket.messages.slice(at() - 2, at()).map((one) => Number(one["U"]));
    expect(before.every((one) => one > (late[1] ?? Infinity))).toBe(true);
    expect(socket.messages[at() - 3]?.["u"]).toBe((late[0] ?? 0) - 1);
  });

  test("a reordered message that nothing follows still comes", async () => {
    const socket = await openAccount();
    await arm({ fault: "stream-reorder", match: { stream: "user" }, count: 2, delayMs: 150 });
    await client.place("late-news");
    await socket.heard((one) => event(one)["c"] === "late-news");
    expect(struck("stream-reorder")).toHaveLength(2);
  });

  test("a replay tells the last account events again", async () => {
    const socket = await openAccount();
    await arm({ fault: "stream-replay", match: { stream: "user" }, span: 3, count: 1 });
    await client.place("told-twice");
    await client.place("told-once");
    const told = (): string[] =>
      socket.messages.filter((one) => event(one)["e"] === "executionReport").map((one) => event(one)["c"] as string);
    await socket.until(() => told().length >= 4);
    expect(told()).toEqual(["told-twice", "told-once", "told-twice", "told-once"]);
  });

  test("a stale snapshot ends before the stream begins, and comes right when the fault is gone", async () => {
    const socket = await open("/ws/btcusdt@depth@100ms");
    const before = await depth();
    await socket.until(() => socket.messages.length > 12);
    const id = await arm({ fault: "stale-snapshot", delayMs: 700, match: { symbol: "BTCUSDT" } });
    const stale = await depth();
    expect(stale.lastUpdateId).toBeLessThan(Number(socket.messages.at(-3)?.["U"]));
    expect(stale.lastUpdateId).toBeGreaterThanOrEqual(before.lastUpdateId);
    expect(Number(stale.bids[0]?.[0])).toBeLessThan(Number(stale.asks[0]?.[0]));
    const eth = await fetch(`${exchange.url}/api/v3/depth?symbol=ETHUSDT`);
    expect(eth.status).toBe(200);
    exchange.clearFaults(id);
    expect((await depth()).lastUpdateId).toBeGreaterThan(stale.lastUpdateId);
    expect(struck("stale-snapshot").map((one) => one.symbol)).toEqual(["BTCUSDT"]);
  });

  test("a slow server tells everything in order, late", async () => {
    const [slow, swift] = [
      await open("/ws/btcusdt@trade", { "X-MBX-APIKEY": "slow" }),
      await open("/ws/btcusdt@trade"),
    ];
    await arm({ fault: "stream-slow", delayMs: 400, match: { apiKey: "slow" } });
    await slow.until(() => tradeIds(slow).length > 10);
    const atOf = (socket: CollectingSocket, tradeId: number): number =>
      socket.frames.find((one) => JSON.parse(one.bytes.toString("utf8")).t === tradeId)?.atMonoMs ?? NaN;
    const ids = tradeIds(slow);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    const common = ids.filter((one) => tradeIds(swift).includes(one)).slice(-3);
    for (const one of common) expect(atOf(slow, one) - atOf(swift, one)).toBeGreaterThan(300);
    exchange.clearFaults();
    await slow.until(() => tradeIds(slow).at(-1) === tradeIds(swift).at(-1));
    expect(new Set(tradeIds(slow)).size).toBe(tradeIds(slow).length);
  });
});

describe("frames that are not what they should be", () => {
  test("a truncated message is no JSON, and the connection lives on", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-truncate", count: 2 });
    await socket.until(() => tradeIds(socket).length > 3);
    const broken = socket.frames.filter((one) => !one.bytes.toString("utf8").endsWith("}"));
    expect(broken).toHaveLength(2);
    expect(struck("stream-truncate")).toHaveLength(2);
  });

  test.each(["text", "json", "binary", "nested", "number"] as const)(
    "garbage (%s) comes between the messages and takes none away",
    async (mode) => {
      const socket = await open("/ws/btcusdt@trade");
      await arm({ fault: "stream-garbage", mode, count: 3 });
      await socket.until(() => struck("stream-garbage").length === 3 && tradeIds(socket).length > 6);
      const isTrue = (bytes: Buffer): boolean => /^\{"e":"trade","E":\d{13},/.test(bytes.toString("utf8"));
      const rubbish = socket.frames.filter((one) => !isTrue(one.bytes));
      expect(rubbish).toHaveLength(3);
      expect(rubbish.every((one) => one.isBinary === (mode === "binary"))).toBe(true);
      const ids = socket.frames
        .filter((one) => isTrue(one.bytes))
        .map((one) => (JSON.parse(one.bytes.toString("utf8")) as { t: number }).t);
      expect(ids).toEqual(ids.map((_, at) => (ids[0] ?? 0) + at));
    },
  );

  test.each([
    ["utf8", 1007, "WS_ERR_INVALID_UTF8"],
    ["opcode", 1002, "WS_ERR_INVALID_OPCODE"],
  ] as const)("garbage (%s) breaks the protocol: a client ends the connection", async (mode, _code, error) => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-garbage", mode, count: 1 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.failedWith).toMatchObject({ code: error });
  });

  test("a corrupt difference has right ids and a wrong quantity: only the true book shows it", async () => {
    const [lied, told] = [
      await open("/ws/btcusdt@depth@100ms", { "X-MBX-APIKEY": "lied" }),
      await open("/ws/btcusdt@depth@100ms"),
    ];
    await arm({ fault: "stream-corrupt", count: 1, match: { apiKey: "lied" } });
    await expect.poll(() => struck("stream-corrupt").length, { timeout: 4_000 }).toBe(1);
    const [first] = struck("stream-corrupt")[0]?.ids ?? [];
    const ofFirst = (one: Message): boolean => one["U"] === first;
    const [wrong, right] = [await lied.heard(ofFirst), await told.heard(ofFirst)];
    expect([wrong["U"], wrong["u"], wrong["E"]]).toEqual([right["U"], right["u"], right["E"]]);
    const rows = (one: Message): [string, string][] => [...(one["b"] as []), ...(one["a"] as [])];
    expect(rows(wrong).map(([price]) => price)).toEqual(rows(right).map(([price]) => price));
    expect(rows(wrong).filter(([, quantity], at) => quantity !== rows(right)[at]?.[1])).toHaveLength(1);
  });

  test("a reset in the middle of a frame: half the bytes, then an error, and no close frame", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 0);
    const parts: Buffer[] = [];
    let failure: unknown;
    (socket.socket as unknown as { _socket: NodeJS.EventEmitter })._socket.on("data", (part: Buffer) =>
      parts.push(part),
    );
    (socket.socket as unknown as { _socket: NodeJS.EventEmitter })._socket.on("error", (error) => (failure = error));
    await arm({ fault: "stream-reset", count: 1 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(1006);
    expect(failure).toMatchObject({ code: "ECONNRESET" });
    const cut = struck("stream-reset")[0]?.ids?.[0] ?? 0;
    expect(tradeIds(socket)).not.toContain(cut);
    expect(Buffer.concat(parts).toString("latin1")).toContain(`{"e":"trade"`);
  });
});

describe("connections that end or never begin", () => {
  test.each([1000, 1001, 1006, 1008, 1011, 1012, 1013])("closed with %i", async (closeCode) => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-drop", closeCode });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(closeCode);
  });

  test("accepted and closed at once, as often as it was told", async () => {
    await arm({ fault: "accept-close", closeCode: 1013, count: 2 });
    for (let at = 0; at < 2; at += 1) {
      const socket = await open("/ws/btcusdt@trade");
      await socket.until(() => socket.closedWith !== undefined);
      expect(socket.closedWith).toBe(1013);
    }
    const third = await open("/ws/btcusdt@trade");
    await third.until(() => tradeIds(third).length > 0);
    expect(struck("accept-close")).toHaveLength(2);
  });

  test.each([
    [429, 7],
    [503, 30],
  ])("a handshake is refused with %i and says when to come back", async (status, retryAfterSeconds) => {
    await arm({ fault: "upgrade-refused", status, retryAfterSeconds, count: 1 });
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
    const answer = await new Promise<{ status: number | undefined; headers: IncomingHttpHeaders }>(
      (resolve, reject) => {
        const request = get(`${exchange.url}/ws`, {
          headers: { ...headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
        });
        request.on("error", reject);
        request.on("response", (response) => resolve({ status: response.statusCode, headers: response.headers }));
      },
    );
    expect([answer.status, answer.headers["retry-after"]]).toEqual([status, `${retryAfterSeconds}`]);
    await open("/ws");
  });

  test("serverShutdown is told in each front's own form, then the connection ends", async () => {
    const [raw, combined, account] = [
      await open("/ws/btcusdt@trade"),
      await open("/stream?streams=btcusdt@trade"),
      await openAccount(),
    ];
    await arm({ fault: "server-shutdown", delayMs: 200 });
    expect(await raw.heard((one) => one["e"] === "serverShutdown")).toEqual({
      e: "serverShutdown",
      E: expect.any(Number),
    });
    expect(await combined.heard((one) => one["stream"] === "!serverShutdown")).toMatchObject({
      data: { e: "serverShutdown" },
    });
    expect(await account.heard((one) => event(one)["e"] === "serverShutdown")).toEqual({
      event: { e: "serverShutdown", E: expect.any(Number) },
    });
    for (const socket of [raw, combined, account]) {
      await socket.until(() => socket.closedWith !== undefined);
      expect(socket.closedWith).toBe(1001);
    }
    const heard = raw.messages.findIndex((one) => one["e"] === "serverShutdown");
    expect(raw.messages.slice(heard + 1).some((one) => one["e"] === "trade")).toBe(true);
    await open("/ws/btcusdt@trade");
  });

  test("a connection is cut at 24 hours of its own clock, which can be turned forward", async () => {
    const old = await open("/ws/btcusdt@trade");
    await arm({ fault: "time-jump", agedMs: 23 * 3_600_000 });
    const young = await open("/ws/btcusdt@trade");
    await old.until(() => tradeIds(old).length > 5);
    expect(old.closedWith).toBeUndefined();
    await arm({ fault: "time-jump", agedMs: 3_600_000 });
    await old.until(() => old.closedWith !== undefined);
    expect(old.closedWith).toBe(1000);
    expect(young.closedWith).toBeUndefined();
    expect(struck("time-jump").map((one) => one.connection)).toEqual([1, 1, 2]);
  });

  test("the age at which connections are cut can be set to seconds, at the start and by a fault", async () => {
    const socket = await open("/ws/btcusdt@trade");
    const opened = performance.now();
    await arm({ fault: "life-cut", lifeMs: 400, closeCode: 1008 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(1008);
    expect(performance.now() - opened).toBeGreaterThan(300);
    const brief = await startExchange({ keys: [], flow: { rate: 0 }, limits: { connectionLifeMs: 200 } });
    try {
      const short = await CollectingSocket.open(`${brief.url}/ws`);
      sockets.push(short);
      await short.until(() => short.closedWith !== undefined);
      expect(short.closedWith).toBe(1000);
    } finally {
      await brief.close();
    }
  });
});

describe("subscriptions", () => {
  const ask = (socket: CollectingSocket, id: number, method = "SUBSCRIBE"): void =>
    socket.say({ method, params: ["btcusdt@trade"], id });
  const list = async (socket: CollectingSocket, id: number): Promise<unknown> => {
    socket.say({ method: "LIST_SUBSCRIPTIONS", id });
    return (await socket.heard((one) => one["id"] === id))["result"];
  };

  test("a lost acknowledgement: subscribed all the same", async () => {
    const socket = await open("/ws");
    await arm({ fault: "sub-ack-lost", count: 1 });
    ask(socket, 1);
    await socket.until(() => tradeIds(socket).length > 0);
    expect(await list(socket, 2)).toEqual(["btcusdt@trade"]);
    expect(socket.messages.some((one) => one["id"] === 1)).toBe(false);
    ask(socket, 3);
    expect(await socket.heard((one) => one["id"] === 3)).toEqual({ result: null, id: 3 });
  });

  test("a lost request: no answer and no subscription", async () => {
    const socket = await open("/ws");
    await arm({ fault: "sub-lost", count: 1, match: { symbol: "BTCUSDT" } });
    ask(socket, 1);
    expect(await list(socket, 2)).toEqual([]);
    ask(socket, 3);
    await socket.heard((one) => one["id"] === 3);
    expect(await list(socket, 4)).toEqual(["btcusdt@trade"]);
    expect(socket.messages.some((one) => one["id"] === 1)).toBe(false);
  });

  test("a refused request: an error under its id and no subscription", async () => {
    const socket = await open("/ws");
    await arm({ fault: "sub-refused", count: 1, match: { stream: "trade" } });
    ask(socket, 1);
    expect(await socket.heard((one) => one["id"] === 1)).toMatchObject({ code: 2, id: 1 });
    expect(await list(socket, 2)).toEqual([]);
  });

  test("a hollow acknowledgement: said to be subscribed, and only the list tells the truth", async () => {
    const socket = await open("/ws");
    await arm({ fault: "sub-hollow", count: 1 });
    ask(socket, 1);
    expect(await socket.heard((one) => one["id"] === 1)).toEqual({ result: null, id: 1 });
    expect(await list(socket, 2)).toEqual([]);
  });

  test("the same of the account's stream", async () => {
    const socket = await open("/ws-api/v3");
    const subscribe = (id: number): void =>
      socket.say({ id, method: "userDataStream.subscribe.signature", params: client.signedParameters() });
    await arm({ fault: "sub-lost", count: 1, match: { stream: "user", account: "desk" } });
    subscribe(1);
    await arm({ fault: "sub-refused", count: 1 });
    subscribe(2);
    expect(await socket.heard((one) => one["id"] === 2)).toMatchObject({ status: 500, error: { code: -1000 } });
    await arm({ fault: "sub-hollow", count: 1 });
    subscribe(3);
    await socket.heard((one) => one["id"] === 3);
    await client.place("unheard");
    await arm({ fault: "sub-ack-lost", count: 1 });
    subscribe(4);
    await expect.poll(() => struck("sub-ack-lost").length).toBe(1);
    await client.place("heard");
    await socket.heard((one) => event(one)["c"] === "heard");
    expect(socket.messages.filter((one) => one["id"] === 1 || one["id"] === 4)).toEqual([]);
    expect(socket.messages.some((one) => event(one)["c"] === "unheard")).toBe(false);
  });
});

describe("whom a lie strikes", () => {
  test("a share of the connections, the same ones for as long as it is armed", async () => {
    const all = await Promise.all(Array.from({ length: 24 }, () => open("/ws/btcusdt@trade")));
    await arm({ fault: "stream-stall", share: 0.5 });
    await Promise.all(all.map((one) => isPonged(one, 2_000)));
    const before = all.map((one) => one.frames.length);
    const isTold = (at: number): boolean => (all[at]?.frames.length ?? 0) > (before[at] ?? 0) + 3;
    await expect.poll(() => all.filter((_, at) => isTold(at)).length, { timeout: 8_000 }).toBeGreaterThan(4);
    const spared = all.filter((_, at) => isTold(at)).length;
    expect(spared).toBeLessThan(20);
    await expect.poll(() => struck("stream-stall").length).toBe(24 - spared);
    const ends = all.map(
      (one) => (one.socket as unknown as { _socket: { address(): AddressInfo } })._socket.address().port,
    );
    const stalled = struck("stream-stall").map((one) => Number(one.source?.split(":").at(-1)));
    expect(stalled.every((port) => !isTold(ends.indexOf(port)))).toBe(true);
  });

  test("as likely as it was told, and only while it lasts", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-gap", probability: 0.5, durationMs: 1_200 });
    const isCleared = (): boolean => exchange.audit().some((one) => one.type === "fault-cleared");
    await expect.poll(isCleared, { timeout: 8_000 }).toBe(true);
    const lost = struck("stream-gap").length;
    expect(lost).toBeGreaterThan(3);
    const last = tradeIds(socket).at(-1) ?? 0;
    await socket.until(() => (tradeIds(socket).at(-1) ?? 0) > last + 10);
    const after = tradeIds(socket).filter((one) => one > last);
    expect(after).toEqual(after.map((_, at) => (after[0] ?? 0) + at));
    expect(struck("stream-gap")).toHaveLength(lost);
  });

  test("of two faults at one point the later has its chance where the first does not strike", async () => {
    const socket = await open("/ws/btcusdt@trade");
    await arm({ fault: "stream-duplicate", probability: 0, match: { stream: "trade" } });
    await arm({ fault: "stream-duplicate", probability: 1, match: { symbol: "BTCUSDT" } });
    await socket.until(() => tradeIds(socket).length > 10);
    const ids = tradeIds(socket);
    expect(ids.length).toBeGreaterThanOrEqual(2 * new Set(ids).size - 1);
    expect(new Set(struck("stream-duplicate").map((one) => one.faultId))).toEqual(new Set([2]));
  });

  test("the audit has all that a fault was told", async () => {
    await arm({ fault: "stream-reorder", span: 3, share: 0.25, probability: 0.5, match: { stream: "trade" } });
    const armed = exchange.audit().find((one) => one.type === "fault-armed");
    expect(armed).toMatchObject({
      fault: "stream-reorder",
      point: "stream",
      span: 3,
      share: 0.25,
      probability: 0.5,
      match: { stream: "trade" },
    });
  });
});
