/**
 * Keeping parent orders going: looks at each working parent when core said so, or when one of its children ended. The
 * schedule itself is core's; a successor goes on from the journaled rows. Invariant I13.
 */
import type { ParentId } from "@baton/core";
import { workingParents } from "@baton/core";
import { wallNow } from "../clock.ts";
import type { ParentIntake } from "./parent-intake.ts";
import type { Term } from "./term.ts";

const lookEveryMs = 20;

export class Parents {
  readonly #term: Term;
  readonly #intake: ParentIntake;
  readonly #due = new Map<ParentId, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(term: Term, intake: ParentIntake) {
    this.#term = term;
    this.#intake = intake;
  }

  begin(): void {
    for (const parent of workingParents(this.#term.state)) this.#due.set(parent, 0);
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
  }

  /** A parent was recorded, or something of it changed. */
  wake(parent: ParentId): void {
    this.#due.set(parent, 0);
  }

  wakeAll(): void {
    for (const parent of this.#due.keys()) this.#due.set(parent, 0);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    if (!this.#term.isTrading) return;
    for (const [id, dueWallMs] of this.#due) {
      if (dueWallMs > wallNow()) continue;
      const parent = this.#term.state.parents.get(id);
      if (parent === undefined || parent.status !== "working") {
        this.#due.delete(id);
        continue;
      }
      // Without a time of its own it waits for its children, which wake it.
      const next = this.#intake.step(parent);
      this.#due.set(id, next ?? Number.MAX_SAFE_INTEGER);
    }
  }
}
