/**
 * A cluster with a history, made at once instead of traded: while its nodes are down, orders are put on record in one
 * node's journal, by the journal itself and in its own frames, and each frame is received by the other journals as from a
 * leader. Orders that stay open on record are open at the exchange too, under the same ids, so that a takeover finds what
 * it would find after a long day.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import { applyEvent, decimal, decodeEvent, id, intentEvent, latestAttempt, tagOf, wallMs } from "@baton/core";
import type {
  BootId,
  ClusterId,
  EngineState,
  IntentId,
  JournalEvent,
  NodeId,
  OrderTerms,
  SymbolId,
  VenueId,
  VenueOrderId,
  WallMs,
} from "@baton/core";
import { openJournal } from "@baton/journal";
import type { Journal } from "@baton/journal";
import type { RestingOrders } from "./order-clients.ts";

/** What journals grow to. */
export interface Growth {
  /** Records in the journal, all in all. */
  readonly records: number;
  /** Orders that stay open, all in all; those that are open already count. */
  readonly open: number;
}

const eventsPerTurn = 64;
const placedTogether = 16;
/** A record each so many ms until now: most of what the journal holds has been over for a while. */
const recordEveryMs = 50;
/** Far below the market, in a symbol of its own. */
const terms: OrderTerms = {
  venue: id<VenueId>("sim"),
  symbol: id<SymbolId>("SOL/USDT"),
  side: "buy",
  type: "limit",
  quantity: decimal("0.07"),
  price: decimal("100"),
  timeInForce: "GTC",
};

/** Grows the journals of nodes that are down; each folder is a node's. The journals have to be equal. */
export async function growJournals(
  nodes: readonly { readonly id: NodeId; readonly dataDir: string }[],
  growth: Growth,
  exchange: RestingOrders,
): Promise<void> {
  const journals = await Promise.all(nodes.map((node) => open(node)));
  try {
    const [first, ...others] = journals;
    if (first === undefined) throw new Error("there is no journal");
    for (const other of others) {
      if (other.last.hash !== first.last.hash) throw new Error("the journals are not equal");
    }
    first.onSealed.on((frame) => {
      for (const other of others) other.receive(frame);
    });
    await grow(journals, first, growth, exchange);
  } finally {
    await Promise.all(journals.map((journal) => journal.close()));
  }
}

async function open(node: { readonly id: NodeId; readonly dataDir: string }): Promise<Journal> {
  const file = join(node.dataDir, "journal.db");
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  const cluster = id<ClusterId>(String(db.prepare("SELECT cluster FROM meta").get()?.["cluster"]));
  db.close();
  return openJournal({ file, cluster, node: node.id, bootId: id<BootId>("bench"), create: false });
}

async function grow(
  journals: readonly Journal[],
  first: Journal,
  growth: Growth,
  exchange: RestingOrders,
): Promise<void> {
  const { state, tail } = first.opened;
  for (const frame of tail) {
    for (const text of frame.body.split("\n")) applyEvent(state, state.applied + 1, decodeEvent(text));
  }
  const { records } = growth;
  const book: Book = {
    state,
    tag: tagOf(first.identity.cluster),
    epoch: first.last.epoch,
    nowWallMs: () => wallMs(Date.now() - Math.max(0, records - state.applied) * recordEveryMs),
  };
  const openNow = [...state.indexes.open.values()].reduce((sum, orders) => sum + orders.size, 0);
  for (let count = openNow; count < growth.open;) {
    const wanted = Math.min(placedTogether, growth.open - count);
    const recorded = Array.from({ length: wanted }, () => recordIntent(book));
    const ids = await Promise.all(recorded.map(({ clientOrderId }) => exchange.rest({ clientOrderId, terms })));
    const answers = recorded.map(({ intent }, at) => recordAnswer(book, intent, "open", ids[at] ?? ""));
    await append(journals, first, book.epoch, [...recorded.map(({ event }) => event), ...answers]);
    count += wanted;
  }
  while (state.applied < growth.records) {
    const events: JournalEvent[] = [];
    while (events.length < eventsPerTurn) {
      const { intent, event } = recordIntent(book);
      events.push(event, recordAnswer(book, intent, "expired", `bench-${intent}`));
    }
    await append(journals, first, book.epoch, events);
  }
  for (const journal of journals) journal.commit(state.applied);
}

interface Book {
  readonly state: EngineState;
  readonly tag: ReturnType<typeof tagOf>;
  readonly epoch: number;
  readonly nowWallMs: () => WallMs;
}

function recordIntent(book: Book): { intent: IntentId; clientOrderId: string; event: JournalEvent } {
  const event = intentEvent(book.state, book.tag, {
    terms,
    sendWithinMs: 2_000,
    atWallMs: book.nowWallMs(),
    by: "bench",
  });
  applyEvent(book.state, book.state.applied + 1, event);
  return { intent: event.intent, clientOrderId: event.clientOrderId, event };
}

function recordAnswer(book: Book, intent: IntentId, status: "open" | "expired", venueOrderId: string): JournalEvent {
  const order = book.state.orders.get(intent);
  if (order === undefined) throw new Error(`${intent} is not on record`);
  const attempt = latestAttempt(order);
  const { symbol, side, quantity, price } = order.terms;
  const event: JournalEvent = {
    kind: "attempt.answered",
    intent,
    attempt: attempt.number,
    epoch: attempt.epoch,
    node: id<NodeId>(attempt.node),
    outcome: {
      kind: "accepted",
      order: {
        venueOrderId: id<VenueOrderId>(venueOrderId),
        clientOrderId: attempt.clientOrderId,
        symbol,
        side,
        status,
        quantity,
        ...(price !== undefined && { price }),
        executed: decimal("0"),
      },
      stamp: { sentWallMs: book.nowWallMs(), validityMs: 1_000 },
    },
    atWallMs: book.nowWallMs(),
  };
  applyEvent(book.state, book.state.applied + 1, event);
  return event;
}

/** Gives the events to the first journal, and waits until all have them on disk. */
async function append(
  journals: readonly Journal[],
  first: Journal,
  epoch: number,
  events: readonly JournalEvent[],
): Promise<void> {
  const last = first.append(epoch, events);
  const end = performance.now() + 10_000;
  while (journals.some((journal) => journal.durable < last)) {
    if (performance.now() > end) throw new Error("a journal does not become durable");
    await delay(1);
  }
  for (const journal of journals) journal.commit(last);
}
