/**
 * Engines that are known to be wrong, each in one habit, against the real simulated exchange under a real fault. The same
 * engine with the right habit passes the same scene; the wrong one must be convicted, and by the rule that names its fault.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { decimal, id } from "@baton/core";
import type { NodeId, OrderTerms } from "@baton/core";
import { check, readAudit, readJournal } from "@baton/drills";
import type { RuleName, Verdict } from "@baton/drills";
import { startExchange } from "@baton/exchange";
import { afterEach, describe, expect, test } from "vitest";
import { writeJournal } from "./journal-file.ts";
import { MiniEngine, miniTimes, rightHabits } from "./mini-engine.ts";
import type { Habits } from "./mini-engine.ts";

type Uniqueness = "open-only" | "forever" | "none";

/** What happens in a scene, once epoch 1 of node a trades. */
interface Scene {
  readonly fault?: Readonly<Record<string, unknown>>;
  act(engine: MiniEngine, venue: VenueLog): Promise<void>;
}

/** The exchange's own log, waited on: until it has written this of one of the client order ids. */
type VenueLog = (type: "recv" | "accept", clientOrderId: string | undefined) => Promise<void>;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function play(scene: Scene, habits: Habits, uniqueness: Uniqueness): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), "baton-known-bad-"));
  folders.push(folder);
  const auditFile = join(folder, "audit.jsonl");
  const keys = ["a", "b"].map((node) => ({ key: `${node}-key`, secret: `${node}-secret`, account: "demo" }));
  const exchange = await startExchange({ port: 0, auditFile, keys, seed: 7, uniqueness });
  const engine = new MiniEngine(exchange.url, habits);
  try {
    engine.lead("a");
    engine.place(order("buy"));
    await engine.settled();
    if (scene.fault !== undefined) await arm(exchange.url, scene.fault);
    await scene.act(engine, (type, clientOrderId) =>
      until(`${type} of ${clientOrderId}`, () =>
        exchange
          .audit()
          .some((one) => one.type === type && "clientOrderId" in one && one.clientOrderId === clientOrderId),
      ),
    );
    await engine.settle();
  } finally {
    await exchange.close();
  }
  const files = ["a", "b"].map((node) => join(folder, `${node}.db`));
  for (const [at, file] of files.entries()) writeJournal(file, at === 0 ? "a" : "b", engine.events);
  return check({
    audit: readAudit(auditFile),
    journals: files.map((file) => readJournal(file)),
    history: engine.history,
    account: "demo",
    nodeOfKey: { "a-key": id<NodeId>("a"), "b-key": id<NodeId>("b") },
    acknowledged: engine.acknowledged,
    times: { ...miniTimes, doubtBudgetMs: 0 },
    positionMax: { BTCUSDT: decimal("1") },
    endedWallMs: Date.now(),
  });
}

async function until(fact: string, holds: () => boolean): Promise<void> {
  for (const end = performance.now() + 50_000; !holds(); await delay(5))
    if (performance.now() > end) throw new Error(`waited in vain: ${fact}`);
}

async function arm(url: string, fault: Readonly<Record<string, unknown>>): Promise<void> {
  const answer = await fetch(`${url}/__faults`, { method: "POST", body: JSON.stringify(fault) });
  expect(answer.ok, await answer.text()).toBe(true);
}

/** Far through the market, so that it fills at once and its id is free again where ids are unique only while open. */
function order(side: "buy" | "sell"): Omit<OrderTerms, "venue"> {
  return {
    symbol: id("BTC/USDT"),
    side,
    type: "limit",
    quantity: decimal("0.01"),
    price: decimal(side === "buy" ? "66000" : "54000"),
    timeInForce: "IOC",
  };
}

const once = { match: { call: "order.place" }, count: 1 };

/** The venue accepts and the answer is lost. */
const answerLost: Scene = {
  fault: { fault: "ack-lost", ...once },
  async act(engine) {
    engine.place(order("sell"));
    await engine.settled();
    engine.place(order("buy"));
  },
};

