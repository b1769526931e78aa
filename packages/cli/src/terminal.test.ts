import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { CliEnd } from "./exit.ts";
import { typedAt } from "./terminal.ts";

describe("the question for the cluster's name", () => {
  const ask = async (does: (input: PassThrough, detach: AbortController) => void): Promise<unknown> => {
    const input = new PassThrough();
    const detach = new AbortController();
    const asked = typedAt(input, new PassThrough(), "name: ", detach.signal).catch((error: unknown) => error);
    does(input, detach);
    return await asked;
  };

  test("is answered by what is typed", async () => {
    expect(await ask((input) => input.write("demo\n"))).toBe("demo");
  });

  test.each([
    ["the end of the input", (input: PassThrough) => void input.end()],
    ["Ctrl-C", (_input: PassThrough, detach: AbortController) => detach.abort()],
  ])("is answered by %s too: nothing is done, and that is said", async (_what, does) => {
    const end = await ask(does);
    expect(end).toBeInstanceOf(CliEnd);
    expect(end).toMatchObject({ exit: "refused", message: "nothing was typed: nothing was done." });
  });
});
