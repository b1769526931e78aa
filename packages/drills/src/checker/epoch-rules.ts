/**
 * What must hold of each epoch: one (node, boot) each, nothing of an old one after the new one has begun to trade except
 * the inherited list within its bound, nothing accepted outside its signed window. Invariants I1, I2, I3 and I10.
 */
import type { HistoryRecord } from "@baton/core";
import type { Finding } from "./evidence.ts";
import type { AuditOf, EpochStory, PlaceRecv, Story, VenueStory } from "./story.ts";

/** One (node, boot) per epoch, epochs strictly increase, and the journal tells the same. */
export function oneLeader(story: Story): Finding[] {
  const findings: Finding[] = [];
  const say = (sentence: string, records: readonly unknown[]): void => {
    findings.push({ rule: "one-leader", sentence, records });
  };
  let previous: HistoryRecord | undefined;
  for (const { history, opened } of story.epochs) {
    if (previous !== undefined && history.epoch !== previous.epoch + 1) {
      say(`epoch ${history.epoch} follows epoch ${previous.epoch}`, [previous, history]);
    }
    previous = history;
    if (opened !== undefined && (opened.node !== history.node || opened.boot !== history.boot)) {
      say(`epoch ${history.epoch} is ${history.node}'s in etcd and ${opened.node}'s in the journal`, [history, opened]);
    }
  }
  const openings = story.survivor?.events.filter((event) => event.kind === "epoch.opened") ?? [];
  for (const [epoch, opened] of Map.groupBy(openings, (event) => event.epoch)) {
    if (opened.length > 1) say(`epoch ${epoch} was opened ${opened.length} times`, opened);
  }
  for (const [at, event] of openings.entries()) {
    const before = openings[at - 1];
    if (before !== undefined && before.epoch >= event.epoch) {
      say(`epoch ${event.epoch} was opened after epoch ${before.epoch}`, [before, event]);
    }
  }
  if (story.epochs.length === 0) say("etcd's history names no epoch", []);
  if (story.survivor === undefined) say("the journal of the last epoch's node is missing", []);
  for (const { recv, node, signedIn } of story.places) {
    if (signedIn === undefined) say(`${node} sent an order (record ${recv.n}) before it ever led`, [recv]);
  }
  return findings;
}

/** An attempt is sent by the leader of the epoch that recorded it; a successor only looks for what it inherits. */
export function ownAttempts(story: Story): Finding[] {
  return story.places.flatMap(({ recv, node }): Finding[] => {
    const epoch = story.recordedIn.get(recv.clientOrderId ?? "");
    const recorder = story.epochs.find(({ history }) => history.epoch === epoch)?.history;
    if (epoch === undefined || recorder === undefined || recorder.node === node) return [];
    const sentence = `${node} sent order ${recv.clientOrderId} (record ${recv.n}), which ${recorder.node} recorded in epoch ${epoch}`;
    return [{ rule: "own-attempts", sentence, records: [recv, recorder] }];
  });
}

/**
 * After an epoch has had its first order accepted, nothing of an earlier one is accepted but inherited intents within
 * takeover + what the takeover left to the old leader + validity + clock error; nothing of an earlier one is signed after
 * its permit can have lasted, and nothing of a later one is cancelled by it.
 */
export function oldEpochSilent(story: Story): Finding[] {
  return [
    ...story.orders.flatMap((order) => lateAccept(story, order)),
    ...story.places.flatMap((place) => lateSignature(story, place)),
    ...story.cancels.flatMap((cancel) => cancelAhead(story, cancel)),
  ];
}

/** Nobody takes back what a later leader has recorded: it cannot know it but from the venue, as one that was overtaken. */
function cancelAhead(story: Story, { recv, node, signedIn }: PlaceRecv): Finding[] {
  const recorded = story.recordedIn.get(recv.clientOrderId ?? "");
  if (recorded === undefined || (signedIn !== undefined && recorded <= signedIn)) return [];
  const sentence = `${node} asked to cancel order ${recv.clientOrderId} of epoch ${recorded} (record ${recv.n}), having led epoch ${signedIn ?? "none"} last`;
  return [{ rule: "old-epoch-silent", sentence, records: [recv] }];
}

