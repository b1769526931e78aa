/**
 * `etcd`, `leadership`, `replication` and `objectives`: who leads, how fast another takes over, and what it is held
 * against. Which of these timings contradict each other is in `../rules.ts`.
 */
import { z } from "zod";
import type { EtcdConfig, LeadershipConfig, ObjectivesConfig, Opened, ReplicationConfig } from "../config.ts";
import { address, allDefaults, choice, flag, httpUrl, named, path, text, whole } from "./forms.ts";

/** Who may lead, and the timings of its lease; the profile fills in those that were left out. */
export const leadership: z.ZodType<Opened<LeadershipConfig, "leaseTtlSeconds" | "keepaliveMs" | "marginMs">> = z
  .strictObject({
    profile: choice(
      "the distance between the etcd members; sets the three timings below",
      ["lan", "metro", "wan"],
      "metro",
    ),
    leaseTtlSeconds: z.exactOptional(whole("life of the leader's lease; default 2 (lan), 4 (metro), 8 (wan)", 2, 60)),
    keepaliveMs: z.exactOptional(whole("how often the lease is renewed; default 250, 500, 1000", 50, 10_000)),
    marginMs: z.exactOptional(
      whole("how long before the lease ends the leader stops; default 300, 500, 1000", 250, 10_000),
    ),
    preempt: flag("let an in-sync standby take over from a silent leader before its lease ends", true),
    yieldMs: whole(
      "how long a leader may be without the venue, or without any fresh price of it, while a standby has both",
      100,
      600_000,
      2_000,
    ),
    autofailover: choice(
      "what cluster init writes: on acts, observe only says what it would do, off does nothing",
      ["on", "observe", "off"],
      "on",
    ),
    siteRule: choice(
      "any: the best candidate takes over wherever it stands; same-metro: to cross metros needs an operator",
      ["any", "same-metro"],
      "any",
    ),
    failsafe: choice(
      "on: with etcd away a leader goes on while every in-sync standby promises, durably, not to take over",
      ["on", "off"],
      "off",
    ),
    onQuorumLoss: choice(
      "open orders when etcd has been away for half of what the lease leaves: left at the venue, or cancelled while it is allowed",
      ["leave", "cancel"],
      "leave",
    ),
    loop: z
      .strictObject({
        takeovers: whole("takeovers for one reason after which the next leader takes no new risk; 0: never", 0, 20, 3),
        deaths: whole("deaths of one node after which it is not promoted by itself; 0: never", 0, 8, 3),
        withinMs: whole("how far back both count", 1_000, 86_400_000, 600_000),
      })
      .describe("when losses are a loop, until baton acknowledge; {takeovers, deaths, withinMs}")
      .prefault(allDefaults),
  })
  .describe("who leads, and how fast another takes over")
  .prefault(allDefaults);

/** Where etcd is, and how this node shows who it is. */
export const etcd: z.ZodType<EtcdConfig> = z
  .strictObject({
    endpoints: z
      .array(text("an etcd endpoint", httpUrl, "an http or https URL, such as http://10.0.0.1:2379"))
      .min(1)
      .max(9)
      .describe("every member of the etcd cluster; a list of http or https URLs"),
    callTimeoutMs: whole("how long one etcd call may take", 50, 10_000, 1_000),
    tls: z.exactOptional(
      z
        .strictObject({
          caFile: path("certificate authority of etcd"),
          certFile: z.exactOptional(path("this node's certificate")),
          keyFile: z.exactOptional(path("key of that certificate")),
        })
        .describe("{caFile, certFile, keyFile}; needs https endpoints"),
    ),
    auth: z.exactOptional(
      z
        .strictObject({
          username: text("etcd user", /^\S{1,64}$/, "1 to 64 characters, no spaces"),
          passwordFile: path("file that holds the password"),
        })
        .describe("{username, passwordFile}"),
    ),
  })
  .describe("where etcd is; {endpoints, callTimeoutMs, tls, auth}");

/** The rhythm of the journal's links, and the silences that end a trust. */
export const replication: z.ZodType<ReplicationConfig> = z
  .strictObject({
    heartbeatMs: whole("how often the leader speaks to its standbys when it has nothing to ship", 10, 5_000, 50),
    silenceMs: whole(
      "silence of the leader after which an in-sync standby takes over on an even link: the least that the detector allows",
      100,
      60_000,
      1_000,
    ),
    silenceMaxMs: whole(
      "the most silence that the detector allows on an uneven link; the same as silenceMs makes it a constant",
      100,
      120_000,
      3_000,
    ),
    shrinkMs: whole("silence of a standby after which the leader removes it from the in-sync set", 50, 30_000, 300),
    peers: z
      .record(named("a node id"), address("address used for that node"))
      .describe("node id to host:port, where a node is not reached at the address it publishes; default none")
      .default({}),
  })
  .describe("the journal's way to the standbys")
  .prefault(allDefaults);

/** How long a gap may be: what drills and alerts compare with. */
export const objectives: z.ZodType<ObjectivesConfig> = objectivesOf({
  switchover: 250,
  processCrash: 500,
  hostLost: 1_500,
  standbyLost: 350,
});

function objectivesOf(rtoMs: Readonly<Record<keyof ObjectivesConfig, number>>): z.ZodType<ObjectivesConfig> {
  const objective = (what: string, fallback: number): z.ZodType<{ readonly rtoMs: number }> =>
    z.strictObject({ rtoMs: whole(what, 1, 3_600_000, fallback) }).prefault(allDefaults);
  return z
    .strictObject({
      switchover: objective("longest gap in trading of a planned switchover", rtoMs.switchover),
      processCrash: objective("longest gap after the leader's process died", rtoMs.processCrash),
      hostLost: objective("longest gap after the leader's host was lost or cut off", rtoMs.hostLost),
      standbyLost: objective("longest pause of orders when a standby is lost", rtoMs.standbyLost),
    })
    .describe("recovery times that drills and alerts compare with; scenario to {rtoMs}")
    .prefault(allDefaults);
}
