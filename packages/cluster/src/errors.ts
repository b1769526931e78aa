/**
 * What etcd, or the cluster's state in it, can refuse. Each error carries a stable `code` and a sentence that an operator
 * can act on. A transaction whose outcome is not known is no error but an answer (`TransactionAnswer`).
 */
import type { BootId, NodeId } from "@baton/core";

/** No endpoint answered in time. `causes` says what each one did; the same call may succeed a moment later. */
export class EtcdUnavailable extends Error {
  override readonly name = "EtcdUnavailable";
  readonly code = "etcd-unavailable";
  readonly causes: readonly string[];

  constructor(what: string, causes: readonly string[]) {
    super(`etcd did not answer (${what}): ${causes.join("; ")}`);
    this.causes = causes;
  }
}

/** Another running engine uses this node id (I17). It has to be stopped, or one of the two renamed. */
export class NodeIdInUse extends Error {
  override readonly name = "NodeIdInUse";
  readonly code = "node-id-in-use";
  readonly node: NodeId;
  readonly otherBoot: BootId;

  constructor(node: NodeId, otherBoot: BootId, otherAddress: string) {
    super(
      `node id "${node}" is in use by boot ${otherBoot} at ${otherAddress}; stop that engine or rename one of the two`,
    );
    this.node = node;
    this.otherBoot = otherBoot;
  }
}

/** A key holds what Baton never writes. Nothing is guessed: an operator looks at the key. */
export class ClusterStateMalformed extends Error {
  override readonly name = "ClusterStateMalformed";
  readonly code = "cluster-state-malformed";
  readonly key: string;

  constructor(key: string, why: string) {
    super(`etcd key ${key} is malformed: ${why}`);
    this.key = key;
  }
}

/** Lease timing that an etcd election would outlive. `setting` names the number to change. */
export class TimingRefused extends Error {
  override readonly name = "TimingRefused";
  readonly code = "timing-refused";
  readonly setting: string;

  constructor(setting: string, sentence: string) {
    super(sentence);
    this.setting = setting;
  }
}

/** The message of whatever was thrown, on one line. */
export function causeOf(error: unknown): string {
  return error instanceof Error ? error.message.replaceAll("\n", " ") : String(error);
}
