/**
 * The matrix of the account stream: every fault that the simulated exchange can do to it, beside the one of market data in
 * `test/feeds`. Each cell is a connection of its own to an account of its own, by which its faults are armed; all live on
 * one exchange at once. What is asked of each cell:
 * - each fill of the exchange's own log is heard exactly once, those of orders placed under the fault included;
 * - the fault struck, and where only a new connection mends it, there was one, with a cause;
 * - in the end the stream is ready.
 *
 * What strikes before anybody knows whose connection it is (a refused upgrade, an accepted connection that is closed, a
 * path that swallows everything) has an exchange to itself.
 */
import { decimal, id, type SymbolId, type VenueId } from "@baton/core";
import { startExchange, type FaultRequest, type RunningExchange } from "@baton/exchange";
import { openVenue, type AccountStream, type Venue } from "@baton/venues";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clock, inMs, TestPermits, until } from "./rig.ts";

const symbol = id<SymbolId>("BTC/USDT");
const venueId = id<VenueId>("binance");
const roomy = { weightPerMinute: 10_000_000, ordersPerTenSeconds: 1_000_000, connectionsPerFiveMinutes: 1_000_000 };
const withinMs = 60_000;

interface Cell {
  readonly name: string;
  readonly faults: readonly FaultRequest[];
  /** Why the connection had to be given up; undefined where it need not be. */
  readonly cause: RegExp | undefined;
}

const cell = (name: string, cause: RegExp | undefined, ...faults: readonly FaultRequest[]): Cell => ({
  name,
  cause,
  faults,
});
const drop: FaultRequest = { fault: "stream-drop", closeCode: 1006 };
const owed = /did not tell/;
const unreadable = /cannot be read/;

const ofEvents: readonly Cell[] = [
  cell("silent, and pongs go on", owed, { fault: "stream-stall" }),
  cell("events that are never sent", owed, { fault: "user-event-loss", count: 4 }),
  cell("four messages never come", owed, { fault: "stream-gap", count: 4 }),
  cell("messages come twice", undefined, { fault: "stream-duplicate", count: 6 }),
  cell("twice, the second time late", undefined, { fault: "stream-duplicate", count: 6, delayMs: 700 }),
  cell("out of order", undefined, { fault: "stream-reorder", count: 4, span: 2, delayMs: 600 }),
  cell("the past once more", undefined, { fault: "stream-replay", count: 2, span: 8 }),
  cell("cut in half", unreadable, { fault: "stream-truncate", count: 2 }),
  cell("everything comes, late", undefined, { fault: "stream-slow", delayMs: 700 }),
  ...(["text", "nested", "binary"] as const).map((mode) =>
    cell(`rubbish: ${mode}`, unreadable, { fault: "stream-garbage", mode, count: 2 }),
  ),
  cell("a frame that breaks the protocol", /./, { fault: "stream-garbage", mode: "opcode", count: 1 }),
];

const ofConnections: readonly Cell[] = [
  ...[1000, 1001, 1006, 1008, 1011, 1012].map((closeCode) =>
    cell(`closed with ${closeCode}`, /./, { fault: "stream-drop", closeCode }),
  ),
  cell("reset within a frame", /./, { fault: "stream-reset", count: 1 }),
  // Sweeps that come every half second find its fills too young to be owed, unless one is late; then a ping finds it out.
  cell("silent, and no pong either", /did not tell|no answer to a ping/, { fault: "stream-mute" }),
  cell("the venue announces its end", /./, { fault: "server-shutdown", delayMs: 500 }),
  cell("cut for its age", /./, { fault: "life-cut", lifeMs: 100 }),
  cell("cut at twenty-four hours", /./, { fault: "time-jump", agedMs: 86_400_000 }),
];

