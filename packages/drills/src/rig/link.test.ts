import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { sever } from "./link.ts";

/** A connection on loopback, from its dialling side, and the server that took it. */
async function connected(): Promise<{ readonly socket: Socket; readonly ended: Promise<unknown> }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  const [taken] = (await once(server, "connection")) as [Socket];
  const ended = new Promise((resolve) => taken.resume().on("error", resolve).on("end", resolve));
  return { socket, ended };
}

test.each(["that stands", "that is just being shut down"])(
  "a connection %s is gone when it is severed",
  async (which) => {
    const { socket, ended } = await connected();
    if (which !== "that stands") {
      socket.end();
      // The shutdown is asked of the kernel in the next tick, and is under way until the loop turns.
      await new Promise<void>((resolve) => {
        process.nextTick(() => queueMicrotask(() => process.nextTick(resolve)));
      });
    }
    const gone = once(socket, "close");
    sever(socket);
    await gone;
    await ended;
    expect(socket.destroyed).toBe(true);
  },
);
