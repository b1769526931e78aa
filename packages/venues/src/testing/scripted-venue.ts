/**
 * A venue for the tests of this room: a raw HTTP server on loopback that answers what a script says, byte by byte if need
 * be, and records every request that reached it. It checks nothing; the simulated exchange does that elsewhere.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import {
  id,
  issuePermit,
  monoMs,
  wallMs,
  type Clock,
  type Decimal,
  type MonoMs,
  type OrderTerms,
  type Permit,
  type PermitSource,
  type SymbolId,
  type VenueId,
} from "@baton/core";
import { WebSocketServer, type WebSocket } from "ws";
import { openVenue } from "../open.ts";
import type { Venue, VenueOptions } from "../venue.ts";

/** The machine's clocks. */
export const realClock: Clock = {
  mono: () => monoMs(Number(process.hrtime.bigint()) / 1e6),
  wall: () => wallMs(Date.now()),
};

/** One request as it arrived. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly parameters: URLSearchParams;
  readonly atWallMs: number;
}

export type Script = (request: Received, response: ServerResponse, socket: Socket) => void;

/** A scripted venue on a free port. `script` may be replaced at any time; calls it does not name get the usual answer. */
export interface ScriptedVenue {
  readonly url: string;
  readonly received: Received[];
  /** Every connection since the start; `bytesRead` of each counts what arrived on it. */
  readonly sockets: readonly Socket[];
  script: Partial<Record<string, Script>>;
  /** The account streams that were opened, oldest first. */
  readonly streams: readonly WebSocket[];
  /** What a stream does with a request; by default it acknowledges it. */
  onStreamRequest: (
    stream: WebSocket,
    request: { readonly id: string; readonly params: Record<string, unknown> },
  ) => void;
  close(): Promise<void>;
}

