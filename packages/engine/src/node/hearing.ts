/**
 * What the journal, the node links and the keeper of the lease tell this node, and whom it concerns. Nothing is decided
 * here: what is heard becomes an input of the succession, a frame in the ledger, or a sentence.
 */
import { rejoinAdvice } from "@baton/core";
import type { KeeperEvent } from "@baton/cluster";
import type { Journal, Replication } from "@baton/journal";
import { monoNow } from "../clock.ts";
import type { Leadership } from "../leadership.ts";
import type { Ledger } from "../ledger.ts";
import type { Logger } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { OrderTraces } from "../order-trace.ts";
import type { LeadersWord } from "./leaders-word.ts";
import type { Leading } from "./leading.ts";
import type { Reads } from "./reads.ts";
import { Seldom } from "./seldom.ts";
import type { Standing } from "./standing.ts";
import type { NodeWord, Yielding } from "./yielding.ts";

/** Whom it concerns, and what of each. */
export interface Hearer {
  readonly leadership: Leadership;
  readonly leading: Pick<Leading, "journalMoved" | "stop"> & { readonly reads: Pick<Reads, "look"> };
  readonly ledger: Ledger;
  readonly traces: Pick<OrderTraces, "durable">;
  readonly standing: Pick<Standing, "publish">;
  readonly yielding: Pick<Yielding, "heard">;
  readonly leadersWord: Pick<LeadersWord, "heard">;
  say(event: string, sentence: string): void;
  fence(reason: string): void;
}

/** The disk: what is durable, what was cut or replaced, and that it fails. */
export function hearJournal(hearer: Hearer, journal: Journal, metrics: Pick<Metrics, "journalFsync">): void {
  journal.onDurable.on((upTo) => {
    hearer.traces.durable(upTo);
    hearer.leading.journalMoved();
  });
  journal.onFailed.on((failure) => hearer.fence(`the journal failed (${failure.code}): ${failure.message}`));
  journal.onCut.on((after) => hearer.ledger.cut(after));
  journal.onReplaced.on((opened) => hearer.ledger.replace(opened.state, opened.tail));
  journal.onCommitTimed.on((timing) => metrics.journalFsync.observe(timing.commitMs / 1_000));
}

/** The other nodes: their frames, acknowledgements and vows, that they are there, and who was turned away. */
export function hearLinks(hearer: Hearer, replication: Replication, log: Logger): void {
  const { leadership } = hearer;
  replication.onFrame.on((frame) => hearer.ledger.receive(frame));
  replication.onCommit.on((upTo) => hearer.ledger.commit(upTo));
  replication.onHeard.on(({ node, boot, epoch }) => leadership.feed({ kind: "heard", from: node, boot, epoch }));
  replication.onPromised.on((promises) => {
    leadership.feed({ kind: "promised", promised: { epochMax: promises.epochMax, vow: promises.vow } });
  });
  replication.onSuperseded.on(({ epoch, node }) => {
    if (leadership.leading === undefined) return;
    hearer.say("leadership.superseded", `${node} leads epoch ${epoch}; this node stops and asks etcd.`);
    hearer.leading.stop();
    leadership.requestRead();
  });
  replication.onStopped.on(({ state, sentence }) => {
    if (state === "forked" || state === "foreign-cluster") hearer.fence(`${state}: ${sentence}`);
    else hearer.say("replication.stopped", `${sentence}. ${rejoinAdvice(state)}`);
  });
  replication.onFollowerUp.on(({ node, journal: disk, boot }) => {
    leadership.feed({ kind: "follower-up", node, journal: disk, boot });
  });
  replication.onFollowerDown.on(({ node }) => leadership.feed({ kind: "follower-down", node }));
  replication.onFollowerRefused.on(({ node, state, sentence }) => {
    hearer.say("follower.refused", `${node}: ${sentence}. ${rejoinAdvice(state)}`);
  });
  const turnedAway = new Seldom((sentence) => log.warn({ event: "link.refused" }, `${sentence}.`));
  replication.onTurnedAway.on(({ who, sentence }) => turnedAway.say(`No link from ${who}: ${sentence}`, monoNow()));
  replication.onMisfit.on(({ node, address, sentence }) => {
    turnedAway.say(`No link to ${node} at ${address}: ${sentence}`, monoNow());
  });
  replication.onAck.on((ack) => {
    leadership.feed({ kind: "ack", ...ack });
    hearer.leading.reads.look();
  });
  replication.onVowed.on(({ node, epoch, version }) => leadership.feed({ kind: "vowed", node, epoch, version }));
  replication.onStatus.on(({ node, payload }) => {
    const word = payload as NodeWord;
    hearer.yielding.heard(node, word);
    hearer.leadersWord.heard(node, word.trading, monoNow());
    if (word.isLeaving === true) leadership.feed({ kind: "leaving", node });
  });
}

/** The lease: granted, lost, or not renewed since this process does not get on. */
export function hearKeeper(hearer: Hearer, event: KeeperEvent): void {
  const { leadership, standing } = hearer;
  switch (event.kind) {
    case "granted":
      leadership.feed({ kind: "lease", lease: event.lease });
      void standing.publish();
      return;
    case "lost":
      // Another leader is for a read of etcd to judge (it may be the successor of a handover); there is no permit meanwhile.
      if (event.reason === "other-leader") return leadership.requestRead();
      return leadership.feed({ kind: "lease-lost", reason: event.detail });
    case "stalled":
      return hearer.say(
        "keeper.stalled",
        `No lease renewal: ${event.what} has stood still for ${Math.round(event.forMs)} ms.`,
      );
    case "slack":
      return;
  }
}
