import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { Connection } from "./connection.ts";

test("who waits for a connection that is being cut off waits for its end, and keeps nothing else from running", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const accepted = once(server, "connection");
  const peer = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  peer.on("error", () => undefined);
  const [socket] = (await accepted) as [WebSocket];
  await once(peer, "open");
  // A peer that does not read: most of this never leaves.
  peer.pause();
  let isClosed = false;
  const connection = new Connection(socket, {
    onText: () => undefined,
    onBinary: () => undefined,
    onClosed: () => (isClosed = true),
  });
  connection.sendBinary(Buffer.alloc(64 * 1024 * 1024));
  const first = connection.drained();
  connection.close("cut off");
  await first;
  let rounds = 0;
  while (connection.isOpen && rounds < 1_000) {
    await connection.drained();
    rounds += 1;
  }
  expect(isClosed).toBe(true);
  peer.terminate();
  server.close();
});
