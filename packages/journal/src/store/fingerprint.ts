/** What an idempotency key is found by without its text: 48 bits, so that two keys may have one, and the row tells them apart. */
import { hash } from "node:crypto";
import { assert } from "@baton/core/records";

/** Of a key as `requestKeyOf` names it. */
export function fingerprintOf(key: string): number {
  const found = Number.parseInt(hash("sha256", key).slice(0, 12), 16);
  assert(Number.isSafeInteger(found), "a fingerprint is a number");
  return found;
}
