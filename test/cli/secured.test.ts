import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { testAuthority, writeCertificate } from "../rig/certificates.ts";
import type { CertificateWish } from "../rig/certificates.ts";
import { baton, clusterView, json, ok, scriptedNode, temporaryFolder } from "./scripted-node.ts";
import type { ScriptedNode } from "./scripted-node.ts";

const authority = testAuthority();
const script = { "GET /cluster": ok(clusterView()) };

function secured(wish: CertificateWish = {}, by = authority): Promise<ScriptedNode> {
  const served = by.issue({ commonName: "a", units: ["node"], addresses: ["127.0.0.1"], ...wish });
  return scriptedNode(script, { ...served, ca: authority.ca });
}

/** A folder with the authority and ann's certificate. */
function filesIn(folder: string): ReturnType<typeof writeCertificate> {
  return writeCertificate(folder, authority.issue({ commonName: "ann", units: ["operator"] }), authority.ca);
}

describe("a node that speaks TLS", () => {
  test("is asked with --ca, and shown the certificate of --cert and --key", async () => {
    using folder = temporaryFolder();
    const { certFile, keyFile, caFile } = filesIn(folder.path);
    await using node = await secured();
    expect((await baton(["status", "-e", node.url, "--ca", caFile])).status).toBe(0);
    expect((await baton(["status", "-e", node.url, "--ca", caFile, "--cert", certFile, "--key", keyFile])).status).toBe(
      0,
    );
    expect(node.asked.map(({ certificateOf }) => certificateOf)).toEqual([undefined, "ann"]);
  });

  test.each<[string, () => Promise<ScriptedNode>, RegExp]>([
    ["of an authority that is not known", () => secured({}, testAuthority()), /not known here: give --ca FILE/],
    ["that has expired", () => secured({ notAfter: new Date(Date.now() - 1_000) }), /has expired: renew it/],
    ["for another address", () => secured({ addresses: ["127.0.0.2"] }), /for another host: use the name or address/],
    ["and shows none, being plain", () => scriptedNode(script), /speaks no TLS: use http:/],
  ])("with a certificate %s ends with 1 and what to do, and is told nothing", async (_what, start, advice) => {
    using folder = temporaryFolder();
    const { caFile } = filesIn(folder.path);
    await using node = await start();
    const run = await baton(["status", "-e", node.url.replace("http:", "https:"), "--ca", caFile, "--json"]);
    expect(run.status).toBe(1);
    expect(run.err).toMatch(advice);
    expect(run.err).not.toMatch(/\n +at /);
    expect(json(run)).toMatchObject({ error: { exit: "failed", detail: expect.stringMatching(advice) } });
    expect(node.asked).toEqual([]);
  });

  test("without --ca is not believed, and a change that was not told there is not unknown", async () => {
    await using node = await secured();
    const run = await baton(["kill", "cluster", "--reason", "test", "-e", node.url]);
    expect([run.status, run.err]).toEqual([1, expect.stringContaining("give --ca FILE")]);
  });

  test("is passed over for the next where it cannot be believed", async () => {
    using folder = temporaryFolder();
    const { caFile } = filesIn(folder.path);
    await using bad = await secured({}, testAuthority());
    await using good = await secured();
    expect((await baton(["status", "-e", bad.url, good.url, "--ca", caFile])).status).toBe(0);
  });

  test("says to whoever speaks plain HTTP what may be wrong", async () => {
    await using node = await secured();
    const run = await baton(["status", "-e", node.url.replace("https:", "http:")]);
    expect([run.status, run.err]).toEqual([4, expect.stringContaining("where it speaks TLS, use https://")]);
  });
});

test("with --config the authority and the certificate come from the file; who names somebody else shows nothing of it", async () => {
  using folder = temporaryFolder();
  const { certFile, keyFile, caFile } = writeCertificate(
    folder.path,
    authority.issue({ commonName: "a", units: ["node"], addresses: ["127.0.0.1"] }),
    authority.ca,
  );
  await using node = await secured();
  const config = join(folder.path, "node.yaml");
  const listen = node.url.replace("https://", "");
  const risk = { orderQuantityMax: "1", orderNotionalMax: "1", collarBps: 1, positionMax: "1" };
  const venue = { id: "v", exchange: "binance", account: "x", apiKeyFile: "k", secretFile: "s", symbols: ["BTC/USDT"] };
  const content = {
    ...{ cluster: { name: "demo", nodes: ["a", "b", "c"] }, node: { id: "a", site: "s", dataDir: "d" } },
    ...{ api: { listen, tls: { certFile, keyFile, caFile } }, etcd: { endpoints: ["http://127.0.0.1:1"] } },
    ...{ venues: [venue], feeds: [{ id: "f", venue: "v", symbols: ["BTC/USDT"] }], risk: { defaults: risk } },
  };
  writeFileSync(config, JSON.stringify(content));
  const tokenFile = join(folder.path, "token");
  writeFileSync(tokenFile, "a-token-of-somebody");
  expect((await baton(["status", "--config", config])).status).toBe(0);
  expect((await baton(["status", "--config", config, "--token-file", tokenFile])).status).toBe(0);
  expect(node.asked.map(({ certificateOf }) => certificateOf)).toEqual(["a", undefined]);
});

test("a certificate without its key, and a file that is not there, are usage errors by the flag's name", async () => {
  using folder = temporaryFolder();
  const { certFile } = filesIn(folder.path);
  const lonely = await baton(["status", "-e", "https://127.0.0.1:9", "--cert", certFile]);
  expect([lonely.status, lonely.err]).toEqual([2, expect.stringContaining("--key is missing")]);
  const missing = await baton(["status", "-e", "https://127.0.0.1:9", "--ca", join(folder.path, "none")]);
  expect([missing.status, missing.err]).toEqual([2, expect.stringContaining("the file of --ca cannot be read")]);
});
