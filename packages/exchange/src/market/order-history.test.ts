import { expect, test } from "vitest";
import type { OrderState, Trade } from "../matching/order.ts";
import { OrderHistory } from "./order-history.ts";

const state = (orderId: number, status: OrderState["status"]): OrderState =>
  ({ orderId, status }) as unknown as OrderState;

test("what an order was is known for two minutes after its end, and then only how it ended", () => {
  const history = new OrderHistory();
  history.addState(state(1, "NEW"), 1_000);
  history.addState(state(1, "FILLED"), 2_000);
  history.addState(state(2, "NEW"), 121_500);
  expect(history.stateAt(1, 1_500)?.status).toBe("NEW");
  history.addState(state(2, "CANCELED"), 122_001);
  expect(history.stateAt(1, 1_500)).toBeUndefined();
  expect(history.stateAt(1, 122_001)?.status).toBe("FILLED");
  expect(history.stateAt(2, 121_999)?.status).toBe("NEW");
});

test("thousands of orders later the earlier states of the first are gone, and those of the last are there", () => {
  const history = new OrderHistory();
  const orders = 20_000;
  for (let order = 1; order <= orders; order += 1) {
    history.addState(state(order, "NEW"), order * 100);
    history.addState(state(order, "FILLED"), order * 100 + 50);
  }
  const young = Array.from({ length: orders }, (_, at) => at + 1).filter(
    (order) => history.stateAt(order, order * 100) !== undefined,
  );
  // One each tenth of a second for two minutes.
  expect(young).toHaveLength(1_201);
  expect(young[0]).toBe(orders - 1_200);
});

test("a page of trades is the first from an id on, or the last, of those that were at that instant", () => {
  const history = new OrderHistory();
  for (let id = 1; id <= 50; id += 1) {
    history.addTrade("main", { tradeId: id * 10, symbol: "BTCUSDT" } as unknown as Trade, id);
  }
  const ids = (atMonoMs: number, page?: Parameters<OrderHistory["tradesAt"]>[3]): readonly number[] =>
    history.tradesAt("main", "BTCUSDT", atMonoMs, page).map(({ tradeId }) => tradeId);
  expect(ids(40, { most: 3 })).toEqual([380, 390, 400]);
  expect(ids(40, { fromId: 375, most: 2 })).toEqual([380, 390]);
  expect(ids(40, { fromId: 395, most: 5 })).toEqual([400]);
  expect(ids(2, { most: 5 })).toEqual([10, 20]);
  expect(ids(50)).toHaveLength(50);
  expect(ids(50, { fromId: 501 })).toEqual([]);
});
