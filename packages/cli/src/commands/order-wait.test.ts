import { expect, test } from "vitest";
import type { BatonClient } from "../client.ts";
import { UnreachableError } from "../failures.ts";
import type { Terminal } from "../terminal.ts";
import { waitForOrder } from "./order-wait.ts";

test("the wait for an order ends with its time, under the order's id, also where a node takes the question and says nothing", async () => {
  const client: Pick<BatonClient, "order"> = {
    order: (_id, signal) =>
      new Promise((_answer, reject) => {
        signal?.addEventListener("abort", () => reject(new UnreachableError(["a"], false)));
      }),
  };
  const terminal: Pick<Terminal, "detached"> = { detached: new AbortController().signal };
  const waits = waitForOrder(client, terminal, "i-1", { timeout: 100 }, () => true);
  await expect(waits).rejects.toMatchObject({ exit: "timed-out", operation: "i-1" });
});
