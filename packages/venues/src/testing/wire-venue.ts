/**
 * A venue for captured-request tests: plain HTTP on loopback, which keeps every request as it came over the wire (headers
 * and body untouched) and answers from a table. It checks nothing and knows no venue.
 */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** One request as it arrived. */
export interface Captured {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly atWallMs: number;
}

/** What is answered: a body in the venue's shape, with 200 unless a status is named. */
export interface WireAnswer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type WireAnswers = Readonly<Record<string, (request: Captured) => WireAnswer>>;

export interface WireVenue {
  readonly url: string;
  /** For whoever serves WebSockets on the same port. */
  readonly server: Server;
  readonly captured: Captured[];
  /** By `METHOD /path`; may be replaced at any time. */
  answers: WireAnswers;
  /** Asked before the table: true when it dealt with the request itself. */
  intercept: ((request: Captured, response: ServerResponse, socket: Socket) => boolean) | undefined;
  close(): Promise<void>;
}

/** Starts one on a free port. */
export async function startWireVenue(answers: WireAnswers): Promise<WireVenue> {
  const captured: Captured[] = [];
  const venue: Pick<WireVenue, "answers" | "intercept"> = { answers, intercept: undefined };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://venue");
      const one: Captured = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        atWallMs: Date.now(),
      };
      captured.push(one);
      if (venue.intercept?.(one, response, request.socket) === true) return;
      const answer = venue.answers[`${one.method} ${one.path}`]?.(one) ?? { status: 404, body: "no such path" };
      response.writeHead(answer.status ?? 200, { "content-type": "application/json", ...answer.headers });
      response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(venue, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    captured,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
