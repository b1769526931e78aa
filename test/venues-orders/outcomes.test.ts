import type { FaultRequest } from "@baton/exchange";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { btc, inMs, of, startRig, taking, until, type Rig } from "./rig.ts";

/** What the exchange was told to do, what we may say of it, and whether the order lives: the log knows. */
const faults: readonly [name: string, fault: FaultRequest, outcome: string, accepted: number][] = [
  ["dropped before it was accepted", { fault: "drop-before-accept" }, "in-doubt", 0],
  ["accepted, and the answer lost", { fault: "ack-lost" }, "in-doubt", 1],
  ["accepted, and no answer", { fault: "ack-stall" }, "in-doubt", 1],
  ["accepted, and a stalled body", { fault: "body-stall" }, "in-doubt", 1],
  ["accepted, and a truncated body", { fault: "truncated-json" }, "in-doubt", 1],
  ["503 without acceptance", { fault: "http-error", point: "before-accept", status: 503 }, "in-doubt", 0],
  ["503 after acceptance", { fault: "http-error", point: "after-accept", status: 503 }, "in-doubt", 1],
  ["-1001", { fault: "error-1001" }, "in-doubt", 0],
  ["-1006 after acceptance", { fault: "error-1006" }, "in-doubt", 1],
  ["-1007 after acceptance", { fault: "error-1007" }, "in-doubt", 1],
  ["-1007 without acceptance", { fault: "error-1007", point: "before-accept" }, "in-doubt", 0],
  ["-1008", { fault: "error-1008" }, "in-doubt", 0],
  ["a firewall's page", { fault: "403-html", match: { call: "order.place" } }, "in-doubt", 0],
  ["-1021", { fault: "error-1021" }, "rejected", 0],
];

/** Where no answer comes, our own deadline ends the wait: long enough for an order to leave on a machine that is held up. */
const deadlineMs = 1_500;
/** The faults after which nothing comes any more, not even the end of the connection. */
const isSilent = ({ fault }: FaultRequest): boolean => fault === "ack-stall" || fault === "body-stall";

describe("what the venue did, and what is said of it", () => {
  let patient: Rig;
  let hasty: Rig;
  beforeAll(async () => {
    [patient, hasty] = [await startRig(), await startRig({ venue: { deadlineMs } })];
  });
  afterAll(() => Promise.all([patient, hasty].map((rig) => rig[Symbol.asyncDispose]())));

  it.each(faults)("%s", async (name, fault, outcome, accepted) => {
    const rig = isSilent(fault) ? hasty : patient;
    const clientOrderId = `case-${name.replace(/[^a-z0-9]+/gi, "-").slice(0, 30)}`;
    await until("the breaker is closed", () => rig.venue.breaker() === "closed");
    rig.fault({ match: { call: "order.place" }, ...fault, count: 1 });
    expect((await rig.place(clientOrderId)).kind).toBe(outcome);
    const audit = rig.audit();
    expect(of(audit, "recv", clientOrderId).length).toBe(1); // sent once, whatever happened
    expect(of(audit, "accept", clientOrderId).length).toBe(accepted);
    const found = await rig.venue.query(btc, clientOrderId);
    expect(found.kind).toBe(accepted === 1 ? "found" : "not-found");
  });
});

it("an acceptance after our deadline is in doubt first, not found then, found in the end, and handed over late", async () => {
  await using rig = await startRig({ venue: { deadlineMs } });
  rig.fault({ fault: "accept-late", delayMs: 2 * deadlineMs, count: 1 });
  expect((await rig.place("late")).kind).toBe("in-doubt");
  expect(await rig.venue.query(btc, "late")).toEqual({ kind: "not-found" });
  await until("the late answer", () => rig.late.length === 1);
  expect(rig.late[0]).toMatchObject(["late", { kind: "accepted" }]);
  expect(await rig.venue.query(btc, "late")).toMatchObject({ kind: "found", order: { status: "open" } });
});

it("an order that reaches the engine after its signed window is refused there, and the window is the permit's", async () => {
  await using rig = await startRig({ venue: { deadlineMs } });
  const windowMs = 2 * deadlineMs;
  rig.permits.deadlineMonoMs = inMs(windowMs);
  rig.fault({ fault: "accept-late", delayMs: windowMs + 500, count: 1 });
  expect((await rig.place("fenced")).kind).toBe("in-doubt");
  await until("the late refusal", () => rig.late.length === 1);
  expect(rig.late[0]).toMatchObject(["fenced", { kind: "rejected", code: "-1021" }]);
  const audit = rig.audit();
  expect(of(audit, "accept", "fenced")).toEqual([]);
  const [recv] = of(audit, "recv", "fenced");
  expect(recv).toHaveProperty("recvWindow");
  expect((recv as { readonly recvWindow: number }).recvWindow).toBeLessThanOrEqual(windowMs);
});

it("no request arrives inside Retry-After", async () => {
  await using rig = await startRig();
  rig.fault({ fault: "429", retryAfterSeconds: 1, count: 1, match: { call: "order.place" } });
  expect(await rig.place("throttled")).toMatchObject({ kind: "rejected" });
  expect((await rig.place("next")).kind).toBe("accepted");
  await rig.venue.openOrders();
  const audit = rig.audit();
  const [refused] = of(audit, "recv", "throttled");
  const later = audit.filter((record) => "apiKey" in record && record.type === "recv" && record.n > refused!.n);
  expect(later.length).toBeGreaterThan(0);
  expect(later.filter((record) => record.monoMs < refused!.monoMs + 990)).toEqual([]);
});

