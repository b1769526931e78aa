/**
 * A small run written by hand, for the tests of the checker: two epochs, three orders, one of them inherited. `rules` says by
 * which rules a changed one is convicted.
 */
import { createHash } from "node:crypto";
import { decimal, genesisHash, id, sealFrame, wallMs } from "@baton/core";
import type { AuditRecord, Frame, HistoryRecord, JournalEvent, NodeId } from "@baton/core";
import { check } from "./check.ts";
import type { AllowedTimes, Evidence, JournalEvidence, RuleName } from "./evidence.ts";

/** Wall time of the run's beginning; times of its records are told in ms since then. */
export const t0 = 1_700_000_000_000;
/** What its engines are allowed. */
export const times: AllowedTimes = { leaseTtlMs: 2_000, validityMs: 1_000, clockErrorMs: 50, doubtBudgetMs: 5_000 };
const takeover = t0 + 1_000;

/** One order at the venue: request, accept, fill of all, answer. Times in ms since t0. */
export function placed(
  cid: string,
  orderId: number,
  key: string,
  at: number,
  acceptAt: number = at + 1,
): Record<string, unknown>[] {
  const order = {
    apiKey: key,
    account: "demo",
    symbol: "BTCUSDT",
    side: "BUY",
    quantity: "0.1",
    price: "100",
    orderId,
  };
  return [
    { type: "recv", at, call: "order.place", timestamp: t0 + at, recvWindow: 1_000, ...order, clientOrderId: cid },
    { type: "accept", at: acceptAt, ...order, clientOrderId: cid },
    { type: "fill", at: acceptAt, ...order, clientOrderId: cid, tradeId: orderId, isMaker: false },
  ];
}

function auditOf(entries: readonly Record<string, unknown>[]): AuditRecord[] {
  const sorted = entries.map((entry, index) => ({ entry, index }));
  sorted.sort((a, b) => Number(a.entry["at"]) - Number(b.entry["at"]) || a.index - b.index);
  const recvs = new Map<unknown, number>();
  return sorted.map(({ entry }, index) => {
    const { at, ...rest } = entry;
    const n = index + 1;
    if (rest["type"] === "recv") recvs.set(rest["orderId"], n);
    const isAbout = rest["type"] === "accept" || rest["type"] === "fault";
    const recvN = isAbout ? { recvN: recvs.get(rest["orderId"]) } : {};
    return { n, monoMs: Number(at), wallMs: t0 + Number(at), ...rest, ...recvN } as unknown as AuditRecord;
  });
}

/** An intent of BTC/USDT, buy 0.1 at 100. */
export function recorded(number: number, cid: string, at: number, extra: object = {}): JournalEvent {
  return {
    kind: "intent.recorded",
    intent: id(`i-${number}`),
    clientOrderId: id(cid),
    terms: {
      venue: id("sim"),
      symbol: id("BTC/USDT"),
      side: "buy",
      type: "limit",
      quantity: decimal("0.1"),
      price: decimal("100"),
      timeInForce: "GTC",
    },
    sendWithinMs: 2_000,
    atWallMs: wallMs(t0 + at),
    by: "driver",
    request: { principal: "driver", key: `k-${number}`, digest: "d" },
    ...extra,
  };
}

function venueOrder(cid: string, orderId: number): object {
  return {
    venueOrderId: String(orderId),
    clientOrderId: cid,
    symbol: "BTC/USDT",
    side: "buy",
    status: "filled",
    quantity: "0.1",
    price: "100",
    executed: "0.1",
  };
}

/** The fill of all of it. */
export function filled(number: number, orderId: number): JournalEvent {
  return {
    kind: "fill.recorded",
    venue: id("sim"),
    symbol: id("BTC/USDT"),
    tradeId: id(String(orderId)),
    venueOrderId: id(String(orderId)),
    intent: id(`i-${number}`),
    side: "buy",
    price: decimal("100"),
    quantity: decimal("0.1"),
    fee: decimal("0"),
    feeCurrency: "BTC",
    tradedWallMs: wallMs(t0),
  };
}

