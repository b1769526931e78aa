/**
 * Operators' operations: what is asked over HTTP is written to etcd first, so that its verdict can be read after any crash
 * (I14). A kill, a pause and their like stand in the same transaction as their record. A switchover is carried out by the
 * leader that finds it, a failover by the node that it names. What became of either is never guessed: the history of an
 * epoch names the operation that made it, and that alone says "done". An id that exists already is not done twice.
 */
import { randomUUID } from "node:crypto";
import type {
  ControlChange,
  Epoch,
  EtcdView,
  KillHereRequest,
  KillLevel,
  KillScope,
  KillTarget,
  NodeId,
  OperationId,
  OperationPhase,
  OperationRecord,
  OperationRequest,
  OperationView,
  VenueConfig,
  WallMs,
} from "@baton/core";
import { assertNever, id, isSettled, killText, problem, wallMs } from "@baton/core";
import type { Etcd } from "@baton/cluster";
import { EtcdUnavailable } from "@baton/cluster";
import { wallNow } from "../clock.ts";
import type { Answer } from "../api/server.ts";

export interface OperationPorts {
  readonly node: NodeId;
  /** The cluster's name, which is typed where data can be lost. */
  readonly cluster: string;
  readonly etcd: Etcd;
  readonly venues: Venues;
  /** Records a kill without etcd, where this node leads; true once it is durable on every node in sync. */
  readonly killHere: (scope: KillScope) => Promise<boolean>;
  readonly say: (event: string, sentence: string) => void;
  /** Resolves when this node has read etcd anew. */
  readonly whenRead: () => Promise<void>;
  /** Starts the switchover; its end comes back by `ended`. */
  readonly switchover: (operation: OperationId, to: NodeId | undefined) => void;
  /** Makes this node the leader; its refusal comes back by `refused`, its success by the history. */
  readonly failover: (operation: OperationId, allowDataLoss: boolean) => void;
}

type Venues = readonly Pick<VenueConfig, "id" | "account" | "symbols">[];

interface Verdict {
  readonly phase: "done" | "aborted" | "failed";
  readonly detail: string;
  readonly epoch?: Epoch;
}