/** Starts it. Scripts are found by `METHOD /path`, e.g. `POST /api/v3/order`. */
export async function startScriptedVenue(port = 0): Promise<ScriptedVenue> {
  const received: Received[] = [];
  const sockets: Socket[] = [];
  const streams: WebSocket[] = [];
  const venue: Pick<ScriptedVenue, "script" | "onStreamRequest"> = { script: {}, onStreamRequest: acknowledge };
  const server: Server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? "/", "http://venue");
      const parameters = new URLSearchParams(body === "" ? url.search : body);
      const one: Received = { method: request.method ?? "", path: url.pathname, parameters, atWallMs: Date.now() };
      received.push(one);
      const script = venue.script[`${one.method} ${one.path}`] ?? usual[`${one.method} ${one.path}`];
      if (script === undefined) json(response, 404, { code: -1, msg: `no such path: ${one.path}` });
      else script(one, response, request.socket);
    });
  });
  server.on("connection", (socket) => sockets.push(socket));
  new WebSocketServer({ server, path: "/ws-api/v3" }).on("connection", (stream) => {
    streams.push(stream);
    stream.on("message", (data: Buffer) => venue.onStreamRequest(stream, JSON.parse(data.toString("utf8"))));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return Object.assign(venue, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    sockets,
    streams,
    close: async () => {
      for (const stream of streams) stream.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Confirms a subscription. */
function acknowledge(stream: WebSocket, request: { readonly id: string }): void {
  stream.send(JSON.stringify({ id: request.id, status: 200, result: { subscriptionId: 0 } }));
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** The venue's `RESULT` answer to a new order, or its answer to a query of it. */
export function orderAnswer(parameters: URLSearchParams, over: Record<string, unknown> = {}): unknown {
  return {
    symbol: "BTCUSDT",
    orderId: 4711,
    clientOrderId: parameters.get("newClientOrderId") ?? parameters.get("origClientOrderId"),
    transactTime: Date.now(),
    price: parameters.get("price") ?? "30000.00000000",
    origQty: parameters.get("quantity") ?? "0.00100000",
    executedQty: "0.00000000",
    status: "NEW",
    timeInForce: parameters.get("timeInForce") ?? "GTC",
    type: parameters.get("type") ?? "LIMIT",
    side: parameters.get("side") ?? "BUY",
    ...over,
  };
}

const usual: Partial<Record<string, Script>> = {
  "GET /api/v3/ping": (_request, response) => json(response, 200, {}),
  "GET /api/v3/time": (_request, response) => json(response, 200, { serverTime: Date.now() }),
  "GET /api/v3/exchangeInfo": (_request, response) => json(response, 200, exchangeInfo()),
  "GET /api/v3/openOrders": (_request, response) => json(response, 200, []),
  "GET /api/v3/myTrades": (_request, response) => json(response, 200, []),
  "GET /api/v3/account": (_request, response) => json(response, 200, { balances: [] }),
  "POST /api/v3/order": ({ parameters }, response) => json(response, 200, orderAnswer(parameters)),
  "GET /api/v3/order": (_request, response) => json(response, 400, { code: -2013, msg: "Order does not exist." }),
  "DELETE /api/v3/order": ({ parameters }, response) =>
    json(
      response,
      200,
      orderAnswer(parameters, { origClientOrderId: parameters.get("origClientOrderId"), status: "CANCELED" }),
    ),
};

/** An `exchangeInfo` of one symbol with the given limits. */
export function exchangeInfo(limits: { readonly weight?: number; readonly orders?: number } = {}): unknown {
  return {
    timezone: "UTC",
    serverTime: Date.now(),
    rateLimits: [
      { rateLimitType: "REQUEST_WEIGHT", interval: "MINUTE", intervalNum: 1, limit: limits.weight ?? 6_000 },
      { rateLimitType: "ORDERS", interval: "SECOND", intervalNum: 10, limit: limits.orders ?? 100 },
    ],
    symbols: [
      {
        symbol: "BTCUSDT",
        status: "TRADING",
        baseAsset: "BTC",
        baseAssetPrecision: 8,
        quoteAsset: "USDT",
        quotePrecision: 8,
        quoteAssetPrecision: 8,
        orderTypes: ["LIMIT", "LIMIT_MAKER", "MARKET"],
        isSpotTradingAllowed: true,
        isMarginTradingAllowed: false,
        permissions: ["SPOT"],
        filters: [
          { filterType: "PRICE_FILTER", minPrice: "0.01000000", maxPrice: "1000000.00000000", tickSize: "0.01000000" },
          { filterType: "LOT_SIZE", minQty: "0.00001000", maxQty: "9000.00000000", stepSize: "0.00001000" },
          { filterType: "NOTIONAL", minNotional: "5.00000000" },
        ],
      },
    ],
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

/** A permit that a test can end or move: `deadlineMonoMs` is read at each question. */
export class TestPermits implements PermitSource {
  epoch = 7;
  deadlineMonoMs: MonoMs = monoMs(realClock.mono() + 60_000);

  current(now: MonoMs): Permit | undefined {
    return issuePermit(
      { role: "leader", epoch: this.epoch, isEpochOpen: true, isHeld: false },
      this.deadlineMonoMs,
      now,
    );
  }

  /** The permit of now; the test has seen to it that there is one. */
  permit(): Permit {
    const permit = this.current(realClock.mono());
    if (permit === undefined) throw new Error("this test has no permit");
    return permit;
  }
}

export const btc: SymbolId = id<SymbolId>("BTC/USDT");
const venueId: VenueId = id<VenueId>("binance");

export const terms: OrderTerms = {
  venue: venueId,
  symbol: btc,
  side: "buy",
  type: "limit",
  quantity: "0.001" as Decimal,
  price: "30000" as Decimal,
  timeInForce: "GTC",
};

/** Far enough for any test. */
export function inMs(ms: number): MonoMs {
  return monoMs(realClock.mono() + ms);
}

/** A venue connection with test settings. */
export function connect(url: string, permits: PermitSource, over: Partial<VenueOptions> = {}): Promise<Venue> {
  return openVenue({
    id: venueId,
    exchange: "binance",
    account: "test",
    mode: "sandbox",
    apiKey: "key",
    secret: "secret",
    restUrl: url,
    wsUrl: url.replace(/^http/, "ws"),
    symbols: [btc],
    validityMs: 5_000,
    minValidityMs: 50,
    // A bound for what hangs; what is about the deadline sets its own.
    deadlineMs: 20_000,
    clock: realClock,
    permits,
    ...over,
  });
}

/** Waits until `fact` holds; fails with its sentence after `withinMs`, a bound for what hangs on whatever machine. */
export async function until(sentence: string, fact: () => boolean, withinMs = 40_000): Promise<void> {
  const end = realClock.mono() + withinMs;
  while (!fact()) {
    if (realClock.mono() > end) throw new Error(`waited in vain: ${sentence}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
