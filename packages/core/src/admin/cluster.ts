/**
 * The cluster over HTTP: what `baton status`, `history`, `feeds` and the console show, and what a switchover would say of
 * each candidate. Any node answers from what it knows; null means that this node does not know, never that it is fine.
 */
import { z } from "zod";
import type { Decimal } from "../decimal.ts";
import type { TakeoverReason } from "../formats/events.ts";
import type { BootId, ClusterId, Epoch, JournalId, NodeId, Sequence, SymbolId, VenueId } from "../ids.ts";
import type { RejoinMeaning } from "../replication/rejoin-states.ts";
import type { RejoinState } from "../replication/rejoin.ts";
import type { PromotabilityReason } from "../succession/promotability.ts";
import { killLevels } from "../risk/kill.ts";
import type { ControlRecord, HistoryRecord, KillRecord } from "../succession/records.ts";
import type { OperationView } from "./operations.ts";
import { operationViewSchema } from "./operations.ts";

/** What a node is doing. `held`: leader in a switchover; `fenced`: this boot never leads again. */
export type NodeRole = "starting" | "standby" | "campaigning" | "leader" | "held" | "fenced" | "stopped";

/** `GET /cluster`, in the eyes of the node that was asked. */
export interface ClusterView {
  readonly version: 1;
  readonly cluster: { readonly name: string; /** Null until `baton cluster init`. */ readonly id: ClusterId | null };
  readonly atWallMs: number;
  /** The node that answers. */
  readonly node: {
    readonly id: NodeId;
    readonly boot: BootId;
    readonly role: NodeRole;
    readonly site: string;
    readonly address: string;
    /** What its loop did last, and why: one sentence. */
    readonly sentence: string;
  };
  readonly leader: {
    readonly node: NodeId;
    readonly boot: BootId;
    readonly epoch: Epoch;
    readonly sinceWallMs: number;
    readonly reason: TakeoverReason;
  } | null;
  readonly epoch: Epoch;
  /** Until the leader's deadline; only the leader knows it. */
  readonly deadlineSlackMs: number | null;
  readonly insync: { readonly epoch: Epoch; readonly version: number; readonly members: readonly NodeId[] } | null;
  readonly members: readonly MemberView[];
  readonly control: {
    readonly autofailover: ControlRecord["autofailover"];
    readonly pause: { readonly by: string; readonly reason: string; readonly untilWallMs?: number } | null;
    readonly acknowledged?: { readonly by: string; readonly reason: string; readonly atWallMs: number } | null;
  };
  /** While nobody leads: what a failover would mean. */
  readonly leaderless?: {
    /** Since when this node has seen no leader key. */
    readonly forMs: number;
    /** After so long a node that is not in sync may be made leader. */
    readonly uncleanAfterMs: number;
    /** Of each node that is not in sync, what would be lost, with the journal that it has now; an operation names that. */
    readonly losses: readonly {
      readonly node: NodeId;
      readonly journal?: JournalId;
      readonly sentence: string;
    }[];
  } | null;
  readonly kill: KillRecord | null;
  /**
   * May an order that needs a fresh price leave now, and if not, why not. A standby passes on what its leader says, a quarter
   * of a second late at most; where it does not hear that, `isKnown` is false.
   */
  readonly trading: { readonly isAllowed: boolean; readonly isKnown?: boolean; readonly reasons: readonly string[] };
  readonly orders: {
    readonly open: number;
    readonly inDoubt: number;
    /** Age of the oldest order in doubt. */
    readonly oldestInDoubtMs: number | null;
    /** Orders of which the venue executed more than the journaled trades say: their trades are being read. */
    readonly fillsMissing: number;
    /** Recorded and not yet sent; only the leader knows, and others leave it out. */
    readonly waiting?: number;
    /** How long the oldest of them has waited; null where none does. */
    readonly oldestWaitingMs?: number | null;
    /** Parent orders that have not ended. */
    readonly parents?: { readonly running: number; readonly paused: number };
  };
  readonly feeds: readonly FeedSummary[];
  readonly venues?: readonly VenueSummary[];
  readonly etcd: EtcdHealth;
  /** The operation that is under way. */
  readonly operation: OperationView | null;
  /** What stops nobody and has to be known: one copy only, a filling disk, states that differ, a failing archive. */
  readonly warnings?: readonly string[];
}

