/**
 * Resting orders are replaced while the storm goes on: whatever rests, whoever leads. That never two of one were at the
 * venue at once, and that no more came than was wanted, is the checker's to say (`checker/replace-rules.ts`).
 */
import { setTimeout as delay } from "node:timers/promises";
import { RefusedError, UnreachableError } from "@baton/cli";
import { add } from "@baton/core";
import type { OrderView, ParentView } from "@baton/core";
import { seededRandom } from "../flow/random.ts";
import { clientOf } from "../rig/cluster.ts";
import type { Cluster } from "../rig/cluster.ts";

/** What became of the replacements that were asked for. */
export interface ReplaceCount {
  asked: number;
  replaced: number;
  givenUp: number;
}

const everyMs = 150;
/** A wish is over when its order has ended, or its time has: ten seconds, and a takeover. */
const decidedWithinMs = 25_000;

/** Replaces what rests until the storm is over, then waits until each of them is decided. */
export async function replaceOrders(cluster: Cluster, seed: number, isOver: () => boolean): Promise<ReplaceCount> {
  const random = seededRandom(seed + 7);
  const count: ReplaceCount = { asked: 0, replaced: 0, givenUp: 0 };
  const pending = new Set<string>();
  while (!isOver()) {
    await delay(everyMs);
    try {
      const client = clientOf(await cluster.leader());
      const open = (await client.orders({ limit: 200 })).orders.filter(isReplaceable);
      const order = open[random.whole(0, Math.max(0, open.length - 1))];
      if (order === undefined) continue;
      const { quantity } = order.terms;
      await client.replaceOrder(order.id, { quantity: add(quantity, quantity) }, `replace-${seed}-${count.asked}`);
      count.asked += 1;
      pending.add(order.id);
    } catch (error) {
      // Nobody leads, risk says no, or it has ended: the next one.
      if (!isNo(error)) throw error;
    }
  }
  const endAt = performance.now() + decidedWithinMs;
  while (pending.size > 0 && performance.now() < endAt) {
    for (const id of [...pending]) {
      const view = await viewOf(cluster, id);
      const status = view !== undefined && "replace" in view ? view.replace?.status : undefined;
      if (status !== "replaced" && status !== "given-up") continue;
      pending.delete(id);
      if (status === "replaced") count.replaced += 1;
      else count.givenUp += 1;
    }
    await delay(everyMs);
  }
  return count;
}

async function viewOf(cluster: Cluster, id: string): Promise<OrderView | ParentView | undefined> {
  try {
    return await clientOf(await cluster.leader()).order(id);
  } catch (error) {
    if (!isNo(error)) throw error;
    return undefined;
  }
}

function isNo(error: unknown): boolean {
  return error instanceof RefusedError || error instanceof UnreachableError;
}

function isReplaceable(order: OrderView): boolean {
  const { terms, parent, replace, status } = order;
  const isResting = status === "new" || status === "partially-filled";
  return isResting && parent === null && replace === undefined && terms.type === "limit" && terms.timeInForce !== "IOC";
}
