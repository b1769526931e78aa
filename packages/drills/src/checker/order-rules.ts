/**
 * What must hold of each order: accepted at most once whatever was resent, known to the journal of whoever leads last,
 * ended there as the venue ended it, its fills counted once. Invariants I6, I9, I11; the operators' page is
 * `runbooks/leader-lost.md`.
 */
import { add, compare, decimal, id, subtract, zero } from "@baton/core";
import type {
  Decimal,
  FillBusted,
  FillRecorded,
  IntentId,
  JournalEvent,
  OrderView,
  VenueOrderStatus,
} from "@baton/core";
import type { Finding } from "./evidence.ts";
import { nodeOf, venueSymbol } from "./story.ts";
import type { AuditOf, IntentStory, Story, VenueEnd, VenueStory } from "./story.ts";

/** At most one accept per intent, over all its attempts. */
export function acceptedOnce(story: Story): Finding[] {
  return [...acceptedPerIntent(story)]
    .filter(([, orders]) => orders.length > 1)
    .map(([intent, orders]) => ({
      rule: "accepted-once",
      sentence: `${intent} was accepted ${orders.length} times: by ${orders.map(whoAndWhen).join(", then by ")}`,
      records: orders.map((order) => order.accept),
    }));
}

/** Accepted orders more than one per intent, and accepted orders that no intent explains. */
export function countOrders(story: Story): { duplicates: number; unexplained: number } {
  let duplicates = 0;
  for (const orders of acceptedPerIntent(story).values()) duplicates += orders.length - 1;
  return { duplicates, unexplained: story.orders.filter((order) => order.intent === undefined).length };
}

/** Every request of ours to place names an intent of the surviving leader's journal. */
export function knownOrders(story: Story): Finding[] {
  return story.places
    .filter(({ recv }) => !story.intentOfClientOrderId.has(recv.clientOrderId ?? ""))
    .map(({ recv, node }) => ({
      rule: "known-orders",
      sentence: `${node} sent order ${recv.clientOrderId} (record ${recv.n}), which the surviving leader's journal does not know`,
      records: [recv],
    }));
}

/** At most one request per client order id: a proof that nothing was sent leaves no request behind. */
export function sentOnce(story: Story): Finding[] {
  const requests = Map.groupBy(story.places, ({ recv }) => recv.clientOrderId ?? "");
  return [...requests]
    .filter(([, places]) => places.length > 1)
    .map(([clientOrderId, places]) => ({
      rule: "sent-once",
      sentence: `order ${clientOrderId} was sent ${places.length} times, at records ${places.map(({ recv }) => recv.n).join(", ")}`,
      records: places.map(({ recv }) => recv),
    }));
}

/** What the API acknowledged is an intent of the surviving leader's journal under its key, one intent per key. */
export function acknowledgedKept(story: Story): Finding[] {
  const lost = lostIntents(story).map((acknowledged): Finding => ({
    rule: "acknowledged-kept",
    sentence: `${acknowledged.intentId} was acknowledged and is not in the surviving leader's journal`,
    records: [acknowledged],
  }));
  for (const [key, told] of Map.groupBy(story.evidence.acknowledged, (one) => one.key)) {
    const intents = [...new Set(told.map(({ intentId }) => intentId))];
    if (intents.length === 1) continue;
    const sentence = `the key ${key} was answered with ${intents.length} intents: ${intents.join(", ")}`;
    lost.push({ rule: "accepted-once", sentence, records: told });
  }
  for (const acknowledged of story.evidence.acknowledged) {
    const { intentId, key } = acknowledged;
    const recorded = story.intents.get(id<IntentId>(intentId))?.recorded;
    if (recorded === undefined || recorded.request?.key === key) continue;
    const sentence = `${intentId} was acknowledged under the key ${key}, the journal has it under ${recorded.request?.key ?? "none"}`;
    lost.push({ rule: "acknowledged-kept", sentence, records: [acknowledged, recorded] });
  }
  const keyed = [...story.intents.values()].filter(({ recorded }) => recorded.request !== undefined);
  const twice = Map.groupBy(keyed, ({ recorded }) => `${recorded.request?.principal}/${recorded.request?.key}`);
  for (const [key, intents] of twice) {
    if (intents.length === 1) continue;
    lost.push({
      rule: "accepted-once",
      sentence: `the key ${key} became ${intents.length} intents: ${intents.map(({ recorded }) => recorded.intent).join(", ")}`,
      records: intents.map(({ recorded }) => recorded),
    });
  }
  return lost;
}