export interface MemberView {
  readonly node: NodeId;
  readonly boot: BootId;
  readonly role: NodeRole;
  readonly site: string;
  readonly address: string;
  readonly isInSync: boolean;
  readonly position: { readonly epoch: Epoch; readonly durable: Sequence; readonly committed: Sequence };
  /** Records that the leader has and this node has not; null where no leader is known. */
  readonly lagRecords: number | null;
  /** Why it could not be promoted by itself now; empty = promotable. */
  readonly unfit: readonly string[];
  /** The same with codes, and what only lets a better candidate go first. */
  readonly reasons: readonly PromotabilityReason[];
  readonly reachesVenue: boolean;
  readonly build: string;
  readonly configDigest: string;
  readonly tags: readonly string[];
  /** How its journal comes together with the leader's, with what to do; only the leader knows. */
  readonly rejoin?: {
    readonly state: RejoinState;
    readonly needs: RejoinMeaning["needs"];
    readonly means: string;
    readonly action: string;
  } | null;
}

export type FeedQuality = "live" | "degraded" | "stale";

export interface FeedSummary {
  readonly id: string;
  readonly quality: FeedQuality;
  /** Age of the oldest symbol's newest data; null before the first. */
  readonly ageMs: number | null;
}

/** A configured venue and what Baton cannot do there, most important first. */
export interface VenueSummary {
  readonly id: VenueId;
  readonly title: string;
  readonly cannot: readonly string[];
}

export interface EtcdHealth {
  readonly isReachable: boolean;
  readonly endpoints: readonly { readonly endpoint: string; readonly isHealthy: boolean }[];
  /** Age of the newest linearizable read. */
  readonly ageMs: number | null;
  readonly revision: string | null;
  /** Endpoint of etcd's own leader; null where it is not known. */
  readonly leaderEndpoint?: string | null;
  /** etcd's leader stands on the host of Baton's leader: one host's loss costs both. Null where that is not known. */
  readonly sitsWithLeader?: boolean | null;
}

/** `GET /v1/feeds`: one row per feed and symbol. */
export interface FeedView {
  readonly id: string;
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  readonly state: string;
  readonly quality: FeedQuality;
  readonly ageMs: number | null;
  readonly bid: Decimal | null;
  readonly ask: Decimal | null;
  readonly gaps: number;
  readonly reconnects: number;
  /** Why the quality is what it is. */
  readonly reason?: string;
  /** Trades that could not be had, each told as missing. */
  readonly tradesMissing?: number;
  /** The line in use: the connection whose copy of the price came first. Null before any price. */
  readonly line?: string | null;
  /** Of the whole feed: every cause that has ended a connection or an attempt. */
  readonly reconnectsByCause?: Readonly<Record<string, number>>;
  /** The lines of the whole feed. */
  readonly lines?: readonly FeedLineView[];
  /** This node's book beside the leader's at one update; null on the leader and where they have none in common. */
  readonly drift?: FeedDrift | null;
}

/** One connection of a feed. */
export interface FeedLineView {
  /** Letter and number of lives: `a1`, `b3`. */
  readonly line: string;
  readonly url: string;
  readonly state: string;
  readonly reason: string;
  /** Age of the connection; null while there is none. */
  readonly upMs: number | null;
  readonly failuresInRow: number;
  /** It is about to take the place of the one before it. */
  readonly isSuccessor: boolean;
}

export interface FeedDrift {
  readonly leader: NodeId;
  /** Where the two were compared. */
  readonly updateId: number;
  readonly isEqual: boolean;
  readonly comparedAgoMs: number;
}

