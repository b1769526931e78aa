import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AuditRecord } from "@baton/core";
import { expect, test } from "vitest";
import { SignedClient } from "./testing/signed-client.ts";

const program = fileURLToPath(new URL("./main.ts", import.meta.url));

test("as a process it says where it listens, and ends cleanly at SIGTERM with every record on disk", async () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-exchange-"));
  const file = join(folder, "audit.jsonl");
  const words = ["--audit", file, "--keys", "ka:sa:desk,kb:sb:desk", "--uniqueness", "forever", "--flow-rate", "5"];
  const child = spawn(process.execPath, [program, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  try {
    const line = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data: Buffer) => resolve(data.toString())),
    );
    const { listening, port } = JSON.parse(line) as { listening: string; port: number };
    expect(listening).toBe(`http://127.0.0.1:${port}`);
    const a = new SignedClient(listening, { key: "ka", secret: "sa" });
    const b = new SignedClient(listening, { key: "kb", secret: "sb" });
    expect((await a.place("once")).status).toBe(200);
    await a.send("DELETE", "/api/v3/order", { symbol: "BTCUSDT", origClientOrderId: "once" });
    expect(JSON.parse((await b.place("once")).body)).toEqual({ code: -2010, msg: "Duplicate order sent." });
    child.kill("SIGTERM");
    expect(await exited).toBe(0);
    const records = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((one) => JSON.parse(one) as AuditRecord);
    expect(records.filter((one) => one.type === "accept").map((one) => one.apiKey)).toEqual(["ka"]);
    expect(records.filter((one) => one.type === "reject").map((one) => one.apiKey)).toEqual(["kb"]);
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each([
  [["--uniqueness", "sometimes"], '"sometimes" is not one of open-only, forever, none'],
  [["--mirror", "ws://127.0.0.1:1", "--symbols", "BTCUSDT"], "--mirror needs --mirror-rest URL"],
])("wrong options end it with status 2 and the reason: %j", async (options, reason) => {
  const child = spawn(process.execPath, [program, "--audit", "/dev/null", ...options], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data: Buffer) => (said += data.toString()));
  const status = await new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  expect(status).toBe(2);
  expect(said).toContain(reason);
});