const ofSubscriptions: readonly Cell[] = [
  cell("an acknowledgement is lost", /no answer/, { fault: "sub-ack-lost", count: 1 }, drop),
  cell("a subscription is lost", /no answer/, { fault: "sub-lost", count: 1 }, drop),
  cell("a subscription is refused", /refused/, { fault: "sub-refused", count: 1 }, drop),
  cell("acknowledged, and nothing comes", owed, { fault: "sub-hollow", count: 1 }, drop),
];

const cells = [...ofEvents, ...ofConnections, ...ofSubscriptions];

/** A cell at work. */
interface Run {
  readonly cell: Cell;
  readonly account: string;
  readonly venue: Venue;
  readonly stream: AccountStream;
  readonly permits: TestPermits;
  /** Trade ids as they were heard. */
  readonly heard: string[];
  /** Why connections were given up. */
  readonly causes: string[];
  failure: string | undefined;
}

async function open(exchange: RunningExchange, one: Cell, account: string): Promise<Run> {
  const permits = new TestPermits();
  const venue = await openVenue({
    ...{ id: venueId, exchange: "binance", account, mode: "sandbox", apiKey: `key-${account}`, secret: "secret" },
    ...{ restUrl: exchange.url, wsUrl: exchange.url.replace(/^http/, "ws"), symbols: [symbol] },
    ...{ validityMs: 30_000, minValidityMs: 50, deadlineMs: 20_000, clock, permits },
    onLateAnswer: () => undefined,
  });
  const [heard, causes]: [string[], string[]] = [[], []];
  const stream = venue.openAccountStream({
    lastTradeId: () => undefined,
    liveOrders: () => [],
    onEvent: (event) => {
      if (event.kind === "fill") heard.push(event.fill.tradeId);
    },
    onState: (state, why) => {
      if (state === "backing-off") causes.push(why);
    },
    sweepEveryMs: 500,
  });
  return { cell: one, account, venue, stream, permits, heard, causes, failure: undefined };
}

let orders = 0;

/** A market order, which is filled at once. */
async function trade({ venue, permits, account }: Run): Promise<void> {
  orders += 1;
  const terms = {
    ...{ venue: venueId, symbol, side: orders % 2 === 0 ? ("buy" as const) : ("sell" as const) },
    ...{ type: "market" as const, quantity: decimal("0.001"), timeInForce: "IOC" as const },
  };
  const outcome = await venue.place(
    { clientOrderId: `${account}-${orders}`, terms, expiresAtMonoMs: inMs(30_000) },
    permits.permit(),
  );
  if (outcome.kind !== "accepted") throw new Error(`an order of the test was ${outcome.kind}`);
}

const fillsOf = (exchange: RunningExchange, account: string): readonly string[] =>
  [...exchange.audit()].flatMap((record) =>
    record.type === "fill" && record.account === account ? [`${record.tradeId}`] : [],
  );

/** Ready, struck, noticed, let go of, ready again; orders all the while. */
async function story(exchange: RunningExchange, run: Run): Promise<void> {
  const { cell: one, account, stream, heard, causes } = run;
  const hasAll = (): boolean => {
    const truth = fillsOf(exchange, account);
    return stream.state() === "ready" && truth.every((tradeId) => heard.includes(tradeId));
  };
  try {
    await until("it is ready at first", () => stream.state() === "ready", withinMs);
    await trade(run);
    await until("the first fill is heard", hasAll, withinMs);
    const armed = one.faults.map((fault) =>
      exchange.arm({ ...fault, match: fault.fault === "stream-drop" ? { account } : matchOf(fault, account) }),
    );
    const hasStruck = (): boolean =>
      armed.every((faultId) =>
        [...exchange.audit()].some((record) => record.type === "fault" && record.faultId === faultId),
      );
    for (let count = 0; count < 4; count += 1) await trade(run);
    await until(
      "every fault has struck",
      async () => {
        if (!hasStruck()) await trade(run);
        return hasStruck();
      },
      withinMs,
    );
    if (one.cause !== undefined) {
      const { cause } = one;
      const isGivenUp = (): boolean => causes.some((why) => cause.test(why));
      const looked = async (): Promise<boolean> => {
        if (isGivenUp()) return true;
        // A stream that says nothing is found out by what it should have said.
        await trade(run);
        await new Promise((resolve) => setTimeout(resolve, 250));
        return isGivenUp();
      };
      await until(`it was given up (${String(cause)})`, looked, withinMs);
    }
    for (const faultId of armed) exchange.clearFaults(faultId);
    await until("it is ready again, with every fill", hasAll, withinMs);
    await trade(run);
    await until("and goes on", hasAll, withinMs);
  } catch (error) {
    run.failure = `${String(error).slice(0, 200)} (${stream.state()}; given up: ${causes.join("; ")})`;
  }
}

