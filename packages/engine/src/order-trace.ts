/**
 * Where the time of each order goes: the instants it passes from the wish to the venue's answer, as this node saw them, on
 * the monotonic clock that all processes of a machine share. Kept in memory for the newest attempts only and shown at
 * `GET /v1/traces`; histograms of the same facts are in the metrics. Nothing is decided on these.
 */
import type { ClientOrderId, IntentId, MonoMs, Sequence } from "@baton/core";
import { Newest } from "@baton/core";
import type { RequestTelemetry } from "@baton/venues";
import { monoNow } from "./clock.ts";

/** One attempt. Instants that it has not passed (yet) are absent; each is later than those before it. */
export interface OrderTrace {
  readonly intent: IntentId;
  readonly clientOrderId: ClientOrderId;
  readonly sequence: Sequence;
  /** The wish is being checked. */
  readonly wishedMonoMs: MonoMs;
  /** It passed risk, is applied to the speculative state and on its way to the own disk and the followers. */
  readonly decidedMonoMs: MonoMs;
  /** On the own disk. A follower may have been faster. */
  durableMonoMs?: MonoMs;
  /** On the disk of every member of the wait set; sending begins. */
  committedMonoMs?: MonoMs;
  /** There is room in the venue's rate budget. */
  limiterMonoMs?: MonoMs;
  /** The signature's time and validity are fixed; what follows is signing, and a socket. */
  signedMonoMs?: MonoMs;
  /** The last check passed; the bytes go to the socket in the same turn. */
  socketMonoMs?: MonoMs;
  answeredMonoMs?: MonoMs;
  /** The outcome's kind. */
  result?: string;
}

/** So many are kept, and shown at most. */
export const tracesMax = 2_048;

export class OrderTraces {
  readonly #traces = new Newest<string, OrderTrace>(tracesMax);
  /** In order of sequence. */
  #undurable: OrderTrace[] = [];

  /** An attempt was recorded. */
  decided(attempt: Pick<OrderTrace, "intent" | "clientOrderId" | "sequence" | "wishedMonoMs">): void {
    const trace: OrderTrace = { ...attempt, decidedMonoMs: monoNow() };
    this.#traces.set(trace.clientOrderId, trace);
    this.#undurable.push(trace);
    if (this.#undurable.length > tracesMax) this.#undurable.shift();
  }

  /** Everything up to here is on the own disk. */
  durable(upTo: Sequence): void {
    const rest = this.#undurable.findIndex((trace) => trace.sequence > upTo);
    const count = rest === -1 ? this.#undurable.length : rest;
    if (count === 0) return;
    const now = monoNow();
    for (const trace of this.#undurable.splice(0, count)) trace.durableMonoMs = now;
  }

  /** The wait set holds it, and sending begins. */
  committed(clientOrderId: ClientOrderId): void {
    const trace = this.#traces.get(clientOrderId);
    if (trace !== undefined) trace.committedMonoMs ??= monoNow();
  }

  /** What the venue's door measured of a request. */
  requested(request: RequestTelemetry): void {
    const trace = request.clientOrderId === undefined ? undefined : this.#traces.get(request.clientOrderId);
    if (trace === undefined || request.call !== "order.place") return;
    const { limiterMonoMs, signedMonoMs, socketMonoMs, answeredMonoMs, result } = request;
    Object.assign(trace, { limiterMonoMs, signedMonoMs, socketMonoMs, answeredMonoMs, result });
  }

  /** The newest, oldest of them first. */
  newest(limit: number): readonly OrderTrace[] {
    return this.#traces.newest(limit);
  }
}
