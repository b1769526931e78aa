/** What a client may say on a stream connection: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY. */
import type { Listener } from "./market-streams.ts";

/** What a message asks for. */
export type StreamRequest =
  | { readonly kind: "subscribe" | "unsubscribe"; readonly id: RequestId; readonly streams: readonly string[] }
  | { readonly kind: "list"; readonly id: RequestId }
  | { readonly kind: "set-combined"; readonly id: RequestId; readonly isCombined: boolean }
  | { readonly kind: "get-combined"; readonly id: RequestId }
  | { readonly kind: "wrong"; readonly answer: object };

type RequestId = number | string | null;

const METHODS = ["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY"];

/** Reads one message. */
export function readStreamRequest(text: string): StreamRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong(3, "Invalid JSON: expected value at line 1 column 1");
  }
  const { method, params, id } = (value ?? {}) as { method?: unknown; params?: unknown; id?: unknown };
  if (method === undefined)
    return wrong(2, `Invalid request: missing field \`method\` at line 1 column ${text.length}`);
  if (!isRequestId(id)) return wrong(2, "Invalid request: request ID must be an unsigned integer");
  if (typeof method !== "string" || !METHODS.includes(method)) return unknownMethod(method, text, id);
  if (params !== undefined && !Array.isArray(params)) return wrong(2, "Invalid request: params must be a list", id);
  const given: readonly unknown[] = params ?? [];
  switch (method) {
    case "SUBSCRIBE":
    case "UNSUBSCRIBE": {
      const streams = given.filter((one) => typeof one === "string");
      if (params === undefined || streams.length < given.length) {
        return wrong(2, "Invalid request: stream names must be texts", id);
      }
      return { kind: method === "SUBSCRIBE" ? "subscribe" : "unsubscribe", id, streams };
    }
    case "LIST_SUBSCRIPTIONS":
      return given.length > 0 ? tooMany(id) : { kind: "list", id };
    default:
      return readProperty(method === "SET_PROPERTY", given, id);
  }
}

function readProperty(isSet: boolean, given: readonly unknown[], id: RequestId): StreamRequest {
  const [property, isCombined] = given;
  if (typeof property !== "string") return wrong(2, "Invalid request: property name must be a string", id);
  if (given.length > (isSet ? 2 : 1)) return tooMany(id);
  if (property !== "combined") return wrong(0, "Unknown property", id);
  if (!isSet) return { kind: "get-combined", id };
  if (typeof isCombined !== "boolean") return wrong(1, "Invalid value type: expected Boolean", id);
  return { kind: "set-combined", id, isCombined };
}

function tooMany(id: RequestId): StreamRequest {
  return wrong(2, "Invalid request: too many parameters", id);
}

/** The column is where the method's text ends, as the venue's own parser counts. */
function unknownMethod(method: unknown, text: string, id: RequestId): StreamRequest {
  const said = JSON.stringify(method);
  const column = text.indexOf(said) + said.length;
  const expected = METHODS.map((one) => `\`${one}\``).join(", ");
  const name = typeof method === "string" ? method : said;
  return wrong(
    2,
    `Invalid request: unknown variant \`${name}\`, expected one of ${expected} at line 1 column ${column}`,
    id,
  );
}

function isRequestId(id: unknown): id is RequestId {
  if (id === null) return true;
  return typeof id === "number" ? Number.isInteger(id) : typeof id === "string" && id.length <= 36;
}

/** The streams that an address under `/ws` or `/stream` names. */
export function streamsOfPath(path: string, query: string): readonly string[] {
  const text = path === "/stream" ? (new URLSearchParams(query).get("streams") ?? "") : path.slice("/ws".length);
  return text.split("/").filter((one) => one !== "");
}

/** True for the addresses of streams: `/stream`, `/ws` and what is under it. */
export function isStreamPath(path: string): boolean {
  return path === "/stream" || path === "/ws" || path.startsWith("/ws/");
}

/** The answer to a listing. */
export function listing(listener: Listener): readonly string[] {
  return [...listener.streams];
}

function wrong(code: number, msg: string, id?: RequestId): StreamRequest {
  return { kind: "wrong", answer: { code, msg, ...(id === undefined ? {} : { id }) } };
}
