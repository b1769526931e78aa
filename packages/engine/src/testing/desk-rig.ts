/**
 * A desk over a journal in memory, on virtual time: what it records is committed when the test says so (or at once), what
 * it sends goes to a scripted venue. A second desk over the same journal is a takeover.
 */
import { checkConfig, decimal, id, issuePermit, killText, monoMs, sealFrame, tagOf, wallMs } from "@baton/core";
import type {
  BootId,
  ClusterId,
  Config,
  Epoch,
  Frame,
  IntentId,
  JournalEvent,
  KillState,
  MarketView,
  NodeId,
  OrderRequest,
  OrderRow,
  ParentId,
  Refusal,
  Sequence,
  TakeoverReason,
  TwapRequest,
  VenueId,
} from "@baton/core";
import type { Venue } from "@baton/venues";
import { emptyState, encodeEvent, genesisHash } from "@baton/core";
import { monoNow, wallNow } from "../clock.ts";
import type { Taken } from "../desk/intake.ts";
import { Desk } from "../desk/desk.ts";
import { VolumeTapes } from "../desk/volume-tapes.ts";
import { Ledger } from "../ledger.ts";
import { openMetrics } from "../metrics.ts";
import type { Metrics, MetricsSnapshot } from "../metrics.ts";
import { OrderTraces } from "../order-trace.ts";
import { btc, ScriptedVenue } from "./scripted-venue.ts";

/** What is on the disks. */
export class MemoryJournal {
  readonly frames: Frame[] = [];

  get last(): { readonly sequence: Sequence; readonly hash: string } {
    const frame = this.frames.at(-1);
    return frame === undefined ? { sequence: 0, hash: genesisHash } : { sequence: frame.last, hash: frame.hash };
  }

  append(epoch: Epoch, events: readonly JournalEvent[]): Sequence {
    this.frames.push(sealFrame(this.last, epoch, events.map(encodeEvent), (text) => `hash of ${text.length}`));
    return this.last.sequence;
  }

  get events(): readonly JournalEvent[] {
    return this.frames.flatMap((frame) => frame.body.split("\n").map((text) => JSON.parse(text) as JournalEvent));
  }
}

/** One desk on a journal in memory and a scripted venue, as one node has it. */
export class DeskRig {
  readonly journal: MemoryJournal;
  readonly venue: ScriptedVenue;
  /** Another venue, where the test asked for one. */
  readonly second: ScriptedVenue | undefined;
  readonly ledger: Ledger;
  readonly desk: Desk;
  readonly metrics: Metrics;
  readonly warnings: string[] = [];
  /** Kills that etcd was to be told of. */
  readonly reasserted: string[] = [];
  /** What this node was told of itself. */
  localKill: KillState = { level: "off", by: "", reason: "", atWallMs: wallMs(0), scopes: [] };
  /** Terms in which every venue was read, where that was due. */
  readonly reconciled: Epoch[] = [];
  readonly volume: VolumeTapes = new VolumeTapes();
  /** Until then there is a permit. */
  deadlineMonoMs: number = Number.MAX_SAFE_INTEGER;
  isHeld = false;
  market: MarketView = {
    kind: "fresh",
    basis: { feed: "f", updateId: 1, ageMs: 1, bid: decimal("99.5"), ask: decimal("100") },
  };
  noRisk: Refusal | undefined;
  /** False: what is recorded waits for `commit`. */
  isCommitting = true;
  #epoch: Epoch = 0;
  readonly #venues: Map<VenueId, Venue>;

