/**
 * What must be true when all faults have ended and the cluster has come to rest: the last leader's journal against the
 * venue's log, the nodes against each other, and what clients and operators were told against both.
 */
import {
  add,
  compare,
  decimal,
  isOrderEnded,
  isSettled,
  isUnsettled,
  partsOf,
  rowsOf,
  subtract,
  zero,
} from "@baton/core";
import type { Decimal, EngineState, JournalEvent } from "@baton/core";
import type { Boot } from "../engine/boot.ts";
import type { Clients } from "../outside/clients.ts";
import type { Operators } from "../outside/operators.ts";
import type { World } from "../world/world.ts";
import { stateOfFrames } from "../engine/ledger.ts";
import { replacingOf } from "./losing.ts";
import type { Watch } from "./watch.ts";

/** Why the cluster is not yet at rest; undefined when it is. */
export function whyNotHealed(world: World): string | undefined {
  const leader = world.leader();
  if (leader === undefined) return "nobody leads an open epoch";
  const role = leader.leadership?.leading;
  const ledger = leader.ledger;
  if (role === undefined || ledger === undefined) return "nobody leads";
  if (role.hold !== undefined) return `${leader.boot} is held for ${role.hold.to}`;
  if (role.pending.length > 0) return "a membership change is pending";
  if (role.known.record.reconcileDue !== undefined) return "the account has not been reconciled";
  const missing = world.nodes.find(({ node }) => !role.known.record.members.some((m) => m.node === node));
  if (missing !== undefined) return `${missing.node} is not in sync`;
  if (leader.journal?.commitMark.sequence !== leader.journal?.last.sequence) return "the last record is not committed";
  const { committed } = ledger;
  const unsettled = [...committed.orders.values()].find((order) => isUnsettled(order));
  if (unsettled !== undefined) return `${unsettled.id} is still ${unsettled.status}`;
  const cancelled = [...committed.orders.values()].find((order) => order.cancel !== undefined && !isOrderEnded(order));
  if (cancelled !== undefined) return `${cancelled.id} is not cancelled`;
  const [replacing] = committed.indexes.replacing;
  if (replacing !== undefined) return `${replacing} is still to be replaced`;
  if (committed.indexes.reissuable.size > 0) return "an order waits to be issued anew";
  if (committed.indexes.fillsMissing.size > 0) return "fills are missing";
  const open = [...committed.orders.values()].filter((order) => !isOrderEnded(order)).length;
  if (open !== world.watch.orders.openCount) return "open orders are not those of the venue";
  const parent = [...committed.parents.values()].find((one) => one.status === "working");
  if (parent !== undefined) return `${parent.id} is still working`;
  const asked = [...world.etcd.store.operations.values()].find(({ value }) => !isSettled(value.phase));
  return asked === undefined ? undefined : `I14: operation ${asked.value.id} is still ${asked.value.phase}`;
}

/** Judges the end of a run that has healed. */
export function judgeEnd(watch: Watch, clients: Clients, operators: Operators): void {
  const leader = watch.world.leader();
  const state = leader?.ledger?.committed;
  if (leader === undefined || state === undefined) return;
  const events = eventsOf(watch, leader);
  positions(watch, state);
  endsAsVenue(watch, state);
  slices(watch, state, events);
  acknowledged(watch, state, clients);
  replaced(watch, state, clients);
  operations(watch, operators);
  nodesAgree(watch, leader);
}

function eventsOf(watch: Watch, leader: Boot): readonly JournalEvent[] {
  const { records } = watch;
  return (leader.journal?.frames ?? []).flatMap((frame) => records.eventsOf(frame.hash));
}

/** I11: the sum of the venue's fills, each trade once. */
function positions(watch: Watch, state: EngineState): void {
  const truth = new Map<string, Decimal>();
  let fills = 0;
  for (const record of watch.world.venue.audit) {
    if (record.type !== "fill") continue;
    fills += 1;
    const quantity = decimal(record.quantity ?? "0");
    const before = truth.get(record.symbol ?? "") ?? zero;
    truth.set(record.symbol ?? "", record.side === "BUY" ? add(before, quantity) : subtract(before, quantity));
  }
  for (const position of state.positions.values()) {
    const symbol = position.symbol.replace("/", "");
    const real = truth.get(symbol) ?? zero;
    truth.delete(symbol);
    if (compare(position.quantity, real) !== 0) {
      watch.broken("I11", `the position in ${symbol} is ${position.quantity} in the journal, ${real} at the venue`);
    }
  }
  for (const [symbol, real] of truth) {
    if (real !== zero) watch.broken("I11", `the journal knows no position in ${symbol}, the venue says ${real}`);
  }
  if (state.fills.size !== fills)
    watch.broken("I11", `the journal holds ${state.fills.size} fills, the venue made ${fills}`);
}

