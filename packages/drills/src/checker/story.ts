/**
 * The evidence joined once, for all rules: which intent and attempt a client order id belongs to, what the venue did with
 * each order, what the surviving leader's journal says of each intent, and which epoch each request belongs to: the one
 * under which the journal has its attempt, since nobody else may send it. Of what the journal does not know, the epoch is
 * found by the API key (each node has its own) and the signed time: the latest epoch of that node that began before it.
 */
import { add, decimal, zero } from "@baton/core";
import type {
  AuditRecord,
  AuditRecv,
  Decimal,
  EpochOpened,
  FillRecorded,
  HistoryRecord,
  IntentId,
  IntentRecorded,
  JournalEvent,
  NodeId,
  VenueOrder,
} from "@baton/core";
import type { Evidence, JournalEvidence } from "./evidence.ts";

export type AuditOf<Type extends AuditRecord["type"]> = Extract<AuditRecord, { readonly type: Type }>;

/** How the venue left an order. */
export type VenueEnd = "open" | "partially-filled" | "filled" | "cancelled" | "expired";

/** One order that the venue accepted from one of our keys. */
export interface VenueStory {
  readonly accept: AuditOf<"accept">;
  readonly recv: AuditRecv | undefined;
  readonly node: NodeId;
  readonly epoch: number | undefined;
  readonly clientOrderId: string;
  /** By the surviving leader's journal. */
  readonly intent: IntentId | undefined;
  readonly fills: readonly AuditOf<"fill">[];
  readonly executed: Decimal;
  readonly end: VenueEnd;
}

/** What the surviving leader's journal tells of one intent. */
export interface IntentStory {
  readonly recorded: IntentRecorded;
  readonly clientOrderIds: readonly string[];
  readonly events: readonly JournalEvent[];
  readonly fills: readonly FillRecorded[];
}

/** One epoch: etcd's record, its opening record in the journal, and its first order at the venue. */
export interface EpochStory {
  readonly history: HistoryRecord;
  readonly opened: EpochOpened | undefined;
  readonly firstAccept: AuditOf<"accept"> | undefined;
}

export interface PlaceRecv {
  readonly recv: AuditRecv;
  readonly node: NodeId;
  readonly epoch: number | undefined;
  /** By the signed time alone; undefined: its node had never led by then. */
  readonly signedIn: number | undefined;
}

export interface Story {
  readonly evidence: Evidence;
  readonly survivor: JournalEvidence | undefined;
  readonly intents: ReadonlyMap<IntentId, IntentStory>;
  readonly intentOfClientOrderId: ReadonlyMap<string, IntentId>;
  /** Client order id → the epoch under which the surviving leader's journal has its attempt. */
  readonly recordedIn: ReadonlyMap<string, number>;
  readonly orders: readonly VenueStory[];
  /** Requests of our keys to place, in order of arrival. */
  readonly places: readonly PlaceRecv[];
  /** The same of requests to cancel; `epoch` is that of the attempt that they name. */
  readonly cancels: readonly PlaceRecv[];
  readonly epochs: readonly EpochStory[];
}

/** Wall times of one machine may differ by this much between two processes' roundings. */
const roundingMs = 5;

export function tell(evidence: Evidence): Story {
  const history = [...evidence.history].sort((a, b) => a.epoch - b.epoch);
  const last = history.at(-1);
  const survivor = evidence.journals.find((journal) => journal.node === last?.node);
  const intents = intentStories(survivor?.events ?? []);
  const intentOfClientOrderId = new Map<string, IntentId>();
  for (const [intent, story] of intents) {
    for (const clientOrderId of story.clientOrderIds) intentOfClientOrderId.set(clientOrderId, intent);
  }
  const recvByN = new Map<number, AuditRecv>();
  for (const record of evidence.audit) if (record.type === "recv") recvByN.set(record.n, record);
  const recordedIn = survivor === undefined ? new Map<string, number>() : attemptEpochs(survivor);
  const signedIn = (node: NodeId, signedWallMs: number): number | undefined =>
    history.findLast((each) => each.node === node && each.atWallMs <= signedWallMs + roundingMs)?.epoch;
  const epochOf: Joining["epochOf"] = (node, signedWallMs, clientOrderId) =>
    recordedIn.get(clientOrderId) ?? signedIn(node, signedWallMs);
  const orders = venueStories({ evidence, recvByN, intentOfClientOrderId, epochOf });
  const requests = (call: AuditRecv["call"]): PlaceRecv[] =>
    evidence.audit.flatMap((record): PlaceRecv[] => {
      if (record.type !== "recv" || record.call !== call) return [];
      const node = nodeOf(evidence, record.apiKey);
      if (node === undefined) return [];
      const signedWallMs = record.timestamp ?? record.wallMs;
      const epoch = epochOf(node, signedWallMs, record.clientOrderId ?? "");
      return [{ recv: record, node, epoch, signedIn: signedIn(node, signedWallMs) }];
    });
  const [places, cancels] = [requests("order.place"), requests("order.cancel")];
  const opened = (survivor?.events ?? []).filter((event) => event.kind === "epoch.opened");
  const epochs = history.map((each) => ({
    history: each,
    opened: opened.find((event) => event.epoch === each.epoch),
    firstAccept: orders.find((order) => order.epoch === each.epoch)?.accept,
  }));
  return { evidence, survivor, intents, intentOfClientOrderId, recordedIn, orders, places, cancels, epochs };
}

