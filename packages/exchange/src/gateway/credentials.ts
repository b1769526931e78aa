/**
 * Whether a signed request is whose it says, and whether it is still valid: API key, HMAC SHA-256 over the text exactly
 * as sent, and the window of its timestamp. The window is checked twice, on arrival and again right before matching, so
 * that a request which waited in between is refused with −1021 instead of executed late.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { ApiError, badRequest, missing } from "./api-error.ts";
import type { Parameters } from "./parameters.ts";

/** One API key. Several keys may belong to one account. */
export interface ApiKey {
  readonly key: string;
  readonly secret: string;
  readonly account: string;
}

/** Until when a request may be matched, by the exchange's clock. */
export interface Validity {
  readonly timestamp: number;
  readonly recvWindow: number;
}

/** The keys of one exchange. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, ApiKey>;

  constructor(keys: readonly ApiKey[]) {
    this.#keys = new Map(keys.map((one) => [one.key, one]));
  }

  /** The account of a key, for the audit; no check. */
  accountOf(key: string | undefined): string | undefined {
    return key === undefined ? undefined : this.#keys.get(key)?.account;
  }

  /** The key of this name, or −2014, −2015. */
  known(apiKey: string | undefined): ApiKey {
    if (apiKey === undefined || !/^[\w-]{1,128}$/.test(apiKey)) {
      throw new ApiError(401, -2014, "API-key format invalid.");
    }
    const key = this.#keys.get(apiKey);
    if (key === undefined) throw unknownKey();
    return key;
  }

  /** The key that signed, or −2014, −2015, −1102, −1131, −1021, −1022. */
  verify(
    request: { readonly apiKey: string | undefined; readonly parameters: Parameters; readonly signed: string },
    nowMs: number,
  ): { readonly key: ApiKey; readonly validity: Validity } {
    const key = this.known(request.apiKey);
    const signature = request.parameters.peek("signature");
    if (signature === undefined || signature === "") throw missing("signature");
    const validity = readValidity(request.parameters);
    checkValidity(validity, nowMs);
    const expected = createHmac("sha256", key.secret).update(request.signed).digest();
    const given = Buffer.from(/^[0-9a-f]{64}$/i.test(signature) ? signature : "", "hex");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw badRequest(-1022, "Signature for this request is not valid.");
    }
    return { key, validity };
  }
}

/** −2015: no such key, or not any more. */
export function unknownKey(): ApiError {
  return new ApiError(401, -2015, "Invalid API-key, IP, or permissions for action.");
}

/** The first check: not from the future, not too old. */
function checkValidity(validity: Validity, nowMs: number): void {
  if (validity.timestamp >= nowMs + 1_000) {
    throw badRequest(-1021, "Timestamp for this request was 1000ms ahead of the server's time.");
  }
  if (isExpired(validity, nowMs)) throw tooOld();
}

/** True when a request may not be matched any more; asked on arrival and again right before matching. */
export function isExpired(validity: Validity, nowMs: number): boolean {
  return nowMs - validity.timestamp > validity.recvWindow;
}

/** −1021 for what came too late. */
export function tooOld(): ApiError {
  return badRequest(-1021, "Timestamp for this request is outside of the recvWindow.");
}

/** `timestamp` in ms (microseconds are understood) and `recvWindow`, 5,000 when it is not sent. */
function readValidity(parameters: Parameters): Validity {
  const stamp = parameters.peek("timestamp");
  if (stamp === undefined || !/^\d{13}(\d{3})?$/.test(stamp)) throw missing("timestamp");
  const window = parameters.peek("recvWindow") ?? "5000";
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(window)) throw missing("recvWindow");
  const recvWindow = Number(window);
  if (recvWindow > 60_000) throw badRequest(-1131, "recvWindow must be less than 60000.");
  return { timestamp: stamp.length === 16 ? Number(stamp) / 1_000 : Number(stamp), recvWindow };
}
