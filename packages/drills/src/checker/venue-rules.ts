/**
 * What the venue's own log must show by itself: it counts without a hole, the account never held more than its limits
 * allow, and nobody was banned or spoke while asked to be silent. Invariant I12.
 */
import { absolute, add, compare, decimal, maximum, negate, subtract, zero } from "@baton/core";
import type { AuditRecord, Decimal } from "@baton/core";
import type { Finding } from "./evidence.ts";
import { nodeOf } from "./story.ts";
import type { Story } from "./story.ts";

/** The log counts from 1 without a hole: a checker that misses a record proves nothing. */
export function auditComplete(story: Story): Finding[] {
  const hole = story.evidence.audit.findIndex((record, index) => record.n !== index + 1);
  if (hole === -1) return [];
  const record = story.evidence.audit[hole];
  return [
    { rule: "audit-complete", sentence: `record ${hole + 1} of the log has n = ${record?.n}`, records: [record] },
  ];
}

interface Exposure {
  position: Decimal;
  openBuy: Decimal;
  openSell: Decimal;
}

/** Position with every open order at worst case, from the venue's log, against the limit; and the largest it ever was. */
export function exposure(story: Story): { findings: Finding[]; maxima: Record<string, Decimal> } {
  const bySymbol = new Map<string, Exposure>();
  const open = new Map<string, { side: "BUY" | "SELL"; left: Decimal }>();
  const maxima: Record<string, Decimal> = {};
  const findings = new Map<string, Finding>();
  for (const record of story.evidence.audit) {
    if (!("symbol" in record) || record.symbol === undefined) continue;
    const symbol = record.symbol;
    // A bust names its order, whose side it undoes.
    if (record.side === undefined && record.type !== "bust") continue;
    const order = `${symbol}:${record.orderId}`;
    const held = bySymbol.get(symbol) ?? { position: zero, openBuy: zero, openSell: zero };
    bySymbol.set(symbol, held);
    if (record.type === "accept" && record.side !== undefined && nodeOf(story.evidence, record.apiKey) !== undefined) {
      const left = decimal(record.quantity ?? "0");
      open.set(order, { side: record.side, left });
      openMore(held, record.side, left);
    } else {
      const known = open.get(order);
      if (known === undefined || !settle(held, known, record)) continue;
    }
    const worst = maximum(absolute(add(held.position, held.openBuy)), absolute(subtract(held.position, held.openSell)));
    maxima[symbol] = maximum(maxima[symbol] ?? zero, worst);
    const limit = story.evidence.positionMax[symbol];
    if (limit === undefined || compare(worst, limit) <= 0 || findings.has(symbol)) continue;
    findings.set(symbol, {
      rule: "exposure",
      sentence: `${symbol} stood at ${worst} at worst case (record ${record.n}), limit ${limit}`,
      records: [record],
    });
  }
  return { findings: [...findings.values()], maxima };
}

/** Applies a fill or an end to an open order; false for records that change nothing. */
function settle(held: Exposure, order: { side: "BUY" | "SELL"; left: Decimal }, record: AuditRecord): boolean {
  if (record.type === "fill") {
    const quantity = decimal(record.quantity ?? "0");
    order.left = subtract(order.left, quantity);
    openMore(held, order.side, negate(quantity));
    held.position = order.side === "BUY" ? add(held.position, quantity) : subtract(held.position, quantity);
    return true;
  }
  if (record.type === "bust") {
    const back = decimal(record.quantity ?? "0");
    held.position = order.side === "BUY" ? subtract(held.position, back) : add(held.position, back);
    return true;
  }
  if (record.type !== "cancel" && record.type !== "expire") return false;
  openMore(held, order.side, negate(order.left));
  order.left = zero;
  return true;
}

function openMore(held: Exposure, side: "BUY" | "SELL", quantity: Decimal): void {
  if (side === "BUY") held.openBuy = add(held.openBuy, quantity);
  else held.openSell = add(held.openSell, quantity);
}

/** A 429 needs a moment to be heard: what was signed or came by then was on its way already. */
const heardWithinMs = 1_000;

/** Never a ban (418); after a 429 no order, cancel or question from the same key until its Retry-After has passed. */
export function rateLimits(story: Story): Finding[] {
  const findings: Finding[] = [];
  const silences = new Map<string, { fromWallMs: number; toWallMs: number; n: number }>();
  for (const record of story.evidence.audit) {
    if (!("apiKey" in record) || record.apiKey === undefined) continue;
    if (nodeOf(story.evidence, record.apiKey) === undefined) continue;
    if (record.type === "throttled" && record.status === 418) {
      findings.push({
        rule: "rate-limits",
        sentence: `${record.apiKey} was banned (record ${record.n})`,
        records: [record],
      });
    }
    if (record.type === "throttled") {
      const { n, wallMs, retryAfterSeconds } = record;
      const toWallMs = wallMs + retryAfterSeconds * 1_000;
      const before = silences.get(record.apiKey);
      if (before === undefined || before.toWallMs < toWallMs)
        silences.set(record.apiKey, { fromWallMs: wallMs + heardWithinMs, toWallMs, n });
      continue;
    }
    const silence = silences.get(record.apiKey);
    if (silence === undefined || (record.type !== "recv" && record.type !== "query")) continue;
    const sentWallMs = record.type === "recv" ? (record.timestamp ?? record.wallMs) : record.wallMs;
    if (sentWallMs < silence.fromWallMs || record.wallMs >= silence.toWallMs) continue;
    findings.push({
      rule: "rate-limits",
      sentence: `${record.apiKey} sent ${record.call} (record ${record.n}) within the Retry-After of record ${silence.n}`,
      records: [record],
    });
  }
  return findings;
}
