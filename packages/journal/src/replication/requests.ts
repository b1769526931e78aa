/** Requests to a peer over its link, and their answers: matched by number, each with a deadline of its own. */
import type { NodeId } from "@baton/core";
import { RequestError } from "../errors.ts";
import type { ToFollower, ToLeader } from "../link/messages.ts";

interface Waiting {
  readonly node: NodeId;
  readonly resolve: (payload: unknown) => void;
  readonly reject: (error: RequestError) => void;
  readonly timer: NodeJS.Timeout;
}

export class Requests {
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;

  /** Sends and waits. `send` answers false when the link is down: then nothing left. */
  ask(node: NodeId, payload: unknown, deadlineMs: number, send: (message: ToLeader) => boolean): Promise<unknown> {
    const id = this.#next;
    this.#next += 1;
    return new Promise((resolve, reject) => {
      if (!send({ kind: "request", id, payload })) {
        reject(new RequestError("unreachable", `the link to ${node} is down: nothing was sent`));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new RequestError("timed-out", `${node} did not answer within ${deadlineMs} ms: the outcome is unknown`));
      }, deadlineMs);
      this.#waiting.set(id, { node, resolve, reject, timer });
    });
  }

  answered(message: Extract<ToFollower, { kind: "response" }>): void {
    const waiting = this.#take(message.id);
    if (message.error === undefined) waiting?.resolve(message.payload);
    else waiting?.reject(new RequestError("failed", message.error));
  }

  /** The link to a node ended: what waited for it has no answer any more. */
  lost(node: NodeId): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.node !== node) continue;
      this.#take(id);
      waiting.reject(new RequestError("link-lost", `the link to ${node} ended: the outcome is unknown`));
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}
