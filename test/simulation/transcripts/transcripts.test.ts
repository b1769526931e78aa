/**
 * The stories of the protocol, as text files that a person reads. A change of the protocol shows as a change of these
 * files: look at the difference, and take it with UPDATE_TRANSCRIPTS=1.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { etcdStories } from "./etcd-away.ts";
import { journalStories } from "./journals.ts";
import { transcript } from "./stage.ts";
import { switchoverStories } from "./switchovers.ts";
import { takeoverStories } from "./takeovers.ts";

const stories = [...takeoverStories, ...switchoverStories, ...journalStories, ...etcdStories];
const fileOf = (name: string): string => join(import.meta.dirname, `${name}.txt`);

describe("the stories are told as they stand in their files", () => {
  test.each(stories)("$name", (story) => {
    const told = transcript(story);
    if (process.env["UPDATE_TRANSCRIPTS"] === "1") writeFileSync(fileOf(story.name), told);
    expect(told).toBe(readFileSync(fileOf(story.name), "utf8"));
  });
});

test("every file has its story", () => {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith(".txt"));
  expect(files.toSorted()).toEqual(stories.map(({ name }) => `${name}.txt`).toSorted());
});