/** An asked operation that nobody took up for so long has failed: it must not come true when nobody expects it any more. */
const staleAfterMs = 30_000;

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
          const lossy = allowDataLoss === true && { allowDataLoss };
          return await this.#record({
            ...base,
            ...{ what: "failover", to, ...lossy, phase: "asked", detail: `waits for ${to}` },
          });
        }
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
      if (verdict !== undefined) void this.#end(value, modRevision, verdict);
      else if (value.phase === "running") this.#tendRunning(view, value, modRevision, isLeading);
      else if (wallNow() - value.updatedWallMs > staleAfterMs) {
        if (isLeading || value.to === this.#ports.node) {
          const detail = `${value.what === "failover" ? (value.to ?? "the node") : "no leader"} did not take it up in time`;
          void this.#end(value, modRevision, { phase: "failed", detail });
        }
      } else if (value.what === "switchover" ? isLeading : value.to === this.#ports.node) {
        void this.#take(value, modRevision, view.epoch.value);
      }
    }
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
    const isMine = this.#mine.has(record.id);
    const isDecided = record.epoch === undefined || view.epoch.value >= record.epoch;
    // Who runs a failover is not the leader yet: it is given time, and until the epoch moves nothing is decided.
    const isLost = record.what === "switchover" || wallNow() - record.updatedWallMs > staleAfterMs;
    if (!isLeading || (isMine && !isDecided) || (!isDecided && !isLost)) return;
    // The own switchover ends by its own word; a failover that made this very epoch is found here.
    if (isMine && record.what === "switchover") return;
    this.#busy.add(record.id);
    const otherwise: Verdict = { phase: "aborted", detail: "who ran it ended before it was done" };
    void this.#judge(record.id, otherwise)
      .then((verdict) => this.#write(record, modRevision, verdict.phase, verdict))
      .catch((error: unknown) => this.#unrecorded(error))
      .finally(() => {
        this.#mine.delete(record.id);
        this.#busy.delete(record.id);
      });
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
      const found = (await this.#ports.etcd.read()).operations.get(operation);
      if (found === undefined || isSettled(found.value.phase)) {
        this.#verdicts.delete(operation);
        return;
      }
      await this.#end(found.value, found.modRevision, verdict);
    } catch (error) {
      // `tend` writes it once etcd answers; if this process ends before, the next leader reads the history.
      this.#unrecorded(error);
    }
  }

  async #end(record: OperationRecord, modRevision: string, verdict: Verdict): Promise<void> {
    this.#busy.add(record.id);
    try {
      if (await this.#write(record, modRevision, verdict.phase, verdict)) this.#verdicts.delete(record.id);
    } catch (error) {
      this.#unrecorded(error);
    } finally {
      this.#busy.delete(record.id);
    }
  }

  async #take(record: OperationRecord, modRevision: string, epoch: Epoch): Promise<void> {
    this.#busy.add(record.id);
    this.#mine.add(record.id);
    const isFailover = record.what === "failover";
    const detail = isFailover ? `${this.#ports.node} takes over` : "the leader hands over";
    const isTaken = await this.#write(record, modRevision, "running", { detail, epoch: epoch + 1 }).catch(
      (error: unknown) => this.#unrecorded(error),
    );
    this.#busy.delete(record.id);
    if (isTaken !== true) this.#mine.delete(record.id);
    else if (isFailover) this.#ports.failover(record.id, record.allowDataLoss === true);
    else this.#ports.switchover(record.id, record.to);
  }

  async #record(record: OperationRecord): Promise<Answer> {
    const { etcd } = this.#ports;
    const known = (await etcd.read()).operations.get(record.id);
    if (known !== undefined) return answerTo(record, known.value);
    const stored = await etcd.putOperation(record, "0");
    const now = stored.kind === "stored" ? record : (await etcd.read()).operations.get(record.id)?.value;
    return answerTo(record, now ?? record);
  }

  async #write(
    record: OperationRecord,
    modRevision: string,
    phase: OperationPhase,
    more: { readonly detail: string; readonly epoch?: Epoch },
  ): Promise<boolean> {
    const { detail, epoch } = more;
    const next = { ...record, detail, ...(epoch !== undefined && { epoch }), phase, updatedWallMs: wallNow() };
    return (await this.#ports.etcd.putOperation(next, modRevision)).kind === "stored";
  }

  #unrecorded(error: unknown): undefined {
    this.#ports.say("operation.unrecorded", error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The kill that a node was told of itself, or why there is none. */
export function killHereScope(request: KillHereRequest, by: string, venues: Venues): KillScope | string {
  const { level, target = "", reason, atWallMs } = request;
  const unknown = whyNoTarget(level, target, venues);
  return unknown ?? { ...targetOf(level, target, venues), by, reason, atWallMs: wallMs(atWallMs) };
}

/**
 * What is on record under the id that was asked for. Another operation there is no answer to this one: "done" would be
 * believed. A pause names its end in words, which a repetition would move; the others are told apart by what they say.
 */
function answerTo(asked: OperationRecord, known: OperationRecord): Answer {
  const isControl = known.what !== "switchover" && known.what !== "failover" && known.what !== "pause";
  const isSame = known.what === asked.what && known.to === asked.to && (!isControl || known.detail === asked.detail);
  if (isSame) return { status: 202, body: viewOf(known) };
  const what = known.to === undefined ? known.what : `${known.what} to ${known.to}`;
  const detail = `operation ${known.id} is another one (${what}: ${known.detail}); give this one an id of its own`;
  return { status: 409, body: problem(409, "conflict", detail, "id") };
}

/** A kill of something that is not there would stop nothing, and whoever asked would believe that it did. */
function whyNoTarget(level: KillLevel, name: string, venues: Venues): string | undefined {
  const known: Readonly<Record<KillLevel, boolean>> = {
    cluster: true,
    account: venues.some((venue) => venue.account === name),
    venue: venues.some((venue) => venue.id === name),
    instrument: venues.some((venue) => venue.symbols.some((symbol) => symbol === name)),
    // Principals are not in the configuration.
    strategy: true,
  };
  return known[level] ? undefined : `no ${level} ${name} is configured`;
}

function scopeOf(request: Extract<Control, { readonly what: "kill" }>, by: string, venues: Venues): KillScope {
  const { level, target = "", reason } = request;
  return { ...targetOf(level, target, venues), by, reason, atWallMs: wallNow() };
}

function targetOf(level: KillLevel, name: string, venues: Venues): KillTarget {
  switch (level) {
    case "cluster":
      return { level };
    case "account":
      return { level, id: name, venues: venues.filter((venue) => venue.account === name).map((venue) => venue.id) };
    case "strategy":
    case "instrument":
    case "venue":
      return { level, id: name };
    default:
      return assertNever(level, "kill level");
  }
}

/** As the outside sees it. */
export function viewOf(record: OperationRecord): OperationView {
  return record;
}

type Control = Exclude<OperationRequest, { readonly what: "switchover" | "failover" }>;

/** What an operation changes, and the sentence for who asked. */
function changeOf(request: Control, by: string, venues: Venues): readonly [ControlChange, string] {
  const { reason } = request;
  const atWallMs: WallMs = wallNow();
  switch (request.what) {
    case "kill": {
      const scope = scopeOf(request, by, venues);
      return [{ kind: "kill-scope", scope }, `${killText(scope)}: no new risk; open orders are being cancelled`];
    }
    case "unkill": {
      const { level, target: name } = request;
      const target = level === undefined ? undefined : { level, ...(name !== undefined && { id: name }) };
      const what = level === "cluster" ? level : `${level} ${name}`;
      const detail = level === undefined ? "new risk passes again" : `the kill of ${what} is lifted`;
      return [{ kind: "unkill", ...(target !== undefined && { target }), by, reason, atWallMs }, detail];
    }
    case "pause": {
      const untilWallMs = wallMs(atWallMs + request.forMs);
      const record = { by, reason, untilWallMs };
      const detail = `no takeover by itself until ${new Date(untilWallMs).toISOString()}; fencing stays on`;
      return [{ kind: "pause", record, forSeconds: request.forMs / 1_000 }, detail];
    }
    case "resume":
      return [{ kind: "resume" }, "takeovers pass again"];
    case "autofailover":
      return [{ kind: "autofailover", value: request.mode }, `autofailover is ${request.mode}`];
    case "acknowledge":
      return [
        { kind: "acknowledge", record: { by, reason, atWallMs } },
        "what died or took over until now is acknowledged: holds for it are lifted",
      ];
  }
}
