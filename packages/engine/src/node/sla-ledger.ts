/**
 * What each provider's service was worth, kept on this node's disk (`sla.json` in its data folder): written each minute and
 * at the end, so that a restart costs at most the minute it happens in. Not in the journal: it is this node's own way to the
 * provider that is measured, and a leader's disk must not wait for it. A file that cannot be read is put aside, not lost.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config, SlaMonth, SlaView } from "@baton/core";
import { figuresOf, noteRequest, venueProfiles } from "@baton/core";
import type { RequestTelemetry } from "@baton/venues";
import { wallNow } from "../clock.ts";

const writeEveryMs = 60_000;

export class SlaLedger {
  readonly #config: Config;
  readonly #file: string;
  readonly #onTrouble: (sentence: string) => void;
  readonly #months: Map<string, readonly SlaMonth[]>;
  readonly #timer: NodeJS.Timeout;
  #isDirty = false;

  /** `onTrouble`: the file cannot be read or written; trading goes on. */
  constructor(config: Config, onTrouble: (sentence: string) => void) {
    this.#config = config;
    this.#file = join(config.node.dataDir, "sla.json");
    this.#onTrouble = onTrouble;
    this.#months = this.#load();
    this.#timer = setInterval(() => this.#write(), writeEveryMs);
    this.#timer.unref();
  }

  /** Counts a request; one that never left, or that we ended ourselves, says nothing about the provider. */
  note(venue: string, { health, socketMonoMs, answeredMonoMs }: RequestTelemetry): void {
    if (health === undefined) return;
    const isTimed = health === "well" && socketMonoMs !== undefined && answeredMonoMs !== undefined;
    this.#months.set(
      venue,
      noteRequest(this.#months.get(venue) ?? [], {
        atWallMs: wallNow(),
        isError: health === "ill",
        ...(isTimed && { latencyMs: Math.max(0, answeredMonoMs - socketMonoMs) }),
      }),
    );
    this.#isDirty = true;
  }

  view(): SlaView {
    return {
      version: 1,
      node: this.#config.node.id,
      providers: this.#config.venues.map(({ id, exchange, sla }) => ({
        venue: id,
        title: venueProfiles[exchange].title,
        promise: sla ?? {},
        months: (this.#months.get(id) ?? []).map((month) => figuresOf(month, sla)).toReversed(),
      })),
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#write();
  }

  #load(): Map<string, readonly SlaMonth[]> {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch {
      return new Map(); // the first start
    }
    try {
      const kept = JSON.parse(text) as { readonly version: 1; readonly venues: Record<string, readonly SlaMonth[]> };
      const isKnown = kept.version === 1 && Object.values(kept.venues).every((months) => Array.isArray(months));
      if (isKnown) return new Map(Object.entries(kept.venues));
    } catch {
      // Told below.
    }
    renameSync(this.#file, `${this.#file}.unreadable`);
    this.#onTrouble(`${this.#file} cannot be read and was put aside; the service levels are counted anew`);
    return new Map();
  }

  #write(): void {
    if (!this.#isDirty) return;
    this.#isDirty = false;
    const aside = `${this.#file}.new`;
    try {
      writeFileSync(aside, `${JSON.stringify({ version: 1, venues: Object.fromEntries(this.#months) })}\n`);
      renameSync(aside, this.#file);
    } catch (error) {
      this.#isDirty = true;
      this.#onTrouble(`${this.#file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
