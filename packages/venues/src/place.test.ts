import { createServer, type AddressInfo } from "node:net";
import { buildConnector } from "undici";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PlaceOutcome } from "@baton/core";
import {
  btc,
  connect,
  inMs,
  json,
  orderAnswer,
  startScriptedVenue,
  terms,
  TestPermits,
  until,
  type Script,
  type ScriptedVenue,
} from "./testing/scripted-venue.ts";
import type { RequestTelemetry, Venue, VenueOptions } from "./venue.ts";

const clientOrderId = "00112233445566778899aabbccddeeff";
const orderPath = "/api/v3/order";

let server: ScriptedVenue;
let permits: TestPermits;
let venue: Venue;
let late: [string, PlaceOutcome][];
let ahead: number[];
let telemetry: RequestTelemetry[];

const place = (): Promise<PlaceOutcome> =>
  venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(30_000) }, permits.permit());
const posts = (): number => server.received.filter(({ method }) => method === "POST").length;

const listeners: Partial<VenueOptions> = {
  onLateAnswer: (clientId, outcome) => late.push([clientId, outcome]),
  onClockAhead: (ms) => ahead.push(ms),
  onTelemetry: (request) => telemetry.push(request),
};

/** For what is about the outer deadline; elsewhere an answer may take as long as a busy machine needs. The sockets stand. */
async function hurry(): Promise<void> {
  await venue.close();
  venue = await connect(server.url, permits, { ...listeners, deadlineMs: hastyMs });
  await venue.warm();
}
const hastyMs = 1_000;

beforeEach(async () => {
  server = await startScriptedVenue();
  permits = new TestPermits();
  late = [];
  ahead = [];
  telemetry = [];
  venue = await connect(server.url, permits, listeners);
});
afterEach(async () => {
  await venue.close();
  await server.close();
});

describe("what goes over the wire", () => {
  it("is the terms as journaled, the native id field, and a window no longer than permit and configuration", async () => {
    permits.deadlineMonoMs = inMs(4_000);
    const outcome = await place();
    expect(outcome.kind).toBe("accepted");
    const sent = server.received.at(-1)!.parameters;
    expect(Object.fromEntries(sent)).toMatchObject({
      symbol: "BTCUSDT",
      side: "BUY",
      type: "LIMIT",
      timeInForce: "GTC",
      quantity: "0.001",
      price: "30000",
      newClientOrderId: clientOrderId,
    });
    const recvWindow = Number(sent.get("recvWindow"));
    expect(recvWindow).toBeLessThanOrEqual(4_000);
    expect(recvWindow).toBeGreaterThan(0);
    expect(Number.isInteger(recvWindow)).toBe(true);
    const stamp = outcome.kind === "accepted" ? outcome.stamp : undefined;
    expect(stamp).toEqual({ sentWallMs: Number(sent.get("timestamp")), validityMs: recvWindow });
  });

  it("carries the configured window when the permit reaches further", async () => {
    await place();
    expect(server.received.at(-1)!.parameters.get("recvWindow")).toBe("5000");
  });

  it("is nothing when the permit leaves less than the least validity", async () => {
    const choosy = await connect(server.url, permits, { validityMs: 60_000, minValidityMs: 50_000 });
    permits.deadlineMonoMs = inMs(45_000);
    const order = { clientOrderId, terms, expiresAtMonoMs: inMs(30_000) };
    const outcome = await choosy.place(order, permits.permit());
    expect(outcome).toMatchObject({ kind: "not-sent", reason: "validity-too-short" });
    expect(posts()).toBe(0);
    await choosy.close();
  });

  it("is nothing for a permit of an earlier epoch", async () => {
    const permit = permits.permit();
    permits.epoch += 1;
    const outcome = await venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(30_000) }, permit);
    expect(outcome).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    expect(posts()).toBe(0);
  });

  it("is timed by our reading of the venue's clock, not by the wall", async () => {
    server.script["GET /api/v3/time"] = (_request, response) =>
      json(response, 200, { serverTime: Date.now() - 3_600_000 });
    const other = await connect(server.url, permits);
    const { offsetMs, errorMs } = other.clock()!;
    // Within its own error, however long the answers took: the wall is read in whole milliseconds.
    expect(Math.abs(offsetMs + 3_600_000)).toBeLessThanOrEqual(errorMs + 2);
    const beforeWallMs = Date.now();
    await other.place({ clientOrderId, terms, expiresAtMonoMs: inMs(30_000) }, permits.permit());
    const sent = server.received.at(-1)!;
    const signedWallMs = Number(sent.parameters.get("timestamp")) + 3_600_000;
    expect(signedWallMs).toBeGreaterThanOrEqual(beforeWallMs - errorMs - 3);
    expect(signedWallMs).toBeLessThanOrEqual(sent.atWallMs + errorMs + 3);
    await other.close();
  });
});

