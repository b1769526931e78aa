/**
 * A node that is told a story: inputs in the order a person would tell them, and what the node asks for in return. For the
 * tests beside this file; time stands still unless the story says `at`.
 */
import { assert } from "../assert.ts";
import type { BootId, ClusterId, JournalId, LeaseId, NodeId, OperationId, VenueId } from "../ids.ts";
import { id } from "../ids.ts";
import { monoMs, wallMs } from "../time.ts";
import { bootSuccession, stepSuccession } from "./machine.ts";
import type {
  DeathRecord,
  EtcdView,
  InsyncRecord,
  LeaderRecord,
  Member,
  MemberRecord,
  Transaction,
} from "./records.ts";
import type { EtcdPin } from "./anchor.ts";
import type { SelfFacts } from "./promotability.ts";
import type { LeaderRole, Promised, Succession, SuccessionEffect, SuccessionInput, SuccessionTiming } from "./state.ts";

type Unstamped<T> = T extends unknown ? Omit<T, "now" | "wall"> : never;
type Effect<K extends SuccessionEffect["kind"]> = Extract<SuccessionEffect, { kind: K }>;

export const a: NodeId = id<NodeId>("a");
export const b: NodeId = id<NodeId>("b");
export const c: NodeId = id<NodeId>("c");

const timing: SuccessionTiming = {
  silenceMs: 1_000,
  shrinkMs: 300,
  disconnectedShrinkMs: 100,
  preempt: true,
  switchoverMs: 2_000,
};

export function diskOf(node: NodeId): JournalId {
  return id<JournalId>(`${node}-disk`);
}

export function bootOf(node: NodeId): BootId {
  return id<BootId>(`${node}-boot`);
}

export function member(node: NodeId): Member {
  return { node, journal: diskOf(node) };
}

export function leaderRecord(node: NodeId, epoch: number, more?: Partial<LeaderRecord>): LeaderRecord {
  const lease = id<LeaseId>(`${node}-lease`);
  return { node, boot: bootOf(node), lease, epoch, sinceWallMs: wallMs(0), reason: "expired", ...more };
}

/** What a node says of itself that has nothing against it. */
export function healthyFacts(more: Partial<SelfFacts> = {}): SelfFacts {
  return {
    priority: 100,
    metro: "fra",
    isStarting: false,
    isStopping: false,
    venues: [{ id: id<VenueId>("x"), isKnown: true, isReached: true, clockOffByMs: 20 }],
    diskUsed: 0.4,
    stateDigest: { at: 100, digest: "aa" },
    etcdRestored: null,
    bootCount: 1,
    ...more,
  };
}

/** What etcd shows: by default everybody is in sync at version 1 of epoch 0, and nobody leads. */
export function viewOf(o: {
  readonly revision: number;
  readonly epoch?: number;
  readonly leader?: LeaderRecord;
  readonly leaderModRevision?: string;
  readonly members?: readonly NodeId[];
  readonly version?: number;
  readonly by?: BootId;
  readonly pause?: string;
  readonly autofailover?: EtcdView["autofailover"]["value"];
  readonly deaths?: readonly NodeId[];
}): EtcdView {
  const modRevision = String(o.revision);
  const insync: InsyncRecord = {
    epoch: o.epoch ?? 0,
    version: o.version ?? 1,
    members: (o.members ?? [a, b, c]).map(member),
    by: { boot: o.by ?? id<BootId>("init"), transaction: 0 },
  };
  const published = (node: NodeId): MemberRecord => ({
    node,
    boot: bootOf(node),
    journal: diskOf(node),
    lease: id<LeaseId>(`${node}-lease`),
    address: "127.0.0.1:1",
    site: "s",
    build: "b",
    configDigest: "d",
    schema: 1,
    position: { epoch: 0, durable: 0, committed: 0 },
    unfit: [],
    reachesVenue: true,
    tags: [],
  });
  const death = (node: NodeId): DeathRecord => ({ node, boot: bootOf(node), cause: "killed", reapedWallMs: wallMs(0) });
  return {
    etcdClusterId: "1",
    revision: modRevision,
    cluster: { id: id<ClusterId>("cluster"), schema: 1 },
    epoch: { value: o.epoch ?? 0, modRevision },
    leader: o.leader === undefined ? undefined : { value: o.leader, modRevision: o.leaderModRevision ?? modRevision },
    insync: { value: insync, modRevision },
    autofailover: { value: o.autofailover ?? "on", modRevision: "0" },
    pause: {
      value: o.pause === undefined ? undefined : { by: o.pause, reason: "work" },
      modRevision: o.pause === undefined ? "0" : modRevision,
    },
    kill: { value: undefined, modRevision: "0" },
    members: new Map([a, b, c].map((node) => [node, published(node)])),
    deaths: new Map((o.deaths ?? []).map((node) => [bootOf(node), death(node)])),
    operations: new Map(),
  };
}

