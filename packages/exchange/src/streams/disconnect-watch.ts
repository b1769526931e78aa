/**
 * Cancel-on-disconnect: when the last stream of an account ends and none comes within a while, the venue cancels all of
 * its orders. Binance has no such thing; Bybit documents it (10 s when nothing is said), so it is armed as a fault.
 */
import type { FaultBoard } from "../faults/fault-board.ts";
import type { TradingFloor } from "../market/trading-floor.ts";
import type { AccountStreams } from "./account-streams.ts";

const WINDOW_MS = 10_000;

/** Watches the accounts of one exchange. */
export class DisconnectWatch {
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(parts: { readonly accounts: AccountStreams; readonly faults: FaultBoard; readonly floor: TradingFloor }) {
    const { accounts, faults, floor } = parts;
    accounts.onEmptied((account) => {
      const fault = faults.find("connection", { account }, { names: ["cancel-on-disconnect"] });
      if (fault === undefined) return;
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        if (accounts.hasListener(account) || !faults.strikeWith(fault, { account })) return;
        floor.cancelAll({ account }, "disconnect");
      }, fault.delayMs ?? WINDOW_MS);
      this.#timers.add(timer);
    });
  }

  /** Stops watching. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
