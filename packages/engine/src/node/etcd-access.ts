/** The configuration's `etcd` group as the cluster room takes it: with the secrets read. */
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
