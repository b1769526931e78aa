/**
 * The end of the exchange's log while it grows: what has been written since the last look, without reading the rest again.
 * Only requests to place an order are kept, and of those the last few seconds.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { AuditRecord } from "@baton/core";

/** One request to place an order, as it reached the exchange. */
export interface PlaceSeen {
  readonly monoMs: number;
  readonly wallMs: number;
  readonly apiKey: string;
}

const keptMs = 30_000;
const chunk = Buffer.alloc(1 << 20);

export class AuditTail implements Disposable {
  readonly #file: number;
  #places: PlaceSeen[] = [];
  #offset = 0;
  #cut = "";

  constructor(file: string) {
    this.#file = openSync(file, "r");
  }

  /** Everything that has been placed within the last thirty seconds, oldest first. */
  read(): readonly PlaceSeen[] {
    for (;;) {
      const length = readSync(this.#file, chunk, 0, chunk.length, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      const lines = (this.#cut + chunk.toString("latin1", 0, length)).split("\n");
      this.#cut = lines.pop() ?? "";
      for (const line of lines) {
        // Most lines are something else; they are not parsed.
        if (line.includes('"order.place"')) this.#keep(JSON.parse(line) as AuditRecord);
      }
    }
    const newest = this.#places.at(-1)?.monoMs ?? 0;
    if ((this.#places[0]?.monoMs ?? newest) < newest - 2 * keptMs) {
      this.#places = this.#places.filter(({ monoMs }) => monoMs > newest - keptMs);
    }
    return this.#places;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #keep(record: AuditRecord): void {
    if (record.type !== "recv" || record.call !== "order.place") return;
    const { monoMs, wallMs, apiKey } = record;
    this.#places.push({ monoMs, wallMs, apiKey: apiKey ?? "" });
  }
}
