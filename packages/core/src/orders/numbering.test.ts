import { expect, test } from "vitest";
import { assert } from "../assert.ts";
import type { EpochOpened } from "../formats/events.ts";
import { id } from "../ids.ts";
import type { BootId, IntentId, NodeId } from "../ids.ts";
import { checkRisk } from "../risk/check.ts";
import { wallMs } from "../time.ts";
import { applyEvent } from "./apply.ts";
import { partsOf } from "./client-order-id.ts";
import { attemptEvent } from "./intent.ts";
import { openingOf } from "./opening.ts";
import type { OrderRow } from "./order-row.ts";
import { nextPlacementStep, withdrawals } from "./placement.ts";
import { refusalOf } from "./refusal.ts";
import { tag, twapRecorded, wanted } from "./sample-events.ts";
import { copyState, emptyState, idNumber } from "./state.ts";
import type { EngineState } from "./state.ts";

type Start = Partial<Pick<EpochOpened, "reason"> & { readonly isReconcileDue: boolean }>;

/** A history of its own, as one journal has it. */
class History {
  readonly state: EngineState;

  constructor(state: EngineState = emptyState()) {
    this.state = copyState(state);
  }

  opening(epoch: number, start: Start = {}): EpochOpened {
    return openingOf(this.state, {
      ...{ epoch, node: id<NodeId>("a"), boot: id<BootId>(`boot-${epoch}`), reason: "expired", isReconcileDue: false },
      ...{ atWallMs: wallMs(0), inheritedSendByWallMs: wallMs(0) },
      ...start,
    });
  }

  open(epoch: number, start: Start = {}): this {
    applyEvent(this.state, this.state.applied + 1, this.opening(epoch, start));
    return this;
  }

  /** Records so many intents; gives the numbers that they got. */
  want(count: number): readonly number[] {
    return Array.from({ length: count }, () => {
      const intent = wanted(this.state);
      assert(partsOf(intent.clientOrderId)?.intent === idNumber(intent.intent), "the venue sees the number too");
      applyEvent(this.state, this.state.applied + 1, intent);
      return idNumber(intent.intent);
    });
  }

  /** As if so many had been given out. */
  goneTo(number: number): this {
    this.state.engine = { ...this.state.engine, nextIntent: number };
    return this;
  }
}

test("an epoch that was handed over goes on where the one before ended", () => {
  const history = new History().open(1);
  expect(history.want(2)).toEqual([1, 2]);
  expect(history.open(2, { reason: "switchover" }).want(1)).toEqual([3]);
  expect(history.open(3, { reason: "yield" }).want(1)).toEqual([4]);
});

// Seed 387 of the simulation: the tail came back as the cluster's history when its node led after an unclean failover.
test.each(["expired", "crash-release", "pre-emption"] as const)(
  "whoever takes over gives out no number that the leader before may have recorded alone (%s)",
  (reason) => {
    const history = new History().open(1);
    history.want(1);
    const tail = new History(history.state).want(5);
    const numbers = history.open(2, { reason }).want(5);
    expect(numbers.filter((one) => tail.includes(one))).toEqual([]);
    // And nobody gives out those of the one who took over, when its disk is away in turn.
    const other = new History().open(1).open(3, { reason }).want(5);
    expect(other.filter((one) => numbers.includes(one))).toEqual([]);
  },
);

test("a takeover after the last range goes on with what is left, a loss gives out nothing", () => {
  const history = new History().open(1);
  history.want(1);
  expect(new History(history.state).open(400_000).want(1)).toEqual([2]);
  const { numbersFrom } = new History(history.state).opening(400_000, { reason: "unclean" });
  expect(numbersFrom).toBe(2 ** 48);
});

test.each([
  { reason: "unclean" },
  // The unclean winner died before it had journaled anything; its successor has to know all the same.
  { reason: "crash-release", isReconcileDue: true },
] as const)("after an unclean failover no number is given out that a lost intent may have ($reason)", (start) => {
  const history = new History().open(1);
  history.want(1);
  const lost = new History(history.state);
  const numbers = lost.want(5);
  expect(
    history
      .open(2, start)
      .want(5)
      .filter((one) => numbers.includes(one)),
  ).toEqual([]);
});

