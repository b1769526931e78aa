import { describe, expect, test } from "vitest";
import { exitOfProblem, exitStatus, exitTable } from "./exit-codes.ts";
import { checkOperationRequest } from "./operations.ts";
import { checkOrderRequest } from "./orders.ts";
import { problem } from "./problem.ts";

const limit = { symbol: "BTC/USDT", side: "buy", type: "limit", quantity: "0.10", price: "65000" };
const twap = { algo: "twap", symbol: "BTC/USDT", side: "sell", quantity: "1", slices: 4, durationMs: 4000 };

describe("the body of an order", () => {
  test("gets the documented defaults and canonical decimals", () => {
    expect(checkOrderRequest(limit)).toEqual({
      kind: "valid",
      value: { ...limit, quantity: "0.1", timeInForce: "GTC", sendWithinMs: 2000 },
    });
    expect(checkOrderRequest({ symbol: "BTC/USDT", side: "buy", type: "market", quantity: "1" })).toMatchObject({
      value: { timeInForce: "IOC" },
    });
  });

  test("says reduce-only or nothing: false is what an order without the word is", () => {
    const plain = checkOrderRequest(limit);
    expect(checkOrderRequest({ ...limit, reduceOnly: false })).toEqual(plain);
    expect(checkOrderRequest({ ...limit, reduceOnly: true })).toMatchObject({ value: { reduceOnly: true } });
  });

  test("with an algorithm is a parent order", () => {
    expect(checkOrderRequest(twap)).toEqual({ kind: "valid", value: { ...twap, aggressionBps: 10 } });
  });

  test.each([
    ["a missing price", { ...limit, price: undefined }, "price", "needs a price"],
    ["a price of a market order", { ...limit, type: "market" }, "price", "no price"],
    [
      "a market order that would rest",
      { symbol: "BTC/USDT", side: "buy", type: "market", quantity: "1", timeInForce: "GTC" },
      "timeInForce",
      "IOC",
    ],
    ["a quantity as a number", { ...limit, quantity: 0.1 }, "quantity", "as a string"],
    ["a quantity of zero", { ...limit, quantity: "0" }, "quantity", "above zero"],
    ["a missing side", { ...limit, side: undefined }, "side", "is missing"],
    ["a wrong side", { ...limit, side: "long" }, "side", "buy or sell"],
    ["an unknown field", { ...limit, clientId: "x" }, "clientId", "is not a field"],
    ["an unknown algorithm", { ...twap, algo: "magic" }, "algo", "must be one of twap"],
    ["no slices", { ...twap, slices: 0 }, "slices", "from 1 to"],
    ["a word for reduce-only", { ...limit, reduceOnly: "true" }, "reduceOnly", "true or false"],
    ["a parent that is reduce-only", { ...twap, reduceOnly: true }, "reduceOnly", "is not a field"],
    ["a list", [], undefined, "JSON object"],
  ])("with %s is refused by the name of the field", (_what, body, field, sentence) => {
    const checked = checkOrderRequest(JSON.parse(JSON.stringify(body)));
    expect(checked).toMatchObject({ kind: "invalid", problem: { status: 422, code: "invalid" } });
    expect(checked.kind === "invalid" && checked.problem.field).toBe(field);
    expect(checked.kind === "invalid" && checked.problem.detail).toContain(sentence);
  });
});

describe("the body of an operation", () => {
  test("is one of the known ones, with a reason", () => {
    expect(checkOperationRequest({ what: "switchover", to: "b", reason: "patch" }).kind).toBe("valid");
    expect(checkOperationRequest({ what: "switchover" })).toMatchObject({ problem: { field: "reason" } });
    expect(checkOperationRequest({ what: "switchover", reason: " " })).toMatchObject({ problem: { field: "reason" } });
    expect(checkOperationRequest({ what: "reboot", reason: "x" })).toMatchObject({ problem: { field: "what" } });
    expect(checkOperationRequest({ what: "kill", level: "moon", reason: "x" })).toMatchObject({
      problem: { field: "level" },
    });
    expect(checkOperationRequest({ what: "unkill", reason: "x", id: "a b" })).toMatchObject({
      problem: { field: "id" },
    });
  });
});

describe("exit statuses", () => {
  test("are the promised numbers", () => {
    expect(exitTable.map((row) => row.status)).toEqual([0, 1, 2, 3, 4, 5, 6, 78]);
    expect(exitStatus("configuration")).toBe(78);
  });

  test.each([
    [422, "invalid", "usage"],
    [422, "price-collar", "refused"],
    [422, "key-reused", "conflict"],
    [409, "conflict", "conflict"],
    [503, "refused", "not-healthy"],
    [503, "unknown", "timed-out"],
    [401, "unauthorized", "failed"],
    [500, "internal", "failed"],
  ] as const)("%i %s ends as %s", (status, code, name) => {
    expect(exitOfProblem(problem(status, code, ""))).toBe(name);
  });
});
