/**
 * Free ports on loopback for programs that are started later, and started again on the same port. They lie below the range
 * from which the system takes the near ends of outgoing connections: there any connection of a neighbour could take a port
 * while nobody listens on it. Another program that listens can still take one before it is bound.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import type { Server } from "node:net";

/** Linux begins that range at 32,768, others higher. */
const [lowest, end] = [15_000, 32_000];
const attemptsMax = 100;

/** Distinct free ports: all are held open until the last is known. Throws when none is found in a hundred attempts each. */
export async function freePorts(count: number): Promise<number[]> {
  const held: { readonly server: Server; readonly port: number }[] = [];
  try {
    while (held.length < count) held.push(await holdOne());
    return held.map(({ port }) => port);
  } finally {
    await Promise.all(held.map(({ server }) => once(server.close(), "close")));
  }
}

async function holdOne(): Promise<{ readonly server: Server; readonly port: number }> {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const port = randomInt(lowest, end);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
      return { server, port };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error(`no free port between ${lowest} and ${end} on loopback`);
}
