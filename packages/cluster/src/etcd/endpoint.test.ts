import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import { Endpoint } from "./endpoint.ts";
import { Fleet } from "./fleet.ts";
import type { Ask } from "./fleet.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd({ members: 1 })));
afterAll(() => rig.stop());

const cell = new Int32Array(new SharedArrayBuffer(4));

const echoServer = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer((socket) => socket.pipe(socket));
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

test("an answer that lay in the socket at the deadline, while the thread stood still, is taken", async () => {
  const worker = new Worker(echoServer, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  const socket = connect(port, "127.0.0.1");
  const echo = (): Promise<unknown> => {
    socket.write("answer");
    return once(socket, "data");
  };
  const endpoint = new Endpoint(rig.endpoints[0] ?? "", { endpoints: rig.endpoints, cluster: "stands-still" });
  // From where a socket is read the loop comes to the deadline before it comes to the next answer.
  await echo();
  const answer = endpoint.call(150, () => {
    const answered = echo();
    Atomics.wait(cell, 0, 0, 400);
    return answered;
  });
  await expect(answer).resolves.toEqual([Buffer.from("answer")]);
  expect(endpoint.isSuspect).toBe(false);
  endpoint.close();
  socket.destroy();
  await worker.terminate();
});

test("gRPC gives up later than we do, because it does not read first", async () => {
  const endpoint = new Endpoint(rig.endpoints[0] ?? "", { endpoints: rig.endpoints, cluster: "stands-still" });
  const asked = Date.now();
  const deadline = await endpoint.call(1_000, (_client, options) => Promise.resolve(options.deadline));
  expect(deadline - asked).toBeGreaterThan(1_500);
  endpoint.close();
});

test("who is asked after the time is over, because the thread stood still, may still answer", async () => {
  const dead = "http://127.0.0.1:1";
  const fleet = new Fleet({ endpoints: [dead, ...rig.endpoints], cluster: "stands-still", callTimeoutMs: 150 });
  const [first, second] = fleet.endpoints;
  await second?.call(5_000, (client, options) => client.kv.range({ key: Buffer.from("nothing") }, options));
  second?.suspect();
  expect(fleet.ranked()[0]).toBe(first);
  const read: Ask<unknown> = (client, options) => client.kv.range({ key: Buffer.from("nothing") }, options);
  let asked = 0;
  await fleet.first("read", (client, options) => {
    asked += 1;
    if (asked > 1) return read(client, options);
    Atomics.wait(cell, 0, 0, 300);
    return new Promise(() => undefined);
  });
  expect(asked).toBe(2);
  fleet.close();
});
