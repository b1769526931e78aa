/** Each lie about messages, armed through the control paths and seen by a bare WebSocket; and what the audit says of it. */
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { event, LieRig, tradeIds } from "../testing/lie-rig.ts";
import type { CollectingSocket, Message } from "../testing/signed-client.ts";

let rig: LieRig;
beforeEach(async () => {
  rig = await LieRig.start();
});
afterEach(() => rig.close());

async function depth(): Promise<{ lastUpdateId: number; bids: [string, string][]; asks: [string, string][] }> {
  const answer = await fetch(`${rig.exchange.url}/api/v3/depth?symbol=BTCUSDT&limit=1000`);
  return (await answer.json()) as Awaited<ReturnType<typeof depth>>;
}

/** Whether a pong comes within so long, and in the round of reading after it. */
async function isPonged(socket: CollectingSocket, withinMs: number): Promise<boolean> {
  let isHere = false;
  socket.socket.once("pong", () => (isHere = true));
  socket.socket.ping();
  await new Promise((resolve) => setTimeout(resolve, withinMs));
  await new Promise((resolve) => setImmediate(resolve));
  return isHere;
}

describe("silence", () => {
  test("a stall leaves the pongs: nothing is told, and the connection looks well", async () => {
    const socket = await rig.open("/ws/btcusdt@trade/btcusdt@depth@100ms");
    await socket.until(() => tradeIds(socket).length > 3);
    await rig.arm({ fault: "stream-stall" });
    await expect.poll(() => rig.struck("stream-stall").length).toBe(1);
    // What was sent before the stall is here when the pong is.
    await socket.ponged();
    const before = socket.frames.length;
    await socket.ponged();
    socket.say({ method: "LIST_SUBSCRIPTIONS", id: 1 });
    await socket.heard((one) => one["id"] === 1);
    expect(socket.frames.length).toBe(before + 1);
    expect(rig.struck("stream-stall").map((one) => one.connection)).toEqual([1]);
  });

  test("a mute connection answers nothing at all, stays open, and comes back with a hole", async () => {
    const socket = await rig.open("/ws/btcusdt@trade", { "X-MBX-APIKEY": "muted" });
    const other = await rig.open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 3);
    const id = await rig.arm({ fault: "stream-mute", match: { apiKey: "muted" } });
    expect(await isPonged(socket, 300)).toBe(false);
    const before = socket.frames.length;
    const heard = tradeIds(other).length;
    await other.until(() => tradeIds(other).length > heard + 3);
    expect(socket.frames.length).toBe(before);
    expect(socket.closedWith).toBeUndefined();
    rig.exchange.clearFaults(id);
    await socket.until(() => socket.frames.length > before);
    const ids = tradeIds(socket);
    expect((ids.at(-1) ?? 0) - (ids[0] ?? 0) + 1).toBeGreaterThan(ids.length);
    expect(rig.struck("stream-mute")).toHaveLength(1);
  });

  test("one kind of stream falls silent while the other of the same symbol goes on", async () => {
    const socket = await rig.open("/ws/btcusdt@trade/btcusdt@depth@100ms");
    const count = (kind: string): number => socket.messages.filter((one) => one["e"] === kind).length;
    await socket.until(() => count("trade") > 3 && count("depthUpdate") > 2);
    await rig.arm({ fault: "stream-stall", match: { stream: "depth@100ms" } });
    await socket.ponged();
    const [trades, depths] = [count("trade"), count("depthUpdate")];
    await socket.until(() => count("trade") > trades + 10);
    expect(count("depthUpdate")).toBe(depths);
  });
});

