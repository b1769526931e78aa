/**
 * The account's events, without a hole: on every (re)connection it subscribes and buffers, reads by REST what happened
 * before, gives out both without doubles, and only then calls itself ready. A connection that answers pings but stops
 * telling is found by a periodic read: a fill that the stream owed us ends it. Full-jitter back-off, reset only after
 * stable uptime; a refusal with `Retry-After` is obeyed.
 */
import { WebSocket } from "ws";
import { assertNever, isAnswered, type MonoMs } from "@baton/core";
import { type AccountEvent, type AccountLedger } from "./account-ledger.ts";
import type { AccountReads } from "./account-reads.ts";
import { newLedger, readAccount, type AccountKnowledge } from "./account-recovery.ts";
import type { StreamDialect, SymbolOf } from "./dialects/dialect.ts";
import type { UserMessage } from "./dialects/user-message.ts";
import { followByReads } from "./read-account.ts";
import { read, readStamp, sampleClock, type Line } from "./requests.ts";
import { VenueUnavailable, type Venue, type VenueOptions } from "./venue.ts";

/** `ready`: everything up to now was given out, and what comes next will be. */
export type AccountStreamState = "connecting" | "subscribing" | "recovering" | "ready" | "backing-off" | "closed";

export interface AccountStreamOptions extends AccountKnowledge {
  /** Called in order; must not throw. Fills come once per trade id and stream; journal them idempotently nevertheless. */
  readonly onEvent: (event: AccountEvent) => void;
  /** `why` is the cause of a `backing-off`. */
  readonly onState?: (state: AccountStreamState, why: string) => void;
  /** Period of the read that finds a silent stream; default 30 s. */
  readonly sweepEveryMs?: number;
}

export interface AccountStream {
  state(): AccountStreamState;
  /** Ends the stream; no event is given out afterwards. */
  close(): void;
}

/** Where the stream lives. */
export interface StreamContext {
  readonly venue: Venue;
  readonly venueOptions: VenueOptions;
  readonly line: Line;
  readonly symbolOf: SymbolOf;
  readonly account: AccountReads;
  readonly closing: AbortSignal;
}

const stableAfterMs = 30_000;
const backOffCapMs = 10_000;
const handshakeMs = 5_000;
const ackMs = 5_000;
const pingEveryMs = 10_000;
const pongWithinMs = 5_000;
const bufferedMax = 10_000;
/** A fill this old that only the sweep found was owed by the stream. */
const owedAfterMs = 2_000;
/** The first sweep follows soon, because the venue's reads may have lagged behind at recovery. */
const firstSweepMs = 3_000;
const sweepEveryMs = 30_000;
/** And so does one for fills that are known to be missing. */
const missingSweepMs = 2_000;

/** Starts at once: by the venue's stream where its dialect has one, else by reading. */
export function openAccount(context: StreamContext, options: AccountStreamOptions): AccountStream {
  const { stream } = context.line.dialect;
  return stream === undefined ? followByReads(context, options) : new Stream(context, stream, options);
}

class Stream implements AccountStream {
  readonly #context: StreamContext;
  readonly #dialect: StreamDialect;
  readonly #options: AccountStreamOptions;
  readonly #ledger: AccountLedger;
  #state: AccountStreamState = "connecting";
  #attempt = 0;
  #connections = 0;
  #socket: WebSocket | undefined;
  #openedMonoMs: number | undefined;
  #timers: NodeJS.Timeout[] = [];
  #soonMs = missingSweepMs;
  /** Messages of this connection that wait for its recovery; undefined once live. */
  #buffer: UserMessage[] | undefined;

