/**
 * `countdownCancelAll`: an account's promise to be heard of again. Each call sets the time after which all open orders of
 * one symbol are cancelled unless it is called again; 0 takes the promise back. It fires once and is off then. A venue in
 * maintenance cancels nothing, so a countdown that ends meanwhile fires when trading resumes. With the fault
 * `account-wide-switch` it takes the whole account's orders, as Kraken's and OKX's switches do.
 *
 * The audit has `dms-arm` for each call (0: disarmed), and `dms-fire` before the cancels of one that ran out.
 */
import { tradedSymbol } from "../calls/naming.ts";
import type { Call, Desk, SignedScope } from "../gateway/call.ts";
import { missing } from "../gateway/api-error.ts";

const LOOK_AGAIN_MS = 10;

/** The countdowns of one exchange. */
export class DeadMansSwitch {
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** `POST /fapi/v1/countdownCancelAll` */
  readonly call: Call = {
    name: "countdownCancelAll",
    kind: "change",
    weight: () => 10,
    run: (scope) => this.#set(scope),
  };

  /** Stops all countdowns; none fires any more. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #set(scope: SignedScope): unknown {
    const { desk, key, recvN, source } = scope;
    const symbol = tradedSymbol(scope);
    const timeoutMs = scope.parameters.whole("countdownTime");
    if (timeoutMs === undefined) throw missing("countdownTime");
    scope.parameters.finish();
    scope.checkValidity();
    const { account } = key;
    desk.floor.audit({ type: "dms-arm", apiKey: key.key, account, source, symbol, timeoutMs, recvN });
    const name = `${account} ${symbol}`;
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
    if (timeoutMs > 0) this.#count(desk, { account, symbol }, timeoutMs);
    return { symbol, countdownTime: `${timeoutMs}` };
  }

  #count(desk: Desk, whose: { readonly account: string; readonly symbol: string }, waitMs: number): void {
    const name = `${whose.account} ${whose.symbol}`;
    const timer = setTimeout(() => {
      const modes = ["down", "halt"] as const;
      if (desk.faults.find("market", whose, { names: ["maintenance"], modes }) !== undefined) {
        this.#count(desk, whose, LOOK_AGAIN_MS);
        return;
      }
      this.#timers.delete(name);
      desk.floor.audit({ type: "dms-fire", ...whose });
      const isWide = desk.faults.strike("market", whose, { names: ["account-wide-switch"] }) !== undefined;
      desk.floor.cancelAll(isWide ? { account: whose.account } : whose, "dead-mans-switch");
    }, waitMs);
    this.#timers.set(name, timer);
  }
}
