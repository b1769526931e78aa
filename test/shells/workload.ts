/**
 * What clients bring to whoever leads: notes of any length, and orders with what becomes of them at a venue, so that there
 * are rows to compare. What the state refuses is not recorded, as anywhere; what is told to be committed is kept by the
 * witness.
 */
import { decimal, id, intentEvent, latestAttempt, wallMs } from "@baton/core";
import type {
  DeploymentTag,
  EngineState,
  Epoch,
  JournalEvent,
  NodeId,
  OperationId,
  OrderRow,
  OrderTerms,
  SymbolId,
  TradeId,
  VenueId,
  VenueOrderId,
} from "@baton/core";
import { CommitUnknown, EventRefused } from "@baton/engine/shells";
import type { Ledger } from "@baton/engine/shells";
import type { Dice } from "../simulation/world/dice.ts";
import type { Witness } from "./witness.ts";

/** More that waits to be committed than this, and clients wait. */
const waitingMax = 200;
const startWallMs = 1_700_000_000_000;

type Maker = (state: EngineState) => JournalEvent | undefined;

interface Parts {
  readonly ledger: Ledger;
  readonly dice: Dice;
  readonly tag: DeploymentTag;
  readonly witness: Witness;
}

export class Workload {
  readonly #o: Parts;

  constructor(o: Parts) {
    this.#o = o;
  }

  /** One to six facts, in one frame's order, all or none. */
  request(epoch: Epoch): void {
    const { ledger, dice } = this.#o;
    if (ledger.speculative.applied - ledger.committed.applied > waitingMax) return;
    this.#submit(
      epoch,
      Array.from({ length: 1 + dice.below(6) }, () => this.#maker()),
    );
  }

  burst(epoch: Epoch, events: number): void {
    for (let left = events; left > 0; left -= 8)
      this.#submit(
        epoch,
        Array.from({ length: 8 }, () => this.#note()),
      );
  }

  #submit(epoch: Epoch, makers: readonly Maker[]): void {
    const { ledger, witness } = this.#o;
    let made: JournalEvent | undefined;
    let last: number;
    try {
      last = ledger.submitEach(
        epoch,
        makers.map((make) => (state) => {
          const event = make(state);
          made = event ?? made;
          return event;
        }),
      );
    } catch (error) {
      if (!(error instanceof EventRefused)) throw error;
      return witness.count("event refused");
    }
    const event = made;
    if (event === undefined) return;
    ledger.whenCommitted(last).then(
      () => witness.answered(last, event),
      (error: unknown) => {
        if (!(error instanceof CommitUnknown)) throw error;
        witness.count("commit unknown to its client");
      },
    );
  }

  #maker(): Maker {
    return this.#o.dice.weighted<() => Maker>([
      [4, () => this.#note()],
      [3, () => this.#intent()],
      [2, () => this.#answer()],
      [2, () => this.#fill()],
    ])();
  }

  #note(): Maker {
    const text = "x".repeat(this.#o.dice.below(300));
    return (state) => ({
      kind: "operation.noted",
      operation: id<OperationId>(`o-${state.applied}`),
      what: text,
      by: "client",
      reason: "because",
      atWallMs: timeOf(state),
    });
  }

  #intent(): Maker {
    const { dice, tag } = this.#o;
    const terms: OrderTerms = {
      venue: id<VenueId>("sim"),
      symbol: id<SymbolId>(dice.pick(["BTC/USDT", "ETH/USDT"])),
      side: dice.pick(["buy", "sell"]),
      type: "limit",
      quantity: decimal(String(1 + dice.below(9))),
      price: decimal(String(90 + dice.below(20))),
      timeInForce: "GTC",
    };
    const key = `key-${dice.below(1_000_000_000)}`;
    return (state) =>
      intentEvent(state, tag, {
        terms,
        sendWithinMs: 2_000,
        atWallMs: timeOf(state),
        by: "client",
        request: { principal: "client", key, digest: key },
      });
  }

  /** The venue's answer to the oldest order that has none. */
  #answer(): Maker {
    const isAccepted = this.#o.dice.chance(0.7);
    return (state) => {
      const [intent] = state.indexes.unsettled;
      const order = intent === undefined ? undefined : state.orders.get(intent);
      if (order === undefined) return undefined;
      const { number, epoch } = latestAttempt(order);
      const stamp = { sentWallMs: timeOf(state), validityMs: 1_000 };
      const outcome = isAccepted
        ? ({ kind: "accepted", order: venueOrderOf(order), stamp } as const)
        : ({ kind: "rejected", code: "-2010", message: "insufficient balance", stamp } as const);
      const node = id<NodeId>(latestAttempt(order).node);
      return {
        kind: "attempt.answered",
        intent: order.id,
        attempt: number,
        epoch,
        node,
        outcome,
        atWallMs: timeOf(state),
      };
    };
  }

  /** A trade of one of the newest orders. */
  #fill(): Maker {
    const back = this.#o.dice.below(8);
    return (state) => {
      const order = [...state.orders.values()].at(-1 - back);
      if (order?.venueOrderId === undefined) return undefined;
      return {
        kind: "fill.recorded",
        venue: order.terms.venue,
        symbol: order.terms.symbol,
        tradeId: id<TradeId>(`${state.applied + 1}`),
        venueOrderId: order.venueOrderId,
        intent: order.id,
        side: order.terms.side,
        price: order.terms.price ?? decimal("100"),
        quantity: decimal("0.1"),
        fee: decimal("0.01"),
        feeCurrency: "USDT",
        tradedWallMs: timeOf(state),
      };
    };
  }
}

function venueOrderOf(order: OrderRow): Extract<Extract<JournalEvent, { kind: "order.updated" }>["order"], object> {
  const { symbol, side, quantity, price } = order.terms;
  return {
    venueOrderId: id<VenueOrderId>(`v-${order.id}`),
    clientOrderId: latestAttempt(order).clientOrderId,
    symbol,
    side,
    status: "open",
    quantity,
    ...(price !== undefined && { price }),
    executed: decimal("0"),
  };
}

/** A minute a record: time passes in the state as in months. */
function timeOf(state: EngineState): ReturnType<typeof wallMs> {
  return wallMs(startWallMs + 60_000 * state.applied);
}
