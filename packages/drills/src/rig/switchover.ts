/**
 * A switchover as an operator asks for it: whoever leads is asked, again under the same operation id where its fate is not
 * known, and its verdict is read wherever it can be. What the leader refuses for a reason is told, not asked again.
 */
import { setTimeout as delay } from "node:timers/promises";
import { RefusedError, StrangeAnswerError, UnreachableError } from "@baton/cli";
import { isSettled } from "@baton/core";
import type { OperationId, OperationView } from "@baton/core";
import { clientOf } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";
import { until } from "./processes.ts";

/** A loaded machine, an etcd without a leader and a fault that is being undone take their time; none takes this long. */
const withinMs = 60_000;

/** Asks until the operation is taken; throws what the leader refuses it for, or after a minute. */
export async function askSwitchover(cluster: Cluster, operation: OperationId, reason: string): Promise<void> {
  let last = "";
  const ask = async (): Promise<true | undefined> => {
    try {
      await clientOf(await cluster.leader(), 5_000).operate({ id: operation, what: "switchover", reason });
      return true;
    } catch (error) {
      // No answer, no leader any more, or etcd did not say in time whether the operation stands there.
      const isPassing = error instanceof RefusedError && error.problem.status >= 500;
      if (!isPassing && !(error instanceof UnreachableError) && !(error instanceof StrangeAnswerError)) throw error;
      last = error.message;
      await delay(25);
      return undefined;
    }
  };
  await until(ask, { what: `the switchover ${operation} is taken`, withinMs }).catch((cause: unknown) => {
    throw last === "" ? cause : new Error(`${String(cause)}: ${last}`, { cause });
  });
}

/** The verdict of an operation, as soon as any node tells it; throws after a minute. */
export async function verdictOf(cluster: Cluster, operation: OperationId): Promise<OperationView> {
  const ask = async (): Promise<OperationView | undefined> => {
    for (const node of cluster.nodes) {
      const found = await clientOf(node)
        .operation(operation)
        .catch(() => undefined);
      if (found !== undefined && isSettled(found.phase)) return found;
    }
    return undefined;
  };
  return await until(ask, { what: `the operation ${operation} has a verdict`, withinMs });
}
