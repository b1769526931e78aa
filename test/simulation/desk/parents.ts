/** Keeping parent orders going: looks at each working parent when core said so, or when one of its children moved. */
import { workingParents } from "@baton/core";
import type { ParentId } from "@baton/core";
import type { DeskContext } from "./context.ts";
import type { Intake } from "./intake.ts";
import type { Term } from "./term.ts";

const lookEveryMs = 20;

export class Parents {
  readonly #context: DeskContext;
  readonly #term: Term;
  readonly #intake: Intake;
  readonly #due = new Map<ParentId, number>();

  constructor(context: DeskContext, term: Term, intake: Intake) {
    this.#context = context;
    this.#term = term;
    this.#intake = intake;
  }

  begin(): void {
    for (const parent of workingParents(this.#term.state)) this.#due.set(parent, 0);
    const stop = this.#context.process.every(lookEveryMs, () => {
      if (this.#term.isOver) stop();
      else this.#look();
    });
  }

  wake(parent: ParentId): void {
    this.#due.set(parent, 0);
  }

  #look(): void {
    if (!this.#term.isTrading) return;
    for (const [parentId, dueWallMs] of this.#due) {
      if (dueWallMs > this.#context.process.clock.wall()) continue;
      const parent = this.#term.state.parents.get(parentId);
      if (parent === undefined || parent.status !== "working") {
        this.#due.delete(parentId);
        continue;
      }
      const next = this.#intake.stepParent(parent);
      this.#due.set(parentId, next ?? Number.MAX_SAFE_INTEGER);
    }
  }
}