export class Told {
  state: Succession;
  at = 0;
  pinned: EtcdPin | undefined;

  constructor(node: NodeId, o: { promised?: Promised; journal?: JournalId; preempt?: boolean } = {}) {
    this.state = bootSuccession({
      me: { node, boot: bootOf(node), journal: o.journal ?? diskOf(node) },
      timing: { ...timing, preempt: o.preempt ?? true },
      promised: o.promised ?? { epochMax: 0, vow: undefined },
      durable: 0,
      now: monoMs(0),
    });
    this.tell({ kind: "lease", lease: id<LeaseId>(`${node}-lease`) });
    this.tell({ kind: "fit", unfit: [] });
  }

  get role(): Succession["role"]["role"] {
    return this.state.role.role;
  }

  /** The leader's part; the story is wrong if this node does not lead. */
  get leading(): LeaderRole {
    const { role } = this.state;
    assert(role.role === "leader", `the node leads (it is ${role.role})`);
    return role;
  }

  /** One input; what the node asks for, without words for people and without pins (the last is kept). */
  tell(input: Unstamped<SuccessionInput>): readonly SuccessionEffect[] {
    const stamps = { now: monoMs(this.at), wall: wallMs(this.at) };
    const stepped = stepSuccession(this.state, { ...input, ...stamps });
    this.state = stepped.state;
    this.pinned =
      stepped.effects.flatMap((effect) => (effect.kind === "pin" ? [effect.pin] : [])).at(-1) ?? this.pinned;
    return stepped.effects.filter((effect) => effect.kind !== "say" && effect.kind !== "pin");
  }

  see(view: EtcdView): readonly SuccessionEffect[] {
    return this.tell({ kind: "view", view });
  }

  tickAt(ms: number): readonly SuccessionEffect[] {
    this.at = ms;
    return this.tell({ kind: "tick" });
  }

  /** The promise that was asked for is durable. */
  promise(effects: readonly SuccessionEffect[]): readonly SuccessionEffect[] {
    return this.tell({ kind: "promised", promised: one(effects, "persist").promised });
  }

  commitAnswer(transaction: Transaction, revision: number): readonly SuccessionEffect[] {
    return this.tell({
      kind: "answered",
      id: transaction.id,
      answer: { kind: "committed", revision: String(revision) },
    });
  }

  loseAnswer(transaction: Transaction): readonly SuccessionEffect[] {
    return this.tell({ kind: "answered", id: transaction.id, answer: { kind: "unknown", cause: "timed out" } });
  }

  /** Own journal: all of it durable. */
  holds(last: number): readonly SuccessionEffect[] {
    return this.tell({ kind: "journal", durable: last, last });
  }

  join(node: NodeId, journal: JournalId = diskOf(node)): readonly SuccessionEffect[] {
    return this.tell({ kind: "follower-up", node, journal, boot: bootOf(node) });
  }

  ack(
    node: NodeId,
    position: number,
    more: { epoch?: number; leaderBoot?: BootId; journal?: JournalId; round?: number } = {},
  ): readonly SuccessionEffect[] {
    const leaderBoot = this.state.me.boot;
    return this.tell({ kind: "ack", node, journal: diskOf(node), epoch: 1, leaderBoot, position, ...more });
  }
}

/** The one effect of this kind. */
export function one<K extends SuccessionEffect["kind"]>(effects: readonly SuccessionEffect[], kind: K): Effect<K> {
  const found = effects.filter((effect) => effect.kind === kind);
  assert(found.length === 1, `one ${kind} among [${effects.map((effect) => effect.kind).join()}]`);
  return found[0] as Effect<K>;
}

export function kinds(effects: readonly SuccessionEffect[]): readonly string[] {
  return effects.map((effect) => effect.kind);
}

/** A transaction that was asked for. */
export function asked(effects: readonly SuccessionEffect[]): Transaction {
  return one(effects, "transact").transaction;
}

export const operation: OperationId = id<OperationId>("op-1");

/**
 * Node a leads epoch 1, opened by record `inherited + 1`, with these members (won at revision 10, version 2); everyone else
 * in it has joined and holds everything.
 */
export function leaderA(o: { members?: readonly NodeId[]; inherited?: number } = {}): Told {
  const members = o.members ?? [a, b, c];
  const inherited = o.inherited ?? 0;
  const told = new Told(a);
  told.holds(inherited);
  const takeover = asked(told.promise(told.see(viewOf({ revision: 9, members }))));
  const won = told.promise(told.commitAnswer(takeover, 10));
  one(won, "lead");
  told.tell({ kind: "opened", epoch: 1, sequence: inherited + 1 });
  told.holds(inherited + 1);
  for (const node of members) {
    if (node === a) continue;
    told.join(node);
    told.ack(node, inherited + 1);
  }
  return told;
}