  constructor(
    o: {
      readonly journal?: MemoryJournal;
      readonly venue?: ScriptedVenue;
      readonly second?: ScriptedVenue;
      readonly node?: string;
      readonly config?: Config;
    } = {},
  ) {
    this.journal = o.journal ?? new MemoryJournal();
    this.venue = o.venue ?? new ScriptedVenue();
    this.metrics = openMetrics(() => nothing);
    this.ledger = new Ledger(
      emptyState(),
      this.journal.frames,
      (epoch, events) => {
        const last = this.journal.append(epoch, events);
        if (this.isCommitting) setImmediate(() => this.commit());
        return last;
      },
      (event, _sequence, epoch) => this.desk.onCommitted(event, epoch),
      (ms) => this.metrics.journalCommit.observe(ms / 1_000),
    );
    const venue = this.venue.asVenue();
    this.second = o.second;
    const other = o.second?.asVenue();
    this.#venues = new Map([[venue.id, venue], ...(other === undefined ? [] : [[other.id, other] as const])]);
    this.desk = new Desk(
      {
        node: id<NodeId>(o.node ?? "a"),
        config: o.config ?? rigConfig(),
        tag: tagOf(id<ClusterId>("6f6c0f7e-0000-4000-8000-000000000001")),
        venues: this.#venues,
        reaches: (name) => [this.venue, this.second].some((each) => each?.id === name && each.isReachable),
        price: () => this.market,
        permits: {
          current: (now) => {
            const ground = { role: "leader", epoch: this.#epoch, isEpochOpen: true, isHeld: this.isHeld } as const;
            return issuePermit(ground, monoMs(this.desk.maySend ? this.deadlineMonoMs : 0), now);
          },
        },
        volume: this.volume,
        metrics: this.metrics,
        traces: new OrderTraces(),
        localKill: () => this.localKill,
        reassertKill: (scope) => this.reasserted.push(killText(scope)),
        reconciled: (epoch) => this.reconciled.push(epoch),
        whyNoRisk: () => this.noRisk,
        say: () => undefined,
        warn: (event, sentence) => this.warnings.push(`${event}: ${sentence}`),
      },
      this.ledger,
    );
  }

  /** The configuration names no venue any more. */
  withoutVenues(): void {
    this.#venues.clear();
  }

  /** The wait set holds everything up to here, or all of it. */
  commit(upTo: Sequence = this.journal.last.sequence): void {
    this.ledger.commit(upTo);
  }

  lead(epoch: Epoch, reason: TakeoverReason = "expired", inheritedMs = 2_000, isReconcileDue = false): this {
    this.#epoch = epoch;
    const inheritedSendByWallMs = wallMs(wallNow() + inheritedMs);
    this.desk.begin({ epoch, boot: id<BootId>(`boot-${epoch}`), reason, inheritedSendByWallMs, isReconcileDue });
    this.desk.takeUp();
    return this;
  }

  /** Asks for a limit buy of 1 at 100, or as said. */
  ask(over: Partial<OrderRequest> = {}, key?: string): Taken {
    const request: OrderRequest = {
      symbol: btc,
      side: "buy",
      type: "limit",
      quantity: decimal("1"),
      price: decimal("100"),
      timeInForce: "GTC",
      sendWithinMs: 2_000,
      ...over,
    };
    const taken = this.desk.request(request, "trader", key === undefined ? undefined : { key });
    if (taken === undefined) throw new Error("there is no term");
    return taken;
  }

  /** As `ask`, and it is recorded. */
  order(over: Partial<OrderRequest> = {}): IntentId {
    const taken = this.ask(over);
    if (taken.kind !== "recorded") throw new Error(`not recorded: ${JSON.stringify(taken)}`);
    return id<IntentId>(taken.ref);
  }

  twap(over: Partial<TwapRequest> = {}): ParentId {
    const request: TwapRequest = {
      algo: "twap",
      symbol: btc,
      side: "buy",
      quantity: decimal("4"),
      slices: 4,
      durationMs: 4_000,
      aggressionBps: 10,
      ...over,
    };
    const taken = this.desk.request(request, "trader", undefined);
    if (taken?.kind !== "recorded") throw new Error(`not recorded: ${JSON.stringify(taken)}`);
    return id<ParentId>(taken.ref);
  }

  row(intent: IntentId): OrderRow {
    const row = this.ledger.speculative.orders.get(intent);
    if (row === undefined) throw new Error(`there is no ${intent}`);
    return row;
  }

  /** What is on record about an intent, by kind. */
  told(intent: IntentId): readonly string[] {
    return this.journal.events.flatMap((event) => {
      if (!("intent" in event) || event.intent !== intent) return [];
      return event.kind === "attempt.answered" ? [`${event.kind} ${event.outcome.kind}`] : [event.kind];
    });
  }

  now(): number {
    return monoNow();
  }
}

/** A configuration for one venue, "sim", and one symbol; `alternate` adds a second, to which orders for "sim" may go. */
export function rigConfig(alternate?: string): Config {
  const checked = checkConfig({
    cluster: { name: "test", nodes: ["a", "b", "c"] },
    node: { id: "a", site: "x", dataDir: "/nowhere" },
    api: { listen: "127.0.0.1:1", allowLoopbackWithoutToken: true },
    etcd: { endpoints: ["http://127.0.0.1:2"] },
    doubt: { processingBoundMs: 500, queryLagMs: 200 },
    venues: [
      {
        id: "sim",
        exchange: "binance",
        account: "t",
        apiKeyFile: "/k",
        secretFile: "/s",
        symbols: ["BTC/USDT"],
        validityMs: 1_000,
        ...(alternate !== undefined && { alternate }),
      },
      ...(alternate === undefined
        ? []
        : [
            {
              ...{ id: alternate, exchange: "binance", account: "t2", symbols: ["BTC/USDT"] },
              ...{ apiKeyFile: "/k2", secretFile: "/s2", validityMs: 1_000 },
            },
          ]),
    ],
    feeds: [{ id: "f", venue: "sim", symbols: ["BTC/USDT"] }],
    risk: { defaults: { orderQuantityMax: "10", orderNotionalMax: "5000", collarBps: 200, positionMax: "20" } },
  });
  if (checked.kind === "invalid") throw new Error(JSON.stringify(checked.issues));
  return checked.config;
}

const nothing: MetricsSnapshot = {
  isLeader: false,
  epoch: 0,
  deadlineSlackSeconds: 0,
  unfit: [],
  isInSync: false,
  lagRecords: 0,
  lagSeconds: 0,
  backlogs: [],
  inDoubt: 0,
  inDoubtOldestSeconds: 0,
  killLevel: 0,
  heldByLoss: 0,
  sla: [],
  rateBudget: [],
  breaker: [],
  certificates: [],
  clockOffset: [],
  feeds: [],
  reconnects: [],
  drift: [],
  depth: [],
  balances: [],
  drifts: [],
  keeping: { stateDivergence: 0, diskUsedShare: 0, archiveLagRecords: 0, isArchiveFailing: false, prunedRecords: 0 },
};
