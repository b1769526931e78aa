/**
 * What must hold of an order that was replaced: the one in its place was accepted only after it was gone from the venue,
 * and is for what it left of the quantity that was asked for, no more. Invariants I9, I12.
 */
import { add, compare } from "@baton/core";
import type { IntentId, ReplaceRequested } from "@baton/core";
import type { Finding } from "./evidence.ts";
import type { IntentStory, Story, VenueStory } from "./story.ts";

/** By the exchange's own log, never by the journal: of an order and its successor only one can trade at any time. */
export function replacedInTurn(story: Story): Finding[] {
  const byIntent = Map.groupBy(story.orders, (order) => order.intent);
  return [...story.intents].flatMap(([intent, told]): Finding[] => {
    const { replaces } = told.recorded;
    if (replaces === undefined) return [];
    const [first] = byIntent.get(replaces) ?? [];
    const [second] = byIntent.get(intent) ?? [];
    return [
      ...(first === undefined || second === undefined ? [] : together(story, first, second)),
      ...tooMuch({ intent, told }, story.intents.get(replaces), first),
    ];
  });
}

function together(story: Story, first: VenueStory, second: VenueStory): Finding[] {
  const { orderId, symbol } = first.accept;
  const moved = story.evidence.audit.findLast(
    ({ type, ...record }) =>
      (type === "fill" || type === "cancel" || type === "expire") &&
      "orderId" in record &&
      record.orderId === orderId &&
      record.symbol === symbol,
  );
  const isGone = first.end !== "open" && first.end !== "partially-filled";
  if (isGone && moved !== undefined && moved.n < second.accept.n) return [];
  const sentence = `${second.intent} was accepted (record ${second.accept.n}) in the place of ${first.intent}, which was still at the venue`;
  return [{ rule: "replaced-in-turn", sentence, records: [first.accept, second.accept] }];
}

function tooMuch(
  { intent, told }: { readonly intent: IntentId; readonly told: IntentStory },
  replaced: IntentStory | undefined,
  first: VenueStory | undefined,
): Finding[] {
  const wish = replaced?.events.find((event): event is ReplaceRequested => event.kind === "replace.requested");
  const { quantity } = told.recorded.terms;
  const both = first === undefined ? quantity : add(first.executed, quantity);
  if (wish !== undefined && compare(both, wish.quantity) <= 0) return [];
  const asked = wish === undefined ? "nobody asked for one" : `${wish.quantity} was asked for`;
  const sentence = `${intent} comes in the place of ${told.recorded.replaces ?? "?"}: with what that executed it is ${both}, and ${asked}`;
  return [{ rule: "replaced-in-turn", sentence, records: [told.recorded, ...(wish === undefined ? [] : [wish])] }];
}