it("a venue that refuses connections has received nothing", async () => {
  await using rig = await startRig();
  // Cleared when it was seen: what comes back by itself would come back unseen on a machine that is held up.
  const comesBack = rig.fault({ fault: "venue-down", mode: "refuse", durationMs: 600_000 });
  const terms = {
    venue: rig.venue.id,
    symbol: btc,
    side: "buy",
    type: "market",
    quantity: "0.01",
    timeInForce: "IOC",
  } as const;
  const order = { clientOrderId: "refused", terms: terms as never, expiresAtMonoMs: inMs(60_000) };
  await until("not sent", async () => (await rig.venue.place(order, rig.permits.permit())).kind === "not-sent");
  comesBack();
  await until("the venue is back", () => rig.venue.reach().catch(() => false));
  expect(of(rig.audit(), "accept", "refused")).toEqual([]);
});

describe("a second order under the same client id", () => {
  it("while the first is open is a duplicate, and the first one lives", async () => {
    await using rig = await startRig();
    expect((await rig.place("twice")).kind).toBe("accepted");
    expect((await rig.place("twice")).kind).toBe("duplicate");
    expect(of(rig.audit(), "accept", "twice").length).toBe(1);
  });

  it.each([
    ["open-only", "accepted", 2],
    ["forever", "duplicate", 1],
    ["none", "accepted", 2],
  ] as const)(
    "after the first was filled, under the rule %s, is %s: why placing is never repeated",
    async (uniqueness, kind, accepts) => {
      await using rig = await startRig({ uniqueness });
      expect(await rig.place("again", taking)).toMatchObject({ kind: "accepted", order: { status: "filled" } });
      expect((await rig.place("again", taking)).kind).toBe(kind);
      expect(of(rig.audit(), "accept", "again").length).toBe(accepts);
    },
  );
});

it("cancels an open order, and knows a filled one from a cancelled one", async () => {
  await using rig = await startRig();
  await rig.place("open");
  await rig.place("filled", taking);
  const cancel = (clientOrderId: string): ReturnType<typeof rig.venue.cancel> =>
    rig.venue.cancel({ clientOrderId, symbol: btc }, rig.permits.permit());
  expect(await cancel("open")).toMatchObject({
    kind: "cancelled",
    order: { status: "cancelled", clientOrderId: "open" },
  });
  expect((await cancel("filled")).kind).toBe("unknown-order");
  // Carried out, but the answer was lost: the second try finds it done.
  await rig.place("lost");
  rig.fault({ fault: "ack-lost", count: 1, match: { call: "order.cancel" } });
  expect(await cancel("lost")).toMatchObject({ kind: "cancelled", order: { clientOrderId: "lost" } });
});

it("every post-only, fill-or-kill and immediate order is one the venue understands", async () => {
  await using rig = await startRig();
  for (const timeInForce of ["GTC", "GTX", "IOC", "FOK"] as const) {
    expect((await rig.place(`tif-${timeInForce}`, { timeInForce })).kind).toBe("accepted");
  }
});

it("under random faults no word is untrue: accepted lives, rejected and not sent do not, and nothing is sent twice", async () => {
  await using rig = await startRig({ venue: { deadlineMs: 400 } });
  const chances: readonly FaultRequest[] = [
    { fault: "drop-before-accept", probability: 0.15 },
    { fault: "ack-lost", probability: 0.15 },
    { fault: "http-error", point: "after-accept", status: 502, probability: 0.1 },
    { fault: "body-stall", probability: 0.1 },
    { fault: "truncated-json", probability: 0.1 },
    { fault: "accept-late", delayMs: 800, probability: 0.15 },
  ];
  for (const fault of chances) rig.fault({ ...fault, match: { call: "order.place", side: "BUY" } });
  rig.fault({ fault: "error-1021", probability: 0.3, match: { call: "order.place", side: "SELL" } });
  const outcomes = new Map<string, string>();
  for (let round = 0; round < 9; round += 1) {
    await until("the breaker is closed", () => rig.venue.breaker() === "closed");
    const ids = Array.from({ length: 10 }, (_, order) => `r${round}-${order}`);
    const told = await Promise.all(
      ids.map((clientOrderId, order) => rig.place(clientOrderId, order % 3 === 0 ? { ...taking, side: "sell" } : {})),
    );
    for (const [index, clientOrderId] of ids.entries()) outcomes.set(clientOrderId, told[index]!.kind);
  }
  await until("late ones are over", async () => (await rig.venue.openOrders()).length >= 0 && rig.late.length > 0);
  const audit = rig.audit();
  const truth = (clientOrderId: string): { readonly received: number; readonly accepted: number } => ({
    received: of(audit, "recv", clientOrderId).length,
    accepted: of(audit, "accept", clientOrderId).length,
  });
  const untrue = [...outcomes].filter(([clientOrderId, kind]) => {
    const { received, accepted } = truth(clientOrderId);
    if (received > 1 || accepted > 1) return true;
    if (kind === "accepted") return accepted !== 1;
    if (kind === "rejected") return accepted !== 0;
    return kind === "not-sent" ? received !== 0 : false;
  });
  expect(untrue).toEqual([]);
  const kinds = new Set(outcomes.values());
  expect(kinds).toContain("accepted");
  expect(kinds).toContain("in-doubt");
  expect(kinds).toContain("rejected");
  // What was handed over late is as true as what came in time.
  for (const [clientOrderId, outcome] of rig.late) {
    expect([clientOrderId, outcome.kind === "accepted"]).toEqual([clientOrderId, truth(clientOrderId).accepted === 1]);
  }
});
