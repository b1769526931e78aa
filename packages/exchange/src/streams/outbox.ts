/**
 * What leaves a connection, in order: a message that a slow server holds back holds back all that follow it, as on one
 * wire. The bytes that wait have a bound; whoever is further behind is cut.
 */
import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { AuditLog } from "../audit/audit-log.ts";
import type { Parcel } from "./garbage.ts";
import { TEXT_FRAME, wireFrame } from "./wire-frames.ts";

/** A consumer further behind than this is cut: memory has a bound. */
const UNSENT_BYTES_MAX = 32 * 1_024 * 1_024;
/** Between half a frame and the reset that follows: time for the half to arrive. */
const BEFORE_RESET_MS = 20;

interface Waiting {
  readonly parcel: Parcel;
  readonly dueMonoMs: number;
}

/** The way out of one connection. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #wire: Socket;
  readonly #audit: AuditLog;
  readonly #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isCut = false;

  constructor(options: { readonly socket: WebSocket; readonly wire: Socket; readonly audit: AuditLog }) {
    this.#socket = options.socket;
    this.#wire = options.wire;
    this.#audit = options.audit;
  }

  /** Sends after everything that was sent before it, and not before `delayMs` are over. */
  send(parcel: Parcel, delayMs = 0): void {
    if (delayMs === 0 && this.#waiting.length === 0) {
      this.#deliver(parcel);
      return;
    }
    const afterMonoMs = this.#waiting.at(-1)?.dueMonoMs ?? 0;
    this.#waiting.push({ parcel, dueMonoMs: Math.max(afterMonoMs, performance.now() + delayMs) });
    this.#waitingBytes += sizeOf(parcel);
    if (this.#waitingBytes > UNSENT_BYTES_MAX) this.#socket.terminate();
    else this.#wake();
  }

  /** Sends out of order after a while, if the connection is still there. */
  sendLater(parcel: Parcel, delayMs: number): void {
    setTimeout(() => this.send(parcel), delayMs).unref();
  }

  /** Half of a text's frame, then a reset: nothing else ever leaves. */
  cutWithin(text: string): void {
    if (this.#isCut || this.#socket.readyState !== this.#socket.OPEN) return;
    this.#isCut = true;
    this.#audit.flush();
    const frame = wireFrame(TEXT_FRAME, Buffer.from(text));
    this.#wire.write(frame.subarray(0, Math.ceil(frame.length / 2)), () => {
      setTimeout(() => this.#wire.resetAndDestroy(), BEFORE_RESET_MS).unref();
    });
  }

  /** Nothing is there to send to any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #wake(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#drain();
      },
      Math.max(0, first.dueMonoMs - performance.now()),
    );
  }

  #drain(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.dueMonoMs > performance.now()) break;
      this.#waiting.shift();
      this.#waitingBytes -= sizeOf(first.parcel);
      this.#deliver(first.parcel);
    }
    this.#wake();
  }

  #deliver(parcel: Parcel): void {
    if (this.#isCut || this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > UNSENT_BYTES_MAX) {
      this.#socket.terminate();
      return;
    }
    this.#audit.flush();
    if (parcel.kind === "text") this.#socket.send(parcel.text);
    else if (parcel.kind === "binary") this.#socket.send(parcel.bytes);
    else this.#wire.write(parcel.bytes);
  }
}

function sizeOf(parcel: Parcel): number {
  return parcel.kind === "text" ? parcel.text.length : parcel.bytes.length;
}