/** `GET /v1/books/:symbol`; levels are [price, quantity], best first. */
export interface BookView {
  readonly version: 1;
  readonly feed: string;
  readonly symbol: SymbolId;
  readonly quality: FeedQuality;
  readonly ageMs: number | null;
  readonly updateId: number;
  readonly bids: readonly (readonly [Decimal, Decimal])[];
  readonly asks: readonly (readonly [Decimal, Decimal])[];
}

/** `GET /history?since=WALLMS`: one timeline, oldest first. */
export interface HistoryPage {
  readonly version: 1;
  readonly entries: readonly HistoryEntry[];
}

export type HistoryEntry =
  | ({ readonly kind: "epoch" } & HistoryRecord)
  | ({ readonly kind: "operation"; readonly atWallMs: number } & OperationView)
  | ({ readonly kind: "kill" } & KillRecord);

/** `GET /promotability`: the one function's answer for each node. */
export interface Promotability {
  readonly version: 1;
  readonly candidates: readonly {
    readonly node: NodeId;
    readonly isPromotable: boolean;
    readonly isInSync: boolean;
    readonly lagRecords: number | null;
    readonly unfit: readonly string[];
    readonly reasons: readonly PromotabilityReason[];
  }[];
}

/** Body of `/leader /standby /in-sync /health /ready /live`: status 200 when ok, 503 when not. */
export interface ProbeView {
  readonly isOk: boolean;
  readonly role: NodeRole;
  readonly sentence: string;
}

const role = z.enum(["starting", "standby", "campaigning", "leader", "held", "fenced", "stopped"]);
const quality = z.enum(["live", "degraded", "stale"]);
const age = z.number().nullable();
const reasons = z.array(
  z.looseObject({
    code: z.string(),
    bars: z.enum(["everyone", "automatic", "while-better"]),
    sentence: z.string(),
  }),
);
const killRecord = z.looseObject({
  level: z.enum(["off", ...killLevels]),
  by: z.string(),
  reason: z.string(),
  atWallMs: z.number(),
});

export const clusterViewSchema: z.ZodType<ClusterView> = z.looseObject({
  version: z.literal(1),
  cluster: z.looseObject({ name: z.string(), id: z.string().nullable() }),
  atWallMs: z.number(),
  node: z.looseObject({
    id: z.string(),
    boot: z.string(),
    role,
    site: z.string(),
    address: z.string(),
    sentence: z.string(),
  }),
  leader: z
    .looseObject({
      node: z.string(),
      boot: z.string(),
      epoch: z.int(),
      sinceWallMs: z.number(),
      reason: z.string(),
    })
    .nullable(),
  epoch: z.int(),
  deadlineSlackMs: age,
  insync: z.looseObject({ epoch: z.int(), version: z.int(), members: z.array(z.string()) }).nullable(),
  members: z.array(
    z.looseObject({
      node: z.string(),
      boot: z.string(),
      role,
      site: z.string(),
      address: z.string(),
      isInSync: z.boolean(),
      position: z.looseObject({ epoch: z.int(), durable: z.int(), committed: z.int() }),
      lagRecords: z.int().nullable(),
      unfit: z.array(z.string()),
      reasons,
      reachesVenue: z.boolean(),
      build: z.string(),
      configDigest: z.string(),
      tags: z.array(z.string()),
      rejoin: z.exactOptional(
        z.looseObject({ state: z.string(), needs: z.string(), means: z.string(), action: z.string() }).nullable(),
      ),
    }),
  ),
  control: z.looseObject({
    autofailover: z.enum(["on", "observe", "off"]),
    pause: z.looseObject({ by: z.string(), reason: z.string(), untilWallMs: z.exactOptional(z.number()) }).nullable(),
    acknowledged: z.exactOptional(
      z.looseObject({ by: z.string(), reason: z.string(), atWallMs: z.number() }).nullable(),
    ),
  }),
  leaderless: z.exactOptional(
    z
      .looseObject({
        forMs: z.number(),
        uncleanAfterMs: z.number(),
        losses: z.array(
          z.looseObject({ node: z.string(), journal: z.exactOptional(z.string()), sentence: z.string() }),
        ),
      })
      .nullable(),
  ),
  kill: killRecord.nullable(),
  trading: z.looseObject({ isAllowed: z.boolean(), isKnown: z.boolean().optional(), reasons: z.array(z.string()) }),
  orders: z.looseObject({
    open: z.int(),
    inDoubt: z.int(),
    oldestInDoubtMs: age,
    fillsMissing: z.int(),
    waiting: z.exactOptional(z.int()),
    oldestWaitingMs: z.exactOptional(age),
    parents: z.exactOptional(z.looseObject({ running: z.int(), paused: z.int() })),
  }),
  feeds: z.array(z.looseObject({ id: z.string(), quality, ageMs: age })),
  venues: z.exactOptional(z.array(z.looseObject({ id: z.string(), title: z.string(), cannot: z.array(z.string()) }))),
  etcd: z.looseObject({
    isReachable: z.boolean(),
    endpoints: z.array(z.looseObject({ endpoint: z.string(), isHealthy: z.boolean() })),
    ageMs: age,
    revision: z.string().nullable(),
    leaderEndpoint: z.exactOptional(z.string().nullable()),
    sitsWithLeader: z.exactOptional(z.boolean().nullable()),
  }),
  operation: operationViewSchema.nullable(),
  warnings: z.exactOptional(z.array(z.string())),
}) as unknown as z.ZodType<ClusterView>;

