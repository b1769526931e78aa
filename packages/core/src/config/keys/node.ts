/** `cluster`, `node`, `api` and `log`: which node this is, of which cluster, and where it is reached. */
import { z } from "zod";
import type { NodeId } from "../../ids.ts";
import type { ApiConfig, ClusterConfig, LogConfig, NodeConfig, NodeTag, Opened } from "../config.ts";
import { address, allDefaults, choice, flag, named, path, whole } from "./forms.ts";

/** Which nodes there are meant to be. */
export const cluster: z.ZodType<ClusterConfig> = z
  .strictObject({
    name: named("the cluster's name; its keys in etcd start with /baton/<name>/"),
    nodes: z
      .array(named<NodeId>("a node id"))
      .min(1)
      .max(7)
      .describe("ids of every engine node of the cluster; a list of 1 to 7, the same on each"),
  })
  .describe("which cluster this node belongs to; {name, nodes}");

/** What sets this node apart from the others. */
export const node: z.ZodType<Opened<NodeConfig, "metro">> = z
  .strictObject({
    id: named<NodeId>("this node's name, one of cluster.nodes"),
    site: named("where it stands; nodes that can fail together share a site"),
    dataDir: path("folder of the journal; made when it is missing"),
    tags: z
      .array(choice<NodeTag>("a tag", ["no-failover"]))
      .describe("a list of: no-failover (never promoted by itself); default none")
      .default([]),
    priority: whole("of several promotable nodes the one with the higher number goes first", 0, 1_000, 100),
    realtime: flag(
      "let the thread that trades have a core before all ordinary ones (SCHED_FIFO), where the system permits it; for a host of its own",
      false,
    ),
    metro: z.exactOptional(named("the metro that the site is in, for leadership.siteRule; default: site")),
  })
  .describe("this node; {id, site, dataDir, tags, priority, realtime, metro}");

/** Where it is reached, and who may write. */
export const api: z.ZodType<Opened<ApiConfig, "advertise">> = z
  .strictObject({
    listen: address("where this node listens, for the API and the other nodes"),
    advertise: z.exactOptional(address("where the others and the clients reach it; default: listen")),
    tokensFile: z.exactOptional(path("file of bearer tokens, one line each: principal role token")),
    tls: z.exactOptional(
      z
        .strictObject({
          certFile: path("this node's certificate, for both ends: CN its node id, OU node, names what others dial"),
          keyFile: path("key of that certificate"),
          caFile: path(
            "authority that signs the nodes' certificates and those of clients (CN: the principal, OU: viewer, trader or operator)",
          ),
        })
        .describe(
          "TLS on the API and between the nodes, on every node or on none; read again when renewed; {certFile, keyFile, caFile}; default plain HTTP",
        ),
    ),
    allowLoopbackWithoutToken: flag("let anyone on this machine write without a token; for demonstrations only", false),
  })
  .describe("the HTTP API; {listen, advertise, tokensFile, tls, allowLoopbackWithoutToken}");

/** How much it says. */
export const log: z.ZodType<LogConfig> = z
  .strictObject({
    level: choice("least severe level that is logged", ["fatal", "error", "warn", "info", "debug", "trace"], "info"),
  })
  .describe("{level}")
  .prefault(allDefaults);
