import { request as plainRequest } from "node:http";
import { connect as connectTcp } from "node:net";
import type { AddressInfo } from "node:net";
import { connect as connectTls } from "node:tls";
import { apiRoutes, id } from "@baton/core";
import type { ApiRoute, NodeId } from "@baton/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Agent, fetch } from "undici";
import { testAuthority } from "../../../../test/rig/certificates.ts";
import type { CertificateWish, TestCertificate } from "../../../../test/rig/certificates.ts";
import { askerOf } from "./principals.ts";
import { openApi } from "./server.ts";
import type { Api, Route } from "./server.ts";

const authority = testAuthority();
const stranger = testAuthority("another authority");
const served = authority.issue({ commonName: "a", units: ["node"], addresses: ["127.0.0.1"] });
const client = (commonName: string, ...units: string[]): TestCertificate =>
  authority.issue({ commonName, units, usages: ["client"] });

const patience = { timeout: 45_000, interval: 5 };
const open: Api[] = [];
const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.destroy();
  for (const api of open.splice(0)) await api.close();
});

interface Served {
  readonly api: Api;
  readonly port: number;
  readonly misspoken: string[];
}

/** A node that serves every call with the asker's name; one token, `an-operators-token`. */
async function serve(o: { readonly isPlain?: boolean } = {}): Promise<Served> {
  const misspoken: string[] = [];
  const api = await openApi({
    node: id<NodeId>("a"),
    routes: Object.values<ApiRoute>(apiRoutes).map((route): Route => ({
      ...route,
      handle: ({ principal }) => ({ status: 200, body: { by: principal.name, role: principal.role } }),
    })),
    access: {
      tokens: {
        principals: [],
        principalOf: (token) => (token === "an-operators-token" ? { name: "ann", role: "operator" } : undefined),
      },
      allowLoopbackWithoutToken: false,
    },
    leader: {
      current: () => ({ node: id<NodeId>("a"), isHere: true }),
      whenReadable: () => Promise.resolve(true),
      forward: () => Promise.reject(new Error("nothing is forwarded by a leader")),
    },
    onError: (error) => expect.unreachable(error.message),
    ...(o.isPlain !== true && { tls: { ...served, ca: authority.ca, minVersion: "TLSv1.2" as const } }),
    onMisspoken: (sentence) => misspoken.push(sentence),
  });
  open.push(api);
  await api.listen("127.0.0.1", 0);
  return { api, port: (api.server.address() as AddressInfo).port, misspoken };
}

async function ask(
  { port }: Served,
  o: {
    readonly with?: TestCertificate;
    readonly token?: string;
    readonly method?: "GET" | "POST";
    readonly ca?: string;
  },
): Promise<{ readonly status: number; readonly body: any }> {
  const agent = new Agent({ connect: { ca: o.ca ?? authority.ca, ...o.with } });
  agents.push(agent);
  const answer = await fetch(`https://127.0.0.1:${port}/v1/orders`, {
    method: o.method ?? "POST",
    dispatcher: agent,
    headers: o.token === undefined ? {} : { authorization: `Bearer ${o.token}` },
  });
  return { status: answer.status, body: await answer.json() };
}

