/**
 * The state of an engine: what all events up to a sequence add up to. Everything that must survive lives in rows, which
 * are plain immutable JSON and materialise one to one as journal tables; what is only needed to be fast (`indexes.ts`) is
 * derived from the rows and never stored. `apply.ts` is the only writer, with `forgetting.ts` and `positions.ts`. The
 * container is mutable, its rows are not, so that copying a state copies maps and shares rows. Invariants that live in these
 * rows: I9, I11, I12, I13.
 */
import type { Decimal } from "../decimal.ts";
import type { BootId, Epoch, IntentId, NodeId, ParentId, Sequence, SymbolId, TradeId, VenueId } from "../ids.ts";
import { wallMs } from "../time.ts";
import type { WallMs } from "../time.ts";
import type { AlgorithmParameters } from "../formats/algorithms.ts";
import type { BaselineTaken, ControlSwitched, DriftFound, OrphanFound } from "../formats/events.ts";
import type { FillRecorded, RequestKey } from "../formats/order-events.ts";
import type { ParentEnded } from "../formats/parent-events.ts";
import type { KillState, KillSubject } from "../risk/kill.ts";
import { copyIndexes, emptyIndexes } from "./indexes.ts";
import type { Indexes } from "./indexes.ts";
import type { OrderRow } from "./order-row.ts";
import type { PriceBasis } from "./terms.ts";

/** The tables that rows materialise in. */
export type TableName = "orders" | "parents" | "fills" | "positions" | "keys" | "baselines" | "strategies" | "engine";

/** A row that an event changed; `rowOf` gives its new content. */
export interface Touched {
  readonly table: TableName;
  readonly key: string;
  /** The last content of an order that leaves the state and stays on record: the journal keeps it for who asks. */
  readonly past?: OrderRow;
  /** The same of a parent order. */
  readonly pastParent?: ParentRow;
  /** The same of an idempotency key. */
  readonly pastKey?: KeyRow;
}

/** What became of one slice of a parent order. */
export type SliceRow =
  | { readonly kind: "waiting" }
  /** `executed`: sum of its fills, kept where an algorithm needs it after the order has left the state. */
  | { readonly kind: "intent"; readonly intent: IntentId; readonly executed?: Decimal }
  | { readonly kind: "skipped"; readonly reason: string };

/** A parent order; `slices[n - 1]` is slice n. Where slices come one by one, those are here that have come. */
export interface ParentRow {
  readonly id: ParentId;
  readonly algorithm: AlgorithmParameters;
  readonly by: string;
  readonly request?: RequestKey;
  readonly startedWallMs: WallMs;
  readonly sequence: Sequence;
  readonly slices: readonly SliceRow[];
  readonly status: "working" | ParentEnded["reason"];
  readonly executed: Decimal;
  readonly executedQuote: Decimal;
  /** While it is paused. */
  readonly paused?: {
    readonly by: string;
    readonly atWallMs: WallMs;
    /** A history was given up while it worked. */
    readonly loss?: LossRow;
  };
  /** How long it has been paused in all: its windows are that much later. */
  readonly shiftMs?: number;
  /** Since it was amended: the slices before `fromSlice` had `scheduled`, the others share the rest. */
  readonly schedule?: { readonly fromSlice: number; readonly scheduled: Decimal };
  /** Public volume since the start, each trade once, and the trade up to which it was counted. */
  readonly counted?: { readonly lastTradeId: number; readonly volume: Decimal; readonly atWallMs: WallMs };
  /** Its stop was reached. */
  readonly triggered?: { readonly basis: PriceBasis; readonly atWallMs: WallMs };
  /** Sum of its children's trades that the venue took back, if any: no part of `executed`, and not traded again. */
  readonly busted?: Decimal;
  readonly endDetail?: string;
  readonly endedWallMs?: WallMs;
  /** Of the event that ended it; the oldest of these leave the tables first. */
  readonly endedSequence?: Sequence;
}

/**
 * What the account has traded in a parent's symbol since a loss paused it, and no order in the journal explains: what the lost
 * history may have executed of it, at most.
 */
export interface LossRow {
  /** Of the pause: trades recorded after it are counted. */
  readonly sequence: Sequence;
  readonly bought: Decimal;
  readonly sold: Decimal;
}

