/**
 * What `core` may not spell, beyond the globals and properties that .oxlintrc.json bans there.
 *
 * A decision runs to its end in one turn and sees only its arguments. So core loads nothing while it runs (`import()`),
 * does not know where it lies (`import.meta`), and waits for nothing (`await`, `async`): a decision that could be
 * suspended would see another state when it goes on.
 */
import type { Rule } from "@oxlint/plugins";

const WAITING = "core may not wait (async, await): a decision runs to its end in one turn.";

/** Forbids dynamic imports, `import.meta` and asynchronous code. */
export const pure: Rule = {
  create(context) {
    return {
      ImportExpression: (node) =>
        context.report({ node, message: "core may not load code while it runs: dynamic import()." }),
      MetaProperty(node) {
        if (node.meta.name !== "import") return;
        context.report({ node, message: "core may not know where it lies: import.meta." });
      },
      AwaitExpression: (node) => context.report({ node, message: WAITING }),
      ForOfStatement(node) {
        if (node.await) context.report({ node, message: WAITING });
      },
      ":function[async=true]": (node) => context.report({ node, message: WAITING }),
    };
  },
};