function lateAccept(story: Story, order: VenueStory): Finding[] {
  const next = story.epochs.find(({ history }) => order.epoch !== undefined && history.epoch > order.epoch);
  const overtaken = story.epochs.find(
    ({ history, firstAccept }) =>
      order.epoch !== undefined &&
      history.epoch > order.epoch &&
      firstAccept !== undefined &&
      firstAccept.n < order.accept.n,
  );
  if (next === undefined || overtaken?.firstAccept === undefined) return [];
  const { leaseTtlMs, validityMs, clockErrorMs } = story.evidence.times;
  const lateMs = order.accept.wallMs - next.history.atWallMs;
  const boundMs = leftToTheOld(next, leaseTtlMs) + validityMs + clockErrorMs;
  const isInherited = order.intent !== undefined && next.opened?.inDoubt.includes(order.intent) === true;
  if (isInherited && lateMs <= boundMs) return [];
  const why = isInherited
    ? `${Math.round(lateMs)} ms after takeover, bound ${boundMs} ms`
    : `and epoch ${next.history.epoch} did not inherit it`;
  return [
    {
      rule: "old-epoch-silent",
      sentence:
        `an order of epoch ${order.epoch} (${order.node}, record ${order.accept.n}) was accepted after the first of ` +
        `epoch ${overtaken.history.epoch} (record ${overtaken.firstAccept.n}), ${why}`,
      records: [order.accept, overtaken.firstAccept, next.history],
    },
  ];
}

/** A successor that saw no leader, or was handed the key, leaves the old one no time; a pre-emption leaves it its lease. */
function lateSignature(story: Story, place: PlaceRecv): Finding[] {
  const { recv, node, epoch } = place;
  if (epoch === undefined || recv.timestamp === undefined) return [];
  const next = story.epochs.find(({ history }) => history.epoch > epoch);
  if (next === undefined) return [];
  const graceMs = leftToTheOld(next, story.evidence.times.leaseTtlMs) + story.evidence.times.clockErrorMs;
  const lateMs = recv.timestamp - next.history.atWallMs;
  if (lateMs <= graceMs) return [];
  return [
    {
      rule: "old-epoch-silent",
      sentence: `${node} signed an order of epoch ${epoch} (record ${recv.n}) ${Math.round(lateMs)} ms after epoch ${next.history.epoch} began, bound ${graceMs} ms`,
      records: [recv, next.history],
    },
  ];
}

function leftToTheOld(next: EpochStory, leaseTtlMs: number): number {
  return next.history.reason === "pre-emption" ? leaseTtlMs : 0;
}

/**
 * No request is signed for longer than is configured, and no order is accepted later than its signed time + window + clock
 * error. An order whose request the log does not have, or has without a time, is no order in time.
 */
export function withinValidity(story: Story): Finding[] {
  const { validityMs } = story.evidence.times;
  const wide = story.places.flatMap(({ recv, node }): Finding[] => {
    if (recv.recvWindow !== undefined && recv.recvWindow <= validityMs) return [];
    const sentence = `${node} signed order ${recv.clientOrderId} for ${recv.recvWindow ?? "no"} ms, allowed are ${validityMs} (record ${recv.n})`;
    return [{ rule: "within-validity", sentence, records: [recv] }];
  });
  return [...wide, ...lateOrders(story)];
}

function lateOrders(story: Story): Finding[] {
  return story.orders.flatMap(({ accept, recv }): Finding[] => {
    if (recv?.timestamp === undefined || recv.recvWindow === undefined) {
      const sentence = `order ${accept.clientOrderId} was accepted without a signed request in the log (record ${accept.n})`;
      return [{ rule: "within-validity", sentence, records: [accept] }];
    }
    const lateMs = accept.wallMs - (recv.timestamp + recv.recvWindow);
    if (lateMs <= story.evidence.times.clockErrorMs) return [];
    return [
      {
        rule: "within-validity",
        sentence: `order ${accept.clientOrderId} was accepted ${Math.round(lateMs)} ms after its signed window (records ${recv.n}, ${accept.n})`,
        records: [recv, accept],
      },
    ];
  });
}

/** Requests of an old epoch that arrived after the first accept of a newer one: no fault in themselves, told apart. */
export function lateArrivals(story: Story): readonly AuditOf<"recv">[] {
  return story.places
    .filter(({ recv, epoch }) =>
      story.epochs.some(
        ({ history, firstAccept }) =>
          epoch !== undefined && history.epoch > epoch && firstAccept !== undefined && firstAccept.n < recv.n,
      ),
    )
    .map(({ recv }) => recv);
}
