import { expect, test } from "vitest";
import { Story } from "./sample-events.ts";
import { StateOfRows, stateOf } from "./state-of-rows.ts";
import { rowsOf } from "./state.ts";

test("two rows of one order are no state", () => {
  const { state } = new Story();
  const order = { id: "i-1", sequence: 1 };
  const rows = [...rowsOf(state), { table: "orders", row: order }, { table: "orders", row: { ...order, sequence: 2 } }];
  expect(() => stateOf(rows as never, state.applied)).toThrow("no two rows have one key");
});

test("what a row says of itself is the key under which it is found", () => {
  const read = new StateOfRows();
  read.put("fills", { venue: "sim", symbol: "BTC/USDT", tradeId: "7", sequence: 3, bustedWallMs: 1 });
  read.put("positions", { venue: "sim", symbol: "BTC/USDT" });
  read.put("keys", { principal: "api", key: "k", sequence: 2 });
  read.put("baselines", { venue: "sim" });
  read.put("strategies", { strategy: "s" });
  const { fills, positions, keys, baselines, strategies } = read.state(9);
  const found = [fills, positions, keys, baselines, strategies].map((table) => [...table.keys()]);
  expect(found).toEqual([["sim|BTC/USDT|7"], ["sim|BTC/USDT"], ["api|k"], ["sim"], ["s"]]);
});
