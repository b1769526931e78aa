/**
 * What goes over the wire to each venue, captured from unmodified ccxt on a real socket: the client id in the venue's own
 * field, the validity where the venue reads it, once, at once, and with nobody else's name on it.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  exchangeIds,
  id,
  placementClassOf,
  venueProfiles,
  type ExchangeId,
  type KeyRights,
  type OrderTerms,
  type VenueId,
} from "@baton/core";
import { openVenue } from "../open.ts";
import { inMs, realClock, TestPermits } from "../testing/scripted-venue.ts";
import { wireClientOrderId, wireScripts } from "../testing/wire-scripts.ts";
import { startWireVenue, type Captured, type WireVenue } from "../testing/wire-venue.ts";
import type { Venue } from "../venue.ts";
import { dialects } from "./dialects.ts";
import { timedTradeId } from "./trade-ids.ts";

/** Where each venue tells what a key may do, in its documented shape: a key that may trade and withdraw, from anywhere. */
const rights: Partial<Record<ExchangeId, { readonly route: string; readonly body: object; readonly told: KeyRights }>> =
  {
    binance: {
      route: "GET /sapi/v1/account/apiRestrictions",
      body: { ipRestrict: false, enableWithdrawals: true, enableSpotAndMarginTrading: true, enableFutures: false },
      told: { canTrade: true, canWithdraw: true, isBoundToAddress: false },
    },
    binanceusdm: {
      route: "GET /sapi/v1/account/apiRestrictions",
      body: { ipRestrict: true, enableWithdrawals: false, enableSpotAndMarginTrading: true, enableFutures: false },
      told: { canTrade: false, canWithdraw: false, isBoundToAddress: true },
    },
    bybit: {
      route: "GET /v5/user/query-api",
      body: {
        retCode: 0,
        result: {
          readOnly: 0,
          ips: ["*"],
          expiredAt: "2026-12-20T00:00:00Z",
          permissions: { Spot: ["SpotTrade"], Wallet: ["AccountTransfer", "Withdraw"] },
        },
      },
      told: {
        canTrade: true,
        canWithdraw: true,
        isBoundToAddress: false,
        expiresWallMs: Date.UTC(2026, 11, 20),
      },
    },
    okx: {
      route: "GET /api/v5/account/config",
      body: { code: "0", data: [{ perm: "read_only,trade,withdraw", ip: "" }] },
      told: { canTrade: true, canWithdraw: true, isBoundToAddress: false },
    },
    coinbase: {
      route: "GET /api/v3/brokerage/key_permissions",
      body: { can_view: true, can_trade: true, can_transfer: true },
      told: { canTrade: true, canWithdraw: true },
    },
  };

/** Names that ccxt puts into ids and headers for its own share of the fees, and its own. */
const brokers = /x-TKT5PX2F|x-xcKtGhcu|x-cvBPrNm9|6b9ad766b55dBCDE|ccxt/i;

