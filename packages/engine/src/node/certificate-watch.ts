/**
 * The certificate of this node while it runs. Certificates are renewed on disk every few weeks: the files are looked at now
 * and then, new ones are checked like at the start and are in force for every connection from then on. A renewal that cannot
 * serve (half written, expired, for another host) is told once and the old certificate stays; what is open stays open.
 */
import { statSync } from "node:fs";
import type { ApiTls, NodeId } from "@baton/core";
import type { LinkSecurity } from "@baton/journal";
import { nodeOn } from "../api/presented.ts";
import { wallNow } from "../clock.ts";
import { readCertificates } from "../config/certificates.ts";
import type { Certificates, TlsIdentity } from "../config/certificates.ts";

export interface CertificateWatchOptions {
  readonly files: ApiTls;
  readonly node: NodeId;
  /** Under which the others dial this node. */
  readonly host: string;
  readonly say: (event: string, sentence: string) => void;
  readonly warn: (event: string, sentence: string) => void;
  /** How often the files are looked at; default 10 s. */
  readonly everyMs?: number;
}

/** One certificate in use and how long it lasts; negative: it has expired. */
export interface CertificateLife {
  readonly certificate: "node" | "authority";
  readonly seconds: number;
}

const everyMs = 10_000;
/** Certificates that are renewed in time never come so close to their end. */
const soonMs = 3 * 86_400_000;
const remindMs = 86_400_000;

export class CertificateWatch {
  readonly #o: CertificateWatchOptions;
  readonly #looking: NodeJS.Timeout;
  #now: Certificates;
  #seen: string;
  #onRenewed: (identity: TlsIdentity) => void = () => undefined;
  #remindedWallMs = 0;

  /** Throws `ConfigError` when the certificate cannot serve. */
  constructor(o: CertificateWatchOptions) {
    this.#o = o;
    this.#seen = marksOf(o.files);
    this.#now = this.#read();
    for (const warning of this.#now.warnings) o.warn("secret.open", warning);
    this.#remind();
    this.#looking = setInterval(() => this.#look(), o.everyMs ?? everyMs);
    this.#looking.unref();
  }

  get identity(): TlsIdentity {
    return this.#now.identity;
  }

  /** For the node's links. */
  get linkSecurity(): LinkSecurity {
    return { identity: () => this.identity, nodeOf: nodeOn };
  }

  /** Life of what is in use. */
  lives(): readonly CertificateLife[] {
    const left = (expiresWallMs: number): number => (expiresWallMs - wallNow()) / 1_000;
    return [
      { certificate: "node", seconds: left(this.#now.expiresWallMs) },
      { certificate: "authority", seconds: left(this.#now.authorityExpiresWallMs) },
    ];
  }

  /** Sets who is told of a new certificate. */
  onRenewed(listener: (identity: TlsIdentity) => void): void {
    this.#onRenewed = listener;
  }

  close(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    this.#remind();
    const marks = marksOf(this.#o.files);
    if (marks === this.#seen) return;
    this.#seen = marks;
    try {
      this.#now = this.#read();
      this.#onRenewed(this.identity);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const until = new Date(this.#now.expiresWallMs).toISOString();
      this.#o.warn("certificate.refused", `The new certificate is not used, the old one is until ${until}: ${why}`);
      return;
    }
    this.#remindedWallMs = 0;
    const until = new Date(this.#now.expiresWallMs).toISOString();
    this.#o.say("certificate.renewed", `The new certificate is in use, until ${until}.`);
  }

  #read(): Certificates {
    const { files, node, host } = this.#o;
    return readCertificates(files, { node, host, nowWallMs: wallNow() });
  }

  #remind(): void {
    const now = wallNow();
    if (now - this.#remindedWallMs < remindMs) return;
    for (const { certificate, seconds } of this.lives()) {
      if (seconds * 1_000 > soonMs) continue;
      this.#remindedWallMs = now;
      const hours = Math.floor(seconds / 3_600);
      const says = hours < 0 ? "has expired" : `expires in ${hours} h`;
      this.#o.warn(
        "certificate.expiring",
        `The ${certificate}'s certificate ${says}: new links and clients will fail.`,
      );
    }
  }
}

/** Changes whenever one of the files is written or replaced; a file that is missing is a change too. */
function marksOf(files: ApiTls): string {
  return [files.certFile, files.keyFile, files.caFile]
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return stat === undefined ? "missing" : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    })
    .join("; ");
}
