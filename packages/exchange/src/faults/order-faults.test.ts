/** Each fault of an order's way, by what the client sees and by what the audit says was true. */
import type { AuditRecord } from "@baton/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startExchange, type RunningExchange } from "../exchange.ts";
import { SignedClient, type Answer } from "../testing/signed-client.ts";
import type { FaultRequest } from "./fault.ts";

let exchange: RunningExchange;
let a: SignedClient;
let b: SignedClient;

beforeEach(async () => {
  exchange = await startExchange({
    keys: [
      { key: "a", secret: "sa", account: "desk" },
      { key: "b", secret: "sb", account: "desk" },
    ],
    flow: { rate: 0 },
  });
  a = new SignedClient(exchange.url, { key: "a", secret: "sa" });
  b = new SignedClient(exchange.url, { key: "b", secret: "sb" });
});
afterEach(() => exchange.close());

/** The types of all records about one client order id, in order; faults by their name. */
function trail(clientOrderId: string): string[] {
  const records = exchange.audit();
  const recvs = new Set(records.filter((one) => isAbout(one, clientOrderId)).map((one) => one.n));
  return records
    .filter((one) => isAbout(one, clientOrderId) || (one.type === "fault" && recvs.has(one.recvN ?? 0)))
    .map((one) => (one.type === "fault" ? one.fault : one.type));
}

function isAbout(record: AuditRecord, clientOrderId: string): boolean {
  return record.clientOrderId === clientOrderId;
}

async function isAccepted(clientOrderId: string): Promise<boolean> {
  const found = await b.send("GET", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: clientOrderId });
  return found.status === 200;
}

/** Resolves to the answer, to "broken" when the connection broke, or to "silent" when nothing came within the bound. */
function outcome(sent: Promise<Answer>, withinMs = 30_000): Promise<Answer | "broken" | "silent"> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<"silent">((resolve) => {
    timer = setTimeout(() => resolve("silent"), withinMs);
  });
  return Promise.race([sent.catch(() => "broken" as const), silence]).finally(() => clearTimeout(timer));
}