function answered(number: number, cid: string, orderId: number, epoch: number, node: string, at: number): JournalEvent {
  return {
    kind: "attempt.answered",
    intent: id(`i-${number}`),
    attempt: 1,
    epoch,
    node: id(node),
    outcome: {
      kind: "accepted",
      order: venueOrder(cid, orderId),
      stamp: { sentWallMs: t0 + at, validityMs: 1_000 },
    },
    atWallMs: wallMs(t0 + at),
  } as JournalEvent;
}

/** The opening of an epoch. */
export function opened(epoch: number, node: string, at: number, inDoubt: readonly string[] = []): JournalEvent {
  return {
    kind: "epoch.opened",
    epoch,
    node: id(node),
    boot: id(`boot-${node}`),
    reason: "pre-emption",
    atWallMs: wallMs(t0 + at),
    inheritedSendByWallMs: wallMs(t0 + at + 2_000),
    inDoubt: inDoubt.map((intent) => id(intent)),
  };
}

/** Epoch 1 of a: one order filled, one in flight. Epoch 2 of b: one order of its own, and the inherited one resolved. */
export const events: readonly JournalEvent[] = [
  opened(1, "a", 0),
  recorded(1, "c1", 100),
  answered(1, "c1", 1, 1, "a", 103),
  filled(1, 1),
  recorded(2, "c2", 990),
  opened(2, "b", 1_010, ["i-2"]),
  recorded(3, "c3", 1_050),
  answered(3, "c3", 3, 2, "b", 1_055),
  filled(3, 3),
  {
    kind: "doubt.resolved",
    intent: id("i-2"),
    attempt: 1,
    resolution: { kind: "accepted", order: venueOrder("c2", 2) },
    by: "venue",
    atWallMs: wallMs(t0 + 1_300),
  } as JournalEvent,
  filled(2, 2),
];

/** What the venue has of it. */
export const venue: readonly Record<string, unknown>[] = [
  ...placed("c1", 1, "a-key", 101),
  ...placed("c2", 2, "a-key", 992, 1_200),
  ...placed("c3", 3, "b-key", 1_052),
];

/** A journal with one frame per event. */
export function journalOf(node: string, list: readonly JournalEvent[]): JournalEvidence {
  const texts = list.map((event) => JSON.stringify(event));
  const frames: Frame[] = [];
  let epoch = 1;
  for (const [at, text] of texts.entries()) {
    const after = { sequence: at, hash: frames.at(-1)?.hash ?? genesisHash };
    const event = list[at];
    if (event?.kind === "epoch.opened") epoch = event.epoch;
    frames.push(sealFrame(after, epoch, [text], (input) => createHash("sha256").update(input).digest("hex")));
  }
  return {
    node: id(node),
    file: `${node}.db`,
    committed: texts.length,
    pruned: { sequence: 0, hash: genesisHash },
    frames,
    texts,
    events: list,
    quarantined: [],
  };
}

/** Etcd's record of an epoch. */
export function historyOf(epoch: number, node: string, at: number): HistoryRecord {
  return {
    epoch,
    node: id(node),
    boot: id(`boot-${node}`),
    reason: "pre-emption",
    atWallMs: wallMs(t0 + at),
    position: 0,
  };
}

interface Changes extends Partial<Omit<Evidence, "audit">> {
  readonly venue?: readonly Record<string, unknown>[];
  readonly events?: readonly JournalEvent[];
}

/** The verdict on the run, changed so. */
export function run(changes: Changes = {}): ReturnType<typeof check> {
  const list = changes.events ?? events;
  return check({
    audit: auditOf(changes.venue ?? venue),
    journals: [journalOf("a", list.slice(0, 5)), journalOf("b", list)],
    history: [historyOf(1, "a", 0), historyOf(2, "b", takeover - t0)],
    account: "demo",
    nodeOfKey: { "a-key": id<NodeId>("a"), "b-key": id<NodeId>("b") },
    acknowledged: [{ intentId: "i-1", clientOrderId: "c1", key: "k-1", atWallMs: t0 + 102 }],
    times,
    positionMax: { BTCUSDT: decimal("1") },
    fault: { kind: "leader-kill", atMonoMs: 995, atWallMs: t0 + 995 },
    endedWallMs: t0 + 20_000,
    ...changes,
  });
}

/** The rules that convict it, each once. */
export function rules(changes: Changes): RuleName[] {
  return [...new Set(run(changes).findings.map((finding) => finding.rule))];
}
