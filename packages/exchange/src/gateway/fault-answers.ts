/** What faults answer in place of the exchange: errors in the venue's words, or pages that are no API's. */
import type { ArmedFault } from "../faults/fault-board.ts";
import { ApiError } from "./api-error.ts";
import { tooOld } from "./credentials.ts";

/** An answer that is not the API's own. */
export interface ForeignAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

const blockedPage =
  "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1><p>Request blocked.</p></body></html>";

/** The answer of a fault that replaces the true one. */
export function faultAnswer(fault: ArmedFault): ApiError | ForeignAnswer {
  switch (fault.fault) {
    case "maintenance":
      return new ApiError(503, -1016, "This service is no longer available.", fault.retryAfterSeconds ?? 30);
    case "403-html":
      return { status: 403, body: blockedPage, contentType: "text/html" };
    case "429":
    case "418": {
      const status = Number(fault.fault);
      const retryAfter = fault.retryAfterSeconds ?? (status === 429 ? 5 : 120);
      return new ApiError(status, -1003, "Too much request weight used.", retryAfter);
    }
    case "error-1000":
      return new ApiError(500, -1000, "An unknown error occurred while processing the request.");
    case "error-1001":
      return new ApiError(503, -1001, "Internal error; unable to process your request. Please try again.");
    case "error-1006":
      return new ApiError(
        500,
        -1006,
        "An unexpected response was received from the message bus. Execution status unknown.",
      );
    case "error-1007":
      return new ApiError(
        504,
        -1007,
        "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
      );
    case "error-1008":
      return new ApiError(
        503,
        -1008,
        "Server is currently overloaded with other requests. Please try again in a few minutes.",
      );
    case "error-1021":
      return tooOld();
    default: {
      const body = fault.body ?? "<html><body><h1>502 Bad Gateway</h1></body></html>";
      const contentType = body.startsWith("{") ? "application/json" : "text/html";
      return { status: fault.status ?? 502, body, contentType };
    }
  }
}
