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

/** Reads one message. */
export function readStreamRequest(text: string): StreamRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return wrong(3, "Invalid JSON: expected value at line 1 column 1");
  }
  if (typeof value !== "object" || value === null) return wrong(2, "Invalid request: missing field `method`");
  const { method, params, id } = value as { method?: unknown; params?: unknown; id?: unknown };
  if (id !== null && typeof id !== "number" && (typeof id !== "string" || id.length > 36)) {
    return wrong(2, "Invalid request: request ID must be an unsigned integer");
  }
  switch (method) {
    case "SUBSCRIBE":
    case "UNSUBSCRIBE": {
      if (!Array.isArray(params) || !params.every((one) => typeof one === "string")) {
        return wrong(2, "Invalid request: stream names must be texts", id);
      }
      return { kind: method === "SUBSCRIBE" ? "subscribe" : "unsubscribe", id, streams: params };
    }
    case "LIST_SUBSCRIPTIONS":
      return { kind: "list", id };
    case "SET_PROPERTY":
    case "GET_PROPERTY": {
      const [property, isCombined] = Array.isArray(params) ? (params as unknown[]) : [];
      if (property !== "combined") return wrong(0, "Unknown property", id);
      if (method === "GET_PROPERTY") return { kind: "get-combined", id };
      if (typeof isCombined !== "boolean") return wrong(1, "Invalid value type: expected Boolean", id);
      return { kind: "set-combined", id, isCombined };
    }
    default:
      return wrong(
        2,
        `Invalid request: unknown variant ${String(method)}, expected one of \`SUBSCRIBE\`, \`UNSUBSCRIBE\`, \`LIST_SUBSCRIPTIONS\`, \`SET_PROPERTY\`, \`GET_PROPERTY\``,
        id,
      );
  }
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
