/**
 * Where truth is restored: what the venue says is open, held against what the journal says is open. Three differences
 * matter: an order of ours that the journal does not know (an orphan: adopted never, cancelled or left by policy), an
 * order whose state at the venue is newer (recorded), and an order that the journal has open and the venue's list has
 * not (to be asked for by id; a list that was made before an answer proves nothing). Orders without our tag are somebody
 * else's and never touched.
 */
import { compare } from "../decimal.ts";
import type { JournalEvent, OrphanFound } from "../formats/events.ts";
import type { OrderUpdated } from "../formats/order-events.ts";
import type { IntentId, SymbolId, VenueId } from "../ids.ts";
import type { WallMs } from "../time.ts";
import { partsOf } from "./client-order-id.ts";
import type { DeploymentTag } from "./client-order-id.ts";
import { venueOrderKey } from "./indexes.ts";
import { executedBy, isDenied, isOrderEnded, latestAttempt } from "./order-row.ts";
import type { OrderRow } from "./order-row.ts";
import type { VenueOrder } from "./outcome.ts";
import { refusalOf } from "./refusal.ts";
import { marketKey } from "./state.ts";
import type { EngineState } from "./state.ts";

/** The venue's list of open orders of some symbols. */
export interface OpenOrderList {
  readonly venue: VenueId;
  readonly symbols: readonly SymbolId[];
  readonly orders: readonly VenueOrder[];
  readonly atWallMs: WallMs;
}

/** What the comparison found. */
export interface Differences {
  /** To be recorded; each passes `refusalOf`. */
  readonly updates: readonly OrderUpdated[];
  /** To be recorded, and cancelled where the action says so. */
  readonly orphans: readonly OrphanFound[];
  /** Open in the journal, not in the list: to be queried one by one. */
  readonly missing: readonly IntentId[];
}

/** Holds a list against the state. */
export function reconcile(
  state: EngineState,
  list: OpenOrderList,
  ours: { readonly tag: DeploymentTag; readonly orphans: "cancel" | "leave" },
): Differences {
  const updates: OrderUpdated[] = [];
  const orphans: OrphanFound[] = [];
  const seen = new Set<IntentId>();
  for (const order of list.orders) {
    const known = knownOrder(state, order);
    if (known !== undefined) {
      seen.add(known.id);
      const update = updateOf(known, order, list.atWallMs);
      if (update !== undefined && refusalOf(state, update) === undefined) updates.push(update);
    } else if (partsOf(order.clientOrderId)?.tag === ours.tag) {
      orphans.push({
        kind: "orphan.found",
        venue: list.venue,
        order,
        action: ours.orphans,
        atWallMs: list.atWallMs,
      });
    }
  }
  const missing = list.symbols
    .flatMap((symbol) => [...(state.indexes.open.get(marketKey(list.venue, symbol)) ?? [])])
    .filter((intent) => !seen.has(intent) && state.orders.get(intent)?.venueOrderId !== undefined);
  return { updates, orphans, missing };
}

/** What is due about the orphans of one list: to be recorded now, and to be asked back from the venue once more. */
export interface OrphanSteps {
  readonly note: readonly OrphanFound[];
  readonly cancel: readonly OrphanFound[];
  /**
   * Those that are to go. What they may still execute counts in no limit, so nothing new is risked at the venue until each of
   * them is cancelled or missing in a later list (I12).
   */
  readonly leaving: readonly OrphanFound[];
}

/**
 * An orphan is recorded once, and asked back, where that is the policy, only when its record is committed: a leader that was
 * overtaken and does not know it yet finds its successor's orders in the list, and the one thing that it cannot do any more
 * is commit. The first asking hangs on the commit itself; one that a later list still shows open is in `cancel`.
 */
export function orphanSteps(
  recorded: Pick<EngineState, "baselines">,
  committed: Pick<EngineState, "baselines">,
  orphans: readonly OrphanFound[],
): OrphanSteps {
  const note: OrphanFound[] = [];
  const cancel: OrphanFound[] = [];
  for (const orphan of orphans) {
    if (!isRecorded(recorded, orphan)) note.push(orphan);
    if (orphan.action === "cancel" && isRecorded(committed, orphan)) cancel.push(orphan);
  }
  return { note, cancel, leaving: orphans.filter((orphan) => orphan.action === "cancel") };
}

function isRecorded({ baselines }: Pick<EngineState, "baselines">, { venue, order }: OrphanFound): boolean {
  const known = baselines.get(venue)?.orphans ?? [];
  return known.some((one) => one.order.symbol === order.symbol && one.order.venueOrderId === order.venueOrderId);
}

/**
 * What is to be recorded of the account, with the order that a trade belongs to where the state knows it by now: to be asked
 * when it is recorded, since between the telling and the recording its order may have become known.
 */
export function withOwner(state: EngineState, event: JournalEvent): JournalEvent {
  if (event.kind !== "fill.recorded" || event.intent !== undefined) return event;
  const intent = state.indexes.byVenueOrderId.get(venueOrderKey(event.venue, event.symbol, event.venueOrderId));
  return intent === undefined ? event : { ...event, intent };
}

/** The order whose latest attempt this is and which may be open; an id of a superseded or ended one is an orphan's. */
function knownOrder(state: EngineState, order: VenueOrder): OrderRow | undefined {
  const known = state.indexes.byClientOrderId.get(order.clientOrderId as never);
  const row = known === undefined ? undefined : state.orders.get(known.intent);
  if (row === undefined || latestAttempt(row).clientOrderId !== order.clientOrderId) return undefined;
  // An operator ended it because the venue denied it: if the venue has it after all, it is wanted by nobody.
  if (isDenied(row)) return undefined;
  // What ended by the venue's word may still stand in an older list; what never was accepted must not stand in any.
  if (isOrderEnded(row) && row.venueOrderId === undefined) return undefined;
  return row;
}

function updateOf(row: OrderRow, order: VenueOrder, atWallMs: WallMs): OrderUpdated | undefined {
  const isNews =
    !isOrderEnded(row) && (row.venueOrderId === undefined || compare(executedBy(row, order), row.executed) > 0);
  if (!isNews) return undefined;
  return { kind: "order.updated", intent: row.id, attempt: latestAttempt(row).number, order, atWallMs };
}