/** Answers with a venue error. */
const error =
  (status: number, code: number, msg: string, headers: Record<string, string> = {}): Script =>
  (_request, response) =>
    json(response, status, { code, msg }, headers);

describe("one request is sent once and ends in the class that its evidence allows", () => {
  const cases: readonly [string, Script, object][] = [
    ["a filter refuses: rejected", error(400, -1013, "Filter failure: LOT_SIZE"), { kind: "rejected", code: "-1013" }],
    [
      "funds are missing: rejected",
      error(400, -2010, "Account has insufficient balance"),
      { kind: "rejected", code: "-2010" },
    ],
    ["a parameter is bad: rejected", error(400, -1102, "Mandatory parameter"), { kind: "rejected", code: "-1102" }],
    ["the key is refused: rejected", error(401, -2015, "Invalid API-key"), { kind: "rejected", code: "-2015" }],
    ["the window has passed: rejected", error(400, -1021, "Timestamp outside"), { kind: "rejected", code: "-1021" }],
    ["the id is open already: duplicate", error(400, -2010, "Duplicate order sent."), { kind: "duplicate" }],
    [
      "too many requests: rejected",
      error(429, -1003, "Too many", { "retry-after": "1" }),
      { kind: "rejected", code: "-1003" },
    ],
    ["banned: rejected", error(418, -1003, "Banned", { "retry-after": "1" }), { kind: "rejected", code: "-1003" }],
    ["503 with a definite code: in doubt", error(503, -2010, "anything"), { kind: "in-doubt" }],
    ["-1000: in doubt", error(400, -1000, "Unknown"), { kind: "in-doubt" }],
    ["-1001: in doubt", error(503, -1001, "Disconnected"), { kind: "in-doubt" }],
    ["-1006: in doubt", error(400, -1006, "Unexpected response"), { kind: "in-doubt" }],
    ["-1007: in doubt", error(504, -1007, "Timeout"), { kind: "in-doubt" }],
    ["a code nobody listed: in doubt", error(400, -9999, "New"), { kind: "in-doubt" }],
    [
      "a gateway's page: in doubt",
      (_request, response) =>
        void response.writeHead(502, { "content-type": "text/html" }).end("<html>bad gateway</html>"),
      { kind: "in-doubt" },
    ],
    [
      "a firewall's page: in doubt",
      (_request, response) => void response.writeHead(403).end("<html>forbidden</html>"),
      { kind: "in-doubt" },
    ],
    [
      "a reset before the answer: in doubt",
      (_request, _response, socket) => socket.resetAndDestroy(),
      { kind: "in-doubt" },
    ],
    [
      "a truncated body: in doubt",
      ({ parameters }, response, socket) => {
        const body = JSON.stringify(orderAnswer(parameters));
        response.writeHead(200, { "content-length": `${body.length}` });
        response.write(body.slice(0, 40), () => socket.destroySoon());
      },
      { kind: "in-doubt" },
    ],
    [
      "200 with half a JSON: in doubt",
      (_request, response) => void response.writeHead(200).end('{"orderId":12'),
      { kind: "in-doubt" },
    ],
    ["200 without an order: in doubt", (_request, response) => json(response, 200, {}), { kind: "in-doubt" }],
    ["silence: in doubt", () => undefined, { kind: "in-doubt", cause: `no answer within ${hastyMs} ms` }],
    [
      "headers, then a stalled body: in doubt",
      (_request, response) => void response.writeHead(200, { "content-length": "500" }).write("{"),
      { kind: "in-doubt", cause: `no answer within ${hastyMs} ms` },
    ],
  ];
  it.each(cases)("%s", async (_name, script, expected) => {
    if ("cause" in expected) await hurry();
    server.script[`POST ${orderPath}`] = script;
    const outcome = await place();
    expect(outcome).toMatchObject(expected);
    expect(outcome).toHaveProperty("stamp.validityMs", 5_000);
    expect(posts()).toBe(1);
  });

  it("a refused connection is proof of not sent", async () => {
    await server.close();
    expect(await place()).toMatchObject({ kind: "not-sent", reason: "connect-failed" });
    server = await startScriptedVenue();
  });

  it.each([
    ["a name that does not resolve", { hostname: "no-such-venue.invalid" }],
    ["a failed TLS handshake", { protocol: "https:", servername: "localhost" }],
  ])("%s is proof of not sent", async (_name, over) => {
    const plain = buildConnector({});
    let isBroken = false;
    const other = await connect(server.url, permits, {
      connect: (options, callback) => plain(isBroken ? { ...options, ...over } : options, callback),
    });
    isBroken = true;
    const outcome = await other.place({ clientOrderId, terms, expiresAtMonoMs: inMs(30_000) }, permits.permit());
    expect(outcome).toMatchObject({ kind: "not-sent", reason: "connect-failed" });
    await other.close();
  });

  it("an order that waits for a socket is taken back at once, and one that has left is not", async () => {
    const answers: (() => void)[] = [];
    server.script[`POST ${orderPath}`] = ({ parameters }, response) => {
      answers.push(() => json(response, 200, orderAnswer(parameters)));
    };
    const withdrawal = new AbortController();
    const left: string[] = [];
    permits.deadlineMonoMs = inMs(30_000);
    const other = await connect(server.url, permits, { deadlineMs: 20_000 });
    const outcomes = Array.from({ length: 66 }, (_, at) => {
      const onLeft = (): void => void left.push(`${at}`);
      const order = { clientOrderId: `${at}`, terms, expiresAtMonoMs: inMs(20_000), onLeft };
      return other.place(order, permits.permit(), withdrawal.signal);
    });
    await vi.waitFor(() => expect(answers).toHaveLength(64), { timeout: 20_000 });
    withdrawal.abort();
    const unsent = await Promise.all(outcomes.slice(64));
    expect(unsent).toEqual([
      { kind: "not-sent", reason: "withdrawn", message: expect.any(String) },
      { kind: "not-sent", reason: "withdrawn", message: expect.any(String) },
    ]);
    for (const answer of answers) answer();
    const sent = await Promise.all(outcomes.slice(0, 64));
    expect(new Set(sent.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
    // Each that left said so once, and none of the others did.
    expect(left.toSorted()).toEqual(Array.from({ length: 64 }, (_, at) => `${at}`).toSorted());
    delete server.script[`POST ${orderPath}`];
    const last = { clientOrderId, terms, expiresAtMonoMs: inMs(5_000) };
    expect((await other.place(last, permits.permit(), new AbortController().signal)).kind).toBe("accepted");
    expect(posts()).toBe(65);
    await other.close();
  });

  it("orders on their way at once each get their own answer", async () => {
    server.script[`POST ${orderPath}`] = ({ parameters }, response, socket) => {
      const number = Number(parameters.get("newClientOrderId"));
      const answer = (): void => {
        if (number % 3 === 0) json(response, 200, orderAnswer(parameters));
        else if (number % 3 === 1) json(response, 400, { code: -1013, msg: `refused ${number}` });
        else socket.resetAndDestroy();
      };
      setTimeout(answer, 60 - number); // the last one asked is answered first
    };
    const numbers = Array.from({ length: 30 }, (_, number) => number);
    const outcomes = await Promise.all(
      numbers.map((number) =>
        venue.place({ clientOrderId: `${number}`, terms, expiresAtMonoMs: inMs(30_000) }, permits.permit()),
      ),
    );
    const got = outcomes.map((outcome) => {
      if (outcome.kind === "accepted") return outcome.order.clientOrderId;
      return outcome.kind === "rejected" ? outcome.message : outcome.kind;
    });
    expect(got).toEqual(numbers.map((number) => [`${number}`, `refused ${number}`, "in-doubt"][number % 3]));
  });

  it("a peer that accepts TCP and resets before HTTP leaves doubt, because bytes may have left", async () => {
    const rude = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await new Promise<void>((resolve) => rude.listen(0, "127.0.0.1", resolve));
    const { port } = rude.address() as AddressInfo;
    const plain = buildConnector({});
    let isRude = false;
    const other = await connect(server.url, permits, {
      connect: (options, callback) => plain(isRude ? { ...options, port: `${port}` } : options, callback),
    });
    isRude = true;
    const order = { clientOrderId, terms, expiresAtMonoMs: inMs(30_000) };
    expect(await other.place(order, permits.permit())).toMatchObject({ kind: "in-doubt" });
    await other.close();
    await new Promise((resolve) => rude.close(resolve));
  });
});

it("after a refused signature time the venue's clock is read again, and the next order is timed by it", async () => {
  const venueMs = (): number => Date.now() + 10_000; // the venue's clock was set forward after we had read it
  server.script["GET /api/v3/time"] = (_request, response) => json(response, 200, { serverTime: venueMs() });
  server.script[`POST ${orderPath}`] = ({ parameters }, response) => {
    const age = venueMs() - Number(parameters.get("timestamp"));
    if (age > Number(parameters.get("recvWindow"))) json(response, 400, { code: -1021, msg: "Timestamp outside" });
    else json(response, 200, orderAnswer(parameters));
  };
  expect(await place()).toMatchObject({ kind: "rejected", code: "-1021" });
  await until("the new reading", () => venue.clock()!.offsetMs > 5_000);
  // This machine may have stood still as well: whoever holds its permit is told, once, and of no more than is certain.
  expect(ahead).toHaveLength(1);
  expect(ahead[0]).toBeGreaterThan(100);
  expect(ahead[0]).toBeLessThanOrEqual(10_002);
  expect(await place()).toMatchObject({ kind: "accepted" });
});

describe("after the outer deadline", () => {
  it("an acceptance that comes late is handed over once, with its stamp", async () => {
    await hurry();
    let answer = (): void => undefined;
    server.script[`POST ${orderPath}`] = ({ parameters }, response) =>
      void (answer = () => json(response, 200, orderAnswer(parameters)));
    const outcome = await place();
    expect(outcome.kind).toBe("in-doubt");
    expect(late).toEqual([]);
    answer();
    await until("the late answer", () => late.length > 0);
    expect(late).toEqual([
      [
        clientOrderId,
        expect.objectContaining({ kind: "accepted", stamp: outcome.kind === "in-doubt" && outcome.stamp }),
      ],
    ]);
    expect(posts()).toBe(1);
  });

  it("a reset that comes late tells nothing new", async () => {
    await hurry();
    let reset = (): void => undefined;
    server.script[`POST ${orderPath}`] = (_request, _response, socket) => void (reset = () => socket.resetAndDestroy());
    expect((await place()).kind).toBe("in-doubt");
    reset();
    // Its answer is read after the reset.
    expect(await venue.query(btc, clientOrderId)).toEqual({ kind: "not-found" });
    expect(late).toEqual([]);
  });
});

describe("throttling", () => {
  it("Retry-After holds everything back, orders until they expire", async () => {
    server.script[`POST ${orderPath}`] = error(429, -1003, "Too many", { "retry-after": "1" });
    await place();
    const before = server.received.length;
    const refused = server.received.at(-1)!;
    expect(venue.budget()).toBe(0);
    const short = await venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(300) }, permits.permit());
    expect(short).toMatchObject({ kind: "not-sent", reason: "limiter" });
    expect(server.received.length).toBe(before);
    delete server.script[`POST ${orderPath}`];
    expect((await place()).kind).toBe("accepted");
    // From the refusal, which the client reads a little later than it was made, to the next arrival.
    expect(server.received.at(-1)!.atWallMs - refused.atWallMs).toBeGreaterThanOrEqual(998);
  });

  it("the permit is judged after the wait for the limiter, not before it", async () => {
    server.script[`POST ${orderPath}`] = error(429, -1003, "Too many", { "retry-after": "1" });
    await place();
    delete server.script[`POST ${orderPath}`];
    const permit = permits.permit();
    permits.deadlineMonoMs = inMs(500);
    const outcome = await venue.place({ clientOrderId, terms, expiresAtMonoMs: inMs(30_000) }, permit);
    expect(outcome).toMatchObject({ kind: "not-sent", reason: "permit-ended" });
    expect(posts()).toBe(1);
  });
});

