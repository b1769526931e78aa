/**
 * One WebSocket, from dialling to its end, reduced to five words: opened, text, pong, closed, and what ended it.
 *
 * `closed` comes exactly once, whatever happens: refused upgrade, TLS failure, reset, close frame, our own cut. The first
 * sign of trouble names the cause; what `ws` reports after it is its echo. The reader does nothing but hand over text.
 */
import type { Clock, DisconnectCause, LineLoss } from "@baton/core";
import { causeOfClose, causeOfFailure } from "@baton/core";
import WebSocket from "ws";
import { retryAfter } from "./rest.ts";

/** What the socket tells. No handler may throw. */
export interface SocketEvents {
  opened(): void;
  text(text: string): void;
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
export function openSocket(url: string, clock: Clock, events: SocketEvents): Socket {
  const dialledMono = clock.mono();
  let trouble: LineLoss | undefined;
  let isClosed = false;
  const end = (loss: LineLoss): void => {
    if (isClosed) return;
    isClosed = true;
    events.closed(trouble ?? loss);
  };
  let ws: WebSocket;
  try {
    // Compression costs more than it saves on frames of some hundred bytes. The deadline for the dial is the line's.
    ws = new WebSocket(url, { perMessageDeflate: false, maxPayload: frameBytesMax });
  } catch (error) {
    queueMicrotask(() => end({ cause: "refused", sentence: `${url} cannot be dialled: ${messageOf(error)}` }));
    return { send: nothing, ping: nothing, close: nothing, terminate: nothing };
  }
  ws.on("open", () => events.opened());
  ws.on("message", (data, isBinary) => {
    // `ws` hands over one Buffer, unless told otherwise. Binary frames carry no JSON of any venue we know.
    if (!Buffer.isBuffer(data)) return;
    events.text(isBinary ? "" : data.toString("utf8"));
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
    end({ cause: causeOfClose({ code, ageMs: clock.mono() - dialledMono }), sentence });
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
