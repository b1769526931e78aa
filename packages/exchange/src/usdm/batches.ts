/**
 * Several orders placed or cancelled in one request (`batchOrders`): each fares as if it had come alone, and the answer
 * lists what became of each. The audit has one `recv` for the request, and for each order its `accept`, `cancel` or
 * `reject` under that `recv`.
 */
import { ApiError, badRequest, invalid } from "../gateway/api-error.ts";
import type { Call, SignedScope } from "../gateway/call.ts";
import { Parameters } from "../gateway/parameters.ts";
import { cancel, place } from "./trading.ts";

/** `POST` and `DELETE /fapi/v1/batchOrders`. */
export const batchCalls: readonly Call[] = [
  { name: "batchOrders.place", kind: "change", weight: () => 5, run: placeAll },
  { name: "batchOrders.cancel", kind: "change", weight: () => 1, run: cancelSome },
];

const PLACED_MAX = 5;
const CANCELLED_MAX = 10;

function placeAll(scope: SignedScope): unknown {
  const orders = readList(scope, "batchOrders") ?? [];
  scope.parameters.finish();
  if (orders.length === 0 || orders.length > PLACED_MAX)
    throw badRequest(-4082, "Invalid number of batch place orders.");
  return orders.map((order) => alone(scope, "order.place", textsOf(order), place));
}

function cancelSome(scope: SignedScope): unknown {
  const symbol = scope.parameters.required("symbol");
  const ids = readEither(scope, "orderIdList")?.map((id) => ({ symbol, orderId: id }));
  const clientIds = readEither(scope, "origClientOrderIdList")?.map((id) => ({ symbol, origClientOrderId: id }));
  scope.parameters.finish();
  const named = ids ?? clientIds ?? [];
  if (named.length === 0 || named.length > CANCELLED_MAX) throw invalid("orderIdList");
  return named.map((one) => alone(scope, "order.cancel", textsOf(one), cancel));
}

/** One order of a batch: the call's answer, or the error in its place. */
function alone(
  scope: SignedScope,
  call: string,
  values: ReadonlyMap<string, string>,
  run: (scope: SignedScope) => unknown,
): unknown {
  const { desk, key, source, recvN } = scope;
  try {
    return run({ ...scope, parameters: new Parameters(values), found: () => undefined });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const symbol = values.get("symbol");
    const clientOrderId = values.get("newClientOrderId") ?? values.get("origClientOrderId");
    desk.floor.audit({
      type: "reject",
      apiKey: key.key,
      account: key.account,
      source,
      ...(symbol === undefined ? {} : { symbol }),
      ...(clientOrderId === undefined ? {} : { clientOrderId }),
      call,
      recvN,
      code: error.code,
      message: error.message,
    });
    return error.body();
  }
}

/** As the documents spell the list, or in small letters: ccxt sends it so. */
function readEither(scope: SignedScope, name: string): readonly unknown[] | undefined {
  return readList(scope, name) ?? readList(scope, name.toLowerCase());
}

function readList(scope: SignedScope, name: string): readonly unknown[] | undefined {
  const text = scope.parameters.text(name);
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list;
  } catch {
    // Not JSON: answered below like a list that is none.
  }
  throw invalid(name);
}

function textsOf(order: unknown): ReadonlyMap<string, string> {
  if (typeof order !== "object" || order === null) throw invalid("batchOrders");
  return new Map(Object.entries(order).map(([name, value]) => [name, String(value)]));
}