describe("the breaker", () => {
  it("opens on 5xx, refuses new orders at once, lets cancels and queries pass, and closes by a probe", async () => {
    server.script[`POST ${orderPath}`] = error(503, -1001, "Disconnected");
    server.script["GET /api/v3/time"] = error(503, -1001, "Disconnected");
    for (let order = 0; order < 12 && venue.breaker() === "closed"; order += 1) await place();
    expect(venue.breaker()).not.toBe("closed");
    const before = posts();
    expect(await place()).toMatchObject({ kind: "not-sent", reason: "breaker-open" });
    expect(posts()).toBe(before);
    expect(await venue.cancel({ clientOrderId, symbol: btc }, permits.permit())).toMatchObject({ kind: "cancelled" });
    expect(await venue.query(btc, clientOrderId)).toEqual({ kind: "not-found" });
    delete server.script[`POST ${orderPath}`];
    delete server.script["GET /api/v3/time"];
    await until("the breaker closes", () => venue.breaker() === "closed");
    expect((await place()).kind).toBe("accepted");
  });

  it("stays closed on definite rejects", async () => {
    server.script[`POST ${orderPath}`] = error(400, -1013, "Filter failure");
    for (let order = 0; order < 20; order += 1) await place();
    expect(venue.breaker()).toBe("closed");
  });
});

