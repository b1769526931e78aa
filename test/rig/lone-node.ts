/**
 * One engine node on loopback with an etcd of one member: the smallest whole Baton, a supervisor with its engine as in
 * production. For stories of a node and its venue that have nothing to do with who follows.
 */
import { EngineNode, failureOf, freePorts, startEtcd, startGuard, startProgram, checkout } from "@baton/drills";
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A running node. */
export interface LoneNode extends AsyncDisposable {
  readonly node: EngineNode;
  readonly endpoint: string;
  readonly logFile: string;
}

const clusterName = "lone";
const waitMs = 60_000;

/**
 * Founds a cluster of one node and waits until its API answers. `config` is what the node's file has beside cluster, node,
 * API, etcd and leadership; its secrets are files of `files`, by name, in the node's folder, which it is given.
 */
export async function startLoneNode(o: {
  readonly files: Readonly<Record<string, string>>;
  readonly config: (folder: string) => object;
  /** Another program than `baton node`. */
  readonly main?: string;
}): Promise<LoneNode> {
  const home = mkdtempSync(join(tmpdir(), "baton-lone-"));
  const guard = startGuard(home);
  const etcd = await startEtcd({ members: 1 });
  const [port = 0] = await freePorts(1);
  for (const [name, text] of Object.entries(o.files)) writeFileSync(join(home, name), text, { mode: 0o600 });
  const configFile = join(home, "node.yaml");
  const common = {
    cluster: { name: clusterName, nodes: ["a"] },
    node: { id: "a", site: "loopback", dataDir: join(home, "data") },
    api: { listen: `127.0.0.1:${port}`, allowLoopbackWithoutToken: true },
    etcd: { endpoints: etcd.endpoints, callTimeoutMs: 500 },
    // Nobody follows: a short lease would only end the one leader's epoch where a busy machine holds it up.
    leadership: { profile: "lan", leaseTtlSeconds: 10, loop: { takeovers: 0, deaths: 0 } },
    durability: "available",
  };
  writeFileSync(configFile, JSON.stringify({ ...common, ...o.config(home) }, undefined, 2));
  const endpoint = `http://127.0.0.1:${port}`;
  const links = { toPeers: [], fromPeers: [], toEtcd: [], toExchange: [] };
  const node = new EngineNode({ id: id<NodeId>("a"), endpoint, configFile, home, links, guard, main: o.main });
  const stop = async (): Promise<void> => {
    await node.stop();
    await etcd.stop();
    guard.end();
  };
  try {
    await node.start();
    await node.untilAnswers("/live", waitMs);
    const baton = join(checkout, "packages", "cli", "src", "baton.ts");
    const founding = await startProgram(
      "baton cluster init",
      [baton, "cluster", "init", "--config", configFile, "--yes", "--cluster", clusterName, "--timeout", "60s"],
      { logFile: join(home, "init.log"), guard },
    );
    const status = await founding.ended;
    if (status !== 0) throw await failureOf(founding, `ended with status ${status}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { node, endpoint, logFile: join(home, "node.log"), [Symbol.asyncDispose]: stop };
}
