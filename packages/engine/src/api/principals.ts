/**
 * Who may do what: reads are open to every role, orders need trader, operations need operator. Somebody proves who they are
 * by a bearer token, or over TLS by a client certificate of the node's authority; a token goes first, because it was sent on
 * purpose with this request. Whoever shows neither may only come from this machine, and may write only where the
 * configuration says so (demonstrations). Probes ask nobody who they are.
 */
import { holderOf } from "@baton/core";
import type { CertificateSubject, Principal, AccessRole } from "@baton/core";
import type { Tokens } from "../config/secrets.ts";

/** What the other end of a connection showed. `foreign`: a certificate, which proves nothing here. */
export type Presented =
  | { readonly kind: "nothing" }
  | { readonly kind: "foreign"; readonly why: string }
  | { readonly kind: "certificate"; readonly subject: CertificateSubject };

/** Who asks; or why they may not even look: 401 nobody proved anything, 403 it was proved and gives no right. */
export type Asker =
  | { readonly kind: "principal"; readonly principal: Principal }
  | { readonly kind: "refused"; readonly status: 401 | 403; readonly detail: string };

const ranks: Readonly<Record<AccessRole, number>> = { viewer: 0, trader: 1, operator: 2 };

/** True when the asker's role covers the right; an operator may trade, a trader may look. */
export function isAllowed(principal: Principal, right: AccessRole): boolean {
  return ranks[principal.role] >= ranks[right];
}

/** The asker of a request. */
export function askerOf(
  request: {
    readonly authorization: string | undefined;
    readonly address: string;
    readonly presented: Presented;
  },
  o: { readonly tokens: Tokens | undefined; readonly allowLoopbackWithoutToken: boolean },
): Asker {
  const unknown = "give a bearer token that this node knows, or a client certificate of its authority";
  const token = /^Bearer +(\S+)$/i.exec(request.authorization ?? "")?.[1];
  if (token !== undefined) {
    const principal = o.tokens?.principalOf(token);
    return principal === undefined ? refused(401, unknown) : { kind: "principal", principal };
  }
  const { presented } = request;
  if (presented.kind === "foreign") return refused(401, `the certificate proves nothing here: ${presented.why}`);
  const isLocal = isLoopback(request.address);
  const local: Asker = {
    kind: "principal",
    principal: { name: "local", role: o.allowLoopbackWithoutToken ? "operator" : "viewer" },
  };
  if (presented.kind === "nothing") return isLocal ? local : refused(401, unknown);
  const holder = holderOf(presented.subject);
  switch (holder.kind) {
    case "person":
      return { kind: "principal", principal: holder.principal };
    case "node":
      // Its links are how a node acts: as a client it only looks. On its own machine it is no less than whoever shows nothing.
      return isLocal ? local : { kind: "principal", principal: { name: holder.node, role: "viewer" } };
    case "nobody":
      return refused(403, holder.sentence);
  }
}

function refused(status: 401 | 403, detail: string): Asker {
  return { kind: "refused", status, detail };
}

function isLoopback(address: string): boolean {
  return address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
