import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { cpusOf, othersOf, takeOwnCpu } from "./own-cpu.ts";

const cpusOfThread = (thread: string): string =>
  /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/self/task/${thread}/status`, "utf8"))?.[1] ?? "";

test("a list of CPUs is read as the kernel writes it", () => {
  expect(cpusOf("0-3,8\n")).toEqual([0, 1, 2, 3, 8]);
  expect(cpusOf("5")).toEqual([5]);
});

test("a CPU that is not there, or is the only one, is refused by name", () => {
  expect(() => othersOf([0, 1], 7)).toThrow("node.mainCpu is 7; this process may use 0, 1");
  expect(() => othersOf([3], 3)).toThrow("no other CPU");
  expect(othersOf([0, 1, 2], 1)).toEqual([0, 2]);
});

test.runIf(process.platform === "linux")("the main thread has its CPU alone, threads made later included", async () => {
  const before = cpusOf(cpusOfThread(`${process.pid}`));
  expect(before.length, "this needs a second CPU").toBeGreaterThan(1);
  const [mainCpu = 0] = before;
  const warnings: string[] = [];
  const own = await takeOwnCpu(mainCpu, (sentence) => warnings.push(sentence));
  const worker = new Worker("setInterval(() => {}, 1000)", { eval: true });
  try {
    const isPlaced = (): boolean =>
      readdirSync("/proc/self/task").every((thread) => {
        const isMain = thread === `${process.pid}`;
        return isMain ? cpusOfThread(thread) === `${mainCpu}` : !cpusOf(cpusOfThread(thread)).includes(mainCpu);
      });
    await expect.poll(isPlaced, { timeout: 15_000 }).toBe(true);
    expect(warnings).toEqual([]);
  } finally {
    own[Symbol.dispose]();
    await worker.terminate();
  }
});
