/**
 * ccxt, unmodified and kept to what it is good at: addresses, signing and symbols of a venue's REST interface. Its retry
 * and its rate limiter stay off, its clock is not asked, its error classes are not read: each request goes out under a
 * ticket (`last-check.ts`) and comes back as what the wire said. Decided here: which of four ways one request ended.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { assert, type SymbolId } from "@baton/core";
import { currentTicket, underTicket, type Refusal, type Ticket } from "./last-check.ts";

/** How one request ended. Only `broken` leaves open what the venue did. */
export type Answer =
  | { readonly kind: "response"; readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }
  /** The last check stopped it: no byte was sent. */
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** No socket: refused, DNS, TLS, or given up before one was there. No byte was sent. */
  | { readonly kind: "not-connected"; readonly cause: string }
  /** Bytes may have left, and there is no whole answer. */
  | { readonly kind: "broken"; readonly cause: string };

/** The native calls that Baton uses, by ccxt's names of Binance's endpoints. */
export type Call =
  | "publicGetPing"
  | "publicGetTime"
  | "privatePostOrder"
  | "privateDeleteOrder"
  | "privateGetOrder"
  | "privateGetOpenOrders"
  | "privateGetMyTrades"
  | "privateGetAccount";

export type Parameters = Readonly<Record<string, string | number>>;

/** One loaded ccxt exchange behind the last check. */
export interface Driver {
  /** One request, sent at most once; never rejects. */
  send(call: Call, parameters: Parameters, ticket: Ticket): Promise<Answer>;
  /** Loads the markets of `symbols` once, at start, so that no takeover waits for them; the raw answer is in the `Answer`. */
  loadMarkets(symbols: readonly SymbolId[], ticket: Ticket): Promise<Answer>;
  /** The venue's name of a loaded symbol. */
  venueSymbol(symbol: SymbolId): string | undefined;
}

/** Loads ccxt's Binance (about 50 MB resident; its whole package would be 110) and gives it our sockets. */
export async function openDriver(options: {
  readonly apiKey: string;
  readonly secret: string;
  readonly mode: "sandbox" | "live";
  readonly restUrl?: string;
  readonly dispatcher: Dispatcher;
}): Promise<Driver> {
  const exchange = new (await loadBinance())({
    apiKey: options.apiKey,
    secret: options.secret,
    enableRateLimit: false,
    timeout: 60_000, // ours are shorter; it must not end a request whose late answer is still worth having
    userAgent: "baton",
  });
  exchange.options["maxRetriesOnFailure"] = 0;
  exchange.options["fetchMarkets"] = { types: ["spot"] };
  exchange.options["fetchMargins"] = false; // else it asks two signed lists more
  exchange.has["fetchCurrencies"] = false;
  if (options.restUrl !== undefined) exchange.urls.api = replaceOrigins(exchange.urls.api, options.restUrl);
  else if (options.mode === "sandbox") exchange.setSandboxMode(true);
  await exchange.loadFetchImplementation();
  exchange.fetchDispatcher = options.dispatcher;
  const restResponse = exchange.onRestResponse.bind(exchange);
  exchange.onRestResponse = (...parts) => {
    const ticket = currentTicket();
    assert(ticket !== undefined, "an answer belongs to a ticket");
    ticket.body = parts[5];
    return restResponse(...parts);
  };
  return {
    send: (call, parameters, ticket) => answerOf(ticket, () => exchange[call]({ ...parameters })),
    loadMarkets: (symbols, ticket) => {
      const names = symbols.map((symbol) => symbol.replace("/", ""));
      return answerOf(ticket, () => exchange.loadMarkets(true, { symbols: JSON.stringify(names) }));
    },
    venueSymbol: (symbol) => exchange.markets?.[symbol]?.id,
  };
}

/** Runs one ccxt call; whatever it returns or throws, the ticket says how the request ended. */
async function answerOf(ticket: Ticket, send: () => Promise<unknown>): Promise<Answer> {
  let cause = "no answer";
  try {
    await underTicket(ticket, send);
  } catch (error) {
    cause = error instanceof Error ? error.message : String(error);
  }
  if (ticket.refusal !== undefined) return { kind: "refused", refusal: ticket.refusal };
  if (ticket.phase !== "started") return { kind: "not-connected", cause };
  const { status, headers, body } = ticket;
  if (status === undefined || headers === undefined || body === undefined) return { kind: "broken", cause };
  return { kind: "response", status, headers, body };
}

/** What this file uses of a ccxt exchange. */
type Ccxt = {
  urls: { api: Record<string, unknown> };
  readonly options: Record<string, unknown>;
  readonly has: Record<string, unknown>;
  readonly markets?: Readonly<Record<string, { readonly id: string } | undefined>>;
  fetchDispatcher: Dispatcher;
  onRestResponse(...parts: [number, string, string, string, unknown, string, unknown, unknown]): string;
  setSandboxMode(on: boolean): void;
  loadFetchImplementation(): Promise<unknown>;
  loadMarkets(reload: boolean, parameters: object): Promise<unknown>;
} & { readonly [call in Call]: (parameters: Record<string, string | number>) => Promise<unknown> };

/**
 * ccxt's package opens only its whole (104 exchanges, 110 MB resident); the one file we need is loaded by its path,
 * found from the resolved package, as bundlers do.
 */
async function loadBinance(): Promise<new (options: object) => Ccxt> {
  const require = createRequire(import.meta.url);
  const entry = require.resolve("ccxt");
  const file = pathToFileURL(join(dirname(entry), "..", "js", "src", "binance.js")).href;
  const loaded = (await import(file)) as { readonly default: new (options: object) => Ccxt };
  return loaded.default;
}

function replaceOrigins(addresses: Record<string, unknown>, origin: string): Record<string, unknown> {
  const base = origin.replace(/\/+$/, "");
  return Object.fromEntries(
    Object.entries(addresses).map(([name, address]) => [
      name,
      typeof address === "string" ? address.replace(/^https?:\/\/[^/]+/, base) : address,
    ]),
  );
}