describe("a venue that answers no order any more", () => {
  it("has no more open than there are sockets; cancels, queries and what only reduces pass beside them, and the rest was never sent", async () => {
    const hung = await connect(server.url, permits, { deadlineMs: 4_000 });
    try {
      const stop = { clientOrderId, terms, expiresAtMonoMs: inMs(30_000), isAhead: true };
      server.script["POST /api/v3/order"] = ({ parameters }, response) => {
        if (parameters.get("newClientOrderId") === clientOrderId) json(response, 200, orderAnswer(parameters));
      };
      const placing = Array.from({ length: 70 }, (_, at) =>
        hung.place(
          { clientOrderId: at.toString(16).padStart(32, "0"), terms, expiresAtMonoMs: inMs(30_000) },
          permits.permit(),
        ),
      );
      await until("every order socket waits for an answer", () => posts() === 64);
      expect(await hung.cancel({ clientOrderId, symbol: btc }, permits.permit())).toMatchObject({ kind: "cancelled" });
      expect(await hung.query(btc, clientOrderId)).toEqual({ kind: "not-found" });
      expect(await hung.place(stop, permits.permit())).toMatchObject({ kind: "accepted" });
      const kinds = (await Promise.all(placing)).map(({ kind }) => kind);
      expect(posts()).toBe(65);
      expect(kinds.filter((kind) => kind === "in-doubt")).toHaveLength(64);
      expect(kinds.filter((kind) => kind === "not-sent")).toHaveLength(6);
    } finally {
      await hung.close();
    }
  });
});

