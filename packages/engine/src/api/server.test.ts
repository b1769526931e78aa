import type { AddressInfo } from "node:net";
import { request as httpRequest } from "node:http";
import { apiRoutes, id, InvariantError, openApiDocument, problem } from "@baton/core";
import type { AccessRole as Role, ApiRoute, NodeId } from "@baton/core";
import { afterEach, describe, expect, test } from "vitest";
import type { Tokens } from "../config/secrets.ts";
import { openApi } from "./server.ts";
import type { Answer, Api, ForwardedAnswer, ForwardedRequest, Leader, Route, RouteRequest } from "./server.ts";

const open: Api[] = [];
afterEach(async () => {
  for (const api of open.splice(0)) await api.close();
});

const tokens: Tokens = {
  principals: [],
  principalOf: (token) => {
    const [role, name] = token.split("-");
    return role === "viewer" || role === "trader" || role === "operator" ? { name: name ?? role, role } : undefined;
  },
};
const here: Leader = {
  current: () => ({ node: id<NodeId>("a"), isHere: true }),
  whenReadable: () => Promise.resolve(true),
  forward: () => Promise.reject(new Error("nothing is forwarded by a leader")),
};

/** Another node leads. */
const elsewhere = (node: string): Pick<Leader, "current" | "whenReadable"> => ({
  current: () => ({ node: id<NodeId>(node), isHere: false }),
  whenReadable: () => Promise.reject(new Error("asked of a node that does not lead")),
});

interface Served {
  readonly api: Api;
  readonly url: string;
  readonly asked: RouteRequest[];
}

/** A node that serves every call of the table with an echo. */
async function serve(
  o: {
    readonly leader?: Leader;
    readonly tokens?: boolean;
    readonly loose?: boolean;
    /** Instead of the echo. */
    readonly answer?: Answer;
  } = {},
): Promise<Served> {
  const asked: RouteRequest[] = [];
  const routes = Object.values<ApiRoute>(apiRoutes).map((route): Route => ({
    ...route,
    handle: (request) => {
      asked.push(request);
      if (o.answer !== undefined) return o.answer;
      return { status: 200, body: { by: request.principal.name, body: request.body ?? null } };
    },
  }));
  const api = await openApi({
    node: id<NodeId>("a"),
    routes,
    access: {
      tokens: o.tokens === false ? undefined : tokens,
      allowLoopbackWithoutToken: o.loose ?? false,
    },
    leader: o.leader ?? here,
    onError: () => undefined,
  });
  open.push(api);
  await api.listen("127.0.0.1", 0);
  return { api, asked, url: `http://127.0.0.1:${(api.server.address() as AddressInfo).port}` };
}

const as = (role: Role): Record<string, string> => ({ authorization: `Bearer ${role}-${role}` });
const json = (role: Role, body: unknown, more: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { ...as(role), "content-type": "application/json", ...more },
  body: JSON.stringify(body),
});
const problemOf = async (answer: Response): Promise<{ status: number; code: string; detail: string }> => {
  expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  return (await answer.json()) as { status: number; code: string; detail: string };
};

