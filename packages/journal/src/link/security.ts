/**
 * How node links are made safe: TLS in both directions with certificates that name the node. The certificates and what they
 * mean are the engine's; here is only what a link needs of them, asked anew for each connection because they are renewed.
 */
import type { Duplex } from "node:stream";
import type { NodeId } from "@baton/core";

export interface LinkSecurity {
  /** PEM texts to dial with: this node's certificate and the authority that the peer must be of. */
  readonly identity: () => {
    readonly cert: string;
    readonly key: string;
    readonly ca: string;
    readonly minVersion: "TLSv1.2";
  };
  /** The node that the other end of a connection has proved to be, or why it is none. */
  readonly nodeOf: (
    socket: Duplex,
  ) => { readonly kind: "node"; readonly node: NodeId } | { readonly kind: "refused"; readonly sentence: string };
}

/** Header of a refused upgrade that says why, for the log of who dialled. */
export const refusalHeader = "baton-refusal";

/** What to do about a node that proves to be another one: for the log of either end. */
export function ownCertificateOf(node: NodeId): string {
  return `give ${node} a certificate of its own (CN=${node}, OU=node) in its api.tls.certFile`;
}

/** What to do where the other end believes nothing that this node shows. */
export const mendOwnCertificate =
  "mend api.tls.certFile here (baton doctor names what is wrong), or what the other end trusts (its api.tls.caFile)";

/** A sentence as the other end can take it: one line of so many plain characters. A common name can hold anything. */
export function plainLine(sentence: string, charactersMax: number): string {
  return sentence.replace(/[^\x20-\x7e]/g, "?").slice(0, charactersMax);
}

/**
 * Why a dial failed for what the two ends are, in a sentence for the operator; undefined for what passes by itself (a host
 * that is down, a network that is cut).
 */
export function misfitOf(error: NodeJS.ErrnoException, o: { readonly isSecure: boolean }): string | undefined {
  const { code = "", message } = error;
  if (o.isSecure) {
    if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" || code === "EPROTO")
      return "it speaks no TLS: api.tls is set here and not there";
    if (code === "CERT_HAS_EXPIRED") return "its certificate has expired";
    if (code === "CERT_NOT_YET_VALID") return "its certificate is not valid yet, or this machine's clock is wrong";
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is for another host (${message})`;
    if (/CERT|ISSUER|SIGNATURE/.test(code))
      return `its certificate is not of the authority in api.tls.caFile (${code})`;
    if (code.startsWith("ERR_SSL_")) return `no TLS connection: ${message}`;
  }
  return undefined;
}
