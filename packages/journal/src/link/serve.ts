/**
 * Being dialled: one WebSocket path on the node's own HTTP server. A connection first introduces itself; one of another
 * cluster or format is told so in a sentence and closed, before anything else is said.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { whyForeign } from "@baton/core";
import type { NodeId } from "@baton/core";
import { WebSocketServer } from "ws";
import { Connection, linkLiveness, messageBytesMax } from "./connection.ts";
import type { Liveness } from "./connection.ts";
import { LinkProtocolError, decodeToLeader } from "./messages.ts";
import { ownCertificateOf, plainLine, refusalHeader } from "./security.ts";
import type { LinkSecurity } from "./security.ts";
import type { Introduction, ToFollower, ToLeader } from "./messages.ts";

/** The path of node links. */
export const linkPath = "/link";

/** A peer on the other end that has introduced itself. */
export interface ServedLink {
  readonly peer: Introduction;
  readonly connection: Connection;
}

export interface ServeOptions {
  readonly me: () => Introduction;
  /** What the Authorization header must be. */
  readonly authorization?: string | undefined;
  /** Who dials must prove that it is a node, and introduce itself as that one. */
  readonly security?: LinkSecurity | undefined;
  readonly liveness?: Liveness | undefined;
  readonly onUp: (link: ServedLink) => void;
  readonly onMessage: (link: ServedLink, message: ToLeader) => void;
  readonly onDown: (link: ServedLink, why: string) => void;
  /** Someone who may not join was turned away: a node by its introduction, or an address that never came so far. */
  readonly onTurnedAway: (who: string, sentence: string) => void;
}

/** Serves links on an HTTP server; other upgrade paths are left to others. Call the answer to stop. */
export function serveLinks(server: Server, options: ServeOptions): () => void {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: messageBytesMax });
  const open = new Set<Connection>();
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    // Anybody may reset the connection that an upgrade was asked on, and Node has let go of it: an error that nobody
    // listens to would end this process.
    socket.on("error", () => socket.destroy());
    if (request.url?.split("?")[0] !== linkPath) {
      if (server.listenerCount("upgrade") === 1) socket.destroy();
      return;
    }
    if (options.authorization !== undefined && request.headers.authorization !== options.authorization) {
      socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n");
      return;
    }
    const proof = options.security?.nodeOf(request.socket);
    if (proof?.kind === "refused") {
      options.onTurnedAway(request.socket.remoteAddress ?? "somebody", proof.sentence);
      socket.end(
        `HTTP/1.1 403 Forbidden\r\nConnection: close\r\n${refusalHeader}: ${plainLine(proof.sentence, 300)}\r\n\r\n`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      let link: ServedLink | undefined;
      const connection = new Connection(
        webSocket,
        {
          onText: (text) => {
            const message = decodeToLeader(text);
            if (link !== undefined) options.onMessage(link, message);
            else link = introduce(connection, message, options, proof?.node);
          },
          onBinary: () => {
            throw new LinkProtocolError("a follower sends no binary message");
          },
          onClosed: (why) => {
            open.delete(connection);
            if (link !== undefined) options.onDown(link, why);
          },
        },
        options.liveness ?? linkLiveness,
      );
      open.add(connection);
    });
  };
  server.on("upgrade", onUpgrade);
  return () => {
    server.off("upgrade", onUpgrade);
    for (const connection of open) connection.close("closed here");
    sockets.close();
  };
}

function introduce(
  connection: Connection,
  message: ToLeader,
  options: ServeOptions,
  proved: NodeId | undefined,
): ServedLink | undefined {
  if (message.kind !== "introduce") throw new LinkProtocolError("the first message does not introduce");
  const { who } = message;
  if (proved !== undefined && proved !== who.node) {
    const sentence = `it introduced itself as ${who.node}, and its certificate is of ${proved}`;
    options.onTurnedAway(who.node, `${sentence}; ${ownCertificateOf(who.node)}`);
    connection.refuse(sentence);
    return undefined;
  }
  const foreign = whyForeign(options.me(), who);
  if (foreign !== undefined) {
    connection.send({ kind: "refused", code: foreign.state, sentence: foreign.sentence } satisfies ToFollower);
    options.onTurnedAway(who.node, foreign.sentence);
    void connection.drained().then(() => connection.close(foreign.sentence));
    return undefined;
  }
  const link: ServedLink = { peer: who, connection };
  connection.send({ kind: "introduced", who: options.me() } satisfies ToFollower);
  options.onUp(link);
  return link;
}
