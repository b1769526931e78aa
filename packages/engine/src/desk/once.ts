/**
 * What a person asks for under an id of theirs is done once. The id is recorded in one frame with what came of it, so that
 * no crash parts the two; the same again, also from a later leader, finds what was done, and something else under the id is
 * refused. An id belongs to its principal and is kept as long as an idempotency key.
 */
import { createHash } from "node:crypto";
import type {
  EngineState,
  IntentId,
  KeyRow,
  OperationId,
  OperationNoted,
  ParentId,
  RequestKey,
  Sequence,
} from "@baton/core";
import { id, requestKeyOf } from "@baton/core";
import { wallNow } from "../clock.ts";

/** An idempotency key, or the id of an operation, as a request brings it. */
export interface AskedKey {
  readonly key: string;
  /** What it stands for, where the state may have let that go. */
  readonly past?: KeyRow | undefined;
}

/** What is asked, by whom, and under which id, where there is one. */
export interface Asked {
  readonly what: "cancel" | "replace" | "resolve";
  readonly ref: string;
  readonly by: string;
  readonly reason: string | undefined;
  readonly operation: AskedKey | undefined;
  /** What else makes it this request and no other. */
  readonly more?: unknown;
}

export type Repeated = { readonly kind: "repeated"; readonly sequence: Sequence } | { readonly kind: "key-reused" };

/** What the id stands for already; undefined where this is the first time, or there is no id. */
export function repeated(state: EngineState, asked: Asked): Repeated | undefined {
  const request = requestOf(asked);
  const known = request === undefined ? undefined : (state.keys.get(requestKeyOf(request)) ?? asked.operation?.past);
  if (known === undefined) return undefined;
  return known.digest === request?.digest ? { kind: "repeated", sequence: known.sequence } : { kind: "key-reused" };
}

/** The record of the id, to go with what came of it; none without an id. `ref` is known to exist. */
export function noted(asked: Asked): readonly OperationNoted[] {
  const request = requestOf(asked);
  if (request === undefined) return [];
  const { what, ref, by, reason = "" } = asked;
  return [
    {
      kind: "operation.noted",
      operation: id<OperationId>(request.key),
      what: `${what} ${ref}`,
      ...{ by, reason, ref: id<IntentId | ParentId>(ref), request },
      atWallMs: wallNow(),
    },
  ];
}

function requestOf({ what, ref, by, operation, more }: Asked): RequestKey | undefined {
  if (operation === undefined) return undefined;
  const digest = createHash("sha256")
    .update(JSON.stringify([what, ref, more ?? null]))
    .digest("hex");
  return { principal: by, key: operation.key, digest };
}
