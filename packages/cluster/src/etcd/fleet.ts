/**
 * All endpoints together: which is asked first, and when the others are asked too. The best known one is asked; after a
 * short delay, or at once when it fails, the others are asked as well, and the first answer wins. So one hung member costs
 * the hedge delay, once, and not a timeout.
 */
import { causeOf, EtcdUnavailable } from "../errors.ts";
import type { EtcdAccess } from "./endpoint.ts";
import { Endpoint } from "./endpoint.ts";
import type { Etcd3 } from "etcd3";

/** The others are asked when the best one took this long, or three times its usual latency if that is more. */
const hedgeMs = 40;
const suspectProbeMs = 1_000;

/** One request as one endpoint is asked it. */
export type Ask<T> = (client: Etcd3, options: { deadline: number }) => Promise<T>;

export class Fleet {
  readonly endpoints: readonly Endpoint[];
  readonly timeoutMs: number;

  constructor(access: EtcdAccess) {
    if (access.endpoints.length === 0) throw new EtcdUnavailable("connect", ["no endpoint is configured"]);
    this.endpoints = access.endpoints.map((url) => new Endpoint(url, access));
    this.timeoutMs = access.callTimeoutMs ?? 1_000;
  }

  /** Best first. */
  ranked(): Endpoint[] {
    return this.endpoints.toSorted((a, b) => a.rank - b.rank);
  }

  /** The first answer to a request that may safely be made several times. Rejects with `EtcdUnavailable`. */
  async first<T>(what: string, ask: Ask<T>, timeoutMs: number = this.timeoutMs): Promise<T> {
    const causes: string[] = [];
    return await new Promise<T>((resolve, reject) => {
      this.spread(ask, timeoutMs, (result) => {
        if (result.kind === "answer") {
          resolve(result.value);
          return true;
        }
        causes.push(`${result.endpoint.url}: ${causeOf(result.error)}`);
        if (result.isLast) reject(new EtcdUnavailable(what, causes));
        return false;
      });
    });
  }

  /** The first answer when every endpoint is asked at once. For what must be fast and is rare. */
  async race<T>(what: string, ask: Ask<T>, timeoutMs: number = this.timeoutMs): Promise<T> {
    try {
      return await Promise.any(this.endpoints.map((endpoint) => endpoint.call(timeoutMs, ask)));
    } catch (error) {
      const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
      throw new EtcdUnavailable(what, errors.map(causeOf));
    }
  }

  /**
   * Asks the endpoints in order of rank, the next when one failed and all after the hedge delay. `onResult` says with true
   * that it has heard enough; then nobody else is asked. `isLast`: nobody is left to answer or to be asked.
   */
  spread<T>(ask: Ask<T>, timeoutMs: number, onResult: (result: SpreadResult<T>) => boolean): void {
    const waiting = this.ranked();
    let outstanding = 0;
    let isDone = false;
    const startedAt = performance.now();
    const askNext = (): void => {
      const endpoint = waiting.shift();
      if (endpoint === undefined) return;
      outstanding += 1;
      // One that is asked late, because another failed late or this thread stood still, gets the time for an answer too.
      const left = Math.max(hedgeMs, timeoutMs - (performance.now() - startedAt));
      endpoint
        .call(left, ask)
        .then((value): SpreadAnswer<T> => ({ kind: "answer", endpoint, value }))
        .catch((error: unknown): SpreadAnswer<T> => ({ kind: "failure", endpoint, error }))
        .then((result) => {
          outstanding -= 1;
          if (isDone) return;
          if (result.kind === "failure" && performance.now() - startedAt < timeoutMs) askNext();
          const isLast = outstanding === 0;
          if (onResult({ ...result, isLast }) || isLast) {
            isDone = true;
            clearTimeout(hedge);
          }
        })
        .catch((error: unknown) => {
          // `onResult` threw: ours to know, not to swallow.
          queueMicrotask(() => {
            throw error;
          });
        });
    };
    const first = waiting[0];
    const hedge = setTimeout(
      () => {
        first?.suspect();
        while (waiting.length > 0) askNext();
      },
      Math.max(hedgeMs, 3 * (first?.latencyMs ?? 0)),
    );
    askNext();
    // A suspect that nobody asks could never clear itself.
    if (waiting.at(-1)?.isSuspect === true && (waiting.at(-1)?.idleMs ?? 0) > suspectProbeMs) {
      waiting.unshift(waiting.pop() as Endpoint);
      askNext();
    }
  }

  close(): void {
    for (const endpoint of this.endpoints) endpoint.close();
  }
}

type SpreadAnswer<T> =
  | { readonly kind: "answer"; readonly endpoint: Endpoint; readonly value: T }
  | { readonly kind: "failure"; readonly endpoint: Endpoint; readonly error: unknown };

/** One endpoint's result of a spread request. */
export type SpreadResult<T> = SpreadAnswer<T> & { readonly isLast: boolean };
