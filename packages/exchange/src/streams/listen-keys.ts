/**
 * Listen keys: the older way to an account's stream, and on futures the only one. A key is given to whoever shows an API
 * key, is a stream's name, and dies unless it is asked about within its life: on the futures venue 60 minutes. An
 * account has one key at a time; asking again gives the same one, with its life begun anew.
 */
import type { ApiKey } from "../gateway/credentials.ts";

/** One listen key; it is alive until it is ended. */
export interface ListenKey {
  readonly listenKey: string;
  readonly account: string;
  /** The API key that asked for it first. */
  readonly apiKey: string;
}

interface Living extends ListenKey {
  timer: NodeJS.Timeout;
}

/** All listen keys of one exchange. */
export class ListenKeys {
  readonly #lifeMs: number;
  readonly #newId: () => string;
  readonly #byName = new Map<string, Living>();
  readonly #byAccount = new Map<string, Living>();
  #onEnded: (ended: ListenKey, why: "expired" | "closed") => void = () => undefined;

  constructor(options: { readonly lifeMs: number; readonly newId: () => string }) {
    this.#lifeMs = options.lifeMs;
    this.#newId = options.newId;
  }

  /** Calls `listener` when a key dies; the streams under it end with it. */
  onEnded(listener: (ended: ListenKey, why: "expired" | "closed") => void): void {
    this.#onEnded = listener;
  }

  /** The account's key, new or with its life begun anew. */
  open(key: ApiKey): ListenKey {
    const present = this.#byAccount.get(key.account);
    if (present !== undefined) {
      this.#extend(present);
      return present;
    }
    const listenKey = (this.#newId() + this.#newId() + this.#newId()).slice(0, 64);
    const living: Living = { listenKey, account: key.account, apiKey: key.key, timer: this.#death(listenKey) };
    this.#byName.set(listenKey, living);
    this.#byAccount.set(key.account, living);
    return living;
  }

  /** The living key of this name. */
  find(listenKey: string): ListenKey | undefined {
    return this.#byName.get(listenKey);
  }

  /** The living key of an account. */
  ofAccount(account: string): ListenKey | undefined {
    return this.#byAccount.get(account);
  }

  /** Begins a key's life anew; false when it is not alive. */
  extend(listenKey: string): boolean {
    const living = this.#byName.get(listenKey);
    if (living !== undefined) this.#extend(living);
    return living !== undefined;
  }

  /** Ends a key; false when it is not alive. */
  end(listenKey: string, why: "expired" | "closed"): boolean {
    const living = this.#byName.get(listenKey);
    if (living === undefined) return false;
    clearTimeout(living.timer);
    this.#byName.delete(listenKey);
    this.#byAccount.delete(living.account);
    this.#onEnded(living, why);
    return true;
  }

  /** All living keys. */
  list(): readonly ListenKey[] {
    return [...this.#byName.values()];
  }

  /** Stops all timers. */
  close(): void {
    for (const { timer } of this.#byName.values()) clearTimeout(timer);
    this.#byName.clear();
    this.#byAccount.clear();
  }

  #extend(living: Living): void {
    clearTimeout(living.timer);
    living.timer = this.#death(living.listenKey);
  }

  #death(listenKey: string): NodeJS.Timeout {
    return setTimeout(() => this.end(listenKey, "expired"), this.#lifeMs).unref();
  }
}
