/**
 * The last metre: whether a request may leave is decided here, in the same synchronous function in which undici hands
 * the bytes to the socket. Any earlier place is too early, because a socket may still have to open (705 ms were measured
 * between signing and the first byte). A request that is refused here has not sent one byte: undici calls
 * `onRequestStart` before it writes, and `abort()` there ends the request. So this file makes three facts: the right to
 * send (I2), the proof of "not sent", and the instant of sending. Every request carries a ticket; without one none leaves.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingHttpHeaders } from "node:http";
import { Agent, Dispatcher } from "undici";
import { assert, type Clock, type MonoMs, type NotSentReason } from "@baton/core";
import type { Stamp } from "./dialects/dialect.ts";

/** Why the last check said no. */
export interface Refusal {
  readonly reason: NotSentReason;
  readonly message: string;
}

/** What one request may do and how far it came. */
export interface Ticket {
  readonly call: string;
  /**
   * Each has sockets of its own: a slow read never stands before an order, nor orders without an answer before a cancel or an
   * order that takes no risk (`ahead`).
   */
  readonly lane: "orders" | "ahead" | "cancels" | "reads";
  /** Asked synchronously before the first byte; a refusal stops the request. Reads have none. */
  readonly check?: () => Refusal | undefined;
  /** `waiting` → `started` (bytes may have left) | `refused` (proved: none did) | `void` (its caller has gone: none will). */
  phase: "waiting" | "started" | "refused" | "void";
  /** Called once, in the turn in which the bytes go to the socket. */
  readonly onStarted?: (() => void) | undefined;
  refusal?: Refusal;
  /** The time that the request is signed for. */
  stamp?: Stamp;
  /** Headers that the venue reads and ccxt does not set. */
  headersSent?: Readonly<Record<string, string>>;
  socketMonoMs?: MonoMs;
  headersMonoMs?: MonoMs;
  status?: number;
  headers?: IncomingHttpHeaders;
  /** The whole body, decompressed; present only once it was read to its end. */
  body?: string;
  /** Ends the exchange on the wire; set once started. */
  abort?: (why: Error) => void;
}

const tickets = new AsyncLocalStorage<Ticket>();

/** Runs `send` so that the one request it makes carries `ticket`. */
export function underTicket<T>(ticket: Ticket, send: () => Promise<T>): Promise<T> {
  return tickets.run(ticket, send);
}

/** The ticket of the request that is being handled in this asynchronous context. */
export function currentTicket(): Ticket | undefined {
  return tickets.getStore();
}

/** Gives a request up: it will not start any more; true when it had not started, i.e. nothing was sent. */
export function giveUp(ticket: Ticket): boolean {
  if (ticket.phase === "waiting") ticket.phase = "void";
  return ticket.phase !== "started";
}

/**
 * Sockets of each lane at one venue. That of orders is a bulkhead as well: a venue that stops answering has so many whose
 * fate is open, and what waits behind them is known not to have been sent when its time is over.
 */
const socketsMax = { orders: 64, ahead: 16, cancels: 32, reads: 16 } as const;

/** The sockets behind ccxt: four pools, one last check. `dispatcher` is what ccxt is given. */
export class CheckedSockets {
  readonly dispatcher: Dispatcher;
  readonly #pools: Readonly<Record<Ticket["lane"], Agent>>;

  constructor(clock: Clock, connect?: Agent.Options["connect"]) {
    const common: Agent.Options = {
      pipelining: 1, // one request a socket: a stalled answer holds up nothing else
      allowH2: false,
      keepAliveTimeout: 60_000,
      headersTimeout: 60_000,
      bodyTimeout: 60_000,
      ...(connect === undefined ? {} : { connect }),
    };
    const pool = (lane: Ticket["lane"]): Agent => new Agent({ ...common, connections: socketsMax[lane] });
    this.#pools = { orders: pool("orders"), ahead: pool("ahead"), cancels: pool("cancels"), reads: pool("reads") };
    this.dispatcher = new PoolsByLane(this.#pools).compose((dispatch) => (options, handler) => {
      const ticket = ticketHere();
      return dispatch(withHeaders(options, ticket.headersSent), new LastCheck(handler, ticket, clock));
    });
  }

  /** Tells when an order socket was lost, so that it can be opened again before it is needed. */
  onOrderSocketLost(listener: () => void): void {
    for (const lane of ["orders", "ahead", "cancels"] as const) this.#pools[lane].on("disconnect", listener);
  }

  /** Ends all sockets; requests under way end as broken. */
  async destroy(): Promise<void> {
    await Promise.all(Object.values(this.#pools).map((pool) => pool.destroy()));
  }
}

class PoolsByLane extends Dispatcher {
  readonly #pools: Readonly<Record<Ticket["lane"], Agent>>;

  constructor(pools: Readonly<Record<Ticket["lane"], Agent>>) {
    super();
    this.#pools = pools;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#pools[ticketHere().lane].dispatch(options, handler);
  }
}

function withHeaders(
  options: Dispatcher.DispatchOptions,
  more: Readonly<Record<string, string>> | undefined,
): Dispatcher.DispatchOptions {
  if (more === undefined) return options;
  const { headers } = options;
  assert(
    typeof headers === "object" && headers !== null && !(Symbol.iterator in headers),
    "ccxt's headers are a record",
  );
  return { ...options, headers: { ...headers, ...more } };
}

function ticketHere(): Ticket {
  const ticket = tickets.getStore();
  assert(ticket !== undefined, "every request to a venue carries a ticket");
  return ticket;
}

class LastCheck implements Dispatcher.DispatchHandler {
  readonly #next: Dispatcher.DispatchHandler;
  readonly #ticket: Ticket;
  readonly #clock: Clock;

  constructor(next: Dispatcher.DispatchHandler, ticket: Ticket, clock: Clock) {
    this.#next = next;
    this.#ticket = ticket;
    this.#clock = clock;
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    const stop = this.#stop();
    if (stop !== undefined) {
      controller.abort(new Error(stop));
      return;
    }
    const ticket = this.#ticket;
    ticket.phase = "started";
    ticket.socketMonoMs = this.#clock.mono();
    ticket.abort = (why) => controller.abort(why);
    ticket.onStarted?.();
    this.#next.onRequestStart?.(controller, context);
  }

  /** Why the request may not start; undefined when the next thing that happens is the write. */
  #stop(): string | undefined {
    const ticket = this.#ticket;
    if (ticket.phase === "void") return "given up before a socket was there";
    // undici restarts only idempotent requests; should that ever change, an order must not go out twice.
    if (ticket.phase === "started") return ticket.check === undefined ? undefined : "a checked request starts once";
    const refusal = ticket.check?.();
    if (refusal === undefined) return undefined;
    ticket.phase = "refused";
    ticket.refusal = refusal;
    return refusal.message;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    message?: string,
  ): void {
    this.#ticket.status = status;
    this.#ticket.headers = headers;
    this.#ticket.headersMonoMs = this.#clock.mono();
    this.#next.onResponseStart?.(controller, status, headers, message);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#next.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    this.#next.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: Dispatcher.DispatchController, error: Error): void {
    this.#next.onResponseError?.(controller, error);
  }
}
