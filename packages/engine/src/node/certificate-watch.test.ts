import { chmodSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { testAuthority, writeCertificate } from "../../../../test/rig/certificates.ts";
import type { CertificateWish } from "../../../../test/rig/certificates.ts";
import { ConfigError } from "../config/load.ts";
import type { ConfigProblem } from "../config/load.ts";
import { CertificateWatch } from "./certificate-watch.ts";

const authority = testAuthority();
const wish: CertificateWish = { commonName: "a", units: ["node"], addresses: ["10.0.0.1"] };
const hourMs = 3_600_000;
const patience = { timeout: 45_000, interval: 5 };

let folder: string;
let watch: CertificateWatch | undefined;
const told: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-certificates-"));
  told.length = 0;
});
afterEach(() => {
  watch?.close();
  watch = undefined;
  rmSync(folder, { recursive: true });
});

function write(o: { readonly wish?: CertificateWish; readonly by?: typeof authority; readonly ca?: string } = {}) {
  const made = (o.by ?? authority).issue({ ...wish, ...o.wish });
  return { made, files: writeCertificate(folder, made, o.ca ?? authority.ca) };
}

function started(o: Parameters<typeof write>[0] = {}): ReturnType<typeof write> & { readonly watch: CertificateWatch } {
  const written = write(o);
  const tell = (event: string, sentence: string): void => void told.push(`${event}: ${sentence}`);
  watch = new CertificateWatch({
    ...{ files: written.files, node: id<NodeId>("a"), host: "10.0.0.1", say: tell, warn: tell, everyMs: 5 },
  });
  return { ...written, watch };
}

function problemsOf(run: () => unknown): readonly ConfigProblem[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("at the start", () => {
  test.each<[string, Parameters<typeof write>[0], string, RegExp]>([
    ["has expired", { wish: { notAfter: new Date(Date.now() - 1_000) } }, "certFile", /expired/],
    ["is of another node", { wish: { commonName: "b" } }, "certFile", /CN b/],
    ["is for another host", { wish: { addresses: ["10.0.0.2"] } }, "certFile", /others dial 10\.0\.0\.1/],
    ["is of another authority", { by: testAuthority() }, "certFile", /not signed by/],
    ["may not dial", { wish: { usages: ["server"] } }, "certFile", /both ends/],
    ["has an authority that is none", { ca: "trust me" }, "caFile", /no certificate/],
  ])("a certificate that %s is told by its file and key", (_what, o, key, sentence) => {
    const problems = problemsOf(() => started(o));
    expect(problems).toEqual([
      expect.objectContaining({ key: `api.tls.${key}`, sentence: expect.stringMatching(sentence) }),
    ]);
    expect(problems[0]?.file).toContain(folder);
  });

  test("one through an authority in between, which stands in its own file, serves", () => {
    const between = authority.below("an authority in between");
    const { files, made } = write({ by: between });
    const whole = { files, node: id<NodeId>("a"), host: "10.0.0.1", say: () => undefined, warn: () => undefined };
    expect(() => new CertificateWatch(whole)).toThrow(/not signed by/);
    writeFileSync(files.certFile, made.cert + between.ca);
    watch = new CertificateWatch(whole);
    expect(watch.identity.cert).toContain(between.ca.trimEnd());
  });

  test("a key that others may read is told of; a group may", () => {
    const { files } = write();
    const begin = (): void => {
      watch?.close();
      const tell = (event: string, sentence: string): void => void told.push(`${event}: ${sentence}`);
      watch = new CertificateWatch({ files, node: id<NodeId>("a"), host: "10.0.0.1", say: tell, warn: tell });
    };
    chmodSync(files.keyFile, 0o640);
    begin();
    expect(told).toEqual([]);
    chmodSync(files.keyFile, 0o644);
    begin();
    expect(told).toEqual([expect.stringMatching(/^secret\.open: \S+key\.pem can be read/)]);
  });

  test("one that is about to expire is told of, and how long it lasts", () => {
    const { watch: running } = started({ wish: { notAfter: new Date(Date.now() + 5.5 * hourMs) } });
    expect(told).toEqual([expect.stringMatching(/^certificate\.expiring: The node's certificate expires in 5 h/)]);
    const [node] = running.lives();
    expect(node?.seconds).toBeGreaterThan(5 * 3_600);
    expect(node?.seconds).toBeLessThan(5.6 * 3_600);
  });
});

describe("renewed on disk", () => {
  test("a certificate is in use without a restart", async () => {
    const { watch: running, made } = started();
    const renewed: string[] = [];
    running.onRenewed((identity) => renewed.push(identity.cert));
    expect(running.identity.cert).toBe(made.cert.trimEnd());
    const next = write().made;
    await vi.waitFor(() => expect(running.identity.cert).toBe(next.cert.trimEnd()), patience);
    expect(running.identity.key).toBe(next.key.trimEnd());
    expect(renewed.at(-1)).toBe(next.cert.trimEnd());
    expect(told.at(-1)).toMatch(/^certificate\.renewed: /);
  });

  test.each<[string, (files: { certFile: string; keyFile: string }) => void, RegExp]>([
    [
      "of which only the certificate is written",
      ({ certFile }) => writeFileSync(certFile, authority.issue(wish).cert),
      /not the key/,
    ],
    ["that has expired", () => void write({ wish: { notAfter: new Date(Date.now() - 1_000) } }), /expired/],
    ["that is no certificate", ({ certFile }) => writeFileSync(certFile, "oops"), /holds no certificate/],
    ["that is gone", ({ keyFile }) => unlinkSync(keyFile), /ENOENT/],
  ])("one %s is told of once and the old one stays", async (_what, spoil, why) => {
    const { watch: running, made, files } = started();
    let renewals = 0;
    running.onRenewed(() => (renewals += 1));
    spoil(files);
    await vi.waitFor(() => expect(told).not.toEqual([]), patience);
    // Many more looks at the same files say nothing more.
    const looks = vi.fn<() => void>();
    const counting = setInterval(looks, 5);
    await vi.waitFor(() => expect(looks.mock.calls.length).toBeGreaterThan(5), patience);
    clearInterval(counting);
    expect(told).toEqual([
      expect.stringMatching(/^certificate\.refused: The new certificate is not used, the old one is/),
    ]);
    expect(told[0]).toMatch(why);
    expect([running.identity.cert, renewals]).toEqual([made.cert.trimEnd(), 0]);
    const next = write().made;
    await vi.waitFor(() => expect(running.identity.cert).toBe(next.cert.trimEnd()), patience);
  });
});
