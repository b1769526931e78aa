import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wallMs } from "@baton/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LocalKills } from "./local-kills.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "baton-kills-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const venue = { level: "venue", id: "sim", by: "kim", reason: "drill", atWallMs: wallMs(5) } as const;
const cluster = { level: "cluster", by: "kim", reason: "drill", atWallMs: wallMs(6) } as const;

test("a kill told to a node is on its disk when it is acknowledged, and in force for its next boot", () => {
  new LocalKills(dir).add(venue);
  const next = new LocalKills(dir);
  expect(next.state).toMatchObject({ level: "venue", scopes: [{ ...venue, isLocal: true }] });
  next.add(cluster);
  expect(new LocalKills(dir).state.level).toBe("cluster");
});

test("what etcd has heard of is forgotten, and nothing else", () => {
  const kills = new LocalKills(dir);
  kills.add(venue);
  kills.add(cluster);
  kills.told({ ...cluster, atWallMs: wallMs(7) });
  expect(new LocalKills(dir).state.scopes).toMatchObject([{ level: "venue" }]);
  kills.told(venue);
  expect(new LocalKills(dir).state).toMatchObject({ level: "off", scopes: [] });
});

test("the same target again keeps its first author", () => {
  const kills = new LocalKills(dir);
  kills.add(venue);
  const before = readFileSync(join(dir, "kills.json"), "utf8");
  kills.add({ ...venue, by: "lee" });
  expect(readFileSync(join(dir, "kills.json"), "utf8")).toBe(before);
});

test.each(["{", "[]x", '[{"level":"everything"}]', '[{"level":"venue","by":"a","reason":"b","atWallMs":1}]'])(
  "a file that cannot be read kills the cluster: %s",
  (text) => {
    writeFileSync(join(dir, "kills.json"), text);
    expect(new LocalKills(dir).state).toMatchObject({ level: "cluster", by: "baton" });
  },
);

test("a disk that cannot be written is an error, and nothing is in force that would be forgotten", () => {
  writeFileSync(join(dir, "taken"), "");
  const kills = new LocalKills(join(dir, "taken"));
  expect(() => kills.add(venue)).toThrow("EEXIST");
  expect(kills.state.level).toBe("off");
});