/** The venue accepts later than the engine waits, within the signed window. */
const acceptedLate: Scene = {
  fault: { fault: "accept-late", delayMs: miniTimes.validityMs / 2, ...once },
  async act(engine, venue) {
    engine.place(order("buy"));
    const [first] = engine.attemptsOf(2);
    await venue("recv", first);
    engine.giveUpWaiting();
    await engine.settled();
    // The venue has its own pace: the answer to what it holds back is long given up.
    await venue("accept", first);
  },
};

/** The venue accepts and answers 502. */
const gatewayError: Scene = {
  fault: { fault: "http-error", point: "after-accept", status: 502, ...once },
  act(engine) {
    engine.place(order("buy"));
    return engine.settled();
  },
};

/** A takeover while an order waits in the old leader's queue for longer than its lease could have lasted. */
const longQueue: Scene = {
  async act(engine, venue) {
    const queue = Promise.withResolvers<void>();
    engine.place(order("buy"), queue.promise);
    engine.lead("b");
    engine.place(order("sell"));
    // The new leader issues it anew when it is proved absent, and no old lease lasts so long.
    await until("it is issued anew", () => engine.attemptsOf(2).length === 2);
    await venue("accept", engine.attemptsOf(2)[1]);
    queue.resolve();
    await engine.settled();
  },
};

/** A takeover while an accepted order has not been answered. */
const answerStalls: Scene = {
  fault: { fault: "ack-stall", ...once },
  async act(engine, venue) {
    engine.place(order("buy"));
    await venue("accept", engine.attemptsOf(2)[0]);
    engine.lead("b");
    engine.place(order("sell"));
    engine.giveUpWaiting();
  },
};

interface Case {
  readonly habit: Partial<Habits>;
  readonly scene: Scene;
  readonly uniqueness: Uniqueness;
  readonly convictedBy: readonly RuleName[];
}

const cases: readonly (readonly [string, Case])[] = [
  [
    "sends again when no answer came",
    {
      habit: { doubt: "send-again" },
      scene: answerLost,
      uniqueness: "open-only",
      convictedBy: ["accepted-once", "sent-once"],
    },
  ],
  [
    "sends again when no answer came, where ids are unique for ever",
    { habit: { doubt: "send-again" }, scene: answerLost, uniqueness: "forever", convictedBy: ["sent-once"] },
  ],
  [
    "takes not found for a proof at once",
    {
      habit: { doubt: "not-found-is-proof" },
      scene: acceptedLate,
      uniqueness: "forever",
      convictedBy: ["accepted-once"],
    },
  ],
  [
    "lets its HTTP client repeat after a 502",
    {
      habit: { transport: "retries" },
      scene: gatewayError,
      uniqueness: "none",
      convictedBy: ["accepted-once", "sent-once"],
    },
  ],
  [
    "checks its permit before the limiter instead of after it",
    {
      habit: { fence: "before-the-limiter" },
      scene: longQueue,
      uniqueness: "forever",
      convictedBy: ["accepted-once", "old-epoch-silent"],
    },
  ],
  [
    "puts the epoch into the client order id",
    {
      habit: { identity: "epoch-in-the-id" },
      scene: answerStalls,
      uniqueness: "forever",
      convictedBy: ["accepted-once"],
    },
  ],
];

describe.each(cases)("an engine that %s", (_what, { habit, scene, uniqueness, convictedBy }) => {
  test("is convicted", async () => {
    const verdict = await play(scene, { ...rightHabits, ...habit }, uniqueness);
    const rules = new Set(verdict.findings.map((finding) => finding.rule));
    expect([...rules]).toEqual(expect.arrayContaining([...convictedBy]));
    expect(verdict.verdict).toBe("fail");
    expect(verdict.orders.duplicates > 0).toBe(convictedBy.includes("accepted-once"));
  });

  test("passes the same scene with the right habit", async () => {
    const verdict = await play(scene, rightHabits, uniqueness);
    expect(verdict.findings).toEqual([]);
    expect(verdict).toMatchObject({ verdict: "pass", orders: { duplicates: 0, unexplained: 0 }, rpo: { lost: 0 } });
  });
});
