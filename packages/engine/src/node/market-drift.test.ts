/** A standby says when its market is not the leader's. */
import type { BookMark, NodeId, SymbolId } from "@baton/core";
import { id } from "@baton/core";
import { afterEach, describe, expect, test } from "vitest";
import { MarketDrift } from "./market-drift.ts";

const btc = id<SymbolId>("BTC/USDT");
const [a, b, c] = ["a", "b", "c"].map((name) => id<NodeId>(name)) as [NodeId, NodeId, NodeId];
const opened: MarketDrift[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

/** Nodes that answer each other; `leads` says who leads. */
function nodes(books: Record<string, BookMark[]>): {
  readonly of: (node: NodeId) => MarketDrift;
  readonly told: string[];
  readonly leads: (node: NodeId | undefined) => void;
} {
  let leader: NodeId | undefined = a;
  const told: string[] = [];
  const all = new Map<NodeId, MarketDrift>();
  for (const node of [a, b, c]) {
    const drift = new MarketDrift({
      leader: () => (leader === node ? undefined : leader),
      request: (to, payload) => all.get(to)?.answer(payload) ?? Promise.reject(new Error("nobody is there")),
      marks: () => [{ feed: "spot", symbol: btc, marks: books[node] ?? [] }],
      say: (event, sentence) => told.push(`${event}: ${sentence}`),
      warn: (event, sentence) => told.push(`${event}: ${sentence}`),
    });
    opened.push(drift);
    all.set(node, drift);
  }
  return { of: (node) => all.get(node) as MarketDrift, told, leads: (node) => (leader = node) };
}

describe("a standby's book", () => {
  test("that is the leader's at the same update is nothing to tell, and is shown as equal", async () => {
    const { of, told } = nodes({ a: [mark(10, 1), mark(20, 2)], b: [mark(20, 2), mark(30, 3)] });
    await of(b).compare();
    expect(of(b).of("spot", btc)).toMatchObject({ leader: "a", updateId: 20, isEqual: true });
    expect(of(b).figures).toMatchObject([{ feed: "spot", symbol: btc, isEqual: true }]);
    expect([told, of(b).warnings]).toEqual([[], []]);
  });

  test("that is another one is told once, is a warning while it lasts, and its end is told", async () => {
    const books = { a: [mark(20, 2)], b: [mark(20, 9)] };
    const { of, told } = nodes(books);
    await of(b).compare();
    await of(b).compare();
    const sentence = "the book of BTC/USDT in feed spot is not the one of a at update 20";
    expect(told).toEqual([`feed.drift: ${sentence}.`]);
    expect(of(b).warnings).toEqual([sentence]);
    for (const marks of [books.a, books.b]) marks.push(mark(30, 3));
    await of(b).compare();
    expect(told[1]).toBe("feed.drift-ended: the book of BTC/USDT in feed spot is again the one of a at update 30.");
    expect([told.length, of(b).warnings]).toEqual([2, []]);
  });

  test("is not judged where the two have no update in common, or nobody answers", async () => {
    const { of, leads } = nodes({ a: [mark(10, 1)], b: [mark(20, 2)] });
    await of(b).compare();
    leads(id<NodeId>("elsewhere"));
    await of(b).compare();
    expect([of(b).of("spot", btc), of(b).figures]).toEqual([null, []]);
  });

  test("is compared with the present leader's, and not at all by the leader itself", async () => {
    const { of, leads } = nodes({ a: [mark(10, 1)], b: [mark(10, 2)], c: [mark(10, 2)] });
    await of(b).compare();
    expect(of(b).warnings).toHaveLength(1);
    leads(c);
    await of(b).compare();
    expect(of(b).of("spot", btc)).toMatchObject({ leader: "c", isEqual: true });
    leads(b);
    await of(b).compare();
    expect(of(b).figures).toEqual([]);
  });
});

function mark(updateId: number, digest: number): BookMark {
  return { updateId, digest };
}
