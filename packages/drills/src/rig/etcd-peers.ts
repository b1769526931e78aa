/**
 * The ways between etcd's members, so that one of them can be partitioned from the others while its clients still reach it
 * (or not). etcd wants one peer address per member, whoever dials; so one proxy stands before each member, and who has
 * dialled is told by the header that etcd's own transport sends first (`X-Server-From`). What of etcd carries no such
 * header (the question for its version) belongs to no pair, and is cut at the target alone.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** The proxies before all members. */
export interface PeerLinks {
  /** The peer URL to advertise for a member that listens at `target` (`host:port`). */
  open(member: string, target: string): Promise<string>;
  /** A member's id in etcd, hexadecimal as it stands in the header. Unknown until it runs. */
  know(member: string, id: string): void;
  /** Nothing passes between this member and the others any more, in either direction. */
  cut(member: string): void;
  /** Everything passes again; connections that lived through the cut are reset, because bytes of them are missing. */
  heal(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly to: string;
  /** Id in the header of the first request; undefined until it has been read, or where there is none. */
  from: string | undefined;
  readonly sockets: readonly Socket[];
}

const headerMax = 16_384;

/** No proxies yet; each member opens its own. */
export function peerLinks(): PeerLinks {
  const servers: Server[] = [];
  const pairs = new Set<Pair>();
  const idOf = new Map<string, string>();
  let cut: string | undefined;
  const isCut = ({ to, from }: Pair): boolean => cut !== undefined && (to === cut || from === idOf.get(cut));

  const accept = (member: string, target: string, client: Socket): void => {
    const at = target.lastIndexOf(":");
    const server = connect({ host: target.slice(0, at), port: Number(target.slice(at + 1)), noDelay: true });
    const pair: Pair = { to: member, from: undefined, sockets: [client, server] };
    pairs.add(pair);
    let head = "";
    client.on("data", (bytes) => {
      if (pair.from === undefined && head.length < headerMax) {
        head += bytes.toString("latin1");
        pair.from = /^X-Server-From: ([0-9a-f]+)\r$/im.exec(head)?.[1];
      }
      if (!isCut(pair)) server.write(bytes);
    });
    server.on("data", (bytes) => {
      if (!isCut(pair)) client.write(bytes);
    });
    for (const [one, other] of [[client, server] as const, [server, client] as const]) {
      one.unref();
      // Within a cut the other side notices nothing, as over a dead wire.
      one.on("error", () => undefined);
      one.on("close", () => {
        if (isCut(pair)) return;
        pairs.delete(pair);
        other.destroySoon();
      });
    }
  };

  return {
    async open(member, target) {
      const server = createServer({ noDelay: true }, (client) => accept(member, target, client));
      servers.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      server.unref();
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    know: (member, id) => void idOf.set(member, id),
    cut: (member) => void (cut = member),
    heal() {
      const silent = [...pairs].filter(isCut);
      cut = undefined;
      for (const pair of silent) {
        pairs.delete(pair);
        for (const socket of pair.sockets) socket.destroy();
      }
    },
    async close() {
      for (const { sockets } of pairs) for (const socket of sockets) socket.destroy();
      await Promise.all(servers.map((server) => once(server.close(), "close")));
    },
  };
}
