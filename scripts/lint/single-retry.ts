/**
 * ccxt must not retry and must not queue behind our backs.
 *
 * An order whose answer did not come is in doubt, and only resolution may decide what follows; ccxt's own retry would
 * send it again. Its own limiter would hold a request back after the last look at the permit. So neither may be turned
 * on anywhere: `maxRetriesOnFailure` is 0 and `enableRateLimit` is false wherever they are written.
 */
import type { Context, ESTree, Rule } from "@oxlint/plugins";

const ALLOWED: Readonly<Record<string, unknown>> = { maxRetriesOnFailure: 0, enableRateLimit: false };

/** Forbids any value but `0` for `maxRetriesOnFailure` and any but `false` for `enableRateLimit`. */
export const singleRetry: Rule = {
  create(context) {
    return {
      Property(node) {
        if (node.value.type !== "AssignmentPattern") check(context, node, node.key, node.value);
      },
      AssignmentExpression(node) {
        if (node.left.type === "MemberExpression") check(context, node, node.left.property, node.right);
      },
    };
  },
};

function check(context: Context, node: ESTree.Node, key: ESTree.Node, value: ESTree.Node): void {
  const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : "";
  if (!Object.hasOwn(ALLOWED, name)) return;
  if (value.type === "Literal" && value.value === ALLOWED[name]) return;
  context.report({
    node,
    message: `${name} may only be ${String(ALLOWED[name])}: a retry or a queue that the engine does not see.`,
  });
}
