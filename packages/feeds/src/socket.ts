/**
 * One WebSocket, from dialling to its end, reduced to four words: opened, frame, pong, closed, and what ended it.
 *
 * `closed` comes exactly once, whatever happens: refused upgrade, TLS failure, reset, close frame, our own cut. The first
 * sign of trouble names the cause; what `ws` reports after it is its echo. The reader does nothing but hand over bytes.
 * What they say is nobody's business here: a frame that is no UTF-8 ends no connection, it is a bad frame like another.
 */
import type { Clock, DisconnectCause, LineLoss, MonoMs } from "@baton/core";
import { causeOfClose, causeOfFailure } from "@baton/core";
import WebSocket from "ws";
import { retryAfter } from "./rest.ts";

/** Where to dial, and what of the venue's habits helps to name the end of the connection. */
export interface DialTarget {
  readonly url: string;
  /** Name of the line that dials. */
  readonly line: string;
  /** Address of the uplink to use, where the host has several. */
  readonly localAddress?: string | undefined;
  /** Age at which the venue cuts. */
  readonly cutAgeMs?: number | undefined;
  /** Silence after which the venue cuts. */
  readonly idleCutMs?: number | undefined;
  /** The longest that this process did not read lately. */
  readonly heldUpMs: () => number;
}

/** What the socket tells. No handler may throw. */
export interface SocketEvents {
  opened(): void;
  /** One frame as it came; the bytes are the socket's again when this returns. */
  frame(data: Buffer, atMono: MonoMs): void;
  pong(): void;
  closed(loss: LineLoss): void;
}

export interface Socket {
  send(text: string): void;
  ping(): void;
  /** Starts the close handshake. */
  close(): void;
  /** Cuts the connection; `closed` follows. */
  terminate(): void;
}

/** A frame larger than this is no market data. */
const frameBytesMax = 8 * 1024 * 1024;

/** Dials. Never throws: a URL that cannot be dialled is a `closed` like any other. */
export function openSocket(target: DialTarget, clock: Clock, events: SocketEvents): Socket {
  const { url, localAddress, cutAgeMs, idleCutMs, heldUpMs } = target;
  const dialledMono = clock.mono();
  let trouble: LineLoss | undefined;
  let isClosed = false;
  let heardMono = dialledMono;
  const end = (loss: LineLoss): void => {
    if (isClosed) return;
    isClosed = true;
    events.closed(trouble ?? loss);
  };
  let ws: WebSocket;
  try {
    // Compression costs more than it saves on frames of some hundred bytes. The deadline for the dial is the line's.
    ws = new WebSocket(url, {
      perMessageDeflate: false,
      maxPayload: frameBytesMax,
      skipUTF8Validation: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
  } catch (error) {
    queueMicrotask(() => end({ cause: "refused", sentence: `${url} cannot be dialled: ${messageOf(error)}` }));
    return { send: nothing, ping: nothing, close: nothing, terminate: nothing };
  }
  ws.on("open", () => events.opened());
  ws.on("message", (data) => {
    // `ws` hands over one Buffer, unless told otherwise.
    if (!Buffer.isBuffer(data)) return;
    heardMono = clock.mono();
    events.frame(data, heardMono);
  });
  ws.on("pong", () => events.pong());
  ws.on("unexpected-response", (request, response) => {
    const status = response.statusCode ?? 0;
    trouble ??= {
      cause: causeOfFailure({ status }),
      sentence: `the venue refused the upgrade with ${status}`,
      retryAfterMs: retryAfter(response.headers["retry-after"], clock),
    };
    response.resume();
    request.destroy();
    ws.terminate();
  });
  ws.on("error", (error: NodeJS.ErrnoException) => {
    const cause: DisconnectCause = causeOfFailure(error.code === undefined ? {} : { code: error.code });
    trouble ??= { cause, sentence: `the connection failed: ${messageOf(error)}` };
  });
  ws.on("close", (code, reason) => {
    const words = reason.toString("utf8").slice(0, 120);
    const sentence = `the venue closed the connection with ${code}${words === "" ? "" : ` (${words})`}`;
    const nowMono = clock.mono();
    const cause = causeOfClose({
      code,
      reason: words,
      ageMs: nowMono - dialledMono,
      silentMs: nowMono - heardMono,
      heldUpMs: heldUpMs(),
      ...(cutAgeMs === undefined ? {} : { cutAgeMs }),
      ...(idleCutMs === undefined ? {} : { idleCutMs }),
    });
    end({ cause, sentence });
  });
  return {
    // A failed write shows as an error or a close of the socket; there is nothing to do about it here.
    send: (text) => ws.send(text, nothing),
    ping: () => ws.ping(undefined, undefined, nothing),
    close: () => ws.close(1000),
    terminate: () => ws.terminate(),
  };
}

function nothing(): void {
  // Deliberately empty.
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
