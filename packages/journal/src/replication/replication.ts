/**
 * A node's part in replication, as the engine holds it: links to every other node in both directions, the leader's and
 * the follower's end of them, and requests that are forwarded over them. Who leads and who may follow is decided in
 * core's succession; this obeys and reports.
 */
import type { Server } from "node:http";
import { usualDigestPace } from "@baton/core";
import type {
  BootId,
  DigestPace,
  Epoch,
  Frame,
  MonoMs,
  NodeId,
  RejoinState,
  Sequence,
  StateDigest,
  StateDivergence,
} from "@baton/core";
import type { Journal } from "../journal.ts";
import type { Liveness } from "../link/connection.ts";
import { dialLink } from "../link/dial.ts";
import type { DialledLink } from "../link/dial.ts";
import type { Introduction, ToFollower, ToLeader } from "../link/messages.ts";
import type { LinkSecurity } from "../link/security.ts";
import { serveLinks } from "../link/serve.ts";
import type { ServedLink } from "../link/serve.ts";
import { Emitter } from "../signal.ts";
import type { Signal } from "../signal.ts";
import type { Promises } from "../store/store.ts";
import { DigestExchange } from "./digests.ts";
import { FollowerSide } from "./follower.ts";
import type { Following, Stopped } from "./following.ts";
import { HeadExchange } from "./heads.ts";
import { LeaderSide } from "./leader.ts";
import type { AckHeard, FollowerView, SessionLimits } from "./leader.ts";
import { Requests } from "./requests.ts";

export interface ReplicationOptions {
  readonly journal: Journal;
  /** The node's own HTTP server; links use its path `/link`. */
  readonly server: Server;
  readonly boot: BootId;
  readonly heartbeatMs: number;
  /** Rule 4, by the succession machine. */
  readonly mayFollow: (epoch: Epoch) => boolean;
  /** Rule 5, by the succession machine. */
  readonly mayAcknowledge: (epoch: Epoch) => boolean;
  /** Sent and required as the Authorization header of links. */
  readonly authorization?: string;
  /** TLS and certificates on the links in both directions; absent: plain. */
  readonly security?: LinkSecurity;
  readonly limits?: Partial<SessionLimits>;
  readonly liveness?: Liveness;
  /** How often state digests are compared. */
  readonly digests?: DigestPace;
  /** How often chain heads are countersigned, in ms; default 10 s. */
  readonly headsEveryMs?: number;
}

/** One link as status shows it. */
export interface PeerView {
  readonly node: NodeId;
  readonly address: string;
  readonly isUp: boolean;
  readonly rttMs: number | undefined;
  readonly downWhy: string | undefined;
}

/** Answers a forwarded request; a rejection reaches the asker as its sentence. */
export type RequestHandler = (from: NodeId, payload: unknown) => Promise<unknown>;

const defaultLimits: SessionLimits = {
  bufferedBytesMax: 1024 * 1024,
  pageBytes: 256 * 1024,
  snapshotBehind: 200_000,
};
const defaultHeadsEveryMs = 10_000;

/** Serves links and begins to dial the peers it is told of. */
export function startReplication(options: ReplicationOptions): Replication {
  return new Replication(options);
}

interface DialledPeer {
  readonly address: string;
  readonly link: DialledLink;
  downWhy: string | undefined;
}

export class Replication {
  readonly #o: ReplicationOptions;
  readonly #me: () => Introduction;
  readonly #leader: LeaderSide;
  readonly #follower: FollowerSide;
  readonly #digests: DigestExchange;
  readonly #heads: HeadExchange;
  readonly #requests = new Requests();
  readonly #dialled = new Map<NodeId, DialledPeer>();
  readonly #stopServing: () => void;
  readonly #vowed = new Emitter<{ readonly node: NodeId; readonly epoch: Epoch; readonly version: number }>();
  readonly #status = new Emitter<{ readonly node: NodeId; readonly payload: unknown }>();
  readonly #linkDown = new Emitter<{ readonly node: NodeId; readonly why: string }>();
  readonly #linkUp = new Emitter<{ readonly node: NodeId; readonly boot: BootId }>();
  readonly #turnedAway = new Emitter<{ readonly who: string; readonly sentence: string }>();
  readonly #misfit = new Emitter<{ readonly node: NodeId; readonly address: string; readonly sentence: string }>();
  #handler: RequestHandler | undefined;

