/**
 * Operators' operations as a node tends them: a switchover is taken up by the leader, a failover by the node that it names;
 * the verdict stands in etcd, and where its author ended before it was written the history tells it.
 */
import { isSettled } from "@baton/core";
import type { EtcdView, NodeId, OperationId, OperationPhase, OperationRecord } from "@baton/core";
import type { Process } from "../world/process.ts";
import type { EtcdClient } from "./etcd-client.ts";

interface Verdict {
  readonly phase: "done" | "aborted" | "failed";
  readonly detail: string;
  readonly epoch?: number;
}

export interface OperationPorts {
  switchover(operation: OperationId, to: NodeId | undefined): void;
  failover(operation: OperationRecord): void;
}

const staleAfterMs = 15_000;

export class Operations {
  readonly #node: NodeId;
  readonly #client: EtcdClient;
  readonly #process: Process;
  readonly #ports: OperationPorts;
  /** Taken up by this boot and not ended. */
  readonly #mine = new Set<OperationId>();
  /** A write about it is under way. */
  readonly #busy = new Set<OperationId>();
  readonly #verdicts = new Map<OperationId, Verdict>();

  constructor(node: NodeId, client: EtcdClient, process: Process, ports: OperationPorts) {
    this.#node = node;
    this.#client = client;
    this.#process = process;
    this.#ports = ports;
  }

  tend(view: EtcdView, isLeading: boolean): void {
    for (const { value, modRevision } of view.operations.values()) {
      if (isSettled(value.phase)) this.#verdicts.delete(value.id);
      if (isSettled(value.phase) || this.#busy.has(value.id)) continue;
      const verdict = this.#verdicts.get(value.id);
      const isFailover = value.what === "failover";
      const isOld = this.#process.clock.wall() - value.updatedWallMs > staleAfterMs;
      const isNamed = value.to === this.#node;
      if (verdict !== undefined) this.#end(value, modRevision, verdict);
      else if (value.phase === "running") this.#tendRunning(view, value, modRevision, isLeading, isOld);
      else if (isOld && (isLeading || isNamed)) {
        this.#end(value, modRevision, { phase: "failed", detail: "nobody took it up in time" });
      } else if (isFailover ? isNamed : isLeading) this.#take(value, modRevision, view.epoch.value);
    }
  }

  /** A switchover of this boot has ended. */
  ended(operation: OperationId, phase: Verdict["phase"], detail: string, epoch?: number): void {
    this.#mine.delete(operation);
    this.#settle(operation, { phase, detail, ...(epoch !== undefined && { epoch }) });
  }

  /** A failover of this boot was refused, or lost; unless the history says that it came true unseen. */
  refused(operation: OperationId, why: string): void {
    this.#mine.delete(operation);
    this.#judge(operation, { phase: "failed", detail: why }, (verdict) => {
      if (verdict !== undefined) this.#settle(operation, verdict);
    });
  }

  #tendRunning(view: EtcdView, record: OperationRecord, guard: string, isLeading: boolean, isOld: boolean): void {
    const isMine = this.#mine.has(record.id);
    const isDecided = record.epoch === undefined || view.epoch.value >= record.epoch;
    const isLost = record.what === "switchover" || isOld;
    if (!isLeading || (isMine && !isDecided) || (!isDecided && !isLost)) return;
    if (isMine && record.what === "switchover") return;
    this.#busy.add(record.id);
    const otherwise: Verdict = { phase: "aborted", detail: "who ran it ended before it was done" };
    this.#judge(record.id, otherwise, (verdict) => {
      this.#busy.delete(record.id);
      this.#mine.delete(record.id);
      if (verdict !== undefined) this.#end(record, guard, verdict);
    });
  }

  /** What the history says of an operation, or what else is known; undefined when etcd does not answer. */
  #judge(operation: OperationId, otherwise: Verdict, done: (verdict: Verdict | undefined) => void): void {
    this.#client.first(
      (store) => [...store.history.values()].find((one) => one.record.operation === operation)?.record ?? "none",
      (made) => {
        if (made === undefined) return done(undefined);
        if (made === "none") return done(otherwise);
        done({ phase: "done", detail: `${made.node} leads since epoch ${made.epoch}`, epoch: made.epoch });
      },
    );
  }

  #settle(operation: OperationId, verdict: Verdict): void {
    this.#verdicts.set(operation, verdict);
    this.#client.read((view) => {
      const found = view?.operations.get(operation);
      if (found === undefined || isSettled(found.value.phase)) return;
      this.#end(found.value, found.modRevision, verdict);
    });
  }

  #end(record: OperationRecord, guard: string, verdict: Verdict): void {
    this.#busy.add(record.id);
    this.#write(record, guard, verdict.phase, verdict, (isStored) => {
      this.#busy.delete(record.id);
      if (isStored) this.#verdicts.delete(record.id);
    });
  }

  #take(record: OperationRecord, guard: string, epoch: number): void {
    this.#busy.add(record.id);
    this.#mine.add(record.id);
    const isFailover = record.what === "failover";
    const detail = isFailover ? `${this.#node} takes over` : "the leader hands over";
    this.#write(record, guard, "running", { detail, epoch: epoch + 1 }, (isStored) => {
      this.#busy.delete(record.id);
      if (!isStored) this.#mine.delete(record.id);
      else if (isFailover) this.#ports.failover(record);
      else this.#ports.switchover(record.id, record.to);
    });
  }

  #write(
    record: OperationRecord,
    guard: string,
    phase: OperationPhase,
    more: { readonly detail: string; readonly epoch?: number },
    done: (isStored: boolean) => void,
  ): void {
    const { detail, epoch } = more;
    const updatedWallMs = this.#process.clock.wall();
    const next = { ...record, detail, ...(epoch !== undefined && { epoch }), phase, updatedWallMs };
    this.#client.first(
      (store) => ({ isStored: store.putOperation(next, guard) }),
      (answer) => done(answer?.isStored === true),
    );
  }
}
