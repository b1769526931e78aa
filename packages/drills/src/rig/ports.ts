/** Free ports on loopback, asked of the operating system. Another program can still take one before it is bound. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Distinct free ports: all are held open until the last is known. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