describe("messages that are lost, doubled, late or old", () => {
  test("the audit names the trade ids that a gap has swallowed", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 3);
    await rig.arm({ fault: "stream-gap", count: 4, match: { stream: "trade" } });
    await expect.poll(() => rig.struck("stream-gap").length).toBe(4);
    const lost = rig.struck("stream-gap").flatMap((one) => one.ids ?? []);
    await socket.until(() => (tradeIds(socket).at(-1) ?? 0) > Math.max(...lost) + 3);
    const ids = new Set(tradeIds(socket));
    const first = tradeIds(socket)[0] ?? 0;
    const missing = Array.from({ length: Math.max(...lost) - first }, (_, at) => first + at + 1).filter(
      (one) => !ids.has(one),
    );
    expect(missing).toEqual(lost);
  });

  test("a duplicate may come much later than its first copy", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-duplicate", count: 1, delayMs: 1_500 });
    await socket.until(() => {
      const ids = tradeIds(socket);
      return new Set(ids).size < ids.length;
    });
    const ids = tradeIds(socket);
    const twice = ids.find((one, at) => ids.indexOf(one) < at) ?? 0;
    expect(ids.lastIndexOf(twice) - ids.indexOf(twice)).toBeGreaterThan(1);
    expect(rig.struck("stream-duplicate")[0]?.ids).toEqual([twice]);
  });

  test("a reordered difference comes after the ones that follow it", async () => {
    const socket = await rig.open("/ws/btcusdt@depth@100ms");
    await socket.until(() => socket.messages.length > 2);
    await rig.arm({ fault: "stream-reorder", count: 1, span: 2, delayMs: 60_000 });
    await expect.poll(() => rig.struck("stream-reorder").length).toBe(1);
    const late = rig.struck("stream-reorder")[0]?.ids ?? [];
    const at = (): number => socket.messages.findIndex((one) => one["U"] === late[0]);
    await socket.until(() => at() > 0);
    const before = socket.messages.slice(at() - 2, at()).map((one) => Number(one["U"]));
    expect(before.every((one) => one > (late[1] ?? Infinity))).toBe(true);
    expect(socket.messages[at() - 3]?.["u"]).toBe((late[0] ?? 0) - 1);
  });

  test("a reordered message that nothing follows still comes", async () => {
    const socket = await rig.openAccount();
    await rig.arm({ fault: "stream-reorder", match: { stream: "user" }, count: 2, delayMs: 150 });
    await rig.client.place("late-news");
    await socket.heard((one) => event(one)["c"] === "late-news");
    expect(rig.struck("stream-reorder")).toHaveLength(2);
  });

  test("a replay tells the last account events again", async () => {
    const socket = await rig.openAccount();
    await rig.arm({ fault: "stream-replay", match: { stream: "user" }, span: 3, count: 1 });
    await rig.client.place("told-twice");
    await rig.client.place("told-once");
    const told = (): string[] =>
      socket.messages.filter((one) => event(one)["e"] === "executionReport").map((one) => event(one)["c"] as string);
    await socket.until(() => told().length >= 4);
    expect(told()).toEqual(["told-twice", "told-once", "told-twice", "told-once"]);
  });

  test("a stale snapshot ends before the stream begins, and comes right when the fault is gone", async () => {
    const socket = await rig.open("/ws/btcusdt@depth@100ms");
    const before = await depth();
    await socket.until(() => socket.messages.length > 12);
    const id = await rig.arm({ fault: "stale-snapshot", delayMs: 700, match: { symbol: "BTCUSDT" } });
    const stale = await depth();
    expect(stale.lastUpdateId).toBeLessThan(Number(socket.messages.at(-3)?.["U"]));
    expect(stale.lastUpdateId).toBeGreaterThanOrEqual(before.lastUpdateId);
    expect(Number(stale.bids[0]?.[0])).toBeLessThan(Number(stale.asks[0]?.[0]));
    const eth = await fetch(`${rig.exchange.url}/api/v3/depth?symbol=ETHUSDT`);
    expect(eth.status).toBe(200);
    rig.exchange.clearFaults(id);
    expect((await depth()).lastUpdateId).toBeGreaterThan(stale.lastUpdateId);
    expect(rig.struck("stale-snapshot").map((one) => one.symbol)).toEqual(["BTCUSDT"]);
  });

  test("a slow server tells everything in order, late", async () => {
    const [slow, swift] = [
      await rig.open("/ws/btcusdt@trade", { "X-MBX-APIKEY": "slow" }),
      await rig.open("/ws/btcusdt@trade"),
    ];
    await rig.arm({ fault: "stream-slow", delayMs: 400, match: { apiKey: "slow" } });
    await slow.until(() => tradeIds(slow).length > 10);
    const atOf = (socket: CollectingSocket, tradeId: number): number =>
      socket.frames.find((one) => JSON.parse(one.bytes.toString("utf8")).t === tradeId)?.atMonoMs ?? NaN;
    const ids = tradeIds(slow);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    // Both were told of the trade in one turn; the swift one was told then, the slow one that much later.
    const toldAt = (tradeId: number): number => Number(swift.messages.find((one) => one["t"] === tradeId)?.["E"]);
    const common = ids.filter((one) => tradeIds(swift).includes(one)).slice(-3);
    expect(common).toHaveLength(3);
    for (const one of common) {
      expect(performance.timeOrigin + atOf(slow, one) - toldAt(one)).toBeGreaterThanOrEqual(400 - 2);
      expect(atOf(swift, one)).toBeLessThanOrEqual(atOf(slow, one));
    }
    rig.exchange.clearFaults();
    await slow.until(() => tradeIds(slow).at(-1) === tradeIds(swift).at(-1));
    expect(new Set(tradeIds(slow)).size).toBe(tradeIds(slow).length);
  });
});