describe.each(exchangeIds)("%s", (exchange) => {
  const script = wireScripts[exchange];
  const { profile } = dialects[exchange];
  const terms = {
    venue: id<VenueId>("v"),
    symbol: script.symbol,
    side: "buy",
    type: "limit",
    quantity: "0.01",
    price: "50000",
    timeInForce: "GTC",
  } as OrderTerms;
  let server: WireVenue;
  let permits: TestPermits;
  let venue: Venue;

  beforeEach(async () => {
    server = await startWireVenue(script.answers);
    permits = new TestPermits();
    venue = await open(20_000);
  });
  const open = (deadlineMs: number): Promise<Venue> =>
    openVenue({
      id: id<VenueId>("v"),
      exchange,
      account: "test",
      mode: "live",
      ...script.keys,
      restUrl: server.url,
      symbols: [script.symbol],
      validityMs: 5_000,
      minValidityMs: 50,
      deadlineMs,
      clock: realClock,
      permits,
    });
  afterEach(async () => {
    await venue.close();
    await server.close();
  });

  const order = { clientOrderId: wireClientOrderId, terms, expiresAtMonoMs: inMs(3_600_000) };
  const requests = (call: keyof typeof script.paths): readonly Captured[] =>
    server.captured.filter(({ method, path }) => `${method} ${path}` === script.paths[call]);
  const last = (call: keyof typeof script.paths): Captured => {
    const found = requests(call).at(-1);
    if (found === undefined) throw new Error(`no ${call} was captured`);
    return found;
  };

  /** The client id in a request; the expected one where the venue's request has no place for it (it lists and matches). */
  const idIn = (request: Captured, field: string | undefined): unknown =>
    field === undefined ? wireClientOrderId : script.parametersOf(request)[field];

  it("an order carries our id in the venue's own field, its terms as journaled, and no broker's name", async () => {
    expect(await venue.place(order, permits.permit())).toMatchObject({
      kind: "accepted",
      order: { clientOrderId: wireClientOrderId, status: "open", quantity: "0.01", price: "50000" },
    });
    const sent = last("place");
    expect(script.parametersOf(sent)).toMatchObject({ ...script.placed, [script.idField.place]: wireClientOrderId });
    const { host: _host, ...headers } = sent.headers;
    expect(`${sent.query.toString()} ${sent.body} ${JSON.stringify(headers)}`).not.toMatch(brokers);
  });

  it("a reduce-only order says so in the venue's words and is read as one, or is never sent", async () => {
    expect(profile.hasReduceOnly).toBe(script.reduceOnly !== undefined);
    const outcome = await venue.place({ ...order, terms: { ...terms, reduceOnly: true } }, permits.permit());
    const said = requests("place").map((request) => script.parametersOf(request));
    const refused = [{ kind: "not-sent", reason: "risk" }, []];
    const taken = [{ kind: "accepted", order: { reduceOnly: true } }, [{ ...script.placed, ...script.reduceOnly }]];
    expect([outcome, said]).toMatchObject(script.reduceOnly === undefined ? refused : taken);
    // A plain one says nothing of it, and is not read as one.
    const plain = await venue.place(order, permits.permit());
    expect(plain.kind === "accepted" && plain.order.reduceOnly === true).toBe(false);
    const words = Object.keys(script.parametersOf(last("place")));
    expect(words.filter((word) => word in (script.reduceOnly ?? {}))).toEqual([]);
  });

  it("an order is signed for no longer than its permit, where the venue reads that", async () => {
    permits.deadlineMonoMs = inMs(4_000);
    const outcome = await venue.place(order, permits.permit());
    const stamp = outcome.kind === "accepted" ? outcome.stamp : undefined;
    const validityMs = script.validityMsOf(last("place"));
    const isFixed = profile.validity.kind === "fixed";
    // Where nothing shortens a signature, the stamp says how long it truly counts, so that doubt waits that long.
    expect(validityMs === undefined).toBe(isFixed);
    expect(validityMs ?? 1).toBeGreaterThan(0);
    expect(validityMs ?? 1).toBeLessThanOrEqual(4_000);
    expect(
      Math.abs((stamp?.validityMs ?? 0) - (isFixed ? profile.validity.maxMs : (validityMs ?? 0))),
    ).toBeLessThanOrEqual(2);
  });

  it("what the key may do is read where the venue tells it, and is no guess where the answer has another shape", async () => {
    const told = rights[exchange];
    expect(venue.keyRights === undefined).toBe(told === undefined);
    if (told === undefined) return;
    let body: object = told.body;
    server.intercept = ({ method, path }, response) => {
      if (`${method} ${path}` !== told.route) return false;
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
      return true;
    };
    expect(await venue.keyRights?.()).toEqual(told.told);
    body = { code: "0", retCode: 0, data: [{}], result: {} };
    await expect(venue.keyRights?.()).rejects.toThrow("unknown shape");
  });

  it("an order whose answer is lost was sent once: ccxt does not retry", async () => {
    server.intercept = ({ method, path }, _response, socket) => {
      if (`${method} ${path}` !== script.paths.place) return false;
      socket.destroy();
      return true;
    };
    expect((await venue.place(order, permits.permit())).kind).toBe("in-doubt");
    expect(requests("place")).toHaveLength(1);
  });

  it("no request passes ccxt's own limiter", async () => {
    let throttled = 0;
    const restore = await overThrottle(() => (throttled += 1));
    try {
      await Promise.all([0, 1, 2].map(() => venue.place(order, permits.permit())));
      await venue.openOrders();
    } finally {
      restore();
    }
    expect(requests("place")).toHaveLength(3);
    expect(throttled).toBe(0);
  });

  it("a cancel, a query, open orders and fills are asked for and read in the venue's words", async () => {
    const found = await venue.query(script.symbol, wireClientOrderId);
    expect(found).toMatchObject({ kind: "found", order: { clientOrderId: wireClientOrderId, symbol: script.symbol } });
    expect(idIn(last("query"), script.idField.query)).toBe(wireClientOrderId);
    expect(await venue.openOrders()).toMatchObject([{ clientOrderId: wireClientOrderId, executed: "0", side: "buy" }]);
    const [trade, ...others] = await venue.trades(script.symbol, {});
    expect(others).toEqual([]);
    expect(trade).toMatchObject({
      symbol: script.symbol,
      side: "buy",
      price: "50000",
      quantity: "0.01",
      fee: "0.001",
      tradedWallMs: 1_790_000_000_123,
    });
    expect(await venue.lastTradeId(script.symbol)).toBe(trade?.tradeId);
    // What was asked from an id on is asked of the venue, and told again.
    expect(await venue.trades(script.symbol, { fromId: trade!.tradeId })).toEqual([trade]);
    // The order stays open in this script, so a mere receipt never becomes "cancelled", however long it is asked about.
    const hasty = await open(3_000);
    const cancelled = await hasty.cancel({ clientOrderId: wireClientOrderId, symbol: script.symbol }, permits.permit());
    expect(cancelled.kind).toBe(profile.answers.cancel === "state" ? "cancelled" : "in-doubt");
    await hasty.close();
    expect(idIn(last("cancel"), script.idField.cancel)).toBe(wireClientOrderId);
    expect(`${last("cancel").body} ${JSON.stringify(last("cancel").headers)}`).not.toMatch(brokers);
  });

  it("the dead man's switch is set and taken back in the venue's words, under a permit, or the venue has none", async () => {
    const its = script.deadMansSwitch;
    expect(its !== undefined).toBe(profile.deadMansSwitch !== undefined);
    expect(venue.setSwitch !== undefined).toBe(its !== undefined);
    if (its === undefined || venue.setSwitch === undefined) return;
    const asked = dialects[exchange].deadMansSwitch?.requests(["one"], 60_000) ?? [];
    expect(asked.map((request) => request.weight)).toEqual([profile.deadMansSwitch?.weight]);
    const settings = (): readonly Captured[] =>
      server.captured.filter(({ method, path }) => `${method} ${path}` === its.path);
    // A venue that counts seconds never counts fewer than asked.
    expect(await venue.setSwitch(exchange === "binanceusdm" ? 60_000 : 59_001, permits.permit())).toBe(true);
    expect(await venue.setSwitch(0, permits.permit())).toBe(true);
    expect(settings().map((request) => script.parametersOf(request))).toMatchObject([its.set, its.takenBack]);
    // An answer that shows another state than was asked is not "set", nor is a refusal.
    const other = server.answers[its.path];
    const off = other?.(settings()[1] as Captured) ?? { body: {} };
    server.answers = { ...script.answers, [its.path]: () => off };
    expect(await venue.setSwitch(60_000, permits.permit())).toBe(false);
    server.answers = { ...script.answers, [its.path]: () => script.refusal(profile.codes.inDoubt[0] ?? "", "no") };
    expect(await venue.setSwitch(60_000, permits.permit())).toBe(false);
    const sent = settings().length;
    const permit = permits.permit();
    permits.deadlineMonoMs = inMs(-1);
    expect(await venue.setSwitch(60_000, permit)).toBe(false);
    expect(settings()).toHaveLength(sent);
  });

  it("each code on the venue's lists falls into its class, and what is on none is in doubt", async () => {
    const { definite, inDoubt, duplicate } = venueProfiles[exchange].codes;
    const classOf = (code: string, message: string): string => {
      const answer = script.refusal(code, message);
      const verdict = dialects[exchange].verdictOf(answer.status ?? 200, answer.body, JSON.stringify(answer.body));
      return `${verdict.code}: ${placementClassOf(profile.codes, verdict)}`;
    };
    const refused = definite
      .flatMap((entry) =>
        typeof entry === "string" ? [entry] : "code" in entry ? [entry.code] : [`${entry.from}`, `${entry.to}`],
      )
      .filter((code) => !isOn(duplicate, code) && !inDoubt.includes(code));
    expect(refused.map((code) => classOf(code, "no"))).toEqual(refused.map((code) => `${code}: rejected`));
    expect(inDoubt.map((code) => classOf(code, "no"))).toEqual(inDoubt.map((code) => `${code}: in-doubt`));
    const doubles = duplicate.map((entry) => (typeof entry === "string" ? entry : entry.code));
    expect(doubles.map((code) => classOf(code, "Duplicate order sent."))).toEqual(
      doubles.map((code) => `${code}: duplicate`),
    );
    const odd = exchange === "kraken" ? "EOdd:Never heard of" : "987654";
    expect(classOf(odd, "odd")).toBe(`${odd}: in-doubt`);
    // And one of each over the wire.
    const first = definite.find((entry) => typeof entry === "string" && !profile.codes.throttled.includes(entry));
    const answerWith = (code: string): void => {
      server.answers = { ...script.answers, [script.paths.place]: () => script.refusal(code, "no") };
    };
    answerWith(first as string);
    expect(await venue.place(order, permits.permit())).toMatchObject({ kind: "rejected", code: first });
    answerWith(inDoubt[0] ?? "");
    expect((await venue.place(order, permits.permit())).kind).toBe("in-doubt");
  });
});

