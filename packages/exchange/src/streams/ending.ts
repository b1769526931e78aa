/**
 * What ends connections from the venue's side: closes and shutdowns that a fault orders at once, and age. A connection's
 * age counts on its own clock, which `time-jump` turns forward and whose limit `life-cut` lowers, so that the cut after
 * 24 hours can be had in a second.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import { modeOf, type ArmedFault, type FaultBoard } from "../faults/fault-board.ts";
import type { StreamConnection } from "./connection.ts";

const LOOK_EVERY_MS = 50;
/** Binance documents no length of the notice: "about to be shut down". */
const NOTICE_MS = 3_000;
const GOING_AWAY = 1001;
const NORMAL = 1000;

/** Ends connections. */
export class Ending {
  readonly #connections: ReadonlySet<StreamConnection>;
  readonly #faults: FaultBoard;
  readonly #audit: AuditLog;
  readonly #lifeMs: number;
  readonly #timer: NodeJS.Timeout;

  constructor(options: {
    readonly connections: ReadonlySet<StreamConnection>;
    readonly faults: FaultBoard;
    readonly audit: AuditLog;
    readonly lifeMs: number;
  }) {
    this.#connections = options.connections;
    this.#faults = options.faults;
    this.#audit = options.audit;
    this.#lifeMs = options.lifeMs;
    this.#timer = setInterval(() => this.#cutTheOld(), LOOK_EVERY_MS);
  }

  /** Does what a fault does at the moment when it is armed; one that only does that is taken away again. */
  apply(fault: ArmedFault): void {
    switch (fault.fault) {
      case "stream-drop":
        this.#once(fault, (one) => one.close(fault.closeCode ?? 1006));
        return;
      case "server-shutdown":
        this.#once(fault, (one) => one.shutDown(fault.delayMs ?? NOTICE_MS, fault.closeCode ?? GOING_AWAY));
        return;
      case "time-jump":
        this.#once(fault, (one) => one.growOlder(fault.agedMs ?? 0));
        return;
      case "maintenance":
        if (modeOf(fault) === "down") {
          this.#forEach(fault, (one) => one.shutDown(fault.delayMs ?? NOTICE_MS, fault.closeCode ?? GOING_AWAY));
        }
        return;
      case "venue-down":
        if (modeOf(fault) !== "hang") this.#forEach(fault, (one) => one.terminate());
        return;
      default:
    }
  }

  /** Stops looking. */
  close(): void {
    clearInterval(this.#timer);
  }

  /** It strikes those that are there; what connects later is not its business. */
  #once(fault: ArmedFault, act: (connection: StreamConnection) => void): void {
    for (const connection of this.#connections) {
      if (this.#faults.strikeWith(fault, connection.subjects())) act(connection);
    }
    this.#audit.flush();
    this.#faults.clear(fault.id);
  }

  #forEach(fault: ArmedFault, act: (connection: StreamConnection) => void): void {
    for (const connection of this.#connections) {
      if (this.#faults.matches(fault, connection.subjects())) act(connection);
    }
  }

  #cutTheOld(): void {
    const mayBeLowered = this.#faults.isArmed("life-cut");
    for (const connection of this.#connections) {
      const ageMs = connection.ageMs();
      if (ageMs >= this.#lifeMs) {
        connection.close(NORMAL);
        continue;
      }
      if (!mayBeLowered) continue;
      const subjects = connection.subjects();
      const cut = this.#faults.find("connection", subjects, { names: ["life-cut"] });
      if (cut === undefined || ageMs < (cut.lifeMs ?? Infinity)) continue;
      if (this.#faults.strikeWith(cut, subjects)) connection.close(cut.closeCode ?? NORMAL);
    }
  }
}
