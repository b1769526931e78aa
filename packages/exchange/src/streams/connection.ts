/**
 * One WebSocket of a client: its liveness (a ping each 20 s, a pong within a minute, 24 hours at most), the limit on
 * what it may send, what it does to a consumer that does not read, and the stream faults that strike what it is sent.
 * The audit has everything that a message tells before the message leaves.
 */
import type { WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import type { FaultBoard, Subject } from "../faults/fault-board.ts";

const PING_EVERY_MS = 20_000;
const PONG_WITHIN_MS = 60_000;
const LIFE_MS = 24 * 3_600_000;
/** A consumer further behind than this is cut: memory has a bound. */
const UNSENT_BYTES_MAX = 32 * 1_024 * 1_024;

/** What a message is about, for the faults. */
export interface MessageSubject {
  readonly stream: string;
  readonly symbol?: string | undefined;
}

/** A client's WebSocket. */
export class StreamConnection {
  /** The key that faults know it by: the handshake's header, later the key it subscribed with. */
  apiKey: string | undefined;
  account: string | undefined;
  readonly source: string;
  readonly #socket: WebSocket;
  readonly #audit: AuditLog;
  readonly #faults: FaultBoard;
  readonly #stalledBy = new Set<number>();
  readonly #timers: NodeJS.Timeout[] = [];
  #second = 0;
  #messagesInSecond = 0;
  #awaitsPongSinceMs = 0;

  constructor(options: {
    readonly socket: WebSocket;
    readonly audit: AuditLog;
    readonly faults: FaultBoard;
    readonly source: string;
    readonly apiKey: string | undefined;
    /** Messages a second it may send; absent: no limit but the request weights. */
    readonly messagesPerSecond?: number;
    readonly onText: (text: string) => void;
    readonly onClose: () => void;
  }) {
    this.#socket = options.socket;
    this.#audit = options.audit;
    this.#faults = options.faults;
    this.source = options.source;
    this.apiKey = options.apiKey;
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
      for (const timer of this.#timers) clearInterval(timer);
      options.onClose();
    });
    this.#timers.push(setInterval(() => this.#ping(), PING_EVERY_MS));
    this.#timers.push(setTimeout(() => this.close(1000), LIFE_MS));
  }

  /** Sends an answer to something the client asked; stream faults leave it alone. */
  answer(text: string): void {
    if (!this.isMute()) this.#send(text);
  }

  /** Sends a stream's message, unless a fault swallows it; a duplicating fault sends it twice. */
  publish(text: string, subject: MessageSubject): void {
    const whole: Subject = { ...subject, apiKey: this.apiKey, account: this.account, source: this.source };
    if (this.#faults.isQuiet || !this.#isSwallowed(whole)) this.#send(text);
    if (!this.#faults.isQuiet && this.#faults.strike("stream", whole, ["stream-duplicate"]) !== undefined)
      this.#send(text);
  }

  /** True while the venue is down by hanging: not even pongs leave. */
  isMute(): boolean {
    return !this.#faults.isQuiet && this.#faults.find("connect", this.subject(), ["venue-down"])?.mode === "hang";
  }

  /** What faults match this connection by. */
  subject(): Subject {
    return { apiKey: this.apiKey, account: this.account, source: this.source };
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

  #isSwallowed(subject: Subject): boolean {
    const stall = this.#faults.find("stream", subject, ["stream-stall"]);
    if (stall !== undefined) {
      // Recorded once per connection, or a silent hour would fill the audit.
      if (!this.#stalledBy.has(stall.id)) this.#faults.record(stall, subject);
      this.#stalledBy.add(stall.id);
      return true;
    }
    if (this.isMute()) return true;
    if (subject.stream === "user" && this.#faults.strike("user-stream", subject) !== undefined) return true;
    return this.#faults.strike("stream", subject, ["stream-gap"]) !== undefined;
  }

  #send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > UNSENT_BYTES_MAX) {
      this.#socket.terminate();
      return;
    }
    this.#audit.flush();
    this.#socket.send(text);
  }

  #ping(): void {
    const nowMs = performance.now();
    if (this.#awaitsPongSinceMs > 0 && nowMs - this.#awaitsPongSinceMs >= PONG_WITHIN_MS) {
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
