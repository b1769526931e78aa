/** Connections that end or never begin, and subscriptions that go wrong, as a bare WebSocket sees them. */
import { get, type IncomingHttpHeaders } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange } from "../exchange.ts";
import { event, LieRig, tradeIds } from "../testing/lie-rig.ts";
import type { CollectingSocket } from "../testing/signed-client.ts";

let rig: LieRig;
beforeEach(async () => {
  rig = await LieRig.start();
});
afterEach(() => rig.close());

describe("connections that end or never begin", () => {
  test.each([1000, 1001, 1006, 1008, 1011, 1012, 1013])("closed with %i", async (closeCode) => {
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "stream-drop", closeCode });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(closeCode);
  });

  test("accepted and closed at once, as often as it was told", async () => {
    await rig.arm({ fault: "accept-close", closeCode: 1013, count: 2 });
    for (let at = 0; at < 2; at += 1) {
      const socket = await rig.open("/ws/btcusdt@trade");
      await socket.until(() => socket.closedWith !== undefined);
      expect(socket.closedWith).toBe(1013);
    }
    const third = await rig.open("/ws/btcusdt@trade");
    await third.until(() => tradeIds(third).length > 0);
    expect(rig.struck("accept-close")).toHaveLength(2);
  });

  test.each([
    [429, 7],
    [503, 30],
  ])("a handshake is refused with %i and says when to come back", async (status, retryAfterSeconds) => {
    await rig.arm({ fault: "upgrade-refused", status, retryAfterSeconds, count: 1 });
    const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13" };
    const answer = await new Promise<{ status: number | undefined; headers: IncomingHttpHeaders }>(
      (resolve, reject) => {
        const request = get(`${rig.exchange.url}/ws`, {
          headers: { ...headers, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" },
        });
        request.on("error", reject);
        request.on("response", (response) => resolve({ status: response.statusCode, headers: response.headers }));
      },
    );
    expect([answer.status, answer.headers["retry-after"]]).toEqual([status, `${retryAfterSeconds}`]);
    await rig.open("/ws");
  });

  test("serverShutdown is told in each front's own form, then the connection ends", async () => {
    const [raw, combined, account] = [
      await rig.open("/ws/btcusdt@trade"),
      await rig.open("/stream?streams=btcusdt@trade"),
      await rig.openAccount(),
    ];
    await rig.arm({ fault: "server-shutdown", delayMs: 1_500 });
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
    await rig.open("/ws/btcusdt@trade");
  });

  test("a connection is cut at 24 hours of its own clock, which can be turned forward", async () => {
    const old = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "time-jump", agedMs: 23 * 3_600_000 });
    const young = await rig.open("/ws/btcusdt@trade");
    await old.until(() => tradeIds(old).length > 5);
    expect(old.closedWith).toBeUndefined();
    await rig.arm({ fault: "time-jump", agedMs: 3_600_000 });
    await old.until(() => old.closedWith !== undefined);
    expect(old.closedWith).toBe(1000);
    expect(young.closedWith).toBeUndefined();
    expect(rig.struck("time-jump").map((one) => one.connection)).toEqual([1, 1, 2]);
  });

  test("the age at which connections are cut can be set to seconds, at the start and by a fault", async () => {
    const dialled = performance.now();
    const socket = await rig.open("/ws/btcusdt@trade");
    await rig.arm({ fault: "life-cut", lifeMs: 400, closeCode: 1008 });
    await socket.until(() => socket.closedWith !== undefined);
    expect(socket.closedWith).toBe(1008);
    expect(performance.now() - dialled).toBeGreaterThanOrEqual(400);
    const brief = await startExchange({ keys: [], flow: { rate: 0 }, limits: { connectionLifeMs: 200 } });
    try {
      const short = await rig.open("/ws", {}, brief.url);
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
    const socket = await rig.open("/ws");
    await rig.arm({ fault: "sub-ack-lost", count: 1 });
    ask(socket, 1);
    await socket.until(() => tradeIds(socket).length > 0);
    expect(await list(socket, 2)).toEqual(["btcusdt@trade"]);
    expect(socket.messages.some((one) => one["id"] === 1)).toBe(false);
    ask(socket, 3);
    expect(await socket.heard((one) => one["id"] === 3)).toEqual({ result: null, id: 3 });
  });

  test("a lost request: no answer and no subscription", async () => {
    const socket = await rig.open("/ws");
    await rig.arm({ fault: "sub-lost", count: 1, match: { symbol: "BTCUSDT" } });
    ask(socket, 1);
    expect(await list(socket, 2)).toEqual([]);
    ask(socket, 3);
    await socket.heard((one) => one["id"] === 3);
    expect(await list(socket, 4)).toEqual(["btcusdt@trade"]);
    expect(socket.messages.some((one) => one["id"] === 1)).toBe(false);
  });

  test("a refused request: an error under its id and no subscription", async () => {
    const socket = await rig.open("/ws");
    await rig.arm({ fault: "sub-refused", count: 1, match: { stream: "trade" } });
    ask(socket, 1);
    expect(await socket.heard((one) => one["id"] === 1)).toMatchObject({ code: 2, id: 1 });
    expect(await list(socket, 2)).toEqual([]);
  });

  test("a hollow acknowledgement: said to be subscribed, and only the list tells the truth", async () => {
    const socket = await rig.open("/ws");
    await rig.arm({ fault: "sub-hollow", count: 1 });
    ask(socket, 1);
    expect(await socket.heard((one) => one["id"] === 1)).toEqual({ result: null, id: 1 });
    expect(await list(socket, 2)).toEqual([]);
  });

  test("the same of the account's stream", async () => {
    const socket = await rig.open("/ws-api/v3");
    const subscribe = (id: number): void =>
      socket.say({ id, method: "userDataStream.subscribe.signature", params: rig.client.signedParameters() });
    await rig.arm({ fault: "sub-lost", count: 1, match: { stream: "user", account: "desk" } });
    subscribe(1);
    await rig.arm({ fault: "sub-refused", count: 1 });
    subscribe(2);
    expect(await socket.heard((one) => one["id"] === 2)).toMatchObject({ status: 500, error: { code: -1000 } });
    await rig.arm({ fault: "sub-hollow", count: 1 });
    subscribe(3);
    await socket.heard((one) => one["id"] === 3);
    await rig.client.place("unheard");
    await rig.arm({ fault: "sub-ack-lost", count: 1 });
    subscribe(4);
    await expect.poll(() => rig.struck("sub-ack-lost").length).toBe(1);
    await rig.client.place("heard");
    await socket.heard((one) => event(one)["c"] === "heard");
    expect(socket.messages.filter((one) => one["id"] === 1 || one["id"] === 4)).toEqual([]);
    expect(socket.messages.some((one) => event(one)["c"] === "unheard")).toBe(false);
  });
});