/** Acknowledged intents that the surviving leader does not know, or knows under another client order id. */
export function lostIntents(story: Story): Story["evidence"]["acknowledged"] {
  return story.evidence.acknowledged.filter(
    ({ intentId, clientOrderId }) => story.intentOfClientOrderId.get(clientOrderId) !== intentId,
  );
}

/** A wish to cancel is repeated until its order has ended; this long it may take while the venue answers. */
const cancelWithinMs = 5_000;

/** What somebody asked to go, long enough ago, is not open at the venue any more. */
export function cancelsKept(story: Story): Finding[] {
  const accepted = acceptedPerIntent(story);
  const { endedWallMs, times } = story.evidence;
  return [...story.intents].flatMap(([intent, told]): Finding[] => {
    const asked = told.events.find((event) => event.kind === "cancel.requested");
    if (asked === undefined || endedWallMs - asked.atWallMs <= times.doubtBudgetMs + cancelWithinMs) return [];
    return (accepted.get(intent) ?? []).flatMap((order): Finding[] => {
      if (order.end !== "open" && order.end !== "partially-filled") return [];
      const sentence = `${intent} was asked to go and is still ${order.end} at the venue (record ${order.accept.n})`;
      return [{ rule: "cancels-kept", sentence, records: [asked, order.accept] }];
    });
  });
}

/** What the API shows of each intent at the end is what the venue did. */
export function shownAsVenue(story: Story): Finding[] {
  const accepted = acceptedPerIntent(story);
  const busted = bustedPerIntent(story);
  return (story.evidence.orders ?? []).flatMap((view): Finding[] => {
    const [order] = accepted.get(view.id) ?? [];
    const isRight =
      order === undefined
        ? view.outcome !== "accepted"
        : view.status === shownEnds[endWithout(order, busted.get(view.id) ?? zero)] &&
          view.executed === subtract(order.executed, busted.get(view.id) ?? zero) &&
          view.outcome === "accepted";
    if (isRight) return [];
    const shown = `${view.status} (${view.outcome ?? "no outcome"}), executed ${view.executed}`;
    const truth = order === undefined ? "not accepted" : `${order.end}, executed ${order.executed}`;
    return [
      {
        rule: "ends-as-venue",
        sentence: `${view.id} is shown as ${shown}; at the venue it is ${truth}`,
        records: order === undefined ? [view] : [view, order.accept],
      },
    ];
  });
}

/** An order that has ended stays ended when its trade is taken back; one that is open has that much more to come. */
function endWithout({ end, executed }: VenueStory, busted: Decimal): VenueEnd {
  return end === "partially-filled" && executed === busted ? "open" : end;
}

/** What the journal has as taken back of each intent; whether it was is `positions`' to say. */
function bustedPerIntent(story: Story): ReadonlyMap<IntentId, Decimal> {
  const sums = new Map<IntentId, Decimal>();
  for (const [intent, { events, fills }] of story.intents) {
    for (const event of events) {
      if (event.kind !== "fill.busted") continue;
      const fill = fills.find(({ symbol, tradeId }) => symbol === event.symbol && tradeId === event.tradeId);
      if (fill !== undefined) sums.set(intent, add(sums.get(intent) ?? zero, fill.quantity));
    }
  }
  return sums;
}

