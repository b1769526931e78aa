/**
 * The HTTP listener of every node: probes and cluster state are answered here, whatever the state of etcd; everything that
 * concerns orders is answered by the leader, to whom a standby forwards over the node link (header `Baton-Leader` says who
 * answered). Where there is no leader the answer is 503 `refused`: nothing was recorded. With `api.tls` nothing but TLS is
 * spoken; a certificate is asked for and not demanded, since a token proves as much.
 */
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { fastify } from "fastify";
import type { ApiRoute, NodeId, Principal } from "@baton/core";
import { InvariantError, problem, problemMediaType } from "@baton/core";
import type { Tokens } from "../config/secrets.ts";
import type { TlsIdentity } from "../config/certificates.ts";
import { presentedOn } from "./presented.ts";
import { askerOf, isAllowed } from "./principals.ts";

/** A request as it travels over the node link; JSON. */
export interface ForwardedRequest {
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  readonly idempotencyKey: string | null;
  readonly principal: Principal;
}

export interface ForwardedAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** What a route gives back. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly contentType?: string;
}

/** Instead of an answer at once: a connection that is written to for as long as it lasts. */
export interface Streaming {
  readonly status: 200;
  readonly contentType: string;
  /** Called once, after the headers have left. */
  readonly stream: (out: ServerResponse) => void;
}

export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
  /** The last event that a reconnecting listener has. */
  readonly lastEventId: string | undefined;
  readonly principal: Principal;
}

/** A call of core's table and what answers it. */
export interface Route extends ApiRoute {
  readonly handle: (request: RouteRequest) => Promise<Answer | Streaming> | Answer | Streaming;
}

/** Who is let in. */
export interface Access {
  readonly tokens: Tokens | undefined;
  readonly allowLoopbackWithoutToken: boolean;
}

/** How requests reach the leader. */
export interface Leader {
  /** Undefined when there is none; `isHere` when it is this node. */
  current(): { readonly node: NodeId; readonly isHere: boolean } | undefined;
  /**
   * Asked where the leader is here: true once what is committed here holds all that any leader had acknowledged when this
   * was called; false where that cannot be made sure of in time, or another leads by now.
   */
  whenReadable(): Promise<boolean>;
  forward(node: NodeId, request: ForwardedRequest): Promise<ForwardedAnswer>;
}

export interface Api {
  readonly server: Server;
  /** Answers a request that another node forwarded. */
  answerForwarded(request: ForwardedRequest): Promise<ForwardedAnswer>;
  /** Connections from now on see this certificate and authority; those that are open stay. Only where it opened with TLS. */
  renew(tls: TlsIdentity): void;
  listen(host: string, port: number): Promise<void>;
  close(): Promise<void>;
}

const forwardedHeader = "x-baton-forwarded";

