/** Who strikes when several faults are armed at one point. */
import { expect, test } from "vitest";
import { AuditLog } from "../audit/audit-log.ts";
import { ExchangeClock } from "../exchange-clock.ts";
import { seededRandom } from "../flow/random.ts";
import { FaultBoard } from "./fault-board.ts";
import type { FaultRequest } from "./fault.ts";
import { readFault } from "./read-fault.ts";

function boardOf(faults: readonly FaultRequest[]): FaultBoard {
  const audit = new AuditLog(new ExchangeClock(), undefined);
  const board = new FaultBoard({
    audit,
    random: seededRandom("board"),
    onBegun: () => undefined,
    onCleared: () => undefined,
  });
  for (const fault of faults) {
    const read = readFault(fault);
    if (typeof read === "string") throw new RangeError(read);
    board.arm(read);
  }
  return board;
}

const order = { call: "order.place", symbol: "BTCUSDT" };

function tally(board: FaultBoard, times: number): Map<string, number> {
  const struck = new Map<string, number>();
  for (let at = 0; at < times; at += 1) {
    const name = board.strike("after-accept", order)?.fault ?? "none";
    struck.set(name, (struck.get(name) ?? 0) + 1);
  }
  return struck;
}

test("of two faults of one half each the first strikes half the time and the second half of the rest", () => {
  const struck = tally(
    boardOf([
      { fault: "ack-lost", probability: 0.5 },
      { fault: "ack-stall", probability: 0.5 },
    ]),
    4_000,
  );
  expect(struck.get("ack-lost")).toBeGreaterThan(1_850);
  expect(struck.get("ack-lost")).toBeLessThan(2_150);
  expect(struck.get("ack-stall")).toBeGreaterThan(850);
  expect(struck.get("ack-stall")).toBeLessThan(1_150);
});

test("a fault that never strikes hides none that was armed after it", () => {
  const struck = tally(boardOf([{ fault: "ack-lost", probability: 0 }, { fault: "body-stall" }]), 10);
  expect([...struck]).toEqual([["body-stall", 10]]);
});

test("one that does not match is not rolled for, so it does not change what the others do", () => {
  const one = { fault: "ack-lost", probability: 0.3 } as const;
  const other = { fault: "ack-stall", probability: 0.9, match: { symbol: "ETHUSDT" } } as const;
  expect(tally(boardOf([other, one]), 500)).toEqual(tally(boardOf([one]), 500));
});

test("a share is drawn once for each connection and kept", () => {
  const board = boardOf([{ fault: "stream-gap", share: 0.4 }]);
  const isStruck = (connection: number): boolean =>
    board.strike("stream", { stream: "btcusdt@trade", connection }) !== undefined;
  const first = Array.from({ length: 500 }, (_, at) => isStruck(at));
  expect(first.filter(Boolean).length).toBeGreaterThan(150);
  expect(first.filter(Boolean).length).toBeLessThan(250);
  for (let again = 0; again < 3; again += 1) {
    expect(Array.from({ length: 500 }, (_, at) => isStruck(at))).toEqual(first);
  }
});

test("a request about several streams is rolled for once", () => {
  const board = boardOf([{ fault: "sub-lost", probability: 0.5 }]);
  const streams = ["btcusdt@trade", "ethusdt@trade", "solusdt@trade"].map((stream) => ({ stream }));
  let struck = 0;
  for (let at = 0; at < 1_000; at += 1) if (board.strike("subscribe", streams) !== undefined) struck += 1;
  expect(struck).toBeGreaterThan(430);
  expect(struck).toBeLessThan(570);
});