/** A trade of the account, once. */
export interface FillRow extends Omit<FillRecorded, "kind"> {
  readonly sequence: Sequence;
  /** The venue took it back: it counts nowhere. `bustedSequence`: of the event that says so. */
  readonly bustedWallMs?: WallMs;
  readonly bustedSequence?: Sequence;
}

/** What the fills of one (venue, symbol) add up to since the baseline. */
export interface PositionRow {
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  /** bought − sold; negative is short. */
  readonly quantity: Decimal;
  readonly bought: Decimal;
  readonly sold: Decimal;
  readonly quoteSpent: Decimal;
  readonly quoteReceived: Decimal;
  /** Currency → fees paid in it. */
  readonly fees: Readonly<Record<string, Decimal>>;
  readonly fills: number;
  readonly lastTradeId: TradeId;
  /** The newest trade whose fill row has left the tables: no trade up to it is recorded again. */
  readonly forgottenTradeId?: TradeId;
}

/** An idempotency key and what its first use made. */
export interface KeyRow {
  readonly principal: string;
  readonly key: string;
  readonly digest: string;
  readonly ref: IntentId | ParentId;
  readonly atWallMs: WallMs;
  readonly sequence: Sequence;
}

/** What was there before us at one venue, and orders with our tag that the journal did not know. */
export interface BaselineRow {
  readonly venue: VenueId;
  readonly baseline?: Omit<BaselineTaken, "kind" | "venue">;
  /** The latest `orphansKept` of them. */
  readonly orphans: readonly Omit<OrphanFound, "kind" | "venue">[];
  /** What the account holds beside what the journal explains, by `driftKey`; absent: nothing was ever found. */
  readonly drifts?: Readonly<Record<string, Omit<DriftFound, "kind" | "venue">>>;
}

/** A strategy's last journaled state. */
export interface StrategyRow {
  readonly strategy: string;
  readonly enabled: boolean;
  readonly reason: string;
  /** It is off since a loss. */
  readonly cause?: "history-lost";
  readonly state?: unknown;
  /** It was told of every trade and bust up to this event; absent: it never decided. */
  readonly toldSequence?: Sequence;
  readonly atWallMs: WallMs;
}

/** The one row about the engine itself. */
export interface EngineRow {
  /** 0 before the first epoch was opened. */
  readonly epoch: Epoch;
  readonly node: NodeId | "";
  readonly boot: BootId | "";
  readonly openedWallMs: WallMs;
  readonly inheritedSendByWallMs: WallMs;
  /** The sequence number of the next intent id and parent id. */
  readonly nextIntent: number;
  readonly nextParent: number;
  /**
   * Of the latest opening that follows on a lost history (`isOfLostHistory`); absent: no journal of this cluster was given
   * up since such openings say from where the numbers go on.
   */
  readonly lossSequence?: Sequence;
  /**
   * How many complete orders and how many fills stay in the state, and for how long after their end each of them stays
   * at least: what a venue may still tell of late finds its order here. Older orders are on the disk.
   */
  readonly kept: {
    readonly orders: number;
    readonly fills: number;
    /** Parent orders that have ended; absent: `parentsKept`. */
    readonly parents?: number;
    /** Idempotency keys; absent: `keysKept`. */
    readonly keys?: number;
    readonly forMs: number;
  };
  readonly kill: KillState;
  /** Whom a control has switched off until an operator says otherwise; absent: nobody ever was. */
  readonly disabled?: readonly DisabledRow[];
  /** Where the day's result is counted from; absent: from the baseline of the account. */
  readonly riskDay?: { readonly day: number; readonly totals: Readonly<Record<string, Decimal>> };
}

/** Somebody whom a control has switched off. */
export type DisabledRow = Pick<ControlSwitched, "control" | "subject" | "by" | "reason" | "atWallMs">;

/** All of it. Read freely; only `applyEvent` writes. */
export interface EngineState {
  /** Sequence of the last applied event. */
  applied: Sequence;
  readonly orders: Map<IntentId, OrderRow>;
  readonly parents: Map<ParentId, ParentRow>;
  /** By `fillKey`. */
  readonly fills: Map<string, FillRow>;
  /** By `marketKey`. */
  readonly positions: Map<string, PositionRow>;
  /** By `requestKeyOf`; oldest first. */
  readonly keys: Map<string, KeyRow>;
  readonly baselines: Map<VenueId, BaselineRow>;
  readonly strategies: Map<string, StrategyRow>;
  engine: EngineRow;
  readonly indexes: Indexes;
}

