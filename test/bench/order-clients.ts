/**
 * Four ways to bring an order to the exchange, one at a time: through the engine's API (risk, journal on two nodes,
 * permit, ccxt), through the engine's venue room alone (permit, budget, ccxt, last check), by a bare ccxt `createOrder`,
 * and by a bare signed request on a kept-alive socket. All name their orders,
 * so that the exchange's own log tells when each arrived; the clock is the machine's monotonic one on both sides.
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { decimal, id, issuePermit, monoMs, wallMs } from "@baton/core";
import type { Clock, OrderTerms, Permit, SymbolId, VenueId } from "@baton/core";
import { openVenue } from "@baton/venues";
import ccxt from "ccxt";
import { Client, Pool } from "undici";
import type { Dispatcher } from "undici";

/** The order that everybody places: bought or expired at once, nothing stays behind. */
export interface OrderPlan {
  readonly symbol: string;
  readonly quantity: string;
  readonly price: string;
}

/** When an order was wished for and when its answer was there. */
export interface Placed {
  readonly clientOrderId: string;
  readonly wishedMonoMs: number;
  readonly answeredMonoMs: number;
}

export interface OrderClient {
  place(plan: OrderPlan): Promise<Placed>;
  close(): Promise<void>;
}

/** Where and as whom bare clients trade. */
export interface BareAccess {
  readonly restUrl: string;
  readonly apiKey: string;
  readonly secret: string;
}

/** The access that a node's configuration file names. */
export async function accessOf(configFile: string): Promise<BareAccess> {
  const config = JSON.parse(await readFile(configFile, "utf8")) as {
    venues: readonly { apiKeyFile: string; secretFile: string; restUrl: string }[];
  };
  const [venue] = config.venues;
  if (venue === undefined) throw new Error(`${configFile} names no venue`);
  const [apiKey, secret] = await Promise.all(
    [venue.apiKeyFile, venue.secretFile].map((file) => readFile(file, "utf8")),
  );
  return { restUrl: venue.restUrl, apiKey: apiKey ?? "", secret: secret ?? "" };
}

/** Monotonic now, ms; one origin for every process of the machine. */
export function monoNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Through a node's API; answered when the intent is durable on two nodes, which is before the venue's answer. */
export function engineClient(endpoint: string, run: string): OrderClient {
  const client = new Client(endpoint);
  let count = 0;
  return {
    async place(plan) {
      count += 1;
      const wishedMonoMs = monoNow();
      const answer = await client.request({
        method: "POST",
        path: "/v1/orders",
        headers: { "content-type": "application/json", "idempotency-key": `${run}-${count}` },
        body: JSON.stringify({ ...plan, side: "buy", type: "limit", timeInForce: "IOC" }),
      });
      const body = (await answer.body.json()) as { clientOrderId?: string };
      if (answer.statusCode !== 202 || body.clientOrderId === undefined) {
        throw new Error(`the engine answered ${answer.statusCode}: ${JSON.stringify(body)}`);
      }
      return { clientOrderId: body.clientOrderId, wishedMonoMs, answeredMonoMs: monoNow() };
    },
    close: () => client.close(),
  };
}

/** The engine's connection to the venue as the engine holds it, with a permit that does not end, and no journal before it. */
export async function adapterClient(access: BareAccess): Promise<OrderClient> {
  const clock: Clock = { mono: () => monoMs(monoNow()), wall: () => wallMs(Date.now()) };
  const ground = { role: "leader", epoch: 1, isEpochOpen: true, isHeld: false } as const;
  const current = (): Permit | undefined => issuePermit(ground, monoMs(clock.mono() + 10_000), clock.mono());
  const venue = await openVenue({
    id: id<VenueId>("bench"),
    exchange: "binance",
    account: "bench",
    mode: "sandbox",
    ...access,
    symbols: [id<SymbolId>("BTC/USDT")],
    validityMs: 1_500,
    minValidityMs: 100,
    deadlineMs: 3_000,
    clock,
    permits: { current },
  });
  const permit = current();
  if (permit === undefined) throw new Error("a permit that does not end is there");
  await venue.warm();
  let count = 0;
  return {
    async place(plan) {
      count += 1;
      const clientOrderId = `adapter-${count}`;
      const terms: OrderTerms = {
        venue: venue.id,
        symbol: id<SymbolId>(plan.symbol),
        side: "buy",
        type: "limit",
        quantity: decimal(plan.quantity),
        price: decimal(plan.price),
        timeInForce: "IOC",
      };
      const wishedMonoMs = monoNow();
      const order = { clientOrderId, terms, expiresAtMonoMs: monoMs(wishedMonoMs + 5_000) };
      const outcome = await venue.place(order, permit);
      if (outcome.kind !== "accepted") throw new Error(`the venue room answered ${JSON.stringify(outcome)}`);
      return { clientOrderId, wishedMonoMs, answeredMonoMs: monoNow() };
    },
    close: () => venue.close(),
  };
}

