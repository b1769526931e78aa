/**
 * Sets the stage for a runbook: a cluster that runs, `baton` on the PATH, the variables that the pages name, and the
 * troubles they are about.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { BatonClient } from "@baton/cli";
import type { Stage } from "./runbook.ts";

/** What a runbook needs of a cluster. */
export interface RehearsedCluster {
  /** Base URL of each node. */
  readonly endpoints: readonly string[];
  /** Ends the leader's process by SIGKILL. */
  killLeader(): Promise<void>;
  /** Starts a lost node again, as its service manager would. */
  restart(node: string): Promise<void>;
}

const program = fileURLToPath(new URL("../../packages/cli/src/baton.ts", import.meta.url));

/** The stage for one page, with the present leader and the best candidate filled in. */
export async function stageFor(cluster: RehearsedCluster, operation: string): Promise<Stage & Disposable> {
  const client = new BatonClient({ endpoints: cluster.endpoints });
  const { leader, members } = await client.cluster();
  const { candidates } = await client.promotability();
  const candidate = candidates.find((each) => each.isPromotable && each.isInSync && each.node !== leader?.node);
  if (leader === null || candidate === undefined) throw new Error("the rehearsal needs a leader and a candidate.");
  const address = members.find((member) => member.node === candidate.node)?.address ?? "";
  const folder = mkdtempSync(join(tmpdir(), "baton-runbook-"));
  const command = join(folder, "baton");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
  chmodSync(command, 0o755);
  let lost = "";
  return {
    environment: {
      PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}`,
      BATON_ENDPOINT: cluster.endpoints.join(","),
      LEADER: leader.node,
      CANDIDATE: candidate.node,
      CANDIDATE_URL: `http://${address}`,
      REASON: "rehearsal of a runbook",
      ID: operation,
    },
    troubles: {
      "kill-leader": async () => {
        lost = (await client.cluster()).leader?.node ?? "";
        await cluster.killLeader();
        return { LOST: lost };
      },
      "restart-lost": async () => {
        await cluster.restart(lost);
        return {};
      },
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
