import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { missing, parts, readRunbook, runRunbook } from "../runbooks/runbook.ts";

const folder = new URL("../../runbooks/", import.meta.url);
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));
const stage = { environment: { PATH: process.env["PATH"] ?? "", NAME: "b" }, troubles: {} };

describe("every runbook", () => {
  test("is named by the README, where somebody who has no time looks first", () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    expect(pages.filter((page) => !readme.includes(`(runbooks/${page})`))).toEqual([]);
  });

  test.each(pages)("%s has the ten parts, danger first", (name) => {
    expect(readRunbook(readFileSync(new URL(name, folder), "utf8")).headings).toEqual(parts);
  });

  test.each(pages)("%s tells what each command shows", (name) => {
    const { steps } = readRunbook(readFileSync(new URL(name, folder), "utf8"));
    const commands = steps.flatMap((step) => (step.kind === "block" ? step.commands : []));
    expect(commands.length).toBeGreaterThan(3);
    expect(commands.filter((command) => command.expected.length === 0)).toEqual([]);
  });

  test.each(pages)("%s leads only to pages that are there", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const links = [...text.matchAll(/\]\(([a-z-]+\.md)\)/g)].map((match) => match[1]);
    expect(pages).toEqual(expect.arrayContaining(links));
  });
});

describe("the reader of runbooks", () => {
  const block = (...lines: readonly string[]): string => ["```console", ...lines, "```"].join("\n");

  test("runs what the page says and is content when it sees what the page promises", async () => {
    const page = block('$ echo one; echo "two   $NAME"', "two $NAME", "$ exit 4", "[exit 4]");
    await expect(runRunbook(readRunbook(page), stage)).resolves.toBeUndefined();
  });

  test("fails with the line where the output or the status is another", async () => {
    await expect(runRunbook(readRunbook(block("$ echo one", "two")), stage)).rejects.toThrow(
      /line 2: .*\n"two" is not/,
    );
    await expect(runRunbook(readRunbook(block("$ exit 3", "x")), stage)).rejects.toThrow("ended with 3, not with 0");
  });

  test("wants expected lines in the page's order, with spaces and ellipses as wide as they must be", () => {
    const out = "trading    yes\nleader     b in epoch 7, by switchover\n";
    expect(missing(["trading yes", "leader $NAME in epoch …, by switchover"], out, { NAME: "b" })).toBeUndefined();
    expect(missing(["leader …", "trading yes"], out, {})).toContain("trading yes");
    expect(missing(["leader a …"], out, {})).toContain("leader a");
  });

  test("repeats a block with a deadline until it holds", async () => {
    const page = "```console until=10s\n$ test $(($(date +%s%N) / 1000000)) -gt $SOON && echo now\nnow\n```";
    const environment = { ...stage.environment, SOON: `${Date.now() + 300}` };
    await expect(runRunbook(readRunbook(page), { ...stage, environment })).resolves.toBeUndefined();
  });

  test("refuses blocks that would never be run, and trouble that nobody can make", async () => {
    expect(() => readRunbook("```sh\nrm -r /\n```")).toThrow("never run");
    expect(() => readRunbook("```console\n```")).toThrow("without a command");
    await expect(runRunbook(readRunbook("<!-- rehearsed: flood -->"), stage)).rejects.toThrow("flood");
  });

  test("gives the variables that a trouble left behind to the lines after it", async () => {
    const page = `<!-- rehearsed: lose -->\n${block('$ echo "$LOST is gone"', "$LOST is gone")}`;
    const lose = (): Promise<Record<string, string>> => Promise.resolve({ LOST: "c" });
    await expect(runRunbook(readRunbook(page), { ...stage, troubles: { lose } })).resolves.toBeUndefined();
  });
});