/** The API's word for each state of an accepted order. */
const shownEnds: Readonly<Record<VenueEnd, OrderView["status"]>> = {
  open: "new",
  "partially-filled": "partially-filled",
  filled: "filled",
  cancelled: "cancelled",
  expired: "expired",
};

/** Every intent ends in the journal as the venue ended it, and none is still in doubt past the budget. */
export function endsAsVenue(story: Story): Finding[] {
  const accepted = acceptedPerIntent(story);
  return [...story.intents].flatMap(([intent, told]): Finding[] => {
    const orders = accepted.get(intent) ?? [];
    const sentence = disagreement(story, told, orders);
    if (sentence === undefined) return [];
    return [
      {
        rule: "ends-as-venue",
        sentence: `${intent} ${sentence}`,
        records: [...told.events, ...orders.map((order) => order.accept)],
      },
    ];
  });
}

function disagreement(story: Story, told: IntentStory, orders: readonly VenueStory[]): string | undefined {
  const [order] = orders;
  const journal = journalEnd(told);
  if (journal === undefined) {
    const ageMs = story.evidence.endedWallMs - told.recorded.atWallMs;
    if (ageMs <= story.evidence.times.doubtBudgetMs) return undefined;
    return `has no outcome after ${Math.round(ageMs)} ms`;
  }
  if (order === undefined)
    return journal.kind === "accepted" ? "is accepted in the journal, never at the venue" : undefined;
  if (journal.kind === "ended")
    return `was accepted at the venue (record ${order.accept.n}), the journal says ${journal.how}`;
  const filled = told.fills.reduce((sum, fill) => add(sum, fill.quantity), zero);
  const isPartial = journal.status === "open" && filled !== zero;
  const isFilled = filled === told.recorded.terms.quantity;
  const status = isFilled ? "filled" : isPartial ? "partially-filled" : journal.status;
  if (status !== order.end) return `ended ${order.end} at the venue, ${status} in the journal`;
  return undefined;
}

/** The journal's last word on an intent: accepted with a status, ended without an order, or nothing yet. */
function journalEnd(
  told: IntentStory,
): { kind: "accepted"; status: VenueOrderStatus } | { kind: "ended"; how: string } | undefined {
  let status: VenueOrderStatus | undefined;
  let how: string | undefined;
  for (const event of told.events) {
    const said = statusOf(event);
    if (said !== undefined && (status === undefined || !isTerminal(status))) status = said;
    how = endOf(event) ?? (event.kind === "attempt.recorded" ? undefined : how);
  }
  if (status !== undefined) return { kind: "accepted", status };
  return how === undefined ? undefined : { kind: "ended", how };
}

function statusOf(event: JournalEvent): VenueOrderStatus | undefined {
  // A trade proves that its order was accepted, before any answer says so.
  if (event.kind === "fill.recorded") return "open";
  if (event.kind === "order.updated") return event.order.status;
  if (event.kind === "attempt.answered" && event.outcome.kind === "accepted") return event.outcome.order.status;
  if (event.kind === "doubt.resolved" && event.resolution.kind === "accepted") return event.resolution.order.status;
  return undefined;
}

function endOf(event: JournalEvent): string | undefined {
  if (event.kind === "intent.ended") return `ended: ${event.reason}`;
  if (event.kind === "attempt.answered" && event.outcome.kind === "rejected") return `rejected: ${event.outcome.code}`;
  if (event.kind === "attempt.answered" && event.outcome.kind === "not-sent")
    return `not sent: ${event.outcome.reason}`;
  if (event.kind === "doubt.resolved" && event.resolution.kind === "not-accepted") {
    return `not accepted: ${event.resolution.proof}`;
  }
  return undefined;
}

function isTerminal(status: VenueOrderStatus): boolean {
  return status !== "open" && status !== "partially-filled";
}

