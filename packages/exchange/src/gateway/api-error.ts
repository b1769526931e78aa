/** Binance's error answers: a status, a code from its list and its words. Thrown while a request is read, answered by the gateway. */

/** A refusal in the venue's words. Nothing was changed, unless its `data` says that a part was. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: number;
  /** Sent as `Retry-After`, in seconds. */
  readonly retryAfter: number | undefined;
  /** What became of the parts of a request that has several. */
  readonly data: object | undefined;

  constructor(status: number, code: number, message: string, retryAfter?: number, data?: object) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
    this.data = data;
  }

  /** The body as Binance sends it. */
  body(): { readonly code: number; readonly msg: string; readonly data?: object } {
    return { code: this.code, msg: this.message, ...(this.data === undefined ? {} : { data: this.data }) };
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

/** −1001: a mirrored market whose venue does not answer. */
export function unknownMarket(): ApiError {
  return new ApiError(503, -1001, "Internal error; unable to process your request. Please try again.");
}
