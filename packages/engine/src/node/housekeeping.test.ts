import { expect, test } from "vitest";
import { isTogether } from "./housekeeping.ts";

const endpoints = ["http://10.0.0.1:2379", "http://10.0.0.2:2379", "http://10.0.0.3:2379"];

test("etcd's leader on the host of Baton's leader is told, elsewhere not, unknown is unknown", () => {
  const at = (leader: string | undefined) => isTogether({ endpoints, leader, address: "10.0.0.2:7070" });
  expect(at(endpoints[1])).toBe(true);
  expect(at(endpoints[0])).toBe(false);
  expect(at(undefined)).toBeUndefined();
});

test("on one machine for everything there is nowhere to move to", () => {
  const here = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  expect(isTogether({ endpoints: here, leader: here[0], address: "127.0.0.1:7070" })).toBe(false);
});
