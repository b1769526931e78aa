import { randomUUID } from "node:crypto";
import { apiRoutes, applyEvent, decimal, emptyState, refused, requestKeyOf } from "@baton/core";
import type { IntentId, KeyRow, OrderEvent, OrderRow, ParentRow, Sequence, Touched } from "@baton/core";
import { describe, expect, test } from "vitest";
import { DeskRig, rigConfig } from "../testing/desk-rig.ts";
import { stampNow } from "../testing/scripted-venue.ts";
import { orderRoutes } from "./order-routes.ts";
import type { Answer } from "./server.ts";
import { onVirtualTime, pass } from "../testing/virtual-time.ts";

onVirtualTime();

const order = { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "1", price: "100" };

function isAsked(past: OrderRow, which: Parameters<Parameters<typeof orderRoutes>[0]["pastOrders"]>[0]): boolean {
  return "intent" in which ? past.id === which.intent : past.sequence > which.after;
}

/** The routes over a desk that leads, with its journal in memory. */
class Routes {
  readonly rig = new DeskRig().lead(1);
  /** Orders that a test took out of the state by hand: the journal has them. */
  forgotten: readonly OrderRow[] = [];
  /** Events that are committed while the journal is read. */
  later: readonly OrderEvent[] = [];
  readonly #routes = orderRoutes({
    config: rigConfig(),
    desk: () => this.rig.desk,
    committed: () => this.rig.ledger.committed,
    whenCommitted: (sequence) => this.rig.ledger.whenCommitted(sequence),
    balances: () => Promise.resolve([]),
    epochAt: (sequence) => Promise.resolve(this.rig.journal.frames.find((frame) => frame.last >= sequence)?.epoch),
    pastOrders: (which) =>
      Promise.resolve([...this.#pastOrders(), ...this.forgotten].filter((past) => isAsked(past, which))),
    pastParent: (parent) => Promise.resolve(this.#pastParents().find((past) => past.id === parent)),
    pastKey: (key, applied) => this.lookUp(key, applied),
    eventsOf: (intents) =>
      Promise.resolve(
        new Map<IntentId, readonly OrderEvent[]>(
          intents.map((intent) => [
            intent,
            this.rig.journal.events
              .map((event, at) => ({ ...event, sequence: at + 1 }))
              .concat(this.later)
              .filter((event) => "intent" in event && event.intent === intent),
          ]),
        ),
      ),
  });

  /** Looks where a journal's tables would hold keys that left the state. */
  lookUp = (key: string, applied: Sequence): Promise<KeyRow | undefined> => {
    const past = this.#touched().flatMap(({ pastKey }) => pastKey ?? []);
    return Promise.resolve(past.find((row) => requestKeyOf(row) === key && row.sequence <= applied));
  };

  #pastParents(): readonly ParentRow[] {
    return this.#touched().flatMap(({ pastParent }) => pastParent ?? []);
  }

  /** What a journal's tables would hold of orders that left the state. */
  #pastOrders(): readonly OrderRow[] {
    return this.#touched().flatMap(({ past }) => past ?? []);
  }

  #touched(): readonly Touched[] {
    const state = emptyState();
    return this.rig.journal.events.flatMap((event, at) => {
      state.engine = { ...state.engine, kept: this.rig.ledger.committed.engine.kept };
      return applyEvent(state, at + 1, event);
    });
  }

  ask(
    name:
      "placeOrder" | "orders" | "order" | "cancelOrder" | "replaceOrder" | "directOrder" | "resolveOrder" | "positions",
    o: {
      readonly body?: unknown;
      readonly key?: string;
      readonly id?: string;
      readonly query?: Record<string, string>;
    } = {},
  ): Promise<Answer> {
    const { method, path } = apiRoutes[name];
    const route = this.#routes.find((each) => each.method === method && each.path === path);
    if (route === undefined) throw new Error(`${name} is not served`);
    const answered = route.handle({
      params: { id: o.id ?? "" },
      query: o.query ?? {},
      body: o.body,
      idempotencyKey: o.key,
      lastEventId: undefined,
      principal: { name: "t", role: "trader" },
    });
    return Promise.resolve(answered).then((answer) => {
      if ("stream" in answer) throw new Error(`${name} does not stream`);
      return answer;
    });
  }
}

async function leading(): Promise<Routes> {
  const routes = new Routes();
  await pass(50);
  return routes;
}

