/** What the other end of a connection showed of itself in the TLS handshake; the same for requests and for node links. */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { holderOf } from "@baton/core";
import type { NodeId } from "@baton/core";
import { subjectOf } from "../config/certificates.ts";
import type { Presented } from "./principals.ts";

/** A connection shows it once; every request on it is asked for it. */
const known = new WeakMap<Duplex, Presented>();

/** Reads the peer's certificate of a socket. A plain socket shows nothing. */
export function presentedOn(socket: Duplex): Presented {
  const before = known.get(socket);
  if (before !== undefined) return before;
  const presented = read(socket);
  known.set(socket, presented);
  return presented;
}

/** The node that the peer's certificate is of, or why it is of none: for node links. */
export function nodeOn(
  socket: Duplex,
): { readonly kind: "node"; readonly node: NodeId } | { readonly kind: "refused"; readonly sentence: string } {
  const presented = presentedOn(socket);
  if (presented.kind === "nothing") return refused("it showed no certificate, and node links need one");
  if (presented.kind === "foreign") return refused(`its certificate proves nothing here: ${presented.why}`);
  const holder = holderOf(presented.subject);
  if (holder.kind === "node") return holder;
  return refused(holder.kind === "nobody" ? holder.sentence : `${holder.principal.name} is no node (OU must be node)`);
}

function read(socket: Duplex): Presented {
  if (!isSecure(socket)) return { kind: "nothing" };
  // Node's types promise a certificate; without one it is an empty object, or null once the socket is gone.
  const shown = socket.getPeerCertificate() as {
    readonly subject?: Readonly<Record<string, string | string[]>>;
  } | null;
  if (shown?.subject === undefined) return { kind: "nothing" };
  if (!socket.authorized) return { kind: "foreign", why: whyForeign(String(socket.authorizationError)) };
  return { kind: "certificate", subject: subjectOf(shown.subject) };
}

function isSecure(socket: Duplex): socket is TLSSocket {
  return "getPeerCertificate" in socket;
}

function whyForeign(code: string): string {
  if (code === "CERT_HAS_EXPIRED") return "it has expired";
  if (code === "CERT_NOT_YET_VALID") return "it is not valid yet";
  if (code === "INVALID_PURPOSE") return "it is not for clients";
  return `it is not of the authority in api.tls.caFile (${code})`;
}

function refused(sentence: string): { readonly kind: "refused"; readonly sentence: string } {
  return { kind: "refused", sentence };
}
