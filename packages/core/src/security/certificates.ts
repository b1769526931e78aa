/**
 * What a certificate says, and whether a node's own one serves. A client certificate stands for a person or program: the
 * subject's common name is the principal, its one organizational unit the role. A node's has the unit `node` and its node id
 * as common name; with it a node may link to the others and, as a client, only look. That a certificate is of the right
 * authority and in date is the TLS library's word; here is only what it then means.
 */
import type { NodeId } from "../ids.ts";
import { id } from "../ids.ts";

/** What a principal may do; an operator may trade, a trader may look. */
export type AccessRole = "viewer" | "trader" | "operator";

/** Who asks. Idempotency keys belong to the principal. */
export interface Principal {
  readonly name: string;
  readonly role: AccessRole;
}

/** The parts of a subject that count; each may occur several times in a certificate. */
export interface CertificateSubject {
  readonly commonNames: readonly string[];
  readonly units: readonly string[];
}

/** Whom a certificate stands for. `nobody`: it is genuine and names no one that Baton knows; the sentence says what is missing. */
export type CertificateHolder =
  | { readonly kind: "person"; readonly principal: Principal }
  | { readonly kind: "node"; readonly node: NodeId }
  | { readonly kind: "nobody"; readonly sentence: string };

/** The unit of node certificates. */
export const nodeUnit = "node";

const roles: readonly string[] = ["viewer", "trader", "operator"] satisfies readonly AccessRole[];

/** True for the name of a role. */
export function isRole(text: string): text is AccessRole {
  return roles.includes(text);
}

/** Reads a subject. Exactly one common name and one unit: of two, somebody would get the one that nobody meant. */
export function holderOf({ commonNames, units }: CertificateSubject): CertificateHolder {
  const [name, ...moreNames] = commonNames;
  const [unit, ...moreUnits] = units;
  if (name === undefined || moreNames.length > 0)
    return nobody(`a certificate with ${commonNames.length} common names names no principal: it needs exactly one`);
  const wanted = `its organizational unit (OU) must be viewer, trader, operator or ${nodeUnit}`;
  if (unit === undefined) return nobody(`the certificate of ${name} gives no role: ${wanted}`);
  if (moreUnits.length > 0) return nobody(`the certificate of ${name} gives ${units.join(" and ")}: one role each`);
  if (unit === nodeUnit) return { kind: "node", node: id<NodeId>(name) };
  if (isRole(unit)) return { kind: "person", principal: { name, role: unit } };
  return nobody(`the certificate of ${name} gives the role ${unit}, which is none: ${wanted}`);
}

/** What was read of a node's own certificate. */
export interface NodeCertificate {
  readonly subject: CertificateSubject;
  readonly notBeforeWallMs: number;
  readonly notAfterWallMs: number;
  /** Host names and addresses that it is for, as text. */
  readonly names: string;
  /** It covers the host under which others reach this node. */
  readonly coversHost: boolean;
  readonly isOfAuthority: boolean;
  /** The private key beside it is its key. */
  readonly hasKey: boolean;
  /** What it is restricted to; both when it is not. */
  readonly mayServe: boolean;
  readonly mayDial: boolean;
}

/** One thing that is wrong with it. `at`: the key of `api.tls` to look at. */
export interface CertificateFault {
  readonly at: "certFile" | "keyFile";
  readonly sentence: string;
  readonly allowed: string;
}

/** Everything for which other nodes or clients would refuse it: better said at the start than found at a takeover. */
export function certificateFaults(
  certificate: NodeCertificate,
  wanted: { readonly node: NodeId; readonly host: string; readonly nowWallMs: number },
): readonly CertificateFault[] {
  const { node, host, nowWallMs } = wanted;
  const faults: CertificateFault[] = [];
  const at = (sentence: string, allowed: string, key: CertificateFault["at"] = "certFile"): void =>
    void faults.push({ at: key, sentence, allowed });
  const holder = holderOf(certificate.subject);
  if (holder.kind !== "node" || holder.node !== node) {
    const { commonNames, units } = certificate.subject;
    const says = `CN ${commonNames.join(", ") || "none"}, OU ${units.join(", ") || "none"}`;
    at(`the subject is not this node's (${says})`, `CN=${node} and OU=${nodeUnit}`);
  }
  if (nowWallMs >= certificate.notAfterWallMs) at("it has expired", "one that is in date");
  if (nowWallMs < certificate.notBeforeWallMs)
    at("it is not valid yet", "one that is in date, and a clock that is right");
  if (!certificate.coversHost)
    at(`it is for ${certificate.names || "no host"}, and others dial ${host}`, `${host} among its alternative names`);
  if (!certificate.isOfAuthority) at("it is not signed by api.tls.caFile", "one of that authority");
  if (!certificate.mayServe || !certificate.mayDial)
    at("it is not for both ends of a link", "extended key usage with server and client authentication, or without any");
  if (!certificate.hasKey)
    at("it is not the key of api.tls.certFile", "the private key of that certificate", "keyFile");
  return faults;
}

function nobody(sentence: string): CertificateHolder {
  return { kind: "nobody", sentence };
}
