/**
 * What a connection has asked the venue for, and what the venue has acknowledged.
 *
 * Decided here: which requests go out now (batched, paced below the venue's message limit), which were answered, and
 * when a missing answer is asked for again under a new id. An answer under any id of a request counts, so that a late
 * acknowledgement is not lost; subscribing is idempotent at the venues we know. Data that arrives is no acknowledgement.
 */
import type { MonoMs } from "../time.ts";
import { monoMs } from "../time.ts";

export interface SubscriptionRules {
  /** Least distance between two messages that we send, pings included. */
  readonly paceMs: number;
  /** Most streams named in one message. */
  readonly batchMax: number;
  /** One message names streams of one channel only: those whose names are the same before the first colon. */
  readonly batchesByChannel?: boolean | undefined;
  readonly ackWithinMs: number;
  /** Unanswered or refused this often, the connection is given up. */
  readonly ackAttempts: number;
  /** How often the venue is asked for its own list; undefined where it has none to give. */
  readonly verifyEveryMs?: number | undefined;
}

/** One message to the venue. */
export interface SubscriptionRequest {
  readonly id: number;
  readonly method: "SUBSCRIBE" | "UNSUBSCRIBE" | "LIST";
  readonly streams: readonly string[];
}

interface InFlight {
  /** Every id under which it was sent; the last one is the youngest. */
  readonly ids: readonly number[];
  readonly method: "SUBSCRIBE" | "UNSUBSCRIBE";
  readonly streams: readonly string[];
  /** Undefined while a repetition waits for its turn. */
  readonly deadlineMono: MonoMs | undefined;
}

/** The subscriptions of one connection. A new connection starts with none. */
export interface Subscriptions {
  readonly wanted: ReadonlySet<string>;
  readonly acknowledged: ReadonlySet<string>;
  readonly inFlight: readonly InFlight[];
  /** Streams that are let go of and asked for anew, because they begin with a snapshot; until they are acknowledged again. */
  readonly renewing: ReadonlySet<string>;
  readonly lastSentMono: MonoMs | undefined;
  readonly nextId: number;
  /** Repetitions so far, for the status. */
  readonly repeats: number;
  /** When the venue's own list is asked for; undefined before all is acknowledged. */
  readonly listAtMono: MonoMs | undefined;
  /** The question for it that has no answer yet. A list that never comes proves nothing, and is asked for again. */
  readonly listId: number | undefined;
  /** Streams that were acknowledged and not in the venue's list, or the other way round. */
  readonly mismatches: number;
  /** Set once a request has failed for good: the sentence for the status. */
  readonly failure: string | undefined;
}

/** Nothing asked yet. `nextId` continues over connections, so that no answer can be taken for another's. */
export function noSubscriptions(wanted: ReadonlySet<string>, nextId: number): Subscriptions {
  return {
    wanted,
    acknowledged: new Set(),
    inFlight: [],
    renewing: new Set(),
    lastSentMono: undefined,
    nextId,
    repeats: 0,
    listAtMono: undefined,
    listId: undefined,
    mismatches: 0,
    failure: undefined,
  };
}

/** True when the venue has acknowledged exactly what is wanted; what is being renewed was, and its book says the rest. */
export function isSubscribed(s: Subscriptions): boolean {
  const isRenewed = (stream: string): boolean => s.renewing.has(stream);
  if (!s.inFlight.every((request) => request.streams.every(isRenewed))) return false;
  for (const stream of s.wanted) if (!s.acknowledged.has(stream) && !isRenewed(stream)) return false;
  for (const stream of s.acknowledged) if (!s.wanted.has(stream)) return false;
  return true;
}

/** True when a message may leave now under the pace. */
export function maySend(s: Subscriptions, rules: SubscriptionRules, nowMono: MonoMs): boolean {
  return s.lastSentMono === undefined || nowMono >= s.lastSentMono + rules.paceMs;
}

/** Notes that another message (a ping) has used the pace. */
export function noteSent(s: Subscriptions, nowMono: MonoMs): Subscriptions {
  return { ...s, lastSentMono: nowMono };
}