export const probeViewSchema: z.ZodType<ProbeView> = z.looseObject({
  isOk: z.boolean(),
  role,
  sentence: z.string(),
});

export const feedsSchema: z.ZodType<{ readonly version: 1; readonly feeds: readonly FeedView[] }> = z.looseObject({
  version: z.literal(1),
  feeds: z.array(
    z.looseObject({
      id: z.string(),
      venue: z.string(),
      symbol: z.string(),
      state: z.string(),
      quality,
      ageMs: age,
      bid: z.string().nullable(),
      ask: z.string().nullable(),
      gaps: z.int(),
      reconnects: z.int(),
      reason: z.string().optional(),
      tradesMissing: z.int().optional(),
      line: z.string().nullable().optional(),
      reconnectsByCause: z.record(z.string(), z.int()).optional(),
      lines: z
        .array(
          z.looseObject({
            line: z.string(),
            url: z.string(),
            state: z.string(),
            reason: z.string(),
            upMs: age,
            failuresInRow: z.int(),
            isSuccessor: z.boolean(),
          }),
        )
        .optional(),
      drift: z
        .looseObject({ leader: z.string(), updateId: z.int(), isEqual: z.boolean(), comparedAgoMs: z.number() })
        .nullable()
        .optional(),
    }),
  ),
}) as unknown as z.ZodType<{ readonly version: 1; readonly feeds: readonly FeedView[] }>;

export const bookViewSchema: z.ZodType<BookView> = z.looseObject({
  version: z.literal(1),
  feed: z.string(),
  symbol: z.string(),
  quality,
  ageMs: age,
  updateId: z.int(),
  bids: z.array(z.tuple([z.string(), z.string()])),
  asks: z.array(z.tuple([z.string(), z.string()])),
}) as unknown as z.ZodType<BookView>;

export const historyPageSchema: z.ZodType<HistoryPage> = z.looseObject({
  version: z.literal(1),
  entries: z.array(z.looseObject({ kind: z.string(), atWallMs: z.number() })),
}) as unknown as z.ZodType<HistoryPage>;

export const promotabilitySchema: z.ZodType<Promotability> = z.looseObject({
  version: z.literal(1),
  candidates: z.array(
    z.looseObject({
      node: z.string(),
      isPromotable: z.boolean(),
      isInSync: z.boolean(),
      lagRecords: z.int().nullable(),
      unfit: z.array(z.string()),
      reasons,
    }),
  ),
}) as unknown as z.ZodType<Promotability>;
