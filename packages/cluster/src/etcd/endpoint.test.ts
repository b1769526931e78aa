import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EtcdRig } from "../../../../test/rig/etcd.ts";
import { startEtcd } from "../../../../test/rig/etcd.ts";
import { Endpoint } from "./endpoint.ts";
import { Fleet } from "./fleet.ts";

let rig: EtcdRig;
beforeAll(async () => void (rig = await startEtcd({ members: 1 })));
afterAll(() => rig.stop());

/** Nobody wakes it: who waits for it stands still for so long. */
const never = new Int32Array(new SharedArrayBuffer(4));

/** Echoes, and counts in the shared cell what it has handed to the kernel. */
const echoServer = `
  const { parentPort, workerData } = require("node:worker_threads");
  const echoed = () => {
    Atomics.add(workerData, 0, 1);
    Atomics.notify(workerData, 0);
  };
  const server = require("node:net").createServer((socket) => {
    socket.on("data", (bytes) => socket.write(bytes, echoed));
  });
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
`;

test("an answer that lay in the socket at the deadline, while the thread stood still, is taken", async () => {
  const echoes = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(echoServer, { eval: true, workerData: echoes });
  const [port] = (await once(worker, "message")) as [number];
  const socket = connect(port, "127.0.0.1");
  const echo = (): Promise<unknown> => {
    socket.write("answer");
    return once(socket, "data");
  };
  const endpoint = new Endpoint(rig.endpoints[0] ?? "", { endpoints: rig.endpoints, cluster: "stands-still" });
  // From where a socket is read the loop comes to the deadline before it comes to the next answer.
  await echo();
  while (Atomics.load(echoes, 0) < 1) await new Promise((resolve) => setImmediate(resolve));
  const answer = endpoint.call(150, () => {
    const answered = echo();
    // It stands still until the answer lies in the socket, and then beyond the deadline.
    expect(Atomics.wait(echoes, 0, 1, 30_000)).not.toBe("timed-out");
    Atomics.wait(never, 0, 0, 400);
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
  second?.suspect();
  expect(fleet.ranked()[0]).toBe(first);
  let asked = 0;
  const answer = await fleet.first("read", () => {
    asked += 1;
    // It takes a while; a process of its own might be held up for longer than it is waited for.
    if (asked > 1) return new Promise((resolve) => setTimeout(() => resolve("an answer"), 10));
    Atomics.wait(never, 0, 0, 300);
    return new Promise(() => undefined);
  });
  expect([answer, asked]).toEqual(["an answer", 2]);
  fleet.close();
});
