/**
 * Whether a signed request is whose it says, and whether it is still valid: API key, HMAC SHA-256, Ed25519 or RSA over the text
 * exactly as sent, and the window of its timestamp. The window is checked twice, on arrival and again right before matching, so
 * that a request which waited in between is refused with −1021 instead of executed late.
 */
import { createHmac, createPublicKey, timingSafeEqual, verify as verifySignature, type KeyObject } from "node:crypto";
import { ApiError, badRequest, missing } from "./api-error.ts";
import type { Parameters } from "./parameters.ts";

/** One API key. Several keys may belong to one account. */
export interface ApiKey {
  readonly key: string;
  /** The secret of an HMAC key; of an Ed25519 or RSA key its public half in PEM form, which the venue is given. */
  readonly secret: string;
  readonly account: string;
}

type KeyType = "HMAC_SHA256" | "RSA" | "ED25519";

/** Until when a request may be matched, by the exchange's clock. */
export interface Validity {
  readonly timestamp: number;
  readonly recvWindow: number;
}

/** The keys of one exchange. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, ApiKey>;
  readonly #publicKeys = new Map<string, KeyObject>();

  /** Throws when a public key cannot be read. */
  constructor(keys: readonly ApiKey[]) {
    this.#keys = new Map(keys.map((one) => [one.key, one]));
    for (const { key, secret } of keys) {
      if (secret.startsWith("-----BEGIN")) this.#publicKeys.set(key, createPublicKey(secret));
    }
  }

  /** How a key signs. */
  typeOf(key: ApiKey): KeyType {
    const type = this.#publicKeys.get(key.key)?.asymmetricKeyType;
    if (type === undefined) return "HMAC_SHA256";
    return type === "ed25519" ? "ED25519" : "RSA";
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
    const validity = this.valid(request.parameters, nowMs);
    if (!this.#isSigned(key, request.signed, signature)) {
      throw badRequest(-1022, "Signature for this request is not valid.");
    }
    return { key, validity };
  }

  /** Until when a request that needs no signature of its own (its session has one) may be matched; −1102, −1131, −1021. */
  valid(parameters: Parameters, nowMs: number): Validity {
    const validity = readValidity(parameters);
    checkValidity(validity, nowMs);
    return validity;
  }

  #isSigned(key: ApiKey, text: string, signature: string): boolean {
    const publicKey = this.#publicKeys.get(key.key);
    if (publicKey === undefined) {
      const expected = createHmac("sha256", key.secret).update(text).digest();
      const given = Buffer.from(/^[0-9a-f]{64}$/i.test(signature) ? signature : "", "hex");
      return given.length === expected.length && timingSafeEqual(given, expected);
    }
    const digest = publicKey.asymmetricKeyType === "ed25519" ? null : "RSA-SHA256";
    return verifySignature(digest, Buffer.from(text), publicKey, Buffer.from(signature, "base64"));
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
