/** Asks etcd what the doctor wants to know; reads only. What it means is core's. */
import type { EtcdFacts } from "@baton/core";
import { connectEtcd } from "@baton/cluster";
import type { Etcd, EtcdAccess } from "@baton/cluster";
import { monoNow } from "../clock.ts";

const readsTimed = 7;

/** What etcd answered. Never rejects. */
export async function askEtcd(access: EtcdAccess): Promise<EtcdFacts> {
  await using etcd = connectEtcd(access);
  await etcd.warm();
  const [health, inquiry] = await Promise.all([etcd.status(), etcd.inquire()]);
  const { view, roundTripsMs } = await readings(etcd);
  return {
    endpoints: health.endpoints.map((each) =>
      each.isHealthy
        ? { url: each.endpoint, kind: "well", version: each.version, databaseBytes: each.databaseBytes }
        : { url: each.endpoint, kind: "ill", cause: shortOf(each.cause) },
    ),
    ...(inquiry.members.kind === "told" ? { members: inquiry.members.list } : { membersCause: inquiry.members.cause }),
    ...(inquiry.alarms.kind === "told" ? { alarms: inquiry.alarms.list } : { alarmsCause: inquiry.alarms.cause }),
    roundTripsMs,
    view,
  };
}

/** What went wrong, without the library's own words around it. */
function shortOf(cause: string): string {
  return cause
    .replace(/^\d+ [A-Z_]+: (?:No connection established\. Last error: (?:Error: )?)?/, "")
    .replace(/\.? Resolution note:.*$/, "");
}

/** The same linearizable read that a leader confirms itself with, a few times. */
async function readings(etcd: Etcd): Promise<Pick<EtcdFacts, "view" | "roundTripsMs">> {
  const roundTripsMs: number[] = [];
  let view: EtcdFacts["view"] = { kind: "unread", cause: "it was not asked" };
  for (let read = 0; read < readsTimed; read += 1) {
    const begun = monoNow();
    try {
      view = { kind: "read", view: await etcd.read() };
    } catch (error) {
      view = { kind: "unread", cause: error instanceof Error ? error.message : String(error) };
      break;
    }
    roundTripsMs.push(monoNow() - begun);
  }
  return { view, roundTripsMs };
}