/** Each of our fills at the venue is in the journal, once, with its order, side, price and quantity; and none besides. */
export function positions(story: Story): Finding[] {
  const findings: Finding[] = [];
  const ownerOf = new Map([...story.intents].flatMap(([intent, { fills }]) => fills.map((fill) => [fill, intent])));
  const journaled = new Map<string, FillRecorded>();
  for (const event of story.survivor?.events ?? []) {
    if (event.kind !== "fill.recorded") continue;
    const key = fillKey(venueSymbol(event.symbol), event.tradeId, event.venueOrderId);
    if (journaled.has(key)) findings.push(fillFinding(`trade ${key} is journaled twice`, [event]));
    journaled.set(key, event);
  }
  for (const record of story.evidence.audit) {
    if (record.type !== "fill" || !isOurs(story, record)) continue;
    const key = fillKey(record.symbol ?? "", String(record.tradeId), String(record.orderId));
    const entry = journaled.get(key);
    journaled.delete(key);
    if (entry === undefined) {
      findings.push(fillFinding(`trade ${key} at the venue is not in the journal`, [record]));
    } else if (record.side !== undefined && entry.side.toUpperCase() !== record.side) {
      findings.push(
        fillFinding(`trade ${key} is a ${entry.side} in the journal, at the venue ${record.side}`, [entry, record]),
      );
    } else if (ownerOf.get(entry) !== story.intentOfClientOrderId.get(record.clientOrderId ?? "")) {
      findings.push(fillFinding(`trade ${key} is not credited to its order in the journal`, [entry, record]));
    } else if (
      compare(decimal(entry.quantity), decimal(record.quantity ?? "0")) !== 0 ||
      compare(decimal(entry.price), decimal(record.price ?? "0")) !== 0
    ) {
      findings.push(fillFinding(`trade ${key} has another price or quantity in the journal`, [entry, record]));
    }
  }
  for (const [key, entry] of journaled) findings.push(fillFinding(`trade ${key} in the journal never was`, [entry]));
  return [...findings, ...busts(story)];
}

/** A venue says of no bust that it was one: a minute until it is believed, and the account is read again and again. */
const bustWithinMs = 180_000;

/** What the venue took back counts no more in the journal, once that can be known; and nothing else is taken back there. */
function busts(story: Story): Finding[] {
  const findings: Finding[] = [];
  const journaled = new Map<string, FillBusted>();
  for (const event of story.survivor?.events ?? []) {
    if (event.kind !== "fill.busted") continue;
    const key = `${venueSymbol(event.symbol)}:${event.tradeId}`;
    if (journaled.has(key)) findings.push(fillFinding(`trade ${key} is taken back twice in the journal`, [event]));
    journaled.set(key, event);
  }
  for (const record of story.evidence.audit) {
    if (record.type !== "bust" || !isOurs(story, record)) continue;
    const key = `${record.symbol}:${record.tradeId}`;
    if (journaled.delete(key) || story.evidence.endedWallMs - record.wallMs <= bustWithinMs) continue;
    const sentence = `trade ${key} was taken back at the venue (record ${record.n}), and the journal still counts it`;
    findings.push(fillFinding(sentence, [record]));
  }
  for (const [key, event] of journaled)
    findings.push(fillFinding(`trade ${key} is taken back in the journal, and never was at the venue`, [event]));
  return findings;
}

function fillFinding(sentence: string, records: readonly unknown[]): Finding {
  return { rule: "positions", sentence, records };
}

function isOurs(story: Story, record: AuditOf<"fill" | "bust">): boolean {
  if (record.apiKey !== undefined) return nodeOf(story.evidence, record.apiKey) !== undefined;
  return record.account === story.evidence.account;
}

function fillKey(symbol: string, tradeId: string, orderId: string): string {
  return `${symbol}:${tradeId}:${orderId}`;
}

function acceptedPerIntent(story: Story): Map<string, VenueStory[]> {
  const known = story.orders.filter((order) => order.intent !== undefined);
  return Map.groupBy(known, (order) => order.intent ?? "");
}

function whoAndWhen(order: VenueStory): string {
  return `${order.node} (epoch ${order.epoch ?? "none"}) as ${order.clientOrderId} at record ${order.accept.n}`;
}