describe("cancel", () => {
  const cancel = (): ReturnType<Venue["cancel"]> => venue.cancel({ clientOrderId, symbol: btc }, permits.permit());

  it("repeats after a 5xx and reports what the venue finally said", async () => {
    let calls = 0;
    server.script[`DELETE ${orderPath}`] = ({ parameters }, response) => {
      calls += 1;
      if (calls === 1) json(response, 500, { code: -1000, msg: "Unknown" });
      else json(response, 200, orderAnswer(parameters, { status: "CANCELED", origClientOrderId: clientOrderId }));
    };
    expect(await cancel()).toMatchObject({ kind: "cancelled", order: { clientOrderId, status: "cancelled" } });
    expect(calls).toBe(2);
  });

  it("that was carried out but not answered is seen by the query behind the second try", async () => {
    let calls = 0;
    server.script[`DELETE ${orderPath}`] = (_request, response, socket) => {
      calls += 1;
      if (calls === 1) socket.resetAndDestroy();
      else json(response, 400, { code: -2011, msg: "Unknown order sent." });
    };
    server.script[`GET ${orderPath}`] = ({ parameters }, response) =>
      json(response, 200, orderAnswer(parameters, { status: "CANCELED" }));
    expect(await cancel()).toMatchObject({ kind: "cancelled", order: { status: "cancelled" } });
  });

  it("of an order that the venue does not know is an unknown order, not a success", async () => {
    server.script[`DELETE ${orderPath}`] = error(400, -2011, "Unknown order sent.");
    expect(await cancel()).toEqual({ kind: "unknown-order", message: "Unknown order sent." });
  });

  it("without any answer is in doubt", async () => {
    await hurry();
    server.script[`DELETE ${orderPath}`] = () => undefined;
    expect(await cancel()).toMatchObject({ kind: "in-doubt" });
  });

  it("to a venue that refuses connections is not sent", async () => {
    await hurry();
    await server.close();
    expect(await cancel()).toMatchObject({ kind: "not-sent", reason: "connect-failed" });
    server = await startScriptedVenue();
  });
});

