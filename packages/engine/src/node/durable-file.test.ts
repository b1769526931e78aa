import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeDurably } from "./durable-file.ts";

test("a durable file has the newest text, and nothing is left beside it", () => {
  const folder = mkdtempSync(join(tmpdir(), "baton-durable-"));
  try {
    writeDurably(join(folder, "promise"), "4000");
    writeDurably(join(folder, "promise"), "16000");
    expect(readFileSync(join(folder, "promise"), "utf8")).toBe("16000");
    expect(readdirSync(folder)).toEqual(["promise"]);
    expect(() => writeDurably(join(folder, "nowhere", "promise"), "1")).toThrow("ENOENT");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
