/** How a request names what it is about: a traded symbol, one of the account's orders, a period, a page; shared by both venues. */
import type { FaultMode } from "../faults/fault.ts";
import { badRequest } from "../gateway/api-error.ts";
import type { Desk, PublicScope, SignedScope } from "../gateway/call.ts";
import { isOpen, type OrderState } from "../matching/order.ts";

/** The symbol parameter of a traded instrument; −1121 otherwise. */
export function tradedSymbol(scope: PublicScope): string {
  return checkedSymbol(scope.desk, scope.parameters.required("symbol"));
}

/** −1121 unless the symbol is traded. */
export function checkedSymbol(desk: Desk, symbol: string): string {
  if (desk.floor.engine.instrument(symbol) === undefined) throw badRequest(-1121, "Invalid symbol.");
  return symbol;
}

/** The parameters that name an order. */
interface OrderNames {
  readonly id: string;
  readonly clientId: string;
}

const usualNames: OrderNames = { id: "orderId", clientId: "origClientOrderId" };

/** The order that `orderId` or `origClientOrderId` (or what stands for them) means; undefined when there is none. */
export function namedOrder(scope: SignedScope, symbol: string, names: OrderNames = usualNames): OrderState | undefined {
  const orderId = scope.parameters.whole(names.id);
  const clientOrderId = scope.parameters.text(names.clientId);
  if (orderId === undefined && clientOrderId === undefined) {
    throw badRequest(-1102, `Param '${names.clientId}' or '${names.id}' must be sent, but both were empty/null!`);
  }
  const { orders } = scope.desk.floor.engine;
  const { account } = scope.key;
  if (orderId === undefined) return orders.byClientId(account, symbol, clientOrderId as string);
  const order = orders.byId(orderId);
  if (order === undefined || order.account !== account || order.symbol !== symbol) return undefined;
  if (clientOrderId !== undefined && clientOrderId !== order.clientOrderId) {
    throw badRequest(-2039, "Client order ID is not correct for this order ID.");
  }
  return order;
}

/** Orders of an account on one symbol, by `orderId`, `startTime` and `endTime`, as old as a fault makes the answer. */
export function listedOrders(scope: SignedScope, symbol: string, longestMs: number): readonly OrderState[] {
  const { desk, key, parameters } = scope;
  const fromId = parameters.whole("orderId");
  const { startMs, endMs } = period(scope, longestMs);
  const limit = parameters.limit(500, 1_000);
  parameters.finish();
  const found: OrderState[] = [];
  for (const orderId of desk.floor.engine.orders.ids(key.account)) {
    if (fromId !== undefined && orderId < fromId) continue;
    const order = desk.floor.engine.orders.byId(orderId);
    if (order === undefined || order.symbol !== symbol) continue;
    if (order.createdAtMs < startMs || order.createdAtMs > endMs) continue;
    const asOf = lagged(scope, order);
    if (asOf !== undefined && !isPurged(scope, asOf)) found.push(asOf);
  }
  return page(found, limit, fromId !== undefined || startMs > 0);
}

/** Open orders of an account, of the symbol that is named or of all, as old as a fault makes the answer. */
export function openOrders(scope: SignedScope): readonly OrderState[] {
  const { desk, key, parameters } = scope;
  const named = parameters.text("symbol");
  const symbol = named === undefined ? undefined : checkedSymbol(desk, named);
  parameters.finish();
  const { orders } = desk.floor.engine;
  if (scope.lagMs === 0) return orders.open(key.account, symbol);
  return desk.floor.history
    .openAt(orders.ids(key.account), desk.mono() - scope.lagMs)
    .filter((order) => symbol === undefined || order.symbol === symbol);
}

/** An order as it was when a lagging venue looked; undefined when it did not exist yet. */
export function lagged(scope: SignedScope, order: OrderState): OrderState | undefined {
  if (scope.lagMs === 0) return order;
  return scope.desk.floor.history.stateAt(order.orderId, scope.desk.mono() - scope.lagMs);
}

/** True when a fault has the venue forget orders that closed so long ago. */
export function isPurged(scope: SignedScope, order: OrderState): boolean {
  const { purgedAfterMs } = scope;
  if (purgedAfterMs === undefined || isOpen(order)) return false;
  return scope.desk.now() - order.updatedAtMs >= purgedAfterMs;
}

/** `startTime` and `endTime`; −1127 when they are further apart than `longestMs`. */
export function period(scope: SignedScope, longestMs: number): { readonly startMs: number; readonly endMs: number } {
  const startMs = scope.parameters.time("startTime");
  const endMs = scope.parameters.time("endTime");
  if (startMs !== undefined && endMs !== undefined && endMs - startMs > longestMs) {
    throw badRequest(-1127, `More than ${longestMs / 3_600_000} hours between startTime and endTime.`);
  }
  return { startMs: startMs ?? 0, endMs: endMs ?? Infinity };
}

/** The first `limit` when a start was given, else the last. */
export function page<T>(items: readonly T[], limit: number, isFromStart: boolean): readonly T[] {
  return isFromStart ? items.slice(0, limit) : items.slice(-limit);
}

/** True while maintenance keeps a call about a symbol from the engine; `modes` are the manners that do. */
export function isClosed(
  scope: SignedScope,
  what: { readonly call: string; readonly symbol: string; readonly modes: readonly FaultMode[] },
): boolean {
  const { key, source, recvN, desk } = scope;
  const { modes, ...about } = what;
  // A market that is not known takes no order and cancels all it is asked to.
  if (!desk.floor.isKnown(what.symbol) && modes.includes("cancel-only")) return true;
  const subject = { ...about, apiKey: key.key, account: key.account, source, recvN };
  return desk.faults.strike("market", subject, { names: ["maintenance"], modes }) !== undefined;
}
