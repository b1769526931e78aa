/**
 * Operators' operations: what is asked over HTTP is written to etcd first, so that its verdict can be read after any crash
 * (I14). A kill, a pause and their like stand in the same transaction as their record. A switchover is carried out by the
 * leader that finds it, a failover by the node that it names, a journal's rebuilding by its own node. What became of either is never guessed: the history of an
 * epoch names the operation that made it, and that alone says "done". An id that exists already is not done twice.
 */
import { randomUUID } from "node:crypto";
import type {
  Epoch,
  EtcdView,
  JournalId,
  KillScope,
  MemberChange,
  NodeId,
  OperationId,
  OperationRecord,
  OperationRequest,
  OperationView,
  OperationWhat,
} from "@baton/core";
import {
  decideMember,
  drainedChange,
  drainedText,
  id,
  isSettled,
  killText,
  memberVerdict,
  problem,
  whyNotReinit,
} from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { EtcdUnavailable } from "@baton/cluster";
import { wallNow } from "../clock.ts";
import type { Answer } from "../api/server.ts";
import { changeOf, scopeOf, whyNoTarget } from "./control-operations.ts";
import type { Venues } from "./control-operations.ts";
import { askAbort, askMember, wishOf } from "./member-operations.ts";

export interface OperationPorts {
  readonly node: NodeId;
  /** The cluster's name, which is typed where data can be lost. */
  readonly cluster: string;
  readonly etcd: Etcd;
  readonly venues: Venues;
  /** Every node of the configuration. */
  readonly nodes: readonly NodeId[];
  /** Records a kill without etcd, where this node leads; true once it is durable on every node in sync. */
  readonly killHere: (scope: KillScope) => Promise<boolean>;
  readonly say: (event: string, sentence: string) => void;
  /** Resolves when this node has read etcd anew. */
  readonly whenRead: () => Promise<void>;
  /** Starts the switchover; its end comes back by `ended`. */
  readonly switchover: (operation: OperationId, to: NodeId | undefined) => void;
  /** Makes this node the leader; its refusal comes back by `refused`, its success by the history. */
  readonly failover: (operation: OperationRecord) => void;
  /** Gives a switchover up; the sentence says why that cannot be any more. */
  readonly abort: (operation: OperationId, why: string) => string | undefined;
  /** Sets this node's journal aside and begins anew without one. Throws why it must not by now, or what the disk says. */
  readonly reinit: (operation: OperationId) => void;
  /** This node's journal. */
  readonly journal: JournalId;
}

interface Verdict {
  readonly phase: "done" | "aborted" | "failed";
  readonly detail: string;
  readonly epoch?: Epoch;
}

/** An asked operation that nobody took up for so long has failed: it must not come true when nobody expects it any more. */
const staleAfterMs = 30_000;

/**
 * Who runs an operation tells its end itself, and has so long for it before the leader looks it up in the history, a read of
 * up to a thousand epochs: after a switchover the successor's orders come first.
 */
const ownWordMs = 2_000;

const doing = { failover: "takes over", reinit: "sets its journal aside and begins anew" } as const;

export class Operations {
  readonly #ports: OperationPorts;
  /** Taken up by this boot and not ended. */
  readonly #mine = new Set<OperationId>();
  /** Ended here, and not known to be written. */
  readonly #verdicts = new Map<OperationId, Verdict>();
  /** Being read or written at this moment. */
  readonly #busy = new Set<OperationId>();

  constructor(ports: OperationPorts) {
    this.#ports = ports;
  }