/** The answer once virtual time has gone on. */
async function settled(asked: Promise<Answer>, ms = 50): Promise<Answer> {
  await pass(ms);
  return await asked;
}

describe("placing", () => {
  test("is answered when the record is committed, and not before", async () => {
    const served = await leading();
    served.rig.isCommitting = false;
    let answer: Answer | undefined;
    void served.ask("placeOrder", { body: order }).then((given) => (answer = given));
    await pass(500);
    expect(answer).toBeUndefined();
    served.rig.commit();
    await pass(1);
    expect(answer).toMatchObject({ status: 202, body: { intentId: "i-1", epoch: 1 } });
  });

  test("that is not durable in time is unknown, and the key gives the answer later", async () => {
    const routes = await leading();
    routes.rig.isCommitting = false;
    const key = randomUUID();
    const late = await settled(routes.ask("placeOrder", { body: order, key }), 2_100);
    expect(late).toMatchObject({ status: 503, body: { code: "unknown" } });
    routes.rig.commit();
    const again = await settled(routes.ask("placeOrder", { body: order, key }));
    expect(again).toMatchObject({ status: 202, body: { intentId: "i-1" } });
  });

  test("or changing without a key, not durable in time, is told to look before it repeats: a second order would be another one", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order, key: "k-1" }));
    routes.rig.isCommitting = false;
    const asked = [
      routes.ask("placeOrder", { body: order, key: "k-2" }),
      routes.ask("placeOrder", { body: order }),
      routes.ask("cancelOrder", { id: "i-1" }),
      routes.ask("cancelOrder", { id: "i-2", key: "k-3" }),
    ];
    await pass(2_100);
    const said = (await Promise.all(asked)).map(({ status, body }) => [status, (body as { detail: string }).detail]);
    expect(said).toEqual([
      [503, expect.stringContaining("repeat with the same key")],
      [503, expect.stringContaining("look for it first (GET /v1/orders?all=1)")],
      [503, expect.stringContaining("look at it before you repeat it (GET /v1/orders/i-1)")],
      [503, expect.stringContaining("repeat with the same key")],
    ]);
  });

  test("whose leader stops before the commit is unknown", async () => {
    const routes = await leading();
    routes.rig.isCommitting = false;
    const asked = routes.ask("placeOrder", { body: order });
    await pass(1);
    routes.rig.ledger.abandonWaiters("this node no longer leads");
    const answer = await settled(asked);
    expect(answer).toMatchObject({ status: 503, body: { code: "unknown" } });
  });

  test("is 503 refused where it passes by itself for want of a leader, and 422 with the code of risk", async () => {
    const routes = await leading();
    routes.rig.noRisk = refused("no-leader");
    expect(await routes.ask("placeOrder", { body: order })).toMatchObject({ status: 503, body: { code: "refused" } });
    routes.rig.noRisk = refused("durability");
    expect(await routes.ask("placeOrder", { body: order })).toMatchObject({
      status: 422,
      body: { code: "durability" },
    });
    routes.rig.noRisk = undefined;
    const large = { ...order, quantity: "11" };
    expect(await routes.ask("placeOrder", { body: large })).toMatchObject({
      status: 422,
      body: { code: "order-size" },
    });
    routes.rig.desk.end();
    expect(await routes.ask("placeOrder", { body: order })).toMatchObject({ status: 503, body: { code: "refused" } });
  });

  test("is 503 refused with the time to ask again where too much waits to be sent, and the key stays free", async () => {
    const routes = await leading();
    routes.rig.isCommitting = false;
    routes.rig.order({ quantity: decimal("0.1") });
    await pass(500);
    const asked = { body: { ...order, quantity: "0.1" }, key: "k-1" };
    const before = routes.rig.journal.events.length;
    const said = { code: "refused", detail: expect.stringContaining("waiting 1, oldestMs 500"), retryAfterMs: 500 };
    expect(await routes.ask("placeOrder", asked)).toMatchObject({ status: 503, body: said });
    expect(routes.rig.journal.events).toHaveLength(before);
    routes.rig.isCommitting = true;
    routes.rig.commit();
    // What is committed leaves in turns; who was told to wait asks after the time that was said.
    await pass(500);
    expect((await settled(routes.ask("placeOrder", asked))).status).toBe(202);
  });

  test.each([[""], ["with space"], ["ü"], ["x".repeat(129)]])("refuses the key %j", async (key) => {
    const routes = await leading();
    const answer = await routes.ask("placeOrder", { body: order, key });
    expect(answer).toMatchObject({ status: 422, body: { field: "Idempotency-Key" } });
  });

  test("a repetition gets the same answer from a later leader, for a parent order too", async () => {
    const routes = await leading();
    const parent = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "1", slices: 1, durationMs: 1_000 };
    const asks = [
      { body: order, key: "k-1" },
      { body: parent, key: "k-2" },
    ];
    const first = [];
    for (const ask of asks) first.push(await settled(routes.ask("placeOrder", ask)));
    routes.rig.lead(2);
    await pass(50);
    const again = [];
    for (const ask of asks) again.push(await settled(routes.ask("placeOrder", ask)));
    expect(again).toEqual(first);
    expect(again).toMatchObject([{ body: { intentId: "i-1", epoch: 1 } }, { body: { parentId: "p-1", epoch: 1 } }]);
  });

  describe("whose key has left the state", () => {
    const twap = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "4", slices: 4, durationMs: 4_000 };

    /** Asks for an order, for a parent and for a cancel, each with a key, and for so much more that these keys have left. */
    async function usedLongAgo(): Promise<Routes> {
      const routes = await leading();
      for (const state of [routes.rig.ledger.committed, routes.rig.ledger.speculative])
        state.engine = { ...state.engine, kept: { ...state.engine.kept, keys: 1, forMs: 0 } };
      await settled(routes.ask("placeOrder", { body: order, key: "k-order" }));
      await settled(routes.ask("placeOrder", { body: twap, key: "k-parent" }));
      await settled(routes.ask("cancelOrder", { id: "i-1", key: "k-cancel" }), 200);
      await settled(routes.ask("placeOrder", { body: order, key: "k-more" }));
      await settled(routes.ask("placeOrder", { body: order, key: "k-last" }));
      expect([...routes.rig.ledger.committed.keys.keys()]).toEqual(["t|k-last"]);
      return routes;
    }

    /** How many requests with a key have done something. */
    const counted = (routes: Routes): number =>
      routes.rig.journal.events.filter((event) => "request" in event && event.request !== undefined).length;

    test("a repetition gets the first answer and does nothing, and another request is refused", async () => {
      const routes = await usedLongAgo();
      const before = counted(routes);
      const again = { body: order, key: "k-order" };
      expect(await settled(routes.ask("placeOrder", again))).toMatchObject({ status: 202, body: { intentId: "i-1" } });
      expect(await settled(routes.ask("placeOrder", { body: twap, key: "k-parent" }))).toMatchObject({
        body: { parentId: "p-1" },
      });
      expect(await settled(routes.ask("cancelOrder", { id: "i-1", key: "k-cancel" }))).toMatchObject({ status: 202 });
      for (const key of ["k-parent", "k-cancel"])
        expect(await settled(routes.ask("placeOrder", { body: order, key }))).toMatchObject({
          status: 422,
          body: { code: "key-reused" },
        });
      expect(counted(routes)).toBe(before);
    });

    test("two that come at once with a key that was never used make one order", async () => {
      const routes = await usedLongAgo();
      const before = counted(routes);
      const both = [1, 2].map(() => routes.ask("placeOrder", { body: order, key: "k-new" }));
      await pass(50);
      const [first, second] = await Promise.all(both);
      expect(first?.status).toBe(202);
      expect(second).toEqual(first);
      expect(counted(routes)).toBe(before + 1);
    });

    test("what was recorded and has left again while the journal was read is looked for once more", async () => {
      const routes = await usedLongAgo();
      const { lookUp } = routes;
      let first: Answer | undefined;
      routes.lookUp = async (key, applied) => {
        routes.lookUp = lookUp;
        const found = await lookUp(key, applied);
        first = await settled(routes.ask("placeOrder", { body: order, key: "k-new" }));
        for (const more of ["k-8", "k-9"]) await settled(routes.ask("placeOrder", { body: order, key: more }));
        return found;
      };
      const before = counted(routes);
      const late = await settled(routes.ask("placeOrder", { body: order, key: "k-new" }), 500);
      expect(first?.status).toBe(202);
      expect(late).toEqual(first);
      expect(counted(routes)).toBe(before + 3);
    });

    test("a journal that does not say in time is not waited for: the price of an order is old by then", async () => {
      const routes = await usedLongAgo();
      const before = counted(routes);
      let answer: (row: undefined) => void = () => undefined;
      routes.lookUp = () => new Promise((resolve) => (answer = resolve));
      const late = await settled(routes.ask("placeOrder", { body: order, key: "k-new" }), 1_100);
      expect(late).toMatchObject({ status: 503, body: { code: "refused" } });
      answer(undefined);
      await pass(50);
      expect(counted(routes)).toBe(before);
    });

    test("nothing is recorded while the journal cannot say whether it was used", async () => {
      const routes = await usedLongAgo();
      const before = counted(routes);
      routes.lookUp = () => Promise.reject(new Error("the disk does not answer"));
      for (const key of ["k-order", "k-new"])
        expect(await settled(routes.ask("placeOrder", { body: order, key }))).toMatchObject({
          status: 503,
          body: { code: "refused", detail: expect.stringContaining("the disk does not answer") },
        });
      // The latest keys are known without it.
      expect((await settled(routes.ask("placeOrder", { body: order, key: "k-last" }))).status).toBe(202);
      expect(counted(routes)).toBe(before);
    });
  });

  test("a repetition gets the same answer after its order has left the tables", async () => {
    const routes = await leading();
    const { rig } = routes;
    for (const state of [rig.ledger.committed, rig.ledger.speculative])
      state.engine = { ...state.engine, kept: { ...state.engine.kept, orders: 1, forMs: 0 } };
    const first = await settled(routes.ask("placeOrder", { body: order, key: "k-1" }));
    for (let at = 0; at < 4; at += 1) {
      const { body } = await settled(routes.ask("placeOrder", { body: order, key: `k-more-${at}` }));
      await settled(routes.ask("cancelOrder", { id: (body as { intentId: string }).intentId }), 200);
    }
    await settled(routes.ask("cancelOrder", { id: "i-1" }), 200);
    for (let at = 0; at < 3; at += 1) {
      const { body } = await settled(routes.ask("placeOrder", { body: order, key: `k-last-${at}` }));
      await settled(routes.ask("cancelOrder", { id: (body as { intentId: string }).intentId }), 200);
    }
    expect(rig.ledger.committed.orders.has("i-1" as IntentId)).toBe(false);
    expect(await settled(routes.ask("placeOrder", { body: order, key: "k-1" }))).toEqual(first);
    // It is still shown and listed, once, and cannot be taken back a second time.
    expect(await routes.ask("order", { id: "i-1" })).toMatchObject({ status: 200, body: { id: "i-1" } });
    const listed: string[] = [];
    for (let after: number | null = 0; after !== null;) {
      const { body } = await routes.ask("orders", { query: { all: "1", after: `${after}`, limit: "3" } });
      const page = body as { orders: { id: string }[]; next: number | null };
      listed.push(...page.orders.map((each) => each.id));
      after = page.next;
    }
    expect(listed).toEqual(["i-1", "i-2", "i-3", "i-4", "i-5", "i-6", "i-7", "i-8"]);
    expect(await routes.ask("cancelOrder", { id: "i-1" })).toMatchObject({ status: 409 });
    expect(await routes.ask("cancelOrder", { id: "i-99" })).toMatchObject({ status: 404 });
  });
});