describe("what the client sees and what was true", () => {
  const table: readonly {
    readonly fault: FaultRequest;
    readonly sees: string | number;
    readonly accepted: boolean;
    readonly audit: readonly string[];
  }[] = [
    {
      fault: { fault: "drop-before-accept" },
      sees: "broken",
      accepted: false,
      audit: ["recv", "drop-before-accept", "ack-failed"],
    },
    {
      fault: { fault: "ack-lost" },
      sees: "broken",
      accepted: true,
      audit: ["recv", "accept", "ack-lost", "ack-failed"],
    },
    {
      fault: { fault: "ack-stall" },
      sees: "silent",
      accepted: true,
      audit: ["recv", "accept", "ack-stall", "ack-failed"],
    },
    {
      fault: { fault: "body-stall" },
      sees: "silent",
      accepted: true,
      audit: ["recv", "accept", "body-stall", "ack-failed"],
    },
    {
      fault: { fault: "truncated-json" },
      sees: 200,
      accepted: true,
      audit: ["recv", "accept", "truncated-json", "ack-failed"],
    },
    {
      fault: { fault: "http-error", status: 503 },
      sees: 503,
      accepted: false,
      audit: ["recv", "http-error", "ack-written"],
    },
    {
      fault: { fault: "http-error", point: "after-accept", status: 502 },
      sees: 502,
      accepted: true,
      audit: ["recv", "accept", "http-error", "ack-failed"],
    },
    {
      fault: { fault: "error-1000" },
      sees: 500,
      accepted: true,
      audit: ["recv", "accept", "error-1000", "ack-failed"],
    },
    { fault: { fault: "error-1001" }, sees: 503, accepted: false, audit: ["recv", "error-1001", "ack-written"] },
    {
      fault: { fault: "error-1006" },
      sees: 500,
      accepted: true,
      audit: ["recv", "accept", "error-1006", "ack-failed"],
    },
    {
      fault: { fault: "error-1007" },
      sees: 504,
      accepted: true,
      audit: ["recv", "accept", "error-1007", "ack-failed"],
    },
    {
      fault: { fault: "error-1007", point: "before-accept" },
      sees: 504,
      accepted: false,
      audit: ["recv", "error-1007", "ack-written"],
    },
    { fault: { fault: "error-1008" }, sees: 503, accepted: false, audit: ["recv", "error-1008", "ack-written"] },
    { fault: { fault: "error-1021" }, sees: 400, accepted: false, audit: ["recv", "error-1021", "ack-written"] },
    { fault: { fault: "403-html" }, sees: 403, accepted: false, audit: ["recv", "403-html", "ack-written"] },
    {
      fault: { fault: "429", retryAfterSeconds: 3 },
      sees: 429,
      accepted: false,
      audit: ["recv", "429", "throttled", "ack-written"],
    },
    {
      fault: { fault: "418", retryAfterSeconds: 9 },
      sees: 418,
      accepted: false,
      audit: ["recv", "418", "throttled", "ack-written"],
    },
  ];
  for (const { fault, sees, accepted, audit } of table) {
    test(`${fault.fault} ${fault.point ?? ""}: sees ${sees}, ${accepted ? "accepted" : "not accepted"}`, async () => {
      exchange.arm({ ...fault, count: 1 });
      const seen = await outcome(a.place("order-1"), sees === "silent" ? 400 : undefined);
      expect(typeof seen === "string" ? seen : seen.status).toBe(sees);
      expect(await isAccepted("order-1")).toBe(accepted);
      expect(trail("order-1").filter((type) => type !== "query")).toEqual(audit);
      expect((await a.place("order-2")).status).toBe(200);
    });
  }

  test("429 and 418 say when to come back, 403 is no JSON, and a cut answer is none either", async () => {
    for (const fault of ["429", "418"] as const) {
      exchange.arm({ fault, retryAfterSeconds: 7, count: 1 });
      expect((await a.place("waits")).headers["retry-after"]).toBe("7");
    }
    exchange.arm({ fault: "403-html", count: 1 });
    const blocked = await a.place("blocked");
    expect(() => JSON.parse(blocked.body)).toThrow("JSON");
    exchange.arm({ fault: "truncated-json", count: 1 });
    const cut = await a.place("cut");
    expect(() => JSON.parse(cut.body)).toThrow("JSON");
  });

  test("a late engine accepts after the client gave up, and a query in between finds nothing", async () => {
    let isFoundBetween: boolean | undefined;
    // Where this process was held up the question came after the acceptance and says nothing: once more, with more time.
    for (const delayMs of [500, 3_000, 15_000]) {
      const id = `late-${delayMs}`;
      exchange.arm({ fault: "accept-late", delayMs, count: 1 });
      const sent = a.place(id);
      const [heard, isFound] = [await outcome(sent, 150), await isAccepted(id)];
      expect((await sent).status).toBe(200);
      expect(await isAccepted(id)).toBe(true);
      expect(trail(id).filter((type) => type !== "query")).toEqual(["recv", "accept-late", "accept", "ack-written"]);
      if (trail(id).indexOf("query") > trail(id).indexOf("accept")) continue;
      expect(heard).toBe("silent");
      isFoundBetween = isFound;
      break;
    }
    expect(isFoundBetween).toBe(false);
  });

  test("a late engine refuses what is no longer valid when its turn comes", async () => {
    let told: readonly string[] = [];
    // One that took longer than its window to arrive is refused before its turn: once more, with more time.
    for (const windowMs of [200, 2_000, 10_000]) {
      const id = `expired-${windowMs}`;
      const fault = exchange.arm({ fault: "accept-late", delayMs: 2 * windowMs, count: 1 });
      const answer = await a.place(id, { recvWindow: `${windowMs}` });
      exchange.clearFaults(fault);
      expect([answer.status, JSON.parse(answer.body)]).toEqual([400, expect.objectContaining({ code: -1021 })]);
      expect(await isAccepted(id)).toBe(false);
      told = trail(id).filter((type) => type !== "query");
      if (told.includes("accept-late")) break;
    }
    expect(told).toEqual(["recv", "accept-late", "reject", "ack-written"]);
  });

  test("a body that stalls for a while arrives whole in the end", async () => {
    exchange.arm({ fault: "body-stall", delayMs: 200, count: 1 });
    const answer = await a.place("slow-body");
    expect(JSON.parse(answer.body)).toMatchObject({ clientOrderId: "slow-body" });
    expect(trail("slow-body")).toEqual(["recv", "accept", "body-stall", "ack-written"]);
  });

  test("questions can be down while orders pass, and a question that is one too many is in the log as well", async () => {
    exchange.arm({ fault: "http-error", point: "before-accept", status: 503, match: { call: "order.status" } });
    expect((await a.place("unseen")).status).toBe(200);
    const asked = { symbol: "BTCUSDT", origClientOrderId: "unseen" };
    expect((await a.send("GET", "/api/v3/order", asked)).status).toBe(503);
    exchange.clearFaults();
    exchange.arm({ fault: "429", retryAfterSeconds: 3, count: 1, match: { call: "order.status" } });
    expect((await a.send("GET", "/api/v3/order", asked)).status).toBe(429);
    expect(exchange.audit().find((one) => one.type === "throttled")).toMatchObject({
      ...{ apiKey: "a", call: "order.status", status: 429, retryAfterSeconds: 3 },
    });
    expect((await a.send("GET", "/api/v3/order", asked)).status).toBe(200);
  });

  test("a lagging venue answers an older state to every question", async () => {
    await a.place("before");
    exchange.arm({ fault: "query-lag", delayMs: 60_000 });
    expect(await isAccepted("before")).toBe(false);
    for (const path of ["openOrders", "allOrders", "myTrades"]) {
      expect(JSON.parse((await a.send("GET", `/api/v3/${path}`, { symbol: "BTCUSDT" })).body)).toEqual([]);
    }
    exchange.clearFaults();
    expect(await isAccepted("before")).toBe(true);
    const lagged = exchange.audit().find((one) => one.type === "query" && one.clientOrderId === "before");
    expect(lagged).toMatchObject({ found: false, lagMs: 60_000 });
  });

  test("a skewed clock refuses good requests with -1021 until it is put right", async () => {
    exchange.arm({ fault: "clock-skew", skewMs: 10_000 });
    expect(JSON.parse((await a.place("skewed")).body)).toMatchObject({ code: -1021 });
    exchange.clearFaults();
    expect((await a.place("right")).status).toBe(200);
  });
});

