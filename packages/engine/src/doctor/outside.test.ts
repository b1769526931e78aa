/** What the doctor makes of the other end: nobody there, somebody who never answers, and somebody else. */
import { createServer as createHttpServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { testAuthority } from "../../../../test/rig/certificates.ts";
import type { CertificateWish } from "../../../../test/rig/certificates.ts";
import type { TlsIdentity } from "../config/certificates.ts";
import { askAlertmanager, dial } from "./outside.ts";

const open: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(open.splice(0).map((server) => new Promise((closed) => server.close(closed))));
});

async function listening(server: Server): Promise<string> {
  open.push(server);
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An address at which nobody listens any more. */
async function left(): Promise<string> {
  const server = createServer();
  const address = await listening(server);
  await new Promise((closed) => open.pop()?.close(closed));
  return address;
}

const authority = testAuthority();
const identity = (wish: CertificateWish = {}): TlsIdentity => ({
  ...authority.issue({ commonName: "a", units: ["node"], addresses: ["127.0.0.1"], ...wish }),
  ca: authority.ca,
  minVersion: "TLSv1.2",
});
const node = (issuedBy: typeof authority, wish: CertificateWish = {}): Promise<string> => {
  const own = issuedBy.issue({ commonName: "b", units: ["node"], addresses: ["127.0.0.1"], ...wish });
  return listening(createSecureServer({ ...own, ca: authority.ca, requestCert: true }));
};

test("a peer that nobody is at, or that never shakes hands, is told as such within the deadline", async () => {
  expect(await dial(await left(), undefined)).toMatchObject({
    kind: "silent",
    cause: expect.stringContaining("REFUSED"),
  });
  const mute = await listening(createServer());
  expect(await dial(mute, undefined)).toMatchObject({ kind: "reached" });
  expect(await dial(mute, identity(), 150)).toMatchObject({
    kind: "reached",
    certificate: { kind: "doubted", cause: "no answer within 150 ms" },
  });
});

test("a peer's certificate is believed under the authority, with the time it has left", async () => {
  const facts = await dial(await node(authority, { notAfter: new Date(Date.now() + 3_600_000) }), identity());
  if (facts.kind !== "reached" || facts.certificate?.kind !== "believed") throw new Error(JSON.stringify(facts));
  expect(facts.certificate.secondsLeft).toBeGreaterThan(3_000);
  expect(facts.certificate.secondsLeft).toBeLessThan(3_601);
});

test("a certificate of another authority, of another host or past its end is doubted, with the reason", async () => {
  const cause = async (address: Promise<string>): Promise<string> => {
    const facts = await dial(await address, identity());
    return facts.kind === "reached" && facts.certificate?.kind === "doubted" ? facts.certificate.cause : "";
  };
  expect(await cause(node(testAuthority("another")))).toMatch(/verify|certificate/i);
  expect(await cause(node(authority, { addresses: ["10.9.9.9"] }))).toMatch(/10\.9\.9\.9/);
  expect(await cause(node(authority, { notAfter: new Date(Date.now() - 60_000) }))).toMatch(/expired/);
  // It speaks no TLS at all.
  const plain = createServer(
    (socket) => void socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  );
  expect(await cause(listening(plain))).not.toBe("");
});

test("an Alertmanager is known by its status; refusal, silence and somebody else are told apart", async () => {
  const serving = async (listener: RequestListener): Promise<string> =>
    `http://${await listening(createHttpServer(listener))}`;
  const status = JSON.stringify({ cluster: { status: "ready" }, versionInfo: { version: "0.28.0" } });
  const asked: (string | undefined)[] = [];
  const real = await serving((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end(status);
  });
  expect(await askAlertmanager(`${real}/am`)).toEqual({ kind: "answers" });
  expect(asked).toEqual(["GET /am/api/v2/status"]);
  const page = await serving((_request, response) => response.end("<html>hello</html>"));
  expect(await askAlertmanager(page)).toMatchObject({ kind: "strange" });
  const refusing = await serving((_request, response) => response.writeHead(403).end());
  expect(await askAlertmanager(refusing)).toEqual({ kind: "strange", cause: "it answered 403" });
  const mute = await serving(() => undefined);
  expect(await askAlertmanager(mute, 150)).toEqual({ kind: "silent", cause: "no answer within 150 ms" });
  expect(await askAlertmanager(`http://${await left()}`)).toMatchObject({ kind: "silent" });
});

test.each(["nowhere", "host:", "host:99999"])(
  "an address that cannot be dialled (%s) is told, and ends nothing",
  async (address) => {
    expect(await dial(address, undefined)).toEqual({ kind: "silent", cause: `${address} is no address` });
  },
);
