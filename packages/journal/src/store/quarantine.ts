/**
 * What was cut from a journal, as evidence for a person: which records, when, why, and which orders they spoke of. None of
 * them was committed here when it was cut; none of their intents may have reached a venue. The frames are kept as they
 * were, so that their chain can still be checked.
 */
import { assert, decodeEvent, frameFault, wallMs } from "@baton/core/records";
import type { Epoch, IntentId, JournalEvent, Sequence, WallMs } from "@baton/core";
import { sha256 } from "./chain.ts";
import { openForReading } from "./schema.ts";

/** One tail, cut at one time. */
export interface QuarantinedTail {
  readonly first: Sequence;
  readonly last: Sequence;
  readonly epochs: readonly Epoch[];
  readonly reason: string;
  readonly cutWallMs: WallMs;
  /** The frame end that it followed on: up to there the histories are one. */
  readonly after: { readonly sequence: Sequence; readonly hash: string };
  readonly lastHash: string;
  /** What is wrong with its own chain; undefined while it is whole. */
  readonly fault: string | undefined;
  /** The intents that it recorded. */
  readonly intents: readonly IntentId[];
  readonly events: readonly (JournalEvent & { readonly sequence: Sequence })[];
}

interface Row {
  readonly first: number;
  readonly last: number;
  readonly epoch: number;
  readonly previous_hash: string;
  readonly hash: string;
  readonly body: string;
  readonly reason: string;
  readonly cut_wall_ms: number;
}

/** Every tail in quarantine, oldest cut first; read only, beside its owner or without one. */
export function readQuarantine(file: string): readonly QuarantinedTail[] {
  const db = openForReading(file);
  try {
    const tails: Row[][] = [];
    for (const row of db.prepare<[], Row>("SELECT * FROM quarantine ORDER BY id").all()) {
      const open = tails.at(-1);
      const before = open?.at(-1);
      const isSame = before?.cut_wall_ms === row.cut_wall_ms && before.reason === row.reason && before.last < row.first;
      if (open !== undefined && isSame) open.push(row);
      else tails.push([row]);
    }
    return tails.map(tailOf);
  } finally {
    db.close();
  }
}

function tailOf(rows: readonly Row[]): QuarantinedTail {
  const first = rows[0];
  const last = rows.at(-1);
  assert(first !== undefined && last !== undefined, "a tail has frames");
  const events = rows.flatMap((row) =>
    row.body.split("\n").map((line, index) => ({ ...decodeEvent(line), sequence: row.first + index })),
  );
  return {
    first: first.first,
    last: last.last,
    epochs: [...new Set(rows.map((row) => row.epoch))],
    reason: first.reason,
    cutWallMs: wallMs(first.cut_wall_ms),
    after: { sequence: first.first - 1, hash: first.previous_hash },
    lastHash: last.hash,
    fault: faultOf(rows, first),
    intents: events.flatMap((event) => (event.kind === "intent.recorded" ? [event.intent] : [])),
    events,
  };
}

function faultOf(rows: readonly Row[], start: Row): string | undefined {
  let after = { sequence: start.first - 1, hash: start.previous_hash };
  for (const { epoch, first, last, previous_hash: previousHash, hash, body } of rows) {
    const why = frameFault(after, { epoch, first, last, previousHash, hash, body }, sha256);
    if (why !== undefined) return `the frame ${first}–${last} ${why}`;
    after = { sequence: last, hash };
  }
  return undefined;
}