/** How many orphans a venue's row remembers. */
export const orphansKept = 100;

/** How many parent orders that have ended stay in the state. */
export const parentsKept = 500;

/** How many idempotency keys stay in the state; older ones are on the disk. */
export const keysKept = 10_000;

/** The number in an intent's or parent's id. */
export function idNumber(id: IntentId | ParentId): number {
  return Number(id.slice(2));
}

/** Whether an intent or a parent of this id was ever recorded. One that is not in the state any more has ended. */
export function wasRecorded(state: EngineState, ref: string): boolean {
  const { nextIntent, nextParent } = state.engine;
  return /^[ip]-[1-9]\d{0,14}$/.test(ref) && Number(ref.slice(2)) < (ref.startsWith("i") ? nextIntent : nextParent);
}

/** Whose order it is, and where: what kills and controls ask. */
export function subjectOf(state: EngineState, order: OrderRow): KillSubject {
  const { venue, symbol } = order.terms;
  const parentBy = order.parent === undefined ? undefined : state.parents.get(order.parent)?.by;
  return { venue, symbol, by: order.by, parentBy };
}

/** The key of one instrument at one venue: positions, exposure, open orders. */
export function marketKey(venue: VenueId, symbol: SymbolId): string {
  return `${venue}|${symbol}`;
}

/** The key that makes each trade count once. */
export function fillKey(venue: VenueId, symbol: SymbolId, tradeId: TradeId): string {
  return `${venue}|${symbol}|${tradeId}`;
}

/** Whether trade `a` came after trade `b` of the same symbol: by number where ids are numbers, else by code units. */
export function isLaterTrade(a: TradeId, b: TradeId): boolean {
  if (/^\d+$/.test(a) && /^\d+$/.test(b) && a.length !== b.length) return a.length > b.length;
  return a > b;
}

/** The key of an idempotency key; keys belong to their principal. */
export function requestKeyOf(request: { readonly principal: string; readonly key: string }): string {
  return `${request.principal}|${request.key}`;
}

/** The state before the first event. */
export function emptyState(): EngineState {
  return {
    applied: 0,
    orders: new Map(),
    parents: new Map(),
    fills: new Map(),
    positions: new Map(),
    keys: new Map(),
    baselines: new Map(),
    strategies: new Map(),
    engine: {
      epoch: 0,
      node: "",
      boot: "",
      openedWallMs: wallMs(0),
      inheritedSendByWallMs: wallMs(0),
      nextIntent: 1,
      nextParent: 1,
      kept: { orders: 5_000, fills: 10_000, forMs: 120_000 },
      kill: { level: "off", by: "", reason: "", atWallMs: wallMs(0) },
    },
    indexes: emptyIndexes(),
  };
}

/** An independent copy: maps are copied, rows shared. */
export function copyState(state: EngineState): EngineState {
  return {
    applied: state.applied,
    orders: new Map(state.orders),
    parents: new Map(state.parents),
    fills: new Map(state.fills),
    positions: new Map(state.positions),
    keys: new Map(state.keys),
    baselines: new Map(state.baselines),
    strategies: new Map(state.strategies),
    engine: state.engine,
    indexes: copyIndexes(state.indexes),
  };
}

/** The present content of a touched row, plain JSON; undefined means that the row is gone. */
export function rowOf(state: EngineState, touched: Touched): unknown {
  if (touched.table === "engine") return state.engine;
  return (state[touched.table] as ReadonlyMap<string, unknown>).get(touched.key);
}

/** A stored row. */
export interface StoredRow {
  readonly table: TableName;
  readonly key: string;
  readonly row: unknown;
}

/** All rows of a state, in no promised order: what `stateOf` takes, what a state digest covers. */
export function* rowsOf(state: EngineState): Generator<StoredRow> {
  for (const table of ["orders", "parents", "fills", "positions", "keys", "baselines", "strategies"] as const) {
    for (const [key, row] of state[table] as ReadonlyMap<string, unknown>) yield { table, key, row };
  }
  yield { table: "engine", key: "engine", row: state.engine };
}
