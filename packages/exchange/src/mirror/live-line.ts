/**
 * The connection to the mirrored venue's streams: differences and trades of all symbols on one socket, so that a trade and
 * the change that it made of the book keep their order. It connects again for ever, with full jitter, and says when it is
 * open, when it is cut and what came; what that means for a book is decided by who listens.
 */
import { areLevels, fullJitterMs } from "@baton/core";
import { WebSocket } from "ws";
import { parseAmount } from "../amounts.ts";
import type { MirrorOptions } from "./live-venue.ts";
import type { LiveDifference } from "./mirrored-book.ts";
import type { LivePrint } from "./queue.ts";

/** A trade as it came. */
export interface LiveTrade extends LivePrint {
  readonly tradeId: number;
  readonly atMs: number;
}

/** Who is told what comes. */
export interface LineListener {
  readonly opened: () => void;
  readonly cut: (why: string) => void;
  readonly difference: (symbol: string, difference: LiveDifference) => void;
  readonly trade: (symbol: string, trade: LiveTrade) => void;
}

const backoff = { baseMs: 250, capMs: 10_000 };
const HANDSHAKE_MS = 5_000;

/** One connection, kept until it is closed. */
export class LiveLine {
  readonly #address: string;
  readonly #listener: LineListener;
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(options: MirrorOptions, listener: LineListener) {
    const streams = options.symbols
      .map((symbol) => symbol.toLowerCase())
      .flatMap((name) => [`${name}@depth@100ms`, `${name}@trade`]);
    this.#address = `${options.wsUrl.replace(/\/+$/, "")}/stream?streams=${streams.join("/")}`;
    this.#listener = listener;
    this.#connect();
  }

  /** Ends it for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #connect(): void {
    const socket = new WebSocket(this.#address, { handshakeTimeout: HANDSHAKE_MS });
    this.#socket = socket;
    let why = "the connection was closed";
    socket.on("open", () => this.#listener.opened());
    socket.on("message", (data) => this.#hear((data as Buffer).toString("utf8")));
    socket.on("error", (error) => (why = error.message));
    socket.on("close", (code) => {
      if (this.#isClosed) return;
      this.#listener.cut(`${why} (${code})`);
      this.#timer = setTimeout(() => this.#connect(), fullJitterMs(backoff, this.#failures, Math.random()));
      this.#failures += 1;
    });
  }

  #hear(text: string): void {
    const frame = dataOf(text);
    if (frame === undefined) return;
    // Only data proves that a connection is good.
    this.#failures = 0;
    const symbol = frame["s"];
    if (typeof symbol !== "string") return;
    if (frame["e"] === "depthUpdate") {
      const { U: firstId, u: lastId, b: bids, a: asks } = frame;
      if (!isId(firstId) || !isId(lastId) || !areLevels(bids) || !areLevels(asks)) return;
      this.#listener.difference(symbol, { firstId, lastId, bids, asks });
    }
    if (frame["e"] === "trade") {
      const { t: tradeId, T: atMs, p, q, m } = frame;
      const [price, quantity] = [amountOf(p), amountOf(q)];
      if (!isId(tradeId) || !isId(atMs) || price === undefined || quantity === undefined) return;
      this.#listener.trade(symbol, { tradeId, atMs, price, quantity, restingSide: m === true ? "BUY" : "SELL" });
    }
  }
}

function dataOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { data } = JSON.parse(text) as { readonly data?: unknown };
    return typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    // A frame that cannot be read may have been a difference: the next one's number shows it.
    return undefined;
  }
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function amountOf(value: unknown): bigint | undefined {
  const amount = typeof value === "string" ? parseAmount(value) : undefined;
  return typeof amount === "bigint" ? amount : undefined;
}
