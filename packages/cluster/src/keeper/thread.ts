/** The keeper's thread: its own event loop and its own connections, so that nothing on the main loop delays a renewal. */
import { flushCompileCache } from "node:module";
import { parentPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { assert, assertNever } from "@baton/core/records";
import type { Epoch, MonoMs } from "@baton/core";
import type { EtcdAccess } from "../etcd/endpoint.ts";
import { Fleet } from "../etcd/fleet.ts";
import { Keys } from "../etcd/keys.ts";
import type { KeeperCells } from "./cells.ts";
import type { RoundsOptions } from "./rounds.ts";
import { Rounds } from "./rounds.ts";

/** The first message to the thread. */
export interface KeeperStart {
  readonly access: EtcdAccess;
  readonly options: RoundsOptions;
  readonly cells: KeeperCells;
}

export type KeeperOrder =
  | { readonly kind: "lead"; readonly epoch: Epoch }
  | { readonly kind: "extend"; readonly epoch: Epoch; readonly askedMonoMs: MonoMs; readonly untilMonoMs: MonoMs }
  | { readonly kind: "doubt" }
  | { readonly kind: "follow" }
  | { readonly kind: "stop"; readonly revoke: boolean };

assert(parentPort !== null, "the keeper runs in a worker thread");
const port: MessagePort = parentPort;
// What this thread compiled is kept for the next start, where NODE_COMPILE_CACHE names a folder.
flushCompileCache();
port.once("message", keep);

function keep({ access, options, cells }: KeeperStart): void {
  const fleet = new Fleet(access);
  const rounds = new Rounds({
    fleet,
    keys: new Keys(access.cluster),
    cells,
    options,
    tell: (event) => port.postMessage(event),
  });
  port.on("message", (order: KeeperOrder) => {
    switch (order.kind) {
      case "lead":
        rounds.lead(order.epoch);
        return;
      case "extend":
        rounds.extend(order.epoch, order);
        return;
      case "doubt":
        rounds.doubt();
        return;
      case "follow":
        rounds.follow();
        return;
      case "stop":
        void rounds.stop(order.revoke).then(() => {
          fleet.close();
          port.close();
          process.exit(0);
        });
        return;
      default:
        assertNever(order, "keeper order");
    }
  });
}