/** The node whose key it is; undefined for keys of others. */
export function nodeOf(evidence: Evidence, apiKey: string | undefined): NodeId | undefined {
  return apiKey === undefined ? undefined : evidence.nodeOfKey[apiKey];
}

/** `BTC/USDT`, or the contract `BTC/USDT:USDT`, as the venue writes it. */
export function venueSymbol(symbol: string): string {
  return symbol.replace("/", "").replace(/:.*$/, "");
}

interface Joining {
  readonly evidence: Evidence;
  readonly recvByN: ReadonlyMap<number, AuditRecv>;
  readonly intentOfClientOrderId: ReadonlyMap<string, IntentId>;
  readonly epochOf: (node: NodeId, signedWallMs: number, clientOrderId: string) => number | undefined;
}

function venueStories(joining: Joining): VenueStory[] {
  const { evidence } = joining;
  const fills = new Map<string, AuditOf<"fill">[]>();
  const ends = new Map<string, "cancelled" | "expired">();
  for (const record of evidence.audit) {
    if (record.orderId === undefined) continue;
    const order = orderKey(record);
    if (record.type === "fill") fills.set(order, [...(fills.get(order) ?? []), record]);
    if (record.type === "cancel") ends.set(order, "cancelled");
    if (record.type === "expire") ends.set(order, "expired");
  }
  return evidence.audit.flatMap((accept): VenueStory[] => {
    if (accept.type !== "accept") return [];
    const node = nodeOf(evidence, accept.apiKey);
    if (node === undefined) return [];
    const recv = joining.recvByN.get(accept.recvN);
    const own = fills.get(orderKey(accept)) ?? [];
    const executed = own.reduce((sum, fill) => add(sum, decimal(fill.quantity ?? "0")), zero);
    const ended = ends.get(orderKey(accept));
    const isFilled = accept.quantity !== undefined && decimal(accept.quantity) === executed;
    const clientOrderId = accept.clientOrderId ?? recv?.clientOrderId ?? "";
    return [
      {
        accept,
        recv,
        node,
        epoch: joining.epochOf(node, recv?.timestamp ?? recv?.wallMs ?? accept.wallMs, clientOrderId),
        clientOrderId,
        intent: joining.intentOfClientOrderId.get(clientOrderId),
        fills: own,
        executed,
        end: isFilled ? "filled" : (ended ?? (executed === zero ? "open" : "partially-filled")),
      },
    ];
  });
}

/** A venue counts its orders per symbol. */
function orderKey(record: AuditRecord): string {
  return `${"symbol" in record ? record.symbol : ""}:${"orderId" in record ? record.orderId : ""}`;
}

/** Which frame, and so which epoch, holds the record of each attempt. */
function attemptEpochs(journal: JournalEvidence): Map<string, number> {
  const epochs = new Map<string, number>();
  let at = 0;
  for (const [index, event] of journal.events.entries()) {
    const sequence = journal.pruned.sequence + 1 + index;
    while ((journal.frames[at]?.last ?? sequence) < sequence) at += 1;
    const epoch = journal.frames[at]?.epoch;
    if (epoch === undefined || (event.kind !== "intent.recorded" && event.kind !== "attempt.recorded")) continue;
    epochs.set(event.clientOrderId, epoch);
  }
  return epochs;
}

function intentStories(events: readonly JournalEvent[]): Map<IntentId, IntentStory> {
  const stories = new Map<
    IntentId,
    { recorded: IntentRecorded; clientOrderIds: string[]; events: JournalEvent[]; fills: FillRecorded[] }
  >();
  /** By market and the venue's own id of the order. */
  const owners = new Map<string, IntentId>();
  for (const event of events) {
    if (event.kind === "intent.recorded") {
      stories.set(event.intent, { recorded: event, clientOrderIds: [event.clientOrderId], events: [event], fills: [] });
      continue;
    }
    if (!("intent" in event) || event.intent === undefined) continue;
    const story = stories.get(event.intent);
    if (story === undefined) continue;
    story.events.push(event);
    if (event.kind === "attempt.recorded") story.clientOrderIds.push(event.clientOrderId);
    if (event.kind === "fill.recorded") story.fills.push(event);
    const told = event.kind === "fill.recorded" ? event : orderTold(event);
    if (told !== undefined) owners.set(`${told.symbol} ${told.venueOrderId}`, event.intent);
  }
  // A trade that was recorded before anybody could say whose it is belongs to the order that has its id by any other word.
  for (const event of events) {
    if (event.kind !== "fill.recorded" || event.intent !== undefined) continue;
    const owner = owners.get(`${event.symbol} ${event.venueOrderId}`);
    if (owner !== undefined) stories.get(owner)?.fills.push(event);
  }
  return stories;
}

/** The venue's word on an order, where an event brings one. */
function orderTold(event: JournalEvent): VenueOrder | undefined {
  if (event.kind === "order.updated") return event.order;
  if (event.kind === "attempt.answered") return event.outcome.kind === "accepted" ? event.outcome.order : undefined;
  if (event.kind === "doubt.resolved") return event.resolution.kind === "accepted" ? event.resolution.order : undefined;
  return undefined;
}
