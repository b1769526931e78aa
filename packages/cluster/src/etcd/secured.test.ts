/**
 * One real etcd that lets nobody in without TLS, a client certificate and a password: every way by which Baton speaks to
 * etcd goes through it. The parts run in order.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BootId, ClusterId } from "@baton/core";
import { id } from "@baton/core";
import { Etcd3 } from "etcd3";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { testAuthority, writeCertificate } from "../../../../test/rig/certificates.ts";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import { bootA, member, memberRecord, nodeA, patienceMs, takeover, until } from "../fixtures/cluster.ts";
import { monoNow } from "../clock.ts";
import { startKeeper } from "../keeper/keeper.ts";
import { supervise } from "../supervisor/supervise.ts";
import type { SupervisorEvent } from "../supervisor/supervise.ts";
import { connectEtcd } from "./connect.ts";
import type { EtcdAccess } from "./endpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "baton-secured-"));
const authority = testAuthority();
const served = authority.issue({ commonName: "etcd", addresses: ["127.0.0.1"] });
const client = authority.issue({ commonName: "nobody in particular", usages: ["client"] });
const auth = { username: "root", password: "a-password-of-a-test" };
const tls = { ca: authority.ca, cert: client.cert, key: client.key };

let rig: EtcdRig;
let access: EtcdAccess;
beforeAll(async () => {
  rig = await startEtcd({ members: 1, tls: writeCertificate(join(folder, "etcd"), served, authority.ca) });
  // A password is meant to cost etcd time, and a loaded machine multiplies it.
  access = { endpoints: rig.endpoints, cluster: "secured", tls, auth, callTimeoutMs: patienceMs };
  const credentials = {
    ...{ rootCertificate: Buffer.from(tls.ca), certChain: Buffer.from(tls.cert), privateKey: Buffer.from(tls.key) },
  };
  const root = new Etcd3({ hosts: [...rig.endpoints], credentials });
  await root.role("root").create();
  await root.user("root").create(auth.password);
  await root.user("root").addRole("root");
  await root.auth.authEnable();
  root.close();
});
afterAll(async () => {
  await rig?.stop();
  rmSync(folder, { recursive: true });
});

test("without the password, or without a certificate, nothing is read", async () => {
  await using noPassword = connectEtcd({ endpoints: rig.endpoints, cluster: "secured", tls });
  await expect(noPassword.read()).rejects.toMatchObject({ code: "etcd-unavailable" });
  await using noCertificate = connectEtcd({ endpoints: rig.endpoints, cluster: "secured", tls: { ca: tls.ca }, auth });
  await expect(noCertificate.read()).rejects.toMatchObject({ code: "etcd-unavailable" });
});

test("the engine's connection reads, transacts and is woken", async () => {
  await using etcd = connectEtcd(access);
  let wakes = 0;
  const watch = etcd.watch((wake) => void (wakes += wake.keys.length));
  expect(await etcd.initCluster({ id: id<ClusterId>("c-1"), members: [member(nodeA)], schema: 1 })).toBe("created");
  expect((await etcd.read()).cluster).toMatchObject({ id: "c-1" });
  await until("a wake for the change", () => wakes > 0);
  watch.stop();
});

test("the keeper on its own thread moves the deadline, also after etcd has forgotten every token", async () => {
  await using etcd = connectEtcd(access);
  const keeper = startKeeper({
    ...{ etcd: access, node: nodeA, boot: bootA, ttlSeconds: 60, keepaliveMs: 250, marginMs: 300 },
    onEvent: () => undefined,
  });
  onTestFinished(() => keeper.stop());
  await keeper.whenGranted;
  await etcd.publishMember(memberRecord(nodeA, bootA, keeper.lease));
  const led = await etcd.transact(takeover(await etcd.read(), { node: nodeA, boot: bootA, lease: keeper.lease }));
  expect(led.kind).toBe("committed");
  keeper.lead((await etcd.read()).epoch.value);
  const moved = (from: number): Promise<number> =>
    until("the deadline moves", () => (keeper.deadline() > from ? keeper.deadline() : undefined));
  const before = await moved(await moved(monoNow()));
  // A member keeps the tokens that it gave in memory.
  await rig.members[0]?.restart();
  let wakes = 0;
  const watch = etcd.watch((wake) => void (wakes += wake.keys.length));
  await moved(await moved(before));
  await until("a read", () => etcd.read().catch(() => undefined));
  await until("a wake", async () => {
    await etcd.setAutofailover("observe").catch(() => undefined);
    return wakes > 0;
  });
  watch.stop();
  await keeper.stop({ revoke: true });
  await until("the lease is given back", async () => (await etcd.read()).leader === undefined);
});

test("the supervisor revokes the lease of an engine that died, and its next boot leads", async () => {
  const facts: SupervisorEvent[] = [];
  const stopping = new AbortController();
  const ended = supervise({
    module: fileURLToPath(new URL("../fixtures/engine.ts", import.meta.url)),
    args: ["steady", JSON.stringify(access)],
    etcd: access,
    stop: stopping.signal,
    log: (fact) => facts.push(fact),
  });
  try {
    await using etcd = connectEtcd(access);
    const leads = async (but?: BootId): Promise<BootId | undefined> => {
      const boot = (await etcd.read()).leader?.value.boot;
      return boot === but ? undefined : boot;
    };
    const first = await until("an engine leads", () => leads());
    process.kill(facts.findLast((fact) => fact.event === "engine.started")?.pid ?? 0, "SIGKILL");
    await until("the next one leads", () => leads(first));
    expect(facts).toContainEqual(expect.objectContaining({ event: "engine.released" }));
  } finally {
    stopping.abort();
    await ended;
  }
});
