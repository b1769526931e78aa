/**
 * How long each part of a takeover took, from the moment the campaign began: asking etcd, winning, opening the epoch.
 * Kept in etcd's history and in the metrics; the venue's log is what RTO is measured by.
 */
import { monoNow } from "../clock.ts";

const order = ["asked", "won", "opened"] as const;
export type TakeoverMark = (typeof order)[number];

export class TakeoverClock {
  #startMono: number | undefined;
  readonly #marks = new Map<TakeoverMark, number>();

  /** A campaign begins. */
  start(): void {
    this.#startMono = monoNow();
    this.#marks.clear();
  }

  mark(mark: TakeoverMark): void {
    // A handover has no campaign: its clock starts with the win.
    this.#startMono ??= monoNow();
    if (!this.#marks.has(mark)) this.#marks.set(mark, monoNow());
  }

  /** Milliseconds per phase: `vow` until the request left, `elect` until it was won, `promote` until the epoch was open. */
  phases(): Readonly<Record<string, number>> {
    const start = this.#startMono ?? monoNow();
    const at = (mark: TakeoverMark, fallback: number): number => this.#marks.get(mark) ?? fallback;
    const asked = at("asked", start);
    const won = at("won", asked);
    const opened = at("opened", won);
    this.#startMono = undefined;
    const rounded = (ms: number): number => Math.round(ms * 100) / 100;
    return { vow: rounded(asked - start), elect: rounded(won - asked), promote: rounded(opened - won) };
  }
}
