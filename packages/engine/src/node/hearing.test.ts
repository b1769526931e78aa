/** What a node says of its links, over a replication of which nothing is real but what is heard of it. */
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import type { Replication } from "@baton/journal";
import { expect, test } from "vitest";
import type { Logger } from "../log.ts";
import { hearLinks } from "./hearing.ts";
import type { Hearer } from "./hearing.ts";

/** A replication whose signals can be given by their name. */
function links(): { readonly replication: Replication; readonly give: (signal: string, fact: object) => void } {
  const listeners = new Map<string, (fact: object) => void>();
  const signalOf = (name: string | symbol): object => ({
    on: (listener: (fact: object) => void) => void listeners.set(String(name), listener),
  });
  const replication = new Proxy({} as Replication, { get: (_target, name) => signalOf(name) });
  return { replication, give: (signal, fact) => listeners.get(signal)?.(fact) };
}

test("who is turned away on a link, and why this node is, is logged once and not with each attempt", () => {
  const logged: string[] = [];
  const log = { warn: (_facts: object, sentence: string) => logged.push(sentence) } as unknown as Logger;
  const { replication, give } = links();
  hearLinks({} as Hearer, replication, log);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    give("onTurnedAway", { who: "c", sentence: "its certificate is of d" });
    give("onMisfit", { node: id<NodeId>("b"), address: "b:7070", sentence: "it refused this node: and says why" });
  }
  expect(logged).toEqual([
    "No link from c: its certificate is of d.",
    "No link to b at b:7070: it refused this node: and says why.",
  ]);
});
