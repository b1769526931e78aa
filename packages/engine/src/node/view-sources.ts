/** What a view of a node is made of. */
import type { BootId, Config } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import type { Journal } from "@baton/journal";
import type { EngineNode } from "./node.ts";

export interface ViewSources {
  readonly config: Config;
  readonly boot: BootId;
  readonly etcd: Etcd;
  readonly keeper: Keeper;
  readonly journal: Journal;
  readonly node: EngineNode;
}
