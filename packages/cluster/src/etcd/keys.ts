/**
 * Where each record lies under `/baton/<cluster>/`, and how a value is written and read: one JSON object per key. A value
 * that Baton could not have written is an error that names the key, never a guess.
 */
import type { BootId, Epoch, JournalId, NodeId, OperationId } from "@baton/core";
import type { IKeyValue, IRangeRequest } from "etcd3";
import { ClusterStateMalformed } from "../errors.ts";

/** What happened; it decides nothing. */
const historyFolder = "history/";

export class Keys {
  readonly prefix: string;

  constructor(cluster: string) {
    this.prefix = `/baton/${cluster}/`;
  }

  get cluster(): string {
    return `${this.prefix}cluster`;
  }
  get epoch(): string {
    return `${this.prefix}epoch`;
  }
  get leader(): string {
    return `${this.prefix}leader`;
  }
  get insync(): string {
    return `${this.prefix}insync`;
  }
  get autofailover(): string {
    return `${this.prefix}control/autofailover`;
  }
  get pause(): string {
    return `${this.prefix}control/pause`;
  }
  get anchor(): string {
    return `${this.prefix}anchor`;
  }
  get anchorAsked(): string {
    return `${this.prefix}anchor-asked`;
  }
  /** How often a journal was opened. */
  boots(journal: JournalId): string {
    return `${this.prefix}boots/${journal}`;
  }
  get acknowledged(): string {
    return `${this.prefix}control/acknowledged`;
  }
  get kill(): string {
    return `${this.prefix}control/kill`;
  }
  get histories(): string {
    return `${this.prefix}${historyFolder}`;
  }
  get deaths(): string {
    return `${this.prefix}deaths/`;
  }
  get operations(): string {
    return `${this.prefix}operations/`;
  }
  /** What an operator has set for a node. */
  settings(node: NodeId): string {
    return `${this.prefix}control/members/${node}`;
  }
  member(node: NodeId): string {
    return `${this.prefix}members/${node}`;
  }
  death(boot: BootId): string {
    return `${this.deaths}${boot}`;
  }
  operation(id: OperationId): string {
    return `${this.operations}${id}`;
  }
  history(epoch: Epoch): string {
    return `${this.histories}${epoch}`;
  }

  /** The part after the prefix, e.g. `members/a`. */
  nameOf(key: Buffer): string {
    return key.toString("utf8").slice(this.prefix.length);
  }

  /** Is what `nameOf` gave of the history? */
  isHistory(name: string): boolean {
    return name.startsWith(historyFolder);
  }
}

/** A key or a text as etcd takes it. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

export function encode(record: unknown): Buffer {
  return bytes(JSON.stringify(record));
}

/** The record in a value; throws `ClusterStateMalformed` for what is not JSON or not of the expected kind. */
export function decode<T>(kv: IKeyValue, expected: "object" | "number" | "string"): T {
  const key = kv.key.toString("utf8");
  let value: unknown;
  try {
    value = JSON.parse(kv.value.toString("utf8"));
  } catch {
    throw new ClusterStateMalformed(key, "the value is not JSON");
  }
  if (typeof value !== expected || value === null) throw new ClusterStateMalformed(key, `the value is no ${expected}`);
  return value as T;
}

/** All keys that begin with a text. */
export function withPrefix(prefix: string): IRangeRequest {
  return { key: bytes(prefix), range_end: after(prefix) };
}

/** All keys of a prefix except those under one folder of it. */
export function withPrefixExcept(prefix: string, folder: string): readonly [IRangeRequest, IRangeRequest] {
  return [
    { key: bytes(prefix), range_end: bytes(folder) },
    { key: after(folder), range_end: after(prefix) },
  ];
}

/** The first key after all that begin with `prefix`. Prefixes end in `/`, so adding one to the last byte does not carry. */
function after(prefix: string): Buffer {
  const end = bytes(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}
