/**
 * Certificates for tests, made in the process that uses them: an authority of its own and what it signs, so that a test says
 * in one line what is wrong with a certificate (expired, of another authority, of another host). X.509 version 3 on P-256
 * as RFC 5280 lays it out; the keys are written nowhere but where a test puts them.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate and its key, both PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateWish {
  /** Common names and units of the subject, as many as are given. */
  readonly commonName?: string;
  readonly units?: readonly string[];
  readonly dnsNames?: readonly string[];
  /** IPv4 only. */
  readonly addresses?: readonly string[];
  /** Default: since an hour ago, for thirty days. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Extended key usages; default both, none: the extension is left out. */
  readonly usages?: readonly ("server" | "client")[];
}

/** An authority that signs what a test wishes for. */
export interface TestAuthority {
  readonly ca: string;
  issue(wish: CertificateWish): TestCertificate;
  /** An authority that this one has signed. */
  below(name: string): TestAuthority;
}

interface Above {
  readonly subject: Buffer;
  readonly key: KeyObject;
}

const hourMs = 3_600_000;

/** A new authority with a key of its own. */
export function testAuthority(name = "test authority"): TestAuthority {
  return authorityOf(name, undefined);
}

function authorityOf(name: string, above: Above | undefined): TestAuthority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = subjectOf({ commonName: name });
  const ca = certificate({
    issuer: above?.subject ?? issuer,
    subject: issuer,
    wish: {},
    publicKey,
    signedWith: above?.key ?? privateKey,
    extensions: [
      extension(oids.basicConstraints, der(0x30, der(0x01, Buffer.of(0xff))), true),
      // keyCertSign and cRLSign.
      extension(oids.keyUsage, der(0x03, Buffer.of(1, 0x06)), true),
    ],
  });
  return {
    ca,
    below: (below) => authorityOf(below, { subject: issuer, key: privateKey }),
    issue: (wish) => {
      const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const usages = (wish.usages ?? ["server", "client"]).map((usage) => oid(oids[usage]));
      const names = [
        ...(wish.dnsNames ?? []).map((each) => der(0x82, Buffer.from(each))),
        ...(wish.addresses ?? []).map((each) => der(0x87, Buffer.from(each.split(".").map(Number)))),
      ];
      const cert = certificate({
        issuer,
        subject: subjectOf(wish),
        wish,
        publicKey: pair.publicKey,
        signedWith: privateKey,
        extensions: [
          ...(usages.length === 0 ? [] : [extension(oids.extendedKeyUsage, der(0x30, ...usages))]),
          ...(names.length === 0 ? [] : [extension(oids.alternativeName, der(0x30, ...names))]),
        ],
      });
      return { cert, key: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
    },
  };
}

/** Writes a certificate, its key (private) and its authority into a folder; gives the paths as a configuration names them. */
export function writeCertificate(
  folder: string,
  made: TestCertificate,
  ca: string,
): { readonly certFile: string; readonly keyFile: string; readonly caFile: string } {
  mkdirSync(folder, { recursive: true });
  const files = {
    certFile: join(folder, "cert.pem"),
    keyFile: join(folder, "key.pem"),
    caFile: join(folder, "ca.pem"),
  };
  writeFileSync(files.certFile, made.cert);
  writeFileSync(files.keyFile, made.key, { mode: 0o600 });
  writeFileSync(files.caFile, ca);
  return files;
}

const oids = {
  commonName: "2.5.4.3",
  unit: "2.5.4.11",
  keyUsage: "2.5.29.15",
  alternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

function certificate(o: {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly wish: CertificateWish;
  readonly publicKey: KeyObject;
  readonly signedWith: KeyObject;
  readonly extensions: readonly Buffer[];
}): string {
  const algorithm = der(0x30, oid(oids.ecdsaWithSha256));
  const notBefore = o.wish.notBefore ?? new Date(Date.now() - hourMs);
  const notAfter = o.wish.notAfter ?? new Date(Date.now() + 720 * hourMs);
  const serial = randomBytes(16);
  // Positive, and its first byte is not zero.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = der(
    0x30,
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, serial),
    algorithm,
    o.issuer,
    der(0x30, time(notBefore), time(notAfter)),
    o.subject,
    o.publicKey.export({ type: "spki", format: "der" }),
    ...(o.extensions.length === 0 ? [] : [der(0xa3, der(0x30, ...o.extensions))]),
  );
  const signature = sign("sha256", body, o.signedWith);
  const whole = der(0x30, body, algorithm, der(0x03, Buffer.of(0), signature));
  const lines = whole.toString("base64").replace(/(.{64})/g, "$1\n");
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function subjectOf(wish: CertificateWish): Buffer {
  const part = (type: string, text: string): Buffer => der(0x31, der(0x30, oid(type), der(0x0c, Buffer.from(text))));
  return der(
    0x30,
    ...(wish.units ?? []).map((unit) => part(oids.unit, unit)),
    ...(wish.commonName === undefined ? [] : [part(oids.commonName, wish.commonName)]),
  );
}

function extension(type: string, value: Buffer, isCritical = false): Buffer {
  return der(0x30, oid(type), ...(isCritical ? [der(0x01, Buffer.of(0xff))] : []), der(0x04, value));
}

/** GeneralizedTime. */
function time(at: Date): Buffer {
  return der(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, "")));
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

/** Tag, length, content. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
