/**
 * How a call to a node fails, and the one question of whoever asked for a change: may it have happened? A refusal of the
 * leader says no; silence, a node that broke over the request, and an answer that is not understood leave it open.
 */
import type { Problem } from "@baton/core";
import { tlsAdvice } from "./secure-fetch.ts";

/** A node answered, and said no. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code = "refused";
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** No node answered. `mayHaveArrived`: a request left and its answer never came, so the outcome is not known. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly code = "unreachable";
  readonly mayHaveArrived: boolean;

  constructor(attempts: readonly string[], mayHaveArrived: boolean) {
    super(`no node answered: ${attempts.join("; ")}.`);
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** No node answered, and at least one was not believed, or did not speak TLS; the sentence says what to do. */
export class UntrustedError extends Error {
  override readonly name = "UntrustedError";
  readonly code = "untrusted";

  constructor(attempts: readonly string[]) {
    super(`no node could be asked: ${attempts.join("; ")}.`);
  }
}

/** A node answered with something that this program does not understand: another version, or not Baton at all. */
export class StrangeAnswerError extends Error {
  override readonly name = "StrangeAnswerError";
  readonly code = "strange-answer";
  /** It was an answer to a change, and not a refusal: the change may have been made. */
  readonly mayHaveArrived: boolean;

  constructor(message: string, mayHaveArrived = false) {
    super(message);
    this.mayHaveArrived = mayHaveArrived;
  }
}

/** True where a change may have been recorded though nobody says so: only its repetition under the same key tells. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof UnreachableError || error instanceof StrangeAnswerError) return error.mayHaveArrived;
  // A node that broke over a request may have recorded it before.
  return error instanceof RefusedError && (error.problem.code === "unknown" || error.problem.code === "internal");
}

/** True for what a node, or who stands before it, says without asking the leader: who asks is not let in, or is not understood. */
export function isBeforeTheLeader(error: unknown): boolean {
  if (error instanceof StrangeAnswerError) return !error.mayHaveArrived;
  return error instanceof RefusedError && (error.problem.status === 401 || error.problem.status === 403);
}

/** No TLS connection came about: the node was told nothing. */
export function isNotBelieved(error: unknown): boolean {
  return tlsAdvice(codeOf(error)) !== undefined;
}

/** Nobody was there to take the request. */
export function isRefusedConnection(error: unknown): boolean {
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(causeOf(error));
}

/** What ended a request, in words. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = codeOf(error);
  const advice = tlsAdvice(code);
  if (advice !== undefined) return advice;
  const { cause } = error;
  // A node with TLS hangs up on whoever speaks plain HTTP to it.
  if (code === "UND_ERR_SOCKET" || code === "ECONNRESET")
    return `${code}: it hung up; where it speaks TLS, use https://`;
  if (cause instanceof Error) return code === "" ? cause.message : code;
  return error.name === "TimeoutError" ? "no answer in time" : error.message;
}

/** The code of what ended a request; empty where it has none. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? String(cause.code) : "";
}