/** Whom a fault of this cell strikes. */
function matchOf({ fault }: FaultRequest, account: string): NonNullable<FaultRequest["match"]> {
  const isOfConnection = ["stream-mute", "server-shutdown", "life-cut", "time-jump"].includes(fault);
  return isOfConnection ? { account } : { account, stream: "user" };
}

describe("the account stream of Binance loses no fill and doubles none", () => {
  let exchange: RunningExchange;
  let runs: readonly Run[];

  beforeAll(async () => {
    const keys = cells.map((_, at) => ({ key: `key-a${at}`, secret: "secret", account: `a${at}` }));
    exchange = await startExchange({ port: 0, seed: 11, keys, limits: roomy, uniqueness: "open-only" });
    runs = await Promise.all(cells.map((one, at) => open(exchange, one, `a${at}`)));
    await Promise.all(runs.map((run) => story(exchange, run)));
  }, 240_000);
  afterAll(async () => {
    await Promise.all(runs.map(({ venue }) => venue.close()));
    await exchange.close();
  });

  test.each(cells.map(({ name }) => name))("%s", (name) => {
    const run = runs.find((one) => one.cell.name === name) as Run;
    expect(run.failure).toBeUndefined();
    const byNumber = (a: string, b: string): number => Number(a) - Number(b);
    expect(run.heard.toSorted(byNumber)).toEqual(fillsOf(exchange, run.account).toSorted(byNumber));
  });
});

describe("the account stream of Binance comes back", () => {
  const nobodys: readonly Cell[] = [
    cell("accepted and closed, three times", /./, { fault: "accept-close", count: 3 }, drop),
    cell(
      "refused with 429",
      /HTTP 429/,
      { ...{ fault: "upgrade-refused", status: 429, count: 1, retryAfterSeconds: 1 } },
      drop,
    ),
    cell(
      "refused with 503",
      /HTTP 503/,
      { ...{ fault: "upgrade-refused", status: 503, count: 1, retryAfterSeconds: 1 } },
      drop,
    ),
  ];

  test("from what strikes before anybody knows whose connection it is, with every fill", async () => {
    const keys = [{ key: "key-desk", secret: "secret", account: "desk" }];
    const exchange = await startExchange({ port: 0, seed: 12, keys, limits: roomy, uniqueness: "open-only" });
    try {
      const run = await open(exchange, nobodys[0] as Cell, "desk");
      for (const one of nobodys) {
        const { heard, causes, stream } = run;
        await until("it is ready", () => stream.state() === "ready", withinMs);
        const from = causes.length;
        for (const { match: _, ...fault } of one.faults) exchange.arm(fault);
        await trade(run);
        await until(one.name, () => causes.slice(from).some((why) => one.cause?.test(why) === true), withinMs);
        exchange.clearFaults();
        await until("it is ready again", () => stream.state() === "ready", withinMs);
        await until("with every fill", () => fillsOf(exchange, "desk").every((fill) => heard.includes(fill)), withinMs);
      }
      expect(run.heard).toHaveLength(new Set(run.heard).size);
      await run.venue.close();
    } finally {
      await exchange.close();
    }
  }, 300_000);
});
