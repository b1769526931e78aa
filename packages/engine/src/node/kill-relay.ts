/**
 * The way of a kill that etcd has not heard of: in force here at once, on record where this node leads, and told to etcd
 * until etcd has it; only then is it forgotten here, and etcd's to lower. What a kill covers is in `core/risk/kill.ts`.
 */
import type { KillScope } from "@baton/core";
import { scopesOf } from "@baton/core";
import type { Desk } from "../desk/desk.ts";
import type { Ledger } from "../ledger.ts";
import type { LocalKills } from "./local-kills.ts";
import type { Operations } from "./operations.ts";

export interface KillRelayParts {
  readonly localKills: LocalKills;
  readonly desk: Desk;
  readonly ledger: Ledger;
  readonly operations: () => Operations;
  readonly warn: (event: string, error: unknown) => void;
}

export class KillRelay {
  readonly #o: KillRelayParts;

  constructor(o: KillRelayParts) {
    this.#o = o;
  }

  /** A kill that an operator told to this node itself: it is on the disk already. */
  told(scope: KillScope): void {
    this.#o.desk.killHere(scope);
    this.tellEtcd(scope);
  }

  /** Records a kill without etcd, where this node leads; true once it is durable on every node in sync. */
  async record(scope: KillScope): Promise<boolean> {
    const sequence = this.#o.desk.killHere(scope);
    if (sequence === undefined) return false;
    return await this.#o.ledger.whenCommitted(sequence).then(
      () => true,
      () => false,
    );
  }

  /** What is on this node's disk, whoever leads: there alone it would be in force only once this node leads. */
  tellAgain(): void {
    for (const scope of scopesOf(this.#o.localKills.state)) this.tellEtcd(scope);
  }

  tellEtcd(scope: KillScope): void {
    void this.#o
      .operations()
      .reassert(scope)
      .then((hasIt) => {
        if (hasIt) this.#o.localKills.told(scope);
      })
      // It stays on the disk, and etcd is told again: the same kill under the same operation.
      .catch((error: unknown) => this.#o.warn("kill.not-forgotten", error));
  }
}
