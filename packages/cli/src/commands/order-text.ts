/** An order, or a parent order, with its life in words. */
import type { OrderView, ParentView, PlaceOutcome, ReplaceView } from "@baton/core";
import { facts, instant, table } from "../terminal.ts";

/** An order or a parent order in words. */
export function viewText(view: OrderView | ParentView): string {
  if ("algorithm" in view) {
    const { algorithm, slices } = view;
    return facts([
      ["parent order", view.id],
      [
        "algorithm",
        `${algorithm.name}: ${algorithm.side} ${algorithm.quantity} ${algorithm.symbol}${slices.planned === null ? "" : ` in ${slices.planned} slices`}`,
      ],
      ["status", view.detail === null ? view.status : `${view.status} (${view.detail})`],
      ...(view.paused === undefined ? [] : pausedFacts(view.paused)),
      ["executed", view.executed],
      ["slices", `${slices.done} done, ${slices.open} open, ${slices.skipped} skipped`],
      ["children", view.children.join(", ") || "none"],
    ]);
  }
  const { terms } = view;
  const head = facts([
    ["order", view.id],
    [
      "terms",
      `${terms.side} ${terms.quantity} ${terms.symbol} ${terms.type} ${terms.price ?? ""} ${terms.timeInForce}${terms.reduceOnly === true ? " reduce-only" : ""}`,
    ],
    ["venue", view.routedFrom === undefined ? terms.venue : `${terms.venue}, in place of ${view.routedFrom}`],
    ["status", view.outcome === null ? view.status : `${view.status} (${view.outcome})`],
    ["executed", view.executed],
    ["sent", view.epoch === null ? "no" : `by ${view.sentBy ?? "?"} in epoch ${view.epoch}`],
    ["client order ids", view.clientOrderIds.join(", ")],
    ...(view.parent === null ? [] : [["parent", `${view.parent}, slice ${view.slice ?? "?"}`] as const]),
    ...(view.replaces === undefined ? [] : [["in the place of", view.replaces] as const]),
    ...(view.replace === undefined ? [] : [["replaced by", replaceText(view.replace)] as const]),
  ]);
  const rows = view.events.map((event) => {
    const { kind, sequence, ...rest } = event;
    const at = "atWallMs" in rest ? rest.atWallMs : "tradedWallMs" in rest ? rest.tradedWallMs : undefined;
    return [`${sequence}`, at === undefined ? "–" : instant(at), kind, eventDetail(event)];
  });
  return rows.length === 0 ? head : `${head}\n\n${table(["SEQUENCE", "WHEN", "WHAT", ""], rows)}`;
}

/** Who paused a parent, and after a loss what speaks for and against going on. */
function pausedFacts(paused: NonNullable<ParentView["paused"]>): readonly (readonly [string, string])[] {
  const since = `by ${paused.by} at ${instant(paused.sinceWallMs)}`;
  if (paused.cause === undefined) return [["paused", since]];
  return [
    ["paused", `${since}: a history was lost, which may have executed slices that are not on record here`],
    [
      "unexplained",
      `bought ${paused.bought ?? "?"}, sold ${paused.sold ?? "?"} in its symbol since, by orders not on record`,
    ],
    ["next", "look at the venue's own list of orders; then amend, resume with --reason, or cancel it"],
  ];
}

/** What comes in an order's place, or why nothing does. */
export function replaceText({ status, successor, detail, quantity, price }: ReplaceView): string {
  if (status === "replaced") return `${successor ?? "?"} (quantity ${quantity} in all, price ${price})`;
  return status === "given-up" ? `nothing: ${detail ?? "?"}` : `not yet: quantity ${quantity} in all, price ${price}`;
}

function outcomeText(outcome: PlaceOutcome): string {
  return outcome.kind === "not-sent" ? `${outcome.kind}: ${outcome.reason}` : outcome.kind;
}

function eventDetail(event: OrderView["events"][number]): string {
  switch (event.kind) {
    case "intent.recorded":
      return byText(event);
    case "attempt.recorded":
      return `attempt ${event.attempt}`;
    case "attempt.answered":
      return `attempt ${event.attempt}, ${outcomeText(event.outcome)} (${event.node}, epoch ${event.epoch})`;
    case "doubt.resolved":
      return event.resolution.kind === "accepted" ? `accepted (by ${event.by})` : event.resolution.proof;
    case "intent.ended":
      return event.reason;
    case "order.updated":
      return `${event.order.status}, executed ${event.order.executed}`;
    case "order.ended":
      return `denied by its venue, ended by ${event.word}; ${event.evidence}`;
    case "fill.recorded":
      return `${event.quantity} at ${event.price} (trade ${event.tradeId})`;
    case "fill.busted":
      return `trade ${event.tradeId} was taken back by the venue: ${event.evidence}`;
    case "cancel.requested":
      return byText(event);
    case "replace.requested":
      return `quantity ${event.quantity} at ${event.price}, ${byText(event)}`;
    case "replace.ended":
      return event.reason;
    default:
      return "";
  }
}

function byText(event: { readonly by: string; readonly reason?: string }): string {
  return event.reason === undefined ? `by ${event.by}` : `by ${event.by}: ${event.reason}`;
}