/** What to send now, at most one message. Call again at `subscriptionsWakeMono`. */
export function nextRequest(
  before: Subscriptions,
  rules: SubscriptionRules,
  nowMono: MonoMs,
): { readonly subscriptions: Subscriptions; readonly send?: SubscriptionRequest } {
  const s = expire(before, rules, nowMono);
  if (s.failure !== undefined || !maySend(s, rules, nowMono)) return { subscriptions: s };
  const index = s.inFlight.findIndex((request) => request.deadlineMono === undefined);
  const again = s.inFlight[index];
  const fresh = again ?? unasked(s, rules);
  if (fresh === undefined) return nextList(s, rules, nowMono);
  const sent: InFlight = {
    ...fresh,
    ids: [...fresh.ids, s.nextId],
    deadlineMono: monoMs(nowMono + rules.ackWithinMs),
  };
  const others = s.inFlight.filter((_, at) => at !== index);
  return {
    subscriptions: { ...s, inFlight: [...others, sent], lastSentMono: nowMono, nextId: s.nextId + 1 },
    send: { id: s.nextId, method: sent.method, streams: sent.streams },
  };
}

/** Asks for the venue's own list when it is time; what is not acknowledged yet could not be compared with it. */
function nextList(
  s: Subscriptions,
  rules: SubscriptionRules,
  nowMono: MonoMs,
): { readonly subscriptions: Subscriptions; readonly send?: SubscriptionRequest } {
  const { verifyEveryMs } = rules;
  if (verifyEveryMs === undefined || !isSubscribed(s) || s.wanted.size === 0) return { subscriptions: s };
  if (nowMono < (s.listAtMono ?? 0)) return { subscriptions: s };
  const listAtMono = monoMs(nowMono + verifyEveryMs);
  return {
    subscriptions: { ...s, listAtMono, listId: s.nextId, lastSentMono: nowMono, nextId: s.nextId + 1 },
    send: { id: s.nextId, method: "LIST", streams: [] },
  };
}

/** The venue's own list. What it lacks is asked for again, what it has too much is let go of. */
export function takeList(s: Subscriptions, id: number, streams: readonly string[]): Subscriptions {
  // Requests that are on their way may or may not be in it: then it proves nothing.
  if (id !== s.listId || s.inFlight.length > 0) return s;
  const listed = new Set(streams);
  const missing = [...s.acknowledged].filter((stream) => !listed.has(stream));
  const surplus = streams.filter((stream) => !s.acknowledged.has(stream));
  const mismatches = s.mismatches + missing.length + surplus.length;
  return { ...s, acknowledged: listed, listId: undefined, mismatches };
}

/**
 * The venue said yes to the request with this id; to `named` of its streams only, where it answers for each by itself.
 * Unknown ids and streams (answered before, or not ours) change nothing. `asksRest`: the request as a whole was refused
 * because these stand already; the others are asked for at once, as if for the first time.
 */
export function acknowledge(s: Subscriptions, id: number, named?: readonly string[], asksRest = false): Subscriptions {
  const request = s.inFlight.find((one) => one.ids.includes(id));
  if (request === undefined) return s;
  const isMeant = (stream: string): boolean => named?.includes(stream) ?? true;
  const acknowledged = new Set(s.acknowledged);
  const renewing = new Set(s.renewing);
  for (const stream of request.streams.filter(isMeant)) {
    if (request.method === "SUBSCRIBE" || !s.wanted.has(stream)) renewing.delete(stream);
    if (request.method === "SUBSCRIBE") acknowledged.add(stream);
    else acknowledged.delete(stream);
  }
  const streams = request.streams.filter((stream) => !isMeant(stream));
  const rest = asksRest
    ? { method: request.method, streams, ids: [], deadlineMono: undefined }
    : { ...request, streams };
  const left = streams.length === 0 ? [] : [rest];
  return {
    ...s,
    acknowledged,
    renewing,
    inFlight: s.inFlight.flatMap((one) => (one === request ? left : [one])),
  };
}

/**
 * All streams that stand, told by a venue that answers each request so and names none. What is as it was asked for is
 * acknowledged; what was acknowledged before and does not stand is asked for again.
 */
export function takeStanding(s: Subscriptions, streams: readonly string[]): Subscriptions {
  const standing = new Set(streams);
  const acknowledged = new Set(s.acknowledged);
  const renewing = new Set(s.renewing);
  const busy = new Set(s.inFlight.flatMap((one) => one.streams));
  const forgotten = [...s.acknowledged].filter((stream) => !standing.has(stream) && !busy.has(stream));
  for (const stream of forgotten) acknowledged.delete(stream);
  const inFlight = s.inFlight.flatMap((request) => {
    const isSubscribing = request.method === "SUBSCRIBE";
    const open = request.streams.filter((stream) => standing.has(stream) !== isSubscribing);
    for (const stream of request.streams) {
      if (open.includes(stream)) continue;
      if (isSubscribing || !s.wanted.has(stream)) renewing.delete(stream);
      if (isSubscribing) acknowledged.add(stream);
      else acknowledged.delete(stream);
    }
    return open.length === 0 ? [] : [{ ...request, streams: open }];
  });
  return { ...s, acknowledged, renewing, inFlight, mismatches: s.mismatches + forgotten.length };
}

