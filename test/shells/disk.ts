/**
 * A disk of which a run takes hold: the journal's own writer, whose orders come later, or not at all any more because the
 * process died; and rot, which is planted in a file while its node is down, and can be mended as from a copy of the disk.
 */
import { DatabaseSync } from "node:sqlite";
import { PreparedWriter } from "@baton/journal/prepared-writer";

type Worker = ReturnType<PreparedWriter["take"]>;
type Post = Parameters<Worker["postMessage"]>;

/** The thread that writes one journal. */
export class HeldWriter extends PreparedWriter {
  #worker: Worker | undefined;
  #post: (...order: Post) => void = () => undefined;
  #waiting: Post[] = [];
  #lateMs = 0;
  #slowUntil = 0;
  #timer: NodeJS.Timeout | undefined;
  #isDead = false;

  override take(): Worker {
    const worker = super.take();
    this.#worker = worker;
    this.#post = worker.postMessage.bind(worker);
    worker.postMessage = (...order: Post): void => {
      if (this.#isDead) return;
      const isSlow = performance.now() < this.#slowUntil;
      if (!isSlow && this.#waiting.length === 0) return this.#post(...order);
      this.#waiting.push(order);
      if (this.#timer === undefined) this.#timer = setTimeout(() => this.#next(), this.#lateMs);
    };
    return worker;
  }

  /** Each order reaches the disk so much after the one before it. */
  slow(lateMs: number, forMs: number): void {
    this.#lateMs = lateMs;
    this.#slowUntil = performance.now() + forMs;
  }

  /** Everything that waits reaches the disk now. */
  hurry(): void {
    this.#slowUntil = 0;
    for (const order of this.#waiting.splice(0)) this.#post(...order);
  }

  /** The process died: what the thread has not begun is gone. */
  async die(): Promise<void> {
    this.#isDead = true;
    this.#waiting = [];
    await this.#worker?.terminate();
  }

  #next(): void {
    this.#timer = undefined;
    if (performance.now() >= this.#slowUntil) return this.hurry();
    const order = this.#waiting.shift();
    if (order !== undefined) this.#post(...order);
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#next(), this.#lateMs);
  }
}

/** A record that is not what was written. */
export interface Rot {
  readonly sequence: number;
  readonly was: string;
  readonly is: string;
}

/** Changes one record of a file that nobody has open; `place` in [0, 1) from the oldest to the newest. */
export function plantRot(file: string, place: number): Rot | undefined {
  using db = new DatabaseSync(file);
  const range = db.prepare("SELECT min(seq) AS low, max(seq) AS high FROM event").get();
  if (range?.["low"] === null || range?.["high"] === null || range === undefined) return undefined;
  const low = Number(range["low"]);
  const sequence = low + Math.floor(place * (Number(range["high"]) - low + 1));
  const was = String(db.prepare("SELECT payload FROM event WHERE seq = ?").get(sequence)?.["payload"]);
  // Still JSON: only the chain tells.
  const is = was.replace(/\d(?=[^\d]*$)/u, (digit) => String((Number(digit) + 1) % 10));
  if (is === was) return undefined;
  rewrite(db, sequence, is);
  return { sequence, was, is };
}

/** Puts back what was written, where it is not pruned. */
export function mendRot(file: string, { sequence, was }: Rot): void {
  using db = new DatabaseSync(file);
  rewrite(db, sequence, was);
}

function rewrite(db: DatabaseSync, sequence: number, payload: string): void {
  const trigger = "event_is_never_changed";
  const sql = String(db.prepare("SELECT sql FROM sqlite_schema WHERE name = ?").get(trigger)?.["sql"]);
  db.exec(`DROP TRIGGER ${trigger}`);
  db.prepare("UPDATE event SET payload = ? WHERE seq = ?").run(payload, sequence);
  db.exec(sql);
}
