/**
 * What is killed: which orders a kill covers, and how kills at several levels add up. A kill stops new risk in its scope
 * and takes the open orders of the scope back; cancels always pass. Several scopes may be killed at once; the level that
 * is told is the highest of them. Two records of kills (etcd's and a journal's) add up, they never weaken each other.
 */
import { assert, assertNever } from "../assert.ts";
import type { SymbolId, VenueId } from "../ids.ts";
import type { WallMs } from "../time.ts";

/** From the narrowest to the widest. */
export const killLevels = ["strategy", "instrument", "venue", "account", "cluster"] as const;

export type KillLevel = (typeof killLevels)[number];

/** What a kill stops. `id`: the strategy or principal, the symbol, the venue, the account. */
export type KillTarget =
  | { readonly level: "cluster" }
  | { readonly level: "strategy" | "instrument" | "venue"; readonly id: string }
  /** `venues`: those that trade on the account, since a record has to say by itself what it covers. */
  | { readonly level: "account"; readonly id: string; readonly venues: readonly VenueId[] };

/** One kill in force: its target, who set it and why. `isLocal`: etcd was away and has it not yet; the journal has. */
export type KillScope = KillTarget & {
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
  readonly isLocal?: true;
};

/** All kills in force: `level` is the highest of `scopes`. A record without scopes is about the whole cluster. */
export interface KillState {
  readonly level: "off" | KillLevel;
  readonly by: string;
  readonly reason: string;
  readonly atWallMs: WallMs;
  readonly scopes?: readonly KillScope[];
}

/** Whose order, and where. */
export interface KillSubject {
  readonly venue: VenueId;
  readonly symbol: SymbolId;
  /** Who wants it: a principal, a strategy, or the parent order that it is a slice of. */
  readonly by: string;
  /** Who wanted the parent. */
  readonly parentBy?: string | undefined;
}

/** 0 for off, 5 for the cluster. */
export function killRank(level: KillState["level"]): number {
  return level === "off" ? 0 : killLevels.indexOf(level) + 1;
}

/** The kills in force, each by itself. */
export function scopesOf(kill: KillState): readonly KillScope[] {
  if (kill.scopes !== undefined) return kill.scopes;
  if (kill.level === "off") return [];
  assert(kill.level === "cluster", `a kill of level ${kill.level} names its scopes`);
  const { by, reason, atWallMs } = kill;
  return [{ level: "cluster", by, reason, atWallMs }];
}

/** The widest kill that covers an order; undefined: none does. */
export function killOn(kill: KillState, subject: KillSubject): KillScope | undefined {
  if (kill.level === "off") return undefined;
  return scopesOf(kill)
    .filter((scope) => covers(scope, subject))
    .reduce<KillScope | undefined>((best, scope) => (rankOf(scope) > rankOf(best) ? scope : best), undefined);
}

/** One more scope; the same target again keeps its first author. */
export function withKill(kill: KillState, scope: KillScope): KillState {
  const scopes = scopesOf(kill);
  return scopes.some((known) => isSameTarget(known, scope)) ? kill : stateOfScopes([...scopes, scope], scope);
}

/** Without one target, or without all (`target` undefined); `by` did it. */
export function withoutKill(
  kill: KillState,
  target: { readonly level: KillLevel; readonly id?: string } | undefined,
  by: Pick<KillState, "by" | "reason" | "atWallMs">,
): KillState {
  const isLifted = (scope: KillScope): boolean =>
    target === undefined ||
    (scope.level === target.level && (scope.level === "cluster" ? undefined : scope.id) === target.id);
  return stateOfScopes(
    scopesOf(kill).filter((scope) => !isLifted(scope)),
    by,
  );
}

/** Both together: what either of them stops is stopped. The first keeps its words where both say the same. */
export function strictestKill(a: KillState, b: KillState): KillState {
  return scopesOf(b).reduce(withKill, a);
}

/**
 * What is in force by etcd's record and the journal's: etcd's, and what the journal has of the time in which etcd was away.
 * `missing`: what etcd has to be told. So a kill is lowered by etcd alone, and only after it has heard of it.
 */
export function killInForce(
  etcd: KillState,
  journal: KillState,
): { readonly kill: KillState; readonly missing: readonly KillScope[] } {
  const local = scopesOf(journal).filter((scope) => scope.isLocal === true);
  const missing = local.filter((scope) => !scopesOf(etcd).some((known) => isSameTarget(known, scope)));
  return { kill: missing.reduce(withKill, etcd), missing };
}

/** True when both stop the same, and etcd has been told the same of it. */
export function isSameKill(a: KillState, b: KillState): boolean {
  const [of, other] = [scopesOf(a), scopesOf(b)];
  return (
    of.length === other.length &&
    of.every((scope) => other.some((each) => isSameTarget(scope, each) && scope.isLocal === each.isLocal))
  );
}

/** A target as people say it: `cluster`, `strategy maker`. */
export function killText(target: KillTarget): string {
  return target.level === "cluster" ? "cluster" : `${target.level} ${target.id}`;
}

function covers(scope: KillScope, subject: KillSubject): boolean {
  switch (scope.level) {
    case "cluster":
      return true;
    case "account":
      return scope.venues.includes(subject.venue);
    case "venue":
      return scope.id === subject.venue;
    case "instrument":
      return scope.id === subject.symbol;
    case "strategy":
      return scope.id === subject.by || scope.id === subject.parentBy;
    default:
      return assertNever(scope, "kill scope");
  }
}

function isSameTarget(a: KillTarget, b: KillTarget): boolean {
  return killText(a) === killText(b);
}

function rankOf(scope: KillScope | undefined): number {
  return scope === undefined ? 0 : killRank(scope.level);
}

/** `latest`: whose words are told while the highest level has no author of its own, as after a kill was lifted. */
function stateOfScopes(scopes: readonly KillScope[], latest: Pick<KillState, "by" | "reason" | "atWallMs">): KillState {
  const highest = scopes.reduce<KillScope | undefined>(
    (best, scope) => (rankOf(scope) > rankOf(best) ? scope : best),
    undefined,
  );
  const { by, reason, atWallMs } = highest ?? latest;
  return { level: highest?.level ?? "off", by, reason, atWallMs, scopes };
}
