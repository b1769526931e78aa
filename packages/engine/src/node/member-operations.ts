/**
 * Operators' operations on one node, and the giving up of an operation, as they come in: decided by `core` on a fresh read,
 * then written in one transaction that is guarded on what was read. What somebody else moved in the same moment is read
 * and decided anew, a few times; nothing is half done meanwhile.
 */
import type { EtcdView, MemberWish, NodeId, OperationRecord, OperationRequest } from "@baton/core";
import { decideMember, isSettled, problem } from "@baton/core";
import type { Etcd, GuardedWrite } from "@baton/cluster";
import { EtcdUnavailable } from "@baton/cluster";
import type { Answer } from "../api/server.ts";

type Base = Pick<OperationRecord, "id" | "by" | "reason" | "updatedWallMs">;
type MemberRequest = Extract<OperationRequest, { readonly node: NodeId }>;
type AbortRequest = Extract<OperationRequest, { readonly what: "abort" }>;

interface Ports {
  readonly etcd: Pick<Etcd, "read" | "putOperation" | "giveUpOperation">;
  /** Every node of the configuration. */
  readonly nodes: readonly NodeId[];
  /** The answer for `record`, where `known` stands under its id. */
  readonly answer: (record: OperationRecord, known: OperationRecord) => Answer;
}

const attemptsMax = 4;

/** Drains, undrains, sets a priority, rebuilds or removes. Rejects with `EtcdUnavailable`. */
export async function askMember(ports: Ports, request: MemberRequest, base: Base): Promise<Answer> {
  const { node, what } = request;
  if (!ports.nodes.includes(node)) {
    const detail = `there is no node ${node}; the configuration has ${ports.nodes.join(", ")}`;
    return { status: 422, body: problem(422, "invalid", detail, "node") };
  }
  const priority = what === "priority" && request.priority !== undefined ? { priority: request.priority } : {};
  const wished = { ...base, what, node, ...priority } as const;
  return await onRead(ports, wished, async (view) => {
    const decision = decideMember(view, { ...wished, atWallMs: base.updatedWallMs });
    switch (decision.kind) {
      case "refused":
        return { status: 422, body: problem(422, "unsafe", decision.why) };
      case "set": {
        const { phase, detail, change } = decision;
        return await written({ ...wished, phase, detail }, (record) => ports.etcd.putOperation(record, "0", change));
      }
      case "ask": {
        const { detail, journal } = decision;
        const asked = { ...wished, ...(journal !== undefined && { journal }), phase: "asked", detail } as const;
        return await written(asked, (record) => ports.etcd.putOperation(record, "0"));
      }
    }
  });

  async function written(
    record: OperationRecord,
    write: (record: OperationRecord) => Promise<GuardedWrite>,
  ): Promise<Answer | undefined> {
    return (await write(record)).kind === "stored" ? ports.answer(record, record) : undefined;
  }
}

/** Gives an operation up that nobody has taken up; what runs already the leader is asked to give up. */
export async function askAbort(ports: Ports, request: AbortRequest, base: Base): Promise<Answer> {
  const record = { ...base, what: "abort", target: request.target } as const;
  return await onRead(ports, record, async (view) => {
    const target = view.operations.get(request.target);
    if (target === undefined) {
      return { status: 404, body: problem(404, "not-found", `there is no operation ${request.target}`, "target") };
    }
    const why = whyPast(target.value);
    if (why !== undefined) return { status: 409, body: problem(409, "conflict", why, "target") };
    const isAsked = target.value.phase === "asked";
    const detail = isAsked ? `${request.target} is given up: nobody had taken it up` : "waits for the leader";
    const next: OperationRecord = { ...record, phase: isAsked ? "done" : "asked", detail };
    const write = isAsked ? ports.etcd.giveUpOperation(target, next) : ports.etcd.putOperation(next, "0");
    return (await write).kind === "stored" ? ports.answer(next, next) : undefined;
  });
}

/** Why an operation is past the point where it can be given up, by its record; undefined where the leader may. */
function whyPast({ id, what, phase, detail }: OperationRecord): string | undefined {
  if (isSettled(phase)) return `operation ${id} (${what}) has ended: ${phase}: ${detail}`;
  if (phase === "asked" || what === "switchover" || what === "drain") return undefined;
  return `operation ${id} (${what}) is being carried out and cannot be given up: ${detail}`;
}

/** Decides on a fresh read until what was decided could be written as it was decided. */
async function onRead(
  ports: Ports,
  record: Omit<OperationRecord, "phase" | "detail">,
  decide: (view: EtcdView) => Promise<Answer | undefined>,
): Promise<Answer> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const view = await ports.etcd.read();
    const known = view.operations.get(record.id)?.value;
    if (known !== undefined) return ports.answer({ ...record, phase: known.phase, detail: known.detail }, known);
    const answer = await decide(view);
    if (answer !== undefined) return answer;
  }
  throw new EtcdUnavailable(`operation ${record.id}`, ["the cluster changed at every attempt"]);
}

/** The wish that an operation's record stands for. */
export function wishOf(record: OperationRecord): MemberWish | undefined {
  const { what, node, priority, by, reason, updatedWallMs: atWallMs } = record;
  if (node === undefined) return undefined;
  switch (what) {
    case "drain":
    case "undrain":
    case "priority":
    case "reinit":
    case "remove":
      return { what, node, by, reason, atWallMs, ...(priority !== undefined && { priority }) };
    default:
      return undefined;
  }
}
