/** Listen keys on the futures venue, where they are the only way to an account's events: the API key alone says whose. */
import { noSuchKey, openListenKey } from "../calls/user-stream.ts";
import type { Call, KeyedScope } from "../gateway/call.ts";

/** `POST`, `PUT` and `DELETE /fapi/v1/listenKey`; the WebSocket API has them as `userDataStream.start`, `ping` and `stop`. */
export const listenKeyCalls: readonly Call[] = [
  openListenKey,
  { name: "userDataStream.ping", kind: "keyed", weight: () => 1, run: extend },
  { name: "userDataStream.stop", kind: "keyed", weight: () => 1, run: close },
];

function extend(scope: KeyedScope): unknown {
  const listenKey = present(scope);
  scope.desk.listenKeys.extend(listenKey);
  return { listenKey };
}

function close(scope: KeyedScope): unknown {
  scope.desk.listenKeys.end(present(scope), "closed");
  return {};
}

function present(scope: KeyedScope): string {
  scope.parameters.ignore("listenKey");
  scope.parameters.finish();
  const key = scope.desk.listenKeys.ofAccount(scope.key.account);
  if (key === undefined) throw noSuchKey();
  return key.listenKey;
}
