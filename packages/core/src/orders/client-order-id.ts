/**
 * The id of an order at the venue: a pure function of the journaled intent and its attempt, so that any two leaders
 * derive the same one and the second of them meets a duplicate instead of making a second order. No node, no epoch, no
 * clock. It is not by itself an idempotency key: most venues take an id again once the first order has closed (I9).
 *
 * Layout, a UUIDv8 without hyphens, 32 lowercase hex characters, which every known venue takes:
 * tag 16 bits | intent 48 | version 4 = 8 | child 12 | variant 2 = 10 | attempt 6 | digest 40. The tag tells our orders
 * from others on the account; the digest of the terms exposes a journal that uses an intent number a second time.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { assert } from "../assert.ts";
import type { Branded, ClientOrderId, ClusterId } from "../ids.ts";
import type { OrderTerms } from "./terms.ts";

/** 4 lowercase hex characters that mark the orders of one deployment. */
export type DeploymentTag = Branded<"DeploymentTag">;

/** What an id is made of. */
export interface ClientOrderIdParts {
  readonly tag: DeploymentTag;
  /** The number in the intent's id. */
  readonly intent: number;
  /** The slice of a parent order, 1 to 4095; 0 for a plain order. */
  readonly child: number;
  /** 1 to 63. */
  readonly attempt: number;
}

/** The tag of a cluster: its orders are known by it on a shared account. */
export function tagOf(cluster: ClusterId): DeploymentTag {
  return digestOf(`tag\n${cluster}`, 4) as DeploymentTag;
}

/** The id of one attempt of an intent. The terms are those that are journaled, already rounded. */
export function clientOrderIdOf(order: ClientOrderIdParts & { readonly terms: OrderTerms }): ClientOrderId {
  const { tag, intent, child, attempt } = order;
  assert(/^[0-9a-f]{4}$/.test(tag), `"${tag}" is a tag`);
  assert(Number.isSafeInteger(intent) && intent >= 1 && intent < 2 ** 48, `intent number ${intent} fits 48 bits`);
  assert(Number.isSafeInteger(child) && child >= 0 && child < 2 ** 12, `child ${child} fits 12 bits`);
  assert(Number.isSafeInteger(attempt) && attempt >= 1 && attempt < 2 ** 6, `attempt ${attempt} fits 6 bits`);
  const head = `${tag}${hex(intent, 12)}8${hex(child, 3)}${hex(0x80 | attempt, 2)}`;
  return `${head}${digestOf(digestText(order), 10)}` as ClientOrderId;
}

/** What an id says of itself; undefined when it is not of this form. Whether it is ours is a question of its tag. */
export function partsOf(clientOrderId: string): (ClientOrderIdParts & { readonly digest: string }) | undefined {
  const match = /^([0-9a-f]{4})([0-9a-f]{12})8([0-9a-f]{3})([89ab][0-9a-f])([0-9a-f]{10})$/.exec(clientOrderId);
  if (match === null) return undefined;
  const [, tag = "", intent = "", child = "", attempt = "", digest = ""] = match;
  const parts = { intent: parseInt(intent, 16), child: parseInt(child, 16), attempt: parseInt(attempt, 16) & 0x3f };
  if (parts.intent === 0 || parts.attempt === 0) return undefined;
  return { tag: tag as DeploymentTag, ...parts, digest };
}

/** True when the id was made of exactly this intent, attempt and terms. */
export function isIdOf(clientOrderId: string, order: ClientOrderIdParts & { readonly terms: OrderTerms }): boolean {
  return clientOrderId === clientOrderIdOf(order);
}

/**
 * One fixed text of all that the digest covers. What joined the terms later is in it only where it is set, so that no id that
 * was ever made changes.
 */
function digestText(order: ClientOrderIdParts & { readonly terms: OrderTerms }): string {
  const { venue, symbol, side, type, quantity, price, timeInForce, reduceOnly } = order.terms;
  return [
    "order",
    order.tag,
    order.intent,
    order.child,
    order.attempt,
    venue,
    symbol,
    side,
    type,
    quantity,
    price ?? "",
    timeInForce,
    ...(reduceOnly === true ? ["reduce-only"] : []),
  ].join("\n");
}

function digestOf(text: string, characters: number): string {
  return bytesToHex(sha256(utf8ToBytes(text))).slice(0, characters);
}

function hex(value: number, width: number): string {
  return value.toString(16).padStart(width, "0");
}
