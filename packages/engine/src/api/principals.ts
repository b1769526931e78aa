/**
 * Who may do what: reads are open to every role, orders need trader, operations need operator. A request without a token
 * may only come from this machine, and may write only where the configuration says so (demonstrations).
 */
import type { Principal, Role, Tokens } from "../config/secrets.ts";

const ranks: Readonly<Record<Role, number>> = { viewer: 0, trader: 1, operator: 2 };

/** True when the asker's role covers the right; an operator may trade, a trader may look. */
export function isAllowed(principal: Principal, right: Role): boolean {
  return ranks[principal.role] >= ranks[right];
}

/** The asker of a request, undefined when it may not even look. */
export function principalOf(
  request: { readonly authorization: string | undefined; readonly address: string },
  o: { readonly tokens: Tokens | undefined; readonly allowLoopbackWithoutToken: boolean },
): Principal | undefined {
  const token = /^Bearer +(\S+)$/i.exec(request.authorization ?? "")?.[1];
  if (token !== undefined) return o.tokens?.principalOf(token);
  if (!isLoopback(request.address)) return undefined;
  return { name: "local", role: o.allowLoopbackWithoutToken ? "operator" : "viewer" };
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
