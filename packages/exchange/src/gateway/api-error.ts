/** Binance's error answers: a status, a code from its list and its words. Thrown while a request is read, answered by the gateway. */

/** A refusal in the venue's words; it always means that nothing was changed. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: number;
  /** Sent as `Retry-After`, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(status: number, code: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** The body as Binance sends it. */
  body(): { readonly code: number; readonly msg: string } {
    return { code: this.code, msg: this.message };
  }
}

/** A refusal with status 400. */
export function badRequest(code: number, message: string): ApiError {
  return new ApiError(400, code, message);
}

/** −1102 */
export function missing(name: string): ApiError {
  return badRequest(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
}

/** −1130 */
export function invalid(name: string): ApiError {
  return badRequest(-1130, `Data sent for parameter '${name}' is not valid.`);
}
