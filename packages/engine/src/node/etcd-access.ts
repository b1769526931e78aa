/** The configuration's `etcd` group as the cluster room takes it: with the secrets read. */
import { X509Certificate } from "node:crypto";
import type { ClusterConfig, EtcdConfig } from "@baton/core";
import type { EtcdAccess } from "@baton/cluster";
import { readSecret } from "../config/secrets.ts";

/** Throws `ConfigError` when a secret's file cannot be read. */
export function etcdAccessOf(config: { readonly cluster: ClusterConfig; readonly etcd: EtcdConfig }): EtcdAccess {
  const { endpoints, callTimeoutMs, tls, auth } = config.etcd;
  return {
    endpoints,
    cluster: config.cluster.name,
    callTimeoutMs,
    ...(tls !== undefined && {
      tls: {
        ca: readSecret(tls.caFile).value,
        ...(tls.certFile !== undefined && { cert: readSecret(tls.certFile).value }),
        ...(tls.keyFile !== undefined && { key: readSecret(tls.keyFile).value }),
      },
    }),
    ...(auth !== undefined && { auth: { username: auth.username, password: readSecret(auth.passwordFile).value } }),
  };
}

/** How long the certificate lasts that etcd is shown; it is read at the start only. None where there is none. */
export function etcdCertificateLives(
  { tls }: EtcdAccess,
  nowWallMs: number,
): readonly { readonly certificate: "etcd"; readonly seconds: number }[] {
  if (tls?.cert === undefined) return [];
  const expiresWallMs = new X509Certificate(tls.cert).validToDate.getTime();
  return [{ certificate: "etcd", seconds: (expiresWallMs - nowWallMs) / 1_000 }];
}