describe("whom a fault strikes", () => {
  test("one key of an account, and not the other", async () => {
    exchange.arm({ fault: "ack-lost", match: { apiKey: "a" } });
    expect(await outcome(a.place("of-a"))).toBe("broken");
    expect((await b.place("of-b")).status).toBe(200);
  });

  test("one call: a lost cancel leaves new orders alone", async () => {
    exchange.arm({ fault: "ack-lost", match: { call: "order.cancel" } });
    expect((await a.place("kept")).status).toBe(200);
    expect(await outcome(a.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "kept" }))).toBe(
      "broken",
    );
    expect(trail("kept")).toContain("cancel");
  });

  test("as often as it was told, then never again", async () => {
    exchange.arm({ fault: "error-1008", count: 2 });
    const statuses: number[] = [];
    for (let at = 0; at < 3; at += 1) statuses.push((await a.place(`times-${at}`)).status);
    expect(statuses).toEqual([503, 503, 200]);
  });

  test("with its probability, the same for the same seed", async () => {
    exchange.arm({ fault: "error-1008", probability: 0.5 });
    let struck = 0;
    for (let at = 0; at < 60; at += 1) if ((await a.place(`dice-${at}`)).status === 503) struck += 1;
    expect(struck).toBeGreaterThan(10);
    expect(struck).toBeLessThan(50);
  });

  test("a venue that hangs for one key stays up for the other and for the control paths", async () => {
    exchange.arm({ fault: "venue-down", mode: "hang", match: { apiKey: "a" } });
    expect(await outcome(a.place("hung"), 200)).toBe("silent");
    expect((await b.place("up")).status).toBe(200);
    const cleared = await fetch(`${exchange.url}/__faults`, { method: "DELETE" });
    expect(await cleared.json()).toEqual({ cleared: 1 });
    expect((await a.place("back")).status).toBe(200);
  });

  test("a venue that refuses has no open port until its time is over", async () => {
    exchange.arm({ fault: "venue-down", mode: "refuse", durationMs: 300 });
    await expect(a.place("refused")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const isBack = (): Promise<boolean> =>
      a.send("GET", "/api/v3/openOrders").then(
        () => true,
        () => false,
      );
    await expect.poll(isBack, { timeout: 8_000 }).toBe(true);
    expect(trail("refused")).toEqual([]);
  });
});

test("a fault that says nothing sensible is refused with the reason", async () => {
  const arm = async (fault: object): Promise<string> => {
    const answer = await fetch(`${exchange.url}/__faults`, { method: "POST", body: JSON.stringify(fault) });
    return `${answer.status} ${((await answer.json()) as { error: string }).error}`;
  };
  expect(await arm({ fault: "meteor" })).toContain('400 "fault" must be one of ');
  expect(await arm({ fault: "ack-lost", point: "before-accept" })).toBe('400 "ack-lost" can strike at after-accept');
  expect(await arm({ fault: "ack-lost", match: { colour: "red" } })).toContain('"match.colour"');
  expect(await arm({ fault: "accept-late" })).toContain('needs "delayMs"');
  expect(await arm({ fault: "venue-down", mode: "refuse" })).toContain('needs "durationMs"');
});
