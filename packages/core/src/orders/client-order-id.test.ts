import fc from "fast-check";
import { expect, test } from "vitest";
import { decimal } from "../decimal.ts";
import { id } from "../ids.ts";
import type { ClusterId } from "../ids.ts";
import { clientOrderIdOf, isIdOf, partsOf, tagOf } from "./client-order-id.ts";
import { tag, terms } from "./sample-events.ts";

const parts = fc.record({
  intent: fc.integer({ min: 1, max: 2 ** 48 - 1 }),
  child: fc.integer({ min: 0, max: 4_095 }),
  attempt: fc.integer({ min: 1, max: 63 }),
});

test("an id is 32 lowercase hex characters, and says whose, which intent, slice and attempt it is", () => {
  fc.assert(
    fc.property(parts, (each) => {
      const clientOrderId = clientOrderIdOf({ tag, ...each, terms: terms() });
      expect(clientOrderId).toMatch(/^[0-9a-f]{32}$/);
      // A UUID of version 8, as venues that check the form of a UUID read it.
      expect(clientOrderId[16]).toBe("8");
      expect("89ab").toContain(clientOrderId[20]);
      expect(partsOf(clientOrderId)).toMatchObject({ tag, ...each });
    }),
  );
});

test("an id never changes between versions: a successor must derive its predecessor's", () => {
  // Both also by `printf … | sha256sum`.
  expect(tag).toBe("2af1");
  expect(clientOrderIdOf({ tag, intent: 42, child: 3, attempt: 2, terms: terms() })).toBe(
    "2af100000000002a8003824c96b781a8",
  );
  expect(clientOrderIdOf({ tag, intent: 42, child: 3, attempt: 2, terms: terms({ reduceOnly: true }) })).toBe(
    "2af100000000002a800382668f2dfe8d",
  );
});

test("other terms, another attempt, another cluster give another id", () => {
  const order = { tag, intent: 42, child: 0, attempt: 1, terms: terms() };
  const clientOrderId = clientOrderIdOf(order);
  const others = [
    { ...order, attempt: 2 },
    { ...order, intent: 43 },
    { ...order, child: 1 },
    { ...order, tag: tagOf(id<ClusterId>("another")) },
    { ...order, terms: terms({ quantity: decimal("2.1") }) },
    { ...order, terms: terms({ price: decimal("101") }) },
    { ...order, terms: terms({ side: "sell" }) },
    { ...order, terms: terms({ timeInForce: "IOC" }) },
    { ...order, terms: terms({ reduceOnly: true }) },
  ];
  expect(isIdOf(clientOrderId, order)).toBe(true);
  for (const other of others) expect(isIdOf(clientOrderId, other)).toBe(false);
  expect(new Set(others.map(clientOrderIdOf)).size).toBe(others.length);
});

test.each([
  "",
  "x-1",
  "web_1234",
  "2AF100000000002A8003824C96B781A8",
  "2af100000000002a4003824c96b781a8",
  "0".repeat(32),
])("%j is no id of ours", (text) => {
  expect(partsOf(text)).toBeUndefined();
});

test("numbers that do not fit are refused before anything is recorded", () => {
  const order = { tag, intent: 1, child: 0, attempt: 1, terms: terms() };
  expect(() => clientOrderIdOf({ ...order, attempt: 64 })).toThrow("6 bits");
  expect(() => clientOrderIdOf({ ...order, child: 4_096 })).toThrow("12 bits");
  expect(() => clientOrderIdOf({ ...order, intent: 0 })).toThrow("48 bits");
});
