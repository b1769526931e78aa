/**
 * The account's events, without a hole: on every (re)connection it subscribes and buffers, reads by REST what happened
 * before, gives out both without doubles, and only then calls itself ready. A connection that answers pings but stops
 * telling is found by a periodic read (`account-sweeps.ts`): a fill that the stream owed us ends it. Full-jitter back-off, reset only after
 * stable uptime; a refusal with `Retry-After` is obeyed. While no stream can be had, the account is read on a period instead
 * (`stand-in-reads.ts`). How a venue greets (`stream-opening.ts`), speaks and counts is its dialect's.
 */
import { WebSocket } from "ws";
import { assertNever, isAnswered, type MonoMs, type SymbolId } from "@baton/core";
import { type AccountEvent, type AccountLedger } from "./account-ledger.ts";
import type { AccountReads } from "./account-reads.ts";
import { newLedger, readAccount, type AccountKnowledge } from "./account-recovery.ts";
import { Sweeps } from "./account-sweeps.ts";
import type { StreamDialect, SymbolOf } from "./dialects/dialect.ts";
import type { UserFact, UserMessage } from "./dialects/user-message.ts";
import { StandInReads } from "./stand-in-reads.ts";
import { read, type Line } from "./requests.ts";
import { StreamOpening } from "./stream-opening.ts";
import { VenueUnavailable, type Venue, type VenueOptions } from "./venue.ts";

/**
 * `ready`: everything up to now was given out, and what comes next will be. `reading`: no stream can be had, and the account
 * is read every so often instead; what was read was given out.
 */
export type AccountStreamState =
  "connecting" | "subscribing" | "recovering" | "ready" | "backing-off" | "reading" | "closed";

export interface AccountStreamOptions extends AccountKnowledge {
  /** Called in order; must not throw. Fills come once per trade id and stream; journal them idempotently nevertheless. */
  readonly onEvent: (event: AccountEvent) => void;
  /** `why` is the cause of a `backing-off` or a `reading`. */
  readonly onState?: (state: AccountStreamState, why: string) => void;
  /** Period of the read that finds a silent stream; default 30 s. */
  readonly sweepEveryMs?: number;
  /** Period of the pings that find a peer that is gone, each to be answered within half of it; default 10 s. */
  readonly pingEveryMs?: number;
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
  readonly venueSymbolOf: (symbol: SymbolId) => string;
  readonly account: AccountReads;
  readonly closing: AbortSignal;
}

const stableAfterMs = 30_000;
const backOffCapMs = 10_000;
const handshakeMs = 5_000;
const pingEveryMs = 10_000;
const bufferedMax = 10_000;
/** So many connections in a row must fail before the account is read instead. */
const failuresMin = 3;

/** Starts at once. */
export function openAccount(context: StreamContext, options: AccountStreamOptions): AccountStream {
  return new Stream(context, context.line.dialect.stream, options);
}

class Stream implements AccountStream {
  readonly #context: StreamContext;
  readonly #dialect: StreamDialect;
  readonly #options: AccountStreamOptions;
  readonly #ledger: AccountLedger;
  #state: Exclude<AccountStreamState, "reading"> = "connecting";
  #attempt = 0;
  #connections = 0;
  #socket: WebSocket | undefined;
  #openedMonoMs: number | undefined;
  #timers: NodeJS.Timeout[] = [];
  /** Of the latest connection that came to be open. */
  #opening: StreamOpening | undefined;
  #isPonged = true;
  /** Of each lane of messages, the number of the last one of this connection. */
  readonly #counted = new Map<string, number>();
  readonly #sweeps: Sweeps;
  readonly #standIn: StandInReads;
  /** No stream can be had, and the account is read instead. */
  #isReading = false;
  /** What this connection told and has to wait for its recovery; undefined once live. */
  #buffer: UserFact[] | undefined;

  constructor(context: StreamContext, dialect: StreamDialect, options: AccountStreamOptions) {
    this.#context = context;
    this.#dialect = dialect;
    this.#options = options;
    this.#ledger = newLedger(context, (event) => {
      if (this.#state !== "closed") options.onEvent(event);
    });
    this.#sweeps = new Sweeps({
      everyMs: options.sweepEveryMs,
      read: () => readAccount(context, this.#ledger, options),
      isFillMissing: () => options.isFillMissing?.() === true,
      venueMs: () => context.line.venueClock.now()?.venueWallMs,
      onOwed: () => {
        if (this.#socket !== undefined) this.#end(this.#socket, "a fill was found that the stream did not tell");
      },
    });
    this.#standIn = new StandInReads({
      everyMs: context.line.dialect.profile.accountEvents.standInEveryMs,
      read: () => readAccount(context, this.#ledger, options),
      onRead: (isRead, why) => {
        if (isRead === this.#isReading || this.#isOver()) return;
        this.#isReading = isRead;
        if (isRead) this.#options.onState?.("reading", why);
      },
    });
    context.closing.addEventListener("abort", this.#onClosing);
    void this.#connect();
  }

  /** A venue outlives many streams of it, one a term. */
  readonly #onClosing = (): void => this.close();

