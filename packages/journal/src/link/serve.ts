/**
 * Being dialled: one WebSocket path on the node's own HTTP server. A connection first introduces itself; one of another
 * cluster or format is told so in a sentence and closed, before anything else is said.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { whyForeign } from "@baton/core";
import { WebSocketServer } from "ws";
import { Connection, linkLiveness, messageBytesMax } from "./connection.ts";
import type { Liveness } from "./connection.ts";
import { LinkProtocolError, decodeToLeader } from "./messages.ts";
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
  readonly liveness?: Liveness | undefined;
  readonly onUp: (link: ServedLink) => void;
  readonly onMessage: (link: ServedLink, message: ToLeader) => void;
  readonly onDown: (link: ServedLink, why: string) => void;
  /** Someone who may not join was turned away. */
  readonly onTurnedAway: (peer: Introduction, sentence: string) => void;
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
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      let link: ServedLink | undefined;
      const connection = new Connection(
        webSocket,
        {
          onText: (text) => {
            const message = decodeToLeader(text);
            if (link !== undefined) options.onMessage(link, message);
            else link = introduce(connection, message, options);
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

function introduce(connection: Connection, message: ToLeader, options: ServeOptions): ServedLink | undefined {
  if (message.kind !== "introduce") throw new LinkProtocolError("the first message does not introduce");
  const foreign = whyForeign(options.me(), message.who);
  if (foreign !== undefined) {
    connection.send({ kind: "refused", code: foreign.state, sentence: foreign.sentence } satisfies ToFollower);
    options.onTurnedAway(message.who, foreign.sentence);
    void connection.drained().then(() => connection.close(foreign.sentence));
    return undefined;
  }
  const link: ServedLink = { peer: message.who, connection };
  connection.send({ kind: "introduced", who: options.me() } satisfies ToFollower);
  options.onUp(link);
  return link;
}