  constructor(context: StreamContext, dialect: StreamDialect, options: AccountStreamOptions) {
    this.#context = context;
    this.#dialect = dialect;
    this.#options = options;
    this.#ledger = newLedger(context, (event) => {
      if (this.#state !== "closed") options.onEvent(event);
    });
    context.closing.addEventListener("abort", () => this.close());
    void this.#connect();
  }

  state(): AccountStreamState {
    return this.#state;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#move("closed", "closed");
    this.#drop();
  }

  async #connect(): Promise<void> {
    const { line, venueOptions } = this.#context;
    this.#move("connecting", "");
    const untilMonoMs = (line.clock.mono() + handshakeMs) as MonoMs;
    if (!(await line.budget.take("reserved", { weight: this.#dialect.weight, orders: 0 }, untilMonoMs))) {
      this.#again("no room in the rate budget", 1_000);
      return;
    }
    const key = await this.#key();
    if (this.#isOver()) return;
    if (key === undefined && this.#dialect.key !== undefined) return this.#again("no key for the stream", 0);
    this.#connections += 1;
    const address = this.#dialect.address(venueOptions, key);
    const socket = new WebSocket(address, { handshakeTimeout: handshakeMs, perMessageDeflate: false });
    this.#socket = socket;
    this.#buffer = [];
    let retryAfterMs = 0;
    this.#openedMonoMs = undefined;
    socket.on("open", () => {
      this.#openedMonoMs = line.clock.mono();
      this.#subscribe(socket);
    });
    socket.on("message", (data) => this.#receive(socket, this.#dialect.parse(textOf(data), this.#context.symbolOf)));
    socket.on("unexpected-response", (request, response) => {
      retryAfterMs = Number(response.headers["retry-after"] ?? 0) * 1_000 || 0;
      request.destroy();
      socket.emit("error", new Error(`the upgrade was refused with HTTP ${response.statusCode}`));
    });
    socket.on("error", (error) => this.#lost(socket, error.message, retryAfterMs));
    socket.on("close", (code) => this.#lost(socket, `closed with ${code}`, retryAfterMs));
  }

  #subscribe(socket: WebSocket): void {
    const { line, venueOptions } = this.#context;
    this.#move("subscribing", "");
    this.#watch(socket);
    const { apiKey, secret } = venueOptions;
    const requestId = `subscribe-${this.#connections}`;
    const request = this.#dialect.subscribe?.({ requestId, apiKey, secret, stamp: readStamp(line) });
    if (request === undefined) {
      this.#keepAlive(socket);
      void this.#recover(socket); // the address was the subscription
      return;
    }
    socket.send(request);
    this.#after(ackMs, () => {
      if (this.#state === "subscribing") this.#end(socket, "no answer to the subscription");
    });
  }

  /** The key that opens the stream; undefined where there is none, or none could be had. */
  async #key(): Promise<string | undefined> {
    const { key } = this.#dialect;
    if (key === undefined) return undefined;
    const { line } = this.#context;
    const untilMonoMs = (line.clock.mono() + handshakeMs) as MonoMs;
    try {
      const { verdict, json } = await read(line, key.open, { untilMonoMs, attemptMs: handshakeMs });
      return isAnswered(verdict) ? key.read(json) : undefined;
    } catch (error) {
      if (error instanceof VenueUnavailable) return undefined;
      throw error;
    }
  }

  /** A key that could not be kept alive ends the connection: a new one comes with the next. */
  #keepAlive(socket: WebSocket): void {
    const { key } = this.#dialect;
    if (key === undefined) return;
    this.#after(key.everyMs, () => {
      const { line } = this.#context;
      const untilMonoMs = (line.clock.mono() + handshakeMs) as MonoMs;
      void read(line, key.keepAlive, { untilMonoMs, attemptMs: handshakeMs })
        .then(({ verdict }) => isAnswered(verdict))
        .catch(() => false)
        .then((isKept) => {
          if (!isKept) this.#end(socket, "the stream's key could not be kept alive");
          else if (socket === this.#socket) this.#keepAlive(socket);
        });
    });
  }

  /** Pings on a period; a peer that does not answer is gone, whatever TCP believes. */
  #watch(socket: WebSocket): void {
    let isAlive = true;
    socket.on("pong", () => (isAlive = true));
    const ping = (): void => {
      isAlive = false;
      socket.ping();
      this.#after(pongWithinMs, () => {
        if (!isAlive) this.#end(socket, "no answer to a ping");
        else this.#after(pingEveryMs - pongWithinMs, ping);
      });
    };
    this.#after(pingEveryMs, ping);
  }

  #receive(socket: WebSocket, message: UserMessage): void {
    if (socket !== this.#socket || this.#isOver()) return;
    switch (message.kind) {
      case "answer":
        this.#answered(socket, message);
        return;
      case "ending":
        this.#end(socket, message.cause);
        return;
      case "unreadable":
        this.#end(socket, "a message that cannot be read");
        return;
      case "other":
        return;
      case "report":
      case "balances":
        if (this.#buffer === undefined) this.#give(message);
        else if (this.#buffer.push(message) > bufferedMax) this.#end(socket, "more events than recovery can hold back");
        return;
      default:
        assertNever(message, "user message");
    }
  }

  #answered(socket: WebSocket, message: Extract<UserMessage, { kind: "answer" }>): void {
    if (message.requestId !== `subscribe-${this.#connections}` || this.#state !== "subscribing") return;
    if (message.status === 200) {
      void this.#recover(socket);
      return;
    }
    const { codes } = this.#context.line.dialect.profile;
    if (message.code !== undefined && codes.clock.includes(message.code)) {
      void sampleClock(this.#context.line, handshakeMs);
    }
    this.#end(socket, `the subscription was refused: ${message.code ?? message.status} ${message.message}`);
  }

  /** Reads what came before the subscription, gives out the buffer after it, and is ready. */
  async #recover(socket: WebSocket): Promise<void> {
    this.#move("recovering", "");
    for (let attempt = 0; socket === this.#socket && !this.#isOver(); attempt += 1) {
      if (await readAccount(this.#context, this.#ledger, this.#options)) {
        if (socket !== this.#socket || this.#isOver()) return;
        for (const message of this.#buffer ?? []) this.#give(message);
        this.#buffer = undefined;
        this.#move("ready", "");
        this.#sweepIn(socket, firstSweepMs);
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2_000, 50 * 2 ** attempt)));
    }
  }

  async #sweep(socket: WebSocket): Promise<void> {
    const found = await readAccount(this.#context, this.#ledger, this.#options);
    if (socket !== this.#socket || this.#isOver()) return;
    const venueMs = this.#context.line.venueClock.now()?.venueWallMs;
    const isOwed = found?.fills.some((fill) => venueMs !== undefined && venueMs - fill.tradedWallMs > owedAfterMs);
    if (isOwed === true) this.#end(socket, "a fill was found that the stream did not tell");
    else this.#sweepIn(socket, this.#options.sweepEveryMs ?? sweepEveryMs);
  }

  /** The next sweep; sooner, at first, while fills are missing that the venue itself has told of in its orders. */
  #sweepIn(socket: WebSocket, ms: number): void {
    const lookMs = Math.min(ms, this.#soonMs);
    this.#after(lookMs, () => {
      const isMissing = this.#options.isFillMissing?.() === true;
      // What several sweeps do not find is not worth the venue's allowance.
      this.#soonMs = isMissing ? Math.min(this.#soonMs * 2, sweepEveryMs) : missingSweepMs;
      if (isMissing || ms <= lookMs) void this.#sweep(socket);
      else this.#sweepIn(socket, ms - lookMs);
    });
  }

  #give(message: UserMessage): void {
    if (message.kind === "balances") this.#ledger.balances(message.balances, "stream");
    if (message.kind !== "report") return;
    if (message.trade !== undefined) this.#ledger.trade(message.trade, "stream");
    this.#ledger.order(message.order, "stream");
  }

  /** Ends a connection that we found wanting. */
  #end(socket: WebSocket, why: string): void {
    this.#lost(socket, why, 0);
  }

  #lost(socket: WebSocket, why: string, retryAfterMs: number): void {
    if (socket !== this.#socket || this.#isOver()) return;
    this.#drop();
    const openedMonoMs = this.#openedMonoMs;
    const uptimeMs = openedMonoMs === undefined ? 0 : this.#context.line.clock.mono() - openedMonoMs;
    if (uptimeMs >= stableAfterMs) this.#attempt = 0;
    this.#again(why, retryAfterMs);
  }

  #again(why: string, atLeastMs: number): void {
    if (this.#isOver()) return;
    this.#move("backing-off", why);
    const jitterMs = Math.random() * Math.min(backOffCapMs, 100 * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#after(Math.max(atLeastMs, jitterMs), () => void this.#connect());
  }

  /** Lets go of the socket and of every timer that belonged to it. */
  #drop(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#buffer = undefined;
    socket?.removeAllListeners();
    socket?.on("error", () => undefined); // a handshake that is cut off still reports, and nobody else listens
    socket?.terminate();
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers = this.#timers.filter((other) => other !== timer);
      act();
    }, ms);
    this.#timers.push(timer);
  }

  #isOver(): boolean {
    return this.#state === "closed";
  }

  #move(state: AccountStreamState, why: string): void {
    this.#state = state;
    this.#options.onState?.(state, why);
  }
}

function textOf(data: WebSocket.RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.from(data as Buffer).toString("utf8");
}
