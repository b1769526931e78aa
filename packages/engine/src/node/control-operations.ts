/**
 * Operations that are done in the write that records them: kill and unkill, pause and resume, autofailover and
 * acknowledgement. What each changes in etcd, the sentence for who asked, and whether what is to be killed is there at all.
 */
import type {
  ControlChange,
  KillHereRequest,
  KillLevel,
  KillScope,
  KillTarget,
  OperationRequest,
  VenueConfig,
  WallMs,
} from "@baton/core";
import { assertNever, killText, wallMs } from "@baton/core";
import { wallNow } from "../clock.ts";

export type Venues = readonly Pick<VenueConfig, "id" | "account" | "symbols">[];

export type Control = Extract<
  OperationRequest,
  { readonly what: "kill" | "unkill" | "pause" | "resume" | "autofailover" | "acknowledge" }
>;

/** What an operation changes, and the sentence for who asked. */
export function changeOf(request: Control, by: string, venues: Venues): readonly [ControlChange, string] {
  const { reason } = request;
  const atWallMs: WallMs = wallNow();
  switch (request.what) {
    case "kill": {
      const scope = scopeOf(request, by, venues);
      return [{ kind: "kill-scope", scope }, `${killText(scope)}: no new risk; open orders are being cancelled`];
    }
    case "unkill": {
      const { level, target: name } = request;
      const target = level === undefined ? undefined : { level, ...(name !== undefined && { id: name }) };
      const what = level === "cluster" ? level : `${level} ${name}`;
      const detail = level === undefined ? "new risk passes again" : `the kill of ${what} is lifted`;
      return [{ kind: "unkill", ...(target !== undefined && { target }), by, reason, atWallMs }, detail];
    }
    case "pause": {
      const untilWallMs = wallMs(atWallMs + request.forMs);
      const record = { by, reason, untilWallMs };
      const detail = `no takeover by itself until ${new Date(untilWallMs).toISOString()}; fencing stays on`;
      return [{ kind: "pause", record, forSeconds: request.forMs / 1_000 }, detail];
    }
    case "resume":
      return [{ kind: "resume" }, "takeovers pass again"];
    case "autofailover":
      return [{ kind: "autofailover", value: request.mode }, `autofailover is ${request.mode}`];
    case "acknowledge":
      return [
        { kind: "acknowledge", record: { by, reason, atWallMs } },
        "what died or took over until now is acknowledged: holds for it are lifted",
      ];
  }
}

/** The kill that a node was told of itself, or why there is none. */
export function killHereScope(request: KillHereRequest, by: string, venues: Venues): KillScope | string {
  const { level, target = "", reason, atWallMs } = request;
  const unknown = whyNoTarget(level, target, venues);
  return unknown ?? { ...targetOf(level, target, venues), by, reason, atWallMs: wallMs(atWallMs) };
}

/** A kill of something that is not there would stop nothing, and whoever asked would believe that it did. */
export function whyNoTarget(level: KillLevel, name: string, venues: Venues): string | undefined {
  const known: Readonly<Record<KillLevel, boolean>> = {
    cluster: true,
    account: venues.some((venue) => venue.account === name),
    venue: venues.some((venue) => venue.id === name),
    instrument: venues.some((venue) => venue.symbols.some((symbol) => symbol === name)),
    // Principals are not in the configuration.
    strategy: true,
  };
  return known[level] ? undefined : `no ${level} ${name} is configured`;
}

export function scopeOf(request: Extract<Control, { readonly what: "kill" }>, by: string, venues: Venues): KillScope {
  const { level, target = "", reason } = request;
  return { ...targetOf(level, target, venues), by, reason, atWallMs: wallNow() };
}

function targetOf(level: KillLevel, name: string, venues: Venues): KillTarget {
  switch (level) {
    case "cluster":
      return { level };
    case "account":
      return { level, id: name, venues: venues.filter((venue) => venue.account === name).map((venue) => venue.id) };
    case "strategy":
    case "instrument":
    case "venue":
      return { level, id: name };
    default:
      return assertNever(level, "kill level");
  }
}
