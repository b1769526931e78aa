/**
 * Opening, extending and closing listen keys, for which an API key is enough. Binance took them from spot on 2026-02-20;
 * they still answer here, because clients of that time know no other way to an account's events.
 */
import { badRequest, missing } from "../gateway/api-error.ts";
import type { Call, KeyedScope } from "../gateway/call.ts";

/** `POST /api/v3/userDataStream` */
export const openListenKey: Call = { name: "userDataStream.start", kind: "keyed", weight: () => 2, run: open };

/** `PUT /api/v3/userDataStream` */
export const extendListenKey: Call = { name: "userDataStream.ping", kind: "keyed", weight: () => 2, run: extend };

/** `DELETE /api/v3/userDataStream` */
export const closeListenKey: Call = { name: "userDataStream.stop", kind: "keyed", weight: () => 2, run: close };

function open(scope: KeyedScope): unknown {
  scope.parameters.finish();
  return { listenKey: scope.desk.listenKeys.open(scope.key).listenKey };
}

function extend(scope: KeyedScope): unknown {
  if (!scope.desk.listenKeys.extend(ownListenKey(scope))) throw noSuchKey();
  return {};
}

function close(scope: KeyedScope): unknown {
  if (!scope.desk.listenKeys.end(ownListenKey(scope), "closed")) throw noSuchKey();
  return {};
}

/** The key that the request names, if it is the account's own. */
function ownListenKey(scope: KeyedScope): string {
  const named = scope.parameters.text("listenKey");
  scope.parameters.finish();
  if (named === undefined) throw missing("listenKey");
  const found = scope.desk.listenKeys.find(named);
  if (found === undefined || found.account !== scope.key.account) throw noSuchKey();
  return named;
}

/** −1125 */
export function noSuchKey(): Error {
  return badRequest(-1125, "This listenKey does not exist.");
}