/** Lets go of a stream and asks for it anew. One that is not acknowledged is being asked for anyway. */
export function renew(s: Subscriptions, stream: string): Subscriptions {
  if (!s.acknowledged.has(stream) || !s.wanted.has(stream)) return s;
  return { ...s, renewing: new Set([...s.renewing, stream]) };
}

/**
 * The venue said no: asked again after the acknowledgement's deadline, as if the answer had been lost. A venue that does
 * not name the request (`id` undefined) means the oldest that waits.
 */
export function refuse(s: Subscriptions, rules: SubscriptionRules, id: number | undefined, why: string): Subscriptions {
  const request = id === undefined ? s.inFlight[0] : s.inFlight.find((one) => one.ids.includes(id));
  if (request === undefined || request.ids.length < rules.ackAttempts) return s;
  return { ...s, failure: `the venue refused ${describe(request)} ${request.ids.length} times: ${why}` };
}

/** The next instant at which `nextRequest` may have something to do; undefined when it waits for nothing. */
export function subscriptionsWakeMono(s: Subscriptions, rules: SubscriptionRules): MonoMs | undefined {
  let at: number | undefined;
  let hasUnsent = unasked(s, rules) !== undefined;
  for (const { deadlineMono } of s.inFlight) {
    if (deadlineMono === undefined) hasUnsent = true;
    else at = Math.min(at ?? deadlineMono, deadlineMono);
  }
  if (hasUnsent) {
    const turn = (s.lastSentMono ?? 0) + rules.paceMs;
    at = Math.min(at ?? turn, turn);
  }
  if (rules.verifyEveryMs !== undefined && s.wanted.size > 0 && isSubscribed(s)) {
    const turn = Math.max(s.listAtMono ?? 0, (s.lastSentMono ?? 0) + rules.paceMs);
    at = Math.min(at ?? turn, turn);
  }
  return at === undefined ? undefined : monoMs(at);
}

function expire(s: Subscriptions, rules: SubscriptionRules, nowMono: MonoMs): Subscriptions {
  const isLate = (one: InFlight): boolean => one.deadlineMono !== undefined && one.deadlineMono <= nowMono;
  const late = s.inFlight.filter(isLate);
  if (late.length === 0) return s;
  const spent = late.find((one) => one.ids.length >= rules.ackAttempts);
  return {
    ...s,
    inFlight: s.inFlight.map((one) => (isLate(one) ? { ...one, deadlineMono: undefined } : one)),
    repeats: s.repeats + late.length,
    failure:
      spent === undefined ? s.failure : `${describe(spent)} was not acknowledged in ${spent.ids.length} attempts`,
  };
}

/** The next batch that nobody has asked for; a stream in flight waits for its answer before it is asked the reverse. */
function unasked(s: Subscriptions, rules: SubscriptionRules): InFlight | undefined {
  const busy = new Set(s.inFlight.flatMap((one) => one.streams));
  const missing = [...s.wanted].filter((stream) => !s.acknowledged.has(stream) && !busy.has(stream));
  const isSurplus = (stream: string): boolean => !s.wanted.has(stream) || s.renewing.has(stream);
  const surplus = [...s.acknowledged].filter((stream) => isSurplus(stream) && !busy.has(stream));
  const all = missing.length > 0 ? missing : surplus;
  const [first] = all;
  if (first === undefined) return undefined;
  const isTogether = (stream: string): boolean => channelOf(stream) === channelOf(first);
  const streams = rules.batchesByChannel === true ? all.filter(isTogether) : all;
  return {
    ids: [],
    method: missing.length > 0 ? "SUBSCRIBE" : "UNSUBSCRIBE",
    streams: streams.slice(0, rules.batchMax),
    deadlineMono: undefined,
  };
}

function channelOf(stream: string): string {
  return stream.slice(0, stream.indexOf(":"));
}

function describe(request: InFlight): string {
  const more = request.streams.length > 1 ? ` and ${request.streams.length - 1} more` : "";
  return `${request.method} ${request.streams[0] ?? "nothing"}${more}`;
}