/** Opens the API on a server of its own; the node link shares the listener. */
export async function openApi(o: {
  readonly node: NodeId;
  readonly routes: readonly Route[];
  readonly access: Access;
  readonly leader: Leader;
  readonly onError: (error: Error) => void;
  /** Baton itself is broken: no answer to one request may hide that from the process. Default: it is thrown where nobody catches it. */
  readonly onBroken?: (error: InvariantError) => void;
  /** Absent: plain HTTP. */
  readonly tls?: TlsIdentity;
  /** Someone could not be understood at all: it spoke plain HTTP to TLS, or TLS to plain HTTP, or a TLS of old. */
  readonly onMisspoken?: (sentence: string) => void;
}): Promise<Api> {
  const listener = openListener(o.tls, o.onMisspoken ?? (() => undefined));
  const { server } = listener;
  const app = fastify({
    bodyLimit: 256 * 1024,
    forceCloseConnections: true,
    serverFactory: (handler) => {
      server.on("request", handler);
      return server;
    },
  });
  // What travelled over the node link was authenticated where it entered; only `inject` below can carry this token.
  const inside = crypto.randomUUID();
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    // What could not be read now (etcd, a venue) is no fault of the asker and none of ours.
    const isAway = "code" in error && (error.code === "etcd-unavailable" || error.code === "venue-unavailable");
    const status = isAway ? 503 : (error.statusCode ?? 500);
    if (status >= 500 && !isAway) o.onError(error);
    if (error instanceof InvariantError) (o.onBroken ?? throwOutside)(error);
    const code = isAway ? "refused" : status >= 500 ? "internal" : "invalid";
    const detail =
      status === 415 ? "the body must be JSON: send it with content-type: application/json" : error.message;
    return sendProblem(reply, problem(status, code, detail));
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(reply, problem(404, "not-found", `there is no ${request.url}`)),
  );
  // Fastify would take text as a body of its own; here everything is JSON, and what is not is told so.
  app.removeContentTypeParser("text/plain");
  const allowed = new Map<string, string[]>();
  for (const route of o.routes) {
    const methods: HTTPMethods[] = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
    if (route.isProbe === true) methods.push("OPTIONS");
    app.route({
      method: methods,
      url: route.path,
      handler: (request, reply) => handle(o, route, inside, request, reply),
    });
    allowed.set(route.path, [...(allowed.get(route.path) ?? []), ...methods]);
  }
  for (const [path, methods] of allowed) {
    const isProbe = methods.includes("OPTIONS");
    const allow = (isProbe ? methods : [...methods, "OPTIONS"]).join(", ");
    if (!isProbe) app.options(path, (_request, reply) => reply.code(204).header("allow", allow).send());
    app.route({
      method: (["GET", "POST", "PUT", "PATCH", "DELETE"] as const).filter((method) => !methods.includes(method)),
      url: path,
      // Before the body is looked at: whatever it is, it is not wanted here.
      onRequest: async (request, reply) => {
        reply.header("allow", allow);
        await sendProblem(reply, problem(405, "method-not-allowed", `${request.url} takes ${allow}`));
      },
      handler: () => undefined,
    });
  }
  await app.ready();
  // Fastify loads what `inject` needs at its first call, 25 ms of it: not when the first orders come to a new leader.
  await app.inject({ method: "OPTIONS", url: "/cluster" });
  return {
    server,
    answerForwarded: (forwarded) => inject(app, inside, forwarded),
    renew: listener.renew,
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.removeListener("error", reject);
          resolve();
        });
      }),
    close: async () => {
      server.closeAllConnections();
      listener.hangUp();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await app.close();
    },
  };
}

interface Listener {
  readonly server: Server;
  readonly renew: (tls: TlsIdentity) => void;
  /** Ends what the HTTP server does not know of: connections in the middle of a handshake. */
  readonly hangUp: () => void;
}

/** How long a handshake may take; many of them that never end would hold what a listener can hold. */
const handshakeMs = 10_000;

