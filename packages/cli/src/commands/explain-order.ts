/**
 * What an order's record says to a person at night: where it stands, why, and what (not) to do. Every sentence comes from
 * the journaled events; nothing is guessed, and a doubt is called one.
 */
import type { OrderView, ParentView } from "@baton/core";
import { assertNever } from "@baton/core";
import { instant } from "../terminal.ts";
import { replaceText } from "./order-text.ts";

/** The sentences, most important first. */
export function explainedOrder(view: OrderView | ParentView): readonly string[] {
  return "algorithm" in view ? ofParent(view) : [...ofOrder(view), ...busts(view), ...wishes(view)];
}

function ofOrder(view: OrderView): readonly string[] {
  const answer = last(view, "attempt.answered")?.outcome;
  switch (view.status) {
    case "pending-new":
      return [waiting(view)];
    case "in-doubt": {
      const since = last(view, "attempt.answered")?.atWallMs;
      const cause = answer?.kind === "in-doubt" ? answer.cause : "its leader ended before an answer came";
      return [
        `It may be at the venue: a request left, and what became of it is not known (${cause}).`,
        `It counts at worst case in every limit${since === undefined ? "" : `, since ${instant(since)}`}.`,
        "It is looked for until the venue's own evidence ends the doubt. Do not send it again.",
      ];
    }
    case "new":
      return ["The venue has it, and nothing of it is executed yet."];
    case "partially-filled":
      return [`The venue has it; ${view.executed} of ${view.terms.quantity} is executed.`];
    case "filled":
      if (bustsOf(view).length === 0) return ["It is executed in full."];
      return [`It was executed in full; ${view.executed} of ${view.terms.quantity} is left of that.`];
    case "cancelled":
      return [`The venue cancelled it; ${view.executed} of ${view.terms.quantity} was executed.`];
    case "expired": {
      const denied = last(view, "order.ended");
      if (denied !== undefined) return ofDenied(view, denied);
      return [`It ended at the venue by its own terms (${view.terms.timeInForce}); ${view.executed} was executed.`];
    }
    case "rejected":
      return [
        answer?.kind === "rejected"
          ? `The venue refused it: ${answer.message} (${answer.code}).`
          : "The venue refused it.",
      ];
    case "not-sent":
      return [neverSent(view), ...notSent(view)];
    default:
      return assertNever(view.status, "order status");
  }
}

function ofDenied(view: OrderView, { word, evidence }: EventOf<"order.ended">): readonly string[] {
  return [
    `Its venue took it and denied it later; how it ended is not known. ${view.executed} was executed.`,
    `It was ended by ${word}.`,
    `What the venue answered then: ${evidence}.`,
  ];
}

function waiting(view: OrderView): string {
  const recorded = last(view, "intent.recorded");
  const until =
    recorded === undefined
      ? ""
      : ` It is given up unless it is sent by ${instant(recorded.atWallMs + recorded.sendWithinMs)}.`;
  return `It is recorded, and no answer of the venue is on record yet.${until}`;
}

/** What this journal cannot vouch for, it does not say. */
function neverSent(view: OrderView): string {
  if (last(view, "intent.ended")?.reason !== "history-lost") return "It was never at the venue, and never will be.";
  return (
    "No attempt on record was at the venue, but the history that was lost may have made another: it is not tried again. " +
    "See what the account holds before it is placed anew."
  );
}

function notSent(view: OrderView): readonly string[] {
  const ended = last(view, "intent.ended");
  const proof = last(view, "doubt.resolved")?.resolution;
  return [
    ...(proof?.kind === "not-accepted" ? [`The proof: ${proof.proof}.`] : []),
    ...(ended === undefined ? [] : [`It was given up at ${instant(ended.atWallMs)}: ${ended.reason}.`]),
  ];
}

function bustsOf(view: OrderView): readonly EventOf<"fill.busted">[] {
  return view.events.filter((event): event is EventOf<"fill.busted"> => event.kind === "fill.busted");
}

/** Its trades that the venue took back. */
function busts(view: OrderView): readonly string[] {
  return bustsOf(view).map(
    ({ tradeId, evidence }) =>
      `The venue took its trade ${tradeId} back: it is ${evidence}. It is subtracted, and nothing is ordered in its place.`,
  );
}

/** A cancel that somebody asked for and that has not come true yet. */
function wishes(view: OrderView): readonly string[] {
  const asked = last(view, "cancel.requested");
  const replaced = view.replace === undefined ? [] : [`Replaced by ${replaceText(view.replace)}.`];
  if (asked === undefined) return [];
  return [`${asked.by} asked at ${instant(asked.atWallMs)} to take it back.`, ...replaced];
}

function ofParent(view: ParentView): readonly string[] {
  const { done, open, skipped, planned } = view.slices;
  const of = planned === null ? "" : ` of ${planned}`;
  const why = view.detail === null ? "" : ` (${view.detail})`;
  return [
    `It is ${view.status}${why}: ${view.executed} of ${view.algorithm.quantity} is executed.`,
    `Slices: ${done}${of} done, ${open} open, ${skipped} skipped on record. Whoever leads goes on with the next one.`,
    ...(open === 0 ? [] : [`Its orders: ${view.children.join(", ")}.`]),
  ];
}

type EventOf<K extends OrderView["events"][number]["kind"]> = Extract<
  OrderView["events"][number],
  { readonly kind: K }
>;

function last<K extends OrderView["events"][number]["kind"]>(view: OrderView, kind: K): EventOf<K> | undefined {
  return view.events.findLast((event): event is EventOf<K> => event.kind === kind);
}
