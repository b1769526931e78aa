/**
 * Real nodes for tests: a journal on disk, an HTTP server on a free port, real links. Succession is played by hand: a
 * node follows any epoch that is not lower than it promised and does not lead itself, and a leader commits what is durable
 * on itself and on those it is told to wait for.
 */
import { createServer } from "node:http";
import type { Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { id, wallMs } from "@baton/core";
import type { BootId, ClusterId, Epoch, JournalEvent, NodeId, OperationId, Sequence } from "@baton/core";
import { openJournal } from "../open.ts";
import type { Journal } from "../journal.ts";
import type { JournalOptions } from "../options.ts";
import { startReplication } from "../replication/replication.ts";
import type { Replication, ReplicationOptions } from "../replication/replication.ts";

const cluster: ClusterId = id<ClusterId>("11111111-1111-4111-8111-111111111111");

/** A folder that is removed at the end. */
export function scratch(): { readonly dir: string; readonly [Symbol.dispose]: () => void } {
  const dir = mkdtempSync(join(tmpdir(), "baton-journal-"));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** An event that any state takes. */
export function noted(n: number, text = "a fact"): JournalEvent {
  return {
    kind: "operation.noted",
    operation: id<OperationId>(`o-${n}`),
    what: text,
    by: "test",
    reason: "because",
    atWallMs: wallMs(1_700_000_000_000 + n),
  };
}

/** The first record of an epoch that changes a row: nothing was open before it. */
export function opened(epoch: Epoch): JournalEvent {
  return {
    kind: "epoch.opened",
    epoch,
    node: id<NodeId>("a"),
    boot: id<BootId>("boot-a"),
    reason: "expired",
    atWallMs: wallMs(1_700_000_000_000),
    inheritedSendByWallMs: wallMs(1_700_000_000_000),
    inDoubt: [],
  };
}

/** `count` of them. */
export function notes(count: number, from = 1): readonly JournalEvent[] {
  return Array.from({ length: count }, (_, index) => noted(from + index));
}

export function journalOptions(dir: string, node: string, more: Partial<JournalOptions> = {}): JournalOptions {
  return {
    file: join(dir, `${node}.db`),
    cluster,
    node: id<NodeId>(node),
    bootId: id<BootId>(`boot-${node}`),
    create: true,
    ...more,
  };
}

/** Waits until a condition holds; throws with the sentence after the deadline, a bound for what hangs and no measure. */
export async function until(condition: () => boolean, sentence: string, deadlineMs = 45_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${sentence}`);
    await delay(2);
  }
}

/** Waits until everything appended so far is on this journal's disk. */
export async function durable(journal: Journal, sequence: Sequence): Promise<void> {
  await until(() => journal.durable >= sequence, `${journal.identity.node} is durable to ${sequence}`);
}

export interface TestNode extends AsyncDisposable {
  readonly name: NodeId;
  readonly journal: Journal;
  readonly replication: Replication;
  readonly server: Server;
  readonly address: string;
  /** Set to true: a vow is in force. */
  isVowed: boolean;
  leads: Epoch | undefined;
  /** Leads an epoch, durably promised, and waits for these nodes at each commit. */
  lead(epoch: Epoch, waitFor: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a node on a folder; its file may exist. */
export async function startNode(
  dir: string,
  name: string,
  more: Partial<JournalOptions> & {
    readonly replication?: Partial<ReplicationOptions>;
    /** Default: a plain one. */
    readonly server?: Server;
  } = {},
): Promise<TestNode> {
  const { replication: replicationOptions, server = createServer(), ...journalMore } = more;
  const journal = await openJournal(journalOptions(dir, name, journalMore));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const acked = new Map<string, Sequence>();
  let waitFor: readonly string[] = [];
  const replication = startReplication({
    journal,
    server,
    boot: id<BootId>(`boot-${name}`),
    heartbeatMs: 20,
    mayFollow: (epoch) => node.leads === undefined || epoch > node.leads,
    mayAcknowledge: () => !node.isVowed,
    ...replicationOptions,
  });
  const advance = (): void => {
    if (node.leads === undefined) return;
    journal.commit(Math.min(journal.durable, ...waitFor.map((other) => acked.get(other) ?? 0)));
  };
  journal.onDurable.on(advance);
  replication.onAck.on((ack) => {
    acked.set(ack.node, ack.position);
    advance();
  });
  replication.onSuperseded.on(() => {
    node.leads = undefined;
  });
  const node: TestNode = {
    name: id<NodeId>(name),
    journal,
    replication,
    server,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    isVowed: false,
    leads: undefined,
    async lead(epoch, others) {
      await journal.persist({ epochMax: epoch });
      waitFor = others;
      acked.clear();
      node.leads = epoch;
      replication.lead(epoch);
    },
    async stop() {
      replication.close();
      await journal.close();
      await new Promise((resolve) => server.close(resolve));
    },
    [Symbol.asyncDispose]: () => node.stop(),
  };
  return node;
}

/** Lets each of these nodes dial all others. */
export function connect(...nodes: readonly TestNode[]): void {
  const addresses = new Map(nodes.map((node) => [node.name, node.address]));
  for (const node of nodes) node.replication.setPeers(addresses);
}
