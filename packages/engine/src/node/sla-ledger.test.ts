import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { monoMs, type Config } from "@baton/core";
import { rigConfig } from "../testing/desk-rig.ts";
import { SlaLedger } from "./sla-ledger.ts";

let folder: string;
let troubles: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "baton-sla-"));
  troubles = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(): SlaLedger {
  const config = rigConfig();
  const [venue] = config.venues;
  const promised: Config = {
    ...config,
    node: { ...config.node, dataDir: folder },
    venues: [{ ...venue!, sla: { errorPercentMax: 10 } }],
  };
  return new SlaLedger(promised, (sentence) => troubles.push(sentence));
}

const asked = (health?: "well" | "ill"): Parameters<SlaLedger["note"]>[1] => ({
  call: "order.place",
  decidedMonoMs: monoMs(0),
  socketMonoMs: monoMs(5),
  answeredMonoMs: monoMs(12),
  result: "",
  ...(health !== undefined && { health }),
});

test("survives a restart: what was counted before counts on, beside the promise", () => {
  const before = open();
  for (let request = 0; request < 9; request += 1) before.note("sim", asked("well"));
  before.close();
  const after = open();
  after.note("sim", asked("ill"));
  after.note("sim", asked("ill"));
  after.note("sim", asked()); // never left: says nothing
  const [provider] = after.view().providers;
  expect(provider).toMatchObject({ venue: "sim", title: "Binance spot", promise: { errorPercentMax: 10 } });
  expect(provider?.months[0]).toMatchObject({ requests: 11, latencyP99Ms: 10 });
  expect(provider?.months[0]?.broken[0]).toContain("18.182 % of requests failed, promised 10 %");
  after.close();
  expect(troubles).toEqual([]);
});

test("a file that cannot be read is put aside and told, and counting begins anew", () => {
  writeFileSync(join(folder, "sla.json"), "half a fi");
  const ledger = open();
  expect(troubles).toHaveLength(1);
  expect(readFileSync(join(folder, "sla.json.unreadable"), "utf8")).toBe("half a fi");
  expect(ledger.view().providers[0]?.months).toEqual([]);
  ledger.close();
});