describe("reading and taking back", () => {
  test("pages lead from one to the next and end", async () => {
    const routes = await leading();
    for (let at = 0; at < 5; at += 1) await settled(routes.ask("placeOrder", { body: order }));
    const seen: string[] = [];
    let after = "0";
    for (let page = 0; page < 9 && after !== ""; page += 1) {
      const { body } = await routes.ask("orders", { query: { after, limit: "2" } });
      const { orders, next } = body as { orders: { id: string }[]; next: number | null };
      seen.push(...orders.map(({ id }) => id));
      after = next === null ? "" : `${next}`;
    }
    expect(seen).toEqual(["i-1", "i-2", "i-3", "i-4", "i-5"]);
    expect(await routes.ask("orders", { query: { limit: "0" } })).toMatchObject({
      status: 400,
      body: { field: "limit" },
    });
    expect(await routes.ask("orders", { query: { after: "x" } })).toMatchObject({
      status: 400,
      body: { field: "after" },
    });
  });

  test("an order shows its life; one that is not there is 404; one that has ended is 409 to take back", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order }));
    const cancelled = await settled(routes.ask("cancelOrder", { id: "i-1" }), 200);
    expect(cancelled).toMatchObject({ status: 202, body: { id: "i-1" } });
    const { body } = await routes.ask("order", { id: "i-1" });
    const { events } = body as { events: { kind: string }[] };
    expect(events.map(({ kind }) => kind)).toEqual([
      "intent.recorded",
      "attempt.answered",
      "cancel.requested",
      "order.updated",
    ]);
    expect(body).toMatchObject({ status: "cancelled", outcome: "accepted", epoch: 1, sentBy: "a" });
    expect(await routes.ask("order", { id: "i-9" })).toMatchObject({ status: 404 });
    expect(await routes.ask("cancelOrder", { id: "i-9" })).toMatchObject({ status: 404 });
    expect(await routes.ask("cancelOrder", { id: "i-1" })).toMatchObject({ status: 409, body: { code: "conflict" } });
  });

  test("an order and its events are of one moment, though the journal has more when it is read", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order }));
    const { applied } = routes.rig.ledger.committed;
    routes.later = [
      { kind: "cancel.requested", intent: "i-1" as IntentId, by: "t", sequence: applied + 1 } as OrderEvent,
    ];
    const kinds = (shown: unknown): readonly string[] =>
      (shown as { events: { kind: string }[] }).events.map(({ kind }) => kind);
    const { body: shown } = await routes.ask("order", { id: "i-1" });
    expect(kinds(shown)).toEqual(["intent.recorded", "attempt.answered"]);
    const { body: listed } = await routes.ask("orders");
    expect((listed as { orders: readonly unknown[] }).orders.map(kinds)).toEqual([kinds(shown)]);
  });

  test("a cancel under an id is done once: the same again is answered as the first, also when the order has ended", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order }));
    await settled(routes.ask("placeOrder", { body: order }));
    const wish = { id: "i-1", key: "op-1" };
    expect((await settled(routes.ask("cancelOrder", wish), 200)).status).toBe(202);
    expect(await settled(routes.ask("cancelOrder", wish))).toMatchObject({
      status: 202,
      body: { status: "cancelled" },
    });
    // Who comes with an id of their own is told that there is nothing left to do.
    expect((await settled(routes.ask("cancelOrder", { ...wish, key: "op-2" }))).status).toBe(409);
    expect(await settled(routes.ask("cancelOrder", { id: "i-2", key: "op-1" }))).toMatchObject({
      status: 422,
      body: { code: "key-reused" },
    });
    expect((await settled(routes.ask("cancelOrder", { id: "i-2", key: "two words" }))).status).toBe(422);
    const kinds = routes.rig.journal.events.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "cancel.requested" || kind === "operation.noted")).toEqual([
      "cancel.requested",
      "operation.noted",
    ]);
    expect(routes.rig.row("i-2" as IntentId).status).toBe("new");
  });

  test("a later leader knows what was done under an id, for an order and for a parent", async () => {
    const routes = await leading();
    const twap = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "4", slices: 4, durationMs: 4_000 };
    await settled(routes.ask("placeOrder", { body: twap }));
    expect((await settled(routes.ask("cancelOrder", { id: "p-1", key: "op-1" }), 500)).status).toBe(202);
    const { journal, venue, desk } = routes.rig;
    desk.end();
    const before = journal.events.length;
    const next = new DeskRig({ journal, venue, node: "b" }).lead(2);
    await pass(500);
    expect(next.desk.cancel("p-1", "t", undefined, { key: "op-1" })).toMatchObject({ kind: "repeated" });
    expect(next.desk.cancel("p-1", "t", undefined, { key: "op-9" })).toMatchObject({ kind: "ended" });
    // Ids belong to who gave them.
    expect(next.desk.cancel("p-1", "u", undefined, { key: "op-1" })).toMatchObject({ kind: "ended" });
    expect(journal.events.slice(before).some(({ kind }) => kind === "operation.noted")).toBe(false);
  });

  test("an order is replaced under an id once, and shows what came in its place", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order }));
    const wish = { id: "i-1", key: "op-1", body: { price: "99", quantity: "3", reason: "the market fell" } };
    expect(await settled(routes.ask("replaceOrder", wish), 200)).toMatchObject({ status: 202, body: { id: "i-1" } });
    expect(await settled(routes.ask("replaceOrder", wish))).toMatchObject({
      status: 202,
      body: {
        status: "cancelled",
        replace: { quantity: "3", price: "99", by: "t", status: "replaced", successor: "i-2", detail: null },
      },
    });
    expect(await routes.ask("order", { id: "i-2" })).toMatchObject({
      body: { replaces: "i-1", status: "new", terms: { quantity: "3", price: "99" } },
    });
    expect(routes.rig.venue.placed).toHaveLength(2);
    const replace = (o: Parameters<Routes["ask"]>[1]): Promise<Answer> => settled(routes.ask("replaceOrder", o));
    const { body } = wish;
    expect(await replace({ ...wish, body: { price: "98" } })).toMatchObject({ body: { code: "key-reused" } });
    expect(await replace({ id: "i-1", body })).toMatchObject({ status: 409, body: { code: "conflict" } });
    expect(await replace({ id: "i-9", body })).toMatchObject({ status: 404 });
    expect(await replace({ id: "i-2", body: {} })).toMatchObject({ status: 422, body: { field: "price" } });
    expect(await replace({ id: "p-1", body })).toMatchObject({ status: 422, body: { field: "id" } });
    expect(await replace({ id: "i-2", body: { price: "99.3" } })).toMatchObject({ body: { code: "tick-size" } });
    expect(await replace({ id: "i-2", body: { price: "99" } })).toMatchObject({ body: { code: "amend-malformed" } });
    expect(await replace({ id: "i-2", key: "two words", body })).toMatchObject({ status: 422 });
    expect(routes.rig.row("i-2" as IntentId).status).toBe("new");
  });

  test("why an order is wanted and taken back stands with it; a reason that is none is refused, and nothing is recorded", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: { ...order, reason: " rebalance " } }));
    expect(await routes.ask("cancelOrder", { id: "i-1", query: { reason: " " } })).toMatchObject({
      status: 400,
      body: { field: "reason", detail: "reason must say why" },
    });
    await settled(routes.ask("cancelOrder", { id: "i-1", query: { reason: "wrong side" } }), 200);
    const { body } = await routes.ask("order", { id: "i-1" });
    const { events } = body as { events: { kind: string; reason?: string }[] };
    expect(events.flatMap(({ kind, reason }) => (reason === undefined ? [] : [`${kind}: ${reason}`]))).toEqual([
      "intent.recorded: rebalance",
      "cancel.requested: wrong side",
    ]);
  });

  test("a parent is paused, amended and resumed, and shows it; what it does not have is refused with the code", async () => {
    const routes = await leading();
    const iceberg = { algo: "iceberg", symbol: "BTC/USDT", side: "buy", quantity: "4", display: "1", limitPrice: "99" };
    expect(await settled(routes.ask("placeOrder", { body: iceberg }))).toMatchObject({ body: { parentId: "p-1" } });
    const direct = (body: unknown, id = "p-1"): Promise<Answer> =>
      settled(routes.ask("directOrder", { id, body }), 300);
    expect(await direct({ what: "pause" })).toMatchObject({ status: 202, body: { status: "paused" } });
    expect(await direct({ what: "amend", change: { limitPrice: "98.5", quantity: "3" } })).toMatchObject({
      status: 202,
      body: { algorithm: { limitPrice: "98.5", quantity: "3" } },
    });
    expect(await direct({ what: "resume" })).toMatchObject({ status: 202, body: { status: "running" } });
    const shown = await routes.ask("order", { id: "p-1" });
    expect(shown).toMatchObject({ body: { slices: { planned: null, done: 1, open: 1 }, children: ["i-1", "i-2"] } });
    expect(routes.rig.row("i-2" as IntentId).terms.price).toBe("98.5");
    expect(await direct({ what: "amend", change: { slices: "9" } })).toMatchObject({
      status: 422,
      body: { code: "amend-malformed" },
    });
    expect(await direct({ what: "stop" })).toMatchObject({ status: 422, body: { code: "invalid" } });
    expect(await direct({ what: "pause" }, "p-9")).toMatchObject({ status: 404 });
  });

  test("a list of one parent's orders has its children and nothing else, page by page, those that left the state too", async () => {
    const routes = await leading();
    const { rig } = routes;
    const twap = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "4", slices: 4, durationMs: 400 };
    await settled(routes.ask("placeOrder", { body: order }));
    await settled(routes.ask("placeOrder", { body: twap }), 1_000);
    await settled(routes.ask("placeOrder", { body: order }));
    const children = [...rig.ledger.committed.orders.values()].filter(({ parent }) => parent === "p-1");
    expect(children).toHaveLength(4);
    const listed = async (query: Record<string, string>): Promise<unknown> => {
      const { body } = await routes.ask("orders", { query: { parent: "p-1", ...query } });
      const { orders, next } = body as { orders: readonly { id: string }[]; next: number | null };
      return [orders.map(({ id }) => id), next];
    };
    const ids = children.map(({ id }) => id);
    expect(await listed({ all: "1" })).toEqual([ids, null]);
    const open = children.filter(({ status }) => status === "new").map(({ id }) => id);
    expect(await listed({})).toEqual([open, null]);
    const after = children[1]?.sequence;
    expect(await listed({ all: "1", limit: "2" })).toEqual([ids.slice(0, 2), after]);
    expect(await listed({ all: "1", after: `${after}` })).toEqual([ids.slice(2), null]);
    // The state forgets them; the journal does not.
    for (const child of ids) rig.ledger.committed.orders.delete(child);
    routes.forgotten = children;
    expect(await listed({ all: "1", limit: "3" })).toEqual([ids.slice(0, 3), children[2]?.sequence]);
    const twice = { parent: ["p-1", "p-2"] } as unknown as Record<string, string>;
    expect(await routes.ask("orders", { query: twice })).toMatchObject({ status: 400, body: { field: "parent" } });
    expect(await routes.ask("orders", { query: { parent: "p-9" } })).toMatchObject({
      status: 404,
      body: { code: "not-found", field: "parent" },
    });
  });

  test("a parent that has left the tables is still shown, and its key still gives its answer", async () => {
    const routes = await leading();
    const { rig } = routes;
    for (const state of [rig.ledger.committed, rig.ledger.speculative])
      state.engine = { ...state.engine, kept: { ...state.engine.kept, parents: 0, forMs: 0 } };
    const twap = { algo: "twap", symbol: "BTC/USDT", side: "buy", quantity: "4", slices: 4, durationMs: 4_000 };
    const first = await settled(routes.ask("placeOrder", { body: twap, key: "k-1" }));
    await settled(routes.ask("cancelOrder", { id: "p-1" }), 500);
    await settled(routes.ask("placeOrder", { body: order }));
    await settled(routes.ask("placeOrder", { body: order }));
    expect(rig.ledger.committed.parents.size).toBe(0);
    expect(await routes.ask("order", { id: "p-1" })).toMatchObject({ status: 200, body: { status: "cancelled" } });
    expect(await settled(routes.ask("placeOrder", { body: twap, key: "k-1" }))).toEqual(first);
    expect(await routes.ask("cancelOrder", { id: "p-1" })).toMatchObject({ status: 409 });
    // It is no unknown one to direct, either.
    expect(await routes.ask("directOrder", { id: "p-1", body: { what: "pause" } })).toMatchObject({ status: 409 });
    expect(await routes.ask("directOrder", { id: "p-7", body: { what: "pause" } })).toMatchObject({ status: 404 });
    expect(await routes.ask("order", { id: "p-7" })).toMatchObject({ status: 404 });
  });

  test("positions count fills, and what is open at worst case", async () => {
    const routes = await leading();
    await settled(routes.ask("placeOrder", { body: order }));
    await settled(routes.ask("placeOrder", { body: { ...order, quantity: "2" } }));
    routes.rig.venue.fill(routes.rig.venue.placed[0] ?? "", "1");
    await pass(50);
    const { body } = await routes.ask("positions");
    expect(body).toMatchObject({ positions: [{ quantity: decimal("1"), openBuy: decimal("2"), openSell: "0" }] });
  });
});