describe("over TLS", () => {
  test.each<[string, TestCertificate, "GET" | "POST", number, object]>([
    ["a trader places", client("bot", "trader"), "POST", 200, { by: "bot", role: "trader" }],
    ["a viewer looks", client("eve", "viewer"), "GET", 200, { by: "eve", role: "viewer" }],
    ["a viewer places nothing", client("eve", "viewer"), "POST", 403, { detail: "eve is a viewer; this needs trader" }],
    ["a node only looks", client("b", "node"), "POST", 403, { detail: "local is a viewer; this needs trader" }],
    ["without a role nobody looks", client("joe"), "GET", 403, { detail: expect.stringContaining("gives no role") }],
    [
      "of an odd role nobody looks",
      client("joe", "boss"),
      "GET",
      403,
      { detail: expect.stringContaining("role boss") },
    ],
  ])("by certificate: %s", async (_what, certificate, method, status, body) => {
    expect(await ask(await serve(), { with: certificate, method })).toMatchObject({ status, body });
  });

  test.each<[string, { authority?: typeof stranger; wish?: CertificateWish }, RegExp]>([
    ["of another authority", { authority: stranger }, /not of the authority/],
    ["that has expired", { wish: { notAfter: new Date(Date.now() - 1_000) } }, /has expired/],
    ["of a server", { wish: { usages: ["server"] } }, /not for clients/],
  ])("a certificate %s is no principal, not even of this machine", async (_what, o, detail) => {
    const wish: CertificateWish = { commonName: "ann", units: ["operator"], usages: ["client"], ...o.wish };
    const certificate = (o.authority ?? authority).issue(wish);
    const told = await ask(await serve(), { with: certificate, method: "GET" });
    expect(told).toMatchObject({ status: 401, body: { code: "unauthorized", detail: expect.stringMatching(detail) } });
  });

  test("a node's certificate only looks, wherever it comes from", () => {
    const presented = { kind: "certificate", subject: { commonNames: ["b"], units: ["node"] } } as const;
    const access = { tokens: undefined, allowLoopbackWithoutToken: false };
    const from = (address: string) => askerOf({ authorization: undefined, address, presented }, access);
    expect(from("10.0.0.2")).toEqual({ kind: "principal", principal: { name: "b", role: "viewer" } });
    expect(from("127.0.0.1")).toMatchObject({ principal: { name: "local", role: "viewer" } });
  });

  test("a token counts as it does without, and before a certificate", async () => {
    const node = await serve();
    const token = "an-operators-token";
    expect(await ask(node, { token })).toMatchObject({ status: 200, body: { by: "ann" } });
    expect(await ask(node, { token, with: client("eve", "viewer") })).toMatchObject({ body: { by: "ann" } });
    expect(await ask(node, { token: "wrong", with: client("bot", "trader") })).toMatchObject({ status: 401 });
    expect(await ask(node, {})).toMatchObject({
      status: 403,
      body: { detail: "local is a viewer; this needs trader" },
    });
  });

  test("TLS 1.1 is not spoken, and the log says who tried", async () => {
    const node = await serve();
    const socket = connectTls({
      ...{ host: "127.0.0.1", port: node.port, ca: authority.ca },
      ...{ minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" },
    });
    const end = await new Promise<string>((resolve) => {
      socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.once("secureConnect", () => resolve("connected"));
    });
    expect(end).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    const told = ["127.0.0.1 made no TLS connection: unsupported protocol"];
    await vi.waitFor(() => expect(node.misspoken).toEqual(told), patience);
  });

  test("a renewed certificate is shown to the next connection, and one that is open stays", async () => {
    const node = await serve();
    const standing = new Agent({ connect: { ca: authority.ca, ...client("bot", "trader") } });
    agents.push(standing);
    const look = async (): Promise<number> =>
      (await fetch(`https://127.0.0.1:${node.port}/v1/orders`, { dispatcher: standing })).status;
    expect(await look()).toBe(200);
    const renewed = stranger.issue({ commonName: "a", units: ["node"], addresses: ["127.0.0.1"] });
    node.api.renew({ ...renewed, ca: stranger.ca, minVersion: "TLSv1.2" });
    const fresh = stranger.issue({ commonName: "ann", units: ["viewer"], usages: ["client"] });
    expect(await ask(node, { ca: stranger.ca, with: fresh, method: "GET" })).toMatchObject({ status: 200 });
    await expect(ask(node, { ca: authority.ca })).rejects.toThrow("fetch failed");
    expect(await look()).toBe(200);
  });

  test("a connection that never ends its handshake does not hold up the end", async () => {
    const node = await serve();
    const idle = connectTcp(node.port, "127.0.0.1");
    // The kernel has accepted it before the node has.
    const accepted = (): Promise<number> =>
      new Promise((resolve) => node.api.server.getConnections((_error, count) => resolve(count)));
    await vi.waitFor(async () => expect(await accepted()).toBe(1), patience);
    await node.api.close();
    open.length = 0;
    idle.destroy();
  });
});

describe("who speaks the other tongue", () => {
  test("plain HTTP to TLS hangs up, and the log says who", async () => {
    const node = await serve();
    const code = await new Promise<string | undefined>((resolve) => {
      plainRequest({ host: "127.0.0.1", port: node.port, path: "/leader" })
        .on("error", (error: NodeJS.ErrnoException) => resolve(error.code))
        .on("response", () => resolve("an answer"))
        .end();
    });
    expect(code).toBe("ECONNRESET");
    const told = ["127.0.0.1 spoke plain HTTP; this node speaks TLS only (api.tls)"];
    await vi.waitFor(() => expect(node.misspoken).toEqual(told), patience);
  });

  test("TLS to plain HTTP is refused, and the log says who", async () => {
    const node = await serve({ isPlain: true });
    await expect(ask(node, {})).rejects.toThrow("fetch failed");
    const told = "127.0.0.1 spoke TLS; this node has no api.tls, and speaks plain HTTP";
    await vi.waitFor(() => expect(node.misspoken).toContain(told), patience);
  });
});