/** Every order ends in the journal as the venue ended it, and none is there that no intent explains. */
function endsAsVenue(watch: Watch, state: EngineState): void {
  const accepted = new Map<string, { executed: Decimal; end: "open" | "cancelled" | "expired" }>();
  for (const record of watch.world.venue.audit) {
    if (!("orderId" in record) || record.clientOrderId === undefined) continue;
    if (record.type === "accept") accepted.set(record.clientOrderId, { executed: zero, end: "open" });
    const known = accepted.get(record.clientOrderId);
    if (known === undefined) continue;
    if (record.type === "fill") known.executed = add(known.executed, decimal(record.quantity ?? "0"));
    if (record.type === "cancel") known.end = "cancelled";
    if (record.type === "expire") known.end = "expired";
  }
  for (const order of state.orders.values()) {
    const ids = order.attempts.map((attempt) => attempt.clientOrderId);
    const real = ids.map((one) => accepted.get(one)).find((one) => one !== undefined);
    for (const one of ids) accepted.delete(one);
    const wasAccepted = order.venueOrderId !== undefined;
    if (wasAccepted !== (real !== undefined)) {
      watch.broken(
        "I9",
        `${order.id} is ${order.status} in the journal, ${real === undefined ? "not" : real.end} at the venue`,
      );
    }
    if (real === undefined) continue;
    if (compare(order.executed, real.executed) !== 0) {
      watch.broken("I11", `${order.id} executed ${order.executed} in the journal, ${real.executed} at the venue`);
    }
    const isEndedThere = real.end !== "open" || compare(real.executed, order.terms.quantity) >= 0;
    if (isOrderEnded(order) !== isEndedThere) {
      watch.broken(
        "I9",
        `${order.id} is ${order.status} in the journal, ${real.end} at the venue with ${real.executed}`,
      );
    }
  }
  for (const clientOrderId of accepted.keys()) {
    if (watch.losing.isLost(clientOrderId)) continue;
    watch.broken(
      "I6",
      `the venue accepted intent ${partsOf(clientOrderId)?.intent}, which the last leader's journal does not know`,
    );
  }
}

/** I13: every slice once or on record as not executed, and nothing else in a parent's name. */
function slices(watch: Watch, state: EngineState, events: readonly JournalEvent[]): void {
  for (const event of events) {
    if (event.kind !== "intent.recorded" || !event.by.startsWith("p-") || event.slice !== undefined) continue;
    watch.broken("I13", `${event.intent} was made for ${event.by} and is none of its slices`);
  }
  for (const parent of state.parents.values()) {
    const children = new Map<number, number>();
    for (const event of events) {
      if (event.kind !== "intent.recorded" || event.parent !== parent.id || event.slice === undefined) continue;
      children.set(event.slice, (children.get(event.slice) ?? 0) + 1);
    }
    for (const [index, slice] of parent.slices.entries()) {
      const made = children.get(index + 1) ?? 0;
      const isRight = slice.kind === "intent" ? made === 1 : made === 0;
      if (!isRight) watch.broken("I13", `slice ${index + 1} of ${parent.id} is ${slice.kind} and has ${made} children`);
      if (slice.kind === "waiting") watch.broken("I13", `slice ${index + 1} of ${parent.id} ended without a word`);
    }
  }
}

/** What a client was told is recorded is there, under the id that it was told; and one key made one intent. */
function acknowledged(watch: Watch, state: EngineState, clients: Clients): void {
  for (const { key, ref } of clients.acknowledged) {
    const isThere = state.orders.has(ref as never) || state.parents.has(ref as never);
    if (!isThere && watch.losing.isLost(ref)) {
      watch.note("acknowledged, and lost as declared");
      continue;
    }
    if (!isThere)
      watch.broken("I6", `${ref} was acknowledged under key ${key} and is not in the last leader's journal`);
    const known = state.keys.get(`client|${key}`);
    if (known !== undefined && known.ref !== ref) {
      watch.broken("I9", `the key ${key} was acknowledged as ${ref} and stands for ${known.ref}`);
    }
  }
}

/** An order that a client was told is being replaced was replaced, or its journal says why not. */
function replaced(watch: Watch, state: EngineState, clients: Clients): void {
  for (const intent of clients.replaced) {
    const order = state.orders.get(intent);
    if (order?.replace !== undefined) continue;
    const isLost = watch.losing.isLost(intent) || watch.losing.isLost(replacingOf(intent));
    if (!isLost) watch.broken("I6", `that ${intent} is to be replaced was acknowledged, and is not on record`);
  }
}

/** I14: what was asked for and reached etcd has its verdict there. */
function operations(watch: Watch, operators: Operators): void {
  for (const operation of operators.asked) {
    const found = watch.world.etcd.store.operations.get(operation)?.value;
    if (found === undefined)
      watch.broken("I14", `operation ${operation} was taken by etcd and cannot be read any more`);
    else watch.note(`operation ${found.phase}`);
  }
}

/** I19: the same committed records, and the same state made of them. */
function nodesAgree(watch: Watch, leader: Boot): void {
  const upTo = Math.min(...watch.world.nodes.map(({ disk }) => disk.content.commit));
  const digest = (frames: readonly import("@baton/core").Frame[]): string =>
    [...rowsOf(stateOfFrames(frames, upTo))]
      .map(({ table, key, row }) => `${table} ${key} ${JSON.stringify(row)}`)
      .toSorted()
      .join("\n");
  const ours = leader.journal?.frames ?? [];
  const own = ours
    .filter((frame) => frame.last <= upTo)
    .map((frame) => frame.hash)
    .join();
  for (const { node, disk } of watch.world.nodes) {
    const theirs = disk.content.frames.filter((frame) => frame.last <= upTo);
    if (theirs.map((frame) => frame.hash).join() !== own) {
      return watch.broken("I19", `the journal of ${node} differs from ${leader.node}'s below ${upTo}`);
    }
  }
  const committed = leader.ledger?.committed;
  if (committed === undefined || committed.applied !== upTo) return;
  const live = [...rowsOf(committed)]
    .map(({ table, key, row }) => `${table} ${key} ${JSON.stringify(row)}`)
    .toSorted()
    .join("\n");
  // Its state was made of the records before one of them rotted, if one did.
  if (live !== digest(ours.map((frame) => watch.records.asSealed(frame))))
    watch.broken("I19", `the state of ${leader.node} is not what its journal adds up to`);
}
