/**
 * What a fault has the market do with a client's order: trade it in part as soon as it rests, trade it right before its
 * cancel, or take a trade back. The trades are true ones, at the order's own price with the house; only their moment is
 * chosen.
 */
import type { Desk } from "../gateway/call.ts";
import { HOUSE } from "../flow/order-flow.ts";
import type { Step, TradingFloor } from "../market/trading-floor.ts";
import { isOpen, type OrderState, type Trade } from "../matching/order.ts";
import type { Transfer } from "../streams/account-streams.ts";
import type { FaultBoard } from "./fault-board.ts";

/** Follows an exchange's steps and strikes what the faults say. */
export class MarketTricks {
  readonly #floor: TradingFloor;
  readonly #faults: FaultBoard;
  readonly #transferred: (transfer: Transfer) => void;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: {
    readonly floor: TradingFloor;
    readonly faults: FaultBoard;
    /** Tells an account that its money has changed. */
    readonly transferred: (transfer: Transfer) => void;
  }) {
    this.#floor = options.floor;
    this.#faults = options.faults;
    this.#transferred = options.transferred;
  }

  /** Called after each step, when everybody has been told of it. */
  follow({ events }: Step): void {
    if (!this.#faults.isArmed("partial-fill", "trade-bust")) return;
    for (const event of events) {
      if (event.kind === "accepted") this.#fillPart(event.order);
      if (event.kind === "traded") {
        this.#bustLater(event.trade, event.taker);
        this.#bustLater(event.trade, event.maker);
      }
    }
  }

  /** Nothing is taken back any more. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #fillPart({ orderId, account }: OrderState): void {
    const order = this.#floor.engine.orders.byId(orderId);
    if (account === HOUSE || order === undefined || !isOpen(order) || !order.isWorking) return;
    const fault = this.#faults.strike("match", subjectOf(order), { names: ["partial-fill"] });
    if (fault === undefined) return;
    // Not within the step that is being told: its answer says NEW, and what follows comes after it.
    this.#later(fault.delayMs ?? 0, () => fillFromOutside(this.#floor, orderId, fault.percent ?? 50));
  }

  #bustLater(trade: Trade, order: OrderState): void {
    if (order.account === HOUSE) return;
    const subject = { ...subjectOf(order), ids: [trade.tradeId] };
    const fault = this.#faults.strike("match", subject, { names: ["trade-bust"] });
    if (fault === undefined) return;
    this.#later(fault.delayMs ?? 0, () => {
      const share = order.side === "BUY" ? trade.buyer : trade.seller;
      for (const transfer of this.#floor.bust(trade, share)) this.#transferred(transfer);
    });
  }

  #later(delayMs: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }
}

/** The order as its cancel finds it: a fault may have had it traded right before, in part or whole. */
export function afterRace(
  desk: Desk,
  order: OrderState | undefined,
  request: { readonly apiKey: string; readonly source: string; readonly recvN: number; readonly call: string },
): OrderState | undefined {
  if (order === undefined || !isOpen(order) || !order.isWorking) return order;
  const subject = { ...subjectOf(order), ...request };
  const fault = desk.faults.strike("match", subject, { names: ["fill-before-cancel"] });
  if (fault === undefined) return order;
  fillFromOutside(desk.floor, order.orderId, fault.percent ?? 100);
  return desk.floor.engine.orders.byId(order.orderId);
}

/** Trades so much of what is left of a resting order, in whole steps and at least one. */
function fillFromOutside(floor: TradingFloor, orderId: number, percent: number): void {
  const { engine } = floor;
  const order = engine.orders.byId(orderId);
  if (order === undefined || !isOpen(order) || !order.isWorking) return;
  const step = engine.instrument(order.symbol)?.stepSize ?? 1n;
  const left = order.quantity - order.executed;
  const part = (left * BigInt(Math.round(percent * 100))) / 10_000n;
  const whole = part - (part % step);
  floor.run((nowMs) => engine.fillFromOutside(orderId, whole > 0n ? whole : left < step ? left : step, nowMs));
}

function subjectOf(order: OrderState): { readonly account: string; readonly symbol: string; readonly side: string } {
  return { account: order.account, symbol: order.symbol, side: order.side };
}
