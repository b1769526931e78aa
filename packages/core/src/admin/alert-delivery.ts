/**
 * What waits to be posted to an Alertmanager, and when the next post may leave. Alerts are the least of a node's work: what
 * waits is bounded, what is old is no news any more, and after a failure nobody is asked again before a while has passed,
 * longer each time, so that an Alertmanager that is away costs next to nothing. Pure; the posts are the engine's.
 */
import type { MonoMs, WallMs } from "../time.ts";
import { monoMs } from "../time.ts";
import { alerts } from "./alerts.ts";
import type { AlertName } from "./alerts.ts";

/** Something that has happened. */
export interface AlertEdge {
  readonly name: AlertName;
  /** What the log says of it. */
  readonly sentence: string;
  readonly atWallMs: WallMs;
  readonly atMonoMs: MonoMs;
}

/** What is not delivered yet. */
export interface AlertDelivery {
  /** Oldest first. */
  readonly waiting: readonly AlertEdge[];
  readonly failuresInRow: number;
  readonly notBeforeMonoMs: MonoMs;
}

/** An edge is shown for so long, and not posted later than that, ms. */
export const edgeLastsMs = 300_000;
const waitingMax = 64;
const againMs = 1_000;
const againMaxMs = 30_000;

/** Nothing waits. */
export const noDelivery: AlertDelivery = { waiting: [], failuresInRow: 0, notBeforeMonoMs: monoMs(0) };

/** The alert that a log event is. */
export function edgeOf(event: string): AlertName | undefined {
  return (Object.keys(alerts) as AlertName[]).find((name) => alerts[name].edge?.includes(event) === true);
}

/** It has happened. What says the same and waits already is not posted twice; of too many the oldest are let go. */
export function edgeTold(delivery: AlertDelivery, edge: AlertEdge): AlertDelivery {
  const isKnown = delivery.waiting.some((each) => each.name === edge.name && each.sentence === edge.sentence);
  return isKnown ? delivery : { ...delivery, waiting: [...delivery.waiting, edge].slice(-waitingMax) };
}

/** What to post now; nothing while none waits or the last failure is too fresh. */
export function edgesDue(delivery: AlertDelivery, now: MonoMs): readonly AlertEdge[] {
  if (now < delivery.notBeforeMonoMs) return [];
  return delivery.waiting.filter((edge) => now - edge.atMonoMs < edgeLastsMs);
}

/** These were taken. */
export function edgesDelivered(delivery: AlertDelivery, edges: readonly AlertEdge[]): AlertDelivery {
  return { ...noDelivery, waiting: delivery.waiting.filter((edge) => !edges.includes(edge)) };
}

/** They were not, or nobody knows: the same alert twice is one, so they are posted again. */
export function deliveryFailed(delivery: AlertDelivery, now: MonoMs): AlertDelivery {
  const failuresInRow = delivery.failuresInRow + 1;
  const pauseMs = Math.min(againMs * 2 ** (failuresInRow - 1), againMaxMs);
  const waiting = delivery.waiting.filter((edge) => now - edge.atMonoMs < edgeLastsMs);
  return { waiting, failuresInRow, notBeforeMonoMs: monoMs(now + pauseMs) };
}
