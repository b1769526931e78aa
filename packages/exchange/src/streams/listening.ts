/**
 * One stream connection's wishes: what its address and its SUBSCRIBE and UNSUBSCRIBE ask for, and what becomes of that.
 * A living listen key is a stream's name too: it stands for its account's events.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { FaultBoard, Subject } from "../faults/fault-board.ts";
import type { FaultName } from "../faults/fault.ts";
import type { Desk } from "../gateway/call.ts";
import type { AccountStreams, AccountSubscription } from "./account-streams.ts";
import { streamSubject } from "./connection.ts";
import type { Listener, MarketStreams } from "./market-streams.ts";
import { listing, readStreamRequest, type StreamRequest } from "./stream-protocol.ts";

type Subscribing = Extract<StreamRequest, { readonly kind: "subscribe" | "unsubscribe" }>;

/** What it listens to, and what it can hear. */
export interface ListeningParts {
  /** Whether the address that was dialled has the market stream. */
  readonly carries: (stream: string) => boolean;
  readonly desk: Desk;
  readonly market: MarketStreams;
  readonly accounts: AccountStreams;
  readonly audit: AuditLog;
  readonly faults: FaultBoard;
}

/** The listening of one connection. */
export class Listening {
  readonly listener: Listener;
  readonly #parts: ListeningParts;
  readonly #accounts = new Map<string, AccountSubscription>();

  constructor(listener: Listener, parts: ListeningParts) {
    this.listener = listener;
    this.#parts = parts;
  }

  /** Takes one message. */
  hear(text: string): void {
    const request = readStreamRequest(text);
    const { connection } = this.listener;
    const answer = (result: unknown, id: unknown): void => connection.answer(JSON.stringify({ result, id }));
    if ((request.kind === "subscribe" || request.kind === "unsubscribe") && this.#isSpoilt(request)) return;
    switch (request.kind) {
      case "wrong":
        connection.answer(JSON.stringify(request.answer));
        return;
      case "subscribe":
        if (this.subscribe(request.streams) && !this.#isAckLost(request)) answer(null, request.id);
        return;
      case "unsubscribe":
        for (const name of request.streams.map(canonical)) {
          if (this.listener.streams.has(name)) this.#leave(name, "unsubscribe");
        }
        if (!this.#isAckLost(request)) answer(null, request.id);
        return;
      case "list":
        answer(listing(this.listener), request.id);
        return;
      case "set-combined":
        this.listener.isCombined = request.isCombined;
        answer(null, request.id);
        return;
      case "get-combined":
        answer(this.listener.isCombined, request.id);
    }
  }

  /** Starts streams; false when that would be too many: then the connection is closed. */
  subscribe(streams: readonly string[]): boolean {
    const { desk, market } = this.#parts;
    for (const name of streams.map(canonical)) {
      if (this.listener.streams.has(name)) continue;
      if (this.listener.streams.size >= desk.limits.limits.streamsPerConnection) {
        this.listener.connection.close(1008);
        return false;
      }
      if (this.#listenToAccount(name)) continue;
      if (this.#parts.carries(name)) market.subscribe(this.listener, name);
      else this.listener.streams.add(name);
      this.#record(name, "subscribe");
    }
    return true;
  }

  /** The connection ended: so does all that it listened to. */
  close(): void {
    for (const name of [...this.listener.streams]) this.#leave(name, "closed");
  }

  #listenToAccount(name: string): boolean {
    const { desk, accounts } = this.#parts;
    const key = desk.listenKeys.find(name);
    if (key === undefined) return false;
    const { connection } = this.listener;
    const subscription: AccountSubscription = {
      connection,
      account: key.account,
      listenKey: name,
      wrap: (event) => (this.listener.isCombined ? `{"stream":"${name}","data":${event}}` : event),
    };
    connection.apiKey = key.apiKey;
    connection.account = key.account;
    this.listener.streams.add(name);
    this.#accounts.set(name, subscription);
    accounts.add(subscription);
    this.#record("user", "subscribe");
    return true;
  }

  #leave(name: string, action: "unsubscribe" | "closed"): void {
    const subscription = this.#accounts.get(name);
    if (subscription === undefined) {
      this.#parts.market.unsubscribe(this.listener, name);
      this.#record(name, action);
      return;
    }
    this.listener.streams.delete(name);
    this.#accounts.delete(name);
    this.#parts.accounts.remove(subscription);
    this.#record("user", action);
  }

  /** True when a fault has had its way with a request and nothing more is to be done. */
  #isSpoilt(request: Subscribing): boolean {
    const { connection } = this.listener;
    const names: readonly FaultName[] = ["sub-lost", "sub-refused", "sub-hollow"];
    const fault = this.#parts.faults.strike("subscribe", this.#subjects(request.streams), { names });
    if (fault === undefined) return false;
    if (fault.fault === "sub-hollow") connection.answer(JSON.stringify({ result: null, id: request.id }));
    if (fault.fault === "sub-refused") {
      const answer = { code: 2, msg: "Invalid request: request could not be processed", id: request.id };
      connection.answer(JSON.stringify(answer));
    }
    return true;
  }

  #isAckLost(request: Subscribing): boolean {
    const subjects = this.#subjects(request.streams);
    return this.#parts.faults.strike("subscribe", subjects, { names: ["sub-ack-lost"] }) !== undefined;
  }

  /** A request about streams, as faults see it: once for each stream. */
  #subjects(streams: readonly string[]): readonly Subject[] {
    const [self] = this.listener.connection.subjects();
    return streams.map((stream) => ({ ...self, ...streamSubject(this.#faultName(canonical(stream))) }));
  }

  #faultName(stream: string): string {
    return this.#parts.desk.listenKeys.find(stream) === undefined ? stream : "user";
  }

  #record(stream: string, action: "subscribe" | "unsubscribe" | "closed"): void {
    const { apiKey, account, source } = this.listener.connection;
    this.#parts.audit.append({
      type: "sub",
      stream,
      action,
      source,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(stream === "user" && account !== undefined ? { account } : {}),
    });
  }

  /** The streams as faults name them. */
  *names(): Iterable<string> {
    for (const name of this.listener.streams) yield this.#accounts.has(name) ? "user" : name;
  }
}

/** `BTCUSDT@trade` and `btcusdt@trade` are one stream; what follows the `@` is as Binance spells it. */
function canonical(stream: string): string {
  const at = stream.indexOf("@");
  // Streams of all symbols have no symbol before the @.
  return at < 0 || stream.startsWith("!") ? stream : stream.slice(0, at).toLowerCase() + stream.slice(at);
}
