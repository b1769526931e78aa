/**
 * The keepalive stream to one endpoint. At most one request is outstanding on it, so an answer belongs to the request
 * before it; a stream that has not answered when the next round comes is cancelled and opened again, because etcd handles
 * a stream serially and a follower can block on a dead leader for seconds.
 */
import type { LeaseId, MonoMs } from "@baton/core";
import type { IDuplexStream, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from "etcd3";
import type { Endpoint } from "../etcd/endpoint.ts";

type Stream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

/** An answered keepalive: the time *before* its request was sent, and etcd's TTL (0: the lease is gone). */
export interface KeepaliveAnswer {
  readonly lease: LeaseId;
  readonly sentMonoMs: MonoMs;
  readonly ttlMs: number;
}

export class KeepaliveLine {
  readonly #endpoint: Endpoint;
  readonly #onAnswer: (answer: KeepaliveAnswer) => void;
  #stream: Stream | undefined;
  #asked: { readonly lease: LeaseId; readonly sentMonoMs: MonoMs } | undefined;
  #isOpening = false;
  #isClosed = false;

  constructor(endpoint: Endpoint, onAnswer: (answer: KeepaliveAnswer) => void) {
    this.#endpoint = endpoint;
    this.#onAnswer = onAnswer;
  }

  /** Sends one keepalive, unless one younger than `patienceMs` is still unanswered. Never throws. */
  ask(lease: LeaseId, now: MonoMs, patienceMs: number): void {
    if (this.#isClosed || this.#isOpening) return;
    if (this.#asked !== undefined && now - this.#asked.sentMonoMs < patienceMs) return;
    if (this.#asked !== undefined) this.#drop();
    this.#asked = { lease, sentMonoMs: now };
    if (this.#stream !== undefined) {
      this.#stream.write({ ID: lease });
      return;
    }
    this.#isOpening = true;
    this.#endpoint.client.leaseClient.leaseKeepAlive().then(
      (stream) => {
        this.#isOpening = false;
        if (this.#isClosed) {
          stream.on("error", () => undefined);
          stream.cancel();
          return;
        }
        this.#attach(stream);
        // Whatever was asked while it opened is sent now; its time stays the earlier one.
        stream.write({ ID: lease });
      },
      () => {
        this.#isOpening = false;
        this.#asked = undefined;
      },
    );
  }

  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #attach(stream: Stream): void {
    this.#stream = stream;
    const over = (): void => {
      if (this.#stream === stream) this.#drop();
    };
    stream.on("error", over);
    stream.on("end", over);
    stream.on("data", (response) => {
      const asked = this.#asked;
      if (this.#stream !== stream || asked === undefined) return;
      this.#asked = undefined;
      this.#onAnswer({ ...asked, ttlMs: Number(response.TTL) * 1_000 });
    });
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#asked = undefined;
    stream?.cancel();
  }
}
