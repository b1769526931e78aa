import { expect, test } from "vitest";
import { copyStanding } from "./durability.ts";

test("strict takes no new risk on one copy, available goes on and says what it costs", () => {
  expect(copyStanding({ durability: "strict", members: 2, nodes: 3 })).toEqual({
    copies: 2,
    mayTakeRisk: true,
    warning: undefined,
  });
  expect(copyStanding({ durability: "strict", members: 1, nodes: 3 })).toEqual({
    copies: 1,
    mayTakeRisk: false,
    warning: "durability is strict and no other node is in sync",
  });
  const alone = copyStanding({ durability: "available", members: 1, nodes: 2 });
  expect(alone).toMatchObject({ copies: 1, mayTakeRisk: true });
  expect(alone.warning).toContain("lost with this disk");
  expect(copyStanding({ durability: "available", members: 1, nodes: 1 }).warning).toContain("there is one node");
  expect(copyStanding({ durability: "available", members: 0, nodes: 2 }).copies).toBe(1);
});