test("an operator's word that a denied order has ended is recorded while the venue denies it, and is 409 while it does not", async () => {
  const routes = await leading();
  const id = routes.rig.order();
  await pass(5_000);
  const body = { as: "ended", reason: "the paper exchange was started again", cluster: "test" };
  const has = await settled(routes.ask("resolveOrder", { id, body }));
  expect(has).toMatchObject({ status: 409, body: { detail: `the venue knows ${id}: it is open there` } });
  routes.rig.venue.orders.clear();
  const more = { ...body, executed: "1" };
  expect(await settled(routes.ask("resolveOrder", { id, body: more }))).toMatchObject({ status: 422 });
  const unnamed = { ...body, cluster: "prod" };
  expect(await settled(routes.ask("resolveOrder", { id, body: unnamed }))).toMatchObject({ status: 422 });
  const taken = await settled(routes.ask("resolveOrder", { id, body, key: "op-7" }));
  expect(taken).toMatchObject({ status: 202, body: { id, status: "expired", executed: "0" } });
  expect(await settled(routes.ask("resolveOrder", { id, body, key: "op-7" }))).toMatchObject({ status: 202 });
  expect(routes.rig.journal.events.filter((event) => event.kind === "order.ended")).toMatchObject([
    { intent: id, word: "t: the paper exchange was started again" },
  ]);
});