test("a node that missed an unclean failover gives out no number of the history that it missed, when it is the next", () => {
  const missed = new History().open(1);
  missed.want(3);
  // Both go on from the same record: one leads epoch 2 and dies, the other, which knows nothing of that, leads epoch 4.
  const first = new History(missed.state).open(2, { reason: "unclean", isReconcileDue: true });
  const numbers = [...first.want(1_000), ...first.open(3, { isReconcileDue: true }).want(10)];
  const second = new History(missed.state).open(4, { reason: "unclean", isReconcileDue: true });
  expect(second.want(1_000).filter((one) => numbers.includes(one))).toEqual([]);
});

test("an epoch gives out no number that a later one could begin at: then new orders wait for a switchover", () => {
  const history = new History().open(1, { reason: "unclean" }).open(2);
  const { numbersFrom = 0 } = new History(history.state).opening(3, { reason: "unclean" });
  history.goneTo(numbersFrom - 1);
  expect(history.want(1)).toEqual([numbersFrom - 1]);
  expect(refusalOf(history.state, wanted(history.state))).toBe("numbers-used-up");
  expect(checkRisk(history.state, wanted(history.state).terms, {} as never)).toMatchObject({ code: "numbers-used-up" });
  expect(history.open(3, { reason: "switchover" }).want(1)).toEqual([numbersFrom]);
});

test("parents are numbered alike", () => {
  const history = new History().open(7, { reason: "unclean" });
  const parent = twapRecorded(history.state);
  expect(parent).toMatchObject({ parent: `p-${new History().opening(7, { reason: "unclean" }).numbersFrom}` });
  history.state.engine = { ...history.state.engine, nextParent: 80_000_000_000 };
  expect(refusalOf(history.state, twapRecorded(history.state))).toBe("numbers-used-up");
});

test("when the numbers that fit a client order id have come to an end, nothing is given out twice, and nothing at all", () => {
  const history = new History().open(400_000, { reason: "unclean" });
  expect(history.state.engine.nextIntent).toBe(2 ** 48);
  const intent = { ...wanted(new History().state), intent: id<IntentId>(`i-${2 ** 48}`) };
  expect(refusalOf(history.state, intent)).toBe("numbers-used-up");
});

test("an opening that would go back in the numbers is refused", () => {
  const history = new History().open(1).goneTo(50);
  const opening = { ...history.opening(2, { reason: "unclean" }), numbersFrom: 49 };
  expect(refusalOf(history.state, opening)).toBe("numbers-known");
});

test("after a loss no order is tried again: the lost history may have done so, under the id that its next attempt has", () => {
  const history = new History().open(1);
  history.want(1);
  const orderOf = ({ state }: History): OrderRow => state.orders.values().next().value as OrderRow;
  const by = { epoch: 1, node: id<NodeId>("a"), out: new Set<IntentId>() };
  for (const event of withdrawals(history.state, by, wallMs(10_010)))
    applyEvent(history.state, history.state.applied + 1, event);
  // Its successor tries it again, sends it, and is lost with the record.
  const lost = new History(history.state).open(2, { reason: "switchover" });
  const soon = wallMs(10_020);
  expect(nextPlacementStep(lost.state, orderOf(lost), soon)).toEqual({ kind: "reissue", attempt: 2 });
  history.open(3, { reason: "unclean", isReconcileDue: true });
  expect(nextPlacementStep(history.state, orderOf(history), soon)).toEqual({ kind: "end", reason: "history-lost" });
  expect(refusalOf(history.state, attemptEvent(tag, orderOf(history), soon, undefined))).toBe("history-lost");
  history.open(4, { reason: "switchover" });
  expect(nextPlacementStep(history.state, orderOf(history), soon)).toEqual({ kind: "end", reason: "history-lost" });
});

test("a record of before goes on as it did: a million numbers are left out", () => {
  const history = new History().open(1);
  history.want(1);
  const { numbersFrom: _later, ...opening } = history.opening(2, { reason: "unclean" });
  applyEvent(history.state, history.state.applied + 1, opening);
  expect(history.want(1)).toEqual([1_000_002]);
});