describe("who may ask", () => {
  test("nobody with a token that this node does not know", async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/cluster`, { headers: { authorization: "Bearer nobody" } });
    expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="baton"');
    expect(await problemOf(answer)).toMatchObject({ status: 401, code: "unauthorized" });
  });

  test.each<[Role, string, string, number]>([
    ["viewer", "GET", "/v1/orders", 200],
    ["viewer", "POST", "/v1/orders", 403],
    ["viewer", "DELETE", "/v1/orders/i-1", 403],
    ["viewer", "PATCH", "/v1/orders/i-1", 403],
    ["viewer", "POST", "/operations", 403],
    ["trader", "POST", "/v1/orders", 200],
    ["trader", "POST", "/operations", 403],
    ["operator", "POST", "/v1/orders", 200],
    ["operator", "POST", "/operations", 200],
  ])("a %s: %s %s gives %i", async (role, method, path, status) => {
    const { url } = await serve();
    const answer = await fetch(`${url}${path}`, { method, headers: as(role) });
    expect(answer.status).toBe(status);
  });

  test("without a token from this machine may look, and write only where the configuration says so", async () => {
    const strict = await serve();
    expect((await fetch(`${strict.url}/cluster`)).status).toBe(200);
    expect((await fetch(`${strict.url}/v1/orders`, { method: "POST" })).status).toBe(403);
    const loose = await serve({ loose: true });
    expect((await fetch(`${loose.url}/v1/orders`, { method: "POST" })).status).toBe(200);
  });
});

describe("a probe", () => {
  test("answers anybody, by GET, HEAD and OPTIONS alike, since load balancers have no token; nothing else does", async () => {
    const { url } = await serve();
    const headers = { authorization: "Bearer nobody" };
    for (const path of ["/leader", "/standby", "/in-sync", "/health", "/ready?lag=3", "/live"]) {
      for (const method of ["GET", "HEAD", "OPTIONS"]) {
        expect((await fetch(`${url}${path}`, { method, headers })).status, `${method} ${path}`).toBe(200);
      }
      expect((await fetch(`${url}${path}`, { method: "POST", headers })).status).toBe(405);
    }
    const probes = ["/leader", "/standby", "/in-sync", "/health", "/ready", "/live"];
    const others = Object.values<ApiRoute>(apiRoutes).filter(({ path }) => !probes.includes(path));
    for (const { method, path } of others) {
      const answer = await fetch(`${url}${path}`, { method, headers });
      expect(answer.status, `${method} ${path}`).toBe(401);
    }
  });

  test("that says no says so to OPTIONS too", async () => {
    const api = await openApi({
      node: id<NodeId>("a"),
      routes: [{ ...apiRoutes.leader, handle: () => ({ status: 503, body: { isOk: false } }) }],
      access: { tokens, allowLoopbackWithoutToken: false },
      leader: here,
      onError: () => undefined,
    });
    open.push(api);
    await api.listen("127.0.0.1", 0);
    const url = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}/leader`;
    const statuses = ["GET", "HEAD", "OPTIONS"].map(async (method) => (await fetch(url, { method })).status);
    expect(await Promise.all(statuses)).toEqual([503, 503, 503]);
  });
});

