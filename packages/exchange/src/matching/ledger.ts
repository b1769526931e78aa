/**
 * Who has how much: free and locked amounts per account and asset, in 1e-8. Money only moves here, from one owner to
 * another, so the sum over all accounts (fees included, they are an account) never changes after the deposits.
 */
import { assert } from "@baton/core";

/** Free to use, and locked behind open orders. */
export interface Balance {
  readonly free: bigint;
  readonly locked: bigint;
}

const nothing: Balance = { free: 0n, locked: 0n };

/** All balances of the exchange. Accounts that are `unlimited` may owe: they are the other side of the whole market. */
export class Ledger {
  readonly #accounts = new Map<string, Map<string, Balance>>();
  readonly #unlimited = new Set<string>();

  /** Opens an account once; later calls with the same name change nothing. */
  open(account: string, options: { readonly isUnlimited: boolean }): void {
    if (this.#accounts.has(account)) return;
    this.#accounts.set(account, new Map());
    if (options.isUnlimited) this.#unlimited.add(account);
  }

  /** True for an opened account. */
  has(account: string): boolean {
    return this.#accounts.has(account);
  }

  /** Money from outside. */
  deposit(account: string, asset: string, amount: bigint): void {
    assert(amount >= 0n, "a deposit is not negative");
    this.#change(account, asset, amount, 0n);
  }

  /** Money goes outside; the caller has asked `canAfford`. */
  withdraw(account: string, asset: string, amount: bigint): void {
    assert(amount >= 0n, "a withdrawal is not negative");
    this.#change(account, asset, -amount, 0n);
  }

  /** One balance. */
  balance(account: string, asset: string): Balance {
    return this.#accounts.get(account)?.get(asset) ?? nothing;
  }

  /** All balances of an account, in the order in which the assets were first seen. */
  balances(account: string): ReadonlyMap<string, Balance> {
    return this.#accounts.get(account) ?? new Map<string, Balance>();
  }

  /** The names of all accounts. */
  accounts(): Iterable<string> {
    return this.#accounts.keys();
  }

  /** True when `amount` could be locked. */
  canAfford(account: string, asset: string, amount: bigint): boolean {
    return this.#unlimited.has(account) || this.balance(account, asset).free >= amount;
  }

  /** Moves free to locked; the caller has asked `canAfford`. */
  lock(account: string, asset: string, amount: bigint): void {
    this.#change(account, asset, -amount, amount);
  }

  /** Moves locked back to free. */
  release(account: string, asset: string, amount: bigint): void {
    this.#change(account, asset, amount, -amount);
  }

  /** Pays out of what `from` has locked into what `to` has free. */
  payLocked(from: string, to: string, asset: string, amount: bigint): void {
    this.#change(from, asset, 0n, -amount);
    this.#change(to, asset, amount, 0n);
  }

  /** Pays out of what `from` has free. */
  payFree(from: string, to: string, asset: string, amount: bigint): void {
    this.#change(from, asset, -amount, 0n);
    this.#change(to, asset, amount, 0n);
  }

  #change(account: string, asset: string, free: bigint, locked: bigint): void {
    const assets = this.#accounts.get(account);
    assert(assets !== undefined, `account ${account} is open`);
    const before = assets.get(asset) ?? nothing;
    const after = { free: before.free + free, locked: before.locked + locked };
    assert(after.locked >= 0n, `${account} has nothing more of ${asset} locked than it locked`);
    assert(after.free >= 0n || this.#unlimited.has(account), `${account} does not owe ${asset}`);
    assets.set(asset, after);
  }
}
