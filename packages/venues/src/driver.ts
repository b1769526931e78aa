/**
 * ccxt, unmodified and kept to what it is good at: addresses and signing of a venue's REST interface. Its retry and its
 * rate limiter stay off, its clock is not asked, its error classes are not read, its markets are not loaded: each request
 * goes out under a ticket (`last-check.ts`) and comes back as what the wire said. Decided here: which of four ways one
 * request ended.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { assert, type ExchangeId } from "@baton/core";
import type { CcxtSettings, Dialect, Request, Stamp, Stamped } from "./dialects/dialect.ts";
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

/** A request with its time on it. */
export interface SignedRequest extends Request {
  readonly stamp: Stamp;
  readonly stamped: Stamped;
}

/** One loaded ccxt exchange behind the last check. */
export interface Driver {
  /** One request, sent at most once; never rejects. */
  send(request: SignedRequest, ticket: Ticket): Promise<Answer>;
}

/** Loads ccxt's class of the exchange (about 50 MB resident; its whole package would be 110) and gives it our sockets. */
export async function openDriver(options: {
  readonly dialect: Dialect;
  readonly apiKey: string;
  readonly secret: string;
  readonly passphrase?: string;
  readonly mode: "paper" | "sandbox" | "live";
  readonly restUrl?: string;
  readonly dispatcher: Dispatcher;
}): Promise<Driver> {
  const { dialect } = options;
  const exchange = new (await loadExchange(dialect.profile.exchange))({
    apiKey: options.apiKey,
    secret: options.secret,
    ...(options.passphrase === undefined ? {} : { password: options.passphrase }),
    enableRateLimit: false,
    timeout: 60_000, // ours are shorter; it must not end a request whose late answer is still worth having
    userAgent: "baton",
  });
  exchange.options["maxRetriesOnFailure"] = 0;
  // An answer is read once, by the dialect. ccxt would parse it too and keep the last one of each kind: with ten thousand
  // open orders that is a tenth of a second on the main loop and twenty megabytes.
  exchange.parseJson = () => undefined;
  exchange.enableLastJsonResponse = false;
  exchange.enableLastHttpResponse = false;
  dialect.configure(exchange, options.restUrl === undefined && options.mode === "sandbox" ? "sandbox" : "live");
  if (options.restUrl !== undefined) exchange.urls.api = replaceOrigins(exchange.urls.api, options.restUrl);
  await exchange.loadFetchImplementation();
  exchange.fetchDispatcher = options.dispatcher;
  signByTicket(exchange, dialect.profile.countsNonces === true);
  const restResponse = exchange.onRestResponse.bind(exchange);
  exchange.onRestResponse = (...parts) => {
    const ticket = currentTicket();
    assert(ticket !== undefined, "an answer belongs to a ticket");
    ticket.body = parts[5];
    return restResponse(...parts);
  };
  return {
    send: (request, ticket) => {
      const { call, parameters, stamp, stamped } = request;
      ticket.stamp = stamp;
      if (stamped.headers !== undefined) ticket.headersSent = stamped.headers;
      return answerOf(ticket, () => {
        const send = exchange[call];
        assert(typeof send === "function", `ccxt has the call ${call}`);
        return (send as NativeCall)({ ...parameters, ...stamped.parameters });
      });
    },
  };
}

/**
 * Where ccxt itself puts time and window into the signature, it asks these two; they answer with the stamp of the request
 * that is being signed. A number may not come twice, because to some venues it is a nonce.
 */
function signByTicket(exchange: Ccxt, isNonce: boolean): void {
  let last = 0;
  exchange.nonce = () => {
    const atMs = currentTicket()?.stamp?.atMs;
    assert(atMs !== undefined, "a request is signed under a ticket");
    if (!isNonce) return Math.floor(atMs);
    // Kraken's nonce is a number that only grows, however the clock is corrected.
    last = Math.max(last + 1, Math.floor(atMs * 1_000));
    return last;
  };
  Object.defineProperty(exchange.options, "recvWindow", {
    get: () => Math.floor(currentTicket()?.stamp?.validityMs ?? 0),
    set: () => {
      // Whoever sets it, ccxt included, does not widen what a permit allows.
    },
    enumerable: true,
  });
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

type NativeCall = (parameters: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** What this file uses of a ccxt exchange; its native calls are found by name. */
type Ccxt = CcxtSettings & {
  readonly id: string;
  urls: { api: Record<string, unknown> };
  fetchDispatcher: Dispatcher;
  nonce: () => number;
  parseJson: (text: string) => unknown;
  enableLastJsonResponse: boolean;
  enableLastHttpResponse: boolean;
  onRestResponse(...parts: [number, string, string, string, unknown, string, unknown, unknown]): string;
  loadFetchImplementation(): Promise<unknown>;
} & Record<string, unknown>;

/**
 * ccxt's package opens only its whole (104 exchanges, 110 MB resident); the one file we need is loaded by its path,
 * found from the resolved package, as bundlers do.
 */
async function loadExchange(exchange: ExchangeId): Promise<new (options: object) => Ccxt> {
  const require = createRequire(import.meta.url);
  const entry = require.resolve("ccxt");
  const file = pathToFileURL(join(dirname(entry), "..", "js", "src", `${exchange}.js`)).href;
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
