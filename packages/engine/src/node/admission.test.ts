/** A node's start against an etcd that answers as the test says, with a real journal on a disk of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BootId, BootRecord, ClusterId, Config, EtcdView, JournalId, MemberRecord, NodeId } from "@baton/core";
import { id } from "@baton/core";
import type { Etcd, Keeper } from "@baton/cluster";
import { EtcdUnavailable, NodeIdInUse } from "@baton/cluster";
import { openJournal } from "@baton/journal";
import { PreparedWriter } from "@baton/journal/prepared-writer";
import type { Journal } from "@baton/journal";
import { afterEach, beforeEach, expect, test } from "vitest";
import { admission } from "./admission.ts";
import type { Admitted } from "./admission.ts";
import { ownJournal } from "./genesis.ts";

const cluster = id<ClusterId>("11111111-1111-4111-8111-111111111111");
const boot = id<BootId>("boot-2");

let dataDir = "";
beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), "baton-admission-"))));
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** An etcd of which the test says what it is now, and which remembers what it was told. */
class ToldEtcd {
  isAway = false;
  cluster: ClusterId | undefined = cluster;
  other: BootId | undefined;
  rolledBack: string | undefined;
  readonly done: string[] = [];
  reads = 0;

  get etcd(): Pick<Etcd, "read" | "publishMember" | "countBoot" | "history"> {
    const answer = <T>(what: string, value: () => T): Promise<T> => {
      if (this.isAway) return Promise.reject(new EtcdUnavailable(what, ["nobody is there"]));
      if (what !== "read") this.done.push(what);
      return new Promise((resolve) => resolve(value()));
    };
    return {
      read: () => {
        this.reads += 1;
        return answer("read", () => {
          const found = this.cluster === undefined ? undefined : { id: this.cluster, schema: 1 };
          return { cluster: found, revision: "9" } as EtcdView;
        });
      },
      publishMember: (record: MemberRecord) =>
        answer("publish", () => {
          if (this.other !== undefined) throw new NodeIdInUse(record.node, this.other, "elsewhere:1");
        }),
      countBoot: (_journal: JournalId, opened: BootRecord) =>
        answer(`count ${opened.count}`, () =>
          this.rolledBack === undefined
            ? ({ kind: "counted" } as const)
            : ({ kind: "rolled-back", why: this.rolledBack } as const),
        ),
      history: () => answer("history", () => []),
    };
  }
}

const keeper = { lease: "77", whenGranted: Promise.resolve() } as unknown as Pick<Keeper, "lease" | "whenGranted">;

interface Start {
  readonly etcd: ToldEtcd;
  readonly said: string[];
  readonly stop: AbortController;
  readonly common: Parameters<typeof admission>[0] & Parameters<typeof ownJournal>[0];
}

function start(journal?: Journal): Start {
  const etcd = new ToldEtcd();
  const said: string[] = [];
  const stop = new AbortController();
  const config = {
    cluster: { name: "test" },
    node: { id: id<NodeId>("a"), dataDir },
    archive: { reserveMiB: 1 },
  } as unknown as Config;
  const common = {
    ...{ config, boot, etcd: etcd.etcd as Etcd, keeper, journal: journal as Journal, stop: stop.signal },
    takenMs: () => 250,
    presence: () => ({ node: id<NodeId>("a") }) as MemberRecord,
    say: (event: string) => void said.push(event),
    onGranted: () => undefined,
    journalProgress: new SharedArrayBuffer(8),
    journalWriter: new PreparedWriter(),
  };
  return { etcd, said, stop, common };
}

/** A journal that has been admitted once, so that its disk names its cluster; closed again. */
async function admittedBefore(): Promise<void> {
  const file = join(dataDir, "journal.db");
  await using journal = await openJournal({
    file,
    cluster,
    node: id<NodeId>("a"),
    bootId: id<BootId>("boot-1"),
    create: true,
  });
  expect(await admission(start(journal).common)).toBeDefined();
}

async function until(what: string, look: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!look()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("a node that has a journal opens it while etcd is away, and is admitted when etcd is back", async () => {
  await admittedBefore();
  const { etcd, said, common } = start();
  etcd.isAway = true;
  await using journal = await ownJournal(common);
  expect(journal?.identity).toMatchObject({ cluster, bootCount: 2 });
  expect(etcd.reads).toBe(0);
  let admitted: Admitted | undefined;
  const admitting = admission({ ...common, journal: journal as Journal }).then((it) => (admitted = it));
  await until("it has asked more than once", () => etcd.reads > 2);
  expect([admitted, etcd.done, said]).toEqual([undefined, [], ["etcd.waiting"]]);
  etcd.isAway = false;
  expect((await admitting)?.view.revision).toBe("9");
  expect(etcd.done).toEqual(["publish", "count 2", "history"]);
});

test("a disk that was rolled back while nobody could tell is refused as soon as etcd is back, and stays refused", async () => {
  await admittedBefore();
  const { etcd, common } = start();
  await using journal = await ownJournal(common);
  etcd.rolledBack = "was opened 2 times, etcd has counted 5";
  await expect(admission({ ...common, journal: journal as Journal })).rejects.toMatchObject({
    code: "journal-rolled-back",
  });
  expect(readFileSync(join(dataDir, "journal.refused"), "utf8")).toContain("etcd has counted 5");
  await journal?.close();
  await expect(ownJournal(start().common)).rejects.toMatchObject({ code: "journal-rolled-back" });
});

test("a second node of one id is waited out for a lease's length and then refused, with nothing counted", async () => {
  await admittedBefore();
  const { etcd, common } = start();
  await using journal = await ownJournal(common);
  etcd.other = id<BootId>("the-other");
  await expect(admission({ ...common, journal: journal as Journal })).rejects.toMatchObject({ code: "node-id-in-use" });
  expect(new Set(etcd.done)).toEqual(new Set(["publish"]));
});

test("a journal of another cluster than etcd's is not admitted", async () => {
  await admittedBefore();
  const { etcd, common } = start();
  await using journal = await ownJournal(common);
  etcd.cluster = id<ClusterId>("22222222-2222-4222-8222-222222222222");
  await expect(admission({ ...common, journal: journal as Journal })).rejects.toMatchObject({
    code: "foreign-cluster",
  });
  expect(etcd.done).toEqual([]);
});

test("an etcd that was emptied is told of the journal, and admits nobody until it is re-anchored", async () => {
  await admittedBefore();
  const { etcd, said, common } = start();
  await using journal = await ownJournal(common);
  etcd.cluster = undefined;
  const admitting = admission({ ...common, journal: journal as Journal });
  await until("it is told", () => etcd.done.length > 1);
  expect([new Set(etcd.done), said]).toEqual([new Set(["publish"]), ["cluster.needs-re-anchor"]]);
  etcd.cluster = cluster;
  expect(await admitting).toBeDefined();
});

test("an empty disk makes no journal before etcd has taken the id, and none at all while etcd is away", async () => {
  const { etcd, stop, common } = start();
  etcd.isAway = true;
  const opening = ownJournal(common);
  await until("it has asked", () => etcd.reads > 1);
  etcd.isAway = false;
  etcd.cluster = undefined;
  await until("it says who it is", () => etcd.done.length > 1);
  stop.abort();
  expect(await opening).toBeUndefined();
  expect(existsSync(join(dataDir, "journal.db"))).toBe(false);
});