function openListener(tls: TlsIdentity | undefined, misspoken: (sentence: string) => void): Listener {
  const options = { keepAliveTimeout: 30_000, noDelay: true };
  if (tls === undefined) {
    const server = createServer(options);
    server.on("clientError", (error: Error & { readonly rawPacket?: Buffer }, socket) => {
      const isTls = error.rawPacket?.[0] === tlsHandshakeByte;
      if (isTls) misspoken(`${addressOf(socket)} spoke TLS; this node has no api.tls, and speaks plain HTTP`);
    });
    return { server, renew: () => undefined, hangUp: () => undefined };
  }
  const server = createSecureServer({
    ...options,
    ...tls,
    ...{ requestCert: true, rejectUnauthorized: false, handshakeTimeout: handshakeMs },
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const who = addressOf(socket);
    if (error.code === "ERR_SSL_HTTP_REQUEST")
      misspoken(`${who} spoke plain HTTP; this node speaks TLS only (api.tls)`);
    else if (error.code?.startsWith("ERR_SSL_") === true)
      misspoken(
        `${who} made no TLS connection: ${error.code
          .replace(/^ERR_SSL_/, "")
          .toLowerCase()
          .replaceAll("_", " ")}`,
      );
  });
  return {
    server,
    renew: (fresh) => server.setSecureContext(fresh),
    hangUp: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** First byte of a TLS handshake. */
const tlsHandshakeByte = 0x16;

function addressOf(socket: Duplex): string {
  const address = "remoteAddress" in socket ? socket.remoteAddress : undefined;
  return typeof address === "string" ? address : "somebody";
}

/** Ends the process, as an assertion anywhere else does: a node that is confused must not go on trading. */
function throwOutside(error: InvariantError): void {
  setImmediate(() => {
    throw error;
  });
}

/** What to do about a change that came with an `Idempotency-Key` and whose fate is not known. */
export const sameKey = "repeat with the same key";

/** To who would be told of something that is not there, or has ended, by a leader that may not know. */
const notReadable = problem(
  503,
  "refused",
  "it is not certain that this node still leads, and knows all; nothing was recorded, try again",
);

/** A write that was refused with one of these is told what a read would be: there is no such order, or it has ended. */
const tellsOfState: ReadonlySet<number> = new Set([404, 409]);

/** Who may ask a probe and nothing else. */
const stranger: Principal = { name: "stranger", role: "viewer" };

async function handle(
  o: { readonly node: NodeId; readonly access: Access; readonly leader: Leader },
  route: Route,
  inside: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const forwarded = request.headers[forwardedHeader];
  const isInside = typeof forwarded === "string" && forwarded.startsWith(`${inside} `);
  const asker = isInside
    ? ({ kind: "principal", principal: JSON.parse(forwarded.slice(inside.length + 1)) as Principal } as const)
    : askerOf(
        {
          ...{ authorization: request.headers.authorization, address: request.ip },
          presented: presentedOn(request.raw.socket),
        },
        o.access,
      );
  if (asker.kind === "refused" && route.isProbe !== true) {
    if (asker.status === 403) return sendProblem(reply, problem(403, "forbidden", asker.detail));
    reply.header("www-authenticate", 'Bearer realm="baton"');
    return sendProblem(reply, problem(401, "unauthorized", asker.detail));
  }
  const principal = asker.kind === "refused" ? stranger : asker.principal;
  if (!isAllowed(principal, route.right)) {
    return sendProblem(
      reply,
      problem(403, "forbidden", `${principal.name} is a ${principal.role}; this needs ${route.right}`),
    );
  }
  const key = request.headers["idempotency-key"];
  const idempotencyKey = typeof key === "string" ? key : undefined;
  const lastEventId = request.headers["last-event-id"];
  if (route.on === "leader") {
    let leader = o.leader.current();
    const isRead = route.method === "GET";
    const isReadable = !isRead || leader?.isHere !== true || (await o.leader.whenReadable());
    // It may have handed over while the read waited: then the successor knows.
    if (!isReadable) leader = o.leader.current();
    if (leader === undefined)
      return sendProblem(reply, problem(503, "refused", "no node leads now; nothing was recorded, try again"));
    if (!leader.isHere) {
      if (isInside)
        return sendProblem(
          reply,
          problem(503, "refused", "this node no longer leads; nothing was recorded, try again"),
        );
      return await forward(o.leader, leader.node, { request, principal, idempotencyKey }, reply);
    }
    reply.header("baton-leader", o.node);
    if (!isReadable) return sendProblem(reply, notReadable);
  }
  const asked: RouteRequest = {
    params: request.params as Record<string, string>,
    query: request.query as Record<string, string>,
    body: request.body,
    idempotencyKey,
    lastEventId: typeof lastEventId === "string" ? lastEventId : undefined,
    principal,
  };
  let answer = await route.handle(asked);
  if (route.on === "leader" && route.method !== "GET" && tellsOfState.has(answer.status)) {
    // It was refused by what is known here, and recorded nothing: it is handled once more when that is known to be all.
    if (!(await o.leader.whenReadable())) return sendProblem(reply, notReadable);
    answer = await route.handle(asked);
  }
  return "stream" in answer ? startStream(request, reply, answer) : send(reply, answer);
}

function startStream(request: FastifyRequest, reply: FastifyReply, answer: Streaming): FastifyReply {
  const headers = { "content-type": answer.contentType, "cache-control": "no-store", "x-accel-buffering": "no" };
  if (request.method === "HEAD") return reply.code(answer.status).headers(headers).send();
  reply.hijack();
  reply.raw.writeHead(answer.status, headers);
  answer.stream(reply.raw);
  return reply;
}

async function forward(
  leader: Leader,
  node: NodeId,
  what: {
    readonly request: FastifyRequest;
    readonly principal: Principal;
    readonly idempotencyKey: string | undefined;
  },
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.header("baton-leader", node);
  const { request, principal, idempotencyKey } = what;
  try {
    const answer = await leader.forward(node, {
      method: request.method,
      url: request.url,
      body: request.body ?? null,
      idempotencyKey: idempotencyKey ?? null,
      principal,
    });
    return await send(reply, answer);
  } catch (error) {
    // It may have reached the leader and been recorded there.
    const isWrite = request.method !== "GET" && request.method !== "HEAD";
    const why = error instanceof Error ? error.message : String(error);
    const told = `the leader ${node} did not answer (${why})`;
    const next =
      idempotencyKey === undefined
        ? "it came without an Idempotency-Key: look for what it asked for before it is sent again"
        : sameKey;
    const detail = isWrite ? `${told}; it may be recorded there: ${next}` : told;
    return sendProblem(reply, problem(503, isWrite ? "unknown" : "refused", detail));
  }
}

async function inject(app: FastifyInstance, inside: string, forwarded: ForwardedRequest): Promise<ForwardedAnswer> {
  const answer = await app.inject({
    method: forwarded.method as ApiRoute["method"],
    url: forwarded.url,
    headers: {
      [forwardedHeader]: `${inside} ${JSON.stringify(forwarded.principal)}`,
      ...(forwarded.idempotencyKey !== null && { "idempotency-key": forwarded.idempotencyKey }),
      ...(forwarded.body !== null && { "content-type": "application/json" }),
    },
    // As text, so that a body which is no object reaches the check that says so.
    ...(forwarded.body !== null && { payload: JSON.stringify(forwarded.body) }),
  });
  return { status: answer.statusCode, body: answer.body === "" ? null : (JSON.parse(answer.body) as unknown) };
}

function send(reply: FastifyReply, answer: Answer): FastifyReply {
  const type = answer.contentType ?? (isProblem(answer.body) ? problemMediaType : "application/json");
  const retryAfterMs = retryAfterOf(answer.body);
  // It knows whole seconds only: who is to ask again much sooner is told so in the body, and would be held up by it.
  if (retryAfterMs >= retryHeaderMs) reply.header("retry-after", `${Math.ceil(retryAfterMs / 1_000)}`);
  return reply
    .code(answer.status)
    .header("content-type", type)
    .send(answer.contentType === undefined ? JSON.stringify(answer.body) : answer.body);
}

/** From so long on the header Retry-After is given. */
const retryHeaderMs = 250;

/** In the body, so that it also comes over the node link; the header is for clients that know HTTP alone. 0: nothing is told. */
function retryAfterOf(body: unknown): number {
  const told = typeof body === "object" && body !== null && "retryAfterMs" in body ? body.retryAfterMs : undefined;
  return typeof told === "number" && isProblem(body) ? told : 0;
}

/** A probe that says no has a body of its own. */
function isProblem(body: unknown): boolean {
  return typeof body === "object" && body !== null && "type" in body && "code" in body;
}

function sendProblem(reply: FastifyReply, document: ReturnType<typeof problem>): FastifyReply {
  return send(reply, { status: document.status, body: document });
}
