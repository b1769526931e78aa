import { expect, test } from "vitest";
import { rejoinAdvice, rejoinStates } from "./rejoin-states.ts";

test("every state that does not end by itself says what to do, and one that needs nothing asks for nothing", () => {
  for (const [state, { needs, means, action }] of Object.entries(rejoinStates)) {
    const form =
      needs === "operator" || needs === "page" ? /^[A-Z].*\.$/u : needs === "nothing" ? /^$/u : /^$|^[A-Z].*\.$/u;
    expect([means, action], state).toEqual([expect.stringMatching(/^[A-Z].*\.$/u), expect.stringMatching(form)]);
  }
  expect(rejoinAdvice("in-sync")).toBe("The standby holds everything that the leader holds.");
  expect(rejoinAdvice("forked")).toContain("two histories were acknowledged. Start neither node again");
});