  /** `POST /operations`. */
  async ask(request: OperationRequest, by: string): Promise<Answer> {
    const operation = request.id ?? id<OperationId>(randomUUID());
    const base = { id: operation, by, reason: request.reason, updatedWallMs: wallNow() } as const;
    try {
      switch (request.what) {
        case "switchover":
          return await this.#record({
            ...base,
            what: "switchover",
            ...(request.to !== undefined && { to: request.to }),
            phase: "asked",
            detail: "waits for the leader",
          });
        case "failover": {
          const { to, allowDataLoss, cluster } = request;
          if (allowDataLoss === true && cluster !== this.#ports.cluster) {
            const detail = `committed records may be lost: repeat it with "cluster": "${this.#ports.cluster}"`;
            return { status: 422, body: problem(422, "not-confirmed", detail, "cluster") };
          }
          const lossy = allowDataLoss === true && { allowDataLoss, ...(await this.#journalOf(request)) };
          return await this.#record({
            ...base,
            ...{ what: "failover", to, ...lossy, phase: "asked", detail: `waits for ${to}` },
          });
        }
        case "drain":
        case "undrain":
        case "priority":
        case "reinit":
        case "remove":
          return await this.#readBack(askMember({ ...this.#ports, answer: answerTo }, request, base));
        case "abort":
          return await this.#readBack(askAbort({ ...this.#ports, answer: answerTo }, request, base));
        default: {
          const { venues } = this.#ports;
          const unknown =
            request.what === "kill" ? whyNoTarget(request.level, request.target ?? "", venues) : undefined;
          if (unknown !== undefined) return { status: 422, body: problem(422, "invalid", unknown, "target") };
          const [change, detail] = changeOf(request, by, venues);
          const record: OperationRecord = { ...base, what: request.what, phase: "done", detail };
          const carried = await this.#ports.etcd.carryOut(record, change);
          // Who asks for the cluster's state next finds there what was just done.
          await this.#ports.whenRead();
          return answerTo(record, carried);
        }
      }
    } catch (error) {
      if (!(error instanceof EtcdUnavailable)) throw error;
      if (request.what === "kill") {
        const scope = scopeOf(request, by, this.#ports.venues);
        const killed = await this.#ports.killHere(scope);
        if (killed) {
          const detail = `${killText(scope)}: in force by the journal; etcd is told when it answers again`;
          return { status: 202, body: viewOf({ ...base, what: "kill", phase: "done", detail }) };
        }
      }
      const detail = `${error.message}; the outcome is readable under operation ${operation} once etcd is back`;
      return { status: 503, body: problem(503, "unknown", detail) };
    }
  }

  /** The journal whose loss is accepted: the one that was looked at, else the one that etcd shows now. */
  async #journalOf(asked: {
    readonly to: NodeId;
    readonly journal?: JournalId;
  }): Promise<Pick<OperationRecord, "journal">> {
    const journal = asked.journal ?? (await this.#ports.etcd.read()).members.get(asked.to)?.journal;
    return journal === undefined ? {} : { journal };
  }

  /** Who asks for the cluster's state next finds there what was just done. */
  async #readBack(answer: Promise<Answer>): Promise<Answer> {
    const given = await answer;
    if (given.status === 202) await this.#ports.whenRead();
    return given;
  }

  /** Tells etcd of a kill that was recorded without it; the same one at most once at a time. True once etcd has it. */
  async reassert(scope: KillScope): Promise<boolean> {
    const operation = id<OperationId>(`kill-${scope.atWallMs}-${killText(scope).replace(/[^A-Za-z0-9._-]/g, "-")}`);
    if (this.#busy.has(operation)) return false;
    this.#busy.add(operation);
    const { isLocal: _local, ...told } = scope;
    const { by, reason } = scope;
    const detail = `${killText(scope)}: recorded while etcd was away`;
    const record: OperationRecord = {
      ...{ id: operation, what: "kill", by, reason, phase: "done", detail, updatedWallMs: wallNow() },
    };
    try {
      await this.#ports.etcd.carryOut(record, { kind: "kill-scope", scope: told });
      return true;
    } catch (error) {
      this.#unrecorded(error);
      return false;
    } finally {
      this.#busy.delete(operation);
    }
  }

  /** What this node has to do by this view: as the leader, as the one that a failover names, and to end what it began. */
  tend(view: EtcdView, isLeading: boolean): void {
    for (const operation of this.#verdicts.keys()) {
      const found = view.operations.get(operation);
      if (found === undefined || isSettled(found.value.phase)) this.#verdicts.delete(operation);
    }
    for (const { value, modRevision } of view.operations.values()) {
      if (isSettled(value.phase) || this.#busy.has(value.id)) continue;
      const verdict = this.#verdicts.get(value.id);
      const isMineToDo = this.#isMineToDo(value, isLeading);
      if (verdict !== undefined) void this.#end(value, modRevision, verdict, view);
      else if (value.phase === "running") this.#tendRunning(view, value, modRevision, isLeading);
      else if (wallNow() - value.updatedWallMs > staleAfterMs) {
        if (isLeading || isMineToDo) {
          const detail = `${value.to ?? (value.what === "reinit" ? value.node : undefined) ?? "no leader"} did not take it up in time`;
          void this.#end(value, modRevision, { phase: "failed", detail }, view);
        }
        // A view that is older than the taking shows it as asked still: taking it again would fail, and make it nobody's.
      } else if (isMineToDo && !this.#mine.has(value.id)) void this.#take(value, modRevision, view);
    }
  }

  /** A failover is for the node that it names, a journal's rebuilding for its own node, all else for the leader. */
  #isMineToDo({ what, to, node }: OperationRecord, isLeading: boolean): boolean {
    if (what === "failover") return to === this.#ports.node;
    return what === "reinit" ? node === this.#ports.node : isLeading;
  }

  /** A switchover of this boot has ended. Resolves when etcd has the verdict, or has to be told later. */
  async ended(operation: OperationId, phase: Verdict["phase"], detail: string, epoch?: Epoch): Promise<void> {
    this.#mine.delete(operation);
    const verdict: Verdict = { phase, detail, ...(epoch !== undefined && { epoch }) };
    this.#verdicts.set(operation, verdict);
    await this.#settle(operation, () => Promise.resolve(verdict));
  }

  /** A failover of this boot was refused, or its request lost: unless the history says that it came true unseen. */
  async refused(operation: OperationId, why: string): Promise<void> {
    this.#mine.delete(operation);
    await this.#settle(operation, () => this.#judge(operation, { phase: "failed", detail: why }));
  }

  #tendRunning(view: EtcdView, record: OperationRecord, modRevision: string, isLeading: boolean): void {
    if (record.what === "reinit" || record.what === "remove")
      return this.#tendMember(view, record, modRevision, isLeading);
    const isMine = this.#mine.has(record.id);
    if (!isMine && wallNow() - record.updatedWallMs < ownWordMs) return;
    const isDecided = record.epoch === undefined || view.epoch.value >= record.epoch;
    // Who runs a failover is not the leader yet: it is given time, and until the epoch moves nothing is decided.
    const isLost = record.what !== "failover" || wallNow() - record.updatedWallMs > staleAfterMs;
    if (!isLeading || (isMine && !isDecided) || (!isDecided && !isLost)) return;
    // The own switchover ends by its own word; a failover that made this very epoch is found here.
    if (isMine && record.what !== "failover") return;
    this.#busy.add(record.id);
    const otherwise: Verdict = { phase: "aborted", detail: "who ran it ended before it was done" };
    void this.#judge(record.id, otherwise)
      .then((verdict) => this.#write(record, modRevision, verdict, view))
      .catch((error: unknown) => this.#unrecorded(error))
      .finally(() => {
        this.#mine.delete(record.id);
        this.#busy.delete(record.id);
      });
  }

  /**
   * A removal or a rebuilding that goes on: the leader sees its end. A node that came up with its old journal does it again
   * once that is safe, which it may be no more: the others may be gone since, and what it holds is then the only copy.
   */
  #tendMember(view: EtcdView, record: OperationRecord, modRevision: string, isLeading: boolean): void {
    const { node, journal } = this.#ports;
    const isOwn = record.what === "reinit" && record.node === node && record.journal === journal;
    const verdict: Verdict | undefined =
      isOwn && isLeading
        ? { phase: "aborted", detail: `${node} leads with this journal now` }
        : memberVerdict(view, record, wallNow());
    if (isLeading && verdict !== undefined) void this.#end(record, modRevision, verdict, view);
    else if (isOwn && !this.#mine.has(record.id) && whyNotReinit(view, node) === undefined) this.#reinit(record.id);
  }

  #reinit(operation: OperationId): void {
    this.#mine.add(operation);
    try {
      this.#ports.reinit(operation);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      void this.ended(operation, "failed", `the journal could not be set aside: ${why}`);
    }
  }

  /** What the history says of an operation: an epoch that it made, or what else is known. */
  async #judge(operation: OperationId, otherwise: Verdict): Promise<Verdict> {
    const made = (await this.#ports.etcd.history()).find((entry) => entry.operation === operation);
    if (made === undefined) return otherwise;
    return { phase: "done", detail: `${made.node} leads since epoch ${made.epoch}`, epoch: made.epoch };
  }

  async #settle(operation: OperationId, verdictOf: () => Promise<Verdict>): Promise<void> {
    try {
      const verdict = await verdictOf();
      this.#verdicts.set(operation, verdict);
      const view = await this.#ports.etcd.read();
      const found = view.operations.get(operation);
      if (found === undefined || isSettled(found.value.phase)) {
        this.#verdicts.delete(operation);
        return;
      }
      await this.#end(found.value, found.modRevision, verdict, view);
    } catch (error) {
      // `tend` writes it once etcd answers; if this process ends before, the next leader reads the history.
      this.#unrecorded(error);
    }
  }

  async #end(record: OperationRecord, modRevision: string, verdict: Verdict, view: EtcdView): Promise<void> {
    this.#busy.add(record.id);
    try {
      if (await this.#write(record, modRevision, verdict, view)) this.#verdicts.delete(record.id);
    } catch (error) {
      this.#unrecorded(error);
    } finally {
      this.#busy.delete(record.id);
    }
  }

  async #take(record: OperationRecord, modRevision: string, view: EtcdView): Promise<void> {
    const { what } = record;
    if (what === "abort") return await this.#takeAbort(record, modRevision, view);
    const wish = wishOf(record);
    if (wish !== undefined) {
      const decision = decideMember(view, wish);
      if (decision.kind === "refused") {
        return await this.#end(record, modRevision, { phase: "aborted", detail: decision.why }, view);
      }
      // The leader that was to be drained leads no more: nobody has to hand over.
      if (decision.kind === "set") {
        return await this.#end(record, modRevision, { phase: "done", detail: decision.detail }, view);
      }
    }
    this.#busy.add(record.id);
    this.#mine.add(record.id);
    const detail =
      what === "failover" || what === "reinit" ? `${this.#ports.node} ${doing[what]}` : "the leader hands over";
    const epoch = what === "reinit" ? {} : { epoch: view.epoch.value + 1 };
    const isTaken = await this.#put({ ...record, detail, ...epoch, phase: "running" }, modRevision).catch(
      (error: unknown) => this.#unrecorded(error),
    );
    this.#busy.delete(record.id);
    if (isTaken !== true) this.#mine.delete(record.id);
    else if (what === "failover") this.#ports.failover(record);
    else if (what === "reinit") this.#reinit(record.id);
    else this.#ports.switchover(record.id, record.to);
  }

  /** Whoever asks to give up what is only being taken up is answered once that has begun. */
  async #takeAbort(record: OperationRecord, modRevision: string, view: EtcdView): Promise<void> {
    const target = record.target === undefined ? undefined : view.operations.get(record.target)?.value;
    if (target === undefined || target.phase === "asked" || this.#busy.has(target.id)) return;
    const why = isSettled(target.phase)
      ? `operation ${target.id} has ended: ${target.phase}: ${target.detail}`
      : this.#ports.abort(target.id, `${record.by} gave it up: ${record.reason}`);
    const verdict: Verdict =
      why === undefined
        ? { phase: "done", detail: `${target.id} is given up: the leader goes on` }
        : { phase: "failed", detail: why };
    await this.#end(record, modRevision, verdict, view);
  }

  async #record(record: OperationRecord): Promise<Answer> {
    const { etcd } = this.#ports;
    const known = (await etcd.read()).operations.get(record.id);
    if (known !== undefined) return answerTo(record, known.value);
    const stored = await etcd.putOperation(record, "0");
    const now = stored.kind === "stored" ? record : (await etcd.read()).operations.get(record.id)?.value;
    return answerTo(record, now ?? record);
  }

  /** A drain is done together with what it sets: the node takes no leadership from that moment on. */
  async #write(record: OperationRecord, modRevision: string, verdict: Verdict, view: EtcdView): Promise<boolean> {
    const wish = wishOf(record);
    if (wish?.what !== "drain" || verdict.phase !== "done")
      return await this.#put({ ...record, ...verdict }, modRevision);
    const detail = verdict.epoch === undefined ? verdict.detail : `${verdict.detail}; ${drainedText(wish.node)}`;
    return await this.#put({ ...record, ...verdict, detail }, modRevision, drainedChange(view, wish));
  }

  async #put(record: OperationRecord, modRevision: string, change?: MemberChange): Promise<boolean> {
    const next = { ...record, updatedWallMs: wallNow() };
    return (await this.#ports.etcd.putOperation(next, modRevision, change)).kind === "stored";
  }

  #unrecorded(error: unknown): undefined {
    this.#ports.say("operation.unrecorded", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/**
 * What is on record under the id that was asked for. Another operation there is no answer to this one: "done" would be
 * believed. A pause names its end in words, which a repetition would move; the others are told apart by what they say.
 */
function answerTo(asked: OperationRecord, known: OperationRecord): Answer {
  const tells = [...named, ...(isTold.has(known.what) ? (["detail"] as const) : [])];
  if (tells.every((key) => known[key] === asked[key])) return { status: 202, body: viewOf(known) };
  const about = known.to === undefined ? (known.node ?? known.target) : `to ${known.to}`;
  const what = about === undefined ? known.what : `${known.what} ${about}`;
  const detail = `operation ${known.id} is another one (${what}: ${known.detail}); give this one an id of its own`;
  return { status: 409, body: problem(409, "conflict", detail, "id") };
}

const named = ["what", "to", "node", "priority", "target"] as const;
/** Nothing but the sentence says what these were about. */
const isTold: ReadonlySet<OperationWhat> = new Set(["kill", "unkill", "resume", "autofailover", "acknowledge"]);

/** As the outside sees it. */
export function viewOf(record: OperationRecord): OperationView {
  return record;
}
