import { expect, test } from "vitest";
import { checkMachine, StartRefused } from "./startup-checks.ts";

const wallMs = Date.UTC(2026, 6, 1);

test("a Node that is too old, or a wall clock that is before this program, refuses the start and names the number", () => {
  expect(() => checkMachine({ nodeVersion: "v22.11.0", wallMs })).toThrow(/Node v22\.11\.0 .* needs 24/);
  expect(() => checkMachine({ nodeVersion: "odd", wallMs })).toThrow(StartRefused);
  expect(() => checkMachine({ nodeVersion: "v24.0.0", wallMs: 0 })).toThrow(/1970-01-01.* later than 2026-01-01/);
});

test("a newer Node and a plausible clock pass", () => {
  expect(() => checkMachine({ nodeVersion: "v26.1.0", wallMs })).not.toThrow();
});
