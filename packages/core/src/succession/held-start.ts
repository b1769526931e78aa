/**
 * A takeover loop: three takeovers within ten minutes (`leadership.loop`) for the same reason say that the next leader will be lost too, and
 * that what kills leaders may be what they trade. Such a leader starts held: it leads, cancels pass, and it takes no new
 * risk until an operator acknowledges. The marks stand in the in-sync set, which every takeover writes.
 */
import type { PromotabilityRules } from "./promotability.ts";
import type { EtcdView, InsyncRecord } from "./records.ts";
import type { HeldStart } from "./state.ts";

type LoopRule = PromotabilityRules["loop"];

/** Why a leader with this set starts held; undefined when it does not. What was acknowledged before does not count. */
export function heldStartOf(insync: InsyncRecord, view: EtcdView | undefined, rule: LoopRule): HeldStart | undefined {
  const acknowledged = view?.acknowledged?.value?.atWallMs ?? 0;
  const marks = (insync.takeovers ?? []).filter((mark) => mark.atWallMs > acknowledged);
  const last = marks.at(-1);
  if (last === undefined || last.epoch !== insync.epoch) return undefined;
  const alike = marks.filter(
    (mark) => mark.fingerprint === last.fingerprint && last.atWallMs - mark.atWallMs < rule.withinMs,
  );
  if (rule.takeoversMax === 0 || alike.length < rule.takeoversMax) return undefined;
  const minutes = Math.max(1, Math.ceil((last.atWallMs - (alike[0]?.atWallMs ?? last.atWallMs)) / 60_000));
  const sentence = `${alike.length} takeovers in ${minutes} min (${last.fingerprint}): no new risk until an operator acknowledges`;
  return { sinceWallMs: last.atWallMs, sentence };
}

/** Is a held start over by what etcd shows now? */
export function isAcknowledged(held: HeldStart, view: EtcdView): boolean {
  return (view.acknowledged?.value?.atWallMs ?? 0) >= held.sinceWallMs;
}
