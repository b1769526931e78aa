/**
 * One WebSocket of a client: its liveness (pings, and pongs within the venue's time), its age on a clock that faults may
 * turn forward, the limit on what it may send, and the faults that strike what it is sent. The audit has everything that
 * a message tells before the message leaves.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import type { FaultBoard, Subject } from "../faults/fault-board.ts";
import { inMicroseconds } from "../gateway/time-unit.ts";
import type { Personality } from "../personality.ts";
import { Outbox } from "./outbox.ts";
import { StreamLies } from "./stream-lies.ts";

/** What a message is about, for the faults. */
export interface MessageSubject {
  readonly stream: string;
  readonly symbol?: string | undefined;
  /** Its trade id, or its first and last update id. */
  readonly ids?: readonly number[] | undefined;
}

/** How a connection speaks and what it carries: what differs between market streams and the WebSocket API. */
export interface Manner {
  /** The message that tells of a shutdown. */
  readonly shutdownText: () => string;
  /** The streams that are subscribed on it now, as faults name them. */
  readonly streams: () => Iterable<string>;
}

/** A client's WebSocket. */
export class StreamConnection {
  /** Counted from 1; faults that strike a share of the connections know it by this. */
  readonly number: number;
  /** The key that faults know it by: the handshake's header, later the key it subscribed with. */
  apiKey: string | undefined;
  account: string | undefined;
  readonly source: string;
  readonly #socket: WebSocket;
  readonly #audit: AuditLog;
  readonly #faults: FaultBoard;
  readonly #manner: Manner;
  readonly #outbox: Outbox;
  readonly #lies: StreamLies;
  readonly #mutedBy = new Set<number>();
  readonly #inUnit: (text: string) => string;
  readonly #openedMonoMs = performance.now();
  readonly #pings: NodeJS.Timeout;
  #agedMs = 0;
  #second = 0;
  #messagesInSecond = 0;
  #awaitsPongSinceMs = 0;

  constructor(options: {
    readonly number: number;
    readonly socket: WebSocket;
    readonly wire: Socket;
    readonly audit: AuditLog;
    readonly faults: FaultBoard;
    readonly source: string;
    readonly apiKey: string | undefined;
    /** Its times are told in microseconds. */
    readonly isInMicroseconds: boolean;
    readonly manner: Manner;
    readonly heartbeat: Personality["heartbeat"];
    /** Messages a second it may send; absent: no limit but the request weights. */
    readonly messagesPerSecond?: number;
    readonly onText: (text: string) => void;
    readonly onClose: () => void;
  }) {
    this.number = options.number;
    this.#socket = options.socket;
    this.#audit = options.audit;
    this.#faults = options.faults;
    this.#manner = options.manner;
    this.source = options.source;
    this.apiKey = options.apiKey;
    this.#inUnit = options.isInMicroseconds ? inMicroseconds : (text) => text;
    const outbox = new Outbox(options);
    this.#outbox = outbox;
    this.#lies = new StreamLies(this.#faults, {
      send: (parcel, delayMs) => outbox.send(parcel, delayMs),
      sendLater: (parcel, delayMs) => outbox.sendLater(parcel, delayMs),
      cutWithin: (text) => outbox.cutWithin(text),
    });
    const { pingEveryMs, pongWithinMs } = options.heartbeat;
    this.#pings = setInterval(() => this.#ping(pongWithinMs), pingEveryMs);
    this.#listen(options);
  }

  /** Sends an answer to something the client asked; stream faults leave it alone. */
  answer(text: string): void {
    if (!this.isMute()) this.#outbox.send({ kind: "text", text: this.#inUnit(text) });
  }

  /** Sends a stream's message, as the armed faults will have it. */
  publish(said: string, subject: MessageSubject): void {
    const text = this.#inUnit(said);
    if (!this.#lies.isBusy) this.#outbox.send({ kind: "text", text });
    else if (!this.isMute()) this.#lies.publish(text, { ...this.#self(), ...subject });
  }

  /** True while nothing leaves, not even pongs: the venue hangs, or this connection is dead without having ended. */
  isMute(): boolean {
    if (!this.#faults.isArmed("venue-down", "stream-mute")) return false;
    const subjects = this.subjects();
    if (this.#faults.find("connect", subjects, { names: ["venue-down"], modes: ["hang"] }) !== undefined) return true;
    const fault = this.#faults.find("connection", subjects, { names: ["stream-mute"] });
    if (fault === undefined) return false;
    if (!this.#mutedBy.has(fault.id)) this.#faults.note(fault, this.#self());
    this.#mutedBy.add(fault.id);
    return true;
  }

  /** What faults match this connection by: itself, and itself with each of its streams. */
  subjects(): readonly Subject[] {
    const self = this.#self();
    const carried = [...this.#manner.streams()].map((stream) => ({ ...self, ...streamSubject(stream) }));
    return [self, ...carried];
  }

  /** How old it is, in ms of its own clock. */
  ageMs(): number {
    return performance.now() - this.#openedMonoMs + this.#agedMs;
  }

  /** Turns its clock forward. */
  growOlder(byMs: number): void {
    this.#agedMs += byMs;
  }

  /** Tells that the server is about to shut down, and ends it after the notice. */
  shutDown(noticeMs: number, code: number): void {
    this.answer(this.#manner.shutdownText());
    setTimeout(() => this.close(code), noticeMs).unref();
  }

  /** Ends it; 1006 cuts without a close frame. */
  close(code: number): void {
    this.#audit.flush();
    if (code === 1006) this.#socket.terminate();
    else this.#socket.close(code);
  }

  /** Cuts it at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  #self(): Subject {
    return { connection: this.number, apiKey: this.apiKey, account: this.account, source: this.source };
  }

  #listen(options: {
    readonly messagesPerSecond?: number;
    readonly onText: (text: string) => void;
    readonly onClose: () => void;
  }): void {
    const socket = this.#socket;
    const count = (): boolean => this.#countIncoming(options.messagesPerSecond);
    socket.on("message", (data, isBinary) => {
      if (count() && !isBinary && !this.isMute()) options.onText((data as Buffer).toString("utf8"));
    });
    socket.on("ping", (data) => {
      if (count() && !this.isMute()) socket.pong(data);
    });
    socket.on("pong", () => {
      this.#awaitsPongSinceMs = 0;
      count();
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      clearInterval(this.#pings);
      this.#outbox.close();
      options.onClose();
    });
  }

  #ping(pongWithinMs: number): void {
    const nowMs = performance.now();
    if (this.#awaitsPongSinceMs > 0 && nowMs - this.#awaitsPongSinceMs >= pongWithinMs) {
      this.#socket.terminate();
      return;
    }
    if (this.isMute() || this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#awaitsPongSinceMs === 0) this.#awaitsPongSinceMs = nowMs;
    this.#socket.ping(`${Date.now()}`);
  }

  #countIncoming(most: number | undefined): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#messagesInSecond = 0;
    }
    this.#messagesInSecond += 1;
    if (most === undefined || this.#messagesInSecond <= most) return true;
    this.close(1008);
    return false;
  }
}

/** A stream's name with the symbol in it: `btcusdt@trade` is about BTCUSDT. */
export function streamSubject(stream: string): { readonly stream: string; readonly symbol?: string } {
  const at = stream.indexOf("@");
  return at <= 0 ? { stream } : { stream, symbol: stream.slice(0, at).toUpperCase() };
}
