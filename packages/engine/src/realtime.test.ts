import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";

const run = promisify(execFile);
const module = new URL("./realtime.ts", import.meta.url).href;

/** In a process of its own, started by `under`: what is said, and the policy of each thread and of a child; 0 ordinary, 1 FIFO. */
async function becoming(
  o: { readonly under?: readonly string[]; readonly cores?: number; readonly path?: string } = {},
): Promise<{
  readonly said?: string;
  readonly main: number;
  readonly before: number;
  readonly later: number;
  readonly child: number;
}> {
  const program = `
    import { readFileSync, readdirSync } from "node:fs";
    import { execFileSync } from "node:child_process";
    import { Worker } from "node:worker_threads";
    import { becomeRealtime } from "${module}";
    const tasks = () => readdirSync("/proc/self/task");
    const policyOf = (file) => Number(readFileSync(file, "utf8").replace(/^.*\\) /s, "").split(" ")[38]);
    const idle = async () => {
      const had = new Set(tasks());
      const worker = new Worker("setInterval(() => undefined, 1000)", { eval: true });
      await new Promise((resolve) => worker.once("online", resolve));
      return tasks().filter((task) => !had.has(task));
    };
    const old = await idle();
    ${o.path === undefined ? "" : `process.env.PATH = "${o.path}";`}
    const said = await becomeRealtime(${o.cores ?? 2});
    const most = (tasks) => Math.max(...tasks.map((task) => policyOf("/proc/self/task/" + task + "/stat")));
    console.log(JSON.stringify({
      said,
      main: policyOf("/proc/self/task/" + process.pid + "/stat"),
      before: most(old),
      later: most(await idle()),
      child: Number(execFileSync("/bin/cat", ["/proc/self/stat"], { encoding: "utf8" }).replace(/^.*\\) /s, "").split(" ")[38]),
    }));
    process.exit();`;
  const args = [...(o.under ?? []), process.execPath, "--input-type=module", "--eval", program];
  return JSON.parse((await run("env", args)).stdout) as Awaited<ReturnType<typeof becoming>>;
}

const ordinary = { main: 0, before: 0, later: 0, child: 0 };

/** Whether this user may; as root in most test machines. */
async function mayBeRealtime(): Promise<boolean> {
  return run("chrt", ["--fifo", "1", "true"]).then(
    () => true,
    () => false,
  );
}

/** The policy of a process's main thread. */
function policyOf(pid: number | undefined): number {
  return Number(
    readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ")[38],
  );
}

/** On loopback, where nobody listens. */
async function freeAddress(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `127.0.0.1:${port}`;
}

describe.runIf(process.platform === "linux")("a thread that trades", () => {
  test("becomes a real-time thread alone where that is permitted, and is told of where it is not", async () => {
    const refused = { ...ordinary, said: expect.stringContaining("baton@.service.d") as string };
    const isPermitted = await mayBeRealtime();
    expect(await becoming()).toEqual(isPermitted ? { ...ordinary, main: 1 } : refused);
  });

  test.each([true, false])("of an engine is what node.realtime says: %s", async (realtime) => {
    const folder = mkdtempSync(join(tmpdir(), "baton-realtime-"));
    const listen = await freeAddress();
    const file = join(folder, "laptop.yaml");
    const example = readFileSync(new URL("../../../infra/config/laptop.yaml", import.meta.url), "utf8")
      .replace(/^( +)id: a .*$/m, `$&\n$1realtime: ${realtime}`)
      .replace("127.0.0.1:7071", listen)
      .replace(/^( +)# ((?:rest|ws)Url:)/gm, "$1$2");
    writeFileSync(file, example);
    const engine = spawn(process.execPath, [new URL("./engine-main.ts", import.meta.url).pathname, file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    engine.stdout.on("data", (text: Buffer) => (said += text.toString()));
    try {
      // It listens while it waits for etcd, of which there is none here.
      await vi.waitFor(() => fetch(`http://${listen}/live`), { timeout: 20_000, interval: 20 });
      const isPermitted = await mayBeRealtime();
      expect(policyOf(engine.pid)).toBe(realtime && isPermitted ? 1 : 0);
      expect(said.includes("threads.not-realtime")).toBe(realtime && !isPermitted);
    } finally {
      engine.kill("SIGKILL");
      await once(engine, "exit");
      rmSync(folder, { recursive: true });
    }
  });

  test("stays ordinary without the permission, and says what chrt said and where the permission is", async () => {
    // Nobody's right to real time is taken from the process, root's too.
    const { said, ...policies } = await becoming({
      under: ["setpriv", "--bounding-set", "-sys_nice", "prlimit", "--rtprio=0"],
    });
    expect(policies).toEqual(ordinary);
    expect(said).toMatch(/waits its turn.*Operation not permitted.*drop-in of the unit/);
  });

  test("stays ordinary on one core, and where chrt is missing", async () => {
    expect((await becoming({ cores: 1 })).said).toContain("one core");
    expect((await becoming({ path: "/nowhere" })).said).toContain("install util-linux");
  });
});
