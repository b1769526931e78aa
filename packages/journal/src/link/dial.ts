/**
 * Dialling a peer and never giving up: full jitter from a small base, because a standby that is back a second late is a
 * second without a copy, and a cap, because a dead host is asked for ever. A peer that turned us away for what we are
 * (another cluster, another format) is asked slowly. Who may speak of what is decided above; here is only the wire.
 */
import { WebSocket } from "ws";
import { Connection, linkLiveness, messageBytesMax } from "./connection.ts";
import type { Liveness } from "./connection.ts";
import { decodeBinary, decodeToFollower } from "./messages.ts";
import type { BinaryMessage, Introduction, ToFollower, ToLeader } from "./messages.ts";

export interface DialOptions {
  /** `host:port`. */
  readonly address: string;
  readonly me: () => Introduction;
  /** Sent as the Authorization header. */
  readonly authorization?: string | undefined;
  readonly liveness?: Liveness | undefined;
  /** The peer has introduced itself; messages follow. */
  readonly onUp: (peer: Introduction) => void;
  readonly onMessage: (message: ToFollower) => void;
  readonly onBinary: (message: BinaryMessage) => void;
  /** The connection ended, or could not be made. `wasUp`: `onUp` had been called for it. */
  readonly onDown: (why: string, wasUp: boolean) => void;
}

const backoffBaseMs = 20;
const backoffCapMs = 1000;
const backoffRefusedMs = 5000;
const connectMs = 1000;

/** Dials until closed. */
export function dialLink(options: DialOptions): DialledLink {
  return new DialledLink(options);
}

export class DialledLink {
  readonly #options: DialOptions;
  #connection: Connection | undefined;
  #socket: WebSocket | undefined;
  #retrying: NodeJS.Timeout | undefined;
  #attempt = 0;
  #isUp = false;
  #isRefused = false;
  #isClosed = false;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#dial();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get rttMs(): number | undefined {
    return this.#connection?.rttMs;
  }

  /** False when the link is down and the message was not sent. */
  send(message: ToLeader): boolean {
    if (!this.#isUp) return false;
    this.#connection?.send(message);
    return true;
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  /** Ends this connection and dials anew, backing off. */
  drop(why: string): void {
    this.#connection?.close(why);
  }

  /** Ends it for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retrying);
    this.#connection?.close("closed here");
    this.#socket?.terminate();
  }

  #dial(): void {
    const { address, authorization } = this.#options;
    const socket = new WebSocket(`ws://${address}/link`, {
      perMessageDeflate: false,
      handshakeTimeout: connectMs,
      maxPayload: messageBytesMax,
      headers: authorization === undefined ? {} : { authorization },
    });
    this.#socket = socket;
    let failure = "could not connect";
    const onError = (error: Error): void => void (failure = error.message);
    const onClose = (): void => this.#retry(failure, false);
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("open", () => {
      socket.off("close", onClose);
      socket.off("error", onError);
      this.#connection = new Connection(
        socket,
        {
          onText: (text) => this.#onMessage(decodeToFollower(text)),
          onBinary: (bytes) => {
            if (this.#isUp) this.#options.onBinary(decodeBinary(bytes));
          },
          onClosed: (why) => {
            const wasUp = this.#isUp;
            this.#isUp = false;
            this.#connection = undefined;
            this.#retry(why, wasUp);
          },
        },
        this.#options.liveness ?? linkLiveness,
      );
      this.#connection.send({ kind: "introduce", who: this.#options.me() } satisfies ToLeader);
    });
  }

  #onMessage(message: ToFollower): void {
    if (this.#isClosed) return;
    if (message.kind === "introduced") {
      this.#isUp = true;
      this.#isRefused = false;
      this.#attempt = 0;
      this.#options.onUp(message.who);
      return;
    }
    if (message.kind === "refused" && !this.#isUp) this.#isRefused = true;
    this.#options.onMessage(message);
  }

  #retry(why: string, wasUp: boolean): void {
    if (this.#isClosed) return;
    const ceiling = this.#isRefused ? backoffRefusedMs : Math.min(backoffCapMs, backoffBaseMs * 2 ** this.#attempt);
    this.#attempt = Math.min(this.#attempt + 1, 16);
    this.#retrying = setTimeout(() => this.#dial(), Math.random() * ceiling);
    this.#options.onDown(why, wasUp);
  }
}