describe("an operator's word on a doubt", () => {
  const word = { as: "not-accepted", reason: "the venue's desk says so", cluster: "test" };

  /** An order in doubt at a venue that answers nothing any more. */
  async function doubted(): Promise<{ readonly routes: Routes; readonly id: string }> {
    const routes = await leading();
    routes.rig.venue.script.push(() => {
      routes.rig.venue.isReachable = false;
      return Promise.resolve({ kind: "in-doubt", cause: "no answer", stamp: stampNow() });
    });
    const id = routes.rig.order();
    await pass(50);
    expect(routes.rig.row(id).status).toBe("in-doubt");
    return { routes, id };
  }

  test("is refused while the venue can still show the order, and recorded with name and reason when it cannot", async () => {
    const { routes, id } = await doubted();
    const early = await settled(routes.ask("resolveOrder", { id, body: word }));
    expect(early).toMatchObject({
      status: 409,
      body: { code: "conflict", detail: expect.stringContaining("until then") },
    });
    await pass(10_000);
    const key = "op-1";
    const taken = await settled(routes.ask("resolveOrder", { id, body: word, key }));
    expect(taken).toMatchObject({ status: 202, body: { id, outcome: null } });
    // The same again under its id is no second word; another word under it is refused.
    expect(await settled(routes.ask("resolveOrder", { id, body: word, key }))).toMatchObject({
      status: 202,
      body: { id },
    });
    const other = { ...word, as: "accepted", venueOrderId: "77", status: "filled", executed: "1" };
    expect(await settled(routes.ask("resolveOrder", { id, body: other, key }))).toMatchObject({
      status: 422,
      body: { code: "key-reused" },
    });
    expect(routes.rig.journal.events.filter((event) => event.kind === "doubt.resolved")).toHaveLength(1);
    const [told] = routes.rig.journal.events.filter((event) => event.kind === "doubt.resolved");
    expect(told).toMatchObject({
      by: "operator",
      word: "t: the venue's desk says so",
      resolution: { kind: "not-accepted" },
    });
    const again = await settled(routes.ask("resolveOrder", { id, body: word }));
    expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining("no doubt to end") } });
  });

  test("that the venue has it names the venue's order, and what was executed is no more than was asked for", async () => {
    const { routes, id } = await doubted();
    await pass(10_000);
    const accepted = { ...word, as: "accepted", venueOrderId: "77", status: "filled", executed: "0.5" };
    expect(await settled(routes.ask("resolveOrder", { id, body: accepted }))).toMatchObject({ status: 422 });
    const whole = await settled(routes.ask("resolveOrder", { id, body: { ...accepted, executed: "1" } }));
    expect(whole).toMatchObject({ status: 202, body: { status: "filled", outcome: "accepted", executed: "1" } });
    expect(routes.rig.row(id as IntentId)).toMatchObject({ venueOrderId: "77", filled: "0" });
  });

  test("needs the cluster's name, a reason, a known order and a node that leads", async () => {
    const { routes, id } = await doubted();
    await pass(10_000);
    const { cluster: _name, ...unnamed } = word;
    const { reason: _reason, ...unreasoned } = word;
    const malformed = [unnamed, unreasoned, { ...word, as: "lost" }, { ...word, as: "accepted" }];
    for (const body of malformed) expect((await settled(routes.ask("resolveOrder", { id, body }))).status).toBe(422);
    const other = await settled(routes.ask("resolveOrder", { id, body: { ...word, cluster: "prod" } }));
    expect(other).toMatchObject({ status: 422, body: { code: "not-confirmed" } });
    expect((await settled(routes.ask("resolveOrder", { id: "i-9", body: word }))).status).toBe(404);
    routes.rig.desk.end();
    expect((await settled(routes.ask("resolveOrder", { id, body: word }))).status).toBe(503);
    expect(routes.rig.journal.events.some((event) => event.kind === "doubt.resolved")).toBe(false);
  });
});