describe("what a request may look like", () => {
  test("JSON that is none is 400, another media type 415, an unknown path 404, all as problem documents", async () => {
    const { url } = await serve();
    const headers = { ...as("trader"), "content-type": "application/json" };
    const broken = await fetch(`${url}/v1/orders`, { method: "POST", headers, body: "{" });
    expect(await problemOf(broken)).toMatchObject({ status: 400, code: "invalid" });
    for (const type of ["text/csv", "text/plain", "application/x-www-form-urlencoded"]) {
      const typed = await fetch(`${url}/v1/orders`, {
        method: "POST",
        headers: { ...headers, "content-type": type },
        body: "1",
      });
      const detail = "the body must be JSON: send it with content-type: application/json";
      expect(await problemOf(typed), type).toMatchObject({ status: 415, code: "invalid", detail });
    }
    expect(await problemOf(await fetch(`${url}/nowhere`))).toMatchObject({ status: 404, code: "not-found" });
    const large = await fetch(`${url}/v1/orders`, { method: "POST", headers, body: `"${"x".repeat(300_000)}"` });
    expect(await problemOf(large)).toMatchObject({ status: 413, code: "invalid" });
  });

  test("a method that a path does not take is 405 and told which it takes, whatever came with it", async () => {
    const { url } = await serve();
    const put = await fetch(`${url}/v1/orders/i-1`, { method: "PUT", body: "x" });
    expect(put.headers.get("allow")).toBe("GET, HEAD, DELETE, PATCH, POST, OPTIONS");
    expect(await problemOf(put)).toMatchObject({ status: 405, code: "method-not-allowed" });
    expect((await fetch(`${url}/leader`, { method: "POST" })).status).toBe(405);
  });

  test("HEAD answers as GET without a body, OPTIONS says what is allowed", async () => {
    const { url } = await serve();
    const head = await fetch(`${url}/leader`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const options = await fetch(`${url}/v1/orders`, { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, "POST, GET, HEAD, OPTIONS"]);
  });
});

describe("forwarding", () => {
  /** Two nodes: `a` forwards to `b`, which leads. */
  async function pair(leads: Parameters<typeof serve>[0] = {}): Promise<{
    readonly standby: Served;
    readonly leader: Served;
    readonly sent: ForwardedRequest[];
  }> {
    const sent: ForwardedRequest[] = [];
    const leader = await serve(leads);
    const standby = await serve({
      leader: {
        ...elsewhere("b"),
        forward: (_to, request) => {
          sent.push(request);
          return leader.api.answerForwarded(JSON.parse(JSON.stringify(request)) as ForwardedRequest);
        },
      },
    });
    return { standby, leader, sent };
  }

  test("brings body, key, query and principal to the leader, and names it in the answer", async () => {
    const { standby, leader } = await pair();
    const body = { symbol: "BTC/USDT" };
    const answer = await fetch(`${standby.url}/v1/orders`, json("trader", body, { "idempotency-key": "k-1" }));
    expect(answer.headers.get("baton-leader")).toBe("b");
    expect(await answer.json()).toEqual({ by: "trader", body });
    await fetch(`${standby.url}/v1/orders?all=1`, { headers: as("viewer") });
    expect(standby.asked).toEqual([]);
    expect(leader.asked.map(({ idempotencyKey, query }) => [idempotencyKey, { ...query }])).toEqual([
      ["k-1", {}],
      [undefined, { all: "1" }],
    ]);
  });

  test("tells when to ask again as the leader itself does, in whole seconds and no sooner", async () => {
    const body = { ...problem(503, "refused", "too much waits"), retryAfterMs: 1_200 };
    const { standby, leader } = await pair({ answer: { status: 503, body } });
    for (const { url } of [standby, leader]) {
      const answer = await fetch(`${url}/v1/orders`, json("trader", {}));
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "2"]);
      expect(await problemOf(answer)).toEqual(body);
    }
  });

  test("tells a time that is much less than a second in the body alone", async () => {
    const body = { ...problem(503, "refused", "a switchover is under way"), retryAfterMs: 100 };
    const { url } = await serve({ answer: { status: 503, body } });
    const answer = await fetch(`${url}/v1/orders`, json("trader", {}));
    expect(answer.headers.get("retry-after")).toBeNull();
    expect(await problemOf(answer)).toEqual(body);
  });

  test("brings a body that is no object as it is", async () => {
    const { standby, leader } = await pair();
    for (const body of ["text", 7, [1], true]) {
      const answer = await fetch(`${standby.url}/v1/orders`, json("trader", body));
      expect(await answer.json()).toEqual({ by: "trader", body });
    }
    expect(leader.asked).toHaveLength(4);
  });

  test("is refused here to whom the leader would refuse it", async () => {
    const { standby, sent } = await pair();
    expect((await fetch(`${standby.url}/v1/orders`, json("viewer", {}))).status).toBe(403);
    expect(sent).toEqual([]);
  });

  test("cannot be pretended: the header that carries a principal inside is nothing from outside", async () => {
    const { url, asked } = await serve();
    const header = { "x-baton-forwarded": `${crypto.randomUUID()} {"name":"root","role":"operator"}` };
    expect((await fetch(`${url}/operations`, { method: "POST", headers: header })).status).toBe(403);
    expect(asked).toEqual([]);
  });

  test("of a write over a link that breaks is unknown, of a read refused", async () => {
    const { url } = await serve({
      leader: {
        ...elsewhere("b"),
        forward: () => Promise.reject(new Error("the link broke")),
      },
    });
    expect(await problemOf(await fetch(`${url}/v1/orders`, json("trader", {})))).toMatchObject({
      status: 503,
      code: "unknown",
      detail: expect.stringContaining("look for what it asked for"),
    });
    const keyed = await fetch(`${url}/v1/orders`, json("trader", {}, { "idempotency-key": "k-1" }));
    expect(await problemOf(keyed)).toMatchObject({
      status: 503,
      code: "unknown",
      detail: expect.stringContaining("repeat with the same key"),
    });
    const cancel = await fetch(`${url}/v1/orders/i-1`, { method: "DELETE", headers: as("trader") });
    expect(await problemOf(cancel)).toMatchObject({ status: 503, code: "unknown" });
    const read = await fetch(`${url}/v1/orders`, { headers: as("viewer") });
    expect(await problemOf(read)).toMatchObject({ status: 503, code: "refused" });
  });

  test("ends after one step: a node that leads no more refuses what is forwarded to it", async () => {
    const { api } = await serve({
      leader: {
        ...elsewhere("c"),
        forward: () => Promise.reject(new Error("asked twice")),
      },
    });
    const answer: ForwardedAnswer = await api.answerForwarded({
      method: "POST",
      url: "/v1/orders",
      body: {},
      idempotencyKey: null,
      principal: { name: "t", role: "trader" },
    });
    expect(answer).toMatchObject({ status: 503, body: { code: "refused" } });
  });

  test("what a leader is asked waits until it is certain, here and forwarded; what it is told does not", async () => {
    const certain = Promise.withResolvers<boolean>();
    const { standby, leader } = await pair({ leader: { ...here, whenReadable: () => certain.promise } });
    const reads = [standby, leader].map(({ url }) => fetch(`${url}/v1/orders/i-1`, { headers: as("viewer") }));
    expect((await fetch(`${standby.url}/v1/orders`, json("trader", {}))).status).toBe(200);
    expect(leader.asked.map(({ params }) => params["id"])).toEqual([undefined]);
    certain.resolve(true);
    expect((await Promise.all(reads)).map(({ status }) => status)).toEqual([200, 200]);
  });

  test("a read of a leader that is not certain is refused: another may have acknowledged what it does not know", async () => {
    const { standby, leader } = await pair({ leader: { ...here, whenReadable: () => Promise.resolve(false) } });
    for (const { url } of [standby, leader]) {
      const read = await fetch(`${url}/v1/orders/i-1`, { headers: as("viewer") });
      expect(await problemOf(read)).toMatchObject({ status: 503, code: "refused" });
    }
    expect(leader.asked).toEqual([]);
  });

  test("a read that waits while its leader hands over is answered by the successor", async () => {
    const successor = await serve();
    const handed = Promise.withResolvers<boolean>();
    let isHere = true;
    const { url, asked } = await serve({
      leader: {
        current: () => ({ node: id<NodeId>(isHere ? "a" : "b"), isHere }),
        whenReadable: () => handed.promise,
        forward: (_to, request) => successor.api.answerForwarded(request),
      },
    });
    const read = fetch(`${url}/v1/orders/i-1`, { headers: as("viewer") });
    isHere = false;
    handed.resolve(false);
    const answer = await read;
    expect([answer.status, answer.headers.get("baton-leader")]).toEqual([200, "b"]);
    expect([asked.length, successor.asked.length]).toEqual([0, 1]);
  });

  test.each([404, 409])(
    "a cancel that is refused by what a leader knows (%i) is refused so only once that is certain",
    async (status) => {
      const told = problem(status, "conflict", "there is none, or it has ended");
      let isKnown = false;
      let isCertain = false;
      const cancelled: Route = {
        ...apiRoutes.cancelOrder,
        handle: () => (isKnown ? { status: 202, body: {} } : { status, body: told }),
      };
      const api = await openApi({
        node: id<NodeId>("a"),
        routes: [cancelled],
        access: { tokens, allowLoopbackWithoutToken: false },
        leader: {
          ...here,
          whenReadable: () => {
            // Meanwhile the end of what a predecessor acknowledged has been committed here.
            isKnown = isCertain;
            return Promise.resolve(isCertain);
          },
        },
        onError: () => undefined,
      });
      open.push(api);
      await api.listen("127.0.0.1", 0);
      const url = `http://127.0.0.1:${(api.server.address() as AddressInfo).port}/v1/orders/i-1`;
      const cancel = (): Promise<Response> => fetch(url, { method: "DELETE", headers: as("trader") });
      expect(await problemOf(await cancel())).toMatchObject({ status: 503, code: "refused" });
      isCertain = true;
      expect((await cancel()).status).toBe(202);
    },
  );

  test("without a leader, what orders need is refused and the rest is answered", async () => {
    const { url } = await serve({
      leader: { ...elsewhere("b"), current: () => undefined, forward: () => Promise.reject(new Error("no")) },
    });
    expect(await problemOf(await fetch(`${url}/v1/orders`, json("trader", {})))).toMatchObject({
      status: 503,
      code: "refused",
    });
    expect((await fetch(`${url}/cluster`)).status).toBe(200);
  });
});