/** Listens to every use of ccxt's limiter, on the base class that its exchanges share. */
async function overThrottle(heard: () => void): Promise<() => void> {
  const entry = createRequire(import.meta.url).resolve("ccxt");
  const file = pathToFileURL(join(dirname(entry), "..", "js", "src", "base", "Exchange.js")).href;
  const { default: base } = (await import(file)) as {
    readonly default: { readonly prototype: { throttle: (cost: number) => Promise<void> } };
  };
  const { throttle } = base.prototype;
  base.prototype.throttle = function heardThrottle(this: unknown, cost: number): Promise<void> {
    heard();
    return throttle.call(this, cost);
  };
  return () => (base.prototype.throttle = throttle);
}

function isOn(entries: readonly (string | { readonly code: string })[], code: string): boolean {
  return entries.some((entry) => typeof entry === "string" && entry === code);
}

it("ids made of times sort by time, and one trade has one id", () => {
  expect(timedTradeId(1_000_000_000_000, "a")).toBe(timedTradeId(1_000_000_000_000, "a"));
  expect(timedTradeId(1_000_000_000_000, "a")).not.toBe(timedTradeId(1_000_000_000_000, "b"));
  expect(BigInt(timedTradeId(1_000_000_000_001, "a"))).toBeGreaterThan(BigInt(timedTradeId(1_000_000_000_000, "z")));
});