  constructor(options: ReplicationOptions) {
    const { journal, boot, heartbeatMs, mayFollow, mayAcknowledge } = options;
    this.#o = options;
    const { cluster, node, journal: disk } = journal.identity;
    // The format is that of the file at the time: it may be raised while this runs.
    const me = { cluster, node, journal: disk, boot };
    this.#me = () => ({ ...me, schema: journal.care.format });
    this.#leader = new LeaderSide({ journal, boot, heartbeatMs, limits: { ...defaultLimits, ...options.limits } });
    this.#follower = new FollowerSide({
      journal,
      me,
      mayFollow,
      mayAcknowledge,
      inFlightBytesMax: 8 * 1024 * 1024,
    });
    const toFollowers = (message: ToFollower): void => this.#leader.tell(message);
    const toLeader = (message: ToLeader): void => this.#toLeader(message);
    this.#digests = new DigestExchange({ journal, pace: options.digests ?? usualDigestPace, toFollowers, toLeader });
    const headsEveryMs = options.headsEveryMs ?? defaultHeadsEveryMs;
    this.#heads = new HeadExchange({ journal, everyMs: headsEveryMs, toFollowers, toLeader });
    this.#follower.committed.on(() => this.#heads.retry());
    // A newer leader is followed only after this node has stopped to lead, in the same turn.
    this.#follower.superseded.on(() => {
      this.stopLeading();
      journal.dropQueued();
    });
    this.#stopServing = serveLinks(options.server, {
      me: this.#me,
      authorization: options.authorization,
      security: options.security,
      liveness: options.liveness,
      onUp: (link) => this.#leader.up(link),
      onDown: (link, why) => this.#leader.down(link, why),
      onMessage: (link, message) => this.#onServed(link, message),
      onTurnedAway: (who, sentence) => this.#turnedAway.emit({ who, sentence }),
    });
  }

  /** Leader: a follower's acknowledgement for this leadership, after its fsync. */
  get onAck(): Signal<AckHeard> {
    return this.#leader.ack;
  }
  /** Leader: a follower said hello in this epoch and was accepted; acknowledgements follow. */
  get onFollowerUp(): Signal<FollowerView> {
    return this.#leader.followerUp;
  }
  get onFollowerDown(): Signal<FollowerView & { readonly why: string }> {
    return this.#leader.followerDown;
  }
  get onFollowerPhase(): Signal<FollowerView> {
    return this.#leader.phase;
  }
  /** Leader: a hello was refused, with the sentence for the operator. */
  get onFollowerRefused(): Signal<{ readonly node: NodeId; readonly state: RejoinState; readonly sentence: string }> {
    return this.#leader.refused;
  }
  /** A node of another cluster or format dialled, or somebody (by address) who did not prove to be a node. */
  get onTurnedAway(): Signal<{ readonly who: string; readonly sentence: string }> {
    return this.#turnedAway;
  }
  /** A peer that is dialled does not fit this node in TLS or certificates. Told at each attempt. */
  get onMisfit(): Signal<{ readonly node: NodeId; readonly address: string; readonly sentence: string }> {
    return this.#misfit;
  }
  /** A peer vowed under (epoch, version) and told so. */
  get onVowed(): Signal<{ readonly node: NodeId; readonly epoch: Epoch; readonly version: number }> {
    return this.#vowed;
  }
  get onStatus(): Signal<{ readonly node: NodeId; readonly payload: unknown }> {
    return this.#status;
  }
  /** Follower: anything from the leader that is followed. */
  get onHeard(): Signal<{
    readonly node: NodeId;
    readonly boot: BootId;
    readonly epoch: Epoch;
    readonly atMonoMs: MonoMs;
  }> {
    return this.#follower.heard;
  }
  /** Follower: the commit point moved; every frame up to it is durable here and was told by `onFrame` before. */
  get onCommit(): Signal<Sequence> {
    return this.#follower.committed;
  }
  /** Follower: a received frame is durable here. */
  get onFrame(): Signal<Frame> {
    return this.#follower.frame;
  }
  /** A newer epoch was promised, durably, to follow its leader: the succession machine must know. */
  get onPromised(): Signal<Promises> {
    return this.#follower.promised;
  }
  /** Forked, foreign or of another format: this peer is not followed until the process starts anew. */
  get onStopped(): Signal<Stopped> {
    return this.#follower.stopped;
  }
  get onFollowing(): Signal<Following | undefined> {
    return this.#follower.changed;
  }
  /** A newer leader is about to be followed; this node ships nothing more from this turn on and must not append. */
  get onSuperseded(): Signal<{ readonly epoch: Epoch; readonly node: NodeId; readonly boot: BootId }> {
    return this.#follower.superseded;
  }
  /** This node's state and another's differ after the same record. A standby keeps that until it gets a new copy. */
  get onDiverged(): Signal<StateDivergence> {
    return this.#digests.diverged;
  }
  /** A state digest was taken here. */
  get onDigest(): Signal<StateDigest> {
    return this.#digests.taken;
  }
  get onLinkUp(): Signal<{ readonly node: NodeId; readonly boot: BootId }> {
    return this.#linkUp;
  }
  get onLinkDown(): Signal<{ readonly node: NodeId; readonly why: string }> {
    return this.#linkDown;
  }

  get followers(): readonly FollowerView[] {
    return this.#leader.followers;
  }
  get following(): Following | undefined {
    return this.#follower.following;
  }
  get peers(): readonly PeerView[] {
    return [...this.#dialled].map(([node, { address, link, downWhy }]) => ({
      node,
      address,
      isUp: link.isUp,
      rttMs: link.rttMs,
      downWhy: link.isUp ? undefined : downWhy,
    }));
  }

  /** The other nodes and their `host:port`. Dials new ones, dials changed addresses anew, lets go of those that left. */
  setPeers(addresses: ReadonlyMap<NodeId, string>): void {
    for (const [node, peer] of this.#dialled) {
      if (addresses.get(node) === peer.address) continue;
      peer.link.close();
      this.#dialled.delete(node);
      this.#follower.remove(node);
      this.#requests.lost(node);
    }
    for (const [node, address] of addresses) {
      if (node !== this.#me().node && !this.#dialled.has(node)) this.#dial(node, address);
    }
  }

  /** Follows nobody from here on: this node has won and is about to lead. Nothing is received any more. */
  release(): void {
    this.#follower.release();
  }

  /** Announces that this node leads. The epoch is durable in the promises already. */
  lead(epoch: Epoch): void {
    this.#follower.release();
    this.#o.journal.care.lead();
    this.#leader.lead(epoch);
    this.#digests.lead(true);
    this.#heads.lead(epoch);
  }

  /** Leader: asks every follower now for an acknowledgement that names this number, or a later one (`onAck`). */
  ask(): number {
    return this.#leader.ask();
  }

  /** Ships nothing more and counts no acknowledgement. */
  stopLeading(): void {
    this.#leader.stopLeading();
    this.#digests.lead(false);
    this.#heads.lead(undefined);
  }

  /** Follower: a vow was lifted; the last position is repeated. */
  acknowledgeAgain(): void {
    this.#follower.acknowledgeAgain();
  }

  /** Tells a peer of a vow that is durable here. False when its link is down. */
  sendVowed(to: NodeId, epoch: Epoch, version: number): boolean {
    return this.#dialled.get(to)?.link.send({ kind: "vowed", epoch, version }) ?? false;
  }

  /** Tells every peer that is connected. */
  sendStatus(payload: unknown): void {
    for (const { link } of this.#dialled.values()) link.send({ kind: "status", payload });
  }

  /** Asks a peer. Rejects with `RequestError`: `unreachable` sent nothing, the others leave the outcome unknown. */
  request(to: NodeId, payload: unknown, deadlineMs: number): Promise<unknown> {
    const link = this.#dialled.get(to)?.link;
    return this.#requests.ask(to, payload, deadlineMs, (message) => link?.send(message) ?? false);
  }

  /** Sets who answers requests from peers. */
  onRequest(handler: RequestHandler): void {
    this.#handler = handler;
  }

  close(): void {
    this.#digests.close();
    this.#heads.close();
    this.#leader.close();
    this.#follower.close();
    for (const [node, { link }] of this.#dialled) {
      link.close();
      this.#requests.lost(node);
    }
    this.#dialled.clear();
    this.#stopServing();
  }

  #dial(node: NodeId, address: string): void {
    const link = dialLink({
      address,
      me: this.#me,
      authorization: this.#o.authorization,
      security: this.#o.security,
      liveness: this.#o.liveness,
      onMisfit: (sentence) => this.#misfit.emit({ node, address, sentence }),
      onUp: (peer) => {
        this.#follower.up(node);
        this.#linkUp.emit({ node: peer.node, boot: peer.boot });
      },
      onMessage: (message) => this.#onDialled(node, message),
      onBinary: (message) => this.#follower.onBinary(node, message),
      onDown: (why, wasUp) => {
        const peer = this.#dialled.get(node);
        if (peer !== undefined) peer.downWhy = why;
        this.#follower.down(node);
        this.#requests.lost(node);
        if (wasUp) this.#linkDown.emit({ node, why });
      },
    });
    this.#dialled.set(node, { address, link, downWhy: undefined });
    this.#follower.add(node, link);
  }

  #onDialled(node: NodeId, message: ToFollower): void {
    if (message.kind === "response") return this.#requests.answered(message);
    // What only the leader that is followed may say.
    const isFollowed = this.#follower.following?.node === node;
    if (message.kind === "digest-at" && isFollowed) this.#digests.asked(message.at);
    else if (message.kind === "digest" && isFollowed)
      this.#digests.heard(node, { at: message.at, digest: message.digest });
    else if (message.kind === "head" && isFollowed) this.#heads.shown(node, message.head);
    else this.#follower.onMessage(node, message);
  }

  #toLeader(message: ToLeader): void {
    const leader = this.#follower.following?.node;
    if (leader !== undefined) this.#dialled.get(leader)?.link.send(message);
  }

  #onServed(link: ServedLink, message: ToLeader): void {
    const { node } = link.peer;
    switch (message.kind) {
      case "hello":
        this.#leader.hello(link, message);
        return;
      case "ack":
        this.#leader.acknowledged(link, message);
        return;
      case "vowed":
        this.#vowed.emit({ node, epoch: message.epoch, version: message.version });
        return;
      case "status":
        this.#status.emit({ node, payload: message.payload });
        return;
      case "request":
        this.#answer(link, message.id, message.payload);
        return;
      case "digest":
        this.#digests.heard(node, { at: message.at, digest: message.digest });
        return;
      case "countersigned":
        this.#heads.countersigned(node, message.head);
        return;
      case "introduce":
        return;
    }
  }

  #answer(link: ServedLink, requestId: number, payload: unknown): void {
    const answered =
      this.#handler?.(link.peer.node, payload) ?? Promise.reject(new Error("nobody answers requests yet"));
    const send = (message: ToFollower): void => link.connection.send(message);
    answered.then(
      (answer) => send({ kind: "response", id: requestId, payload: answer }),
      (error: unknown) =>
        send({ kind: "response", id: requestId, error: error instanceof Error ? error.message : String(error) }),
    );
  }
}