describe("the table of calls", () => {
  test("is served as a whole, and is what the OpenAPI document says", async () => {
    const { url } = await serve({ loose: true });
    const document = openApiDocument("1") as { paths: Record<string, Record<string, unknown>> };
    const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replace("{symbol}", "BTC/USDT").replace("{id}", "i-1")}`,
      ),
    );
    expect(calls).toHaveLength(Object.keys(apiRoutes).length);
    for (const call of calls) {
      const [method = "", path = ""] = call.split(" ");
      expect((await fetch(`${url}${path}`, { method })).status, call).toBe(200);
    }
  });

  test("names only schemas that the document has", () => {
    const text = JSON.stringify(openApiDocument("1"));
    const document = JSON.parse(text) as { components: { schemas: Record<string, unknown> } };
    for (const [, name = ""] of text.matchAll(/#\/components\/schemas\/(\w+)/g))
      expect(document.components.schemas).toHaveProperty(name);
  });
});

test("a broken invariant is no mere answer to whoever met it: the process is told", async () => {
  const broken: string[] = [];
  const api = await openApi({
    node: id<NodeId>("a"),
    routes: [
      {
        ...apiRoutes.placeOrder,
        handle: () => {
          throw new InvariantError("the journal and the state differ");
        },
      },
    ],
    access: { tokens: undefined, allowLoopbackWithoutToken: true },
    leader: here,
    onError: () => undefined,
    onBroken: (error) => broken.push(error.message),
  });
  open.push(api);
  await api.listen("127.0.0.1", 0);
  const { port } = api.server.address() as AddressInfo;
  const asked = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
  const answer = await fetch(`http://127.0.0.1:${port}/v1/orders`, asked);
  expect(answer.status).toBe(500);
  const forwarded = { method: "POST", url: "/v1/orders", body: {}, idempotencyKey: null } as const;
  await api.answerForwarded({ ...forwarded, principal: { name: "t", role: "trader" } });
  expect(broken).toEqual(["the journal and the state differ", "the journal and the state differ"]);
});

test("a slow request does not keep the listener from closing", async () => {
  const forwarded = Promise.withResolvers<void>();
  const { api, url } = await serve({
    leader: {
      ...elsewhere("b"),
      forward: () => {
        forwarded.resolve();
        return new Promise(() => undefined);
      },
    },
  });
  open.length = 0;
  const { hostname, port } = new URL(url);
  const request = httpRequest({ hostname, port, path: "/v1/orders", headers: as("viewer") });
  const ended = new Promise((resolve) => void request.on("error", resolve).on("close", resolve));
  request.end();
  // It is under way, and its answer never comes.
  await forwarded.promise;
  await expect(api.close()).resolves.toBeUndefined();
  await ended;
});