describe("query", () => {
  it("finds an order, with its executed quantity as a decimal", async () => {
    server.script[`GET ${orderPath}`] = ({ parameters }, response) =>
      json(response, 200, orderAnswer(parameters, { status: "PARTIALLY_FILLED", executedQty: "0.00040000" }));
    expect(await venue.query(btc, clientOrderId)).toEqual({
      kind: "found",
      order: expect.objectContaining({ clientOrderId, status: "partially-filled", executed: "0.0004", symbol: btc }),
    });
  });

  it("asks again after a 5xx, and says not-found only when the venue did", async () => {
    let calls = 0;
    server.script[`GET ${orderPath}`] = (_request, response) => {
      calls += 1;
      if (calls < 3) json(response, 503, { code: -1001, msg: "Disconnected" });
      else json(response, 400, { code: -2013, msg: "Order does not exist." });
    };
    expect(await venue.query(btc, clientOrderId)).toEqual({ kind: "not-found" });
    expect(calls).toBe(3);
  });

  it("without an answer in time is unavailable", async () => {
    await hurry();
    server.script[`GET ${orderPath}`] = () => undefined;
    expect(await venue.query(btc, clientOrderId)).toMatchObject({ kind: "unavailable" });
  });
});

it("reach is true when a signed read is answered, false when the key is refused or nothing answers", async () => {
  expect(await venue.reach()).toBe(true);
  server.script[`GET ${orderPath}`] = error(401, -2015, "Invalid API-key");
  expect(await venue.reach()).toBe(false);
  await hurry();
  server.script[`GET ${orderPath}`] = () => undefined;
  expect(await venue.reach()).toBe(false);
});

it("each order's telemetry runs in order from the decision to the answer", async () => {
  await place();
  const one = telemetry.find(({ call }) => call === "order.place")!;
  const instants = [one.decidedMonoMs, one.limiterMonoMs, one.signedMonoMs, one.socketMonoMs, one.answeredMonoMs];
  expect(instants.every((instant) => instant !== undefined)).toBe(true);
  expect(instants).toEqual([...instants].sort((a, b) => a! - b!));
  expect(one.clientOrderId).toBe(clientOrderId);
});

it("a body that comes in time after a slow header is still the answer", async () => {
  server.script[`POST ${orderPath}`] = ({ parameters }, response) => {
    const body = JSON.stringify(orderAnswer(parameters));
    response.writeHead(200, { "content-length": `${body.length}` });
    response.write(body.slice(0, 20));
    setTimeout(() => response.end(body.slice(20)), 100);
  };
  expect((await place()).kind).toBe("accepted");
});
