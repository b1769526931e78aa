/**
 * The venue's part of a direct kill: takes the open orders of a scope back at the venue itself, with a key of the person
 * who kills, without a leader and without etcd. It looks again until nothing is open any more and nothing can still arrive
 * (a request that a leader signed before is valid for a while). Only orders with the cluster's tag are touched, or with
 * Baton's form of id where nobody could tell the tag; foreign ones only when that was asked for. It never places anything.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Config, DeploymentTag, KillLevel, PermitSource, SymbolId, VenueConfig, VenueOrder } from "@baton/core";
import { id, monoMs, partsOf, takeBackPermit } from "@baton/core";
import type { Venue } from "@baton/venues";
import { VenueUnavailable } from "@baton/venues";
import { monoNow } from "./clock.ts";
import { openConfiguredVenue } from "./node/venue-doors.ts";

export interface DirectKillOptions {
  readonly config: Config;
  readonly level: KillLevel;
  readonly target?: string;
  /** By venue: the files of the key that kills; the node's own where none is given. */
  readonly keys?: Readonly<Record<string, { readonly apiKeyFile: string; readonly secretFile: string }>>;
  /** Of this cluster's orders, as a node told it. */
  readonly tag?: string;
  /** Foreign orders too. */
  readonly everyOrder?: boolean;
  readonly withinMs: number;
  readonly say: (sentence: string) => void;
}

/** What became of one venue's orders. */
export interface DirectKillVerdict {
  readonly venue: string;
  /** Client order ids that the venue cancelled. */
  readonly cancelled: readonly string[];
  /** Still open when the time was up; null: the venue could not be asked. */
  readonly left: readonly string[] | null;
  /** From the start to the last cancel that was answered. */
  readonly lastCancelMs: number | null;
  readonly why?: string;
}

const lookEveryMs = 200;

/** Takes back what the scope covers, at every venue in it, all venues at once. */
export async function killDirect(options: DirectKillOptions): Promise<readonly DirectKillVerdict[]> {
  const { config, level, target } = options;
  // Whose strategy's an order is, only the journal knows.
  if (level === "strategy") return [];
  const covered = config.venues.filter((venue) =>
    level === "venue" ? venue.id === target : level === "account" ? venue.account === target : true,
  );
  return await Promise.all(covered.map((venue) => takeBack(venue, options)));
}

async function takeBack(venue: VenueConfig, options: DirectKillOptions): Promise<DirectKillVerdict> {
  const startMono = monoNow();
  const endMono = startMono + options.withinMs;
  const cancelled = new Set<string>();
  let lastCancelMs: number | null = null;
  let left: readonly VenueOrder[] | null = null;
  let why: string | undefined;
  let connection: Venue | undefined;
  try {
    connection = await openConfiguredVenue(
      { ...venue, ...options.keys?.[venue.id] },
      { permits: forTakingBack, isKilled: () => true },
    );
    for (;;) {
      const open = await connection.openOrders().catch((error: unknown) => {
        if (!(error instanceof VenueUnavailable)) throw error;
        why = error.message;
        return undefined;
      });
      if (open !== undefined) {
        left = open.filter((order) => isCovered(order, options));
        why = undefined;
        const done = await Promise.all(left.map((order) => cancelOne(connection as Venue, order)));
        for (const [at, isDone] of done.entries()) {
          if (!isDone) continue;
          cancelled.add(left[at]?.clientOrderId ?? "");
          lastCancelMs = Math.round(monoNow() - startMono);
        }
        // What a leader signed right before it was told may still arrive.
        if (left.length === 0 && monoNow() - startMono > venue.validityMs + lookEveryMs) break;
      }
      if (monoNow() > endMono) break;
      await pause(lookEveryMs);
    }
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
    left = null;
  } finally {
    await connection?.close();
  }
  options.say(`${venue.id}: ${cancelled.size} orders taken back${why === undefined ? "" : `; ${why}`}`);
  return {
    venue: venue.id,
    cancelled: [...cancelled],
    left: left === null ? null : left.map((order) => order.clientOrderId),
    lastCancelMs,
    ...(why !== undefined && { why }),
  };
}

/** The right to take back, and to nothing else: whatever else were tried, every order counts as killed. */
const forTakingBack: PermitSource = { current: (now) => takeBackPermit(monoMs(now + 60_000)) };

async function cancelOne(venue: Venue, order: VenueOrder): Promise<boolean> {
  const permit = forTakingBack.current(monoNow());
  if (permit === undefined) return false;
  const { clientOrderId, venueOrderId } = order;
  const outcome = await venue.cancel({ clientOrderId, symbol: id<SymbolId>(order.symbol), venueOrderId }, permit);
  return outcome.kind === "cancelled";
}

function isCovered(order: VenueOrder, { level, target, tag, everyOrder }: DirectKillOptions): boolean {
  if (level === "instrument" && order.symbol !== target) return false;
  if (everyOrder === true) return true;
  const parts = partsOf(order.clientOrderId);
  return parts !== undefined && (tag === undefined || parts.tag === (tag as DeploymentTag));
}
