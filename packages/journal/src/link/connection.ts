/**
 * One open connection between two nodes: messages in order, a measure of what has not left yet, and its own liveness by
 * pings, so that a peer that vanished without a word is noticed by both sides. Closing is final; a new connection is
 * another object.
 */
import { monoMs } from "@baton/core";
import type { MonoMs } from "@baton/core";
import type { WebSocket } from "ws";
import { LinkProtocolError } from "./messages.ts";
import { plainLine } from "./security.ts";

/** How often each side pings, and after how much silence it gives the connection up, in ms. */
export interface Liveness {
  readonly pingMs: number;
  readonly deadMs: number;
}

export const linkLiveness: Liveness = { pingMs: 500, deadMs: 3000 };

/** Largest message: a frame's body is far below, a hello with a long tail is not. */
export const messageBytesMax: number = 64 * 1024 * 1024;

/** The monotonic clock in ms. */
export function monoNow(): MonoMs {
  return monoMs(Number(process.hrtime.bigint()) / 1e6);
}

/** WebSocket's "policy violation". */
const refusedCode = 1008;
const refuseMs = 1_000;

export interface ConnectionHandlers {
  readonly onText: (text: string) => void;
  readonly onBinary: (bytes: Buffer) => void;
  /** Called once, also when the socket never worked. `isRefusal`: the peer ended it by a `refuse`, and this is its sentence. */
  readonly onClosed: (why: string, isRefusal: boolean) => void;
}

export class Connection {
  readonly #socket: WebSocket;
  readonly #pinging: NodeJS.Timeout;
  #heard: MonoMs = monoNow();
  /** How often it was looked since something was heard. */
  #looks = 0;
  #pingSent: MonoMs | undefined;
  #why = "the peer closed it";
  #isOpen = true;
  #isRefusing = false;
  /** Round trip of the last ping, in ms. */
  rttMs: number | undefined;

  /** Takes over an open socket. A message that does not decode closes it. */
  constructor(socket: WebSocket, handlers: ConnectionHandlers, liveness: Liveness = linkLiveness) {
    this.#socket = socket;
    socket.on("message", (data, isBinary) => {
      this.#hear();
      try {
        if (isBinary) handlers.onBinary(data as Buffer);
        else handlers.onText((data as Buffer).toString("utf8"));
      } catch (error) {
        if (!(error instanceof LinkProtocolError)) throw error;
        this.close(error.message);
      }
    });
    socket.on("ping", () => this.#hear());
    socket.on("pong", (data) => {
      this.#hear();
      if (data.length > 0) return;
      if (this.#pingSent !== undefined) this.rttMs = this.#heard - this.#pingSent;
      this.#pingSent = undefined;
    });
    socket.on("error", (error) => void (this.#why = error.message));
    socket.on("close", (code, reason) => {
      this.#isOpen = false;
      clearInterval(this.#pinging);
      // A peer that is refused says the same code back.
      const isRefusal = code === refusedCode && !this.#isRefusing;
      handlers.onClosed(reason.length > 0 ? reason.toString("utf8") : this.#why, isRefusal);
    });
    this.#pinging = setInterval(() => this.#ping(liveness), liveness.pingMs);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Bytes that were sent and have not left for the kernel. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Sends one JSON message. Without effect once closed. */
  send(message: object): void {
    if (this.#isOpen) this.#socket.send(JSON.stringify(message));
  }

  sendBinary(bytes: Buffer): void {
    if (this.#isOpen) this.#socket.send(bytes, { binary: true });
  }

  /** Settles when all that was sent so far has left for the kernel, or the connection is closed. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#isOpen) return resolve();
      const socket = this.#socket;
      const settle = (): void => {
        socket.off("close", settle);
        resolve();
      };
      socket.once("close", settle);
      // A ping queues behind everything else; its callback is the end of the queue. It has a payload, so that its pong is
      // not taken for the answer to one that measures. One that fails does so before the socket has closed, and at once each
      // time that it is tried: who asks again and again would keep the close from ever being heard.
      socket.ping("drained", undefined, (error?: Error | null) => {
        if (error === undefined || error === null) settle();
      });
    });
  }

  /** Stops reading, so that the peer's sending stalls. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    // While it was paused nothing could be heard.
    this.#hear();
    this.#socket.resume();
  }

  /** Ends it with a sentence that the peer reads; one that does not close in turn is cut off. */
  refuse(sentence: string): void {
    if (!this.#isOpen) return;
    this.#isRefusing = true;
    this.#why = sentence;
    // A close frame holds 123 bytes of reason, and one that is cut within a character is no reason at all.
    this.#socket.close(refusedCode, plainLine(sentence, 123));
    setTimeout(() => this.#socket.terminate(), refuseMs).unref();
  }

  /** Ends it now, without waiting for the peer. */
  close(why: string): void {
    if (!this.#isOpen) return;
    this.#why = why;
    this.#socket.terminate();
  }

  #hear(): void {
    this.#heard = monoNow();
    this.#looks = 0;
  }

  #ping(liveness: Liveness): void {
    this.#looks += 1;
    const silentMs = monoNow() - this.#heard;
    // Silence counts as far as this thread was awake to hear: what came while it stood still lies in the socket.
    const isHeardOut = this.#looks * liveness.pingMs >= liveness.deadMs;
    if (silentMs > liveness.deadMs && isHeardOut && !this.#socket.isPaused) {
      this.close(`nothing was heard for ${Math.round(silentMs)} ms`);
      return;
    }
    if (this.#pingSent !== undefined) return;
    this.#pingSent = monoNow();
    this.#socket.ping();
  }
}
