/**
 * Operators' operations as the leader tends them: what is asked stands in etcd first, is taken up by the leader that finds
 * it, and gets its verdict there; what a dead leader left running is closed by its successor.
 */
import { isSettled } from "@baton/core";
import type { EtcdView, NodeId, OperationId, OperationPhase, OperationRecord } from "@baton/core";
import type { Process } from "../world/process.ts";
import type { EtcdClient } from "./etcd-client.ts";

const staleAfterMs = 30_000;

export class Operations {
  readonly #client: EtcdClient;
  readonly #process: Process;
  readonly #switchover: (operation: OperationId, to: NodeId | undefined) => void;
  readonly #mine = new Set<OperationId>();

  constructor(
    client: EtcdClient,
    process: Process,
    switchover: (operation: OperationId, to: NodeId | undefined) => void,
  ) {
    this.#client = client;
    this.#process = process;
    this.#switchover = switchover;
  }

  tend(view: EtcdView, isLeading: boolean): void {
    if (!isLeading) return;
    for (const { value, modRevision } of view.operations.values()) {
      if (isSettled(value.phase) || this.#mine.has(value.id)) continue;
      if (value.phase === "running") {
        const leader = view.leader?.value;
        const isDone = leader?.epoch === value.epoch && (leader?.reason === "switchover" || leader?.reason === "yield");
        this.#write(value, isDone ? "done" : "aborted", modRevision, () => undefined);
      } else if (this.#process.clock.wall() - value.updatedWallMs > staleAfterMs) {
        this.#write({ ...value, detail: "no leader took it up in time" }, "failed", modRevision, () => undefined);
      } else {
        this.#mine.add(value.id);
        const running = { ...value, epoch: view.epoch.value + 1, detail: "the leader hands over" };
        this.#write(running, "running", modRevision, (isStored) => {
          if (isStored) this.#switchover(value.id, value.to);
          else this.#mine.delete(value.id);
        });
      }
    }
  }

  ended(operation: OperationId, phase: "done" | "aborted" | "failed", detail: string, epoch?: number): void {
    this.#client.read((view) => {
      const found = view?.operations.get(operation);
      this.#mine.delete(operation);
      if (found === undefined) return;
      const record = { ...found.value, detail, ...(epoch !== undefined && { epoch }) };
      this.#write(record, phase, found.modRevision, () => undefined);
    });
  }

  #write(record: OperationRecord, phase: OperationPhase, guard: string, done: (isStored: boolean) => void): void {
    const stored = { ...record, phase, updatedWallMs: this.#process.clock.wall() };
    this.#client.first(
      (store) => ({ isStored: store.putOperation(stored, guard) }),
      (answer) => done(answer?.isStored === true),
    );
  }
}
