/**
 * Operators' operations: what is asked over HTTP is written to etcd first, so that its verdict can be read after any crash
 * (I14). A switchover is carried out by the leader that finds it; a kill or a pause is done when etcd has it. An operation
 * with an id that exists already is not done twice.
 */
import { randomUUID } from "node:crypto";
import type {
  EtcdView,
  NodeId,
  OperationId,
  OperationPhase,
  OperationRecord,
  OperationRequest,
  OperationView,
} from "@baton/core";
import { id, isSettled, problem } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { EtcdUnavailable } from "@baton/cluster";
import { wallNow } from "../clock.ts";
import type { Answer } from "../api/server.ts";

export interface OperationPorts {
  readonly etcd: Etcd;
  readonly say: (event: string, sentence: string) => void;
  /** Starts the switchover; its end comes back by `ended`. */
  readonly switchover: (operation: OperationId, to: NodeId | undefined) => void;
}

/** An asked switchover that no leader took up for so long has failed. */
const staleAfterMs = 30_000;

export class Operations {
  readonly #ports: OperationPorts;
  /** Taken up by this boot and not ended. */
  readonly #mine = new Set<OperationId>();

  constructor(ports: OperationPorts) {
    this.#ports = ports;
  }

  /** `POST /operations`. */
  async ask(request: OperationRequest, by: string): Promise<Answer> {
    const operation = request.id ?? id<OperationId>(randomUUID());
    try {
      const { etcd } = this.#ports;
      const base = { id: operation, by, reason: request.reason, updatedWallMs: wallNow() } as const;
      switch (request.what) {
        case "switchover": {
          const known = (await etcd.read()).operations.get(operation);
          if (known !== undefined) return { status: 202, body: viewOf(known.value) };
          const record: OperationRecord = {
            ...base,
            what: "switchover",
            ...(request.to !== undefined && { to: request.to }),
            phase: "asked",
            detail: "waits for the leader",
          };
          const stored = await etcd.putOperation(record, "0");
          const now = stored.kind === "stored" ? record : (await etcd.read()).operations.get(operation)?.value;
          return { status: 202, body: viewOf(now ?? record) };
        }
        case "kill":
          await etcd.putKill({ level: request.level, by, reason: request.reason, atWallMs: wallNow() });
          return done({ ...base, what: "kill", phase: "done", detail: "no new risk; open orders are being cancelled" });
        case "unkill":
          await etcd.putKill({ level: "off", by, reason: request.reason, atWallMs: wallNow() });
          return done({ ...base, what: "unkill", phase: "done", detail: "new risk passes again" });
        case "pause":
          await etcd.setPause({ by, reason: request.reason, forSeconds: request.forMs / 1_000 });
          return done({
            ...base,
            what: "pause",
            phase: "done",
            detail: `no takeover by itself for ${request.forMs} ms`,
          });
        case "resume":
          await etcd.clearPause();
          return done({ ...base, what: "resume", phase: "done", detail: "takeovers pass again" });
        case "autofailover":
          await etcd.setAutofailover(request.mode);
          return done({ ...base, what: "autofailover", phase: "done", detail: `autofailover is ${request.mode}` });
      }
    } catch (error) {
      if (!(error instanceof EtcdUnavailable)) throw error;
      const detail = `${error.message}; the outcome is readable under operation ${operation} once etcd is back`;
      return { status: 503, body: problem(503, "unknown", detail) };
    }
  }

  /** The leader's part: takes up what is asked, and closes what a dead leader left running. */
  tend(view: EtcdView, isLeading: boolean): void {
    if (!isLeading) return;
    for (const { value, modRevision } of view.operations.values()) {
      if (isSettled(value.phase) || this.#mine.has(value.id)) continue;
      if (value.phase === "running") {
        const leader = view.leader?.value;
        const isDone = leader?.epoch === value.epoch && (leader?.reason === "switchover" || leader?.reason === "yield");
        const detail = isDone
          ? `epoch ${view.epoch.value} was handed to ${leader?.node ?? ""}`
          : "the leader that ran it ended before it was done";
        void this.#write(
          { ...value, detail, ...(isDone && { epoch: view.epoch.value }) },
          isDone ? "done" : "aborted",
          modRevision,
        );
      } else if (wallNow() - value.updatedWallMs > staleAfterMs) {
        void this.#write({ ...value, detail: "no leader took it up in time" }, "failed", modRevision);
      } else {
        this.#mine.add(value.id);
        void this.#take(value, modRevision, view.epoch.value);
      }
    }
  }

  /** A switchover of this boot has ended. Resolves when etcd has the verdict. */
  async ended(
    operation: OperationId,
    phase: "done" | "aborted" | "failed",
    detail: string,
    epoch?: number,
  ): Promise<void> {
    try {
      const found = (await this.#ports.etcd.read()).operations.get(operation);
      if (found === undefined) return;
      await this.#write({ ...found.value, detail, ...(epoch !== undefined && { epoch }) }, phase, found.modRevision);
    } catch (error) {
      // The next leader closes it by what it finds.
      this.#ports.say("operation.unrecorded", error instanceof Error ? error.message : String(error));
    } finally {
      this.#mine.delete(operation);
    }
  }

  async #take(record: OperationRecord, modRevision: string, epoch: number): Promise<void> {
    const running = { ...record, epoch: epoch + 1, detail: "the leader hands over" };
    if (await this.#write(running, "running", modRevision)) this.#ports.switchover(record.id, record.to);
    else this.#mine.delete(record.id);
  }

  async #write(record: OperationRecord, phase: OperationPhase, modRevision: string): Promise<boolean> {
    try {
      const stored = await this.#ports.etcd.putOperation({ ...record, phase, updatedWallMs: wallNow() }, modRevision);
      return stored.kind === "stored";
    } catch (error) {
      this.#ports.say("operation.unrecorded", error instanceof Error ? error.message : String(error));
      return false;
    }
  }
}

/** As the outside sees it. */
export function viewOf(record: OperationRecord): OperationView {
  return record;
}

function done(view: OperationView): Answer {
  return { status: 202, body: view };
}
