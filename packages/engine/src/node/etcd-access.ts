/** The configuration's `etcd` group as the cluster room takes it: with the secrets read. */
import { readFileSync } from "node:fs";
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
        ca: readFileSync(tls.caFile),
        ...(tls.certFile !== undefined && { cert: readFileSync(tls.certFile) }),
        ...(tls.keyFile !== undefined && { key: readFileSync(tls.keyFile) }),
      },
    }),
    ...(auth !== undefined && { auth: { username: auth.username, password: readSecret(auth.passwordFile).value } }),
  };
}