/** ccxt as it comes, but for its own limiter, which would only make it wait. */
export async function ccxtClient(access: BareAccess): Promise<OrderClient> {
  const exchange = new ccxt.binance({
    apiKey: access.apiKey,
    secret: access.secret,
    enableRateLimit: false,
    options: { fetchMarkets: { types: ["spot"] }, fetchMargins: false },
  });
  exchange.has["fetchCurrencies"] = false;
  const urls = exchange.urls as { api: Record<string, string> };
  urls.api = Object.fromEntries(
    Object.entries(urls.api).map(([name, url]) => [name, url.replace(/^https?:\/\/[^/]+/u, access.restUrl)]),
  );
  await exchange.loadMarkets();
  let count = 0;
  return {
    async place(plan) {
      count += 1;
      const clientOrderId = `ccxt-${count}`;
      const wishedMonoMs = monoNow();
      await exchange.createOrder(plan.symbol, "limit", "buy", Number(plan.quantity), Number(plan.price), {
        timeInForce: "IOC",
        clientOrderId,
      });
      return { clientOrderId, wishedMonoMs, answeredMonoMs: monoNow() };
    },
    close: () => exchange.close(),
  };
}

/** Nothing but the request: signed, sent on a kept-alive socket, its answer parsed. */
export function bareClient(access: BareAccess): OrderClient {
  const client = new Client(access.restUrl);
  let count = 0;
  return {
    async place(plan) {
      count += 1;
      const clientOrderId = `bare-${count}`;
      const wishedMonoMs = monoNow();
      const fields = { side: "BUY", timeInForce: "IOC", newOrderRespType: "RESULT" };
      await signedOrder(client, access, { ...fields, newClientOrderId: clientOrderId }, plan);
      return { clientOrderId, wishedMonoMs, answeredMonoMs: monoNow() };
    },
    close: () => client.close(),
  };
}

/** Orders that rest in the exchange's book. */
export interface RestingOrders {
  /** Gives the exchange's id of it. */
  rest(order: { readonly clientOrderId: string; readonly terms: OrderTerms }): Promise<string>;
  close(): Promise<void>;
}

/** Places resting orders as one node's account does, but without the node. */
export function restingOrders(access: BareAccess): RestingOrders {
  const pool = new Pool(access.restUrl, { connections: 16 });
  return {
    async rest({ clientOrderId, terms }) {
      const fields = { side: terms.side.toUpperCase(), timeInForce: "GTC", newOrderRespType: "ACK" };
      const order = { symbol: terms.symbol, quantity: terms.quantity, price: terms.price ?? "" };
      const body = await signedOrder(pool, access, { ...fields, newClientOrderId: clientOrderId }, order);
      return String(body["orderId"]);
    },
    close: () => pool.close(),
  };
}

async function signedOrder(
  to: Dispatcher,
  access: BareAccess,
  fields: Readonly<Record<string, string>>,
  plan: OrderPlan,
): Promise<Readonly<Record<string, unknown>>> {
  const query = new URLSearchParams({
    ...fields,
    type: "LIMIT",
    symbol: plan.symbol.replace("/", ""),
    quantity: plan.quantity,
    price: plan.price,
    timestamp: `${Date.now()}`,
  }).toString();
  const signature = createHmac("sha256", access.secret).update(query).digest("hex");
  const answer = await to.request({
    origin: access.restUrl,
    method: "POST",
    path: "/api/v3/order",
    headers: { "X-MBX-APIKEY": access.apiKey, "content-type": "application/x-www-form-urlencoded" },
    body: `${query}&signature=${signature}`,
  });
  const body = (await answer.body.json()) as Record<string, unknown>;
  if (answer.statusCode !== 200) throw new Error(`the exchange answered ${answer.statusCode}: ${JSON.stringify(body)}`);
  return body;
}
