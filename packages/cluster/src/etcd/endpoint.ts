/**
 * One etcd endpoint: its own client, so that a hung member never holds up a call to another, and what we saw of its
 * health. etcd3's fault policies are off (they turn a 1.5 s etcd election into 5.6 s); every unary call ends at a deadline,
 * streams never have one. A call that fails leaves the endpoint suspect until one succeeds again.
 */
import { noop } from "cockatiel";
import { Etcd3, EtcdLeaseInvalidError } from "etcd3";
import type { IOptions } from "etcd3";
import { monoNow } from "../clock.ts";

/**
 * PEM texts of a client's TLS identity; built once, so reconnect when certificates rotate. Text and not bytes, because they
 * go to other threads, where a Buffer arrives as something that gRPC does not take for one.
 */
export interface EtcdTls {
  readonly ca: string;
  readonly key?: string;
  readonly cert?: string;
}

export interface EtcdAccess {
  /** `http://host:port` or `https://host:port`, all of one kind. */
  readonly endpoints: readonly string[];
  /** Name of the Baton cluster: keys live under `/baton/<cluster>/`. */
  readonly cluster: string;
  readonly tls?: EtcdTls;
  readonly auth?: { readonly username: string; readonly password: string };
  /** How long one call may take over all endpoints together. Default 1,000. */
  readonly callTimeoutMs?: number;
}

export class Endpoint {
  readonly url: string;
  readonly client: Etcd3;
  #latencyMs = 0;
  #isSuspect = false;
  #lastAskedMono = 0;

  constructor(url: string, access: EtcdAccess) {
    this.url = url;
    this.client = new Etcd3(clientOptions(url, access));
  }

  /** Lower is asked first. */
  get rank(): number {
    return (this.#isSuspect ? 1e9 : 0) + this.#latencyMs;
  }

  /** Smoothed latency of answered calls; 0 before the first. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  get isSuspect(): boolean {
    return this.#isSuspect;
  }

  /** Milliseconds since it was last asked anything. */
  get idleMs(): number {
    return monoNow() - this.#lastAskedMono;
  }

  /** It did not answer when others would have: ask it last until it answers again. */
  suspect(): void {
    this.#isSuspect = true;
  }

  /**
   * One unary call with a deadline; settles in time even when the channel itself hangs. An answer that came in time counts
   * even if this thread was too busy to take it: when the deadline has passed, what lies in the sockets is read first.
   */
  async call<T>(timeoutMs: number, ask: (client: Etcd3, o: { deadline: number }) => Promise<T>): Promise<T> {
    const asked = monoNow();
    this.#lastAskedMono = asked;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const giveUp = (): void => reject(new Error(`no answer within ${Math.round(timeoutMs)} ms`));
      timer = setTimeout(() => afterReading(giveUp), timeoutMs);
    });
    try {
      const answer = await Promise.race([ask(this.client, { deadline: Date.now() + timeoutMs + readingMs }), late]);
      this.#answered(monoNow() - asked);
      return answer;
    } catch (error) {
      if (error instanceof EtcdLeaseInvalidError) this.#answered(monoNow() - asked);
      else this.#isSuspect = true;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.client.close();
  }

  #answered(ms: number): void {
    this.#isSuspect = false;
    this.#latencyMs = this.#latencyMs === 0 ? ms : 0.8 * this.#latencyMs + 0.2 * ms;
  }
}

/**
 * gRPC's own deadline, which frees what the call holds, comes later than ours by this much, because it does not read first.
 * No more than that: what was given up may still be carried out until then.
 */
const readingMs = 1_000;

/** Calls back when the sockets were read: a poll of the loop for the bytes, and one more for what they set off. */
function afterReading(done: () => void): void {
  setImmediate(() => setImmediate(() => setTimeout(done, 1)));
}

function clientOptions(url: string, access: EtcdAccess): IOptions {
  const { tls, auth } = access;
  return {
    hosts: url,
    faultHandling: { host: () => noop, global: noop },
    // The exchange of a password for a token goes through here too, and must not hang either.
    defaultCallOptions: (context) =>
      context.isStream ? {} : { deadline: Date.now() + (access.callTimeoutMs ?? 1_000) },
    ...(auth === undefined ? {} : { auth: { ...auth } }),
    ...(tls === undefined
      ? {}
      : {
          credentials: {
            rootCertificate: Buffer.from(tls.ca),
            ...(tls.key === undefined ? {} : { privateKey: Buffer.from(tls.key) }),
            ...(tls.cert === undefined ? {} : { certChain: Buffer.from(tls.cert) }),
          },
        }),
    grpcOptions: {
      // The default server kicks clients that ping more often than each 5 s.
      "grpc.keepalive_time_ms": 6_000,
      "grpc.keepalive_timeout_ms": 1_000,
      "grpc.keepalive_permit_without_calls": 1,
      // Back quickly after a restart of the member; the library's own maximum is two minutes.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.min_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1_000,
      // Coordination never goes through a web proxy that the environment happens to name.
      "grpc.enable_http_proxy": 0,
    },
  };
}