  state(): AccountStreamState {
    return this.#isReading ? "reading" : this.#state;
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#move("closed", "closed");
    this.#context.closing.removeEventListener("abort", this.#onClosing);
    this.#standIn.end();
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
    this.#opening = undefined;
    this.#counted.clear();
    let retryAfterMs = 0;
    this.#openedMonoMs = undefined;
    socket.on("open", () => {
      this.#openedMonoMs = line.clock.mono();
      this.#subscribe(socket, key);
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

  #subscribe(socket: WebSocket, key: string | undefined): void {
    this.#move("subscribing", "");
    this.#watch(socket);
    this.#keepAlive(socket);
    const opening = new StreamOpening(this.#context, {
      connection: this.#connections,
      key,
      send: (text) => socket.send(text),
      after: (ms, act) => this.#after(ms, act),
      granted: () => void this.#recover(socket),
      failed: (why) => this.#end(socket, why),
    });
    this.#opening = opening;
    opening.greet();
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
    const keepAlive = this.#dialect.key?.keepAlive;
    if (keepAlive === undefined) return;
    this.#after(keepAlive.everyMs, () => {
      const { line } = this.#context;
      const untilMonoMs = (line.clock.mono() + handshakeMs) as MonoMs;
      void read(line, keepAlive, { untilMonoMs, attemptMs: handshakeMs })
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
    const { ping: message } = this.#dialect;
    const everyMs = this.#options.pingEveryMs ?? pingEveryMs;
    socket.on("pong", () => (this.#isPonged = true));
    const ping = (): void => {
      this.#isPonged = false;
      if (message === undefined) socket.ping();
      else socket.send(message);
      this.#after(everyMs / 2, () => {
        if (!this.#isPonged) this.#end(socket, "no answer to a ping");
        else this.#after(everyMs / 2, ping);
      });
    };
    this.#after(everyMs, ping);
  }

  #receive(socket: WebSocket, message: UserMessage): void {
    if (socket !== this.#socket || this.#isOver()) return;
    if (message.counted !== undefined) this.#count(message.counted);
    switch (message.kind) {
      case "answer":
        this.#opening?.answered(message);
        return;
      case "ending":
        this.#end(socket, message.cause);
        return;
      case "unreadable":
        this.#end(socket, "a message that cannot be read");
        return;
      case "pong":
        this.#isPonged = true;
        return;
      case "other":
        return;
      case "facts":
        if (this.#buffer === undefined) this.#give(message.facts);
        else if (this.#buffer.push(...message.facts) > bufferedMax) {
          this.#end(socket, "more events than recovery can hold back");
        }
        return;
      default:
        assertNever(message, "user message");
    }
  }

  /** A number that is missing is a message that was not delivered: what it told is read. */
  #count({ lane, number }: NonNullable<UserMessage["counted"]>): void {
    const last = this.#counted.get(lane);
    this.#counted.set(lane, number);
    if (last !== undefined && number > last + 1) this.#sweeps.ring();
  }

  /** Reads what came before the subscription, gives out the buffer after it, and is ready. */
  async #recover(socket: WebSocket): Promise<void> {
    this.#move("recovering", "");
    for (let attempt = 0; socket === this.#socket && !this.#isOver(); attempt += 1) {
      if (await readAccount(this.#context, this.#ledger, this.#options)) {
        if (socket !== this.#socket || this.#isOver()) return;
        this.#standIn.end();
        const held = this.#buffer ?? [];
        this.#buffer = undefined;
        this.#move("ready", "");
        this.#give(held);
        this.#sweeps.begin();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(2_000, 50 * 2 ** attempt)));
    }
  }

  #give(facts: readonly UserFact[]): void {
    for (const fact of facts) {
      switch (fact.kind) {
        case "balances":
          this.#ledger.balances(fact.balances, "stream");
          break;
        case "trade":
          this.#ledger.trade(fact.trade, "stream");
          break;
        case "order":
          this.#grown(fact.order.venueOrderId, this.#ledger.order(fact.order, "stream"));
          break;
        case "change": {
          const news = this.#ledger.change(fact.change, "stream");
          if (news === "unknown") this.#sweeps.ring(fact.change.venueOrderId);
          else this.#grown(fact.change.venueOrderId, news && fact.change.executed !== undefined);
          break;
        }
        default:
          assertNever(fact, "user fact");
      }
    }
  }

  /** Where the venue tells that an order grew and not by which fills, these are read. */
  #grown(venueOrderId: string, isNews: boolean): void {
    if (isNews && this.#context.line.dialect.profile.accountEvents.tells === "orders") this.#sweeps.ring(venueOrderId);
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
    if (this.#attempt + 1 >= failuresMin) this.#standIn.begin(why);
    this.#move("backing-off", why);
    const jitterMs = Math.random() * Math.min(backOffCapMs, 100 * 2 ** this.#attempt);
    this.#attempt += 1;
    this.#after(Math.max(atLeastMs, jitterMs), () => void this.#connect());
  }

  /** Lets go of the socket and of every timer that belonged to it. */
  #drop(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.#sweeps.end();
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

  /** While the account is read instead, what becomes of the next connection is news only where it fails, or is ready. */
  #move(state: Exclude<AccountStreamState, "reading">, why: string): void {
    this.#state = state;
    if (state === "ready" || state === "closed") this.#isReading = false;
    if (!this.#isReading || state === "backing-off") this.#options.onState?.(state, why);
  }
}

function textOf(data: WebSocket.RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString("utf8");
  return Buffer.from(data as Buffer).toString("utf8");
}
