/**
 * Reads the files of `api.tls` and holds them against each other: what TLS is then opened with, or the list of everything
 * for which other nodes or clients would refuse this node (core says what that is). Nothing of a key enters an error.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { ApiTls, CertificateSubject, NodeCertificate, NodeId } from "@baton/core";
import { certificateFaults } from "@baton/core";
import { ConfigError } from "./load.ts";
import type { ConfigProblem } from "./load.ts";
import { readSecret } from "./secrets.ts";

/** What Node's TLS takes for either end; PEM texts. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly minVersion: "TLSv1.2";
}

/** A node's certificate, checked. */
export interface Certificates {
  readonly identity: TlsIdentity;
  readonly expiresWallMs: number;
  /** The first of the authorities to expire. */
  readonly authorityExpiresWallMs: number;
  /** One sentence for each file that others on this machine may read though they must not. */
  readonly warnings: readonly string[];
}

/** A group may read the key, since services run under users that come and go; nobody else may, and no group may write. */
const tooOpen = 0o037;

/** Throws `ConfigError` with everything that is wrong. `host`: under which the others dial this node. */
export function readCertificates(
  files: ApiTls,
  wanted: { readonly node: NodeId; readonly host: string; readonly nowWallMs: number },
): Certificates {
  const textOf = (file: string): string => readSecret(file).value;
  const texts = { cert: textOf(files.certFile), key: textOf(files.keyFile), ca: textOf(files.caFile) };
  const chain = certificatesIn(files.certFile, "certFile", texts.cert);
  const authorities = certificatesIn(files.caFile, "caFile", texts.ca);
  const [own] = chain;
  if (own === undefined) throw problems([problem(files.certFile, "certFile", "holds no certificate", "PEM")]);
  const read = nodeCertificate(own, { chain, authorities, key: keyOf(files.keyFile, texts.key), host: wanted.host });
  const faults = certificateFaults(read, wanted).map((fault) =>
    problem(files[fault.at], fault.at, `cannot serve: ${fault.sentence}`, fault.allowed),
  );
  if (faults.length > 0) throw problems(faults);
  const identity: TlsIdentity = { ...texts, minVersion: "TLSv1.2" };
  try {
    createSecureContext(identity);
  } catch (error) {
    const why = `is refused by OpenSSL (${error instanceof Error ? error.message : String(error)})`;
    throw problems([problem(files.certFile, "certFile", why, "a certificate and key of today's strength")]);
  }
  return {
    identity,
    expiresWallMs: own.validToDate.getTime(),
    authorityExpiresWallMs: Math.min(...authorities.map((each) => each.validToDate.getTime())),
    warnings:
      (statSync(files.keyFile).mode & tooOpen) === 0
        ? []
        : [`${files.keyFile} can be read or written by others on this machine: chmod 640 or 600 it.`],
  };
}

/** The subject of a certificate as Node shows it; a part that occurs twice is a list there. */
export function subjectOf(subject: Readonly<Partial<Record<"CN" | "OU", string | string[]>>>): CertificateSubject {
  const list = (part: string | string[] | undefined): readonly string[] =>
    part === undefined ? [] : Array.isArray(part) ? part : [part];
  return { commonNames: list(subject.CN), units: list(subject.OU) };
}

const clientAuthentication = "1.3.6.1.5.5.7.3.2";
const serverAuthentication = "1.3.6.1.5.5.7.3.1";

function nodeCertificate(
  own: X509Certificate,
  o: {
    readonly chain: readonly X509Certificate[];
    readonly authorities: readonly X509Certificate[];
    readonly key: ReturnType<typeof createPrivateKey>;
    readonly host: string;
  },
): NodeCertificate {
  const isAddress = /^[\d.]+$|:/.test(o.host);
  // Node's types call this an array; it is undefined where nothing restricts the key.
  const usages = own.keyUsage as readonly string[] | undefined;
  return {
    subject: subjectOf(own.toLegacyObject().subject),
    notBeforeWallMs: own.validFromDate.getTime(),
    notAfterWallMs: own.validToDate.getTime(),
    names: own.subjectAltName ?? "",
    coversHost: (isAddress ? own.checkIP(o.host) : own.checkHost(o.host)) !== undefined,
    isOfAuthority: isIssuedUnder(own, o.chain, o.authorities),
    hasKey: own.checkPrivateKey(o.key),
    mayServe: usages === undefined || usages.includes(serverAuthentication),
    mayDial: usages === undefined || usages.includes(clientAuthentication),
  };
}

/** Follows the issuers up, through what stands in the certificate's own file, to an authority. */
function isIssuedUnder(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): boolean {
  let below = leaf;
  for (let step = 0; step <= chain.length; step += 1) {
    const issued = (by: X509Certificate): boolean => below.checkIssued(by) && below.verify(by.publicKey);
    if (authorities.some(issued)) return true;
    const next = chain.find((each) => each !== below && issued(each));
    if (next === undefined) return false;
    below = next;
  }
  return false;
}

function certificatesIn(file: string, at: keyof ApiTls, text: string): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw problems([problem(file, at, "holds no certificate", "certificates as PEM")]);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw problems([problem(file, at, "holds something that is no certificate", "certificates as PEM")]);
  }
}

function keyOf(file: string, text: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(text);
  } catch {
    throw problems([problem(file, "keyFile", "holds no private key that can be read", "a key as PEM, no passphrase")]);
  }
}

function problem(file: string, at: keyof ApiTls, what: string, allowed: string): ConfigProblem {
  return { file, line: 1, key: `api.tls.${at}`, allowed, sentence: `api.tls.${at} ${what}.` };
}

function problems(list: readonly ConfigProblem[]): ConfigError {
  return new ConfigError(list);
}
