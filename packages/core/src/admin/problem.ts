/**
 * What the HTTP API answers when it says no: a problem document (RFC 9457) with a stable code and, where one field is at
 * fault, its name. Refusal codes of risk are codes too; this file names those of the API itself.
 */
import { z } from "zod";

/** Media type of a problem document. */
export const problemMediaType = "application/problem+json";

/** Codes of the API itself; risk adds its own. */
export type ApiProblemCode =
  | "invalid"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "method-not-allowed"
  | "conflict"
  | "key-reused"
  | "not-confirmed"
  | "unsafe"
  | "refused"
  | "unknown"
  | "internal";

/** The statuses each comes with, and what the caller knows then. */
export const apiProblemCodes: Readonly<Record<ApiProblemCode, { readonly statuses: string; readonly means: string }>> =
  {
    invalid: {
      statuses: "400, 413, 415, 422",
      means: "The request is wrong, `field` says where; nothing was recorded.",
    },
    unauthorized: { statuses: "401", means: "There is no token, or one that nobody has." },
    forbidden: { statuses: "403", means: "The token's role may not do this." },
    "not-found": { statuses: "404, 410", means: "There is no such thing here (any more)." },
    "method-not-allowed": {
      statuses: "405",
      means: "The path is right and the method is not; Allow names those that are.",
    },
    conflict: { statuses: "409", means: "The present state does not allow it." },
    "key-reused": { statuses: "422", means: "Another request came under this Idempotency-Key; nothing was recorded." },
    "not-confirmed": {
      statuses: "422",
      means: "Something can be lost, and the cluster's name was not typed; nothing was recorded.",
    },
    unsafe: { statuses: "422", means: "A safety check says no, the sentence says which; nothing was recorded." },
    refused: { statuses: "503", means: "Nothing was recorded; try again." },
    unknown: { statuses: "503", means: "It was recorded and is not known durable; repeat it with the same key." },
    internal: { statuses: "500", means: "Baton is wrong; the log says more." },
  };

export interface Problem {
  /** `https://baton.invalid/problems/<code>`: a name, not an address. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** One sentence for the person who asked. */
  readonly detail: string;
  readonly code: string;
  /** Path of the field at fault, such as `price`. */
  readonly field?: string;
  /** Asked again sooner it would most likely be refused again; from 250 on, Retry-After says the same in whole seconds. */
  readonly retryAfterMs?: number;
}

export const problemSchema: z.ZodType<Problem> = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  field: z.exactOptional(z.string()),
  retryAfterMs: z.exactOptional(z.number()),
});

/** Makes a problem document. */
export function problem(status: number, code: string, detail: string, field?: string): Problem {
  return {
    type: `https://baton.invalid/problems/${code}`,
    title: code.replaceAll("-", " "),
    status,
    detail,
    code,
    ...(field !== undefined && { field }),
  };
}

export type Checked<T> =
  { readonly kind: "valid"; readonly value: T } | { readonly kind: "invalid"; readonly problem: Problem };

/** Checks the body of a request; a bad one gives the problem document that names the first field at fault. */
export function checkBody<T>(schema: z.ZodType<T>, body: unknown): Checked<T> {
  const parsed = schema.safeParse(body, { reportInput: true });
  if (parsed.success) return { kind: "valid", value: parsed.data };
  const [issue] = parsed.error.issues;
  const field = issue === undefined ? "" : fieldOf(issue);
  const document = problem(422, "invalid", sentenceOf(field, issue), field === "" ? undefined : field);
  return { kind: "invalid", problem: document };
}

function fieldOf(issue: z.core.$ZodIssue): string {
  const path = issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path;
  return path.map(String).join(".");
}

function sentenceOf(field: string, issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "the body is not what is expected.";
  if (field === "") return "the body must be a JSON object.";
  if (issue.code === "unrecognized_keys") return `${field} is not a field of this request.`;
  const isOfType = issue.code === "invalid_type" || issue.code === "invalid_value";
  if (isOfType && issue.input === undefined) return `${field} is missing.`;
  return `${field}: ${issue.message}.`;
}
