import { createServer } from "node:https";
import { TLSSocket } from "node:tls";
import { id } from "@baton/core";
import type { NodeId } from "@baton/core";
import { expect, test } from "vitest";
import { testAuthority } from "../../../../test/rig/certificates.ts";
import type { CertificateWish } from "../../../../test/rig/certificates.ts";
import { noted, scratch, startNode, until } from "../testing/rig.ts";
import type { TestNode } from "../testing/rig.ts";
import type { LinkSecurity } from "./security.ts";

const authority = testAuthority();
const stranger = testAuthority("another authority");

interface Secured {
  /** Default: the authority of all. */
  readonly by?: typeof authority;
  /** Whom it trusts; default: the authority of all. */
  readonly trusts?: string;
  readonly wish?: CertificateWish;
}

function identityOf(name: string, o: Secured): ReturnType<LinkSecurity["identity"]> {
  const made = (o.by ?? authority).issue({ commonName: name, units: ["node"], addresses: ["127.0.0.1"], ...o.wish });
  return { ...made, ca: o.trusts ?? authority.ca, minVersion: "TLSv1.2" };
}

/** As the engine reads a certificate, for the cases here. */
const nodeOf: LinkSecurity["nodeOf"] = (socket) => {
  const isShown = socket instanceof TLSSocket && socket.getPeerCertificate().subject !== undefined;
  if (!isShown) return { kind: "refused", sentence: "it showed no certificate" };
  if (!socket.authorized) return { kind: "refused", sentence: `it is foreign (${String(socket.authorizationError)})` };
  const { CN, OU } = socket.getPeerCertificate().subject;
  if (OU !== "node") return { kind: "refused", sentence: `${String(CN)} is no node` };
  return { kind: "node", node: id<NodeId>(String(CN)) };
};

async function secured(dir: string, name: string, o: Secured = {}): Promise<TestNode> {
  const identity = identityOf(name, o);
  const server = createServer({ ...identity, requestCert: true, rejectUnauthorized: false });
  return await startNode(dir, name, { server, replication: { security: { identity: () => identity, nodeOf } } });
}

/** What both ends say when b dials a. */
function sentences(a: TestNode, b: TestNode): { readonly atA: string[]; readonly atB: string[] } {
  const atA: string[] = [];
  const atB: string[] = [];
  a.replication.onTurnedAway.on(({ who, sentence }) => atA.push(`${who}: ${sentence}`));
  b.replication.onMisfit.on(({ node, sentence }) => atB.push(`${node}: ${sentence}`));
  b.replication.setPeers(new Map([[a.name, a.address]]));
  return { atA, atB };
}

const isUp = (b: TestNode): boolean => b.replication.peers.some((peer) => peer.isUp);

test("nodes of one authority link over TLS, and what is recorded is on both disks", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  await using b = await secured(folder.dir, "b");
  const { atA, atB } = sentences(a, b);
  await a.lead(1, ["b"]);
  const last = a.journal.append(1, [noted(1)]);
  await until(() => a.journal.durable >= last && b.journal.durable >= last, "the record is on both disks");
  expect([atA, atB]).toEqual([[], []]);
});

test("a certificate that is renewed while it runs is shown by the next link", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  let identity = identityOf("b", { by: stranger });
  const replication = { security: { identity: () => identity, nodeOf } };
  await using b = await startNode(folder.dir, "b", { replication });
  const { atB } = sentences(a, b);
  await until(() => atB.length > 0, "b is turned away");
  identity = identityOf("b", {});
  await until(() => isUp(b), "b is let in");
  expect(b.replication.peers[0]?.downWhy).toBeUndefined();
});

test.each<[string, Secured, RegExp, RegExp]>([
  ["of another authority", { by: stranger }, /^127\.0\.0\.1: it is foreign/, /it refused this node: it is foreign/],
  ["of a person", { wish: { units: ["operator"] } }, /: b is no node/, /it refused this node: b is no node/],
  ["of another node", { wish: { commonName: "c" } }, /^b: .*certificate is of c/, /certificate is of c/],
  ["that has expired", { wish: { notAfter: new Date(Date.now() - 1_000) } }, /CERT_HAS_EXPIRED/, /CERT_HAS_EXPIRED/],
])("a node with a certificate %s is not let in, and both ends say why", async (_what, o, saidAtA, saidAtB) => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  await using b = await secured(folder.dir, "b", o);
  const { atA, atB } = sentences(a, b);
  await until(() => atA.length > 0, "a says why");
  expect(atA[0]).toMatch(saidAtA);
  await until(
    () => b.replication.peers.some(({ downWhy }) => downWhy !== undefined && saidAtB.test(downWhy)),
    "b knows",
  );
  expect(atB.every((sentence) => saidAtB.test(sentence))).toBe(true);
  expect(isUp(b)).toBe(false);
});

test("where a node shows the certificate of another one, the log of either end says so and what to do", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  await using b = await secured(folder.dir, "b", { wish: { commonName: "c" } });
  const { atA, atB } = sentences(a, b);
  await until(() => atA.length > 0 && atB.length > 0, "both say why");
  const why = "it introduced itself as b, and its certificate is of c";
  const advice = "give b a certificate of its own (CN=b, OU=node) in its api.tls.certFile";
  expect(atA[0]).toBe(`b: ${why}; ${advice}`);
  expect(atB[0]).toBe(`a: it refused this node: ${why}; ${advice}`);
});

test("a refusal that names something outlandish comes through whole, as far as it fits", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  await using b = await secured(folder.dir, "b", { wish: { commonName: "ü".repeat(60) } });
  const { atB } = sentences(a, b);
  await until(() => atB.length > 0, "b says why");
  expect(atB[0]).toMatch(/it refused this node: it introduced itself as b, and its certificate is of \?{60};/);
});

test.each<[string, Secured, RegExp]>([
  ["of another authority", { by: stranger }, /a: its certificate is not of the authority/],
  ["for another address", { wish: { addresses: ["127.0.0.2"] } }, /a: its certificate is for another host/],
  ["that has expired", { wish: { notAfter: new Date(Date.now() - 1_000) } }, /a: its certificate has expired/],
  ["of another node", { wish: { commonName: "c" } }, /a: it says that it is a, and its certificate is of c/],
])("a peer that is dialled and shows a certificate %s is not believed", async (_what, o, said) => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a", o);
  await using b = await secured(folder.dir, "b");
  const { atB } = sentences(a, b);
  await until(() => atB.length > 0, "b says why");
  expect(atB[0]).toMatch(said);
  expect(isUp(b)).toBe(false);
});

test("a node with TLS and one without say so on dialling, whichever it is", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  await using b = await startNode(folder.dir, "b");
  const plain = sentences(a, b).atB;
  const safe = sentences(b, a).atB;
  await until(() => plain.length > 0 && safe.length > 0, "both say why");
  expect(plain[0]).toMatch(/^a: it hangs up before a word, as one does that speaks TLS only/);
  expect(safe[0]).toMatch(/^b: it speaks no TLS: api\.tls is set here and not there/);
});

test("over TLS a link without a certificate is not served", async () => {
  using folder = scratch();
  await using a = await secured(folder.dir, "a");
  const identity = identityOf("b", {});
  const bare = { ca: identity.ca, minVersion: identity.minVersion } as ReturnType<LinkSecurity["identity"]>;
  await using b = await startNode(folder.dir, "b", { replication: { security: { identity: () => bare, nodeOf } } });
  const { atA } = sentences(a, b);
  await until(() => atA.length > 0, "a says why");
  expect(atA[0]).toBe("127.0.0.1: it showed no certificate");
});