describe("frames that are not what they should be", () => {
  test("a truncated message is no JSON, and the connection lives on", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-truncate", count: 2 });
    await socket.until(() => tradeIds(socket).length > 3);
    const broken = socket.frames.filter((one) => !one.bytes.toString("utf8").endsWith("}"));
    expect(broken).toHaveLength(2);
    expect(rig.struck("stream-truncate")).toHaveLength(2);
  });

  test.each(["text", "json", "binary", "nested", "number"] as const)(
    "garbage (%s) comes between the messages and takes none away",
    async (mode) => {
      const socket = await rig.open("/ws/btcusdt@trade");
      await rig.arm({ fault: "stream-garbage", mode, count: 3 });
      await socket.until(() => rig.struck("stream-garbage").length === 3 && tradeIds(socket).length > 6);
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
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-garbage", mode, count: 1 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.failedWith).toMatchObject({ code: error });
  });

  test("a corrupt difference has right ids and a wrong quantity: only the true book shows it", async () => {
    const [lied, told] = [
      await rig.open("/ws/btcusdt@depth@100ms", { "X-MBX-APIKEY": "lied" }),
      await rig.open("/ws/btcusdt@depth@100ms"),
    ];
    await rig.arm({ fault: "stream-corrupt", count: 1, match: { apiKey: "lied" } });
    await expect.poll(() => rig.struck("stream-corrupt").length).toBe(1);
    const [first] = rig.struck("stream-corrupt")[0]?.ids ?? [];
    const ofFirst = (one: Message): boolean => one["U"] === first;
    const [wrong, right] = [await lied.heard(ofFirst), await told.heard(ofFirst)];
    expect([wrong["U"], wrong["u"], wrong["E"]]).toEqual([right["U"], right["u"], right["E"]]);
    const rows = (one: Message): [string, string][] => [...(one["b"] as []), ...(one["a"] as [])];
    expect(rows(wrong).map(([price]) => price)).toEqual(rows(right).map(([price]) => price));
    expect(rows(wrong).filter(([, quantity], at) => quantity !== rows(right)[at]?.[1])).toHaveLength(1);
  });

  test("a reset in the middle of a frame: half the bytes, then an error, and no close frame", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await socket.until(() => tradeIds(socket).length > 0);
    const parts: Buffer[] = [];
    let failure: unknown;
    (socket.socket as unknown as { _socket: NodeJS.EventEmitter })._socket.on("data", (part: Buffer) =>
      parts.push(part),
    );
    (socket.socket as unknown as { _socket: NodeJS.EventEmitter })._socket.on("error", (error) => (failure = error));
    await rig.arm({ fault: "stream-reset", count: 1 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(1006);
    expect(failure).toMatchObject({ code: "ECONNRESET" });
    const cut = rig.struck("stream-reset")[0]?.ids?.[0] ?? 0;
    expect(tradeIds(socket)).not.toContain(cut);
    expect(Buffer.concat(parts).toString("latin1")).toContain(`{"e":"trade"`);
  });
});

describe("whom a lie strikes", () => {
  test("a share of the connections, the same ones for as long as it is armed", async () => {
    const all = await Promise.all(Array.from({ length: 24 }, () => rig.open("/ws/btcusdt@trade")));
    await rig.arm({ fault: "stream-stall", share: 0.5 });
    await Promise.all(all.map((one) => one.ponged()));
    const before = all.map((one) => one.frames.length);
    const isTold = (at: number): boolean => (all[at]?.frames.length ?? 0) > (before[at] ?? 0) + 3;
    const spared = (): number => all.filter((_, at) => isTold(at)).length;
    // Each is struck or told more: when that is known of all, it is known of each.
    await expect.poll(() => rig.struck("stream-stall").length + spared()).toBe(24);
    expect(spared()).toBeGreaterThan(4);
    expect(spared()).toBeLessThan(20);
    const ends = all.map(
      (one) => (one.socket as unknown as { _socket: { address(): AddressInfo } })._socket.address().port,
    );
    const stalled = rig.struck("stream-stall").map((one) => Number(one.source?.split(":").at(-1)));
    expect(stalled.every((port) => !isTold(ends.indexOf(port)))).toBe(true);
  });

  test("as likely as it was told, and only while it lasts", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-gap", probability: 0.5, durationMs: 2_500 });
    const isCleared = (): boolean => rig.exchange.audit().some((one) => one.type === "fault-cleared");
    await expect.poll(isCleared).toBe(true);
    const lost = rig.struck("stream-gap").length;
    expect(lost).toBeGreaterThan(3);
    // What was sent before the end of the fault, holes and all, is here when the pong is.
    await socket.ponged();
    const last = tradeIds(socket).at(-1) ?? 0;
    await socket.until(() => (tradeIds(socket).at(-1) ?? 0) > last + 10);
    const after = tradeIds(socket).filter((one) => one > last);
    expect(after).toEqual(after.map((_, at) => (after[0] ?? 0) + at));
    expect(rig.struck("stream-gap")).toHaveLength(lost);
  });

  test("of two faults at one point the later has its chance where the first does not strike", async () => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-duplicate", probability: 0, match: { stream: "trade" } });
    await rig.arm({ fault: "stream-duplicate", probability: 1, match: { symbol: "BTCUSDT" } });
    // What was told before both were armed is here when the pong is.
    await socket.ponged();
    const from = tradeIds(socket).length;
    await socket.until(() => tradeIds(socket).length > from + 10);
    const ids = tradeIds(socket).slice(from);
    expect(ids.length).toBeGreaterThanOrEqual(2 * new Set(ids).size - 1);
    expect(new Set(rig.struck("stream-duplicate").map((one) => one.faultId))).toEqual(new Set([2]));
  });

  test("the audit has all that a fault was told", async () => {
    await rig.arm({ fault: "stream-reorder", span: 3, share: 0.25, probability: 0.5, match: { stream: "trade" } });
    const armed = rig.exchange.audit().find((one) => one.type === "fault-armed");
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
